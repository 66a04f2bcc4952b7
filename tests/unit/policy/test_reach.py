"""What no order, day or feed can bear out is told: by name, with its line, and what was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.core.policy import Dims
from dataflows.core.policy.reach import silent_rules
from dataflows.core.rules.load import check_policy, load_policy

if TYPE_CHECKING:
    from pathlib import Path

GAP = "rules: {shipment.scan_gap: {threshold: 1 bd}}"
IDLE = (
    ("rules: {shipment.scan_gap: {owner: CARRR}}", "rules.shipment.scan_gap.owner", "'CARRR' owns nothing else", "CARR"),
    (
        "rules: {order.stalled: {owner: NIGHTDESK}, shipment.stuck: {owner: NIGHTDESK}, shipment.scan_gap: {owner: NIGHTDESC}}",
        "rules.shipment.scan_gap.owner",
        "'NIGHTDESC' owns nothing else",
        "NIGHTDESK",
    ),
    ("rules: {'*': off}", "rules", "watches nothing: every rule is off", None),
    ("emits: [placed]", "emits", "arms nothing: no rule that is on waits for a milestone that is listed here", None),
    (
        "overrides: [{when: {method: pickup}, rules: {shipment.scan_gap: {threshold: 1 bd}}}]",
        "overrides[0].rules.shipment.scan_gap",
        "counts only where a line has a method of its own: shipment.scan_gap watches ship",
        None,
    ),
    (
        f"overrides: [{{when: {{country: US, region: US-XX}}, {GAP}}}]",
        "overrides[0].when.region[0]",
        "'US-XX' is no region of US by code or name: only an order that states it so is meant",
        None,
    ),
    (
        f"{{sites: {{ams1: {{country: NL}}}}, overrides: [{{when: {{site: asm1}}, {GAP}}}]}}",
        "overrides[0].when.site[0]",
        "'asm1' is no site of this file",
        "ams1",
    ),
    (
        f"{{calendars: {{c: {{}}}}, carriers: {{ups: {{calendar: c}}}}, overrides: [{{when: {{carrier: usp}}, {GAP}}}]}}",
        "overrides[0].when.carrier[0]",
        "'usp' is no carrier of this file",
        "ups",
    ),
    (
        "overrides: [{when: {carrier: ups}, rules: {shipment.scan_gap: {threshold: 3 bd}}}]",
        "overrides[0].rules.shipment.scan_gap.threshold",
        "changes nothing: that is the `threshold` of shipment.scan_gap already",
        None,
    ),
    (
        "{rules: {shipment.scan_gap: off}, overrides: [{when: {carrier: ups}, rules: {shipment.scan_gap: off}}]}",
        "overrides[0].rules.shipment.scan_gap.switch",
        "changes nothing: that is the `switch` of shipment.scan_gap already",
        None,
    ),
    (
        "calendars: {c: {zone: Europe/Berlin}}",
        "calendars.c",
        "nobody works by 'c': name it under `sites`, `carriers`, `countries`, `tenants` or `teams`, or as a rule's `clock`",
        None,
    ),
    (
        "{calendars: {c: {hours: {mon-fri: '08:00-16:00'}, cutoff: {mon-fri: '14:00', sat: '11:00'}}}, sites: {a: {calendar: c}}}",
        "calendars.c.cutoff",
        "never counts: 'c' has no hours on sat",
        None,
    ),
    (
        "feeds: {/warehuose/ams1: {silence: 4 h}}",
        "feeds./warehuose/ams1",
        "no rule waits for it: its silence is told, and no deadline is put off; rules wait for carrier, payments, warehouse",
        "/warehouse/ams1",
    ),
    ("sites: {ams1: {}}", "sites.ams1", "says nothing of it", None),
    (
        "rules: {shipment.scan_gap: {international: 9 bd}}",
        "rules.shipment.scan_gap.international",
        "never counts: no site states its `country`, so that no order is known to cross a border",
        None,
    ),
)
WRONG = (
    (
        "rules: {shipment.delivery_overdue: {steps: [{at: -2 d, severity: high, since: shipped}]}}",
        "`shipped` has happened: -2 d before it is no limit",
    ),
    (
        "rules: {shipment.delivery_overdue: {steps: [{at: 1 bd, severity: high, owner: DESK}]}}",
        "a step has an `owner` of its own only while its `unless` is not reached",
    ),
    (
        "rules: {data.orphan_signal: {steps: [{at: 1 h, severity: high, unless: shipped}]}}",
        "data.orphan_signal speaks of events without an order: a step cannot ask for `since`, `unless` or `above`",
    ),
    (
        "rules: {payment.amount_mismatch: {steps: [{at: 0 s, severity: high, above: {EUR: 5}}]}}",
        "'*' is missing: what counts for all other currencies",
    ),
    (
        "overrides: [{when: {terms: invoice}, rules: {payment.capture_overdue: {threshold: 1 h}}}]",
        "never counts: payment.capture_overdue watches orders of other terms (prepaid, on_ship)",
    ),
    (
        "overrides: [{when: {country: DE}, rules: {data.orphan_signal: {threshold: 1 h}}}]",
        "never counts: data.orphan_signal is about events without their order, of which no `country` is known",
    ),
    (
        f"overrides: [{{when: {{region: Bayern}}, {GAP}}}]",
        "'Bayern' is no region such as US-CA, nor the last part of one: state its `country` beside it, or its code",
    ),
    (f"overrides: [{{when: {{country: DE, region: US-CA}}, {GAP}}}]", "never counts: 'US-CA' lies in none of DE"),
    (f"overrides: [{{when: {{value: below 0}}, {GAP}}}]", "no total is below 0"),
    ("{calendars: {c: {closed: [2026-12-26], open: [2026-12-26]}}, sites: {a: {calendar: c}}}", "2026-12-26 is closed as well"),
    ("rules: {shipment.scan_gap: {threshold: -3 d}}", "shipment.scan_gap counts from what has happened: -3 d before it is no limit"),
    (
        "rules: {payment.auth_missing: {steps: [{at: -1 h, severity: low}]}, fulfilment.ship_overdue: {threshold: -1 h}}",
        "payment.auth_missing counts from what has happened: -1 h before it is no limit",
    ),
)


@pytest.mark.parametrize(("text", "field", "message", "meant"), IDLE)
def test_what_counts_for_nothing_is_told(tmp_path: Path, text: str, field: str, message: str, meant: str | None) -> None:
    """As a warning where the file alone does not prove it: the policy can be used."""
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    [problem] = check_policy(path)
    assert (problem.field, problem.message, problem.suggestion, problem.warning, problem.line) == (field, message, meant, True, 1)


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_can_never_count_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The file is no policy."""
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    assert [problem.message for problem in check_policy(path) if not problem.warning] == [message]


