"""An independent judge over whole histories: what the catalogue says is wrong with which order as of a log time.

It keeps no state and takes no short cuts: it reads all events, finds whose they are, computes every fact and every kind from scratch, and
only then asks what is visible at `until`. It exists to be compared with the engine, and shares no code with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tests.oracle.judging.ageing import FORGOTTEN, expires
from tests.oracle.judging.backfill import Arrival, history, once, order_told_by, orphans_told_by, told_by
from tests.oracle.judging.calendars import Calendar
from tests.oracle.judging.conditions import Condition, cut, merged
from tests.oracle.judging.facts import Order
from tests.oracle.judging.identity import Member, OrderKey, Waited, place
from tests.oracle.judging.kinds_conflict import conflict_kinds, data_kinds, return_kinds
from tests.oracle.judging.kinds_goods import fulfilment_kinds, inventory_kinds
from tests.oracle.judging.kinds_order import address_kinds, order_kinds
from tests.oracle.judging.kinds_payment import payment_kinds
from tests.oracle.judging.kinds_shipment import shipment_kinds
from tests.oracle.judging.learned import Learned
from tests.oracle.judging.reading import DAY, MINUTE, NEVER, Event, Json, lines_of, mapping, money, read, text
from tests.oracle.judging.silences import Quiet

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from tests.oracle.judging.settings import Policy

SECTIONS = (
    order_kinds,
    payment_kinds,
    inventory_kinds,
    fulfilment_kinds,
    address_kinds,
    shipment_kinds,
    conflict_kinds,
    return_kinds,
    data_kinds,
)
ORPHAN = "data.orphan_signal"
DECISIONS = ("case.", "action.", "automation.", "suggestion.")
"""How the types of decisions begin: they are taken in log order, whatever their time, and tell nothing of an order."""


What = tuple[str, "str | None", int]
"""The kind, scope and episode of an exception."""


class Ages(NamedTuple):
    """When exceptions of one order are closed for age, and whether one stood open at a log time, as was known then."""

    when: Callable[[What, Condition], int | None]
    stood: Callable[[What, int], bool]


class Verdict(NamedTuple):
    """One exception as of an instant; `start` and `due` are in microseconds since the epoch."""

    order: str
    kind: str
    scope: str | None
    episode: int
    status: str
    start: int
    due: int | None
    severity: str
    tenant: str
    begun: int | None = None
    end: int = NEVER
    amounts: tuple[tuple[int, Decimal], ...] = ()


def judge(  # noqa: PLR0915 - one step after another
    lines: Sequence[Json],
    policy: Policy,
    until: int,
    only: OrderKey | None = None,
    *,
    ages: bool = True,
    said: Container[What] | None = None,
    ticks: set[int] | None = None,
    seen: list[Order] | None = None,
    upto: int | None = None,
) -> list[Verdict]:
    """Every verdict that stands at log time `until` (inclusive), given the events up to then in file order; retracted ones do not stand.

    `only`: the one order that is asked about, and what had been `said` of it, if that is known; `ages`: whether what stands open for too
    long is closed; `ticks`: takes the instants at which anything begins, ends or grows graver by what is known then; `seen`: the orders;
    `upto`: of what the one order came to know at `until` only so many events are known yet.
    """

    def stood(key: OrderKey, what: What, at: int) -> bool:
        """Whether an exception of an order stood open at a log time."""
        if (key, at) not in open_at:
            before = [one for one in judge(lines, policy, at, key, ages=False) if (one.tenant, one.order) == key]
            open_at[key, at] = {(one.kind, one.scope, one.episode) for one in before if one.status != "resolved"}
        return what in open_at[key, at]

    def aged(key: OrderKey, news: list[int], told_at: int | None = None) -> Ages:
        """Tells when exceptions of an order are closed for age."""

        def when(what: What, one: Condition) -> int | None:
            expiry = policy.rules[one.kind].expire_after
            steps = [at for at, _ in one.steps]
            opened = max(one.said_from, told_at or one.start)
            return expires(opened, [*news, *steps], expiry, until, lambda at: stood(key, what, at)) if ages else None

        def stood_at(what: What, at: int) -> bool:
            return stood(key, what, at)

        return Ages(when, stood_at)

    open_at: dict[tuple[OrderKey, int], set[What]] = {}
    log = read(lines, until, policy.identifiers)
    placement, learned, quiet = place(log), Learned.of(log), Quiet(log, policy.pace)
    orders: list[Order] = []
    verdicts: list[Verdict] = []
    told: dict[OrderKey, int | None] = {}
    news: dict[OrderKey, list[int]] = {}
    for key, members in placement.orders.items():
        if upto is not None and key == only:
            members = known_by(members, until, upto)  # noqa: PLW2901
        if (closed_at := closing(lines, policy, key, members)) < NEVER:
            members = [member for member in members if member.known <= closed_at]  # noqa: PLW2901
        known = min((member.known for member in members if not member.event.type.startswith(DECISIONS)), default=NEVER)
        if known == NEVER:
            continue  # decisions about nothing that was said: they are rejected, and make no order known
        happened = history_of(members)
        linked = [children[key] for children in placement.linked.values() if key in children]
        unclear = placement.unresolved.get(key, [])
        order = Order(*key, happened, policy, placement.reused.get(key, []), unclear, learned=learned, part=bool(linked))
        kept = {(event.source, event.id) for event in happened if event.type == "order.placed"}
        placed = [member for member in members if (member.event.source, member.event.id) in kept]
        orphan = orphan_of(placed, linked, known, policy)
        heard = [one for one in members if not one.event.type.startswith(DECISIONS)]
        told_at = told_by([Arrival(one.known, one.event.at) for one in once(heard)], policy.backfill)
        news[key] = [one.known for one in once(members) if not one.event.type.startswith("suggestion.")]
        if ticks is not None:
            ticks.update((orphan.start, orphan.end, told_at or orphan.start))
        if told_at is None or told_at <= min(until, orphan.end - 1):
            forgotten = ages and not placed and max(news[key]) + FORGOTTEN <= until
            verdicts += [one._replace(status="resolved") if forgotten else one for one in settled(key, [orphan], policy, until)]
        if placed:
            orders.append(order)
            told[key] = order_told_by(heard, policy.backfill)
    flag_duplicates(orders)
    if seen is not None:
        seen += orders
    for order in orders:
        key, told_at = (order.tenant, order.id), told[order.tenant, order.id]
        if ticks is not None and told_at is not None:
            ticks.add(told_at)
        if (told_at is not None and until < told_at) or order.placed < policy.backfill.watch_from or only not in (None, key):
            continue
        conditions = cut([condition for section in SECTIONS for condition in section(order)], order.gaps)
        if ticks is not None:
            ticks.update(at for one in conditions for at in one.instants())
        conditions = [told_of for one in conditions if (told_of := quiet.seen(order, one, until)) is not None]
        if told_at is None:
            verdicts += settled(key, conditions, policy, until, ages=aged(key, news[key]))
        else:
            asked = said is None and until > told_at
            before = standing_at(lines, policy, key, told_at, log, conditions, placement.orders[key]) if asked else said or ()
            verdicts += settled(key, conditions, policy, until, told_at, before, aged(key, news[key], told_at))
    conditions_of, opened = orphans(placement.waited, policy, until, ticks)
    for key, conditions in conditions_of.items():
        opened[key] += [member.known for member in placement.orders.get(key, ()) if member.event.type.startswith("case.")]
        verdicts += settled(key, conditions, policy, until, ages=aged(key, opened[key]))
    return sorted(verdicts, key=lambda one: (one.tenant, one.order, one.kind, one.scope or "", one.episode))


def standing_at(
    lines: Sequence[Json],
    policy: Policy,
    key: OrderKey,
    told_at: int,
    log: Sequence[Event],
    conditions: Sequence[Condition],
    members: list[Member],
) -> set[What]:
    """What stood of an order before the last was known, whose history had been told at `told_at`; nobody asks if none of it is history.

    What was taken back in between does not stand: of what is history it is not said again. What a tie makes known is heard one by one.
    """
    found: set[What] = set()
    old = any(history(one, told_at, policy.backfill) for one in conditions)
    instants: list[tuple[int, int | None]] = [(event.log - 1, None) for event in log if told_at < event.log - 1]
    for at in {member.known for member in members if member.known > told_at}:
        at_once = sum(member.known == at for member in members)
        instants += [(at, number) for number in range(1, at_once)]
    for at, upto in sorted({(told_at, None), *instants}, key=lambda one: (one[0], one[1] or 0)) if old else ():
        before = judge(lines, policy, at, key, said=found, upto=upto)
        found = {(one.kind, one.scope, one.episode) for one in before if (one.tenant, one.order) == key}
    return found


def closing(lines: Sequence[Json], policy: Policy, key: OrderKey, members: Sequence[Member]) -> int:
    """When an order that was heard of again had been closed: silent for long, with nothing open nor ahead. What comes then is refused."""
    news = sorted(member.known for member in members)
    placed = min((member.known for member in members if member.event.type == "order.placed"), default=NEVER)
    for last, following in itertools.pairwise(news):
        at = last + policy.close_after
        while placed < at < following:
            ahead: set[int] = set()
            verdicts = judge(lines, policy, at, key, ticks=ahead)
            is_open = any((one.tenant, one.order) == key and one.status != "resolved" for one in verdicts)
            if not is_open and not any(at < tick < NEVER for tick in ahead):
                return at
            at += policy.close_after
    return NEVER


def known_by(members: list[Member], at: int, upto: int) -> list[Member]:
    """What an order knows of when it has heard only so many of the events that become known to it at an instant."""
    heard = sorted((member for member in members if member.known == at), key=lambda member: member.event.place)[:upto]
    return [*(member for member in members if member.known < at), *heard]


def orphan_of(placed: Sequence[Member], linked: Sequence[int], known: int, policy: Policy) -> Condition:
    """That nobody places an order which is `known` since then; one that was split off another need not be placed."""
    due = waited_until(known, policy)
    start = due + policy.rules[ORPHAN].grace
    return Condition(ORPHAN, None, start, min([*(member.known for member in placed), *linked], default=NEVER), due, waits=True)


def waited_until(since: int, policy: Policy) -> int:
    """Until when an order is waited for, by the tenant's days: where it would go nobody knows."""
    return Calendar(policy.zone).add(since, policy.rules[ORPHAN].threshold)


