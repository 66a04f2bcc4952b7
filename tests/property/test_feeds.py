"""Deadlines that wait for feeds: the engine against a model that applies the definition, and against an engine without feeds.

The model knows three rules, of which each has at most one condition per order, and looks at every slot of a coarse grid of log time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, cast

import orjson
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.engine.intents import INTENTS, decode_intent
from dataflows.core.engine.shard import Shard
from dataflows.core.policy import BackfillPolicy, FeedPolicy
from dataflows.core.policy.build import build
from dataflows.core.policy.check import examine_text
from dataflows.core.rules import RULES
from schemas.record import FeedWatermark, Record
from schemas.wire import decode
from sources.watermarks import WatermarkSampler
from tests.oracle.judging.reading import micros
from tests.property.histories import AFTER, History, examples, histories
from tests.property.test_engine import TALKATIVE
from tests.support.engine import records_of, run, standing
from tests.support.logs import DAY, T0, iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from hypothesis.strategies import DrawFn

    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

SLOT = 10 * 60_000_000
NOTHING_IS_HISTORY = BackfillPolicy(after=10_000 * DAY)
QUIET, CATCH_UP = 15 * 60_000_000, 12 * SLOT
END = 210
"""The last slot, after whatever is logged: at most 120 + 40, and one further for each that finds its slot taken."""
DECLARED = ("/payments", "/carrier", "/carrier/ups", "/carrier/dhl", "/warehouse/w1", "/warehouse/w2")
CARRIERS = ("/carrier/ups", "/carrier/dhl", "/carrier/dhl/nl", "/carrier/gls")
SPEAKERS = ("/payments/adyen", "/warehouse/w1", "/warehouse/w2/gate", *CARRIERS)
CAPTURE, SHIP, DELIVERY = "payment.capture_overdue", "fulfilment.ship_overdue", "shipment.delivery_overdue"
DOMAINS = {CAPTURE: ("payments",), SHIP: ("warehouse", "carrier"), DELIVERY: ("carrier",)}
RULES_TEXT = f"""
rules:
  '*': {{switch: off, suppressed_by: [], steps: []}}
  {CAPTURE}: {{switch: on, threshold: 2 h, raise_after: 3 h, severity: medium, feeds: [payments]}}
  {SHIP}: {{switch: on, fallback: off, severity: high, feeds: [warehouse, carrier]}}
  {DELIVERY}: {{switch: on, steps: [{{at: 3 h, severity: high}}], feeds: [carrier]}}
"""


class Said(NamedTuple):
    """One line out, as far as it is compared."""

    log: int
    about: str
    kind: str
    type: str
    status: str
    severity: str


class Step(NamedTuple):
    """A record of the log: one per slot at most."""

    log: int
    order: str
    event: dict[str, object]
    at: int

    @property
    def source(self) -> str:
        """The event's source."""
        return str(self.event["source"])

    @property
    def data(self) -> dict[str, object]:
        """The event's data."""
        return cast("dict[str, object]", self.event["data"])


@dataclass(frozen=True)
class World:
    """A log on the grid, and the declared feeds."""

    feeds: Mapping[str, FeedPolicy]
    steps: tuple[Step, ...]

    def policy(self) -> Policy:
        """Three rules that depend on feeds, and the feeds."""
        form, faults = examine_text(RULES_TEXT, RULES)
        assert form is not None, faults
        return replace(build(form, RULES), feeds=self.feeds)

    def items(self) -> list[Record | FeedWatermark]:
        """The log as a shard gets it."""
        records: list[Record] = []
        for offset, step in enumerate(self.steps):
            raw = orjson.dumps(step.event)
            records.append(Record(step.log, "t", 0, offset, 0, step.at, step.order, decode(raw), raw))
        return [*WatermarkSampler({feed: terms.late_after for feed, terms in self.feeds.items()}).among(records)]


