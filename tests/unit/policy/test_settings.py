"""Which setting of a rule holds for an order: one test per sentence of the precedence that `policy.policy` documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.core.clocks import Span, span
from dataflows.core.policy import Dims, Fallback, Step
from dataflows.core.rules.load import load_policy
from tests.unit.policy.rules import RULES, loaded

if TYPE_CHECKING:
    from pathlib import Path

GAP = "shipment.scan_gap"


def gap(folder: Path, text: str, dims: Dims) -> Span:
    """The threshold of the scan gap for an order."""
    return loaded(folder, text).setting(GAP, dims).threshold


def override(when: str, threshold: str) -> str:
    """An entry of `overrides` that changes the threshold of the scan gap."""
    return f"  - {{when: {{{when}}}, rules: {{{GAP}: {{threshold: {threshold}}}}}}}\n"


def test_without_a_file_every_rule_has_its_own_defaults() -> None:
    """Spans are read, everything is on."""
    policy = load_policy(None, RULES)
    setting = policy.setting(GAP, Dims())
    assert [s.kind for s in policy.base] == [rule.kind for rule in RULES]
    assert {s.switch for s in policy.base} == {"on"}
    assert (setting.threshold, setting.international, setting.clock) == (Span(3, "bd"), Span(5, "bd"), "carrier")
    assert (setting.steps, setting.grace) == ((Step(at=Span(10, "bd"), severity="high"),), Span(0, "us"))
    assert policy.setting("fulfilment.ship_overdue", Dims()).fallback == Fallback(anchor="captured", threshold=span("72 h"))
    assert policy.learns
    assert policy.emits == {"placed", "captured", "shipped", "delivered"}


def test_the_star_beats_the_rules_own_defaults(tmp_path: Path) -> None:
    """It applies to all rules, field by field."""
    policy = loaded(tmp_path, "rules: {'*': {grace: 5 m, owner: TEAM}}")
    assert {(s.grace, s.owner, s.switch) for s in policy.base} == {(span("5 m"), "TEAM", "on")}
    assert policy.setting(GAP, Dims()).threshold == Span(3, "bd")


def test_a_rules_entry_beats_the_star_wherever_it_stands(tmp_path: Path) -> None:
    """The order of the keys does not matter."""
    for text in ("rules: {'*': off, shipment.scan_gap: on}", "rules: {shipment.scan_gap: on, '*': off}"):
        assert {s.kind: s.switch for s in loaded(tmp_path, text).base if s.switch != "off"} == {GAP: "on"}


def test_an_override_beats_the_rules_entry_where_its_when_matches(tmp_path: Path) -> None:
    """For other orders it does not exist."""
    text = f"rules: {{{GAP}: {{threshold: 4 bd}}}}\noverrides:\n{override('carrier: [ups, dhl], country: US', '7 bd')}"
    assert gap(tmp_path, text, Dims(carrier="dhl", country="US")) == Span(7, "bd")
    assert gap(tmp_path, text, Dims(carrier="dhl", country="NL")) == Span(4, "bd")
    assert gap(tmp_path, text, Dims(country="US")) == Span(4, "bd")


@pytest.mark.parametrize("later", [False, True])
def test_the_override_that_names_more_dimensions_wins(tmp_path: Path, later: bool) -> None:
    """Two light dimensions beat the heaviest one, wherever they stand."""
    entries = [override("channel: web, tier: gold", "7 bd"), override("tenant: acme", "8 bd")]
    text = "overrides:\n" + "".join(reversed(entries) if later else entries)
    assert gap(tmp_path, text, Dims(tenant="acme", channel="web", tier="gold")) == Span(7, "bd")


@pytest.mark.parametrize("heavy", range(6))
@pytest.mark.parametrize("later", [False, True])
def test_of_equally_many_the_weightier_dimension_wins(tmp_path: Path, heavy: int, later: bool) -> None:
    """Tenant, then site, carrier, service, country, channel, tier."""
    values = Dims("acme", "ams1", "ups", "next_day", "US", "web", "gold")
    entries = [override(f"{Dims._fields[i]}: {values[i]}", f"{i + 11} bd") for i in (heavy, heavy + 1)]
    text = "overrides:\n" + "".join(reversed(entries) if later else entries)
    assert gap(tmp_path, text, values) == Span(heavy + 11, "bd")


def test_of_equally_many_the_weightiest_that_differs_decides(tmp_path: Path) -> None:
    """Tenant and tier beat site and carrier; site and tier lose to site and carrier."""
    values = Dims("acme", "ams1", "ups", None, "US", "web", "gold")
    text = "overrides:\n" + override("tenant: acme, tier: gold", "7 bd") + override("site: ams1, carrier: ups", "8 bd")
    assert gap(tmp_path, text, values) == Span(7, "bd")
    text = "overrides:\n" + override("site: ams1, carrier: ups", "8 bd") + override("site: ams1, tier: gold", "9 bd")
    assert gap(tmp_path, text, values) == Span(8, "bd")


def test_of_the_same_dimensions_the_later_entry_wins(tmp_path: Path) -> None:
    """Where both match."""
    text = "overrides:\n" + override("carrier: [ups, dhl]", "7 bd") + override("carrier: ups", "8 bd")
    assert gap(tmp_path, text, Dims(carrier="ups")) == Span(8, "bd")
    assert gap(tmp_path, text, Dims(carrier="dhl")) == Span(7, "bd")


def test_within_one_override_the_rules_entry_beats_the_star(tmp_path: Path) -> None:
    """As under `rules`."""
    text = f"overrides:\n  - {{when: {{tier: gold}}, rules: {{{GAP}: on, '*': shadow}}}}"
    switches = {s.kind: s.switch for s in loaded(tmp_path, text).settings(Dims(tier="gold"))}
    assert {kind for kind, switch in switches.items() if switch == "on"} == {GAP}


def test_it_is_decided_per_field(tmp_path: Path) -> None:
    """A strong override that sets one field leaves the others to weaker layers."""
    text = (
        f"rules: {{'*': {{owner: ALL}}, {GAP}: {{severity: high}}}}\noverrides:\n{override('carrier: ups', '7 bd')}"
        f"  - {{when: {{carrier: ups, country: US}}, rules: {{{GAP}: {{grace: 1 h}}}}}}\n"
    )
    setting = loaded(tmp_path, text).setting(GAP, Dims(carrier="ups", country="US"))
    assert (setting.owner, setting.severity, setting.threshold, setting.grace) == ("ALL", "high", Span(7, "bd"), span("1 h"))


def test_orders_that_no_override_tells_apart_share_one_object(tmp_path: Path) -> None:
    """Whatever their other dimensions are."""
    policy = loaded(tmp_path, "overrides:\n" + override("carrier: ups", "7 bd"))
    ups, other = Dims(carrier="ups"), Dims()
    assert policy.settings(ups) is policy.settings(Dims(tenant="acme", carrier="ups", tier="gold"))
    assert policy.settings(other) is policy.settings(Dims(carrier="dhl", country="NL")) is policy.base
    assert policy.settings(ups) is not policy.settings(other)


def test_what_the_policy_remembers_is_bounded(tmp_path: Path) -> None:
    """Ten thousand strange carriers leave no more than the bound behind."""
    policy = loaded(tmp_path, "overrides:\n" + override("carrier: ups", "7 bd"))
    assert len({id(policy.settings(Dims(carrier=f"c{i}"))) for i in range(10_000)}) == 1
    assert len(policy._by_dims) <= 4_096  # pyright: ignore[reportPrivateUsage]


def test_every_field_of_a_rule_can_be_set(tmp_path: Path) -> None:
    """All that the contract lists, and international, severity and fields."""
    text = """
