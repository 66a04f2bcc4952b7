"""Where each setting of a kind comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.cli import main as cli
from dataflows.core.policy import Dims
from dataflows.core.policy.check import PolicyError
from dataflows.core.policy.diff import settings_of
from dataflows.core.policy.origin import Origin, origins
from dataflows.core.rules.load import read_policy

if TYPE_CHECKING:
    from pathlib import Path

SHIP = "fulfilment.ship_overdue"
NEAR = "[{at: -10 d, severity: high, since: promised_by}]"
"""The steps that it comes with."""
FILE = """
name: p
calendars: {house: {zone: Europe/Berlin}}
tenants: {acme: {calendar: house}}
rules:
  '*': {owner: ALL}
  fulfilment.ship_overdue:
    severity: low
    steps: [{at: 2 d, severity: high}]
overrides:
  - when: {tier: gold}
    rules:
      '*': {owner: DESK}
      fulfilment.ship_overdue: {threshold: 1 d}
  - when: {tier: gold, tenant: acme}
    rules:
      fulfilment.ship_overdue: {clock: tenant}
"""


def found(folder: Path, text: str, dims: Dims | None) -> dict[str, Origin]:
    """Where the settings come from."""
    path = folder / "policy.yaml"
    path.write_text(text)
    read = read_policy(path)
    rule = next(rule for rule in read.policy.rules if rule.kind == SHIP)
    return {one.setting: one for one in origins(rule, read.policy, read.form, read.tree, dims)}


def test_each_setting_names_its_layer_and_line(tmp_path: Path) -> None:
    """The default, `'*'`, the rule's entry; what the earlier ones said is kept."""
    base = found(tmp_path, FILE, None)
    assert base["lane"] == Origin("lane", "auto", "default", None, moved=False, before=())
    assert base["owner"] == Origin("owner", "ALL", "rules '*'", 6, moved=False, before=("FULF",))
    assert base["severity"] == Origin("severity", "low", "rules", 7, moved=False, before=("medium",))


def test_overrides_count_for_the_orders_that_they_fit(tmp_path: Path) -> None:
    """In their order of precedence; what moves along with a threshold says so."""
    gold = found(tmp_path, FILE, Dims(tier="Gold"))
    assert (gold["owner"].layer, gold["owner"].before) == ("orders with tier gold", ("FULF", "ALL"))
    assert gold["steps"] == Origin(
        "steps", "[{at: 3 d, severity: high}]", "orders with tier gold", 14, moved=True, before=(NEAR, "[{at: 2 d, severity: high}]")
    )
    acme = found(tmp_path, FILE, Dims(tier="gold", tenant="acme"))
    assert (acme["clock"].value, acme["clock"].layer, acme["clock"].line) == ("tenant", "orders with tenant acme, tier gold", 17)
    assert found(tmp_path, FILE, Dims(tier="silver")) == found(tmp_path, FILE, None)


CHANGES = ("owner: A", "threshold: 1 d", "threshold: 3 d", "steps: [{at: 4 d, severity: critical}]", "severity: low", "grace: 1 h")
change = st.lists(st.sampled_from(CHANGES), max_size=3, unique_by=lambda text: text.partition(":")[0]).map(
    lambda some: "{" + ", ".join(some) + "}"
)
rules = st.fixed_dictionaries(
    {}, optional={"'*'": change.map(lambda text: text if "steps" not in text and "threshold" not in text else "{owner: B}"), SHIP: change}
)


def written(some: dict[str, str]) -> str:
    """Rules as a policy file has them."""
    return "{" + ", ".join(f"{key}: {value}" for key, value in some.items()) + "}"


@settings(max_examples=100)
@given(
    base=rules,
    overrides=st.lists(st.tuples(st.sampled_from(["{tier: gold}", "{tier: gold, country: US}", "{tags: x}"]), rules), max_size=3),
    gold=st.booleans(),
)
def test_they_are_what_holds(
    tmp_path_factory: pytest.TempPathFactory, base: dict[str, str], overrides: list[tuple[str, dict[str, str]]], gold: bool
) -> None:
    """The values are those that the engine goes by, for any order."""
    path = tmp_path_factory.mktemp("p") / "p.yaml"
    entries = ", ".join(f"{{when: {when}, rules: {written(some)}}}" for when, some in overrides if some)
    path.write_text(f"rules: {written(base)}\noverrides: [{entries}]\n")
    try:
        read = read_policy(path)
    except PolicyError:
        return  # Such as an override that a later one replaces.
    dims = Dims(tier="gold" if gold else None, country="US", tags=frozenset("x"))
    rule = next(rule for rule in read.policy.rules if rule.kind == SHIP)
    values = {one.setting: one.value for one in origins(rule, read.policy, read.form, read.tree, dims)}
    assert values == settings_of(rule, read.policy.setting(SHIP, dims))


def test_the_command_as_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json: the order as it is understood, the calendar that business time counts by, the settings."""
    path = tmp_path / "p.yaml"
    path.write_text(FILE)
    line = [
        "policy",
        "explain",
        SHIP,
        "--policy",
        str(path),
        "--order",
        "tier=gold",
        "--order",
        "tenant=acme",
        "--order",
        "country=Germany",
        "--json",
    ]
    assert cli.run(line) == 0
    said = orjson.loads(capsys.readouterr().out)
    assert said["order"] == {"tenant": "acme", "country": "DE", "tier": "gold"}
    assert said["calendar"] == "house"
    assert {one["setting"]: one["value"] for one in said["settings"]}["threshold"] == "1 d"


def test_the_command_reads_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a person: each setting with its line; without an order the overrides that say something of the kind."""
    path = tmp_path / "p.yaml"
    path.write_text(FILE)
    assert cli.run(["policy", "explain", SHIP, "--policy", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"severity           low  rules ({path}:7), was medium" in lines
    assert lines[lines.index(f"orders with tier gold ({path}:14)") + 1 :][:3] == [
        "  threshold        1 d",
        "  steps            [{at: 3 d, severity: high}]",
        "  owner            DESK",
    ]


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ("teir=gold", "did you mean tier?"),
        ("tier", "write it like tier=gold"),
        ("country=Atlantis", "no such country"),
        ("value=much", "write it like '600 EUR'"),
    ],
)
def test_what_is_refused(order: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An order that cannot be."""
    assert cli.run(["policy", "explain", SHIP, "--order", order]) == 2
    assert why in capsys.readouterr().err
