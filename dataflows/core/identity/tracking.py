"""Tracking numbers: one may carry several orders (freight), and carriers use them again once a parcel has ended."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from dataflows.core.identity.recent import AliasTable
from schemas.instants import NEVER


class TrackingHolder(NamedTuple):
    """An order that holds a tracking number since an instant (µs, by event time); `labelled`: a label or hand-over said so."""

    order: str
    since: int
    labelled: bool


class TrackedParcel(NamedTuple):
    """A tracking number with a past: its holders, when their parcel ended, and who held it before, until when."""

    holders: tuple[TrackingHolder, ...]
    ended: int | None = None
    former: tuple[tuple[str, int], ...] = ()


Numbers = AliasTable[str | bytes]
"""Of each tracking number the order that holds it or, where more is to be known, a `TrackedParcel` as bytes: that takes a third of the
memory of its objects, and there is one for each parcel that has ended, mostly asked for no more."""
pack = msgspec.msgpack.Encoder().encode
"""A tracked parcel as bytes: stored data, an array as the class has its fields."""
_unpack = msgspec.msgpack.Decoder(TrackedParcel).decode


def tie(numbers: Numbers, number: str, order: str, at: int, *, labelled: bool) -> bool:
    """Ties a number to an order by an event at `at`; says whether that is a reuse to report.

    The number is reused if its parcel had been delivered or returned before and a label or a hand-over names it anew; from then on it is
    the new order's only. Whatever else names it says no more than that the parcel is of this order, too: a label that comes after the end
    of a parcel that was said to be its own takes nothing over.
    """
    known = _known(numbers, number)
    if known is None:
        numbers.learn(number, order)
        return False
    if isinstance(known, str):
        if known == order:
            return False
        known = TrackedParcel((TrackingHolder(known, NEVER, labelled=True),))
    holder = next((holder for holder in known.holders if holder.order == order), None)
    since = at if holder is None else min(at, holder.since)
    if holder is not None and (holder.labelled or (not labelled and since == holder.since)):
        return False
    others = tuple(other for other in known.holders if other is not holder)
    if labelled and known.ended is not None and known.ended < since and others:
        former = known.former + tuple((old.order, at) for old in others)
        _learn(numbers, number, TrackedParcel((TrackingHolder(order, at, labelled),), None, former))
        return True
    if holder is not None or all(order != before for before, _ in known.former):
        _learn(numbers, number, known._replace(holders=(*others, TrackingHolder(order, since, labelled))))
    return False


def new_to(numbers: Numbers, number: str, order: str) -> bool:
    """Whether a number has holders, and this order is none of them and never was."""
    known = _known(numbers, number)
    if known is None or isinstance(known, str):
        return known is not None and known != order
    return all(order != holder.order for holder in known.holders) and all(order != before for before, _ in known.former)


def holds(known: str | bytes, order: str) -> bool:
    """Whether an order holds a number of which this is known, or held it."""
    if isinstance(known, str):
        return known == order
    parcel = _unpack(known)
    return any(holder.order == order for holder in parcel.holders) or any(former == order for former, _ in parcel.former)


def formers(numbers: Numbers, number: str) -> tuple[str, ...]:
    """The orders that held a number before those that hold it now."""
    known = _known(numbers, number)
    return () if known is None or isinstance(known, str) else tuple(dict.fromkeys(order for order, _ in known.former))


def holders(numbers: Numbers, number: str, at: int) -> tuple[str, ...]:
    """The orders that an event at `at` with this number belongs to; none if it is not tied."""
    known = _known(numbers, number)
    if known is None:
        return ()
    if isinstance(known, str):
        return (known,)
    handover = min((until for _, until in known.former if at < until), default=None)
    if handover is not None:
        return tuple(order for order, until in known.former if until == handover)
    return tuple(holder.order for holder in known.holders)


def end(numbers: Numbers, number: str, at: int) -> tuple[TrackingHolder, ...]:
    """A parcel was delivered or returned at `at`; returns the holders of whom this tells that they use the number again."""
    known = _known(numbers, number)
    if known is None:
        return ()
    if isinstance(known, str):
        known = TrackedParcel((TrackingHolder(known, NEVER, labelled=True),))
    if any(at < until for _, until in known.former):
        return ()
    ended = at if known.ended is None else min(at, known.ended)
    since = [holder.since for holder in known.holders if holder.labelled and holder.since > ended]
    handover = min(since, default=ended)
    again = tuple(holder for holder in known.holders if holder.since >= handover)
    if not since or len(again) == len(known.holders):
        _learn(numbers, number, known._replace(ended=ended))
        return ()
    former = known.former + tuple((old.order, handover) for old in known.holders if old not in again)
    _learn(numbers, number, TrackedParcel(again, None, former))
    return tuple(holder for holder in again if holder.labelled)


def _known(numbers: Numbers, number: str) -> str | TrackedParcel | None:
    known = numbers.known(number)
    return _unpack(known) if isinstance(known, bytes) else known


def _learn(numbers: Numbers, number: str, parcel: TrackedParcel) -> None:
    numbers.learn(number, pack(parcel))