@st.composite
def worlds(draw: DrawFn) -> World:
    """Two orders and a handful of feeds over a day."""
    names = draw(st.lists(st.sampled_from(DECLARED), unique=True, min_size=1))
    slots = st.sampled_from
    feeds = {name: FeedPolicy(draw(slots((0, 0, 2, 12))) * SLOT, draw(slots((1, 3, 18, 40))) * SLOT) for name in sorted(names)}
    told: list[tuple[int, int, str, str, str, dict[str, object]]] = []
    for order in ("o1", "o2"):
        placed = draw(st.integers(0, 20))
        data: dict[str, object] = {}
        if draw(st.booleans()):
            data["ship_by"] = iso(T0 + (placed + draw(st.integers(1, 40))) * SLOT)
        if draw(st.booleans()):
            data["promised_by"] = iso(T0 + (placed + draw(st.integers(1, 60))) * SLOT)
        told.append((placed, draw(slots((0, 0, 0, 30))), order, "/storefront/acme", "order.placed", data))
        for _ in range(draw(st.integers(0, 7))):
            at, late = draw(st.integers(0, 100)), draw(slots((0, 0, 0, 1, 5, 40, -3)))
            type_ = draw(
                slots(("payment.captured", "warehouse.shipped", "in_transit", "delivered", "order.cancelled", "evidence.withdrawn"))
            )
            if type_ == "payment.captured":
                told.append((at, late, order, "/payments/adyen", type_, {"payment_id": f"p-{order}"}))
            elif type_ == "warehouse.shipped":
                site, carrier = draw(slots(("w1", "W2", "w3"))), draw(slots(("UPS", "dhl", "gls")))
                shipped: dict[str, object] = {"site": site, "carrier": carrier, "tracking_number": f"T-{order}"}
                told.append((at, late, order, draw(slots(("/warehouse/w1", "/warehouse/w2/gate", "/wms"))), type_, shipped))
            elif type_ in ("in_transit", "delivered"):
                scan: dict[str, object] = {"status": type_, "tracking_number": f"T-{order}"}
                told.append((at, late, order, draw(slots(CARRIERS)), "carrier.scan", scan))
            elif type_ == "order.cancelled":
                told.append((at, late, order, "/storefront/acme", type_, {}))
            else:
                told.append((at, max(late, 0), order, "/desk", type_, {"event_id": str(draw(st.integers(1, 20)))}))
    beats = st.tuples(st.integers(0, 120), slots((0, 0, 0, 0, 6, 40)), slots(SPEAKERS))
    told += [(at, late, "", source, "feed.heartbeat", {}) for at, late, source in draw(st.lists(beats, max_size=25))]
    taken: set[int] = set()
    steps: list[Step] = []
    placings: set[str] = set()
    for number, (at, late, order, source, type_, data) in enumerate(told):
        slot = max(0, at + late)
        while slot in taken:
            slot += 1
        taken.add(slot)
        event: dict[str, object] = {"specversion": "1.0", "id": str(number), "source": source, "type": type_, "time": iso(T0 + at * SLOT)}
        if type_ == "order.placed":
            placings.add(str(number))
        if type_ == "evidence.withdrawn" and data["event_id"] in placings:
            data["event_id"] = "none"  # an order that was never placed is another story
        steps.append(Step(T0 + slot * SLOT, order, event | {"data": data} | ({"subject": order} if order else {}), T0 + at * SLOT))
    return World(feeds, tuple(sorted(steps, key=lambda step: step.log)))


class Truth(NamedTuple):
    """A condition of the model: from `start` to `end` (None: it lasts), how it ended, the instants of its severities.

    `said_from`: before when nothing is said of it.
    """

    start: int
    end: int | None
    resolution: str
    severities: tuple[tuple[int, str], ...]
    said_from: int


class Stands(NamedTuple):
    """What was said last of a condition."""

    end: int | None
    resolution: str
    severity: str


