"""One payment, one ID: an authorisation, its captures and their refunds are told under the same `payment_id`.

A step names at most the one before it: a refund its capture, the capture its authorisation. So each step that is called otherwise than its
payment is remembered with the ID of its payment, and a later step takes over what the one that it follows was given. Without that memory,
or where a step overtakes the one before it, a step goes by what it says itself; that its order is found does not hang on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sources.adapters.base import AdapterConnection
from sources.adapters.histories import HistoryStore, Remembered
from sources.adapters.output import Draft, PaymentStep


def united(
    drafts: Sequence[Draft], steps: Sequence[PaymentStep], memory: HistoryStore, connection: AdapterConnection
) -> tuple[list[Draft], dict[str, Remembered]]:
    """The events with the IDs of their payments, and what is to be remembered once they are durable."""
    known: dict[str, Remembered] = {}
    names: dict[tuple[str, str], str] = {}
    for one in _in_order(steps):
        payment = one.payment
        if one.follows is not None:
            key = _place(one.source, one.follows, connection)
            before = known.get(key) or memory.get(key)
            payment = next(iter(before.events), payment) if before is not None else payment
        names[one.source, one.event] = payment
        if one.step is not None and one.step != payment:
            known[_place(one.source, one.step, connection)] = Remembered(one.at, {payment: one.at}, {})
    return [_named(draft, names.get((draft["source"], draft["id"]))) for draft in drafts], known


def places(steps: Iterable[PaymentStep], connection: AdapterConnection) -> set[str]:
    """The keys under which these steps are, and are to be, remembered."""
    return {_place(one.source, name, connection) for one in steps for name in (one.step, one.follows) if name is not None}


def _place(source: str, step: str, connection: AdapterConnection) -> str:
    return f"{connection.tenant} {source} payment/{step}"


def _in_order(steps: Sequence[PaymentStep]) -> Iterator[PaymentStep]:
    """Each after the one that it follows, as far as that is among them."""
    waiting = list(steps)
    while waiting:
        names = {one.step for one in waiting if one.step is not None}
        ready = [one for one in waiting if one.follows not in names or one.follows == one.step]
        yield from ready or waiting
        waiting = [one for one in waiting if one not in ready] if ready else []


def _named(draft: Draft, payment: str | None) -> Draft:
    if payment is None or draft["data"].get("payment_id") in (None, payment):
        return draft
    return {**draft, "data": {**draft["data"], "payment_id": payment}}
