"""The dates that an entry can name: each value that one had, from when until when, and the event that said so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import scan_of
from dataflows.core.history.quantities import line_key
from dataflows.core.predicates.parts import ParcelPart, PaymentPart
from dataflows.core.rules.user.subjects import Subject
from schemas.events import InventoryBackordered, OrderPlaced, Payment
from schemas.instants import earliest
from schemas.record import Record
from schemas.wire import micros


class DatedValue(NamedTuple):
    """A value of a date: it held from `since` until `until` (None: it still does)."""

    at: int
    since: int
    until: int | None
    record: Record
    label: str


Values = Callable[[Facts, Subject], Iterable[DatedValue]]


def values_of(name: str) -> Values:
    """The values that a date had."""
    part, _, field = name.partition(".")
    if part in ("order", "line"):
        return _promises(part, field)
    return {"parcel": _estimates, "payment": _expiries, "backorder": _backorders}[part]


def _promises(part: str, field: str) -> Values:
    def read(o: Facts, subject: Subject) -> Iterator[DatedValue]:
        deadline = o.ship_deadline if field == "ship_by" else o.promise_deadline
        value = _of_order(field) if part == "order" else _of_line(subject.key, field)
        for text, since, until, record in o.segments(value):
            if text is not None:
                yield DatedValue(deadline(text), since, until, record, f"{field.replace('_', ' ')} {text}")

    return read


def _of_order(field: str) -> Callable[[OrderPlaced], str | None]:
    return (lambda fields: fields.ship_by) if field == "ship_by" else (lambda fields: fields.promised_by)


def _of_line(key: str, field: str) -> Callable[[OrderPlaced], str | None]:
    """A line's own date, else the order's."""
    of_order = _of_order(field)

    def read(fields: OrderPlaced) -> str | None:
        for position, line in enumerate(fields.lines or ()):
            if line_key(line, position) == key:
                return cast("str | None", getattr(line, field)) or of_order(fields)
        return None

    return read


def _following(known: Sequence[tuple[int, Record, str]]) -> Iterator[DatedValue]:
    """Values of which each counts until the next one is said."""
    for position, (at, record, label) in enumerate(known):
        until = known[position + 1][1].at if position + 1 < len(known) else None
        yield DatedValue(at, record.at, until, record, label)


def _estimates(o: Facts, subject: Subject) -> Iterator[DatedValue]:
    stated = [(r, eta) for r in cast("ParcelPart", subject.part).parcel.estimates if (eta := scan_of(r).eta) is not None]
    return _following([(o.promise_deadline(eta), r, f"carrier's estimate {eta}") for r, eta in stated])


def _expiries(_: Facts, subject: Subject) -> Iterator[DatedValue]:
    part = cast("PaymentPart", subject.part)
    ended = earliest(part.first("payment.captured"), part.first("payment.voided"))
    stated = [(r, cast("Payment", r.event.data).expires_at) for r in part.records if r.event.type == "payment.authorized"]
    for dated in _following([(micros(at), r, "authorization expires") for r, at in stated if at is not None]):
        yield dated._replace(until=earliest(dated.until, ended))


def _backorders(o: Facts, _: Subject) -> Iterator[DatedValue]:
    stated = [(r, cast("InventoryBackordered", r.event.data).expected_at) for r in o.t.of("inventory.backordered")]
    return _following([(micros(at), r, "backorder expected") for r, at in stated if at is not None])
