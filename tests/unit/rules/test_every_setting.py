"""Every setting of every rule has an effect that shows in a story of the rule, or `policy check` refuses it by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson
import pytest

from dataflows.core.policy.model import Place
from dataflows.core.policy.setting import NAMES
from dataflows.core.rules import RULES, RULES_BY_KIND
from dataflows.core.rules.load import check_policy, load_policy
from dataflows.detect.stories.story import Story, stories_of
from schemas.instants import DAY
from tests.oracle.judging.reading import instant
from tests.support.engine import records_of, run
from tests.support.stories import stories

if TYPE_CHECKING:
    from dataflows.core.policy import Policy

EMITS = "placed, captured, shipped, scans, authorized, allocated, released, picked, packed, invoiced, inspected, refunded, return_shipped"
BASE = f"""
emits: [{EMITS}]
zone: Pacific/Auckland
feeds: {{/mute: {{silence: 3000 d}}}}
ladders: {{default: {{steps: [{{role: lead}}]}}}}
calendars: {{all: {{hours: {{mon-sun: "00:00-24:00"}}}}, rare: {{zone: Asia/Tokyo, hours: {{sun: "03:00-03:30"}}}}}}
custom_rules: {{any: {{says: Any order., form: overdue, since: placed, within: 1 s, until: return.inspected}}}}
"""
VALUES = {
    "switch": ("off",),
    "anchor": ("placed", "shipped", "captured"),
    "threshold": ("3 s", "90 d", "3 bd"),
    "international": ("2 s", "80 d"),
    "clock": ("rare", "all"),
    "grace": ("3 h", "60 d"),
    "fallback": ("{anchor: placed, threshold: 1 s}",),
    "suppressed_by": ("[custom.any]",),
    "feeds": ("[mute]",),
    "steps": ('[{at: "+1 s", severity: critical}]', "[{at: 1 s, severity: critical}]"),
    "severity": ("low", "critical"),
    "owner": ("NOBODY",),
    "lane": ("auto", "block"),
    "fields": ("[channel]",),
    "margin": ("1 s", "2 m", "40 h", "2 d"),
    "raise_after": ("5 d",),
    "count": ("1", "2", "9"),
    "owners": (
        "{order: NOBODY, line: NOBODY, shipment: NOBODY, payment: NOBODY, return: NOBODY}",
        "{payment: NOBODY, address: NOBODY, customs: NOBODY, manual: NOBODY, other: NOBODY}",
    ),
    "minor_lane": ("block", "review"),
    "minor_severity": ("low", "critical"),
    "expire_after": ("1 s",),
    "acknowledge": ("{critical: 7 m, high: 7 m, medium: 7 m, low: 7 m}",),
    "resolve": ("{critical: 7 m, high: 7 m, medium: 7 m, low: 7 m}",),
    "ladder": ("off",),
}
"""What each setting is set to, one after another, until something changes."""
MORE = """
- kind: address.invalid
  events: |
    11-02 10:00 order.placed
    11-02 11:00 address.invalid suggestion: x, risk: low
  expect: 11-02 12:00 nothing
- kind: data.clock_skew
  events: |
    11-02 10:00 order.placed
    11-09 12:00 payment.captured _log: 11-02 12:00
  expect: 11-02 12:00 nothing
- kind: payment.credit_hold_aged
  events: |
    11-02 10:00 order.placed ship_by: 11-04 12:00
    11-02 11:00 order.hold_placed hold: credit
  expect: 11-02 12:00 nothing
- kind: shipment.stuck
  sites: {rvk: {country: IS}}
  events: |
    11-02 10:00 order.placed ship_to: {country: DK}
    11-04 10:00 warehouse.shipped site: rvk
    11-04 12:00 scan in_transit
  expect: 11-02 12:00 nothing
