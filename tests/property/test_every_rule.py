"""When a rule is judged is a matter of work saved: an engine that judges every rule at every event says the same, byte for byte.

`found` holds histories on which it did not, cut down to what shows it; `wrong_today` says why it still does not, and is empty once it does.
Set ORDERWATCH_HISTORIES for more than the usual number of random histories (`poe histories`: 20,000).
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast

import orjson
import pytest

from dataflows.core.engine.shard import Shard
from dataflows.core.rules import RULES
from dataflows.core.rules.load import load_policy
from schemas.instants import DAY
from schemas.record import FeedWatermark
from schemas.wire import Rejected
from sources.simulator import policy_text, stream
from sources.watermarks import WatermarkSampler
from tests.oracle.judging.reading import micros
from tests.property.histories import histories
from tests.property.policies import CALENDARS, MILESTONES, Form, policies, policy_of
from tests.property.strewn import CLOCKS, strewn
from tests.support.drawing import drawn
from tests.support.engine import records_of, run
from tests.support.shortest import shortest
from tests.support.thorough import JUDGED, Rejudged, thorough

if TYPE_CHECKING:
    from collections.abc import Callable

    from dataflows.core.policy import Policy
    from tests.support.engine import Judging

Lines = list[dict[str, object]]
FOUND = Path(__file__).with_name("found")
HISTORIES = int(os.environ.get("ORDERWATCH_HISTORIES", "1000"))
TOGETHER = 1_000
"""Histories that are drawn at a time."""
TALKATIVE: Form = {"emits": list(MILESTONES)}
OF_CLOCKS: Form = TALKATIVE | {"calendars": CALENDARS} | CLOCKS
AFTER = timedelta(days=40)


class Said(NamedTuple):
    """One line that was said: when, of what, and a digest of all of it."""

    log: int
    order: str
    type: str
    kind: str
    scope: str
    digest: str


def said(lines: Lines, policy: Policy, until: int, make: Callable[[Policy, int], Judging] = Shard, *, causes: bool = True) -> list[Said]:
    """Everything that is said. `causes`: with the event that ended an exception.

    Which of several events of that instant it was follows from what the rule says of its triggers, which `thorough` replaces.
    """
    records = records_of(lines)
    marks = [item for item in WatermarkSampler(policy.lateness).among(records) if isinstance(item, FeedWatermark)]
    outs = run(records, policy, until, marks=marks, make=make)
    return [Said(out.log, out.order, out.type, out.kind, str(out.data.get("scope")), _digest(out.body, causes=causes)) for out in outs]


def _digest(body: bytes, *, causes: bool) -> str:
    if not causes:
        event = orjson.loads(body)
        if isinstance(event.get("data"), dict):
            for name in ("resolved_by", "summary"):
                event["data"].pop(name, None)
        body = orjson.dumps(event)
    return sha256(body).hexdigest()[:8]


def end_of(lines: Lines) -> int:
    """An instant after the last event, when most deadlines have passed."""
    last = max(datetime.fromisoformat(str(line[name])) for line in lines for name in ("time", "recordedtime"))
    return micros(last + AFTER)


def differing(lines: Lines, form: Form, *, rejudged: bool = True) -> list[Said]:
    """What only one of the engines says, in log order; `rejudged`: whether the one that starts anew at every record is asked as well."""
    policy, until = policy_of(form), end_of(lines)
    plain = said(lines, policy, until, causes=False)
    with thorough(policy) as every_rule:
        found = set(plain) ^ set(said(lines, every_rule, until, causes=False))
    if rejudged:
        found |= set(said(lines, policy, until)) ^ set(said(lines, policy, until, Rejudged))
    return sorted(found)


def kinds_first(lines: Lines, form: Form) -> set[str]:
    """The kinds that the engines first differ about."""
    found = [one for one in differing(lines, form) if one.type.startswith("exception.")]
    return {one.kind for one in found if one.log == found[0].log}


def told(lines: Lines, form: Form) -> str:
    """The shortest history on which the engines differ about the same kind, as a file of `found`."""
    kind = min(kinds_first(lines, form), default="")

    def shows(rest: Lines, plainer: Form) -> bool:
        try:
            return kind in kinds_first(rest, plainer)
        except (ValueError, Rejected):  # without this part an event or the policy is not valid
            return False

    events, policy = shortest(lines, form, shows)
    return json.dumps({"kind": kind, "wrong_today": "?", "policy": policy, "events": events}, indent=1)


def test_the_other_engine_judges_every_rule_at_every_event() -> None:
    """Without that, it would say the same for no merit of the real one."""
    contact: dict[str, object] = {"type": "support.contacted", "data": {"intent": "other"}}
    lines: Lines = [{"type": "order.placed", "data": {}}, *[contact] * 5]
    told: Lines = [
        {"specversion": "1.0", "id": f"e{n}", "source": "/s", "subject": "o", "time": f"2026-05-04T08:0{n}:00+00:00", **line}
        for n, line in enumerate(lines)
    ]
    policy = policy_of(TALKATIVE)
    before = JUDGED.copy()
    with thorough(policy) as every_rule:
        run(records_of(told), every_rule, micros(datetime.fromisoformat("2026-05-04T08:06:00+00:00")))
    # A rule about rules that failed is judged when one does.
    assert {rule.kind for rule in RULES if JUDGED[rule.kind] - before[rule.kind] < len(told)} <= {"data.rule_failed"}


def _cases() -> list[object]:
    cases: list[object] = []
    for path in sorted(FOUND.glob("*.json")):
        case = json.loads(path.read_bytes())
        why = case["wrong_today"]
        marks = [pytest.mark.xfail(reason=why, strict=True, raises=AssertionError)] if why else []
        cases.append(pytest.param(case, id=path.stem, marks=marks))
    return cases


@pytest.mark.parametrize("case", _cases())
def test_what_was_found_is_mended(case: dict[str, object]) -> None:
    """Each of these once showed an event after which a rule was not judged, or a deadline at which nobody looked."""
    assert differing(cast("Lines", case["events"]), cast("Form", case["policy"])) == []


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, HISTORIES, TOGETHER))
def test_random_histories(first: int) -> None:
    """Nothing that saves work changes what is said of random histories under random policies, nor does judging anew at every record."""
    count = min(TOGETHER, HISTORIES - first)
    forms = drawn(policies(), max(1, count // 10), first)
    for number, history in enumerate(drawn(histories(chapters=2), count, first)):
        form = TALKATIVE if number % 2 else _judged_alike(forms[number // 2 % len(forms)])
        lines = history.lines()
        if number % 3 == 0:
            lines = strewn(lines, Random(f"{first} {number}"))
            form = OF_CLOCKS if number % 2 else form
        if differing(lines, form, rejudged=number % 4 < 2):
            pytest.fail(f"history {number} of seed {first}; the shortest that shows it:\n{told(lines, form)}")


@pytest.mark.slow
def test_a_simulated_world(tmp_path: Path) -> None:
    """The same of a world with every kind of fault."""
    path = tmp_path / "world.policy.yaml"
    path.write_text(policy_text(), encoding="utf-8")
    policy = load_policy(path)
    lines = [cast("dict[str, object]", orjson.loads(line)) for line in stream(400, 5)]
    lines = [line for line in lines if line["type"] != "feed.heartbeat"]
    until = max(record.log for record in records_of(lines)) + DAY
    plain = said(lines, policy, until, causes=False)
    with thorough(policy) as every_rule:
        assert said(lines, every_rule, until, causes=False) == plain


def _judged_alike(form: Form) -> Form:
    """The policy with the built-in times of keeping.

    An order is closed once nothing is expected of it, and what is expected is what the real engine notes down to save work.
    """
    return {name: value for name, value in form.items() if name != "retention"}
