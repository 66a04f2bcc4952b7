"""Which rules are armed for a tenant, and of each that is not, why."""

from __future__ import annotations

from dataflows.core.history.learned import Learned
from dataflows.core.policy import Policy
from dataflows.core.rules.load import policy_of_text
from dataflows.detect.armed import report
from dataflows.detect.arming import RuleArming, arming, tenants_of
from schemas.learned import ENOUGH, Showing

KIND = "shipment.first_scan_missing"


def learned(*seen: tuple[str, str, int]) -> Learned:
    """What was seen: of tenants and carriers, how many orders showed a first scan."""
    found = Learned()
    for tenant, carrier, orders in seen:
        found.add(Showing((n, "t", 0, n, 0), tenant, "first_scan", f"/carrier/{carrier}", carrier, f"o{n}") for n in range(orders))
    return found


def stands(text: str, seen: Learned, tenant: str = "acme") -> dict[str, RuleArming]:
    """The rules of a policy for a tenant, by kind."""
    policy = policy_of_text(text)
    assert isinstance(policy, Policy)
    return {one.kind: one for one in arming(policy, report(policy, seen), tenant)}


def test_a_rule_is_armed_by_what_its_own_tenant_has_shown() -> None:
    """Enough orders of one carrier arm it for that carrier; of another tenant they arm nothing."""
    seen = learned(("acme", "ups", ENOUGH), ("acme", "dhl", 3), ("other", "ups", 5))
    assert tenants_of(report(_defaults(), seen)) == ["acme", "other"]
    mine = stands("name: a\n", seen)[KIND]
    assert (mine.state, [(one.milestone, one.why) for one in mine.awaited]) == ("partly", [("first_scan", "learned")])
    assert [(teller.place, teller.orders) for teller in mine.awaited[0].tellers] == [("dhl", 3), ("ups", ENOUGH)]
    theirs = stands("name: a\n", seen, "other")[KIND]
    assert (theirs.state, theirs.awaited[0].why) == ("not_armed", "few")
    assert stands("name: a\n", learned(), "new")[KIND].awaited[0].why == "never"
    assert stands("name: a\n", learned(("acme", "ups", ENOUGH)))[KIND].state == "armed"


def test_what_the_policy_lists_or_switches_off_counts_first() -> None:
    """Listed milestones are armed for everybody, what is not listed for nobody; a rule that is off waits for nothing."""
    seen = learned(("acme", "ups", ENOUGH))
    listed = stands("name: a\nemits: [placed, shipped, delivered]\n", seen)
    assert (listed[KIND].state, listed[KIND].awaited[0].why) == ("not_armed", "unlisted")
    assert stands("name: a\nemits: [placed, shipped, first_scan]\n", learned())[KIND].state == "armed"
    assert stands(f"name: a\nrules:\n  {KIND}: off\n", seen)[KIND].state == "off"
    from_the_start = stands("name: a\n", learned())["fulfilment.ship_overdue"]
    assert (from_the_start.state, [one.why for one in from_the_start.awaited]) == ("armed", ["start"])


def _defaults() -> Policy:
    found = policy_of_text("name: a\n")
    assert isinstance(found, Policy)
    return found