rules:
  fulfilment.ship_overdue:
    switch: shadow
    anchor: ship_by
    threshold: 2 h
    clock: desk
    grace: 10 m
    fallback: {anchor: placed, threshold: 2 bd}
    suppressed_by: [payment.capture_overdue]
    feeds: [warehouse, /carrier/ups]
    steps: [{at: 4 h, severity: high}, {at: 1 bd, severity: critical}]
    severity: medium
    owner: Team Red
    lane: block
  shipment.scan_gap: {international: off, feeds: []}
  order.master_data_incomplete: {fields: [total]}
calendars: {desk: {hours: {mon-fri: "09:00-17:00"}}}
"""
    policy = loaded(tmp_path, text)
    setting = policy.setting("fulfilment.ship_overdue", Dims())
    assert (setting.switch, setting.anchor, setting.threshold, setting.clock) == ("shadow", "ship_by", span("2 h"), "desk")
    assert (setting.grace, setting.fallback) == (span("10 m"), Fallback(anchor="placed", threshold=Span(2, "bd")))
    assert (setting.suppressed_by, setting.feeds) == (("payment.capture_overdue",), ("warehouse", "/carrier/ups"))
    assert setting.steps == (Step(at=span("4 h"), severity="high"), Step(at=Span(1, "bd"), severity="critical"))
    assert (setting.severity, setting.owner, setting.lane) == ("medium", "Team Red", "block")
    assert policy.setting(GAP, Dims()).international is None
    assert policy.setting("order.master_data_incomplete", Dims()).fields == ("total",)


def test_fallback_off_removes_the_fallback(tmp_path: Path) -> None:
    """Then an order without the date has no deadline."""
    policy = loaded(tmp_path, "rules: {fulfilment.ship_overdue: {fallback: off}}")
    assert policy.setting("fulfilment.ship_overdue", Dims()).fallback is None


@pytest.mark.parametrize(
    ("text", "switch"), [("on", "on"), ("true", "on"), ("'on'", "on"), ("off", "off"), ("False", "off"), ("shadow", "shadow")]
)
def test_yaml_booleans_are_switches(tmp_path: Path, text: str, switch: str) -> None:
    """YAML 1.1 would read on and off as booleans; here both ways of writing mean the same, short and long."""
    assert loaded(tmp_path, f"rules: {{{GAP}: {text}}}").setting(GAP, Dims()).switch == switch
    assert loaded(tmp_path, f"rules: {{{GAP}: {{switch: {text}}}}}").setting(GAP, Dims()).switch == switch
