"""The report of a back-test, as data: what a policy says of a log beside what another one says of it. It knows no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

import msgspec

from dataflows.detect.backtest.pairs import CHANGES, Pair, pairs
from dataflows.detect.backtest.seen import Seen, SeenException
from schemas.instants import DAY, SECOND, iso

EXAMPLES: Final = 3
"""Examples of each kind and difference."""
SHADOW: Final = "shadow"


class Both(msgspec.Struct, frozen=True):
    """A number under the old policy and under the new one."""

    old: int
    new: int


class Leads(msgspec.Struct, frozen=True):
    """The median, in seconds, of how long before the end of a promise something was said; negative: after it; None: of nothing."""

    old: int | None
    new: int | None


class KindRow(msgspec.Struct, frozen=True):
    """A kind: how many exceptions there are, how many of them were retracted, what is different of how many, and the lead time."""

    kind: str
    found: Both
    retracted: Both
    changes: dict[str, int]
    lead: Leads


class Warned(msgspec.Struct, frozen=True):
    """The orders with a promise of which something is said: of how many before it ends, and how long before (their first exception)."""

    orders: Both
    before: Both
    lead: Leads


class OwnerRow(msgspec.Struct, frozen=True):
    """The load of an owner: exceptions, those open at the end, and the most that were raised on one day (UTC)."""

    owner: str
    found: Both
    open: Both
    busiest: Both


class ActionRow(msgspec.Struct, frozen=True):
    """How often an action was proposed, requested and withdrawn."""

    action: str
    proposed: Both
    requested: Both
    withdrawn: Both


class MoneyRow(msgspec.Struct, frozen=True):
    """In one currency, what the orders are worth of which something is said; and those of which one policy alone says something."""

    currency: str
    old: str
    new: str
    only_old: str
    only_new: str


class Example(msgspec.Struct, frozen=True):
    """An exception of which something is different, as both policies say it."""

    change: str
    kind: str
    order_id: str
    tenant: str
    scope: str | None
    old: dict[str, str | None] | None
    new: dict[str, str | None] | None


class Side(msgspec.Struct, frozen=True):
    """One of the policies."""

    name: str
    version: str


class Report(msgspec.Struct, frozen=True):
    """What would be said otherwise. `shadow`: exceptions that are written and ask nobody for anything, counted apart."""

    old: Side
    new: Side
    events: int
    orders: int
    until: str | None
    found: Both
    differ: int
    shadow: Both
    kinds: tuple[KindRow, ...]
    warned: Warned
    owners: tuple[OwnerRow, ...]
    actions: tuple[ActionRow, ...]
    money: tuple[MoneyRow, ...]
    orders_found: Both
    lines: dict[str, Both]
    rejects: dict[str, Both]
    examples: tuple[Example, ...]
    covered: tuple[str, ...] = ()
    """The rules that the new policy has on and said something of: what the back-test shows of them, it shows of nothing else."""
    since: str | None = None
    """What was said before is left out."""


def report(
    old: Seen, new: Seen, sides: tuple[Side, Side], *, events: int, orders: int, until: int | None, since: int | None = None
) -> Report:
    """What is different between what two policies say of a log of so many events."""
    found = [*pairs(old, new)]
    exceptions = ([pair.old for pair in found if pair.old is not None], [pair.new for pair in found if pair.new is not None])
    before, after = (_orders(some) for some in exceptions)
    return Report(
        *sides,
        events,
        orders,
        None if until is None else iso(until),
        _both(*map(len, exceptions)),
        sum(bool(pair.changes) for pair in found),
        _both(*(sum(one.mode == SHADOW for one in seen.exceptions.values()) for seen in (old, new))),
        _kinds(found),
        _warned(*exceptions),
        _owners(*exceptions),
        _actions(old, new),
        _money(before, after),
        _both(len(before), len(after)),
        _counters(old.types, new.types),
        _counters(old.rejects, new.rejects),
        tuple(_examples(found)),
        tuple(sorted({one.subject.kind for one in new.exceptions.values() if one.mode == "on"})),
        None if since is None else iso(since),
    )


def _both(old: int, new: int) -> Both:
    return Both(old, new)


def _counters(old: Counter[str], new: Counter[str]) -> dict[str, Both]:
    return {name: Both(old[name], new[name]) for name in sorted(old.keys() | new.keys())}


def _kinds(found: Iterable[Pair]) -> tuple[KindRow, ...]:
    by_kind: dict[str, list[Pair]] = {}
    for pair in found:
        by_kind.setdefault(pair.one.subject.kind, []).append(pair)
    rows: list[KindRow] = []
    for kind, mine in sorted(by_kind.items()):
        old, new = [pair.old for pair in mine if pair.old is not None], [pair.new for pair in mine if pair.new is not None]
        changes = Counter(change for pair in mine for change in pair.changes)
        retracted = Both(*(sum(one.status == "retracted" for one in side) for side in (old, new)))
        lead = Leads(_median(one.lead for one in old), _median(one.lead for one in new))
        rows.append(KindRow(kind, Both(len(old), len(new)), retracted, {name: changes[name] for name in CHANGES}, lead))
    return tuple(rows)


def _median(spans: Iterable[int | None]) -> int | None:
    """The lower median in whole seconds."""
    known = sorted(span for span in spans if span is not None)
    return known[(len(known) - 1) // 2] // SECOND if known else None


def _warned(old: Iterable[SeenException], new: Iterable[SeenException]) -> Warned:
    firsts: list[list[int]] = []
    for side in (old, new):
        first: dict[tuple[str, str], SeenException] = {}
        for one in side:
            key = one.subject[:2]
            if one.lead is not None and (key not in first or (one.said, one.id) < (first[key].said, first[key].id)):
                first[key] = one
        firsts.append([one.lead for one in first.values() if one.lead is not None])
    before, after = firsts
    early = Both(*(sum(lead > 0 for lead in leads) for leads in firsts))
    return Warned(Both(len(before), len(after)), early, Leads(_median(before), _median(after)))


def _owners(old: Iterable[SeenException], new: Iterable[SeenException]) -> tuple[OwnerRow, ...]:
    counts: list[tuple[Counter[str], Counter[str], dict[str, int]]] = []
    for side in (old, new):
        found, opened, days = Counter[str](), Counter[str](), Counter[tuple[str, int]]()
        for one in side:
            found[one.owner] += 1
            opened[one.owner] += one.status == "open"
            days[one.owner, one.said // DAY] += 1
        busiest: dict[str, int] = {}
        for (owner, _), count in days.items():
            busiest[owner] = max(busiest.get(owner, 0), count)
        counts.append((found, opened, busiest))
    (found_old, open_old, most_old), (found_new, open_new, most_new) = counts
    return tuple(
        OwnerRow(
            owner,
            Both(found_old[owner], found_new[owner]),
            Both(open_old[owner], open_new[owner]),
            Both(most_old.get(owner, 0), most_new.get(owner, 0)),
        )
        for owner in sorted(found_old.keys() | found_new.keys())
    )


def _actions(old: Seen, new: Seen) -> tuple[ActionRow, ...]:
    names = sorted({name for seen in (old, new) for name, _ in seen.actions})
    states = ("proposed", "requested", "withdrawn")
    return tuple(ActionRow(name, *(Both(old.actions[name, state], new.actions[name, state]) for state in states)) for name in names)


def _orders(exceptions: Iterable[SeenException]) -> dict[tuple[str, str], tuple[str, str] | None]:
    """The orders of which something is said that was not taken back, each with its total."""
    found: dict[tuple[str, str], tuple[str, str] | None] = {}
    for one in exceptions:
        if one.status != "retracted":
            key = one.subject[:2]
            found[key] = one.total or found.get(key)
    return found


def _money(old: dict[tuple[str, str], tuple[str, str] | None], new: dict[tuple[str, str], tuple[str, str] | None]) -> tuple[MoneyRow, ...]:
    def summed(totals: Iterable[tuple[str, str] | None]) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for total in totals:
            if total is not None:
                sums[total[1]] = sums.get(total[1], Decimal(0)) + Decimal(total[0])
        return sums

    columns = [
        summed(old.values()),
        summed(new.values()),
        summed(total for key, total in old.items() if key not in new),
        summed(total for key, total in new.items() if key not in old),
    ]
    return tuple(MoneyRow(name, *(str(column.get(name, Decimal(0))) for column in columns)) for name in sorted({*columns[0], *columns[1]}))


def _examples(found: Iterable[Pair]) -> Iterator[Example]:
    """Of each kind and difference the gravest, of these the most valuable."""
    groups: dict[tuple[str, str], list[Pair]] = {}
    for pair in found:
        for change in pair.changes:
            groups.setdefault((pair.one.subject.kind, change), []).append(pair)
    for (_, change), mine in sorted(groups.items(), key=lambda group: (group[0][0], CHANGES.index(group[0][1]))):
        yield from (example(pair, change) for pair in sorted(mine, key=_weight)[:EXAMPLES])


def _weight(pair: Pair) -> tuple[int, Decimal, tuple[str, ...], str]:
    one = pair.one
    return (-one.gravest, Decimal(0) if one.total is None else -Decimal(one.total[0]), one.subject, one.id)


def example(pair: Pair, change: str) -> Example:
    """An exception of which something is different."""
    subject = pair.one.subject
    return Example(change, subject.kind, subject.order, subject.tenant, subject.scope or None, _said(pair.old), _said(pair.new))


def _said(one: SeenException | None) -> dict[str, str | None] | None:
    """How a policy says it."""
    if one is None:
        return None
    return {
        "exception_id": one.id,
        "detected_at": iso(one.said),
        "severity": one.severity,
        "owner": one.owner,
        "status": one.status,
        "resolved_at": None if one.ended is None else iso(one.ended),
        "promise_ends": None if one.promised is None else iso(one.promised),
        "value": None if one.total is None else " ".join(one.total),
    }
