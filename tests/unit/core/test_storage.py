"""What is stored of an order is plain data that later programs still read, and that earlier ones wrote."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import msgspec
import pytest

from dataflows.core.engine.codec import VERDICT_FIELDS, pack_order, plain_of, unpack_order, wake_of
from dataflows.core.engine.codes import KINDS, MARKS
from dataflows.core.engine.compress import DICTIONARY, compress, decompress
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.order import FINER_MARKS, Order
from dataflows.core.engine.shard import ORDER, Shard
from dataflows.core.history.facts import TERMS
from dataflows.core.rules import RULES
from dataflows.core.rules.load import load_policy
from schemas.events import DATA_MODELS, Status
from schemas.record import Evidence, IdentityFinding, Record
from schemas.wire import decode, micros
from tests.support.logs import DAY, HOUR, T0, line, record

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT = Path(__file__).parent / "data" / "version-1.json"


def kept() -> dict[str, Any]:
    """Simulated orders: what reached them, in log order, and their states as version 1 stored them at the instant `cut`."""
    return cast("dict[str, Any]", json.loads(KEPT.read_text(encoding="utf-8")))


def items(rows: Iterable[list[Any]]) -> list[Record | IdentityFinding]:
    """What reached the orders."""
    found: list[Record | IdentityFinding] = []
    for what, log, topic, partition, offset, sub, order, body in rows:
        if what == "note":
            cited = tuple(Evidence(*e) for e in body["evidence"])
            found.append(
                IdentityFinding(
                    log=log,
                    at=body["at"],
                    topic=topic,
                    partition=partition,
                    offset=offset,
                    sub=sub,
                    tenant="default",
                    order=order,
                    kind=body["kind"],
                    scope_id=body["scope_id"],
                    evidence=cited,
                )
            )
        else:
            raw = json.dumps(body).encode()
            event = decode(raw)
            found.append(Record(log, topic, partition, offset, sub, micros(event.time), order, event, raw))
    return found


def said(shard: Shard, given: Iterable[Record | IdentityFinding], until: int) -> list[tuple[int, str, bytes]]:
    """What the shard says to all of this."""
    for item in given:
        shard.apply(item)
    shard.advance(until)
    return [(out.log, out.order, out.body) for out in shard.drain()]


@pytest.mark.parametrize("hot", [1, 4 << 20])
def test_states_of_version_1_load_and_behave_the_same(hot: int) -> None:
    """A shard that goes on from states of the first version says what one says that was never stopped."""
    data = kept()
    cut: int = data["cut"]
    rows: list[list[Any]] = data["items"]
    until = max(row[1] for row in rows) + 90 * DAY
    before, after = [row for row in rows if row[1] < cut], [row for row in rows if row[1] >= cut]
    uncut = Shard(load_policy(None), hot)
    said(uncut, items(before), cut - 1)
    resumed = Shard(load_policy(None), hot)
    resumed.restore((ORDER + key.encode(), base64.b64decode(state)) for key, state in data["orders"].items())
    assert len(resumed) == len(uncut) == len(data["orders"])
    expected = said(uncut, items(after), until)
    assert len(expected) > 50
    assert said(resumed, items(after), until) == expected


def test_states_of_version_1_know_when_to_be_looked_at() -> None:
    """The wake instant is read from the bytes of either version without building the order."""
    for state in kept()["orders"].values():
        old = base64.b64decode(state)
        order = unpack_order(old)
        assert wake_of(old) == wake_of(pack_order(order)) == order.wake > 0


def test_a_rule_that_is_no_more_leaves_nothing_behind() -> None:
    """Rules stand by kind: what belongs to an unknown one is dropped, and every other keeps its own."""
    shard = Shard(load_policy(None))
    placed: dict[str, object] = {"total": {"amount": "80.00", "currency": "EUR"}, "ship_to": {"country": "NL"}, "method": "pickup"}
    shard.apply(record(line("1", T0, "order.placed", data=placed), T0))
    shard.advance(T0 + 25 * HOUR)
    order = shard.find("default", "A-1")
    assert order is not None
    assert [kind for kind, _, _ in order.ledger.verdicts] == ["payment.capture_overdue"]
    packed = pack_order(order)
    head, body = packed[:10], msgspec.msgpack.decode(plain_of(packed))
    body[11] += ["rule.of_tomorrow", T0]
    body[12] += ["rule.of_tomorrow", len(KINDS) + 5]
    body[14] += [["rule.of_tomorrow", *body[14][0][1:]]]
    restored = unpack_order(head + compress(msgspec.msgpack.encode(body)))
    assert (restored.pending, restored.live) == (order.pending, order.live)
    assert restored.ledger.verdicts == order.ledger.verdicts


def test_a_rule_without_a_code_is_stored_by_its_name() -> None:
    """A new rule needs no entry in the table: its kind itself stands in the state, and is read whether or not it has a code by then."""
    order = Order("default", "A-1")
    order.pending[0] = T0
    packed = pack_order(order)
    head, body = packed[:10], msgspec.msgpack.decode(plain_of(packed))
    assert body[11] == [KINDS.index(RULES[0].kind), T0]
    body[11][0] = RULES[0].kind
    assert unpack_order(head + compress(msgspec.msgpack.encode(body))).pending == {0: T0}


def test_a_state_of_a_later_version_is_refused() -> None:
    """One line says which versions this program reads."""
    with pytest.raises(ValueError, match="order state of version 3, this program reads versions 1 to 2"):
        unpack_order(b"\x03" + pack_order(Order("default", "A-1"))[1:])


def test_the_dictionary_that_stored_orders_are_squeezed_with_never_changes() -> None:
    """Without it they cannot be read; what it makes of bytes that are no squeezed order is an error in words."""
    content = (files("dataflows.core.engine") / DICTIONARY).read_bytes()
    assert sha256(content).hexdigest()[:16] == "7eede4185140eaea"
    assert decompress(compress(b"an order")) == b"an order"
    with pytest.raises(ValueError, match="not a squeezed order"):
        decompress(b"junk")


def test_an_order_that_was_kept_unsqueezed_is_read_as_well() -> None:
    """A flag says what is squeezed."""
    order = Order("default", "A-1")
    order.pending[0] = T0
    packed = pack_order(order)
    plain = bytes((packed[0], packed[1] & ~2)) + packed[2:10] + plain_of(packed)
    assert pack_order(unpack_order(plain)) == packed


def test_the_tables_of_codes_only_grow() -> None:
    """What stands in stored data keeps its number: the beginnings of both tables are pinned, and every mark has a place."""
    assert sha256("|".join(KINDS[:83]).encode()).hexdigest()[:16] == "4e161403d19a3ad1"
    assert sha256("|".join(MARKS[:89]).encode()).hexdigest()[:16] == "3e78f289fdba5967"
    assert len(set(KINDS)) == len(KINDS)
    assert len(set(MARKS)) == len(MARKS)
    ours = {*DATA_MODELS, *FINER_MARKS, *(f"carrier.scan:{status}" for status in get_args(Status)), *(f"terms:{terms}" for terms in TERMS)}
    assert ours <= set(MARKS)


def test_every_field_of_an_exception_is_stored() -> None:
    """The stored order is spelt out, so that a new field cannot shift the others unnoticed."""
    assert (*VERDICT_FIELDS, "evidence") == tuple(ExceptionState.__slots__)
