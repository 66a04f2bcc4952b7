"""Mistakes in a policy file: each is named with line, column, field, what is wrong and what was probably meant."""
# ruff: noqa: E501 - one mistake a line

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.core.policy.check import PolicyError, examine_text
from dataflows.core.rules.load import check_policy, load_policy
from schemas.problems import Problem
from tests.unit.policy.rules import RULES, written

if TYPE_CHECKING:
    from pathlib import Path


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    """What is wrong with this content."""
    return check_policy(written(folder, text), RULES)


MISTAKES = [
    # unknown keys, at every level
    ("zones: {}\nrulez: {}", 2, 1, "rulez", "unknown key", "rules"),
    ("calendars: {a: {cutof: '16:00'}}", 1, 17, "calendars.a.cutof", "unknown key", "cutoff"),
    ("sites: {a: {contry: NL}}", 1, 13, "sites.a.contry", "unknown key", "country"),
    ("carriers: {a: {calender: b}}", 1, 16, "carriers.a.calender", "unknown key", "calendar"),
    ("countries: {NL: {zones: UTC}}", 1, 18, "countries.NL.zones", "unknown key", "zone"),
    ("tenants: {a: {zones: UTC}}", 1, 15, "tenants.a.zones", "unknown key", "zone"),
    ("retention: {dedup: 1 d}", 1, 13, "retention.dedup", "unknown key", "dedupe"),
    ("rules: {'*': {swich: on}}", 1, 15, "rules.*.swich", "unknown key", "switch"),
    ("rules:\n  shipment.scan_gap:\n    treshold: 3 bd", 3, 5, "rules.shipment.scan_gap.treshold", "unknown key", "threshold"),
    (
        "rules: {fulfilment.ship_overdue: {fallback: {ancor: placed, anchor: placed, threshold: 1 d}}}",
        1, 46, "rules.fulfilment.ship_overdue.fallback.ancor", "unknown key", "anchor",
    ),
    (
        "rules: {shipment.scan_gap: {steps: [{at: 1 d, severity: low, att: 1 d}]}}",
        1, 62, "rules.shipment.scan_gap.steps[0].att", "unknown key", "at",
    ),
    ("overrides: [{wen: {}, when: {tier: a}, rules: {'*': off}}]", 1, 14, "overrides[0].wen", "unknown key", "when"),
    ("overrides: [{when: {carier: ups}, rules: {'*': off}}]", 1, 21, "overrides[0].when.carier", "unknown key", "carrier"),
    ("feeds:\n  /carrier: {silense: 1 h}", 2, 14, "feeds./carrier.silense", "unknown key", "silence"),
    # unknown names
    ("feeds: {/carrier: {silence: 1 h}}\nrules: {shipment.scan_gap: {feeds: [carier]}}", 2, 36, "rules.shipment.scan_gap.feeds",
     "unknown feed", "carrier"),
    ("feeds: {/desk/a: {silence: 1 h}}\noverrides: [{when: {tier: a}, rules: {'*': {feeds: dessk}}}]", 2, 52, "overrides[0].rules.*.feeds",
     "unknown feed", "desk"),
    ("rules: {shipment.scan_gab: on}", 1, 9, "rules.shipment.scan_gab", "unknown rule kind", "shipment.scan_gap"),
    ("overrides: [{when: {tier: a}, rules: {payment.auth_mising: off}}]", 1, 39, "overrides[0].rules.payment.auth_mising", "unknown rule kind",
     "payment.auth_missing"),
    ("rules: {shipment.scan_gap: of}", 1, 28, "rules.shipment.scan_gap.switch", "unknown switch", "off"),
    ("rules: {'*': {severity: hihg}}", 1, 25, "rules.*.severity", "unknown severity", "high"),
    ("rules: {'*': {lane: blocked}}", 1, 21, "rules.*.lane", "unknown lane", "block"),
    ("rules: {'*': {clock: carier}}", 1, 22, "rules.*.clock", "unknown clock", "carrier"),
    ("rules: {payment.capture_overdue: {anchor: place}}", 1, 43, "rules.payment.capture_overdue.anchor", "unknown anchor", "placed"),
    ("rules: {fulfilment.ship_overdue: {fallback: {anchor: captur, threshold: 1 d}}}", 1, 54, "rules.fulfilment.ship_overdue.fallback.anchor",
     "unknown anchor", "captured"),
    ("emits: [placed, capturd]", 1, 17, "emits[1]", "unknown milestone", "captured"),
    ("zone: Europe/Amsterdm", 1, 7, "zone", "unknown time zone", "Europe/Amsterdam"),
    ("zone: Amsterdam", 1, 7, "zone", "unknown time zone", "Europe/Amsterdam"),
    ("zones: {us_ca: UTC}", 1, 9, "zones.us_ca", "not a region", "US-CA"),
    ("zones: {US: UTC}", 1, 9, "zones.US", "countries: {US: {zone: ...}}", None),
    ("countries: {nl: {zone: UTC}}", 1, 13, "countries.nl", "unknown country", "NL"),
    ("overrides: [{when: {country: [NL, XX]}, rules: {'*': off}}]", 1, 35, "overrides[0].when.country[1]", "unknown country", None),
    ("calendars: {desk: {}}\nsites: {a: {calendar: dest}}", 2, 23, "sites.a.calendar", "unknown calendar", "desk"),
    ("calendars: {a: {holidays: nl}}", 1, 27, "calendars.a.holidays", "not known", "NL"),
    ("calendars: {tenant: {}}", 1, 13, "calendars.tenant", "is a clock already", None),
    # bad values
    ("rules: {'*': {threshold: 24}}", 1, 26, "rules.*.threshold", "is not a span", None),
    ("rules: {'*': {grace: 1 bd}}", 1, 22, "rules.*.grace", "elapsed time is expected", None),
    ("rules: {'*': {grace: -1 h}}", 1, 22, "rules.*.grace", "elapsed time is expected", None),
    ("rules: {'*': {threshold: }}", 1, 25, "rules.*.threshold", "a value is missing", None),
    ("retention: {most_events: 99}", 1, 26, "retention.most_events", "'99' is no number of events that an order may have: 100 to 1000000", None),
    ("retention: {dedupe: 0 s}", 1, 21, "retention.dedupe", "longer than nothing", None),
    ("calendars: {a: {closed: [2026-02-30]}}", 1, 26, "calendars.a.closed[0]", "is not a date", None),
    ("calendars: {a: {cutoff: '24:01'}}", 1, 25, "calendars.a.cutoff", "is not a time", None),
    ("calendars: {a: {hours: {mon-fry: '08:00-18:00'}}}", 1, 25, "calendars.a.hours.mon-fry", "unknown weekday", "fri"),
    ("calendars: {a: {hours: {mon: '18:00-08:00'}}}", 1, 30, "calendars.a.hours.mon", "ends before it starts", None),
    ("calendars: {a: {hours: {mon: '08:00'}}}", 1, 30, "calendars.a.hours.mon", "is not an interval", None),
    ("calendars: {a: {hours: {mon: '08:00-12:00, 11:00-13:00'}}}", 1, 30, "calendars.a.hours.mon", "overlap", None),
    ("calendars: {a: {hours: {mon-fri: '08:00-12:00', wed: '09:00-10:00'}}}", 1, 24, "calendars.a.hours", "stated twice: wed", None),
    ("calendars: {a: {hours: {mon: off}}}", 1, 24, "calendars.a.hours", "needs working hours", None),
    ("name: ''", 1, 7, "name", "is no name", None),
    ("feeds: {carrier: {silence: 1 h}}", 1, 9, "feeds.carrier", "must start with '/'", "/carrier"),
    ("feeds: {/carrier//ups/: {silence: 1 h}}", 1, 9, "feeds./carrier//ups/", "whole parts", "/carrier/ups"),
    ("feeds: {/carrier: {silence: 0 s}}", 1, 29, "feeds./carrier.silence", "longer than nothing", None),
    ("feeds: {/carrier: {silence: 1 h, delay: 1 bd}}", 1, 41, "feeds./carrier.delay", "elapsed time is expected", None),
    ("feeds: {/carrier: {silence: 1 h, delay: -1 h}}", 1, 41, "feeds./carrier.delay", "elapsed time is expected", None),
    ("feeds: {/carrier: {silence: 1 m, cadence: 1 h}}", 1, 19, "feeds./carrier", "shorter than `cadence`", None),
    ("priority: {breach: 900}", 1, 11, "priority", "all terms together give up to 1800 points, and a score has 1000", None),
    ("priority: {severity: {low: 400}}", 1, 11, "priority", "a graver severity gives fewer points: low 400, medium 210", None),
    ("priority: {severity: {hihg: 4}}", 1, 23, "priority.severity.hihg", "unknown severity", "high"),
    ("priority: {value: lots}", 1, 19, "priority.value", "are no points of a score: 0 to 1000", None),
    ("priority: {half_at: {EUR: 5}}", 1, 21, "priority.half_at", "'*' is missing", None),
    ("priority: {urgency: 5}", 1, 12, "priority.urgency", "unknown key", None),
    ("rules: {fulfilment.pick_overdue: {steps: [{at: 100 %, severity: low}]}}", 1, 48, "rules.fulfilment.pick_overdue.steps[0].at",
     "is 1 % to 99 %", None),
    ("rules: {shipment.scan_gap: {steps: [{at: 80 %, severity: low, unless: delivered}]}}", 1, 42, "rules.shipment.scan_gap.steps[0].at",
     "it only warns", None),
    # shapes
    ("feeds: [/carrier]", 1, 8, "feeds", "a mapping", None),
    ("feeds: {/carrier: {delay: 1 m}}", 1, 19, "feeds./carrier", "`silence` or `cadence` is required", None),
    ("- a", 1, 1, "", "a mapping", None),
    ("rules: 3", 1, 8, "rules", "a mapping", None),
    ("emits: {a: b}", 1, 8, "emits", "a list", None),
    ("name: [a]", 1, 7, "name", "a single text", None),
    ("carriers: {ups: {}}", 1, 17, "carriers.ups.calendar", "`calendar` is required", None),
    ("rules: {shipment.scan_gap: {steps: [{at: 1 d}]}}", 1, 37, "rules.shipment.scan_gap.steps[0].severity", "`severity` is required", None),
    ("overrides: [{rules: {'*': off}}]", 1, 13, "overrides[0].when", "`when` is required", None),
    # what does not fit together
    ("rules: {shipment.scan_gap: {suppressed_by: [shipment.scan_gab]}}", 1, 45, "rules.shipment.scan_gap.suppressed_by[0]", "unknown rule kind",
     "shipment.scan_gap"),
    ("rules: {shipment.scan_gap: {suppressed_by: shipment.scan_gap}}", 1, 44, "rules.shipment.scan_gap.suppressed_by", "cannot suppress itself",
     None),
    ("rules: {payment.capture_overdue: {suppressed_by: [payment.auth_missing]}}", 1, 50, "rules.payment.capture_overdue.suppressed_by",
     "in a circle: payment.capture_overdue <- payment.auth_missing <- payment.capture_overdue", None),
    ("rules: {'*': {suppressed_by: [shipment.scan_gap]}}", 1, 30, "rules.*.suppressed_by", "shipment.scan_gap cannot suppress itself", None),
    ("rules: {'*': {anchor: placed}}", 1, 15, "rules.*.anchor", "belongs to single rules", None),
    ("rules: {payment.auth_missing: {fields: [total]}}", 1, 32, "rules.payment.auth_missing.fields", "has no `fields`", None),
    ("rules: {payment.auth_missing: {anchor: placed}}", 1, 32, "rules.payment.auth_missing.anchor", "has no `anchor`", None),
    ("rules: {payment.auth_missing: {international: 1 d}}", 1, 32, "rules.payment.auth_missing.international", "has no `international`", None),
    ("rules: {payment.auth_missing: {fallback: {anchor: placed, threshold: 1 d}}}", 1, 32, "rules.payment.auth_missing.fallback",
     "has no `fallback`", None),
    ("overrides: [{when: {}, rules: {'*': off}}]", 1, 14, "overrides[0].when", "names no dimension", None),
    ("overrides: [{when: {tier: []}, rules: {'*': off}}]", 1, 21, "overrides[0].when.tier", "no order matches", None),
    ("overrides: [{when: {tier: a}, rules: {}}]", 1, 31, "overrides[0].rules", "changes nothing", None),
    ("overrides:\n- {when: {tier: [a, b]}, rules: {'*': off}}\n- {when: {tier: [b, a]}, rules: {'*': on}}", 2, 3, "overrides[0]",
     "never counts: overrides[1] (line 3)", None),
    ("rules: {'*': off}\noverrides: [{when: {tier: a}, rules: {shipment.scan_gap: {grace: 1 h}}}]", 2, 39, "overrides[0].rules.shipment.scan_gap",
     "nothing switches it on", None),
    # YAML itself
    ("name: a\nzone: UTC\nname: b", 3, 1, "name", "occurs twice; it was set in line 1", None),
    ("rules:\n  shipment.scan_gap: on\n  shipment.scan_gap: off", 3, 3, "rules.shipment.scan_gap", "occurs twice; it was set in line 2", None),
    ("name: [", 1, 8, "", "not valid YAML", None),
    ("name: a\n\tzone: UTC", 2, 1, "", "not valid YAML", None),
    ("name: a\n---\nname: b", 2, 1, "", "not valid YAML", None),
    ("zone: UTC\nname: \x07", 2, 7, "", "not valid YAML", None),
    ("name: &a x\nzone: *a", 2, 7, "", "aliases", None),
    ("? {a: b}\n: c", 1, 3, "", "a key must be a plain text", None),
    ("name: !!python/object:os.system x", 1, 7, "name", "tags are not allowed", None),
    ("name: " + "[" * 40, 1, 22, "", "nested too deeply", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "field", "message", "suggestion"), MISTAKES)
