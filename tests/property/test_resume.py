"""A live run that is killed at any instant and resumed says what one that was never disturbed says, under the same numbers."""

from __future__ import annotations

import json
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any
from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.rules.load import policy_of_text
from schemas.problems import Problem
from schemas.record import Record
from schemas.topics import DECISIONS
from schemas.wire import Rejected, decode, micros
from sources.batch import Batch, Refusal
from sources.simulator import policy_text, stream
from sources.simulator.moments import END
from tests.property.histories import examples
from tests.support.graph import Graph, MemoryStores
from tests.support.logs import HOUR, MINUTE, iso, line, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

DECIDED = f"{DECISIONS}:00000"
CHANNELS = ("events:00000", "events:00001", DECIDED, "scans:00000")
OF_EVENTS = ("events:00000", "events:00001", "scans:00000")
NOWHERE = (0, 0, 0, 0)
UNTIL = END * 1_000_000
CHANGED = (
    (
        "  payment.capture_overdue: {threshold: 12 h, owner: DESK}\n  shipment.scan_gap: off\n  shipment.eta_slip: {severity: critical}\n",
        "",
    ),
    (
        "  fulfilment.ship_overdue: {grace: 30 h}\n  shipment.stuck: {threshold: 2 bd}\n",
        """custom_rules:
  a_first: {says: It was not shipped within a day., form: overdue, since: captured, within: 24 h, until: shipped, owner: X, severity: low}
overrides: [{when: {tier: gold}, rules: {'*': {owner: VIP}}}]
""",
    ),
)
"""What activated policies say otherwise. The second has a rule that stands before all others, and tells orders apart."""
VERBS = ("case.acknowledged", "case.assigned", "case.resolved", "case.reopened")
Said = dict[tuple[str, int], tuple[str, str, int, bytes]]


@cache
def world() -> tuple[tuple[Record | Refusal, ...], ...]:
    """A simulated world in three partitions and what was decided about it in a fourth, each in log order, with some junk."""
    first, second, third = events()
    return first, second, decisions(), third