def orphans(
    waited: Sequence[Waited], policy: Policy, until: int, ticks: set[int] | None = None
) -> tuple[dict[OrderKey, list[Condition]], dict[OrderKey, list[int]]]:
    """Of each alias at which events waited for their order: what is wrong with that, and when it was and became known."""
    conditions: dict[OrderKey, list[Condition]] = {}
    opened: dict[OrderKey, list[int]] = {}
    for one, told_at in zip(waited, orphans_told_by(waited, policy.backfill), strict=True):
        if ticks is not None:
            ticks.update((waited_until(one.log, policy) + policy.rules[ORPHAN].grace, told_at or one.log, one.tied))
        if told_at is None or told_at <= min(until, one.tied - 1):
            due = waited_until(one.log, policy)
            start = due + policy.rules[ORPHAN].grace
            conditions.setdefault((one.tenant, one.alias), []).append(Condition(ORPHAN, None, start, one.tied, due, waits=True))
            opened.setdefault((one.tenant, one.alias), []).append(max(one.log, told_at or start))
    return conditions, opened


def history_of(members: list[Member]) -> list[Event]:
    """H: without duplicates (the first in log order stays), withdrawn events and scans of another parcel, sorted by time."""
    once: dict[tuple[str, str], Event] = {}
    for member in sorted(members, key=lambda one: (one.known, one.event.place)):
        once.setdefault((member.event.source, member.event.id), replace(member.event, log=member.known))
    withdrawals = [event for event in once.values() if event.type == "evidence.withdrawn"]
    withdrawn = [(event.text("event_source"), event.text("event_id")) for event in withdrawals]
    kept = [event for event in once.values() if not any(source in (None, event.source) and name == event.id for source, name in withdrawn)]
    if placed := [event.at for event in kept if event.type == "order.placed"]:
        announced = [event.at for event in kept if event.type in ("warehouse.label_created", "warehouse.shipped")]
        since = min(placed + announced) - 30 * DAY
        kept = [event for event in kept if event.type != "carrier.scan" or event.at >= since]
    return sorted(kept, key=lambda event: (event.at, event.source, event.id))