def test_every_mistake_is_named(
    tmp_path: Path, text: str, line: int, column: int, field: str, message: str, suggestion: str | None
) -> None:
    """With its place, its field, and the nearest valid name."""
    found = [p for p in problems(tmp_path, text) if message in p.message]
    assert [(p.line, p.column, p.field, p.suggestion) for p in found] == [(line, column, field, suggestion)], problems(tmp_path, text)


def test_all_problems_come_at_once_by_line(tmp_path: Path) -> None:
    """One run shows all that is to be mended."""
    text = "zone: Mars\nemits: [x]\nrules:\n  '*': of\n  shipment.scan_gap: {threshold: soon, suppressed_by: shipment.scan_gap}\noverrides:\n- rules: 3"
    assert [(p.line, p.field) for p in problems(tmp_path, text)] == [
        (1, "zone"),
        (2, "emits[0]"),
        (4, "rules.*.switch"),
        (5, "rules.shipment.scan_gap.threshold"),
        (5, "rules.shipment.scan_gap.suppressed_by"),
        (7, "overrides[0].when"),
        (7, "overrides[0].rules"),
    ]


def test_a_problem_reads_as_compilers_write_them(tmp_path: Path) -> None:
    """file:line:column: field: message (did you mean ...)."""
    path = written(tmp_path, "zone: Europe/Amsterdm")
    said = "unknown time zone 'Europe/Amsterdm'; a name of the IANA database such as Europe/Berlin is expected"
    message = f'{said} (did you mean "Europe/Amsterdam"?)'
    assert str(check_policy(path, RULES)[0]) == f"{path}:1:7: zone: {message}"


