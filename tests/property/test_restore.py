"""What is kept row by row and restored goes on as if nothing had happened: shards of orders, alias shards, items on their way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, TypeAlias, cast

import msgspec
import orjson
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.engine.backfill import Backfill
from dataflows.core.engine.shard import Shard
from dataflows.core.identity import AliasLookup, AliasResolver, Ambiguous, IdentityRules, ResolvedEvent
from dataflows.core.identity.codec import item_of, lookup_of_row, lookup_row, row_of
from dataflows.core.policy import FeedPolicy
from dataflows.core.rules.load import load_policy
from schemas.record import Evidence, FeedWatermark, IdentityFinding, Orphan, Record
from schemas.wire import decode
from sources.simulator import stream
from sources.watermarks import WatermarkSampler
from tests.oracle.judging.reading import micros
from tests.property.histories import History, examples, histories
from tests.property.test_engine import TALKATIVE
from tests.support.engine import position, records_of
from tests.support.logs import DAY, HOUR, MINUTE, T0, line, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dataflows.core.engine.persistent import Persistent
    from dataflows.core.policy import Policy

Item: TypeAlias = "Record | FeedWatermark"
Said: TypeAlias = "list[tuple[int, str, str, bytes]]"
FEEDS = {"/payments": FeedPolicy(HOUR, DAY), "/carrier/ups": FeedPolicy(0, 3 * DAY), "/warehouse": FeedPolicy(MINUTE, 2 * HOUR)}


def keep(rows: dict[bytes, bytes], heart: Persistent) -> None:
    """Takes the changes in, as a store does; after that the rows are all the rows there are."""
    changed = list(heart.changes())
    assert len({key for key, _ in changed}) == len(changed)
    for key, value in changed:
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value
    assert not list(heart.changes())


def items_of(lines: Sequence[Mapping[str, object]], policy: Policy) -> list[Item]:
    """The events that name their order, as records of a log with the marks of feeds; anew each time, since a shard uses them up."""
    return [*WatermarkSampler(policy.lateness).among([one for one in records_of(lines) if one.order])]


def said(shard: Shard) -> Said:
    """What a shard has said."""
    return [(out.log, out.order, out.key, out.body) for out in shard.drain()]


def uncut(items: Iterable[Item], policy: Policy, until: int) -> tuple[Said, dict[bytes, bytes]]:
    """What a shard says that nobody stops, and its rows in the end."""
    shard = Shard(policy)
    for item in items:
        shard.apply(item)
    shard.advance(until)
    return said(shard), dict(shard.rows())


def cut(items: Iterable[Item], policy: Policy, until: int, lots: Random, *, hot: int, often: float) -> tuple[Said, dict[bytes, bytes]]:
    """The same of one that is kept now and then, and sometimes replaced by one that is restored from what was kept."""
    shard = Shard(policy, hot)
    rows: dict[bytes, bytes] = {}
    outs: Said = []
    for item in items:
        if lots.random() < often:
            if lots.random() < 0.5:
                shard.advance(item.log, inclusive=False)
            keep(rows, shard)
            assert dict(shard.rows()) == rows
            if lots.random() < 0.5:
                outs += said(shard)
                shard = Shard(policy, hot)
                shard.restore(rows.items())
        shard.apply(item)
    shard.advance(until)
    keep(rows, shard)
    return outs + said(shard), rows


@examples(120)
@given(histories(), st.integers(0, 1 << 32), st.sampled_from((1, 2, 256)), st.sampled_from(("", *FEEDS, "all")))
def test_a_shard_that_was_cut_says_the_same(history: History, seed: int, hot: int, feeds: str) -> None:
    """Restored from the changes up to any moment and given the rest, it writes the same bytes and ends with the same rows."""
    watched = {name: feed for name, feed in FEEDS.items() if feeds in (name, "all")}
    policy = replace(TALKATIVE, feeds=watched)
    lines, until = history.lines(), micros(history.last + timedelta(days=200))
    assert cut(items_of(lines, policy), policy, until, Random(seed), hot=hot, often=0.4) == uncut(items_of(lines, policy), policy, until)


def test_a_world_that_is_kept_now_and_then_stays_the_same() -> None:
    """With more orders touched between two calls than may stay dirty, and orders that are closed and forgotten, still every row is told."""
    policy = load_policy(None)
    lines = [cast("dict[str, object]", orjson.loads(one)) for one in stream(300, 4)]
    lines = [one for one in lines if one["type"] != "feed.heartbeat"]
    until = max(one.log for one in records_of(lines)) + 400 * DAY
    expected = uncut(items_of(lines, policy), policy, until)
    assert len(expected[0]) > 100
    for hot, often in ((3 << 20, 0.004), (300_000, 0.03)):
        assert cut(items_of(lines, policy), policy, until, Random(hot), hot=hot, often=often) == expected


@examples(80)
@given(histories(skew=False), st.integers(0, 1 << 32))
def test_a_policy_that_did_not_change_finds_nothing_new(history: History, seed: int) -> None:
    """Orders that are judged anew under the same policy say nothing, but for the numbers of what is said at that same instant."""
    lines, until = history.lines(), micros(history.last + timedelta(days=60))
    items = items_of(lines, TALKATIVE)
    at = Random(seed).randrange(len(items) + 1)
    shard = Shard(TALKATIVE, 2)
    for item in items[:at]:
        shard.apply(item)
    now = items[at - 1].log if at else 0
    shard.advance(now, inclusive=False)
    outs = said(shard)
    again = Shard(TALKATIVE, 2)
    again.restore(list(shard.rows()), now)
    for item in items[at:]:
        again.apply(item)
    again.advance(until)
    expected, _ = uncut(items_of(lines, TALKATIVE), TALKATIVE, until)
    assert [(log, order, body) for log, order, _, body in outs + said(again)] == [(log, order, body) for log, order, _, body in expected]


SIGHTED = (
    *(("payment.captured", "payment_id"), ("payment.disputed", "dispute_id"), ("order.placed", "customer")),
    *(("warehouse.label_created", "shipment_id"), ("warehouse.label_created", "tracking_number"), ("carrier.scan", "tracking_number")),
    *(("carrier.relabelled", "tracking_number"), ("carrier.relabelled", "tracking_number")),
    *(("order.placed", "twin"), ("payment.failed", "twin"), ("payment.captured", "twin"), ("order.cancelled", "twin")),
    *(("order.placed", "child"), ("warehouse.packed", "child"), ("order.linked", "child"), ("order.linked", "child")),
)
RULES = IdentityRules(
    keep=2 * HOUR, orphan_after=15 * MINUTE, compare_customers=True, twins_within=10 * MINUTE, backfill=Backfill(load_policy(None))
)


@st.composite
def sightings_of(draw: st.DrawFn) -> list[AliasLookup]:
    """Some events at a few aliases and of a few orders, over some hours."""
    found: list[AliasLookup] = []
    at = T0
    for number in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from((0, MINUTE, 10 * MINUTE, HOUR, 3 * HOUR)))
        type_, kind = draw(st.sampled_from(SIGHTED))
        value, order = draw(st.sampled_from(("1", "2"))), draw(st.sampled_from((None, None, "A", "B", "C")))
        data: dict[str, object] = {kind: value}
        if type_ == "carrier.scan":
            data["status"] = draw(st.sampled_from(("in_transit", "delivered")))
        elif type_ == "carrier.relabelled":
            data["replaces_number"] = "1" if value == "2" else "2"
        elif type_ == "warehouse.label_created" and draw(st.booleans()):
            data |= {"shipment_id": "1", "tracking_number": "2"}
        elif type_ == "order.placed":
            order = order or "A"
            data = {"customer": {"id": value}, "ship_to": {"address_hash": "h"}, "total": {"amount": "5.00", "currency": "EUR"}}
        if kind in {"twin", "child"}:
            value = order = order or "A"
        if type_ == "order.linked":
            value = "B"
            data = {"children": ["B"]}
        tenant = draw(st.sampled_from((None, None, "acme")))
        earlier = draw(st.sampled_from((0, 0, HOUR)))
        raw = line(str(number), at - earlier, type_, order=order, tenant=tenant, data=data)
        one = record(raw, at, number)
        one.key, one.headers = b"k", (("h", b"1"), ("h", None))
        found.append((one, kind, value, draw(st.booleans())))
    return found


def passed(stages: Sequence[AliasResolver], seen: Sequence[AliasLookup] = (), to: int | None = None) -> list[object]:
    """What comes out of stages, as rows: each sees what the one before it passes on, and what is passed on last comes out, too."""
    found: list[object] = []
    onward = list(seen)
    for stage in stages:
        stage.apply(sorted(onward, key=lambda lookup: position(lookup[0])))
        if to is not None:
            stage.advance(to)
        placed, onward = stage.drain()
        found += map(row_of, placed)
    return [*found, *map(lookup_row, onward)]


@examples(150)
@given(sightings_of(), st.sampled_from((1, 2)), st.integers(0, 1 << 32))
def test_an_alias_shard_that_was_cut_places_the_same(sightings: list[AliasLookup], number: int, seed: int) -> None:
    """Restored from the changes up to any moment and given the rest, it places, passes on and misses the same."""
    lots = Random(seed)
    numbers = (1,) if number == 1 else (2, 3)  # The third sees what the second passes on.
    whole, part = ([AliasResolver(each, RULES) for each in numbers] for _ in range(2))
    rows: list[dict[bytes, bytes]] = [{} for _ in numbers]
    expected: list[object] = []
    outs: list[object] = []
    for sighting in sightings:
        if lots.random() < 0.4:
            to = sighting[0].log - lots.choice((0, 0, 5 * MINUTE))
            outs += passed(part, to=to)
            expected += passed(whole, to=to)
            for stage, kept in zip(part, rows, strict=True):
                keep(kept, stage)
            if lots.random() < 0.6:
                part = [AliasResolver(each, RULES) for each in numbers]
                for stage, kept in zip(part, rows, strict=True):
                    stage.restore(kept.items())
        outs += passed(part, [sighting])
        expected += passed(whole, [sighting])
    to = sightings[-1][0].log + DAY
    assert outs + passed(part, to=to) == expected + passed(whole, to=to)


def test_ties_outlive_a_change_of_how_long_they_are_kept() -> None:
    """They are kept for as long as the new policy says, counted from when they were used, as near as the old one's generations tell."""
    for spans in ((180 * DAY, 90 * DAY), (90 * DAY, 180 * DAY), (30 * DAY, 7 * DAY)):
        before, after = (replace(RULES, keep=span) for span in spans)
        stage = AliasResolver(1, before)
        stage.apply([(record(line("1", T0, "payment.captured", order="A", data={"payment_id": "p"}), T0), "payment_id", "p", False)])
        restored = AliasResolver(1, after)
        restored.restore(list(stage.rows()), T0 + HOUR)
        tied: Record = record(line("2", T0, "payment.captured", order=None, data={"payment_id": "p"}), T0 + HOUR)
        restored.apply([(tied, "payment_id", "p", True)])
        (placed,) = restored.drain()[0]
        assert placed.order == "A"
        late: Record = record(line("3", T0, "payment.captured", order=None, data={"payment_id": "p"}), T0 + 400 * DAY)
        restored.apply([(late, "payment_id", "p", True)])
        assert restored.drain() == ([], [])


