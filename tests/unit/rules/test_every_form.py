"""Every setting of a rule of the user has its effect on each form, or `policy check` names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from dataflows.core.policy.setting import NAMES
from dataflows.core.rules.load import check_policy, load_policy
from tests.oracle.judging.reading import instant
from tests.support.engine import records_of, run
from tests.support.stories import event, rfc3339

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
emits: [placed, captured, shipped, scans, packed, inspected]
zone: Pacific/Auckland
feeds: {/mute: {silence: 3000 d}}
ladders: {default: {steps: [{role: lead}]}}
calendars: {rare: {zone: Asia/Tokyo, hours: {sun: "03:00-03:30"}}}
"""
ANY = "any: {says: Any., form: overdue, since: placed, within: 1 s, until: return.inspected}"
PLACED = "11-02 10:00 order.placed promised_by: 11-20, ship_by: 11-04"
SHIPPED = (PLACED, "11-02 11:00 warehouse.shipped carrier: ups")
PAID = (PLACED, "11-02 11:00 payment.captured")
FORMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "overdue": ("form: overdue, since: captured, within: 2 bh, until: packed", PAID),
    "overdue parcel": ("form: overdue, each: parcel, since: handed_over, within: 2 bh, until: delivered", SHIPPED),
    "early": ("form: early, when: packed, since: captured, within: 2 h", (*PAID, "11-02 12:00 warehouse.packed")),
    "reported": ("form: reported, when: warehouse.rejected", (PLACED, "11-02 11:00 warehouse.rejected reason: other")),
    "reported parcel": ("form: reported, each: parcel, when: scan held", (*SHIPPED, "11-03 10:00 scan held")),
    "silent": ("form: silent, within: 2 bh", (PLACED,)),
    "silent parcel": ("form: silent, each: parcel, within: 2 bh", (*SHIPPED, "11-03 10:00 scan in_transit")),
    "lasting": ("form: lasting, each: parcel, within: 2 bh, state: [held]", (*SHIPPED, "11-03 10:00 scan held")),
    "apart": ("form: apart, date: order.promised_by, later_than: order.ship_by, within: 5 d", (PLACED,)),
}
VALUES: dict[str, tuple[str, ...]] = {
    "switch": ("off",),
    "anchor": ("placed",),
    "threshold": ("1 s", "30 d"),
    "international": ("1 s",),
    "clock": ("rare",),
    "grace": ("3 h",),
    "fallback": ("{anchor: placed, threshold: 1 s}",),
    "suppressed_by": ("[custom.any]",),
    "feeds": ("[mute]",),
    "steps": ('[{at: "+1 s", severity: critical}]', "[{at: 30 d, severity: critical}]"),
    "severity": ("low", "critical"),
    "owner": ("NOBODY",),
    "lane": ("auto", "block"),
    "fields": ("[channel]",),
    "margin": ("1 h",),
    "raise_after": ("5 d",),
    "count": ("3",),
    "owners": ("{order: NOBODY, shipment: NOBODY}",),
    "minor_lane": ("block",),
    "minor_severity": ("low",),
    "expire_after": ("1 s",),
    "acknowledge": ("{critical: 7 m, high: 7 m, medium: 7 m, low: 7 m}",),
    "resolve": ("{critical: 7 m, high: 7 m, medium: 7 m, low: 7 m}",),
    "ladder": ("off",),
}
SAID = ("status", "severity", "owner", "lane", "due_at", "occurred_at", "detected_at", "case", "escalation")
OF_DECISIONS = {"longest_pause": "no story decides anything; tests/unit/core/test_cases.py does"}


def said(path: Path, events: tuple[str, ...]) -> list[tuple[object, ...]]:
    """What is said of the rule in a story."""
    outs = run(records_of([event(line, number) for number, line in enumerate(events)]), load_policy(path), instant(rfc3339("12-30 10:00")))
    data = [orjson.loads(out.body)["data"] for out in outs if out.topic == "exceptions" and out.kind == "custom.mine"]
    return [tuple(one[name] for name in SAID) for one in data]


@pytest.mark.parametrize("where", ["rules", "overrides"])
@pytest.mark.parametrize("form", FORMS)
def test_a_setting_has_an_effect_or_is_named(form: str, where: str, tmp_path: Path) -> None:
    """For each setting a value changes what is said, or is refused or warned of by its name."""
    entry, events = FORMS[form]
    path = tmp_path / "policy.yaml"

    def write(settings: str) -> None:
        stated = f"{{custom.mine: {settings}}}"
        placed = f"rules: {stated}" if where == "rules" else f"overrides: [{{when: {{country: IS}}, rules: {stated}}}]"
        path.write_text(f"{BASE}custom_rules:\n  mine: {{says: Mine., {entry}}}\n  {ANY}\n{placed}\n")

    write("{switch: on}")
    before = said(path, events)
    assert before
    idle: list[str] = []
    for name in (name for name in NAMES if name not in OF_DECISIONS):
        for value in VALUES[name]:
            write(f"{{{name}: {value}}}")
            problems = [problem for problem in check_policy(path) if problem.field.endswith(f"custom.mine.{name}")]
            if problems or said(path, events) != before:
                break
        else:
            idle.append(name)
    assert idle == []
