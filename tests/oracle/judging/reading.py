"""Plain JSON events, read for judging: instants in microseconds since the epoch (UTC), amounts as decimals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import cast

from tests.oracle.judging.identifiers import DEFAULT, normalised, order_id

Json = Mapping[str, object]

NEVER = 1 << 62
"""Later than every instant: the end of what does not end."""
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
OUT_OF_ORDERNESS = HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """The aware `moment` in microseconds since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def instant(text: str) -> int:
    """An RFC 3339 instant in microseconds since the epoch."""
    return micros(datetime.fromisoformat(text))


def text(data: Json, name: str) -> str | None:
    """The field as text; absent, null, empty or of another type: none."""
    value = data.get(name)
    return value if isinstance(value, str) and value else None


def mapping(data: Json, name: str) -> Json:
    """The field as an object; absent: an empty one."""
    value = data.get(name)
    return cast("Json", value) if isinstance(value, Mapping) else {}


def items(data: Json, name: str) -> list[object]:
    """The field as a list; absent: an empty one."""
    value = data.get(name)
    return list(cast("Iterable[object]", value)) if isinstance(value, list) else []


def number(data: Json, name: str) -> Decimal | None:
    """The field as a decimal; absent or no number: none."""
    value = data.get(name)
    if value is None or isinstance(value, bool):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency."""

    amount: Decimal
    currency: str


def money(data: Json, name: str) -> Money | None:
    """The field as money; absent or incomplete: none."""
    value = mapping(data, name)
    amount, currency = number(value, "amount"), text(value, "currency")
    return None if amount is None or currency is None else Money(amount, currency)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order or of an event."""

    line_id: str | None
    sku: str | None
    quantity: Decimal | None
    ship_by: str | None
    promised_by: str | None
    method: str | None = None
    parent: str | None = None
    components: tuple[tuple[str, Decimal], ...] = ()
    """What one piece of a kit consists of: SKUs and quantities."""

    @property
    def key(self) -> str:
        """What identifies the line: its ID, else its SKU."""
        return self.line_id or self.sku or ""


def lines_of(data: Json) -> list[Line]:
    """The `lines` of an order or an event."""
    found = [cast("Json", item) for item in items(data, "lines") if isinstance(item, Mapping)]
    return [
        Line(
            text(line, "line_id"),
            text(line, "sku"),
            number(line, "quantity"),
            text(line, "ship_by"),
            text(line, "promised_by"),
            text(line, "method"),
            text(line, "parent_line_id"),
            _components(line),
        )
        for line in found
    ]


def _components(line: Json) -> tuple[tuple[str, Decimal], ...]:
    found = [cast("Json", item) for item in items(line, "components") if isinstance(item, Mapping)]
    pieces = [(text(one, "sku"), number(one, "quantity")) for one in found]
    return tuple((sku, Decimal(1) if quantity is None else quantity) for sku, quantity in pieces if sku and quantity != 0)


@dataclass(frozen=True, slots=True)
class Event:
    """One event with its place in the log: `at` is when it happened, `log` when it was appended."""

    at: int
    source: str
    id: str
    log: int
    place: int
    type: str
    tenant: str
    subject: str | None
    data: Json

    def text(self, name: str) -> str | None:
        """A text field of `data`."""
        return text(self.data, name)

    @property
    def lines(self) -> list[Line]:
        """The lines that the event speaks of."""
        return lines_of(self.data)

    @property
    def numbers(self) -> list[str]:
        """All tracking numbers that the event names."""
        single = self.text("tracking_number")
        before = self.text("replaces_number")
        several = [one for one in items(self.data, "tracking_numbers") if isinstance(one, str) and one]
        return list(dict.fromkeys([*([single] if single else []), *several, *([before] if before else [])]))


ALIASES = ("payment_id", "shipment_id", "return_id", "invoice_id", "fulfillment_order_id", "dispute_id", "order_alias")
"""The alias kinds that name one order; tracking numbers may name several."""


def read(lines: Sequence[Json], until: int, ways: Mapping[str, str] = DEFAULT) -> list[Event]:
    """All events with a log time up to `until`, in log order.

    The log time is the recorded time, else the event time, but never more than an hour behind the greatest before it.
    `ways`: in what form identifiers are taken.
    """
    events: list[Event] = []
    greatest = -NEVER
    for place, line in enumerate(lines):
        at = instant(str(line["time"]))
        recorded = text(line, "recordedtime")
        own = instant(recorded) if recorded else at
        greatest = max(greatest, own)
        log = max(own, greatest - OUT_OF_ORDERNESS)
        events.append(
            Event(
                at=at,
                source=str(line["source"]),
                id=str(line["id"]),
                log=log,
                place=place,
                type=str(line["type"]),
                tenant=text(line, "tenant") or "default",
                subject=order_id(subject, ways["order"]) if (subject := text(line, "subject")) else None,
                data=normalised(mapping(line, "data"), ways),
            )
        )
    events.sort(key=lambda event: (event.log, event.place))
    return [event for event in events if event.log <= until]