def test_loading_a_wrong_policy_raises_all_problems(tmp_path: Path) -> None:
    """The same that checking returns."""
    path = written(tmp_path, "zone: Mars\nname: []")
    with pytest.raises(PolicyError) as caught:
        load_policy(path, RULES)
    assert caught.value.problems == check_policy(path, RULES)
    assert str(caught.value).count("\n") == 1


def test_files_that_cannot_be_read_are_problems(tmp_path: Path) -> None:
    """Absent, a folder, not UTF-8, huge."""
    assert str(check_policy(tmp_path / "absent.yaml", RULES)[0]) == f"{tmp_path}/absent.yaml: cannot be read: no such file or directory"
    assert "cannot be read" in check_policy(tmp_path, RULES)[0].message
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9")
    assert "not UTF-8" in check_policy(tmp_path / "latin.yaml", RULES)[0].message
    assert "larger than 256 KiB" in problems(tmp_path, "# " + "x" * 300_000)[0].message
    assert "larger than 256 KiB" in problems(tmp_path, "# " + "é" * 1_000_000)[0].message


def test_a_bomb_of_aliases_is_refused_at_the_first_one(tmp_path: Path) -> None:
    """Nothing is expanded."""
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    assert [(p.line, p.message) for p in problems(tmp_path, "\n".join(lines))] == [(2, "aliases (*name) are not allowed here")]


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "rules:\noverrides:\nsites:\nretention:\nfeeds:\n", "name: 42\n", "rules: {shipment.scan_gap: {}}"]
)
def test_what_is_left_empty_is_no_mistake(tmp_path: Path, text: str) -> None:
    """A section whose entries are all commented out counts as empty."""
    assert problems(tmp_path, text) == ()


def test_defaults_that_are_switched_off_may_still_be_tuned(tmp_path: Path) -> None:
    """A rule that is off may keep its threshold in the file for later."""
    assert problems(tmp_path, "rules: {'*': off, payment.auth_missing: on, shipment.scan_gap: {switch: off, threshold: 4 bd}}") == ()


PIECES = [text for text, *_ in MISTAKES] + [
    "rules:",
    "'*'",
    ": ",
    "- ",
    "\n",
    "{",
    "}",
    "[",
    "]",
    "on",
    "1 d",
    "when",
    "é",
    "\x00",
    "&a",
    "*a",
    "<<",
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=6).map("\n".join) | st.lists(st.sampled_from(PIECES)).map("".join))
def test_no_text_makes_the_check_fail(text: str) -> None:
    """Whatever is in a file, the answer is a policy or a list of problems that lie in it."""
    form, faults = examine_text(text, RULES)
    assert (form is None) == bool(faults)
    assert all(fault.line >= 1 and fault.column >= 1 and fault.line <= len(text.splitlines()) + 2 for fault in faults)