@cache
def decisions() -> tuple[Record | Refusal, ...]:
    """What people and a dispatch decide who read what is said of the world when nobody decides anything; policies activated."""
    graph, found = Graph(rules(learns=False), OF_EVENTS, hot=256), list[tuple[int, dict[str, Any]]]()
    outs = graph.take([Batch(name, UNTIL + 1, fresh(records)) for name, records in zip(OF_EVENTS, events(), strict=True)])
    lots = Random(7)
    for out in outs:
        if out.type == "exception.raised" and lots.random() < 0.3:
            case = {"type": lots.choice(VERBS), "subject": out.order, "exception_id": out.data["exception_id"], "by": "user:ben"}
            found.append((out.log + lots.choice((MINUTE, HOUR)), case))
        if out.type not in {"action.proposed", "action.requested"} or lots.random() < 0.3:
            continue
        data = orjson.loads(out.body)["data"]
        about, at = {"action_id": data["action_id"], "subject": out.order}, out.log
        if out.type == "action.proposed":
            at += lots.choice((MINUTE, HOUR, 30 * HOUR))
            wrong = lots.random() < 0.2
            agreed = {"by": "user:anna", "by_roles": ["approver"], "payload_hash": "0" * 64 if wrong else data["payload_hash"]}
            found.append((at, {"type": lots.choice(("action.approved",) * 4 + ("action.rejected",)), **about, **agreed}))
        found.append((at + MINUTE, {"type": "action.begun", **about, "attempt": 1}))
        outcome = lots.choice(("action.executed", "action.executed", "action.failed", "action.in_doubt"))
        found.append((at + 2 * MINUTE, {"type": outcome, **about, "attempt": 1}))
        if outcome == "action.in_doubt":
            found.append((at + HOUR, {"type": "action.observed", **about, "outcome": "executed"}))
    middle = sorted(at for at, _ in found)[len(found) // 2]
    for type_, at in (("automation.paused", middle), ("automation.resumed", middle + 12 * HOUR)):
        found.append((at, {"type": type_, "subject": "automation", "scope": "all", "by": "user:anna"}))
    lines = activations(min(c[0].log for c in events()), max(c[-1].log for c in events()))
    for number, (at, data) in enumerate(found):
        head = {"specversion": "1.0", "id": f"d{number}", "source": "/desk", "time": iso(at), "tenant": "default"}
        about = {"type": data.pop("type"), "subject": data.pop("subject"), "data": data}
        lines.append((at // 1_000_000 * 1_000_000, orjson.dumps({**head, **about})))
    lines.sort(key=lambda each: each[0])
    return tuple(record(raw, log, offset) for offset, (log, raw) in enumerate(lines) if log <= UNTIL)


@cache
def events() -> tuple[tuple[Record | Refusal, ...], ...]:
    """A simulated world in three partitions, in log order, with some junk."""
    lots = Random(5)
    channels: tuple[list[Record | Refusal], ...] = ([], [], [])
    greatest = [0, 0, 0]
    lines = [one for one in stream(150, 3) if b"heartbeat" not in one]
    for number, raw in enumerate(lines):
        text = b"{junk" if lots.random() < 0.01 else raw
        at = crc32(str(number).encode()) % 3
        offset = len(channels[at])
        try:
            event = decode(text)
        except Rejected as why:
            channels[at].append(Refusal(greatest[at], OF_EVENTS[at], at, offset, 0, why.reason, why.detail, text, len(text)))
            continue
        time = micros(event.time)
        own = time if event.recordedtime is None else micros(event.recordedtime)
        # Whole seconds: many records then share an instant, in several partitions.
        log = greatest[at] = max(greatest[at], own // 1_000_000 * 1_000_000)
        topic = OF_EVENTS[at].partition(":")[0]
        channels[at].append(Record(log, topic, at, offset, 0, time, event.subject or "", event, text, key=b"k", headers=(("h", b"v"),)))
    return tuple(tuple(records) for records in channels)


def activations(first: int, last: int) -> list[tuple[int, bytes]]:
    """Policies that are activated while the world lasts: of two that follow each other, one changes what only a restart may."""
    found: list[tuple[int, bytes]] = []
    for number in range(1, 5):
        for learns in (False, True):
            rules_, sections = CHANGED[number % 2]
            text = text_of(learns=learns).replace("\nrules:\n", f"\nrules:\n{rules_}") + sections
            policy = policy_of_text(text)
            assert not isinstance(policy, Problem), policy
            log = (first + (last - first) * number // 5) // 1_000_000 * 1_000_000
            data: dict[str, object] = {"version": policy.version, "text": text, "by": "user:anna", "by_roles": ["policy_author"]}
            found.append((log, line(f"activation-{number}-{learns}", log, "policy.activated", order=None, data=data)))
    return found


def text_of(*, learns: bool) -> str:
    """The text of the world's policy; `learns`: without its list of milestones."""
    return "".join(one for one in policy_text().splitlines(keepends=True) if not learns or "emits:" not in one)


def fresh(items: Sequence[Record | Refusal]) -> list[Record | Refusal]:
    """The items as a source hands them out anew: the heart lets go of a record's bytes once it has taken it."""
    return [
        Record(i.log, i.topic, i.partition, i.offset, i.sub, i.at, i.order, decode(i.raw), i.raw, i.key, i.headers)
        if isinstance(i, Record)
        else i
        for i in items
    ]


class Partitions:
    """Where each partition has been read to; batches are drawn by lot."""

    def __init__(self, lots: Random, places: Sequence[int] = NOWHERE) -> None:
        self._lots = lots
        self.places = list(places)

    @property
    def ended(self) -> bool:
        """Whether all has been read."""
        return all(place == len(records) for place, records in zip(self.places, world(), strict=True))

    def batches(self) -> list[Batch]:
        """The next batches: of some partitions, some records each, perhaps none."""
        lots = self._lots
        drawn: list[Batch] = []
        for number in lots.sample(range(4), lots.randrange(1, 5)):
            records, place = world()[number], self.places[number]
            step = lots.choice((0, 1, 5, 40, 200))
            items = records[place : place + step]
            self.places[number] = place + len(items)
            if self.places[number] == len(records):
                progress = UNTIL + 1
            else:
                progress = items[-1].log if items else (records[place - 1].log if place else 0)
            drawn.append(Batch(CHANNELS[number], progress, items and fresh(items)))
        return drawn


def note(said: Said, outs: Sequence[OutputRecord]) -> None:
    """Takes verdicts in; one that is said again must be the same."""
    for out in outs:
        content = (out.topic, out.order, out.log, out.body)
        assert said.setdefault((out.shard, out.number), content) == content


@cache
def undisturbed(*, learns: bool) -> Said:
    """What one run says that nobody disturbs."""
    said: Said = {}
    graph, partitions = Graph(rules(learns=learns), CHANNELS, hot=256), Partitions(Random(1))
    while not partitions.ended:
        note(said, graph.take(partitions.batches()))
    return said


@cache
def rules(*, learns: bool) -> Policy:
    """The world's policy; `learns`: without its list of milestones."""
    found = policy_of_text(text_of(learns=learns))
    assert not isinstance(found, Problem), found
    return found


@examples(16)
@given(seed=st.integers(0, 2**32), learns=st.booleans())
def test_a_killed_run_says_the_same_under_the_same_numbers(seed: int, learns: bool) -> None:
    """Random batches, epochs and kills; what was said in a lost epoch is said again, number for number, and nothing besides.

    What was learned is kept too, and the policy that was activated.
    """
    lots = Random(seed)
    policy = rules(learns=learns)
    stores = MemoryStores()
    said: Said = {}
    snapshots, places = dict[str, bytes](), [*NOWHERE]
    graph, partitions = Graph(policy, CHANNELS, stores, remote=True), Partitions(lots)
    kills = 0
    while not partitions.ended:
        note(said, graph.take(partitions.batches()))
        luck = lots.random()
        if luck < 0.25:
            snapshots, places = graph.snapshot(), list(partitions.places)
        elif luck < 0.45 and kills < 12:
            kills += 1
            graph, partitions = Graph(policy, CHANNELS, stores, snapshots, hot=lots.choice((2, 64)), remote=True), Partitions(lots, places)
    assert said == undisturbed(learns=learns)
    types = {json.loads(body)["data"]["state"] for topic, _, _, body in said.values() if topic == "actions" and b'"state":' in body}
    assert types >= {"proposed", "requested", "begun", "executed", "failed", "in_doubt", "rejected", "withdrawn", "expired"}


@pytest.mark.parametrize("learns", [False, True])
def test_each_activation_is_taken_or_refused_once(learns: bool) -> None:
    """Four hold, four are refused; lines name the policy that held."""
    outs = [(topic, body) for topic, _, _, body in undisturbed(learns=learns).values()]
    assert sum(b"policy.activated" in body for topic, body in outs if topic == "rejects") == 4
    versions = {json.loads(body)["data"]["policy"]["version"] for topic, body in outs if topic == "exceptions"}
    assert len(versions) == 3
    states = {json.loads(body)["data"]["case"]["state"] for topic, body in outs if topic == "exceptions"}
    assert {"acknowledged", "assigned", "resolved"} <= states
    assert any(b'"resolution":"policy_changed"' in body for topic, body in outs if topic == "exceptions")
