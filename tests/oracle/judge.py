"""An independent judge over whole histories: what the catalogue says is wrong with which order as of a log time.

It keeps no state and takes no short cuts: it reads all events, finds whose they are, computes every fact and every kind from scratch, and
only then asks what is visible at `until`. It exists to be compared with the engine, and shares no code with it.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from tests.oracle.judging.backfill import Arrival, history, once, order_told_by, orphans_told_by, told_by
from tests.oracle.judging.conditions import Condition, cut, merged
from tests.oracle.judging.facts import Order
from tests.oracle.judging.identity import Member, OrderKey, place
from tests.oracle.judging.kinds_conflict import conflict_kinds, data_kinds, return_kinds
from tests.oracle.judging.kinds_goods import fulfilment_kinds, inventory_kinds
from tests.oracle.judging.kinds_order import address_kinds, order_kinds
from tests.oracle.judging.kinds_payment import payment_kinds
from tests.oracle.judging.kinds_shipment import shipment_kinds
from tests.oracle.judging.reading import DAY, MINUTE, NEVER, Event, Json, lines_of, mapping, money, read, text

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


def judge(lines: Sequence[Json], policy: Policy, until: int, only: OrderKey | None = None) -> list[Verdict]:
    """Every verdict that stands at log time `until` (inclusive), given the events up to then in file order; retracted ones do not stand.

    `only`: the one order that is asked about.
    """
    placement = place(read(lines, until, policy.identifiers))
    orders: list[Order] = []
    verdicts: list[Verdict] = []
    told: dict[OrderKey, int | None] = {}
    for key, members in placement.orders.items():
        known = min((member.known for member in members if not member.event.type.startswith(("case.", "action."))), default=NEVER)
        if known == NEVER:
            continue  # decisions about nothing that was said: they are rejected, and make no order known
        history = history_of(members)
        order = Order(*key, history, policy, placement.reused.get(key, []), placement.unresolved.get(key, []))
        kept = {(event.source, event.id) for event in history if event.type == "order.placed"}
        placed = [member for member in members if (member.event.source, member.event.id) in kept]
        linked = [children[key] for children in placement.linked.values() if key in children]
        orphan = Condition(
            ORPHAN,
            None,
            known + policy.rules[ORPHAN].threshold.n,
            min([*(member.known for member in placed), *linked], default=NEVER),
            known + policy.rules[ORPHAN].threshold.n,
            waits=True,
        )
        told_at = told_by([Arrival(one.known, one.event.at) for one in once(members)], policy.backfill)
        if told_at is None or told_at <= min(until, orphan.end - 1):
            verdicts += settled(key, [orphan], policy, until)
        if placed:
            orders.append(order)
            told[key] = order_told_by(members, policy.backfill)
    flag_duplicates(orders)
    for order in orders:
        key = (order.tenant, order.id)
        told_at = told[key]
        if (told_at is not None and until < told_at) or order.placed < policy.backfill.watch_from or only not in (None, key):
            continue
        conditions = cut([condition for section in SECTIONS for condition in section(order)], order.gaps)
        if told_at is None:
            verdicts += settled(key, conditions, policy, until)
        else:
            before = judge(lines, policy, told_at, key) if until > told_at else []
            said = {(one.kind, one.scope, one.episode) for one in before if one.order == order.id}
            verdicts += settled(key, conditions, policy, until, told_at, said)
    aliases: dict[OrderKey, list[Condition]] = {}
    for waited, told_at in zip(placement.waited, orphans_told_by(placement.waited, policy.backfill), strict=True):
        if told_at is not None and told_at > min(until, waited.tied - 1):
            continue
        start = waited.log + policy.rules[ORPHAN].threshold.n
        aliases.setdefault((waited.tenant, waited.alias), []).append(Condition(ORPHAN, None, start, waited.tied, start, waits=True))
    for key, conditions in aliases.items():
        verdicts += settled(key, conditions, policy, until)
    return sorted(verdicts, key=lambda one: (one.tenant, one.order, one.kind, one.scope or "", one.episode))


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
        data = order.of("order.placed")[0].data
        customer, address = text(mapping(data, "customer"), "id"), text(mapping(data, "ship_to"), "address_hash")
        basket = sorted((line.sku or "", order.whole(line)) for line in lines_of(data))
        sent = text(data, "method") not in ("pickup", "digital")
        if address and (customer or sent):
            what = tuple(basket) if basket else money(data, "total")
            if what is not None:
                groups.setdefault((order.tenant, None if sent else customer, address, what), []).append(order)
    for group in groups.values():
        group.sort(key=lambda order: (order.placed, order.id))
        for earlier, later in itertools.combinations(group, 2):
            if later.placed - earlier.placed <= 10 * MINUTE:
                later.twins += [(max(start, later.placed), end) for start, end in alive(earlier) if end > later.placed]


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
    said: Container[tuple[str, str | None, int]] = (),
) -> list[Verdict]:
    """Conditions as verdicts at `until`: merged, numbered, and suppressed where another open one explains them.

    `told_at`: when the order's history had been told, if it was told long after; what is history is left out unless it was `said` then.
    """
    seen = [condition for condition in conditions if condition.start < condition.end and policy.rules[condition.kind].mode != "off"]
    visible = [
        (number, condition)
        for episodes in merged(seen)
        for number, condition in enumerate(episodes, start=1)
        if condition.start <= until or not condition.waits
        if told_at is None or (condition.kind, condition.scope, number) in said or not history(condition, told_at, policy.backfill)
    ]
    skewed = {id(one) for _, one in visible if one.kind == "data.clock_skew" and one.end > until}
    still = [one for _, one in visible if one.end == NEVER or id(one) in skewed]

    def suppressed(condition: Condition) -> bool:
        rule = policy.rules[condition.kind]
        return any(
            other.kind in rule.suppressed_by
            and policy.rules[other.kind].mode == rule.mode
            and (other.scope == condition.scope or None in (other.scope, condition.scope))
            for other in still
        )

    found: list[Verdict] = []
    for number, one in visible:
        is_open = any(one is other for other in still)
        status = "resolved" if not is_open else ("suppressed" if suppressed(one) else "open")
        found.append(Verdict(key[1], one.kind, one.scope, number, status, one.start, one.due, severity(one, policy, until), key[0]))
    return found


def severity(condition: Condition, policy: Policy, until: int) -> str:
    """The severity of the last step reached."""
    steps = sorted(condition.steps, key=lambda step: step[0])
    reached = [word for at, word in steps if at <= until and at < condition.end]
    return (reached or [word for _, word in steps[:1]] or [policy.rules[condition.kind].severity])[-1]
