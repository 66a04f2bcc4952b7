"""What an order owes, what secures it, what was taken and what was given back."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tests.oracle.judging.reading import NEVER, Event, Json, Money, instant, money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.oracle.judging.facts import Order

ZERO, ALL = Decimal(0), Decimal("Infinity")
AUTHORIZED, CAPTURED, VOIDED, REFUNDED = "payment.authorized", "payment.captured", "payment.voided", "payment.refunded"


@dataclass
class Authorization:
    """One authorization: what of it still counts (none: nobody can say), and when it came to its end."""

    event: Event
    left: Decimal | None
    ended: int = NEVER

    @property
    def expires(self) -> int:
        """When it runs out."""
        written = self.event.text("expires_at")
        return instant(written) if written else NEVER


class Lost(NamedTuple):
    """A dispute that was lost: what closed and what opened it, and when it was won after all."""

    closing: Event
    opening: Event | None
    won: int


def stretches(instants: Iterable[int], wrong: Callable[[int], bool]) -> list[tuple[int, int]]:
    """From when until when it was so, where it can change at the instants only."""
    found: list[tuple[int, int]] = []
    for at, then in pairwise([*sorted(set(instants)), NEVER]):
        if wrong(at):
            found.append((found.pop()[0], then) if found and found[-1][1] == at else (at, then))
    return found


def same_payment(one: Event, other: Event) -> bool:
    """Whether two events may speak of one payment: they name the same, or one of them names none."""
    names = {one.text("payment_id"), other.text("payment_id")} - {None}
    return len(names) < 2


def same_dispute(one: Event, other: Event) -> bool:
    """Whether two events speak of one dispute."""
    names = (one.text("dispute_id"), other.text("dispute_id"))
    return names[0] == names[1] if all(names) else one.text("payment_id") == other.text("payment_id")


def once(told: Iterable[tuple[Event, Decimal]]) -> Decimal:
    """What events of some amounts come to: of a payment that several sources tell of only what one of them tells at most."""
    sums: dict[str, dict[str, Decimal]] = {}
    nameless = ZERO
    for event, amount in told:
        if payment := event.text("payment_id"):
            by_source = sums.setdefault(payment, {})
            by_source[event.source] = by_source.get(event.source, ZERO) + amount
        else:
            nameless += amount
    return nameless + sum((max(by_source.values()) for by_source in sums.values()), ZERO)


@dataclass
class Account:
    """The money of one order. Amounts count in the currency of its latest total, else of its first capture; others are not compared."""

    order: Order

    @functools.cached_property
    def currency(self) -> str | None:
        """The currency that amounts are compared in."""
        total = self.order.total
        amounts = [money(event.data, "amount") for event in self.order.of(CAPTURED)]
        return total.currency if total else next((one.currency for one in amounts if one), None)

    @property
    def tolerance(self) -> Decimal:
        """How much two amounts may differ and still be the same."""
        return self.order.policy.tolerance(self.currency)

    @functools.cached_property
    def changes(self) -> list[int]:
        """The instants at which something about the money changed."""
        updates = [at for at, _ in self.order.states]
        return sorted({*updates, *(event.at for event in self.order.history if event.type.startswith("payment."))})

    def amount(self, event: Event) -> Decimal | None:
        """The amount of an event; none said, or in another currency: none."""
        stated = money(event.data, "amount")
        return stated.amount if stated and stated.currency == self.currency else None

    # --- what is owed -----------------------------------------------------------------------------------------------

    def owed(self, at: int) -> Decimal | None:
        """What is owed at an instant; before the placing what is owed then. None: the order does not say, or in another currency."""
        segments = self.order.segments(self._total)
        return next((one.value for one in segments if at < one.end), None)

    def _total(self, fields: Json) -> Decimal | None:
        """The total, where it is known. An order that names neither goods nor an amount has not said it."""
        total: Money | None = money(fields, "total")
        if total is None or total.currency != self.currency or (total.amount <= self.tolerance and not fields.get("lines")):
            return None
        return total.amount

    @property
    def owing(self) -> list[tuple[int, int]]:
        """From when until when something is owed, as far as known."""

        def owes(fields: Json) -> bool:
            total = self._total(fields)
            return total is None or total > self.tolerance

        found: list[tuple[int, int]] = []
        for one in self.order.segments(owes):
            if one.value and one.start < one.end:
                found.append((found.pop()[0], one.end) if found and found[-1][1] == one.start else (one.start, one.end))
        return found

    @property
    def spans(self) -> list[tuple[int, int]]:
        """From when until when the order was wanted and owed something."""
        found = [(max(a, c), min(b, d)) for a, b in self.order.lives for c, d in self.owing]
        return [(start, end) for start, end in found if start < end]

    # --- what was taken and given back ------------------------------------------------------------------------------

    def told(self, type_: str, until: int) -> list[Event]:
        """The events of a type up to an instant."""
        return [event for event in self.order.of(type_) if event.at <= until]

    def once(self, events: Iterable[Event]) -> Decimal:
        """What events come to, told once."""
        return once((event, self.amount(event) or ZERO) for event in events)

    def untold(self, type_: str, at: int) -> list[Event]:
        """Events up to an instant of which no amount can be compared, where no other source ever tells one of that payment."""

        def tells(other: Event, event: Event) -> bool:
            same = event.text("payment_id") and other.text("payment_id") == event.text("payment_id")
            return bool(same) and other.source != event.source and self.amount(other) is not None

        unknown = [event for event in self.told(type_, at) if self.amount(event) is None]
        return [event for event in unknown if not any(tells(other, event) for other in self.order.of(type_))]

    def counts(self, event: Event) -> bool:
        """Whether a capture or refund is more than what another source has told of the same payment."""
        if self.amount(event) is None:
            return event in self.untold(event.type, event.at)
        before = [one for one in self.order.of(event.type) if self.order.history.index(one) < self.order.history.index(event)]
        return not self.amount(event) or self.once([*before, event]) > self.once(before)

    def taken(self, at: int) -> Decimal:
        """The captures up to an instant that can be compared."""
        return self.once(self.told(CAPTURED, at))

    def captured(self, at: int) -> Decimal:
        """What was captured up to an instant; a capture that cannot be compared was of all."""
        return ALL if self.untold(CAPTURED, at) else self.taken(at)

    def refunded(self, at: int) -> Decimal:
        """The refunds up to an instant that can be compared."""
        return self.once(self.told(REFUNDED, at))

    @property
    def began(self) -> int:
        """When anything was first captured that counts."""
        return min((event.at for event in self.order.of(CAPTURED) if self.counts(event)), default=NEVER)

    @functools.cached_property
    def lost_disputes(self) -> list[Lost]:
        """The disputes that were lost, each from when it was first closed so until the history later says that it was won after all."""
        found: list[Lost] = []
        closings = self.order.of("payment.dispute_closed")
        for place, closing in enumerate(closings, start=1):
            if closing.text("outcome") == "lost" and not any(same_dispute(closing, one.closing) for one in found):
                won = [event.at for event in closings[place:] if event.text("outcome") == "won" and same_dispute(event, closing)]
                openings = [event for event in self.order.of("payment.disputed") if same_dispute(event, closing)]
                found.append(Lost(closing, openings[0] if openings else None, min(won, default=NEVER)))
        return found

    def lost(self, at: int) -> Decimal:
        """What disputes took back: what the closing says, else the opening, else all that was captured of the payment."""
        sums = ZERO
        for closing, opening, won in self.lost_disputes:
            if closing.at <= at < won:
                stated = next((event for event in (closing, opening) if event and money(event.data, "amount")), None)
                payment = closing.text("payment_id") or (opening.text("payment_id") if opening else None)
                mine = [event for event in self.told(CAPTURED, closing.at) if event.text("payment_id") == payment]
                sums += (self.amount(stated) or ZERO) if stated else self.once(mine)
        return sums

    def paid(self, at: int) -> Decimal:
        """Captured, less refunds and lost disputes, as far as amounts can be compared."""
        return self.taken(at) - self.refunded(at) - self.lost(at)

    def kept(self, at: int) -> bool:
        """Whether money is held at an instant.

        A refund that cannot be compared settled all that was before it; a capture that cannot be, is held until any refund.
        """
        settled = max((event.at for event in self.untold(REFUNDED, at)), default=-NEVER)
        given = max((event.at for event in self.told(REFUNDED, at) if self.counts(event)), default=-NEVER)
        if any(event.at > given for event in self.untold(CAPTURED, at)):
            return True
        return self.paid(at) - self.paid(settled) > self.tolerance

    # --- what secures it --------------------------------------------------------------------------------------------

    @functools.cached_property
    def authorizations(self) -> list[Authorization]:
        """All authorizations of an amount, with their ends; of events of one instant authorizations come first."""
        found: list[Authorization] = []
        for event in sorted(self.order.of(AUTHORIZED, CAPTURED, VOIDED), key=lambda event: (event.at, event.type != AUTHORIZED)):
            open_still = [one for one in found if one.ended == NEVER]
            if event.type != AUTHORIZED:
                for one in open_still:
                    if event.text("payment_id") in (None, one.event.text("payment_id")):
                        one.ended = event.at
                continue
            owed, amount, stated = self.owed(event.at), self.amount(event), money(event.data, "amount")
            if stated and stated.amount <= self.order.policy.tolerance(stated.currency):
                continue
            new = Authorization(event, owed if amount is None else amount)
            if new.left is not None and new.left <= self.tolerance:
                continue
            found.append(new)
            self._replace(open_still, new, owed)
        return found

    def _replace(self, older: list[Authorization], new: Authorization, owed: Decimal | None) -> None:
        at = new.event.at
        if owed is None:
            for one in older:
                if one.event.text("payment_id") == new.event.text("payment_id"):
                    one.ended = at
            return
        excess = sum((owed if one.left is None else one.left for one in [*older, new]), ZERO) + self.captured(at) - owed
        for one in older:
            left = owed if one.left is None else one.left
            less = max(min(left, excess), ZERO)
            one.left, excess = left - less, excess - less
            if one.left <= self.tolerance:
                one.ended = at

    def settled(self) -> int:
        """When the customer had paid: something was taken, and, then or earlier, as much as was owed was taken or reserved."""
        taken = [event.at for event in self.order.of(CAPTURED)]
        if not taken:
            return NEVER

        def enough(at: int) -> bool:
            owed = self.owed(at)
            reserved = [one.event for one in self.authorizations if one.event.at <= at < min(one.ended, one.expires)]
            stated = [(event, self.owed(event.at) if (amount := self.amount(event)) is None else amount) for event in reserved]
            return owed is None or self.captured(at) + once((event, amount or ZERO) for event, amount in stated) >= owed - self.tolerance

        first = min(taken)
        told = {one.event.at for one in self.authorizations}
        return max(first, min((at for at in {*self.changes, *told} if enough(at)), default=NEVER))

    def secured(self, at: int) -> bool:
        """Whether anything was captured by then, or is authorized; what ends at that very instant still counts."""
        live = any(one.event.at <= at <= min(one.ended, one.expires) for one in self.authorizations)
        return live or bool(self.told(CAPTURED, at))

    def secured_again(self, at: int) -> int:
        """When something was captured or authorized after an instant."""
        events = [*self.order.of(CAPTURED), *(one.event for one in self.authorizations)]
        return min((event.at for event in events if event.at > at), default=NEVER)

    def satisfied(self, since: int) -> int:
        """When, from an instant on, all that is owed was captured; a capture that cannot be compared was of all."""

        def enough(at: int) -> bool:
            owed, captured = self.owed(at), self.captured(at)
            return captured >= ALL or (owed is not None and captured >= owed - self.tolerance)

        return min((at for at in [since, *(at for at in self.changes if at > since)] if enough(at)), default=NEVER)