def flag_duplicates(orders: list[Order]) -> None:
    """Tell each order while another of the same address and basket is wanted that was placed at most ten minutes before.

    The customer need not be the same, for guests have no lasting IDs, but where nothing is sent to the address.
    """
    groups: dict[tuple[object, ...], list[Order]] = {}
    for order in orders:
        known = next((purchase for event in order.of("order.placed") if (purchase := purchased(order, event.data))), None)
        if known is not None:
            groups.setdefault(known, []).append(order)
    for group in groups.values():
        group.sort(key=lambda order: (order.placed, order.id))
        for earlier, later in itertools.combinations(group, 2):
            if later.placed - earlier.placed <= 10 * MINUTE:
                later.twins += [(max(start, later.placed), end) for start, end in alive(earlier) if end > later.placed]


def purchased(order: Order, data: Json) -> tuple[object, ...] | None:
    """What a placing says was bought, for whom and where to; none if it does not say it."""
    customer, address = text(mapping(data, "customer"), "id"), text(mapping(data, "ship_to"), "address_hash")
    pieces: dict[str, Decimal] = {}
    for line in lines_of(data):
        pieces[line.sku or ""] = pieces.get(line.sku or "", Decimal(0)) + order.whole(line)
    sent = text(data, "method") not in ("pickup", "digital")
    what = tuple(sorted(pieces.items())) or money(data, "total")
    return (order.tenant, None if sent else customer, address, what) if what is not None and address and (customer or sent) else None


