"""Actions over random demands, decisions, forgeries and restarts: what must hold whatever comes.

The checks read nothing but what was written and what was decided; they know nothing of how a shard keeps its actions.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.actions.shard import ActionShard, action_position
from dataflows.core.clocks.zones import local
from dataflows.core.engine.intents import Intent, Sort
from dataflows.core.rules.guarding import Objection
from schemas.actions import ACTIONS
from schemas.places import zone
from schemas.record import Record
from schemas.topics import DECISIONS
from tests.property.histories import examples
from tests.support.actions import Desk, intent, policy_of
from tests.support.logs import HOUR, MINUTE, T0

Item = Intent | Record

STEPS = (
    ("shipment.lost_confirmed", "approve_replacement", None),
    ("shipment.damaged", "approve_replacement", "shipment:S1"),
    ("return.received_not_refunded", "approve_refund", "return:R1"),
    ("payment.cancelled_not_refunded", "approve_refund", None),
    ("shipment.delivery_overdue", "notify_customer", None),
    ("shipment.eta_slip", "notify_customer", None),
    ("payment.declined_hard", "hold_order", None),
    ("order.duplicate_suspected", "hold_order", None),
    ("fulfilment.pack_overdue", "create_warehouse_task", None),
    ("order.pending_too_long", "close_order", None),
)
OBJECTIONS = (
    Objection("high_value", "review", "the order is worth more than 1000"),
    Objection("fraud_hold", "block", "the order is held for fraud"),
)
PEOPLE = ("user:anna", "user:ben", "user:cara", "service:dispatch")
POLICY = """
zone: America/New_York
actions:
  approval_timeout: 20 h
  approve_within: 6 h
  second_approval_above: {EUR: 50}
  approvers: {approve_refund: [finance], "*": [approver]}
  budgets:
    - {action: notify_customer, most: 2}
    - {rule: payment.declined_hard, most: 1}
    - {action: notify_customer, each: customer, most: 1}
    - {most: 6}
