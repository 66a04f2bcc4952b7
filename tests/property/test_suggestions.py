"""Random suggestions about what random histories make be said: every exception stands as it does without them, its lane no looser."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.engine.shard import Shard
from tests.oracle.judging.reading import micros
from tests.property.histories import History, examples, histories
from tests.property.test_engine import TALKATIVE
from tests.property.test_restore import keep
from tests.support.engine import position, records_of, run
from tests.support.logs import DAY, HOUR, MINUTE, iso, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.output import OutputRecord
    from schemas.record import Record

SKIPPED = ("data.orphan_signal", "data.clock_skew")
"""Kinds about arrival; the orphan of an alias is said by the identity step."""
AUTOMATIC = replace(TALKATIVE, base=tuple(replace(setting, lane="auto") for setting in TALKATIVE.base))
LANES = ("auto", "review", "block")
OWN = ("sequence", "lane", "guardrails", "changed_by", "detected_at", "summary", "score", "score_terms", "score_clock", "context")
"""What a suggestion may change of what is said: its own line says it, later than the one before."""


class Made(NamedTuple):
    """A suggestion at its place in the log."""

    log: int
    raw: bytes


def suggestions(outs: Sequence[OutputRecord], lots: Random, until: int) -> list[Made]:
    """Suggestions about what was said, each later than that, some of them dated wrongly."""
    said = [out for out in outs if out.topic == "exceptions" and out.kind not in SKIPPED and out.log < until]
    found: list[Made] = []
    for number in range(lots.choice((1, 4, 20)) if said else 0):
        out = lots.choice(said)
        log = out.log + lots.choice((MINUTE, HOUR, DAY, 9 * DAY)) + lots.randrange(MINUTE) * 2 + 1
        data = {"exception_id": out.data["exception_id"], "kind": lots.choice(("class", "owner", "resolve")), "value": lots.choice("abc")}
        event = {
            "specversion": "1.0",
            "id": f"s{number}",
            "source": "/model",
            "type": "suggestion.made",
            "subject": out.order,
            "time": iso(log + lots.choice((0, 0, -3 * DAY, HOUR))),
            "data": {**data, "model": lots.choice(("m1", "m2")), "confidence": lots.choice((0, 0.5, 1)), "by": "service:model"},
        }
        if log <= until:
            found.append(Made(log, orjson.dumps(event)))
    return found


def standing(outs: Sequence[OutputRecord]) -> dict[str, dict[str, Any]]:
    """What was said last of each exception."""
    return {str(out.data["exception_id"]): out.data for out in outs if out.topic == "exceptions"}


def log_of(history: History, made: Sequence[Made]) -> list[Record]:
    """All records in log order, anew each time: a shard uses them up."""
    return sorted([*records_of(history.lines()), *(record(one.raw, one.log) for one in made)], key=position)


def rest_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of an exception that no suggestion may change."""
    return {name: value for name, value in data.items() if name not in OWN}


@examples(80)
@given(histories(), st.integers(0, 1 << 32), st.sampled_from((0, 2, 9, 100)))
def test_nothing_is_made_looser(history: History, seed: int, days: int) -> None:
    """Status, severity, owner, case, clocks and escalation are as without; a lane is the same or stricter."""
    until = micros(history.last) + days * DAY
    without = run(log_of(history, ()), AUTOMATIC, until)
    made = suggestions(without, Random(seed), until)
    outs = run(log_of(history, made), AUTOMATIC, until)
    plain, found = standing(without), standing(outs)
    assert plain.keys() == found.keys()
    for id_, data in found.items():
        assert rest_of(data) == rest_of(plain[id_])
        assert LANES.index(data["lane"]) >= LANES.index(plain[id_]["lane"])
        assert bool(data["context"].get("suggestions")) <= (data["lane"] != "auto")
    timed = [(out.log, out.data["exception_id"], out.data["status"]) for out in outs if out.topic == "exceptions"]
    assert {one for one in timed if one[0] not in {each.log for each in made}} == {
        (out.log, out.data["exception_id"], out.data["status"]) for out in without if out.topic == "exceptions"
    }, "each is said when it is said without, and besides only when something is suggested"
    requested = {out.data["exception_id"] for out in outs if out.type == "action.requested"}
    assert requested <= {out.data["exception_id"] for out in without if out.type == "action.requested"}


@examples(40)
@given(histories(), st.integers(0, 1 << 32), st.sampled_from((1, 256)))
def test_a_shard_with_suggestions_that_was_cut_says_the_same(history: History, seed: int, hot: int) -> None:
    """Restored from its rows at any moment it goes on, byte by byte."""
    until = micros(history.last) + 20 * DAY
    made = suggestions(run(log_of(history, ()), AUTOMATIC, until), Random(seed), until)
    whole = Shard(AUTOMATIC)
    for one in log_of(history, made):
        if one.order:
            whole.apply(one)
    whole.advance(until)
    expected = [(out.log, out.key, out.body) for out in whole.drain()]
    lots, shard, rows, said = Random(seed), Shard(AUTOMATIC, hot), dict[bytes, bytes](), list[tuple[int, str, bytes]]()
    for one in log_of(history, made):
        if not one.order:
            continue
        if lots.random() < 0.4:
            keep(rows, shard)
            said += [(out.log, out.key, out.body) for out in shard.drain()]
            shard = Shard(AUTOMATIC, hot)
            shard.restore(rows.items())
        shard.apply(one)
    shard.advance(until)
    assert said + [(out.log, out.key, out.body) for out in shard.drain()] == expected
