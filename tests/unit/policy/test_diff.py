"""What changes from one policy to another: by rule and setting, as it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from dataflows.cli import main as cli
from dataflows.cli.policy import app
from dataflows.core.policy.diff import PolicyDiff, diff
from dataflows.core.rules.load import load_policy
from tests.unit.policy.rules import loaded

if TYPE_CHECKING:
    from pathlib import Path

SHIP, GAP = "fulfilment.ship_overdue", "shipment.scan_gap"


def between(folder: Path, old: str, new: str) -> PolicyDiff:
    """The difference of two policies, given as their texts."""
    (folder / "old").mkdir(exist_ok=True)
    (folder / "new").mkdir(exist_ok=True)
    return diff(loaded(folder / "old", old), loaded(folder / "new", new))


def brief(found: PolicyDiff) -> list[tuple[object, ...]]:
    """The changes, short."""
    return [
        (
            change.section,
            change.kind,
            None if change.when is None else "; ".join(map(str, change.when)),
            change.setting,
            change.old,
            change.new,
        )
        for change in found.changes
    ]


def test_how_it_is_written_is_no_difference(tmp_path: Path) -> None:
    """What states a default, in another order, with comments or another name, changes nothing."""
    found = between(tmp_path, "name: a\n", f"name: b\n# nothing\nrules: {{'*': {{grace: 0 s}}, {SHIP}: {{severity: high}}}}\n")
    assert found == PolicyDiff((), ())


def test_values_hold_after_defaults(tmp_path: Path) -> None:
    """A setting that one of the files leaves out is compared as the default that it is; `'*'` counts for each rule."""
    found = between(tmp_path, "", f"rules: {{'*': {{owner: OPS}}, {SHIP}: {{severity: low, owner: FULF}}}}")
    assert ("rules", SHIP, None, "severity", "high", "low") in brief(found)
    owners = {change.kind: (change.old, change.new) for change in found.changes if change.setting == "owner"}
    assert SHIP not in owners
    assert owners[GAP] == ("CARR", "OPS")


def test_steps_that_move_along_are_told(tmp_path: Path) -> None:
    """Another threshold moves the steps, whether the file says so or not."""
    steps = "steps: [{at: 4 bd, severity: high}]"
    old = f"rules: {{{GAP}: {{threshold: 3 bd, {steps}}}}}"
    found = between(tmp_path, old, f"{old}\noverrides: [{{when: {{carrier: ups}}, rules: {{{GAP}: {{threshold: 5 bd}}}}}}]")
    assert brief(found) == [
        ("overrides", GAP, "carrier", "threshold", "3 bd", "5 bd"),
        ("overrides", GAP, "carrier", "steps", "[{at: 4 bd, severity: high}]", "[{at: 6 bd, severity: high}]"),
    ]


def test_what_all_orders_share_is_listed_once(tmp_path: Path) -> None:
    """An override says only what is different for its orders: also what stays as it was, since it has a say in it."""
    gold = f"{{when: {{tier: gold}}, rules: {{{SHIP}: {{owner: DESK}}}}}}"
    of_gold = f"overrides: [{gold}, {{when: {{tier: gold, country: US}}, rules: {{{SHIP}: {{grace: 1 h}}}}}}]"
    found = between(tmp_path, of_gold, f"rules: {{{SHIP}: {{owner: OPS, severity: low}}}}\n{of_gold}")
    assert brief(found) == [
        ("rules", SHIP, None, "severity", "high", "low"),
        ("rules", SHIP, None, "owner", "FULF", "OPS"),
        ("overrides", SHIP, "tier", "owner", "DESK", "DESK"),
    ]


def test_an_override_of_wider_orders_counts_for_narrower_ones(tmp_path: Path) -> None:
    """What holds for gold orders into the US follows from both entries, and the one that names more wins."""
    both = "overrides: [{when: {tier: gold}, rules: {%s: {owner: %s}}}, {when: {tier: gold, country: US}, rules: {%s: {grace: %s}}}]"
    found = between(tmp_path, both % (SHIP, "DESK", SHIP, "1 h"), both % (SHIP, "VIP", SHIP, "2 h"))
    assert brief(found) == [
        ("overrides", SHIP, "tier", "owner", "DESK", "VIP"),
        ("overrides", SHIP, "country; tier", "grace", "1 h", "2 h"),
    ]


def test_the_order_of_overrides_alone(tmp_path: Path) -> None:
    """Two entries of one rank that some order fits both: their order is the difference."""
    first, second = (f"{{when: {{tags: {tag}}}, rules: {{{SHIP}: {{owner: {tag.upper()}}}}}}}" for tag in ("a", "b"))
    found = between(tmp_path, f"overrides: [{first}, {second}]", f"overrides: [{second}, {first}]")
    assert [(change.section, change.setting) for change in found.changes] == [("overrides", "order")]


def test_sections_and_what_needs_a_restart(tmp_path: Path) -> None:
    """Feeds, identifiers and tenants belong to the state; `emits` that is left out is learned."""
    old = "feeds: {/payments: {silence: 2 h}}\ncalendars: {c: {zone: UTC}}\ntenants: {acme: {zone: UTC, calendar: c}}"
    found = between(tmp_path, old, "emits: [placed, shipped]")
    assert found.restart == ("feeds", "tenants")
    assert ("emits", None, None, "", "learned", "[placed, shipped]") in brief(found)
    assert ("feeds", None, None, "/payments.silence", "2 h", None) in brief(found)


LOW = "{when: {tags: x}, rules: {'*': {severity: low}}}"
SECTIONS = {
    "zone": ["UTC", "Europe/Berlin"],
    "emits": ["[placed]", "[placed, shipped]"],
    "tolerance": ["{JPY: 5}", "{'*': 0.5}"],
    "calendars": ["{c: {zone: UTC}}", "{c: {zone: UTC, hours: {mon-fri: '08:00-16:00'}, closed: [2026-12-24]}}", "{d:}"],
    "retention": ["{close_after: 9 d}", "{most_events: 5000}"],
    "backfill": ["{after: 1 h}"],
    "watch_from": ["2026-01-01T00:00:00Z"],
    "feeds": ["{/payments: {silence: 2 h}}", "{/payments: {silence: 2 h, owner: PAY}}"],
    "rules": [f"{{{SHIP}: shadow}}", f"{{{SHIP}: {{fallback: off}}}}", f"{{'*': {{owner: OPS}}, {GAP}: {{threshold: 5 bd}}}}"],
    "overrides": [
        f"[{{when: {{tier: gold}}, rules: {{{SHIP}: {{owner: DESK}}}}}}]",
        f"[{{when: {{tier: [gold, silver]}}, rules: {{{SHIP}: {{owner: DESK}}}}}}]",
        f"[{{when: {{tier: gold}}, rules: {{{SHIP}: {{owner: DESK}}, {GAP}: off}}}}, {LOW}]",
    ],
}
"""What a policy may say of each section, besides nothing."""


def policies() -> st.SearchStrategy[str]:
    """The texts of policies."""
    sections = [st.sampled_from([f"{name}: {text}\n" for text in texts] + [""]) for name, texts in SECTIONS.items()]
    return st.tuples(*sections).map("".join)


@settings(max_examples=100)
@given(first=policies(), second=policies())
def test_policies_differ_where_their_versions_do(tmp_path_factory: pytest.TempPathFactory, first: str, second: str) -> None:
    """Nothing changes where the version is the same, something where it is not; and the way back says the opposite."""
    folder = tmp_path_factory.mktemp("policies")
    old, new = loaded(folder, first), loaded(folder, second)
    found = diff(old, new)
    assert (found.changes == ()) == (old.version == new.version)
    back = {(change.section, change.kind, str(change.when), change.setting, change.new, change.old) for change in diff(new, old).changes}
    assert back == {(change.section, change.kind, str(change.when), change.setting, change.old, change.new) for change in found.changes}


def test_the_command_reads_well(tmp_path: Path) -> None:
    """For a person: by rule, what is for all orders first; and what must be restarted for."""
    path = tmp_path / "p.yaml"
    path.write_text(
        "feeds: {/payments: {silence: 2 h}}\nrules: {payment.auth_missing: shadow}\n"
        "overrides: [{when: {tier: [gold, silver]}, rules: {payment.capture_overdue: {owner: DESK}}}]\n"
    )
    done = CliRunner().invoke(app, ["diff", "defaults", str(path)])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1:] == [
        "",
        "feeds (a restart)",
        "  /payments.delay    (none) → 0 s",
        "  /payments.silence  (none) → 2 h",
        "",
        "payment.auth_missing",
        "  switch             on → shadow",
        "",
        "payment.capture_overdue, orders with tier gold or silver",
        "  owner              FIN → DESK",
        "",
        "changes: 2 settings of 2 rules, 1 other section",
        "needs a clean stop and a restart: feeds",
    ]


def test_the_command_as_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json: both policies, whether anything changes, what needs a restart, and each change."""
    path = tmp_path / "p.yaml"
    path.write_text("rules: {payment.auth_missing: shadow}\n")
    assert cli.run(["policy", "diff", "defaults", str(path), "--json"]) == 0
    said = orjson.loads(capsys.readouterr().out)
    assert (said["same"], said["restart"], said["old"]["version"]) == (False, [], load_policy(None).version)
    assert said["changes"] == [
        {"section": "rules", "setting": "switch", "old": "on", "new": "shadow", "kind": "payment.auth_missing", "when": None}
    ]
    assert cli.run(["policy", "diff", str(path), str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "nothing changes"
