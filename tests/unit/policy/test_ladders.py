"""Teams and ladders of a policy file: every mistake is named at its place, and what is right is shown as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.core.policy.show import render
from dataflows.core.rules.load import check_policy, load_policy

if TYPE_CHECKING:
    from pathlib import Path

RIGHT = """
calendars: {office: {zone: Europe/Amsterdam, hours: {mon-fri: '09:00-17:00'}}}
teams: {FIN: {calendar: office}, OPS: {zone: America/New_York}, DESK: {}}
ladders:
  default:
    steps:
      - {role: lead}
      - {wait: 4 bh, team: OPS, role: manager, days: mon-sat, hours: '08:00-20:00', zone: UTC}
    repeat: 2
    off_duty: skip
  night: {steps: [{wait: 30 m, team: DESK}]}
rules:
  '*': {acknowledge: {critical: 15 m, low: off}, resolve: {high: 1 bd}, longest_pause: 7 d}
  payment.capture_overdue: {ladder: night, owners: {normal: DESK, order: FIN}}
overrides: [{when: {tier: vip}, rules: {'*': {acknowledge: {medium: 1 h}, ladder: off}}}]
"""


def faults(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with a policy of this text, without the file's name."""
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return [str(problem).removeprefix(f"{path}:") for problem in check_policy(path) if not problem.warning]


def test_a_right_file_is_taken_and_shown_so_that_it_reads_back(tmp_path: Path) -> None:
    """With every field; its version is that of what is shown."""
    assert faults(tmp_path, RIGHT) == []
    policy = load_policy(tmp_path / "policy.yaml")
    (tmp_path / "again.yaml").write_text(render(policy), encoding="utf-8")
    assert load_policy(tmp_path / "again.yaml").version == policy.version != load_policy(None).version


MISTAKES = (
    ("ladders: {default: {steps: [{team: FINN}]}}", "unknown team 'FINN'; known: CARR,", 'did you mean "FIN"?'),
    ("teams: {NIGHT: {}}\nrules: {'*': {owner: NIGTH}}", "unknown team 'NIGTH'; known: CARR,", 'did you mean "NIGHT"?'),
    ("teams: {NIGHT: {}}\nrules: {order.stalled: {owners: {order: DAY}}}", "rules.order.stalled.owners.order: unknown team 'DAY'", ""),
    ("ladders: {default: {steps: [{wait: 1 h}], repeat: forever}}", "a ladder ends", ""),
    ("ladders: {default: {steps: [{wait: 1 h}], repeat: 21}}", "a ladder ends", ""),
    ("ladders: {default: {steps: [{}, {}], repeat: 2}}", "again and again: state a `wait`", ""),
    ("ladders: {default: {steps: []}}", "a ladder needs a rung", ""),
    ("ladders: {default: {steps: [{wait: -1 h}]}}", "would be before the rung before it", ""),
    ("ladders: {default: {steps: [{hours: off}]}}", "this window never opens", ""),
    ("ladders: {default: {steps: [{hours: '17:00-09:00'}]}}", "ends before it starts", ""),
    (
        (
            "calendars: {c: {hours: {mon: '08:00-12:00'}}}\nteams: {OPS: {calendar: c}}\n"
            "ladders: {default: {steps: [{team: OPS, days: tue-sun}]}}"
        ),
        *("this window never opens while OPS works", ""),
    ),
    ("rules: {order.stalled: {ladder: night}}", "unknown ladder 'night'; known: none", ""),
    ("rules: {'*': {acknowledge: {urgent: 1 h}}}", "unknown severity 'urgent'", ""),
    ("rules: {'*': {resolve: {high: 0 h}}}", "longer than nothing, or off", ""),
    ("rules: {order.stalled: {owners: {parcel: FIN}}}", "order.stalled knows no 'parcel' here; known: order, line, shipment", ""),
    ("ladders: {default: {step: [{wait: 1 h}]}}", "step", 'did you mean "steps"?'),
)


@pytest.mark.parametrize(("text", "message", "hint"), MISTAKES, ids=[message[:40] for _, message, _ in MISTAKES])
def test_a_mistake_is_named_at_its_place(tmp_path: Path, text: str, message: str, hint: str) -> None:
    """With what is known, and what was probably meant."""
    found = faults(tmp_path, text)
    assert any(message in fault and hint in fault for fault in found), found


def test_the_defaults_are_no_part_of_a_version(tmp_path: Path) -> None:
    """A policy that says nothing of cases has the version that it had before there were any."""
    path = tmp_path / "policy.yaml"
    path.write_text("rules: {'*': {acknowledge: {critical: 1 bh}, longest_pause: 14 d, ladder: default}}")
    assert load_policy(path).version == load_policy(None).version