def test_a_shorter_patience_misses_nobody_in_the_past() -> None:
    """Under a new policy who waits is missed when it says so, at the earliest when it begins to hold; under the same one as planned."""
    stage = AliasResolver(2, RULES)
    waiting = record(line("1", T0, "payment.disputed", order=None, data={"dispute_id": "d"}), T0)
    stage.apply([(waiting, "dispute_id", "d", True)])
    rows = list(stage.rows())
    for rules, changed_at, due in (
        (RULES, None, T0 + 15 * MINUTE),
        (replace(RULES, orphan_after=MINUTE), T0 + 10 * MINUTE, T0 + 10 * MINUTE),
        (replace(RULES, orphan_after=HOUR), T0 + 10 * MINUTE, T0 + HOUR),
        (replace(RULES, orphan_after=None), T0 + 10 * MINUTE, None),
    ):
        restored = AliasResolver(2, rules)
        restored.restore(rows, changed_at)
        restored.advance(T0 + 10 * HOUR)
        assert [placed.log for placed in restored.drain()[0]] == ([] if due is None else [due])


PLACES = st.tuples(st.integers(0, 1 << 60), st.sampled_from(("events", "scans")), st.integers(0, 300), st.integers(0, 1 << 40))
SUBS = st.one_of(st.integers(0, 3), st.integers(0, 1 << 500))
TEXTS = st.text(max_size=6)
HEADERS = st.lists(st.tuples(TEXTS, st.one_of(st.none(), st.binary(max_size=5)))).map(tuple)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Records, in structured and in binary mode."""
    log, topic, partition, offset = draw(PLACES)
    at = T0 + draw(st.integers(0, 10**12))
    raw = line(draw(st.text("abc", min_size=1)), at, data={"payment_id": "p"}, order=draw(st.sampled_from((None, "A"))))
    headers = draw(HEADERS)
    event = decode(raw)
    if draw(st.booleans()):
        said_ = cast("dict[str, object]", orjson.loads(raw))
        raw = orjson.dumps(said_.pop("data"))
        headers = (*((f"ce_{name}", str(value).encode()) for name, value in said_.items()), *headers)
    key = draw(st.one_of(st.none(), st.binary(max_size=5)))
    return Record(log, topic, partition, offset, draw(SUBS), at, draw(TEXTS), event, raw, key, headers)


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    """A piece of evidence."""
    log, topic, partition, offset = draw(PLACES)
    return Evidence(draw(TEXTS), draw(TEXTS), draw(TEXTS), log, topic, partition, offset)


@st.composite
def notes(draw: st.DrawFn) -> IdentityFinding:
    """A note."""
    log, topic, partition, offset = draw(PLACES)
    scope, cited = draw(st.one_of(st.none(), TEXTS)), tuple(draw(st.lists(evidence(), max_size=2)))
    return IdentityFinding(
        log=log,
        at=draw(st.integers(0, 1 << 60)),
        topic=topic,
        partition=partition,
        offset=offset,
        sub=draw(SUBS),
        tenant=draw(TEXTS),
        order=draw(TEXTS),
        kind=draw(TEXTS),
        scope_id=scope,
        evidence=cited,
    )


@st.composite
def marks(draw: st.DrawFn) -> FeedWatermark:
    """A mark of a feed."""
    return FeedWatermark(*draw(PLACES), draw(SUBS), draw(TEXTS), draw(st.integers(0, 1 << 60)), draw(st.booleans()))


@st.composite
def inner(draw: st.DrawFn) -> Record | IdentityFinding | Ambiguous | Orphan:
    """What may be placed into an order's log."""
    sort = draw(st.integers(0, 3))
    if sort == 0:
        return draw(records())
    if sort == 1:
        return draw(notes())
    if sort == 2:
        return Ambiguous(draw(records()), draw(TEXTS), tuple(draw(st.lists(TEXTS))))
    log, since, due = draw(st.tuples(*[st.integers(0, 1 << 60)] * 3))
    order, waiting = draw(st.one_of(st.none(), TEXTS)), tuple(draw(st.lists(records(), max_size=2)))
    return Orphan(draw(TEXTS), draw(TEXTS), log, since, due, draw(st.booleans()), order, waiting, draw(st.booleans()))


