"""Items on their way survive being bytes."""

from __future__ import annotations

import pickle

import msgspec
import pytest

from dataflows.core.identity import Ambiguous, ResolvedEvent
from dataflows.core.identity.items import Tie, evidence
from dataflows.detect.arrivals import Arrival
from dataflows.detect.exchange import ALIAS_LOOKUPS, ORDER_ITEMS
from dataflows.runtime.checkpoint import CheckpointError
from schemas.record import Evidence, FeedWatermark, IdentityFinding, Orphan, Record
from schemas.wire import decode_binary, micros
from sources.batch import Refusal
from tests.support.engine import records_of
from tests.support.events import payload

FAR_SUB = (3 << 192) | 12345


def scan() -> Record:
    """A record with a key and headers."""
    line = payload("carrier.scan", {"status": "accepted", "tracking_number": "1Z9"})
    record = records_of([line])[0]
    return Record(
        record.log, "scans", 3, 2**40, FAR_SUB, record.at, "", record.event, record.raw, b"\xff\x00key", (("h", None), ("h", b"\x00"))
    )


def binary() -> Record:
    """A record whose event stands in its headers."""
    headers: tuple[tuple[str, bytes | None], ...] = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"b1"),
        ("ce_source", b"/storefront/acme"),
        ("ce_type", b"order.placed"),
        ("ce_subject", b"O-1"),
        ("ce_time", b"2026-03-02T08:00:00Z"),
    )
    found = decode_binary(headers, b"{}")
    return Record(5_000, "orders", 0, 7, 0, micros(found.time), "O-1", found, b"{}", None, headers)


def placed(item: Record | IdentityFinding | Ambiguous | Orphan) -> ResolvedEvent:
    """Something that identity put into an order's log."""
    return ResolvedEvent(9, "scans", 3, 8, FAR_SUB, "acme", "O-1", item)


def note() -> IdentityFinding:
    """A note with evidence."""
    proof = (Evidence("/carrier/ups", "e1", "carrier.scan", 4, "scans", 3, 8),)
    return IdentityFinding(
        log=9,
        at=8,
        topic="scans",
        partition=3,
        offset=8,
        sub=FAR_SUB,
        tenant="acme",
        order="O-1",
        kind="conflict.tracking_reused",
        scope_id="1Z9",
        evidence=proof,
    )


ITEMS = [
    scan(),
    binary(),
    Refusal(1, "scans", 0, 2, 0, "not_json", "the value", b"\xff{", 2, b"k", (("a", b"1"),)),
    FeedWatermark(10, "scans", 1, 5, 1, "/carrier/ups", 9),
    placed(scan()),
    placed(note()),
    placed(Ambiguous(binary(), "payment_id", ("O-1", "O-2"))),
    placed(Orphan("acme", "payment_id:p1", 9, 2, 7, resolved=True, order="O-1", records=(scan(), binary()))),
    placed(Orphan("acme", "payment_id:p1", 9, 2, 7, resolved=False, order=None, records=(scan(),), said=True)),
]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: type(getattr(item, "item", item)).__name__)
def test_every_sort_of_item_comes_back_as_it_was(item: Record | Refusal | FeedWatermark | ResolvedEvent) -> None:
    """Keys, headers, junk bytes and sub-indexes beyond 64 bits included."""
    assert ORDER_ITEMS.unpack(ORDER_ITEMS.pack([item])) == [item]


def test_an_arrival_of_another_process_holds_what_was_sent() -> None:
    """Pickled and back, for an order shard and for an alias shard."""
    for arrival in (
        Arrival("s07", {"events:00000": 5, "a1": 7}, ITEMS, None, in_order=False),
        Arrival("a3", {"events:00000": 5}, [(scan(), "tracking_number", "1Z9", True), (placed(scan()), "x", "y", False)], 9),
        Arrival("s00", {"events:00000": 5}, (), None),
    ):
        back = pickle.loads(pickle.dumps(arrival))
        assert (back.shard, back.watermark, list(back.items), back.until, back.in_order) == (
            arrival.shard,
            arrival.watermark,
            list(arrival.items),
            arrival.until,
            arrival.in_order and arrival.shard.startswith("s"),
        )


def named() -> Record:
    """A scan that names its order."""
    record = records_of([payload("carrier.scan", {"status": "delivered", "tracking_number": "1Z9"}, subject="O-1")])[0]
    return Record(record.log, "scans", 3, 2**40, 0, record.at, "O-1", record.event, record.raw, b"key", (("h", b"v"),))


def test_of_a_record_that_names_its_order_goes_what_ties_it() -> None:
    """All that identity asks of it, and nothing else: the record itself goes to the shard of its order."""
    record = named()
    (lookup,) = ALIAS_LOOKUPS.unpack(ALIAS_LOOKUPS.pack([(record, "tracking_number", "1Z9", False)]))
    tie, *alias = lookup
    assert alias == ["tracking_number", "1Z9", False]
    assert isinstance(tie, Tie)
    assert evidence(tie) == evidence(record)
    assert (tie.log, tie.topic, tie.partition, tie.offset, tie.sub) == record.position
    assert (tie.order, tie.event.tenant, tie.data.status) == ("O-1", "acme", "delivered")
    assert ALIAS_LOOKUPS.unpack(ALIAS_LOOKUPS.pack([lookup])) == [lookup]


def test_what_compares_customers_goes_whole() -> None:
    """Its basket and address are looked at."""
    lookup = (named(), "customer", "c-1", False)
    assert ALIAS_LOOKUPS.unpack(ALIAS_LOOKUPS.pack([lookup])) == [lookup]


def test_lookups_of_the_last_release_are_read() -> None:
    """They were whole records, in rows."""
    record = named()
    row = [0, record.log, "scans", 3, 2**40, b"", "O-1", record.raw, b"key", [["h", b"v"]]]
    packed = msgspec.msgpack.encode([1, [[row, "tracking_number", "1Z9", True]]])
    assert ALIAS_LOOKUPS.unpack(packed) == [(record, "tracking_number", "1Z9", True)]


def test_items_of_a_later_version_are_refused() -> None:
    """Rather than misread."""
    with pytest.raises(CheckpointError, match="version 3"):
        ALIAS_LOOKUPS.unpack(msgspec.msgpack.encode([3, [], []]))
