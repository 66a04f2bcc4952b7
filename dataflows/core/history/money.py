"""What was taken of a customer and what was paid back.

Shop and payment provider may both say what became of one payment. It is the same money: of each payment that is named the most counts that
one of its sources has said so far, and what says no amount, or one that cannot be compared, adds nothing where another source says one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import cast

from schemas.events import Money, Payment, PaymentRefunded
from schemas.instants import earliest
from schemas.record import Record

CAPTURE = "payment.captured"
REFUND = "payment.refunded"
ZERO = Decimal(0)


def amount(money: Money | None) -> Decimal:
    """The amount of an event; 0 where none is said."""
    return Decimal(money.amount) if money is not None else ZERO


class PaymentSums:
    """The sums of payments, each by its currency and by who said it."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], dict[str, Decimal]] = {}
        self._most: dict[tuple[str, str], Decimal] = {}

    def add(self, record: Record, stated: Money) -> Decimal:
        """What the latest event of an amount adds to what is known of its payment."""
        value, payment_id = Decimal(stated.amount), cast("Payment", record.event.data).payment_id
        if payment_id is None:
            return value
        key, source = (payment_id, stated.currency), record.event.source
        sums = self._sums.setdefault(key, {})
        sums[source] = sums.get(source, ZERO) + value
        before = self._most.get(key, ZERO)
        self._most[key] = most = max(before, sums[source])
        return most - before

    def says_another(self, payment_id: str | None, currency: str | None, source: str) -> bool:
        """Whether another source has said an amount of a payment in a currency."""
        return payment_id is not None and any(one != source for one in self._sums.get((payment_id, currency or ""), ()))


def counted(records: Sequence[Record], currency: str | None) -> list[tuple[Record, Decimal | None]]:
    """What each of some captures, or refunds, adds in a currency (None: it cannot be compared).

    Those that add nothing, since another source has said the same, are left out.
    """
    sums = PaymentSums()
    found: list[tuple[Record, Decimal | None]] = []
    for record in records:
        stated = cast("Payment", record.event.data).amount
        if stated is None or stated.currency != currency:
            found.append((record, None))
        elif (added := sums.add(record, stated)) or not Decimal(stated.amount):
            found.append((record, added))
    if len(records) < 2:
        return found
    return [
        (record, added)
        for record, added in found
        if added is not None or not sums.says_another(cast("Payment", record.event.data).payment_id, currency, record.event.source)
    ]


class Payments:
    """The captures and refunds of one order. `captured` and `refunded` are the sums of all amounts, whatever their currency."""

    def __init__(self) -> None:
        self.captured = ZERO
        self.refunded = ZERO
        self._currency: str | None = None
        self._captures = PaymentSums()
        self._refunds = PaymentSums()
        self._taken: dict[str, Decimal] = {}
        self._back: dict[str, tuple[list[int], list[Decimal]]] = {}
        self._bare: dict[tuple[str | None, str], int] = {}
        """When each source first said of a payment that it went back, without amount and lines."""

    @classmethod
    def build(cls, captures: Iterable[Record], refunds: Iterable[Record]) -> Payments:
        """What these events make, each kind in the order of the history."""
        found = cls()
        for record in (*captures, *refunds):
            found.take(record)
        return found

    def take(self, record: Record) -> None:
        """Takes in the latest capture or refund."""
        if record.event.type == CAPTURE:
            taken = cast("Payment", record.event.data).amount
            if taken is not None:
                value = self._captures.add(record, taken)
                self.captured += value
                self._currency = self._currency or taken.currency
                self._taken[taken.currency] = self._taken.get(taken.currency, ZERO) + value
            return
        data = cast("PaymentRefunded", record.event.data)
        if data.amount is None:
            if not data.lines:
                self._bare.setdefault((data.payment_id, record.event.source), record.at)
            return
        value = self._refunds.add(record, data.amount)
        self.refunded += value
        instants, sums = self._back.setdefault(data.amount.currency, ([], []))
        instants.append(record.at)
        sums.append((sums[-1] if sums else ZERO) + value)

    def paid_back(self, total: Money | None) -> int | None:
        """When everything that was captured (or, without captures, the total) had been refunded."""
        currency = total.currency if total is not None else self._currency
        goal = self._taken.get(currency or "", ZERO) if self._taken else amount(total)
        reached: int | None = None
        if goal > 0 and currency in self._back:
            instants, sums = self._back[currency]
            position = bisect_left(sums, goal)
            reached = instants[position] if position < len(instants) else None
        whole = (at for (payment_id, source), at in self._bare.items() if not self._refunds.says_another(payment_id, currency, source))
        return earliest(*whole, reached)
