"""What a source no longer says is withdrawn: histories are compared with what the same source said of the same thing before.

Trackers send the whole history every time, late, twice and in any order. A history speaks for the time from its own first event on: what
lies before that was cut off by the source, not withdrawn. Of two histories that speak for the same time the one that was said later is
right, whichever arrives first: what only the other one says did not occur, and an `evidence.withdrawn` says so. Two that were said at the
same instant are both right. A history without events says nothing.

What only a history says that comes too late is withdrawn, and told for completeness, in this order: it was perhaps told before and not
remembered, and a withdrawal names an event that was told, in any case.

A cancellation of an order is not withdrawn (`History.cancels`): that it is no longer said is an `order.reinstated`, and one that comes back
is another one.

An event that comes back after it was withdrawn gets an ID of its own (`scan-1f~1`), since the engine knows the old one as withdrawn for
good. So a source may correct itself as often as it likes; a scan whose time, status or place is corrected is another scan.

`settle` is a function of what is remembered and what is told; whoever keeps the memory saves it after the events are durable. If the last
save is lost, the same history gives the same events again. If more is lost, still nothing is told that the source has not said, and
nothing that was withdrawn comes back; but what the source took back in between stays, and so does what comes back after it was withdrawn
before the loss: it stays withdrawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from sources.adapters.base import AdapterConnection, dataschema
from sources.adapters.moments import stamp
from sources.adapters.output import Draft, History

MOST = 5_000
"""Most events of one thing that are remembered; the longest histories in the field have some hundreds. The earliest are forgotten."""
MOST_SPOKEN = 32
"""Most stretches of time that are told apart. More than one there is only where a source cuts off what is old."""


class Spoken(NamedTuple):
    """The history said at `stated_at` speaks for the time from `since` on."""

    since: datetime
    stated_at: datetime


class Remembered(NamedTuple):
    """What is known of one thing.

    `stated_at`: when the source stated the latest of its histories. `events`: what counts now, with its times. `withdrawn`: how often each
    withdrawn event was withdrawn. `spoken`: which history covers which time, each until the next, both fields ascending; a store that does
    not keep it takes the latest history to cover all `events`.
    """

    stated_at: datetime
    events: dict[str, datetime]
    withdrawn: dict[str, int]
    spoken: tuple[Spoken, ...] = ()


class HistoryStore(Protocol):
    """Where histories are remembered, by source and key."""

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        ...


def settle(
    drafts: Sequence[Draft], histories: Sequence[History], memory: HistoryStore, connection: AdapterConnection
) -> tuple[list[Draft], dict[str, Remembered]]:
    """The events to write for what one payload told, and what is to be remembered once they are durable."""
    known: dict[str, Remembered] = {}
    owner: dict[tuple[str, str], str] = {}
    withdrawals: list[Draft] = []
    late: set[tuple[str, str]] = set()
    for history in histories:
        if not 0 < len(history.events) <= MOST:
            continue
        key = place(history, connection)
        before = _whole(known.get(key) or memory.get(key) or Remembered(history.stated_at, {}, {}))
        known[key] = after = _with(before, history)
        for id_, time in sorted((before.events | history.events).items()):
            times = after.withdrawn.get(id_, 0)
            if times > before.withdrawn.get(id_, 0):
                stated_at = _stated_at(after.spoken, time) or history.stated_at
                tell = _reinstatement if history.cancels and id_.startswith(history.cancels) else _withdrawal
                draft = tell(renewed(id_, times - 1), stated_at, history, connection)
                if not connection.omits(draft["type"]):
                    withdrawals.append(draft)
                if id_ not in before.events:
                    late.add((history.source, id_))
        owner |= dict.fromkeys(((history.source, id_) for id_ in history.events), key)
    found: list[Draft] = []
    overtaken: list[Draft] = []
    for draft in drafts:
        owned = owner.get((draft["source"], draft["id"]))
        if owned is None:
            found.append(draft)
        elif draft["id"] in known[owned].events:
            found.append({**draft, "id": renewed(draft["id"], known[owned].withdrawn.get(draft["id"], 0))})
        elif (draft["source"], draft["id"]) in late:
            overtaken.append(draft)
    return found + withdrawals + overtaken, {key: _clipped(one) for key, one in known.items()}


def place(history: History, connection: AdapterConnection) -> str:
    """The key under which a history is remembered: tenant, source and thing."""
    return f"{connection.tenant} {history.source} {history.key}"


def renewed(id_: str, times: int) -> str:
    """The ID of an event that came back after it had been withdrawn so many times; the first one has none of it."""
    return f"{id_}~{times}" if times else id_


def _with(before: Remembered, history: History) -> Remembered:
    """What is known once a history (of at least one event) was told."""
    since, stated_at = history.since or min(history.events.values()), history.stated_at
    events: dict[str, datetime] = {}
    for id_, time in before.events.items():
        other = _stated_at(before.spoken, time)
        if time < since or id_ in history.events or (other is not None and other >= stated_at):
            events[id_] = time
    for id_, time in history.events.items():
        other = _stated_at(before.spoken, time)
        if other is None or stated_at >= other:
            events[id_] = time
    withdrawn = dict(before.withdrawn)
    for id_ in before.events | history.events:
        # What only an older history says was perhaps told before the memory was lost: it is withdrawn once all the same.
        if id_ not in events and (id_ in before.events or id_ not in withdrawn):
            withdrawn[id_] = withdrawn.get(id_, 0) + 1
    return Remembered(max(stated_at, before.stated_at), events, withdrawn, _spoken(before.spoken, Spoken(since, stated_at)))


def _whole(one: Remembered) -> Remembered:
    if one.spoken or not one.events:
        return one
    return one._replace(spoken=(Spoken(min(one.events.values()), one.stated_at),))


def _stated_at(spoken: tuple[Spoken, ...], time: datetime) -> datetime | None:
    """When the history that speaks for a time was said; None if none does."""
    return next((one.stated_at for one in reversed(spoken) if one.since <= time), None)


def _spoken(before: tuple[Spoken, ...], new: Spoken) -> tuple[Spoken, ...]:
    if any(one.since <= new.since and one.stated_at >= new.stated_at for one in before):
        return before
    return tuple(sorted((*(one for one in before if one.since < new.since or one.stated_at > new.stated_at), new)))


def _clipped(one: Remembered) -> Remembered:
    """The same within bounds: what is earliest, or was withdrawn first, is forgotten."""
    if len(one.spoken) <= MOST_SPOKEN and len(one.events) <= MOST and len(one.withdrawn) <= MOST:
        return one
    latest = sorted(one.events.items(), key=lambda event: event[1])[-MOST:]
    return Remembered(one.stated_at, dict(latest), dict([*one.withdrawn.items()][-MOST:]), one.spoken[-MOST_SPOKEN:])


def _reinstatement(cancel: str, stated_at: datetime, history: History, connection: AdapterConnection) -> Draft:
    """The order is wanted again: its cancellation is no longer said, and did occur."""
    return _said(f"reinstated-{cancel}", "order.reinstated", {}, stated_at, history, connection)


def _withdrawal(event: str, stated_at: datetime, history: History, connection: AdapterConnection) -> Draft:
    named = {"event_id": event, "event_source": history.source}
    return _said(f"withdrawn-{event}", "evidence.withdrawn", named, stated_at, history, connection)


def _said(id_: str, type_: str, data: dict[str, str], stated_at: datetime, history: History, connection: AdapterConnection) -> Draft:
    draft: Draft = {
        "specversion": "1.0",
        "id": id_,
        "source": history.source,
        "type": type_,
        "time": stamp(stated_at),
        "recordedtime": stamp(stated_at),
        "tenant": connection.tenant,
        "dataschema": dataschema(type_),
        "data": dict(data),
    }
    if history.tracking is not None:
        draft["data"]["tracking_number"] = history.tracking
    if history.alias is not None:
        draft["data"]["order_alias"] = history.alias
    if history.order is not None and not connection.order_is_alias:
        draft["subject"] = history.order
    return draft
