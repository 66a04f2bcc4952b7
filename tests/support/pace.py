"""A shop whose payments come in at a pace of their own, and outages of them: events of the contract, in the order of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.support.logs import DAY, HOUR, MINUTE, T0, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Line = dict[str, object]
STRIPE, PAYPAL = "/payments/stripe", "/payments/paypal"


class Outage(NamedTuple):
    """From when until when sources tell nothing (hours since the beginning); what was paid is told, and dated, within some hours after."""

    since: int
    until: int
    sources: tuple[str, ...] = (STRIPE,)


def hours(days: int, opens: int = 9, closes: int = 21, rests: Iterable[int] = ()) -> list[int]:
    """The hours in which something is sold, since the beginning; `rests`: days on which nothing is."""
    closed = {*rests}
    return [day * 24 + hour for day in range(days) if day not in closed for hour in range(opens, closes)]


def shop(sold: Sequence[int], outages: Sequence[Outage] = (), sources: Sequence[str] = (STRIPE,), told_within: int = 6) -> list[Line]:
    """One order in each of these hours, paid forty minutes later by the sources in turn; what is paid while one is out comes after it."""
    lines: list[Line] = []
    for number, hour in enumerate(sold):
        order, source, at = f"o{number}", sources[number % len(sources)], T0 + hour * HOUR
        lines.append(event(f"{order}-1", "order.placed", at, order, "/storefront/acme", {"total": {"amount": "20.00", "currency": "EUR"}}))
        paid = at + 40 * MINUTE
        for since, until, out in outages:
            if source in out and T0 + since * HOUR <= paid < T0 + until * HOUR:
                paid = T0 + until * HOUR + number * 17 * MINUTE % (told_within * HOUR)
        data: Line = {"payment_id": f"p{number}", "amount": {"amount": "20.00", "currency": "EUR"}}
        lines.append(event(f"{order}-2", "payment.captured", paid, order, source, data))
    return sorted(lines, key=lambda line: str(line["time"]))


def event(id_: str, type_: str, at: int, order: str | None, source: str, data: Line) -> Line:
    """An event that was recorded when it happened."""
    subject = {} if order is None else {"subject": order}
    return {"specversion": "1.0", "id": id_, "source": source, "type": type_, "time": iso(at), **subject, "data": data}


def end_of(days: int) -> int:
    """The end of a day since the beginning."""
    return T0 + days * DAY