@st.composite
def placed_items(draw: st.DrawFn) -> ResolvedEvent:
    """Something that the identity step placed."""
    return ResolvedEvent(*draw(PLACES), draw(SUBS), draw(TEXTS), draw(TEXTS), draw(inner()))


@examples(200)
@given(st.one_of(records(), notes(), marks(), placed_items()))
def test_an_item_on_its_way_survives_being_a_row(item: Record | IdentityFinding | FeedWatermark | ResolvedEvent) -> None:
    """What is sent or kept and read again is equal, to the last header; its place in log order, too."""
    again = item_of(msgspec.msgpack.decode(msgspec.msgpack.encode(row_of(item))))
    assert again == item
    assert not isinstance(item, Record | ResolvedEvent) or position(cast("Record | ResolvedEvent", again)) == position(item)


@examples(50)
@given(st.one_of(records(), placed_items()), TEXTS, TEXTS, st.booleans())
def test_a_sighting_survives_being_a_row(head: Record | ResolvedEvent, kind: str, value: str, watch: bool) -> None:
    """The same of an event at one of its aliases."""
    sighting: AliasLookup = (head, kind, value, watch)
    assert lookup_of_row(msgspec.msgpack.decode(msgspec.msgpack.encode(lookup_row(sighting)))) == sighting
