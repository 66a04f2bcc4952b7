"""What is stored of an order is plain data that later programs still read, and that earlier ones wrote."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest

from dataflows.core.engine.codec import HEAD, OrderBody, OrderCodec, check_of, plain_of
from dataflows.core.engine.codes import KINDS
from dataflows.core.engine.compress import DICTIONARIES, FLAG, compress, decompress
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.order import Order
from dataflows.core.engine.ruleset import RuleSet
from dataflows.core.engine.shard import Shard
from dataflows.core.engine.state import ORDER
from dataflows.core.engine.traits import TRAITS
from dataflows.core.history.order_fields import TERMS
from dataflows.core.rules import RULES
from dataflows.core.rules.load import load_policy
from schemas.deciding import is_decision
from schemas.events import DATA_MODELS, Status
from schemas.record import Evidence, IdentityFinding, Record
from schemas.topics import DECISIONS
from schemas.wire import decode, micros
from tests.support.codec import CODEC
from tests.support.logs import DAY, HOUR, T0, line, record

if TYPE_CHECKING:
    from collections.abc import Iterable

DATA = Path(__file__).parent / "data"
LATER = ("shipment.eta_passed",)
"""Kinds that came after the stored states, of events that these have."""
FINER_TRAITS = {
    *("carrier.scan+reason", "estimate", "late eta", "scanned", "unannounced", "part shipped", "high risk", "balance", "expires"),
    *("settled", "future", "note", "several", "whole", "lines", "ship_by", "promised_by"),
}
"""All traits that are no event type, scan status or payment terms."""


def stored(version: int) -> dict[str, Any]:
    """Simulated orders as `version` stored them at the instant `cut`; those of version 1 with what reached them, in log order."""
    return cast("dict[str, Any]", json.loads((DATA / f"version-{version}.json").read_text(encoding="utf-8")))


def states_of(version: int) -> list[tuple[str, bytes]]:
    """The keys and states of these orders."""
    return [(key.removeprefix("default\x1f"), base64.b64decode(state)) for key, state in stored(version)["orders"].items()]


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
            # They were recorded before decisions had a topic of their own.
            place = DECISIONS if is_decision(event.type) else topic
            found.append(Record(log, place, partition, offset, sub, micros(event.time), order, event, raw))
    return found


def said(shard: Shard, given: Iterable[Record | IdentityFinding], until: int) -> list[tuple[int, str, bytes]]:
    """What the shard says to all of this."""
    for item in given:
        shard.apply(item)
    shard.advance(until)
    return [(out.log, out.order, out.body) for out in shard.drain()]


def unsince(lines: list[tuple[int, str, bytes]]) -> list[tuple[int, str, bytes]]:
    """What was said, but for since when a deadline was waited for, and its parts: states of before these were kept do not say."""
    parts = re.compile(rb'(?<="score_clock":{)"since":[^,]*,|"deadline":(?:null|{[^{}]*}),')
    return [(log, order, parts.sub(b"", body)) for log, order, body in lines]


@pytest.mark.parametrize("hot", [1, 4 << 20])
@pytest.mark.parametrize("version", [1, 2])
def test_states_of_earlier_versions_load_and_behave_the_same(version: int, hot: int, tmp_path: Path) -> None:
    """A shard that goes on from them says what one says that was never stopped. A kind that came later watches what comes after it."""
    data = stored(1)
    path = tmp_path / "policy.yaml"
    # When an exception of theirs was raised, by which it is closed for age and its clocks run, is not in them, and they knew no steps
    # that ask of the order.
    graded = (
        "payment.capture_overdue: {severity: medium, steps: []}, payment.amount_mismatch: {severity: high, steps: [], minor_lane: block}, "
        "fulfilment.ship_overdue: {severity: high, steps: [], suppressed_by: []}, "
        "shipment.delivery_overdue: {steps: [{at: 1 bd, severity: high}], suppressed_by: shipment.lost_confirmed}, "
    )
    never = "{critical: off, high: off, medium: off, low: off}"
    usual = f"'*': {{expire_after: off, acknowledge: {never}, resolve: {never}}}, "
    path.write_text("rules: {" + usual + graded + ", ".join(f"{kind}: off" for kind in LATER) + "}")
    cut: int = data["cut"]
    rows: list[list[Any]] = data["items"]
    until = max(row[1] for row in rows) + 90 * DAY
    before, after = [row for row in rows if row[1] < cut], [row for row in rows if row[1] >= cut]
    uncut = Shard(load_policy(path), hot)
    said(uncut, items(before), cut - 1)
    resumed = Shard(load_policy(path), hot)
    resumed.restore((ORDER + key.encode(), base64.b64decode(state)) for key, state in stored(version)["orders"].items())
    assert len(resumed) == len(uncut) == len(states_of(version))
    expected = said(uncut, items(after), until)
    assert len(expected) > 50
    assert unsince(said(resumed, items(after), until)) == unsince(expected)


@pytest.mark.parametrize("version", [1, 2])
def test_states_of_earlier_versions_know_when_to_be_checked(version: int) -> None:
    """The instant is read from the bytes of any version without building the order."""
    for key, old in states_of(version):
        order = CODEC.unpack(key, old)
        assert check_of(old) == check_of(CODEC.pack(order)) == order.next_check > 0


def with_something_open() -> Order:
    """An order with something open."""
    shard = Shard(load_policy(None))
    placed: dict[str, object] = {"total": {"amount": "80.00", "currency": "EUR"}, "ship_to": {"country": "NL"}, "method": "pickup"}
    shard.apply(record(line("1", T0, "order.placed", data=placed), T0))
    shard.advance(T0 + 25 * HOUR)
    order = shard.find("default", "A-1")
    assert order is not None
    assert [kind for kind, _, _ in order.exceptions.states] == ["payment.capture_overdue"]
    return order


def test_a_rule_that_is_no_more_leaves_nothing_behind() -> None:
    """What belongs to a rule that the policy does not have is dropped, and every other keeps its own."""
    order = with_something_open()
    packed = CODEC.pack(order)
    policy = load_policy(None)
    gone = [index for index, rule in enumerate(policy.rules) if rule.kind != "payment.capture_overdue"][:40]
    rest = replace(policy, rules=tuple(rule for index, rule in enumerate(policy.rules) if index not in gone))
    place = {kind: index for index, kind in enumerate(rule.kind for rule in rest.rules)}
    restored = OrderCodec(RuleSet(rest)).unpack("A-1", packed)
    kinds = {index: rule.kind for index, rule in enumerate(policy.rules)} | {-1: ""}
    kept = {kinds[index]: at for index, at in order.recheck_at.items() if index not in gone}
    assert {rest.rules[index].kind if index >= 0 else "": at for index, at in restored.recheck_at.items()} == kept
    assert len(kept) < len(order.recheck_at)
    assert restored.live == {place["payment.capture_overdue"]}
    assert restored.exceptions.states == order.exceptions.states


def test_a_rule_of_the_policy_alone_is_stored_by_its_name() -> None:
    """A kind without a code needs no entry in the table: its own name stands in the state, wherever the rule stands in the policy."""
    policy = load_policy(None)
    own = replace(RULES[0], kind="custom.own")
    setting = replace(policy.base[0], kind="custom.own")
    with_own = OrderCodec(RuleSet(replace(policy, rules=(own, *policy.rules), base=(setting, *policy.base))))
    order = Order("default", "A-1")
    order.recheck_at, order.live = {0: T0, 1: T0 + 1}, {0}
    packed = with_own.pack(order)
    again = with_own.unpack("A-1", packed)
    assert (again.recheck_at, again.live) == (order.recheck_at, order.live)
    without = CODEC.unpack("A-1", packed)
    assert (without.recheck_at, without.live) == ({0: T0 + 1}, set())
    assert b"custom.own" in plain_of(packed)


def test_a_state_of_a_later_version_is_refused() -> None:
    """One line says which versions this program reads."""
    with pytest.raises(ValueError, match="order state of version 4, this program reads versions 1 to 3"):
        CODEC.unpack("A-1", b"\x04" + CODEC.pack(Order("default", "A-1"))[1:])


def test_the_dictionaries_that_stored_orders_are_compressed_with_never_change() -> None:
    """Without them they cannot be read; what they make of bytes that are no compressed order is an error in words."""
    contents = {flag: (files("dataflows.core.engine") / name).read_bytes() for flag, name in DICTIONARIES.items()}
    assert {flag: sha256(content).hexdigest()[:16] for flag, content in contents.items()} == {2: "7eede4185140eaea", 4: "2bbd99927b230a68"}
    assert decompress(compress(b"an order"), FLAG) == b"an order"
    with pytest.raises(ValueError, match="not a compressed order"):
        decompress(b"junk", FLAG)


def test_an_order_that_was_kept_uncompressed_is_read_as_well() -> None:
    """Flags say how it is compressed."""
    order = Order("default", "A-1")
    order.recheck_at[0] = T0
    packed = CODEC.pack(order)
    plain = bytes((packed[0], packed[1] & ~FLAG)) + packed[2:HEAD] + plain_of(packed)
    assert CODEC.pack(CODEC.unpack("A-1", plain)) == packed


def test_the_tables_of_codes_only_grow() -> None:
    """What stands in stored data keeps its number: the beginnings of both tables are pinned, and every trait has a place."""
    assert sha256("|".join(KINDS[:83]).encode()).hexdigest()[:16] == "4e161403d19a3ad1"
    assert sha256("|".join(TRAITS[:89]).encode()).hexdigest()[:16] == "3e78f289fdba5967"
    assert len(set(KINDS)) == len(KINDS)
    assert len(set(TRAITS)) == len(TRAITS)
    ours = {*DATA_MODELS, *FINER_TRAITS, *(f"carrier.scan:{status}" for status in get_args(Status)), *(f"terms:{terms}" for terms in TERMS)}
    assert ours <= set(TRAITS)


def test_fields_are_stored_in_the_order_that_they_had() -> None:
    """A new field comes last, with a default: the beginnings are pinned."""
    assert sha256("|".join(OrderBody.__struct_fields__[:21]).encode()).hexdigest()[:16] == "4af4434e7dbedf37"
    assert sha256("|".join(ExceptionState.__struct_fields__[:19]).encode()).hexdigest()[:16] == "d97202dda2b5030e"
