"""An identity state that was written before the shards of aliases kept orphans: they are told of those that stand open."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from dataflows.core.engine.shard import Shard
from dataflows.core.identity import AliasResolver, identity_rules
from dataflows.core.identity.sharding import sightings
from dataflows.core.rules.load import load_policy
from schemas.aliases import aliases
from schemas.record import IdentityFinding, Orphan, Record
from tests.support.engine import records_of
from tests.support.logs import DAY, HOUR, iso, line
from tests.unit.core.test_erasure import T0

if TYPE_CHECKING:
    from schemas.output import OutputRecord

ROWS = [(b64decode(key), b64decode(value)) for key, value in json.loads((Path(__file__).parent / "data" / "orphans-4.json").read_text())]
"""Of a second stage, version 4: two scans of T1 at T0 and two hours later, whose order nobody knows; that was said at T0 + 15 min."""
ALIAS = "tracking_number:T1"


def record(id_: str, at: int, type_: str, order: str | None, **data: object) -> Record:
    """A record of the topic that its type belongs in."""
    (found,) = records_of([orjson.loads(line(id_, at, type_, order=order, source="/desk", data=data))])
    return found


def told(stage: AliasResolver, shard: Shard) -> list[OutputRecord]:
    """What the shard says once it has heard what the stage says."""
    resolved, _ = stage.drain()
    for one in resolved:
        if isinstance(one.item, Record | IdentityFinding | Orphan):
            shard.apply(one.item)
    return shard.drain()


def restored() -> tuple[AliasResolver, Shard]:
    """The stage as it was, and a shard that has heard nothing of it."""
    policy = load_policy(None)
    stage = AliasResolver(2, identity_rules(policy))
    stage.restore(ROWS)
    return stage, Shard(policy)


def test_an_orphan_that_stands_open_can_be_decided_about() -> None:
    """It is not said again; a decision finds it, and it goes on with the next number. Its clocks begin with the decision."""
    stage, shard = restored()
    stage.advance(T0 + 5 * HOUR)
    assert told(stage, shard) == []
    state = next(iter(shard.find("default", ALIAS).exceptions.states.values()))  # type: ignore[union-attr]
    assert (state.sequence, state.status, state.work, len(state.evidence)) == (1, "open", None, 2)
    id_ = shard.find("default", ALIAS).exceptions.id_of(state)  # type: ignore[union-attr]
    shard.apply(record("k1", T0 + 6 * HOUR, "case.acknowledged", ALIAS, exception_id=id_, by="user:anna"))
    outs = [out for out in shard.drain() if out.topic == "exceptions"]
    assert [(out.type, out.data["sequence"]) for out in outs] == [("exception.updated", 2)]
    shard.advance(T0 + 200 * DAY)
    ends = [out.data["detected_at"] for out in shard.drain() if out.type == "exception.resolved"]
    assert ends == [iso(T0 + 6 * HOUR + 90 * DAY)]


def test_it_ends_with_the_tie() -> None:
    """Whether or not anything passed between the start and the tie."""
    stage, shard = restored()
    label = record("l1", T0 + 5 * HOUR, "warehouse.label_created", "O-1", tracking_number="T1")
    stage.apply([(label, "tracking_number", "T1", False)])
    told(stage, shard)
    shard.advance(T0 + 6 * HOUR)
    outs = [out for out in shard.drain() if out.topic == "exceptions" and out.order == ALIAS]
    assert [(out.type, out.data["sequence"], out.data["detected_at"]) for out in outs] == [("exception.resolved", 2, iso(T0 + 5 * HOUR))]


def test_it_is_told_once() -> None:
    """What the stage writes from then on is of this version."""
    stage, shard = restored()
    stage.advance(T0 + 5 * HOUR)
    told(stage, shard)
    again = AliasResolver(2, identity_rules(load_policy(None)))
    again.restore(list(stage.rows()))
    again.advance(T0 + 6 * HOUR)
    assert again.drain() == ([], [])


def test_a_further_event_is_news() -> None:
    """It keeps the orphan from being closed for age, as if it had been raised by this program."""
    stage, shard = restored()
    scan = record("s9", T0 + 80 * DAY, "carrier.scan", None, tracking_number="T1", status="in_transit")
    stage.apply(sightings(scan, aliases(scan.event))[1])
    resolved, _ = stage.drain()
    heard = [one.item for one in resolved if isinstance(one.item, Orphan)]
    assert [(len(one.records), one.said) for one in heard] == [(2, True), (0, False)]
    for one in heard:
        shard.apply(one)
    shard.advance(T0 + 300 * DAY)
    ends = [out.data["detected_at"] for out in shard.drain() if out.type == "exception.resolved"]
    assert ends == [iso(T0 + 170 * DAY)]
