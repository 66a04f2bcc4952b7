"""Erasure: what the engine says from an erasure on, and all that it keeps, holds nothing of the order any more but its name."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, cast

import orjson
import pytest

from dataflows.core.actions.shard import ActionShard
from dataflows.core.engine.intents import INTENTS, decode_intent
from dataflows.core.engine.shard import Shard
from dataflows.core.identity import AliasResolver, identity_rules
from dataflows.core.identity.sharding import FORGET, sightings
from dataflows.core.rules.load import load_policy
from dataflows.runtime.state.store import ShardStore
from schemas.aliases import aliases
from schemas.deciding import customer_digest
from schemas.output import OutputRecord
from schemas.record import Orphan
from schemas.wire import decode
from sources.batch import Batch
from tests.support.engine import position, records_of, run
from tests.support.graph import Graph, MemoryStores
from tests.support.homes import BareHome
from tests.support.logs import DAY, HOUR, line
from tests.support.replays import lines, replay, write

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.record import Record

    Data = dict[str, object]

T0 = 1_772_438_400_000_000
CHANNEL = ("events:00000",)
ERASED = T0 + 2 * DAY + HOUR
SECRETS = (b"CUST-7", b"PAY-7", b"TRACK-7", b"NOTE-7", b"80.00")
"""What the events say that nothing may hold afterwards."""
BY: Data = {"by": "user:anna", "by_roles": ["admin"]}
ORDER: Data = {"customer": {"id": "CUST-7", "tier": "gold"}, "total": {"amount": "80.00", "currency": "EUR"}, "ship_by": "2026-03-03"}


def before() -> list[bytes]:
    """An order in trouble, with a parcel that is scanned."""
    return [
        line("p1", T0, "order.placed", order="O-7", source="/shop", data=ORDER),
        line("f1", T0 + HOUR, "payment.failed", order="O-7", source="/pay", data={"payment_id": "PAY-7", "decline": "hard"}),
        line("l1", T0 + 2 * HOUR, "warehouse.label_created", order="O-7", source="/wh", data={"tracking_number": "TRACK-7"}),
        line("c1", T0 + 3 * HOUR, "carrier.scan", order=None, source="/ups", data={"tracking_number": "TRACK-7", "status": "accepted"}),
    ]


def later() -> list[bytes]:
    """What still comes of it, by its name and by its number."""
    scan: Data = {"tracking_number": "TRACK-7", "status": "in_transit"}
    return [
        line("c2", T0 + 6 * DAY, "carrier.scan", order=None, source="/ups", data=scan),
        line("u2", T0 + 7 * DAY, "order.updated", order="O-7", source="/shop", data={"customer": {"id": "CUST-7"}}),
    ]


def decisions(erasure: Data, order: str | None = "O-7") -> list[bytes]:
    """The erasure on the third day, and what people decide of the order after it."""
    noted: Data = {"exception_id": "x", "action_id": "y", "by": "user:kim", "note": "NOTE-7"}
    return [
        line("e1", ERASED, "order.forgotten", order=order, source="/desk", data=erasure),
        line("k1", T0 + 8 * DAY, "case.noted", order="O-7", source="/desk", data=noted),
        line("k2", T0 + 8 * DAY, "action.rejected", order="O-7", source="/desk", data=noted),
    ]


def said(tmp_path: Path, erasure: Data, order: str | None = "O-7") -> dict[str, list[Data]]:
    """What a replay says from the erasure on, by topic; rejects bear no time."""
    events = write(tmp_path / "events.jsonl", [*before(), *later()])
    replay(events, tmp_path, until=T0 + 200 * DAY, decisions=write(tmp_path / "decisions.jsonl", decisions(erasure, order)))
    found = {topic: lines(tmp_path, topic) for topic in ("exceptions", "actions", "rejects")}
    since = "2026-03-04T09:00:00Z"
    return {topic: [one for one in all_ if topic == "rejects" or str(one["time"]) >= since] for topic, all_ in found.items()}


@pytest.mark.parametrize("erasure", [BY, BY | {"customer_id": "CUST-7"}], ids=["order", "customer"])
def test_from_the_erasure_on_nothing_of_the_order_is_said(tmp_path: Path, erasure: Data) -> None:
    """Open actions are withdrawn, then both topics say that it was erased; what comes later is given back without what it says."""
    found = said(tmp_path, erasure)
    text = orjson.dumps(found)
    assert [secret for secret in SECRETS if secret in text] == []
    assert {str(one["type"]) for one in found["actions"]} == {"action.withdrawn", "action.forgotten"}
    assert found["actions"][-1]["type"] == "action.forgotten"
    erased = [one for one in found["exceptions"] if one.get("subject") == "O-7"]
    assert [one["type"] for one in erased] == ["exception.forgotten"]
    assert [(one["reason"], one["text"], "key" in one) for one in found["rejects"]] == [("forgotten", "", False)] * 4
    digests = [cast("Data", one["data"])["customer_digest"] for one in found["exceptions"] if "subject" not in one]
    assert digests == ([customer_digest("default", "CUST-7")] if "customer_id" in erasure else [])


@pytest.mark.parametrize(
    ("erasure", "reason"),
    [({"by": "user:kim", "by_roles": ["operator"]}, "role_missing"), ({"by_roles": ["admin"]}, "no_name")],
)
def test_who_may_not_erase_erases_nothing(tmp_path: Path, erasure: Data, reason: str) -> None:
    """The order goes on."""
    found = said(tmp_path, erasure)
    assert reason in {one["reason"] for one in found["rejects"]}
    assert any(one["type"] == "exception.updated" for one in found["exceptions"])
    assert not any(str(one["type"]).endswith(".forgotten") for one in found["exceptions"])


def test_only_the_topic_of_decisions_erases(tmp_path: Path) -> None:
    """Whoever writes events cannot make the engine forget."""
    events = write(tmp_path / "events.jsonl", [*before(), decisions(BY)[0]])
    replay(events, tmp_path, until=T0 + 20 * DAY)
    assert [one["reason"] for one in lines(tmp_path, "rejects")] == ["not_a_decision_source"]


def records() -> list[Record]:
    """The records up to the erasure, that one included."""
    found = records_of([orjson.loads(one) for one in [*before(), decisions(BY)[0]]])
    assert found[-1].event.type == "order.forgotten"
    return found


def test_a_shard_keeps_its_name_and_nothing_else_of_it() -> None:
    """Nor do the actions; and both still know that it was erased when they are restored."""
    policy = load_policy(None)
    shard, actions = Shard(policy), ActionShard(policy)
    for record in records():
        if record.order:
            shard.apply(record)
    shard.advance(ERASED)
    for out in shard.drain():
        if out.topic == INTENTS:
            actions.apply(decode_intent(out.body))
    assert shard.erased
    assert actions.erased
    assert len(actions) == 0
    assert sum(shard.opened.values()) == 0
    rows, acted = list(shard.rows()), list(actions.rows())
    assert [key for key, _ in rows if b"O-7" in key] == [b"eO-7"]
    assert [key for key, _ in acted if b"O-7" in key] == [b"edefault\x1fO-7"]
    assert not [secret for secret in SECRETS for _, value in (*rows, *acted) if secret in value]
    again = Shard(policy)
    again.restore(rows)
    (late,) = records_of([orjson.loads(later()[1])])
    again.apply(late)
    assert [(out.kind, out.body) for out in again.drain()] == [("forgotten", b"")]


def test_a_closed_order_is_erased_with_its_customer() -> None:
    """All that is left of it tells that it was theirs."""
    policy = load_policy(None)
    shard = Shard(policy)
    delivered = line("d1", T0 + HOUR, "order.cancelled", order="O-7", source="/shop")
    for record in records_of([orjson.loads(one) for one in (before()[0], delivered)]):
        shard.apply(record)
    shard.advance(T0 + 170 * DAY)
    assert (len(shard), shard.tombstones) == (0, 1)
    late = line("e1", T0 + 171 * DAY, "order.forgotten", order=None, source="/desk", data=BY | {"customer_id": "CUST-7"})
    shard.drain()
    for record in records_of([orjson.loads(late)]):
        shard.apply(record)
    assert [(out.type, out.order) for out in shard.drain() if out.topic == "exceptions"] == [
        ("exception.forgotten", "O-7"),
        ("exception.forgotten", ""),
    ]
    assert shard.tombstones == 0


@pytest.mark.parametrize("number", [1, 2])
def test_a_stage_of_identity_keeps_digests_and_the_name(number: int) -> None:
    """Scans that are remembered for further orders of their number go; a later one is still found to be of the order."""
    stage = AliasResolver(number, identity_rules(load_policy(None)))
    for record in records():
        if record.event.type == "order.forgotten":
            stage.apply([(record, FORGET, "O-7", False)])
        elif record.order:
            stage.apply([(record, kind, value, False) for kind, value in aliases(record.event)])
        else:
            stage.apply(sightings(record, aliases(record.event))[number - 1])
    assert stage.erased
    kept = b"".join(key + value for key, value in stage.rows())
    assert [secret for secret in SECRETS if secret in kept] == []


LONG = "TRACK-7" * 73
"""A number of 511 bytes: with the name of its kind before it, it is longer than an identifier."""
LONG_NAME = f"tracking_number:{LONG[:431]}~{sha256(f'tracking_number:{LONG}'.encode()).hexdigest()}"


@pytest.mark.parametrize(("number", "name"), [("TRACK-7", "tracking_number:TRACK-7"), (LONG, LONG_NAME)], ids=["short", "long"])
def test_what_waits_at_an_alias_is_erased_by_its_name(number: str, name: str) -> None:
    """The name that its orphan has: of a long alias that is its beginning and its SHA-256."""
    stage = AliasResolver(2, identity_rules(load_policy(None)))
    data: Data = {"tracking_number": number, "status": "accepted"}
    scan, erasure = records_of(
        [
            orjson.loads(line("c1", T0, "carrier.scan", order=None, source="/ups", data=data)),
            orjson.loads(line("e1", T0 + 2 * DAY, "order.forgotten", order=name, source="/desk", data=BY)),
        ]
    )
    stage.apply(sightings(scan, aliases(scan.event))[1])
    stage.advance(T0 + DAY)
    orphans = [placed.item for placed in stage.drain()[0] if isinstance(placed.item, Orphan)]
    assert {orphan.alias for orphan in orphans} == {name}
    assert any(b"TRACK-7" in key + value for key, value in stage.rows())
    stage.apply([(erasure, FORGET, name, False)])
    assert [key for key, value in stage.rows() if b"TRACK-7" in key + value] == []


def test_the_files_of_a_store_hold_it_no_longer_than_a_resume_may_need_it(tmp_path: Path) -> None:
    """One epoch later."""
    store = ShardStore.open(BareHome(tmp_path), "s07", None)
    store.put(b"oO-7", b"CUST-7")
    store.commit(lambda: ())
    store.put(b"oO-7", None)
    store.put(b"eO-7", b"1")
    store.commit(lambda: [(b"eO-7", b"1")], afresh=True)
    store.commit(lambda: ())
    store.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*.log"))
    assert b"eO-7" in kept
    assert b"CUST-7" not in kept


def test_the_decision_is_one_of_the_contract() -> None:
    """With a subject, or with a customer and none."""
    for one in (decisions(BY)[0], decisions(BY | {"customer_id": "CUST-7"}, None)[0]):
        assert decode(one).type == "order.forgotten"


@pytest.mark.parametrize("erasure", [BY, BY | {"customer_id": "CUST-7"}], ids=["order", "customer"])
def test_a_run_that_is_cut_at_every_record_erases_the_same(erasure: Data) -> None:
    """Resumed from what was kept, with all that goes to another process pickled, it says what a replay says."""
    policy, until = load_policy(None), T0 + 30 * DAY

    def log() -> list[Record]:
        return sorted(records_of([orjson.loads(one) for one in (*before(), *later(), *decisions(erasure))]), key=position)

    expected = sorted(out.body for out in run(log(), policy, until))
    stores, given = MemoryStores(), log()
    graph, outs = Graph(policy, CHANNEL, stores, remote=True), list[OutputRecord]()
    for place, one in enumerate(given):
        reached = given[place + 1].log if place + 1 < len(given) else until + 1
        outs += graph.take([Batch(CHANNEL[0], reached, [one])])
        graph = Graph(policy, CHANNEL, stores, graph.snapshot(), remote=True)
    assert sorted(out.body for out in outs) == expected
