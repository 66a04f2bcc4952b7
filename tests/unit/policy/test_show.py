"""The version of a policy, writing it out in full, and the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataflows.cli.policy import app
from dataflows.core.policy import Dims, FeedPolicy
from dataflows.core.policy.show import render
from dataflows.core.rules import RULES as ALL_RULES
from dataflows.core.rules.load import check_policy, load_policy
from tests.unit.policy.rules import RULES, loaded, written

OLIST = Path(__file__).parents[2] / "oracle" / "olist.policy.yaml"

FULL = """
name: "my shop: # 1"
zone: Europe/London
emits: [shipped, placed]
zones: {US-CA: America/Tijuana}
calendars:
  nl: {zone: Europe/Amsterdam, hours: {mon-fri: "08:00-12:00, 13:00-24:00", sun: off}, holidays: NL, closed: 2026-12-24, open: [2026-12-26], cutoff: 16:00}
  plain:
sites: {ams1: {country: NL, calendar: nl}, "odd: site": {}}
carriers: {ups: {calendar: plain}}
countries: {NO: {zone: Europe/Oslo}}
tenants: {acme: {zone: Asia/Tokyo}, "on": {calendar: nl}}
retention: {close_after: 90 s}
feeds: {/carrier/ups: {delay: 15 m, silence: 2 h, cadence: 10 m, owner: CARR}, "/odd: feed": {cadence: 1 m}}
rules:
  '*': {grace: 5 m, feeds: [], steps: []}
  payment.auth_missing: shadow
  fulfilment.ship_overdue: {fallback: off}
  shipment.scan_gap: {international: off, clock: nl, steps: [{at: 1 bd, severity: low}], owner: "Team, Red"}
  order.master_data_incomplete: {fields: []}
overrides:
  - when: {carrier: [ups, dhl], tier: gold}
    rules: {'*': {grace: 0 s}, fulfilment.ship_overdue: {fallback: {anchor: placed, threshold: 2 bd}}, shipment.scan_gap: {threshold: 24 h}}