"""
MOST: tuple[tuple[dict[str, str], int], ...] = (
    ({"action": "notify_customer"}, 2),
    ({"kind": "payment.declined_hard"}, 1),
    ({"action": "notify_customer", "customer": "each"}, 1),
    ({}, 6),
)
NEXT: dict[str, frozenset[str]] = {
    "": frozenset(("proposed", "requested", "blocked")),
    "proposed": frozenset(("proposed", "requested", "blocked", "rejected", "expired", "withdrawn")),
    "blocked": frozenset(("blocked", "proposed", "rejected", "withdrawn")),
    "requested": frozenset(("begun", "executed", "failed", "in_doubt", "withdrawn", "rejected")),
    "begun": frozenset(("begun", "executed", "failed", "in_doubt")),
    "in_doubt": frozenset(("executed", "failed")),
    "failed": frozenset(("begun", "failed")),
    "withdrawn": frozenset(("begun",)),
    "rejected": frozenset(("begun",)),
    "executed": frozenset(),
    "expired": frozenset(),
}
"""What may follow a state. What has ended begins only where it was begun before its end was read."""


@dataclass
class World:
    """A log that is drawn while a shard runs, since those who decide have read what it said; `forged`: which items must have no effect."""

    desk: Desk
    lots: Random
    items: list[Item] = field(default_factory=list[Item])
    forged: set[int] = field(default_factory=set[int])
    standing: dict[tuple[str, str, str | None, str], int] = field(default_factory=dict["tuple[str, str, str | None, str]", int])
    numbers: dict[tuple[str, str, str | None, str], int] = field(default_factory=lambda: defaultdict(int))
    late: bool = True
    """Whether what carries out may act on what it read some time ago."""
    steps: Sequence[tuple[str, str, str | None]] = STEPS
    keen: bool = False
    """Whether those who decide mostly know what they may."""

    def draw(self, now: int) -> None:
        """One thing happens."""
        sort = self.lots.choices(("rule", "person", "dispatch", "pause", "forge"), (5, 6, 6, 1, 3))[0]
        item: Item | None = getattr(self, f"_{sort}")(now)
        if item is not None:
            if sort == "forge":
                self.forged.add(len(self.items))
            self.items.append(item)
            self.desk.take(item)

    def _rule(self, now: int) -> Intent:
        kind, step, scope = self.lots.choice(self.steps)
        order = self.lots.choice(("A-1", "A-2") if self.keen else ("A-1", "A-2", "A-3"))
        amount = self.lots.choice((("10.00", "EUR"), ("80.00", "EUR"), None))
        key = (order, kind, scope, step)
        sort: Sort = "asked"
        spoken: list[Objection] = []
        if key in self.standing and self.lots.random() < 0.6:
            sort, number = "guarded", self.standing[key]
            spoken = [each for each in OBJECTIONS if self.lots.random() < 0.3]
        elif key in self.standing:
            sort, number = "gone", self.standing.pop(key)
        else:
            self.numbers[key] += 1
            number = self.standing[key] = self.numbers[key]
        lane = self.lots.choice(("auto", "auto", "review", "block"))
        if sort != "gone":
            lane = max(lane, *(each.effect for each in spoken), key=("auto", "review", "block").index) if spoken else lane
        hold = now + HOUR if step == "notify_customer" and self.lots.random() < 0.3 else 0
        customer = {"A-1": "c1", "A-2": "c1", "A-3": None}[order]
        return intent(
            kind,
            step,
            log=now,
            sort=sort,
            order=order,
            scope=scope,
            lane=lane,
            number=number,
            amount=amount,
            customer=customer,
            hold_until=hold,
            guardrails=spoken,
        )

    def _any(self, *states: str) -> dict[str, Any] | None:
        found = [each for each in self.desk.states.values() if each["state"] in states]
        return self.lots.choice(found) if found else None

    def _person(self, now: int) -> Record | None:
        by, roles = self.lots.choice(PEOPLE), [self.lots.choice(("finance", "approver", "viewer"))]
        if self.lots.random() < 0.15:
            money = {"amount": {"amount": "20.00", "currency": "EUR"}}
            name = self.lots.choice(("approve_refund", "cancel_order", "hold_order"))
            return self.desk.decision("action.initiated", now, order="A-1", by=by, action=name, parameters=money)
        action = self._any("proposed", "blocked", "requested", "expired", "executed")
        if action is None:
            return None
        type_ = "action.approved" if self.lots.random() < 0.85 else "action.rejected"
        if self.keen and self.lots.random() < 0.8:
            by, roles = self.lots.choice(PEOPLE[:3]), ["finance", "approver"]
        fields: dict[str, Any] = {"action_id": action["action_id"], "by": by, "by_roles": roles, "payload_hash": action["payload_hash"]}
        return self.desk.decision(type_, now, order=action["order_id"], **fields)

    def _dispatch(self, now: int) -> Record | None:
        too_late = self.late and self.lots.random() < (0.3 if self.keen else 0.1)
        states = ("requested", "begun", "in_doubt", "failed", *(("withdrawn",) if too_late else ()))
        action = self._any(*states)
        if action is None:
            return None
        types = {
            "requested": ("action.begun",) * 5 + ("action.executed",),
            "withdrawn": ("action.begun",),
            "begun": ("action.executed", "action.failed", "action.failed", "action.in_doubt"),
            "in_doubt": ("action.observed", "action.executed"),
            "failed": ("action.begun",),
        }[action["state"]]
        type_ = self.lots.choice(types)
        more: dict[str, Any] = {"by": "service:dispatch"}
        if type_ == "action.observed":
            more["outcome"] = self.lots.choice(("executed", "not_executed"))
            if self.lots.random() < 0.5:
                more["attempt"] = action["attempt"] + self.lots.choice((0, 0, 1))
        if type_ in {"action.failed", "action.in_doubt", "action.observed"} and self.lots.random() < 0.5:
            more["retry_at"] = "2026-04-21T00:00:00Z"
        return self.desk.decision(type_, now, order=action["order_id"], action_id=action["action_id"], **more)

    def _pause(self, now: int) -> Record:
        scope = self.lots.choice(("all", "action:notify_customer", "rule:payment.declined_hard", "tenant:other"))
        return self.desk.decision(f"automation.{self.lots.choice(('paused', 'resumed'))}", now, scope=scope, by="user:anna")

    def _forge(self, now: int) -> Record | None:
        """A decision that may not count: another topic, no hash, another one, nobody, no person, no role; of another order; once more."""
        said = [item for item in self.items if not isinstance(item, Intent) and item.event.type == "action.approved"]
        if said and self.lots.random() < 0.2:
            old = self.lots.choice(said)
            once = json.loads(old.raw)
            return self.desk.decision("action.approved", now, order=old.order, topic=old.topic, id_=once["id"], **once["data"])
        action = self._any("proposed", "requested")
        if action is None:
            return None
        fields: dict[str, Any] = {"action_id": action["action_id"], "by": "user:eve", "by_roles": ["finance", "approver"]}
        fields["payload_hash"] = action["payload_hash"]
        order, topic = action["order_id"], DECISIONS
        how = self.lots.choice(("topic", "no hash", "hash", "nobody", "service", "role", "order", "begun elsewhere", "another action's"))
        if how in ("topic", "begun elsewhere"):
            topic = self.lots.choice(("order-events", "order-decisions-x", "events.jsonl"))
        elif how == "no hash":
            del fields["payload_hash"]
        elif how == "hash":
            fields["payload_hash"] = "0" * 64
        elif how == "nobody":
            del fields["by"]
        elif how == "service":
            fields["by"] = "service:dispatch"
        elif how == "role":
            fields["by_roles"] = ["viewer"]
        elif how == "order":
            order = "A-9"
        else:
            other = next((each for each in self.desk.states.values() if each["payload_hash"] != action["payload_hash"]), None)
            if other is None:
                return None
            fields["payload_hash"] = other["payload_hash"]
        type_ = "action.begun" if how == "begun elsewhere" else "action.approved"
        return self.desk.decision(type_, now, order=order, topic=topic, **fields)


def drawn(seed: int, *, late: bool, keen: bool = False, policy: str = POLICY) -> tuple[World, int]:
    """A world of some dozens of things that happen; the second value is its end. `keen`: much of it about few actions."""
    lots = Random(seed)
    world, now = World(Desk(policy), lots, late=late), T0
    if keen:
        world.steps, world.keen = lots.sample(STEPS, 4), True
    for _ in range(lots.randint(10, 90)):
        now += lots.choice((0, 1, 60_000_000, MINUTE, HOUR) if keen else (0, 1, 60_000_000, HOUR, 5 * HOUR))
        world.draw(now)
    end = now + lots.choice((0, 30 * HOUR))
    world.desk.wait(end)
    return world, end


def replayed(items: list[Item], until: int, restarts: Random | None = None) -> list[tuple[str, bytes]]:
    """What a shard says of the same log, perhaps one that is stored and restored now and then."""
    shard, kept = ActionShard(policy_of(POLICY)), dict[bytes, bytes]()
    said: list[tuple[str, bytes]] = []
    for item in sorted(items, key=action_position):
        shard.apply(item)
        said += [(out.topic, out.body) for out in shard.drain()]
        if restarts is not None and restarts.random() < 0.3:
            for key, value in shard.changes():
                if value is None:
                    kept.pop(key, None)  # A row that came and went between two calls was never there.
                else:
                    kept[key] = value
            assert kept == dict(shard.rows())
            shard = ActionShard(policy_of(POLICY))
            shard.restore(sorted(kept.items()))
    shard.advance(until)
    return said + [(out.topic, out.body) for out in shard.drain()]


def overlaps(one: str, other: str) -> bool:
    """Whether two targets are about the same."""
    apart = ("customer", "task")
    return one == other or ("order" in (one, other) and one not in apart and other not in apart)


def check(world: World, *, exclusive: bool) -> None:
    """What must hold of all that was written."""
    states: dict[str, dict[str, Any]] = {}
    days: dict[str, str] = {}
    begun: set[str] = set()
    customers = {"A-1": "c1", "A-2": "c1", "A-3": "order A-3"}
    genuine: dict[str, set[str]] = defaultdict(set)
    approvals = [item for item in world.items if not isinstance(item, Intent) and item.event.type == "action.approved"]
    for number, item in enumerate(world.items):
        if number not in world.forged and item in approvals:
            genuine[item.event.data.action_id].add(item.event.data.by)  # type: ignore[union-attr]
    for out in world.desk.outs:
        if not out.type.startswith("action."):
            continue
        data = json.loads(out.body)["data"]
        id_, state = data["action_id"], data["state"]
        before = states.get(id_)
        assert data["sequence"] == (before["sequence"] + 1 if before else 1)
        assert state in NEXT[before["state"] if before else ""], (before and before["state"], state)
        if before is not None:
            assert all(data[name] == before[name] for name in ("payload_hash", "parameters", "target", "initiated_by", "order_id"))
        states[id_] = data
        spec = ACTIONS[data["action"]]
        if state == "begun":
            begun.add(id_)
        if state == "requested":
            days[id_] = local(out.log, zone("America/New_York")).date().isoformat()
            names = [name.casefold() for name in data["approved_by"]]
            assert len(set(names)) == len(names)
            assert data["initiated_by"].casefold() not in names
            assert set(data["approved_by"]) <= genuine[id_]
            if spec.approval or not data["initiated_by"].startswith("rule:"):
                value = data["value"]
                assert len(names) >= (1 if not spec.approval or (value and float(value["amount"]) <= 50) else 2)
                assert names
            assert all(data["parameters"].get(name) is not None for name in spec.needs)
            _within(states, days, begun, customers, id_)
        if exclusive:
            _alone(states, data)


def _within(states: dict[str, dict[str, Any]], days: dict[str, str], begun: set[str], customers: dict[str, str], id_: str) -> None:
    """No budget of the day is exceeded: what was withdrawn or rejected before it began counts no more."""
    counting = [
        each for each, day in days.items() if day == days[id_] and (each in begun or states[each]["state"] not in ("withdrawn", "rejected"))
    ]
    for about, most in MOST:
        found = [each for each in counting if about.get("action") in (None, states[each]["action"])]
        if "kind" in about:
            found = [each for each in found if states[each]["initiated_by"] == f"rule:{about['kind']}" and not states[each]["compensates"]]
        if "customer" in about:
            whose = customers[states[id_]["order_id"]]
            found = [each for each in found if customers[states[each]["order_id"]] == whose]
        assert len(found) <= most, (about, [states[each]["action"] for each in found])


def _alone(states: dict[str, dict[str, Any]], data: dict[str, Any]) -> None:
    """No two irreversible actions are on their way to one target."""
    if data["state"] in ("requested", "begun", "in_doubt") and data["irreversible"]:
        others = [
            each
            for each in states.values()
            if each["action_id"] != data["action_id"]
            and each["order_id"] == data["order_id"]
            and each["irreversible"]
            and each["state"] in ("requested", "begun", "in_doubt")
            and overlaps(each["target"], data["target"])
        ]
        assert not others


@given(seed=st.integers(0, 2**32))
@examples(150)
def test_whatever_is_asked_for_and_decided_the_rules_of_actions_hold(seed: int) -> None:
    """One irreversible action per target, named persons for money, none who asked, no budget exceeded, one end."""
    world, _ = drawn(seed, late=False)
    check(world, exclusive=True)


@given(seed=st.integers(0, 2**32))
@examples(50)
def test_what_was_begun_late_is_a_fact_and_all_else_holds(seed: int) -> None:
    """Whoever carries out may have read a withdrawal too late."""
    world, _ = drawn(seed, late=True)
    check(world, exclusive=False)


@given(seed=st.integers(0, 2**32))
@examples(80)
def test_a_forged_decision_changes_nothing(seed: int) -> None:
    """Without it the same is written of actions."""
    world, end = drawn(seed, late=True)
    honest = [item for number, item in enumerate(world.items) if number not in world.forged]
    all_of_it, without = replayed(world.items, end), replayed(honest, end)
    assert [body for topic, body in all_of_it if topic == "actions"] == [body for topic, body in without if topic == "actions"]


@given(seed=st.integers(0, 2**32))
@examples(80)
def test_an_action_shard_that_is_stored_and_restored_says_the_same(seed: int) -> None:
    """Wherever it is cut."""
    world, end = drawn(seed, late=True)
    assert replayed(world.items, end, Random(seed)) == replayed(world.items, end)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_what_makes_an_action_good_is_an_action_that_can_be_undone(action: str) -> None:
    """Else it would need one itself."""
    compensation = ACTIONS[action].compensation
    assert compensation is None or ACTIONS[compensation].reversible
    assert ACTIONS[action].reversible or compensation is not None