def alive(order: Order) -> list[tuple[int, int]]:
    """From when until when an order is one that another may repeat: neither cancelled nor declined."""
    over: list[tuple[int, int]] = [*order.gaps, (order.cx, NEVER)]
    paid = [event.at for event in order.of("payment.authorized", "payment.captured")]
    over += [
        (event.at, min((at for at in paid if at > event.at), default=NEVER))
        for event in order.of("payment.failed")
        if event.text("stage") not in ("capture", "refund") and not any(at <= event.at for at in paid)
    ]
    found: list[tuple[int, int]] = []
    since = order.placed
    for start, end in sorted(over):
        if start > since:
            found.append((since, start))
        since = max(since, end)
    return [*found, (since, NEVER)] if since < NEVER else found


def settled(
    key: OrderKey,
    conditions: list[Condition],
    policy: Policy,
    until: int,
    told_at: int | None = None,
    said: Container[What] = (),
    ages: Ages | None = None,
) -> list[Verdict]:
    """Conditions as verdicts at `until`: merged, numbered, and suppressed where another open one explains them.

    `told_at`: when the order's history had been told, if it was told long after; what is history is left out unless it was `said` then.
    `ages`: when one of them is closed for age.
    """
    seen = [condition for condition in conditions if condition.start < condition.end and policy.rules[condition.kind].mode != "off"]
    visible = [
        (number, condition)
        for episodes in merged(seen)
        for number, condition in enumerate(episodes, start=1)
        if condition.said_by(until)
        if told_at is None or (condition.kind, condition.scope, number) in said or not history(condition, told_at, policy.backfill)
    ]
    closed = {id(one): at for number, one in visible if ages and (at := ages.when((one.kind, one.scope, number), one)) is not None}
    if ages:
        close_along(visible, closed, policy, ages)
    skewed = {id(one) for _, one in visible if one.kind == "data.clock_skew" and one.end > until}
    still = [one for _, one in visible if (one.end == NEVER or id(one) in skewed) and id(one) not in closed]

    def suppressed(condition: Condition) -> bool:
        return any(suppresses(other, condition, policy) for other in still)

    found: list[Verdict] = []
    for number, one in visible:
        is_open = any(one is other for other in still)
        status = "resolved" if not is_open else ("suppressed" if suppressed(one) else "open")
        at = closed.get(id(one), until)
        end = min(at, one.end) if status == "resolved" else NEVER
        grade = severity(one, policy, at)
        found.append(Verdict(key[1], one.kind, one.scope, number, status, one.start, one.due, grade, key[0], one.begun, end, one.amounts))
    return found


def suppresses(other: Condition, one: Condition, policy: Policy) -> bool:
    """Whether one condition hides another while it is open."""
    rule = policy.rules[one.kind]
    same = other.scope == one.scope or None in (other.scope, one.scope)
    return other.kind in rule.suppressed_by and policy.rules[other.kind].mode == rule.mode and same


def close_along(visible: list[tuple[int, Condition]], closed: dict[int, int], policy: Policy, ages: Ages) -> None:
    """Closes what was suppressed by what is closed for age, and by nothing that still stood then, unless it is to stand for longer."""

    def lasts(one: Condition) -> int:
        expiry = policy.rules[one.kind].expire_after
        return NEVER if expiry is None else expiry

    again = True
    while again:
        again = False
        for number, one in visible:
            hiding = [(n, other) for n, other in visible if suppresses(other, one, policy)]
            for _, other in hiding:
                at = closed.get(id(other))
                if at is None or closed.get(id(one), at + 1) <= at or one.start > at or lasts(one) > lasts(other):
                    continue
                if not ages.stood((one.kind, one.scope, number), at):
                    continue
                others = [(n, two) for n, two in hiding if two is not other and closed.get(id(two), at + 1) > at]
                if not any(ages.stood((two.kind, two.scope, n), at) for n, two in others):
                    closed[id(one)] = at
                    again = True


def severity(condition: Condition, policy: Policy, until: int) -> str:
    """The severity of the last step reached."""
    steps = sorted(condition.steps, key=lambda step: step[0])
    reached = [word for at, word in steps if at <= until and at < condition.end]
    return (reached or [word for _, word in steps[:1]] or [policy.rules[condition.kind].severity])[-1]