"""  # noqa: E501 - YAML as people write it


def test_comments_order_spelling_and_name_are_no_part_of_the_version(tmp_path: Path) -> None:
    """A day is 24 hours, a rule set to its default is not set."""
    one = loaded(tmp_path, "rules: {'*': {grace: 1 d}, shipment.scan_gap: shadow}\nzone: UTC # comment")
    two = loaded(tmp_path, "name: other\nrules:\n  shipment.scan_gap: {threshold: 3 bd, switch: shadow}\n  '*': {grace: 24 h}\n")
    assert one.version == two.version
    assert len(one.version) == 16


@pytest.mark.parametrize(
    "text",
    [
        "zone: Europe/London",
        "emits: [placed]",
        "zones: {US-CA: UTC}",
        "calendars: {a: {}}",
        "sites: {a: {country: NL}}",
        "countries: {NL: {zone: UTC}}",
        "tenants: {a: {zone: UTC}}",
        "retention: {dedupe: 1 d}",
        "feeds: {/carrier: {silence: 1 h}}",
        "rules: {shipment.scan_gap: shadow}",
        "rules: {shipment.scan_gap: {steps: []}}",
        "rules: {fulfilment.ship_overdue: {fallback: off}}",
        "overrides: [{when: {tier: a}, rules: {'*': off}}]",
    ],
)
def test_everything_that_can_change_the_output_changes_the_version(tmp_path: Path, text: str) -> None:
    """Each section for itself."""
    assert loaded(tmp_path, text).version != load_policy(None, RULES).version


def test_a_feed_that_is_declared_by_its_cadence_may_stay_out_three_times(tmp_path: Path) -> None:
    """`silence` is three times the `cadence` unless it is stated; what is not stated does not change the version."""
    short = loaded(tmp_path, "feeds: {/carrier: {cadence: 10 m}}")
    assert short.feeds == {"/carrier": FeedPolicy(delay=0, silence=30 * 60_000_000, cadence=10 * 60_000_000)}
    full = loaded(tmp_path, "feeds: {/carrier: {delay: 0 s, silence: 1800 s, cadence: 10 m}}")
    assert short.version == full.version
    assert "feeds:" not in render(loaded(tmp_path, "feeds: {}")).replace("    feeds:", "")


def test_the_order_of_overrides_changes_the_version(tmp_path: Path) -> None:
    """Among equals the later one wins."""
    one, two = ("{when: {tier: [a, b]}, rules: {'*': off}}", "{when: {tier: a}, rules: {'*': shadow}}")
    assert loaded(tmp_path, f"overrides: [{one}, {two}]").version != loaded(tmp_path, f"overrides: [{two}, {one}]").version


@pytest.mark.parametrize("text", ["", FULL])
def test_what_is_written_out_reads_back_as_the_same_policy(tmp_path: Path, text: str) -> None:
    """Same version, same settings; only the name is no part of the version, so it is compared apart."""
    policy = loaded(tmp_path, text)
    shown = render(policy)
    again = loaded(tmp_path, shown)
    assert (again.version, again.name, again.base) == (policy.version, policy.name, policy.base)
    gold = Dims(carrier="ups", tier="gold")
    assert again.settings(gold) == policy.settings(gold)
    assert again.feeds == policy.feeds
    assert render(again) == shown


def test_what_is_written_out_explains_each_rule(tmp_path: Path) -> None:
    """Definition, end, and where the default comes from."""
    shown = render(loaded(tmp_path, ""))
    for rule in RULES:
        assert f"  # {rule.definition}\n  # ends with: {rule.clears}\n  # default from: {rule.source}\n  {rule.kind}:\n" in shown


def test_the_built_in_policy_of_all_rules_checks_and_reads_back(tmp_path: Path) -> None:
    """The defaults of every rule are valid policy values, and no rule hides itself."""
    policy = load_policy(None)
    path = written(tmp_path, render(policy))
    assert check_policy(path) == ()
    assert load_policy(path).version == policy.version


def test_the_olist_policy_has_three_rules_and_nothing_that_bends_them() -> None:
    """The labels of the data hold under exactly this."""
    policy = load_policy(OLIST)
    on = {s.kind: s for s in policy.base if s.switch != "off"}
    assert set(on) == {"payment.capture_overdue", "fulfilment.ship_overdue", "shipment.delivery_overdue"}
    assert {(s.switch, s.grace.n, s.suppressed_by, s.feeds, s.steps, s.fallback) for s in on.values()} == {("on", 0, (), (), (), None)}
    assert on["payment.capture_overdue"].anchor == "placed"
    assert policy.emits == {"placed", "captured", "shipped", "scans"}
    assert (policy.zone, policy.overrides) == ("UTC", ())


def test_check_says_ok_and_the_version() -> None:
    """One line, exit code 0."""
    result = CliRunner().invoke(app, ["check", str(OLIST)])
    assert result.exit_code == 0
    assert result.output.startswith("ok: ")
    assert f"version {load_policy(OLIST).version} (rules: 3 on, 0 shadow, {len(ALL_RULES) - 3} off" in result.output
    assert result.output.count("\n") == 1


def test_check_prints_every_problem_and_exits_with_2(tmp_path: Path) -> None:
    """As does showing such a file."""
    path = written(tmp_path, "zone: Mars\nrulez: {}")
    for command in ("check", "show"):
        result = CliRunner().invoke(app, [command, str(path)])
        assert result.exit_code == 2
        assert result.stderr.splitlines() == [str(problem) for problem in check_policy(path)]
        assert 'did you mean "rules"?' in result.stderr


def test_show_writes_the_defaults_or_a_file_in_full() -> None:
    """A user starts from this."""
    assert CliRunner().invoke(app, ["show"]).output == render(load_policy(None))
    assert CliRunner().invoke(app, ["show", str(OLIST)]).output == render(load_policy(OLIST))