@dataclass
class Model:
    """What is said, by the definition alone: every slot is looked at, nothing is skipped and nothing is scheduled."""

    feeds: Mapping[str, FeedPolicy]
    known: list[Step] = field(default_factory=list[Step])
    heard: dict[str, list[tuple[int, int]]] = field(default_factory=dict[str, list[tuple[int, int]]])
    stale: set[str] = field(default_factory=set[str])
    held: dict[str, tuple[int, int, int]] = field(default_factory=dict[str, "tuple[int, int, int]"])
    """Of feeds that spoke again: since when, until when nothing said since counts, and until when at most."""
    armed: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    standing: dict[tuple[str, str], Stands] = field(default_factory=dict[tuple[str, str], "Stands"])
    ever: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    said: list[Said] = field(default_factory=list[Said])

    def run(self, steps: Sequence[Step]) -> list[Said]:
        """Everything that is said of a log up to its end."""
        by_log = {step.log: step for step in steps}
        began = steps[0].log
        for now in range(T0, T0 + END * SLOT + 1, SLOT // 2):
            step = by_log.get(now)
            if step is not None:
                self.known.append(step)
                if step.order:
                    self._look(step.order, now, now - 1, deadlines=False)
                self._hear(step, now)
            for feed, terms in self.feeds.items():
                since = max((at for _, at in self.heard.get(feed, ())), default=began)
                if began <= now and feed not in self.stale and now >= since + terms.silence:
                    self.stale.add(feed)
                    self.said.append(Said(now, feed, "feed.stale", "feed.stale", "open", ""))
            for order in ("o1", "o2"):
                self._look(order, now, now, deadlines=True)
        return self.said

    def _hear(self, step: Step, now: int) -> None:
        feed = self.feed_of(step.source)
        if feed is None:
            return
        marks = self.heard.setdefault(feed, [])
        marks.append((now, min(step.at, now)))
        if feed in self.stale and max(at for _, at in marks) + self.feeds[feed].silence > now:
            self.stale.discard(feed)
            self.said.append(Said(now, feed, "feed.recovered", "feed.recovered", "resolved", ""))
            since, until, limit = self.held.get(feed, (0, 0, 0))
            if now > until:
                since, limit = now, now + CATCH_UP
            self.held[feed] = (since, max(until, min(now + QUIET, limit)), limit)
        if feed in self.held and now - step.at > self.feeds[feed].delay + QUIET:
            since, until, limit = self.held[feed]
            if now <= until:
                self.held[feed] = (since, max(until, min(now + QUIET, limit)), limit)

    def feed_of(self, source: str) -> str | None:
        """The declared feed that a source belongs to."""
        fitting = [feed for feed in self.feeds if f"{source}/".startswith(f"{feed}/")]
        return max(fitting, key=len, default=None)

    def _history(self, order: str) -> list[Step]:
        mine = [step for step in self.known if step.order == order]
        gone = {step.data["event_id"] for step in mine if step.event["type"] == "evidence.withdrawn"}
        return [step for step in mine if step.event["id"] not in gone]

    def _truths(self, order: str) -> dict[str, Truth]:
        history = self._history(order)
        first: dict[str, int] = {}
        placed: Step | None = None
        for step in history:
            type_ = str(step.data.get("status", step.event["type"]))
            first[type_] = min(step.at, first.get(type_, step.at))
            placed = step if type_ == "order.placed" else placed
        if placed is None:
            return {}
        never = T0 + 10_000 * DAY
        cancelled = first.get("order.cancelled", never)
        shipped = min(first.get(type_, never) for type_ in ("warehouse.shipped", "in_transit", "delivered"))
        expected: dict[str, tuple[int, int, tuple[tuple[int, str], ...]]] = {}
        due = placed.at + 12 * SLOT
        expected[CAPTURE] = (due, first.get("payment.captured", never), ((due, "medium"),))
        for kind, name, met in ((SHIP, "ship_by", shipped), (DELIVERY, "promised_by", first.get("delivered", never))):
            if name in placed.data:
                due = micros_of(placed.data[name])
                expected[kind] = (due, met, ((due, "high"),) if kind == SHIP else ((due, "medium"), (due + 18 * SLOT, "high")))
        found: dict[str, Truth] = {}
        for kind, (start, met, severities) in expected.items():
            end = min(met, cancelled)
            if end > start:
                said_from = placed.at + 18 * SLOT if kind == CAPTURE else start
                found[kind] = Truth(start, None if end == never else end, "milestone" if end == met else "lifted", severities, said_from)
        return found

    def depends(self, order: str, kind: str) -> list[str]:
        """The feeds that a deadline of an order waits for."""
        history = self._history(order)
        spoken = {self.feed_of(step.source) for step in history}
        named = {str(step.data[term]).casefold() for step in history for term in ("carrier", "site") if term in step.data}
        carried = any(step.event["type"] in ("warehouse.shipped", "carrier.scan") for step in history)
        domains = [domain if carried or domain != "carrier" else "warehouse" for domain in DOMAINS[kind]]
        found: list[str] = []
        for domain in dict.fromkeys(domains):
            declared = [feed for feed in self.feeds if feed.split("/")[1] == domain]
            own = [feed for feed in declared if feed in spoken or feed.split("/")[-1] in named]
            unwatched = any(step.source.startswith(f"/{domain}/") and self.feed_of(step.source) is None for step in history)
            found += own or ([] if unwatched else declared)
        return found

    def _passed(self, feeds: Sequence[str], at: int, by: int) -> bool:
        """Whether all feeds had spoken past `at` by the log time `by`, their delays taken off."""
        return all(
            any(mark > at and log + self.feeds[feed].delay <= self._counts(feed, by) for log, mark in self.heard.get(feed, ()))
            for feed in feeds
        )

    def _counts(self, feed: str, by: int) -> int:
        """Until when what a feed said counts at log time `by`: not from when it spoke again until it had told what it had missed."""
        since, until, _ = self.held.get(feed, (0, 0, 0))
        return by if by >= until else min(by, since - 1)

    def _look(self, order: str, now: int, by: int, *, deadlines: bool) -> None:
        truths = self._truths(order)
        for kind in DOMAINS:
            key, truth = (order, kind), truths.get(kind)
            if truth is None:
                self.armed.pop(key, None)
                if key in self.standing:
                    self.said.append(Said(now, order, kind, "exception.retracted", "retracted", self.standing.pop(key).severity))
                continue
            feeds = self.depends(order, kind)
            armed = max(self.armed.setdefault(key, now), truth.said_from)
            before = self.standing.get(key)
            if before is None:
                known_for = max((self.feeds[feed].delay for feed in feeds), default=0)
                if not (deadlines and now >= armed + known_for and self._passed(feeds, truth.said_from, by)):
                    continue
            severity = truth.severities[0][1]
            for at, next_severity in truth.severities[1:]:
                reached = (at <= by and self._passed(feeds, at, by)) or (before is not None and before.severity == next_severity)
                if reached and (truth.end is None or at < truth.end):
                    severity = next_severity
            stands = Stands(truth.end, truth.resolution, severity)
            if stands != before:
                self.standing[key] = stands
                status = "open" if truth.end is None else "resolved"
                was_resolved = before is not None and before.end is not None
                type_ = "exception.updated" if key in self.ever else "exception.raised"
                type_ = "exception.resolved" if status == "resolved" and not was_resolved else type_
                self.ever.add(key)
                self.said.append(Said(now, order, kind, type_, status, severity))


def micros_of(text: object) -> int:
    """An instant in RFC 3339 as µs."""
    return micros(datetime.fromisoformat(str(text)))


def told(outs: Sequence[OutputRecord]) -> list[Said]:
    """What a shard said, as far as it is compared."""
    topics = ("exceptions", "incidents")
    return [Said(out.log, out.order, out.kind, out.type, out.status, out.severity) for out in outs if out.topic in topics]


def feed(world: World, policy: Policy, *, hot: int = 256, cuts: Sequence[int] = (), restart: int | None = None) -> list[OutputRecord]:
    """What a shard says of a world, handed over in batches that end before each of `cuts`, and restored before item `restart`."""
    shard = Shard(policy, hot)
    outs: list[OutputRecord] = []
    left = sorted(cuts)
    for number, item in enumerate(world.items()):
        while left and left[0] <= item.log:
            shard.advance(left.pop(0), inclusive=False)
            outs += shard.drain()
        if number == restart:
            outs += shard.drain()
            rows = list(shard.rows())
            shard = Shard(policy, hot)
            shard.restore(rows)
        if isinstance(item, FeedWatermark) or item.order:
            shard.apply(item)
    shard.advance(T0 + END * SLOT)
    return outs + shard.drain()


@examples(300)
@given(worlds())
def test_deadlines_are_decided_when_the_definition_says(world: World) -> None:
    """Whatever the marks, delays and arrivals: the engine says at each instant what the model says."""
    policy = replace(world.policy(), backfill=NOTHING_IS_HISTORY)
    assert sorted(told(feed(world, policy))) == sorted(Model(world.feeds).run(world.steps))


@examples(100)
@given(worlds(), st.lists(st.integers(0, END * 2)), st.integers(0, 60))
def test_cuts_packing_and_restarts_leave_no_trace(world: World, cuts: list[int], restart: int) -> None:
    """However the log is cut into batches, whether orders are packed, wherever the shard is restored: the same bytes in the same order."""
    whole = [(out.log, out.key, out.body) for out in feed(world, world.policy())]
    pieces = feed(world, world.policy(), hot=1, cuts=[T0 + cut * SLOT // 2 for cut in cuts], restart=restart)
    assert [(out.log, out.key, out.body) for out in pieces] == whole


@examples(60)
@given(worlds())
def test_what_rests_on_a_feed_that_falls_silent_is_judged_again_within_a_minute(world: World) -> None:
    """Every action that is asked for by then, of every order, though nothing touches it; by the definition of what it rests on."""
    outs = feed(world, replace(world.policy(), backfill=NOTHING_IS_HISTORY))
    intents = [decode_intent(out.body) for out in outs if out.topic == INTENTS]
    for silent in [out for out in outs if out.type == "feed.stale"]:
        name, since = silent.order, silent.log
        model = Model(world.feeds, known=[step for step in world.steps if step.log <= since])
        standing = {each.exception: each for each in intents if each.log <= since}
        for asked in [each for each in standing.values() if each.sort != "gone"]:
            told_by = {model.feed_of(each.source) for each in asked.evidence}
            known = any(f"{name} has been silent" in each.reason for each in asked.guardrails)  # A person decides already.
            if not known and name in told_by.union(model.depends(asked.order, asked.kind)):
                after = [each for each in intents if each.exception == asked.exception and since <= each.log < since + 60_000_000]
                assert any(f"{name} has been silent" in each.reason for said in after for each in said.guardrails), (asked, after)


@examples(100)
@given(histories(), st.sampled_from(AFTER), st.booleans())
def test_once_all_feeds_have_spoken_everything_stands_as_without_feeds(history: History, after: timedelta, talkative: bool) -> None:
    """Whatever was parked on the way: when the feeds have spoken past an instant, what stands is what an engine without feeds says."""
    lines, until = history.lines(), micros(history.last + after)
    names = ("/payments", "/carrier", "/warehouse/w1")
    # None of them falls silent: one that speaks again is waited for.
    declared = replace(TALKATIVE, feeds={name: FeedPolicy(0, 10_000 * DAY) for name in names})
    sampler, records = WatermarkSampler(declared.lateness), records_of(lines)
    marks = [mark for record in records if talkative and (mark := sampler.sample(record)) is not None]
    last = [FeedWatermark(until + 1, "z", 0, 0, 0, name, until + 1) for name in names]
    parked = run(records_of(lines), declared, until + 1, marks=[*marks, *last])
    assert standing(parked) == standing(run(records, TALKATIVE, until))
