"""What a policy that is activated costs with many open orders: the switch itself, and each second of the ten minutes after it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, NamedTuple

from dataflows.core.clocks.days import holiday_region
from dataflows.core.engine.codec import HEAD, plain_of
from dataflows.core.engine.compress import compress
from dataflows.core.engine.renewal import SPREAD
from dataflows.core.engine.shard import Shard
from dataflows.core.engine.state import ORDER
from dataflows.core.rules.load import load_policy, policy_of_text
from dataflows.detect.names import ORDER_SHARDS
from schemas.instants import SECOND
from schemas.problems import Problem
from schemas.record import Record
from schemas.topics import DECISIONS
from schemas.wire import decode
from tests.bench.load import BEGIN, BLANK, template
from tests.support.logs import line

if TYPE_CHECKING:
    from collections.abc import Iterator

OPEN = 50_000
TEXT = "name: tighter\nrules: {shipment.scan_gap: {threshold: 1 h, severity: high}}\n"
"""A rule that every one of the orders is judged by anew, and breaks."""
HOT = 1 << 20
"""Bytes of orders that a shard keeps unpacked."""


class Renewed(NamedTuple):
    """What it cost, in seconds of CPU. `at_once`: the same orders judged in one step, as a restart with another file does."""

    orders: int
    switch: float
    longest: float
    mean: float
    whole: float
    said: int
    at_once: float


def renewal(orders: int = OPEN) -> Renewed:
    """Measures all shards of one process."""
    policy = load_policy(None)
    form = template(policy)
    holiday_region("NL", "NB")  # What a running engine has read long since: the table of holidays.
    shards = [*_filled(orders, form)]
    record = _activation()
    began = time.process_time()
    for shard in shards:
        shard.apply(record)
    switch = time.process_time() - began
    steps: list[float] = []
    said = 0
    for second in range(SPREAD + 1):
        began = time.process_time()
        for shard in shards:
            shard.advance(record.log + second * SECOND)
            said += len(shard.drain())
        steps.append(time.process_time() - began)
    shards = [*_filled(orders, form, record.log)]
    began = time.process_time()
    for shard in shards:
        shard.advance(record.log)
    return Renewed(orders, switch, max(steps), sum(steps) / len(steps), sum(steps), said, time.process_time() - began)


def _filled(orders: int, form: bytes, anew: int | None = None) -> Iterator[Shard]:
    """All shards with so many open orders; `anew`: when they are to be judged all at once."""
    policy, blank, head, plain = load_policy(None), BLANK.encode(), form[:HEAD], plain_of(form)
    for number in range(len(ORDER_SHARDS)):
        shard = Shard(policy, HOT, place=(number, len(ORDER_SHARDS)))
        mine = range(number, orders, len(ORDER_SHARDS))
        shard.restore(((ORDER + b"ACM-%08d" % n, head + compress(plain.replace(blank, b"%08d" % n))) for n in mine), anew)
        yield shard


def _activation() -> Record:
    policy = policy_of_text(TEXT)
    assert not isinstance(policy, Problem)
    data = {"version": policy.version, "text": TEXT, "by": "user:anna", "by_roles": ["policy_author"]}
    raw = line("act", BEGIN, "policy.activated", order=None, source="/console", data=json.loads(json.dumps(data)))
    at = BEGIN + SECOND
    return Record(at, DECISIONS, 0, 0, 0, at, "", decode(raw), raw)
