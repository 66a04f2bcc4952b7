"""What an order owes, what secures it, and what was paid and given back, at every instant. Amounts of other currencies are not compared.

Owed is the total in force. Secured are the authorizations that live, and what was captured. Paid is what was captured less refunds and lost
disputes. Instants are event times in µs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple, cast

from dataflows.core.history.disputes import Loss, losses_of
from dataflows.core.history.money import ZERO, counted
from dataflows.core.history.timeline import Timeline
from dataflows.core.history.versions import says
from schemas.events import Money, OrderPlaced, Payment
from schemas.instants import FAR
from schemas.record import Record
from schemas.wire import micros

GOODWILL = "goodwill"
LEDGER = tuple(f"payment.{step}" for step in ("authorized", "captured", "voided", "refunded", "disputed", "dispute_closed"))
"""Types of events that the ledger is made of, besides those that say what the order owes."""
Tolerance = Callable[["str | None"], Decimal]
Version = tuple[OrderPlaced, int, Record]


class Period(NamedTuple):
    """Since when and until when something was so, and the event that made it so."""

    since: int
    until: int | None
    record: Record


class Authorization:
    """One authorization: how much of it is `left`, and when it ended: taken, given back, or replaced by a later one."""

    __slots__ = ("ended", "expires", "left", "payment_id", "record", "replaced")

    def __init__(self, record: Record, data: Payment, amount: Decimal | None) -> None:
        self.record = record
        self.payment_id = data.payment_id
        self.expires = None if data.expires_at is None else micros(data.expires_at)
        self.left = amount
        self.ended: int | None = None
        self.replaced: int | None = None

    def lives(self, at: int) -> bool:
        """Whether it secures anything at an instant; what ends then still does."""
        ends = (self.ended, self.replaced, self.expires)
        return self.record.at <= at and all(end is None or at <= end for end in ends)

    def secures(self, at: int) -> bool:
        """Whether it goes on to secure something: what ends at that instant does not."""
        ends = (self.ended, self.replaced, self.expires)
        return self.record.at <= at and all(end is None or at < end for end in ends)


class Ledger:
    """The money of one order. `versions`: what the order said of itself, as placed and after each update.

    `captures` are those that add something to what another source has said of their payment, `taken` what each adds; `back` the refunds.
    """

    def __init__(self, timeline: Timeline, versions: Sequence[Version], tolerance: Tolerance) -> None:
        self._t = timeline
        total = versions[-1][0].total
        captures = timeline.of("payment.captured")
        named = (cast("Payment", record.event.data).amount for record in captures)
        self.currency = total.currency if total is not None else next((amount.currency for amount in named if amount is not None), None)
        self.taken = counted(captures, self.currency)
        self.back = counted(timeline.of("payment.refunded"), self.currency)
        self.captures = [record for record, _ in self.taken]
        self.tolerance = tolerance(self.currency)
        self._tolerance_of = tolerance
        self._totals = [(since, self._total_of(fields), record) for fields, since, record in versions]
        self.losses = losses_of(timeline)
        self._moves = self._moved()

    def amount(self, money: Money | None) -> Decimal | None:
        """An amount that can be compared; None where none is said, or one in another currency."""
        return Decimal(money.amount) if money is not None and money.currency == self.currency else None

    # owed

    def _total_of(self, fields: OrderPlaced) -> Decimal | None:
        """What an order says is owed. Nothing, of an order that says no lines either, is not said."""
        total = self.amount(fields.total)
        return None if total is not None and not self.owes(total) and not fields.lines else total

    def owed(self, at: int) -> Decimal | None:
        """The total in force at an instant, before the first one the first; None if it is not known."""
        return self._totals[max(bisect_right(self._totals, at, key=itemgetter(0)) - 1, 0)][1]

    def owes(self, total: Decimal | None) -> bool:
        """Whether with such a total anything is owed; of one that is not known, yes."""
        return total is None or total > self.tolerance

    def owing(self) -> list[Period]:
        """While anything is owed; of several totals of one instant the last counts."""
        later = [since for since, _, _ in self._totals[1:]] + [None]
        known = ((since, self.owes(total), r) for (since, total, r), then in zip(self._totals, later, strict=True) if then != since)
        return self._stretches(known)

    # paid

    def _moved(self) -> list[tuple[int, Record, Decimal, Decimal]]:
        """What was captured and what was kept of it after each instant at which money moved."""
        moves: list[tuple[int, Record, Decimal, Decimal]] = []
        moves.extend((record.at, record, taken or ZERO, taken or ZERO) for record, taken in self.taken)
        moves.extend((record.at, record, ZERO, -(back or ZERO)) for record, back in self.back)
        for loss in self.losses:
            lost = self._lost(loss)
            moves.append((loss.at, loss.record, ZERO, -lost))
            if loss.reversed is not None:
                moves.append((loss.reversed.at, loss.reversed, ZERO, lost))
        moves.sort(key=lambda move: (move[0], move[1].event.source, move[1].event.id))
        found: list[tuple[int, Record, Decimal, Decimal]] = []
        captured = paid = ZERO
        for at, record, taken, kept in moves:
            captured, paid = captured + taken, paid + kept
            if found and found[-1][0] == at:
                found[-1] = (at, found[-1][1], captured, paid)
            else:
                found.append((at, record, captured, paid))
        return found

    def _lost(self, loss: Loss) -> Decimal:
        """What a lost dispute took: its amount, else all that was captured of that payment."""
        if loss.amount is not None:
            return self.amount(loss.amount) or ZERO
        taken = (
            taken or ZERO for r, taken in self.taken if r.at <= loss.at and cast("Payment", r.event.data).payment_id == loss.payment_id
        )
        return sum(taken, ZERO)

    def lost(self, at: int) -> Decimal:
        """What lost disputes had taken at an instant."""
        return sum((self._lost(x) for x in self.losses if x.at <= at and (x.reversed is None or x.reversed.at > at)), ZERO)

    def captured(self, at: int) -> Decimal:
        """What had been captured at an instant, whatever was given back of it."""
        place = bisect_right(self._moves, at, key=itemgetter(0))
        return self._moves[place - 1][2] if place else ZERO

    def paid(self, at: int) -> Decimal:
        """What had been captured at an instant, less refunds and lost disputes."""
        place = bisect_right(self._moves, at, key=itemgetter(0))
        return self._moves[place - 1][3] if place else ZERO

    def untold(self) -> int | None:
        """The first capture of an amount that cannot be compared: it satisfies all."""
        return next((record.at for record, taken in self.taken if taken is None), None)

    def _steps(self) -> list[tuple[int, Decimal | None, Decimal, Decimal, Record]]:
        """(since, owed, captured, paid, event) after each instant at which one of them changed."""
        changes: dict[int, Record] = {}
        for since, _, record in self._totals[1:]:
            changes.setdefault(since, record)
        for since, record, _, _ in self._moves:
            changes.setdefault(since, record)
        return [(at, self.owed(at), self.captured(at), self.paid(at), changes[at]) for at in sorted(changes)]

    def short(self) -> list[Period]:
        """While something had been captured, and less than what was owed."""
        untold = self.untold()
        first = self.captures[0].at if self.captures else FAR
        steps = (
            (at, at >= first and (untold is None or at < untold) and owed is not None and captured < owed - self.tolerance, record)
            for at, owed, captured, _, record in self._steps()
        )
        return self._stretches(steps)

    def over(self) -> list[Period]:
        """While more was paid than was owed."""
        return self._stretches((at, owed is not None and paid > owed + self.tolerance, r) for at, owed, _, paid, r in self._steps())

    def differences(self, period: Period, *, short: bool) -> tuple[tuple[int, Decimal], ...]:
        """By how much more was paid than was owed during a period, since when (`short`: by how much less was captured)."""
        found: list[tuple[int, Decimal]] = []
        for at, owed, captured, paid, _ in self._steps():
            if owed is not None and (period.until is None or at < period.until):
                found.append((max(at, period.since), owed - captured if short else paid - owed))
        return tuple(found[next((n for n in range(len(found) - 1, -1, -1) if found[n][0] == period.since), 0) :])

    def overdrawn(self) -> list[Period]:
        """While more had gone back than had been taken."""
        if not self.captures or self.untold() is not None:
            return []
        first = self.captures[0].at
        return self._stretches((at, at >= first and paid < -self.tolerance, record) for at, _, _, paid, record in self._steps())

    def kept(self) -> list[Period]:
        """While money was kept: more than had gone back, or a capture of an unknown amount before any refund.

        A refund of an amount that cannot be compared gives back all that was captured until then.
        """
        marks: dict[int, Record] = {}
        reversals = (loss.reversed for loss in self.losses if loss.reversed is not None)
        back = {record.at: False for record, _ in self.back} | {record.at: True for record, given in self.back if given is None}
        for record in (*self.captures, *(r for r, _ in self.back), *(loss.record for loss in self.losses), *reversals):
            marks.setdefault(record.at, record)
        untold = {record.at for record, taken in self.taken if taken is None}
        unknown, settled = False, ZERO
        steps: list[tuple[int, bool, Record]] = []
        for at in sorted(marks):
            unknown = (unknown or at in untold) and at not in back
            if back.get(at):
                settled = self.paid(at)
            steps.append((at, unknown or self.paid(at) - settled > self.tolerance, marks[at]))
        return self._stretches(steps)

    def satisfied(self, at: int) -> int | None:
        """The first instant at or after another at which all that was owed had been captured."""
        untold = self.untold()
        if untold is not None and untold <= at:
            return at
        if self._covers(at):
            return at
        later = next((since for since, *_ in self._steps() if since > at and self._covers(since)), None)
        return later if untold is None or (later is not None and later < untold) else untold

    def _covers(self, at: int) -> bool:
        owed = self.owed(at)
        return owed is not None and self.captured(at) >= owed - self.tolerance

    # secured

    def secured(self) -> int | None:
        """The first instant at which all that was owed then was captured, or authorized still; of what is not known, any sign of money."""
        untold, authorizations = self.untold(), self.authorizations()
        for at in sorted({*(since for since, *_ in self._steps()), *(known.record.at for known in authorizations)}):
            owed = self.owed(at)
            if owed is None or (untold is not None and untold <= at):
                return at
            if self.captured(at) + self._reserved(known for known in authorizations if known.secures(at)) >= owed - self.tolerance:
                return at
        return None

    def _reserved(self, living: Iterable[Authorization]) -> Decimal:
        """What authorizations were of: all that was owed, where one does not say. Of each payment what one source says of it at most."""
        sums: dict[str | Authorization, dict[str, Decimal]] = {}
        for known in living:
            stated = self.amount(cast("Payment", known.record.event.data).amount)
            value = (self.owed(known.record.at) or ZERO) if stated is None else stated
            of_payment = sums.setdefault(known.payment_id or known, {})
            source = known.record.event.source
            of_payment[source] = of_payment.get(source, ZERO) + value
        return sum((max(of_payment.values()) for of_payment in sums.values()), ZERO)

    def authorizations(self) -> list[Authorization]:
        """All authorizations, with what became of each; one of nothing (a check of the card) is none."""
        records = self._t.of("payment.authorized", "payment.captured", "payment.voided")
        found: list[Authorization] = []
        for record in sorted(records, key=lambda r: (r.at, r.event.type != "payment.authorized", r.event.source, r.event.id)):
            data = cast("Payment", record.event.data)
            if record.event.type != "payment.authorized":
                for known in found:
                    if known.ended is None and known.replaced is None and data.payment_id in (None, known.payment_id):
                        known.ended = record.at
                continue
            owed = self.owed(record.at)
            amount, said = self.amount(data.amount), data.amount
            if said is not None and Decimal(said.amount) <= self._tolerance_of(said.currency):
                continue  # Nothing is nothing in any currency, and before one is known to compare with.
            found.append(Authorization(record, data, owed if amount is None else amount))
            self._replace(found, owed)
        return found

    def _replace(self, found: list[Authorization], owed: Decimal | None) -> None:
        """The latest authorization replaces others, the oldest first, as far as all of them and what was captured exceed what is owed."""
        new, at = found[-1], found[-1].record.at
        others = [known for known in found[:-1] if known.ended is None and known.replaced is None]
        if owed is None or any(known.left is None for known in (new, *others)):
            for known in others:
                if known.payment_id == new.payment_id:
                    known.replaced = at
            return
        untold = self.untold()
        captured = owed if untold is not None and untold <= at else self.captured(at)
        excess = sum((known.left or ZERO for known in (new, *others)), captured) - owed
        for known in others:
            if excess <= ZERO:
                return
            taken = min(known.left or ZERO, excess)
            known.left, excess = (known.left or ZERO) - taken, excess - taken
            if known.left <= self.tolerance:
                known.replaced = at

    def unexplained(self, stretches: Iterable[Period]) -> list[Period]:
        """The parts of stretches in which no cancelled or refunded line explains what is missing; a new total says again what is owed."""
        return [part for whole in stretches for part in self._unexplained(whole)]

    def _unexplained(self, whole: Period) -> Iterable[Period]:
        since, until, record = whole
        for begins, stated in self._explained():
            if stated is not None and stated[0] <= max(since, begins):
                continue
            if until is not None and begins >= until:
                break
            if since < begins:
                yield Period(since, begins, record)
            if stated is None or (until is not None and stated[0] >= until):
                return
            since, record = stated
        yield Period(since, until, record)

    def _explained(self) -> list[tuple[int, tuple[int, Record] | None]]:
        """From when on lines that went explain what is missing, and the update of the total that ends it; as they happened."""
        gone = [r.at for r in self._t.of("order.cancelled", "payment.refunded") if _takes_lines(r)]
        stated = [(at, r) for at, _, r in self._totals[1:] if says(r, "total")]
        found: list[tuple[int, tuple[int, Record] | None]] = []
        for at in sorted(gone):
            if not found or (found[-1][1] is not None and at > found[-1][1][0]):
                found.append((at, next((known for known in stated if known[0] >= at), None)))
        return found

    def _stretches(self, steps: Iterable[tuple[int, bool, Record]]) -> list[Period]:
        found: list[Period] = []
        began: tuple[int, Record] | None = None
        for at, holds, record in steps:
            if holds and began is None:
                began = (at, record)
            elif not holds and began is not None:
                found.append(Period(began[0], at, began[1]))
                began = None
        if began is not None:
            found.append(Period(began[0], None, began[1]))
        return found


def _takes_lines(record: Record) -> bool:
    """Whether an event takes lines off what is owed: a cancel or a refund of lines, but for a gesture of goodwill."""
    data = record.event.data
    return bool(getattr(data, "lines", None)) and getattr(data, "reason", None) != GOODWILL
