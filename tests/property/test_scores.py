"""The score of what random histories and simulated worlds make be said: as the judge counts it, and telling apart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import orjson
from hypothesis import given

from dataflows.core.rules.load import load_policy
from schemas.lateness import as_of
from schemas.record import FeedWatermark
from sources.simulator import policy_text, stream
from sources.watermarks import WatermarkSampler
from tests.oracle.judge import judge
from tests.oracle.judging.reading import instant, micros, read
from tests.oracle.judging.scores import terms
from tests.oracle.judging.settings import Policy
from tests.property.histories import History, examples, histories
from tests.property.test_engine import MILESTONES, TALKATIVE
from tests.support.engine import records_of, run
from tests.support.logs import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from schemas.output import OutputRecord
    from tests.oracle.judging.facts import Order

SKIPPED = ("data.orphan_signal", "data.clock_skew")
"""Kinds about arrival; the orphan of an alias is said by the identity step."""
EQUAL = 0.01
"""Of the pairs of exceptions that stand open at an instant, how many may have the same score."""
BLAST = 0.05
"""How many of them may have the most frequent score."""


def last_said(outs: Sequence[OutputRecord], at: int) -> dict[tuple[str, str, str | None, int], dict[str, Any]]:
    """What was said at an instant of each exception, last."""
    return {
        (out.order, out.kind, cast("str | None", out.data["scope"]), cast("int", out.data["episode"])): out.data
        for out in outs
        if out.topic == "exceptions" and out.log == at and out.kind not in SKIPPED
    }


@examples(25)
@given(histories(skew=False))
def test_the_engine_scores_as_the_judge_does(history: History) -> None:
    """Each term of each line that is said where no more than one event is."""
    lines, until = history.lines(), micros(history.last) + 9 * DAY
    outs, policy = run(records_of(lines), TALKATIVE, until), Policy(emits=MILESTONES)
    logs = Counter(event.log for event in read(lines, until))
    instants = sorted({out.log for out in outs if out.topic == "exceptions" and logs[out.log] < 2})
    for at in instants[:: max(1, len(instants) // 4)]:
        seen: list[Order] = []
        verdicts = {(one.order, one.kind, one.scope, one.episode): one for one in judge(lines, policy, at, seen=seen)}
        orders = {order.id: order for order in seen}
        for what, data in last_said(outs, at).items():
            if what in verdicts and data["status"] != "retracted":
                case = cast("dict[str, int]", data["case"])
                right = terms(orders[what[0]], verdicts[what], data["lane"], case["reopenings"] + case["flaps"], at)
                assert data["score_terms"] == right, (what, at)
                assert data["score"] == sum(right.values())


def open_at(outs: Sequence[OutputRecord], at: int) -> list[tuple[int, int]]:
    """Of each exception that stands open its score as of an instant, and when it was raised."""
    last: dict[str, dict[str, Any]] = {}
    raised: dict[str, int] = {}
    for out in outs:
        if out.topic == "exceptions" and out.log <= at:
            id_ = str(out.data["exception_id"])
            last[id_] = out.data
            raised.setdefault(id_, out.log)
    return [(as_of(data, at).points, raised[id_]) for id_, data in last.items() if data["status"] == "open"]


def test_scores_tell_apart_and_follow_no_arrival(tmp_path: Path) -> None:
    """S28: of the pairs that stand open together not 1 % have the same score, and who is first is not who came first."""
    path = tmp_path / "world.policy.yaml"
    path.write_text(policy_text(), encoding="utf-8")
    policy = load_policy(path)
    records = records_of([orjson.loads(line) for line in stream(700, 5)])
    marks = [item for item in WatermarkSampler(policy.lateness).among(records) if isinstance(item, FeedWatermark)]
    until = max(record.log for record in records)
    outs = run(records, policy, until, marks=marks)
    begin = min(out.log for out in outs)
    for part in (4, 6, 8, 10):
        opened = open_at(outs, begin + (until - begin) * part // 10)
        scores, many = Counter(score for score, _ in opened), len(opened)
        assert many >= 20
        pairs = [(one, other) for number, one in enumerate(opened) for other in opened[:number]]
        assert sum(one[0] == other[0] for one, other in pairs) <= EQUAL * len(pairs)
        assert max(scores.values()) <= max(3, BLAST * many)
        older_first = sum((one[0] - other[0]) * (one[1] - other[1]) < 0 for one, other in pairs) / len(pairs)
        assert 0.2 < older_first < 0.8


def test_a_blast_is_told_apart(tmp_path: Path) -> None:
    """S28: a warehouse stands still and five hundred orders are due at one instant: by what they are worth, and by what was promised."""
    path = tmp_path / "policy.yaml"
    path.write_text(
        "emits: [placed, captured, shipped]\nrules: {'*': off, fulfilment.ship_overdue: {switch: on, steps: []}}", encoding="utf-8"
    )
    begun = instant("2026-11-02T08:00:00Z")
    lines: list[dict[str, object]] = []
    for number in range(500):
        data = {
            "ship_by": "2026-11-04",
            "promised_by": f"2026-11-{8 + number % 20:02d}",
            "total": {"amount": f"{10 + (number * 37) % 400}.00", "currency": "EUR"},
            "customer": {"id": f"c{number}", "tier": ("standard", "silver", "gold")[number % 3]},
            "terms": "on_ship",
        }
        at = f"2026-11-02T{8 + number // 60:02d}:{number % 60:02d}:00+00:00"
        lines.append(
            {
                "specversion": "1.0",
                "id": f"e{number}",
                "source": "/shop",
                "type": "order.placed",
                "subject": f"o{number}",
                "time": at,
                "data": data,
            }
        )
    outs = run(records_of([line | {"recordedtime": line["time"]} for line in lines]), load_policy(path), begun + 3 * DAY)
    opened = open_at(outs, begun + 2 * DAY + 20 * HOUR)
    scores = Counter(score for score, _ in opened)
    assert len(opened) == 500
    assert {raised for _, raised in opened} == {instant("2026-11-05T00:00:00Z")}
    assert sum(count * (count - 1) for count in scores.values()) <= EQUAL * 500 * 499
    assert max(scores.values()) <= BLAST * 500