"""
"""What no story of our own tells: a setting that only these show."""
SAID = ("status", "severity", "owner", "lane", "due_at", "occurred_at", "detected_at", "case", "escalation")
STORIES: dict[str, list[Story]] = {}
with TemporaryDirectory() as _folder:
    _more = Path(_folder) / "more.yaml"
    _more.write_text("".join(f"- story: more\n  {part}" for part in MORE.split("- ")[1:]))
    _told, _problems = stories_of(_more)
    assert not _problems, _problems
for _story in (*stories(), *_told):
    STORIES.setdefault(_story.kind, []).append(_story)
UNSEEN = {
    ("data.rule_failed", "*"): "no event of a correct program makes it true; tests/unit/core/test_poison.py does",
    ("data.orphan_signal", "suppressed_by"): "an order that was never placed has no other exception",
    ("data.orphan_signal", "clock"): "its calendar is the tenant's",
    **dict.fromkeys(
        (
            (kind, "suppressed_by")
            for kind in ("payment.cancelled_not_refunded", "payment.captured_after_cancel", "payment.refund_exceeds_capture")
        ),
        "the rule of the user that suppresses the others here ends with the order, which has ended",
    ),
    ("payment.refund_exceeds_capture", "feeds"): "what was paid back was said, so nothing is waited for",
    ("conflict.cancelled_but_moving", "suppressed_by"): "the rule of the user that suppresses the others here ends with the order",
}


OF_DECISIONS = {"longest_pause": "no story decides anything; tests/unit/core/test_cases.py does"}


def said(kind: str, story: Story, policy: Policy) -> list[tuple[object, ...]]:
    """What is said of a kind in a story, all that a reader can tell: of the whole of it, and where it breaks off at a checkpoint."""
    sites = {name: Place(site.get("country"), site.get("zone")) for name, site in story.sites.items()}
    policy = replace(policy, sites=sites)
    records = records_of(story.lines)
    found: list[tuple[object, ...]] = []
    for end in (*(instant(checkpoint.as_of) for checkpoint in story.checkpoints), records[-1].log):
        for out in run([record for record in records if record.log <= end], policy, end + 120 * DAY):
            data = orjson.loads(out.body)["data"]
            if out.topic == "exceptions" and out.kind == kind:
                found.append((end, out.order, *(data[name] for name in SAID)))
    return found


def policy_with(folder: Path, kind: str, text: str) -> Path:
    """A policy with only this rule, set so."""
    path = folder / "policy.yaml"
    path.write_text(f"{BASE}rules:\n  '*': off\n  custom.any: on\n  {kind}: {text}\n")
    return path


@pytest.mark.parametrize("kind", [rule.kind for rule in RULES])
def test_a_setting_has_an_effect_or_is_refused(kind: str, tmp_path: Path) -> None:
    """For each setting one value is refused, or one changes what is said of the kind in some story."""
    if (kind, "*") in UNSEEN:
        pytest.skip(UNSEEN[kind, "*"])
    plain = load_policy(policy_with(tmp_path, kind, "{switch: on}"))
    before = {id(story): said(kind, story, plain) for story in STORIES[kind]}
    idle: list[str] = []
    for name in NAMES:
        done = (kind, name) in UNSEEN or name in OF_DECISIONS
        for value in () if done else VALUES[name]:
            # A clock counts business time only.
            timed = "threshold" in RULES_BY_KIND[kind].settings
            also = "" if name != "clock" else ", threshold: 1 bh" if timed else ", severity: low, steps: [{at: 1 bh, severity: critical}]"
            path = policy_with(
                tmp_path, kind, f"{{{name}: {value}{also}}}" if name == "switch" else f"{{switch: on, {name}: {value}{also}}}"
            )
            problems = [problem for problem in check_policy(path) if f".{kind}." in problem.field]
            if problems and all(problem.message for problem in problems) and any(name in problem.field for problem in problems):
                done = True
                break
            set_so = load_policy(path)
            base = before
            if also:
                other = load_policy(policy_with(tmp_path, kind, f"{{switch: on{also}}}"))
                base = {id(story): said(kind, story, other) for story in STORIES[kind]}
            if any(said(kind, story, set_so) != base[id(story)] for story in STORIES[kind]):
                done = True
                break
        if not done:
            idle.append(name)
    assert idle == []
