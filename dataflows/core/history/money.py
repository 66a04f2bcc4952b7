"""What was taken of a customer and what was paid back."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from typing import cast

from schemas.events import Money, Payment, PaymentRefunded
from schemas.instants import earliest
from schemas.record import Record

CAPTURE = "payment.captured"
REFUND = "payment.refunded"


def amount(money: Money | None) -> Decimal:
    """The amount of an event; 0 where none is said."""
    return Decimal(money.amount) if money is not None else Decimal(0)


class Payments:
    """The captures and refunds of one order. `captured` and `refunded` are the sums of all amounts, whatever their currency."""

    def __init__(self) -> None:
        self.captured = Decimal(0)
        self.refunded = Decimal(0)
        self._currency: str | None = None
        self._taken: dict[str, Decimal] = {}
        self._back: dict[str, tuple[list[int], list[Decimal]]] = {}
        self._sums: dict[str, Decimal] = {}
        self._bare: int | None = None
        self._for_return: dict[str | None, list[int]] = {}

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
                value = Decimal(taken.amount)
                self.captured += value
                self._currency = self._currency or taken.currency
                self._taken[taken.currency] = self._taken.get(taken.currency, Decimal(0)) + value
            return
        data = cast("PaymentRefunded", record.event.data)
        self._for_return.setdefault(data.return_id, []).append(record.at)
        if data.amount is None:
            if not data.lines and self._bare is None:
                self._bare = record.at
            return
        currency, value = data.amount.currency, Decimal(data.amount.amount)
        self.refunded += value
        self._sums[currency] = self._sums.get(currency, Decimal(0)) + value
        instants, highest = self._back.setdefault(currency, ([], []))
        instants.append(record.at)
        highest.append(max(highest[-1], self._sums[currency]) if highest else self._sums[currency])

    def paid_back(self, total: Money | None) -> int | None:
        """When everything that was captured (or, without captures, the total) had been refunded."""
        currency = total.currency if total is not None else self._currency
        goal = self._taken.get(currency or "", Decimal(0)) if self._taken else amount(total)
        reached: int | None = None
        if goal > 0 and currency in self._back:
            instants, highest = self._back[currency]
            position = bisect_left(highest, goal)
            reached = instants[position] if position < len(instants) else None
        return earliest(self._bare, reached)

    def refunds_for(self, return_id: str | None, began: int, *, named: bool) -> list[int]:
        """The first refunds that name a return, and (unless `named`) that name none and came at or after it began."""
        found: list[int] = []
        if return_id is not None:
            found.extend(self._for_return.get(return_id, ())[:1])
        if not named:
            unnamed = self._for_return.get(None, [])
            found.extend(unnamed[bisect_left(unnamed, began) :][:1])
        return found
