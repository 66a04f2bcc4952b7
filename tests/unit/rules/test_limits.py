"""No rule has a limit of its own: every limit is a setting of the policy, and every setting that is taken has its effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from dataflows.core.rules import RULES, RULES_BY_KIND
from dataflows.core.rules.load import check_policy, load_policy
from tests.oracle.judging.reading import instant
from tests.support.engine import records_of, run, standing
from tests.support.stories import event, rfc3339

if TYPE_CHECKING:
    from pathlib import Path

EMITS = "emits: [placed, captured, shipped, scans, authorized, allocated, released, picked, packed, invoiced, inspected, refunded]\n"
RELEASE = "11-02 10:00 order.placed ship_by: 11-06 12:00"
CREDIT = "11-02 10:00 order.placed ship_by: 11-04 12:00\n11-02 11:00 order.hold_placed hold: credit"
SHIPPED = "11-02 10:00 order.placed\n11-02 12:00 warehouse.shipped\n"
SLIP = SHIPPED + "11-03 10:00 scan in_transit eta: 11-05 12:00\n11-03 12:00 scan in_transit eta: 11-06 12:00"
TRIED = SHIPPED + "11-04 10:00 scan attempt_failed\n11-05 10:00 scan attempt_failed"
AHEAD = "11-02 10:00 order.placed\n11-02 12:10 payment.captured _log: 11-02 12:00"
TWIN = "customer: {id: c1}, ship_to: {country: IS, address_hash: a1}"
TWINS = f"11-02 10:00 order.placed {TWIN}\n11-02 10:20 order.placed {TWIN}, _order: o2"
HELD = "11-02 10:00 order.placed\n11-02 11:00 order.hold_placed hold: payment"
INVALID = "11-02 10:00 order.placed\n11-02 11:00 address.invalid suggestion: x, risk: low"
INQUIRY = "11-02 10:00 order.placed\n11-02 11:00 payment.disputed payment_id: p1, stage: inquiry"
WORTH = "11-02 10:00 order.placed total: {}, promised_by: 11-05\n11-04 12:00 warehouse.shipped"
SENT = WORTH.format("5 EUR")
UNPAID = "11-02 10:00 order.placed total: {}\n11-02 12:00 warehouse.shipped"
ABOVE = "{steps: [{at: 0 s, severity: high, above: {JPY: 10000, '*': 100}}]}"
BY_DATE = "{steps: [{at: -1 d, severity: high, since: promised_by}]}"
REJECTED = "11-02 10:00 order.placed\n11-02 11:00 warehouse.rejected reason: routing"


class Limit(NamedTuple):
    """A setting of a rule, a history, and what stands of the kind at an instant: since when, severity, owner, lane (None: nothing)."""

    kind: str
    setting: str
    events: str
    as_of: str
    since: str | None
    severity: str = ""
    owner: str = ""
    lane: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.setting} {self.as_of}"


LIMITS = (
    Limit("fulfilment.release_overdue", "{}", RELEASE, "11-05 12:00", "11-05 12:00"),
    Limit("fulfilment.release_overdue", "{threshold: -12 h}", RELEASE, "11-05 23:59", None),
    Limit("fulfilment.release_overdue", "{threshold: -12 h}", RELEASE, "11-06 00:00", "11-06 00:00"),
    Limit("fulfilment.release_overdue", "{threshold: -90 h}", RELEASE, "11-02 18:00", "11-02 18:00"),
    Limit("fulfilment.release_overdue", "{threshold: -100 h}", RELEASE, "11-06 12:00", None),
    Limit("fulfilment.release_overdue", "{threshold: -12 h}", RELEASE.replace("11-06", "11-03"), "11-03 00:00", "11-03 00:00"),
    Limit("payment.credit_hold_aged", "{threshold: 9 d}", CREDIT, "11-03 12:00", "11-03 12:00"),
    Limit("payment.credit_hold_aged", "{threshold: 9 d, margin: 2 h}", CREDIT, "11-04 09:59", None),
    Limit("payment.credit_hold_aged", "{threshold: 9 d, margin: 2 h}", CREDIT, "11-04 10:00", "11-04 10:00"),
    Limit("shipment.eta_slip", "{}", SLIP, "11-03 12:00", None),
    Limit("shipment.eta_slip", "{margin: 23 h}", SLIP, "11-03 12:00", "11-03 12:00"),
    Limit("shipment.attempts_exhausted", "{}", TRIED, "11-05 10:00", None),
    Limit("shipment.attempts_exhausted", "{count: 2}", TRIED, "11-05 10:00", "11-05 10:00"),
    Limit("data.clock_skew", "{}", AHEAD, "11-02 12:00", None),
    Limit("data.clock_skew", "{margin: 5 m}", AHEAD, "11-02 12:00", "11-02 12:00"),
    Limit("order.duplicate_suspected", "{}", TWINS, "11-02 10:20", None),
    Limit("order.duplicate_suspected", "{margin: 20 m}", TWINS, "11-02 10:20", "11-02 10:20"),
    Limit("fulfilment.hold_aged", "{}", HELD, "11-05 00:00", "11-04 11:00", owner="FIN"),
    Limit("fulfilment.hold_aged", "{owner: MINE}", HELD, "11-05 00:00", "11-04 11:00", owner="MINE"),
    Limit("fulfilment.hold_aged", "{owners: {payment: CASH}}", HELD, "11-05 00:00", "11-04 11:00", owner="CASH"),
    Limit("fulfilment.hold_aged", "{owner: MINE, owners: {payment: CASH}}", HELD, "11-05 00:00", "11-04 11:00", owner="CASH"),
    Limit("fulfilment.hold_aged", "{owners: off}", HELD, "11-05 00:00", "11-04 11:00", owner="OPS"),
    Limit("address.invalid", "{lane: review}", INVALID, "11-02 11:00", "11-02 11:00", lane="auto"),
    Limit("address.invalid", "{minor_lane: review}", INVALID, "11-02 11:00", "11-02 11:00", lane="review"),
    Limit("payment.disputed_in_flight", "{}", INQUIRY, "11-02 11:00", "11-02 11:00", "medium"),
    Limit("payment.disputed_in_flight", "{minor_severity: low}", INQUIRY, "11-02 11:00", "11-02 11:00", "low"),
    Limit("shipment.delivery_overdue", ABOVE, WORTH.format("100.01 EUR"), "11-06 00:00", "11-06 00:00", "high"),
    Limit("shipment.delivery_overdue", ABOVE, WORTH.format("100.00 EUR"), "11-06 00:00", "11-06 00:00", "medium"),
    Limit("shipment.delivery_overdue", ABOVE, WORTH.format("10000 JPY"), "11-06 00:00", "11-06 00:00", "medium"),
    Limit(
        "shipment.delivery_overdue", "{steps: [{at: 2 d, severity: high, since: shipped}]}", SENT, "11-06 11:59", "11-06 00:00", "medium"
    ),
    Limit("shipment.delivery_overdue", "{steps: [{at: 2 d, severity: high, since: shipped}]}", SENT, "11-06 12:00", "11-06 00:00", "high"),
    Limit("shipment.delivery_overdue", "{steps: [{at: 1 d, severity: high, since: shipped}]}", SENT, "11-06 00:00", "11-06 00:00", "high"),
    Limit(
        "shipment.delivery_overdue", "{steps: [{at: 1 h, severity: high, since: delivered}]}", SENT, "11-10 00:00", "11-06 00:00", "medium"
    ),
    Limit("conflict.shipped_unpaid", "{}", UNPAID.format("200 EUR"), "11-04 12:00", "11-02 12:15", "medium"),
    Limit("conflict.shipped_unpaid", "{}", UNPAID.format("200.01 EUR"), "11-03 12:14", "11-02 12:15", "medium"),
    Limit("conflict.shipped_unpaid", "{}", UNPAID.format("200.01 EUR"), "11-03 12:15", "11-02 12:15", "high"),
    Limit("conflict.shipped_unpaid", BY_DATE, UNPAID.format("1 EUR, promised_by: 11-04"), "11-03 23:59", "11-02 12:15", "medium"),
    Limit("conflict.shipped_unpaid", BY_DATE, UNPAID.format("1 EUR, promised_by: 11-04"), "11-04 00:00", "11-02 12:15", "high"),
    Limit("payment.capture_overdue", "{}", UNPAID.format("200 EUR"), "11-04 12:00", "11-03 10:00", "low"),
    Limit("payment.capture_overdue", "{}", UNPAID.format("200 EUR"), "11-05 10:00", "11-03 10:00", "medium"),
    Limit("payment.capture_overdue", "{}", UNPAID.format("200.01 EUR"), "11-03 10:00", "11-03 10:00", "medium"),
    Limit("fulfilment.routing_rejected", "{steps: [{at: 1 h, severity: critical}]}", REJECTED, "11-02 12:00", "11-02 11:00", "critical"),
)


@pytest.mark.parametrize("limit", LIMITS, ids=str)
def test_a_limit_is_what_the_policy_says(limit: Limit, tmp_path: Path) -> None:
    """The rule begins at that instant and no earlier, with that severity, owner and lane."""
    path = tmp_path / "policy.yaml"
    path.write_text(f"{EMITS}rules: {{'*': off, {limit.kind}: {limit.setting.replace('{', '{switch: on, ', 1).replace(', }', '}')}}}")
    lines = [event(line, number) for number, line in enumerate(limit.events.splitlines())]
    outs = run(records_of(lines), load_policy(path), instant(rfc3339(limit.as_of)))
    found = [one for one in standing(outs) if one.kind == limit.kind]
    last = [out.data for out in outs if out.topic == "exceptions"][-1:]
    assert len(found) == (limit.since is not None)
    for data in last:
        assert str(data["due_at"] or data["occurred_at"]) == rfc3339(limit.since or "")
        assert limit.severity in ("", data["severity"])
        assert limit.owner in ("", data["owner"])
        assert limit.lane in ("", data["lane"])


REFUSED = (
    ("payment.capture_failed: {grace: 30 m}", "payment.capture_failed has no `grace`: what it reports is raised at once"),
    (
        "conflict.shipped_unpaid: {threshold: 30 m}",
        "conflict.shipped_unpaid has no `threshold`: what it reports is raised after its `grace` (15 m)",
    ),
    (
        "order.duplicate_suspected: {threshold: 30 m}",
        "order.duplicate_suspected has no `threshold`: what it reports is raised at once; its span is `margin` (10 m)",
    ),
    ("order.duplicate_suspected: {margin: 3 d}", "order.duplicate_suspected takes a `margin` of 1 s to 2 d"),
    ("data.clock_skew: {margin: 30 s}", "data.clock_skew takes a `margin` of 1 m to 3660 d"),
    ("shipment.attempts_exhausted: {count: 0}", "'0' is no count: 1 to 100"),
    ("payment.capture_overdue: {margin: 1 h}", "payment.capture_overdue has no `margin`"),
    (
        "payment.capture_overdue: {owners: {fraud: X}}",
        "payment.capture_overdue knows no 'fraud' here; known: order, line, shipment, payment, return, normal",
    ),
    (
        "inventory.allocation_overdue: {threshold: 2 bh}",
        "never fires: inventory.allocation_overdue waits for `allocated`, which `emits` does not list",
    ),
    ("fulfilment.ship_overdue: {fallback: {anchor: shipped, threshold: 1 h}}", "unknown anchor 'shipped'; known: placed, captured"),
    ("shipment.refused: {feeds: [carrier]}", "`feeds` counts for the `steps` of shipment.refused only, and it has none"),
    ("data.rule_failed: {clock: site}", "data.rule_failed has no `clock`"),
)


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_setting_without_an_effect_is_refused_by_name(text: str, message: str, tmp_path: Path) -> None:
    """`policy check` says which, and where the limit stands instead."""
    path = tmp_path / "policy.yaml"
    path.write_text(f"emits: [placed, captured, shipped, scans]\nrules: {{{text}}}")
    assert [problem.message for problem in check_policy(path)] == [message]


def test_what_holds_for_all_orders_alike_is_no_override(tmp_path: Path) -> None:
    """Orders are compared before it is known which of them an override is for."""
    path = tmp_path / "policy.yaml"
    path.write_text("overrides: [{when: {tenant: acme}, rules: {order.duplicate_suspected: {margin: 5 m}}}]")
    [problem] = check_policy(path)
    assert problem.message == "`margin` of order.duplicate_suspected holds for all orders alike: state it under `rules`"


def test_a_setting_at_its_default_leaves_the_version_as_it_was(tmp_path: Path) -> None:
    """The settings that came later are no part of it: the built-in policy keeps the version that it had before them."""
    path = tmp_path / "policy.yaml"
    owners = "{payment: FIN, address: CS, customs: CARR}"
    path.write_text(f"rules: {{shipment.eta_slip: {{margin: 24 h}}, fulfilment.hold_aged: {{owners: {owners}}}}}")
    assert load_policy(None).version == load_policy(path).version == "c3f5609c18e5db0b"
    path.write_text("rules: {shipment.eta_slip: {margin: 23 h}}")
    assert load_policy(path).version != load_policy(None).version


GRACEFUL = ("conflict.delivered_without_ship", "conflict.shipped_unpaid", "payment.amount_mismatch", "payment.refund_exceeds_capture")
"""Kinds that are reported and wait all the same: something else may yet be said."""


def test_the_shown_setting_is_what_has_an_effect() -> None:
    """Every rule has a switch, an owner and suppressors; only what waits has a threshold; what rests on absence has a grace as well."""
    for rule in RULES:
        assert {"switch", "severity", "owner", "lane", "suppressed_by"} <= rule.settings
        assert ("threshold" in rule.settings) == (rule.shape == "timeout")
        assert ("grace" in rule.settings) == (rule.shape == "timeout" or rule.kind in GRACEFUL)
    assert "margin" in RULES_BY_KIND["shipment.eta_slip"].settings
