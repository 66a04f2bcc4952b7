"""The judges of what is overdue: one for each sort of anchor and of what it is asked of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

from dataflows.core.history.again import running
from dataflows.core.history.facts import Facts
from dataflows.core.history.returns import Return
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import timeout
from dataflows.core.rules.dates import by_date
from dataflows.core.rules.lasting import tells_progress
from dataflows.core.rules.of_returns import called_off, refunded, repayable, resolution
from dataflows.core.rules.reading import (
    clearing,
    ended_for,
    first_reached,
    following,
    matcher,
    of_parcel,
    reached,
    records_of,
    tracked,
)
from dataflows.core.rules.structs import Find, Found, Overdue
from dataflows.core.rules.vocabulary import (
    MILESTONES,
    ByTerms,
    Covered,
    Date,
    EventTerm,
    Milestone,
    Scope,
    StatedInstant,
)
from schemas.instants import earliest
from schemas.record import Record

GOODS: frozenset[object] = frozenset((Milestone.ALLOCATED, Milestone.PICKED, Milestone.PACKED))
"""What is not waited for while the order is held."""
Anchors = Callable[[Facts, RuleSetting], Iterable[tuple[int, str, tuple[Record, ...]]]]


def overdue(form: Overdue) -> Find:
    if isinstance(form.since, Date):
        return by_date(form, form.since)
    if form.each is Scope.SHIPMENT:
        return _overdue_shipment(cast("tuple[Milestone, ...]", form.since))
    if form.each is Scope.PARCEL:
        return _overdue_parcel(form, cast("EventTerm", form.since))
    if form.each is Scope.RETURN:
        return _overdue_return(form, cast("EventTerm", form.since))
    if isinstance(form.since, StatedInstant):
        return _overdue_stated(form, form.since)
    if isinstance(form.since, EventTerm):
        return _overdue_event(form, form.since)
    anchors = _anchors(cast("Milestone | Covered | ByTerms", form.since))
    met, lifted = first_reached(cast("Sequence[Milestone | EventTerm]", form.until)), first_reached(form.unless)

    goods = not isinstance(form.since, ByTerms) and form.since is not Milestone.SHIPPED and GOODS.issuperset(form.until)

    def ended(o: Facts, at: int) -> int | None:
        """When nothing more was expected: the order ended, or was cancelled for a while."""
        lives = o.lives
        life = lives[0] if len(lives) == 1 else next((life for life in reversed(lives) if life.since <= at), lives[0])
        wanted = life.until is not None and (at < life.until or at == life.since)
        return earliest(lifted(o), life.until) if wanted else lifted(o)

    def judge(o: Facts, s: RuleSetting) -> Found:
        for at, label, evidence in anchors(o, s):
            ends = ended(o, at)
            pauses = o.pauses if goods else ()
            if not pauses:
                yield timeout(s, o.calendar(s), at, label, evidence, met=met(o), lifted=ends)
                continue
            for begun, until in running(at, pauses):
                words = label if begun == at else "released"
                yield timeout(s, o.calendar(s), begun, words, evidence, met=met(o), lifted=earliest(ends, until))

    def while_owing(o: Facts, s: RuleSetting) -> Found:
        for at, label, evidence in anchors(o, s):
            ends = ended(o, at)
            for since, until, record in o.owing:
                over = earliest(ends, until)
                if since <= at:
                    yield timeout(s, o.calendar(s), at, label, evidence, met=met(o), lifted=over)
                else:
                    yield timeout(s, o.calendar(s), since, "owed", (record,), met=met(o), lifted=over)

    return while_owing if form.owing else judge


def _anchors(since: Milestone | Covered | ByTerms) -> Anchors:
    """Where an expectation of an order begins, what that is called, and the events that show it."""
    if isinstance(since, Covered):
        return lambda o, _: (
            () if (at := o.cover(since.event)) is None else ((max(at, o.placed_at), since.label, tuple(o.t.of(since.event))),)
        )
    if isinstance(since, ByTerms):
        own = {"prepaid": since.prepaid, "on_ship": since.on_ship}
        named = {m.value: _anchors(m) for m in own.values()}

        def chosen(o: Facts, s: RuleSetting) -> Iterator[tuple[int, str, tuple[Record, ...]]]:
            anchors = named.get(s.anchor or "") or named[own[o.paid_on].value]
            for at, label, evidence in anchors(o, s):
                yield at, label, evidence or (cast("Record", o.placed),)

        return chosen
    read = reached(since)
    if since is Milestone.PLACED:
        return lambda o, _: tuple((life.since, "placed", (life.record,)) for life in o.lives)
    if since is Milestone.SHIPPED:
        return lambda o, _: _since_shipped(o)
    types, label = MILESTONES[since].types, since.value
    return lambda o, _: () if (at := read(o)) is None else ((at, label, tuple(r for r in o.t.of(*types) if r.at <= at)),)


def _since_shipped(o: Facts) -> Iterator[tuple[int, str, tuple[Record, ...]]]:
    """From when the order had left, and anew each time that it is wanted again after that."""
    left = o.shipped
    if left is None:
        return
    for life in o.lives:
        at = max(left, life.since)
        if life.until is None or at < life.until:
            yield at, "shipped", tuple(r for r, _ in o.handovers)


def _overdue_event(form: Overdue, since: EventTerm) -> Find:
    """Each event is an expectation of its own, met by what comes at or after it."""
    begins, lifted = records_of(since), first_reached(form.unless)
    marks = [reached(term) for term in form.until if isinstance(term, Milestone)]
    events = [following(term) for term in form.until if isinstance(term, EventTerm)]

    def judge(o: Facts, s: RuleSetting) -> Found:
        later = [event(o) for event in events]
        for record in begins(o):
            met = earliest(*(at(record.at) for at in later), *(read(o) for read in marks))
            yield timeout(s, o.calendar(s), record.at, form.label, (record,), met=met, lifted=lifted(o))

    return judge


def _overdue_stated(form: Overdue, since: StatedInstant) -> Find:
    """The instants at which authorizations run out, each of which may be taken, given back or replaced before."""
    lifted = first_reached(form.unless)

    def judge(o: Facts, s: RuleSetting) -> Found:
        ledger, over = o.ledger, lifted(o)
        for known in ledger.authorizations():
            if known.expires is None:
                continue
            at, met = known.record.at, earliest(known.ended, ledger.satisfied(known.record.at))
            scope = f"payment:{known.payment_id}" if known.payment_id else None
            yield timeout(
                s,
                o.calendar(s),
                known.expires,
                since.label,
                (known.record,),
                scope=scope,
                since=at,
                begun=at,
                met=met,
                lifted=over,
                moved=known.replaced,
            )

    return judge


def _overdue_shipment(since: tuple[Milestone, ...]) -> Find:
    """The first scan of each parcel of a shipment, awaited since its label was made, then anew since its hand-over.

    A parcel that was handed over before it was labelled is awaited since the label. One that went on under another number has been scanned.
    The scan of one parcel shows that the carrier scans those of this shipment: the others are missed from then on.
    """
    labelled, handed_over = Milestone.LABELLED in since, Milestone.HANDED_OVER in since

    def judge(o: Facts, s: RuleSetting) -> Found:
        for x in o.shipments:
            if not x.trackings:
                continue
            setting = o.of(x, s)
            calendar = o.calendar(setting, x)
            scanned = earliest(*(parcel.first_scan for parcel in x.parcels))
            for parcel in x.parcels:
                if x.goes_on(parcel):
                    continue
                met, lifted = parcel.first_scan, ended_for(o, x, parcel)
                shown = scanned is not None and (met is None or scanned < met)
                made, handed = x.announced(parcel)
                made, handed = made if labelled else None, handed if handed_over else None
                if made is not None and handed is not None and handed.at < made.at:
                    handed = None
                at = None if handed is None else handed.at
                if made is not None and (at is None or made.at < at):
                    yield timeout(
                        *(setting, calendar, made.at, "label made", (made,)),
                        scope=x.scope, met=met, lifted=lifted, moved=at, shown=shown,
                    )  # fmt: skip
                if handed is not None:
                    yield timeout(
                        *(setting, calendar, handed.at, "handed over", (handed,)), scope=x.scope, met=met, lifted=lifted, shown=shown
                    )

    return judge


def _overdue_parcel(form: Overdue, since: EventTerm) -> Find:
    """From the first such scan of a parcel until another."""
    begins = matcher(since)
    events = [clearing(term) for term in form.until if not isinstance(term, Milestone)]
    marks = [of_parcel(term) for term in form.until if isinstance(term, Milestone)]

    def judge(o: Facts, s: RuleSetting) -> Found:
        for shipment, parcel in tracked(o):
            position, first = next(((i, r) for i, r in enumerate(parcel.scans) if begins(r)), (0, None))
            if first is not None:
                met = earliest(*(c(o, shipment, parcel)(position) for c in events), *(m(o, shipment, parcel) for m in marks))
                setting = o.of(shipment, s)
                calendar, lifted = o.calendar(setting, shipment), ended_for(o, shipment, parcel)
                yield timeout(
                    *(setting, calendar, first.at, form.label, (first,)),
                    scope=shipment.scope, met=met, lifted=lifted, shown=tells_progress(first, known=False),
                )  # fmt: skip

    return judge


def _of_return(term: object) -> Callable[[Facts, Return], int | None]:
    if term is Milestone.REFUND:
        return lambda o, known: refunded(o, known, named=False)
    if term is Milestone.NAMED_REFUND:
        return lambda o, known: refunded(o, known, named=True)
    event = cast("EventTerm", term)
    matches, type_ = matcher(event), event.types[0]
    if type_ == "carrier.scan":
        return lambda _, known: next((r.at for r in known.scans if matches(r)), None)
    return lambda _, known: next((r.at for r in known.steps if r.event.type == type_ and matches(r)), None)


def _overdue_return(form: Overdue, since: EventTerm) -> Find:
    """From the first such step of a return, and from the next after it was called off."""
    begins, type_, untils = matcher(since), since.types[0], [_of_return(term) for term in form.until]
    of_money = Milestone.REFUND in form.until

    def judge(o: Facts, s: RuleSetting) -> Found:
        for known in o.returns:
            begun = [r for r in known.steps if r.event.type == type_ and begins(r)]
            if not begun or (of_money and resolution(o, known) not in (None, "refund")):
                continue
            met = earliest(*(until(o, known) for until in untils))
            over: int | None = None
            for record in begun:
                if record is begun[0] or (over is not None and record.at > over):
                    over = called_off(o, known, record.at)
                    for at, until in repayable(o, record.at) if of_money else ((record.at, None),):
                        words, lifted = form.label if at == record.at else "paid", earliest(over, until)
                        yield timeout(s, o.calendar(s), at, words, (record,), scope=known.scope, met=met, lifted=lifted)

    return judge