def test_a_rule_of_the_user_that_is_wrong_hides_no_other_mistake(tmp_path: Path) -> None:
    """Nor does it stop the check."""
    path = tmp_path / "policy.yaml"
    path.write_text(
        "custom_rules: {mine: {says: x., form: apart, date: order.promised_by, later_than: placed, within: 5 d}}\n"
        "overrides: [{when: {carrier: ups}, rules: {custom.mine: {owner: X}, shipment.scan_gap: {threshold: 3 bd}}}]"
    )
    assert [(problem.line, problem.warning) for problem in check_policy(path)] == [(1, False), (2, True)]


def test_what_is_raised_at_once_waits_for_no_feed(tmp_path: Path) -> None:
    """Although it has a span."""
    path = tmp_path / "policy.yaml"
    path.write_text(
        "custom_rules: {mine: {says: x., form: early, when: packed, since: captured, within: 2 h}}\n"
        "emits: [captured, packed]\nrules: {custom.mine: {feeds: [warehouse]}}"
    )
    assert [problem.message for problem in check_policy(path)] == ["`feeds` counts for the `steps` of custom.mine only, and it has none"]


def test_an_exemption_from_a_wider_override_changes_something(tmp_path: Path) -> None:
    """Although it states what would hold without either."""
    path = tmp_path / "policy.yaml"
    wider = "{when: {country: US}, rules: {shipment.scan_gap: {threshold: 9 bd}}}"
    path.write_text(f"overrides: [{wider}, {{when: {{country: US, carrier: ups}}, rules: {{shipment.scan_gap: {{threshold: 3 bd}}}}}}]")
    assert check_policy(path) == ()


@pytest.mark.parametrize(
    ("when", "means"),
    [
        ("country: de", Dims(country="DE")),
        ("country: Germany", Dims(country="DE")),
        ("{country: US, region: california}", Dims(country="US", region="US-CA")),
        ("{region: us-ca}", Dims(country="US", region="US-CA")),
        ("{country: [DE, AT], region: [Bayern, Tirol]}", Dims(country="AT", region="AT-7")),
        ("{country: DE, region: Bavaria}", Dims(country="DE", region="DE-Bavaria")),
    ],
)
def test_a_place_is_stated_by_code_or_name_in_any_case(tmp_path: Path, when: str, means: Dims) -> None:
    """As events state it."""
    path = tmp_path / "policy.yaml"
    path.write_text(f"overrides: [{{when: {when if when.startswith('{') else f'{{{when}}}'}, rules: {{shipment.scan_gap: off}}}}]")
    policy = load_policy(path)
    assert policy.setting("shipment.scan_gap", means).switch == "off"
    assert policy.setting("shipment.scan_gap", Dims(country="FR", region="FR-IDF")).switch == "on"


def test_what_says_nothing_for_want_of_a_milestone_is_known(tmp_path: Path) -> None:
    """Rules that are off are not missed."""
    path = tmp_path / "policy.yaml"
    path.write_text("emits: [placed, captured, scans]\nrules: {'*': off, fulfilment.ship_overdue: on, shipment.scan_gap: on}")
    policy = load_policy(path)
    assert silent_rules(policy.rules, policy.base, policy.emits) == {"fulfilment.ship_overdue": ("shipped",)}
