"""The section `custom_rules` of a policy: what is said of mistakes, and that its rules are set, shown and versioned like built-in ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
import yaml

from dataflows.core.policy.model import Dims
from dataflows.core.policy.show import render
from dataflows.core.predicates import Part
from dataflows.core.rules.load import check_policy, load_policy
from dataflows.core.rules.user.terms import DATES, WORDS
from tests.support.user_rules import form_of, loaded
from tests.unit.predicates.test_predicates import facts_of

if TYPE_CHECKING:
    from pathlib import Path

    from dataflows.core.rules.model import Rule

LIFE = (
    "11-02 10:00 order.placed lines: [A 1, B 2], ship_by: 11-03 10:00, promised_by: 11-05 10:00",
    "11-02 10:30 payment.authorized payment_id: p1, expires_at: 11-09 10:00",
    "11-02 11:00 order.hold_placed hold: credit",
    "11-02 12:00 order.hold_released hold: credit",
    "11-02 12:30 inventory.backordered expected_at: 11-03 10:00",
    "11-02 13:00 inventory.allocated lines: [A 1]",
    "11-02 14:00 warehouse.released lines: [A 1]",
    "11-02 15:00 warehouse.pick_started",
    "11-02 16:00 warehouse.picked lines: [A 1]",
    "11-02 17:00 warehouse.packed",
    "11-03 09:00 warehouse.label_created",
    "11-03 10:00 warehouse.shipped lines: [A 1]",
    "11-03 12:00 payment.captured payment_id: p1",
    "11-04 09:00 scan in_transit eta: 11-06",
    "11-05 09:00 scan delivered",
    "11-06 09:00 return.requested return_id: r1",
    "11-07 09:00 return.received return_id: r1",
    "11-08 09:00 payment.refunded payment_id: p1, amount: 5 EUR, return_id: r1",
)
GIFT = """\
emits: [placed, captured, shipped, scans, packed]
custom_rules:
  gift_late:
    says: A gift was not packed within a day.
    form: overdue
    since: captured
    within: 24 h
    until: packed
    where: any line (line.sku starts with GIFT-)
    owner: FULF
"""


def told(folder: Path, text: str) -> list[str]:
    """The problems of a policy, without the file."""
    path = folder / "policy.yaml"
    path.write_text(text)
    return [str(problem).removeprefix(f"{path}:") for problem in check_policy(path)]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "form: overdue",
            "form: overdu",
            "5:11: custom_rules.gift_late.form: unknown form 'overdu'; known: overdue, early, reported, silent",
        ),
        ("    says: A gift was not packed within a day.\n", "", "4:5: custom_rules.gift_late: `says` is required here"),
        ("within: 24 h", "within: 24 hours", "7:13: custom_rules.gift_late.within: '24 hours' is not a span"),
        ("within: 24 h", "wihtin: 24 h", "`overdue` has no such key; known here: says, form, each, where"),
        ("since: captured", "since: captrued", "unknown word or event 'captrued'; words: placed, authorized, captured"),
        (
            "since: captured",
            "since: order.ship_byy",
            "'order.ship_byy' is no date, word or event here; dates: order.ship_by, order.promised_by",
        ),
        ("since: captured", "since: line.ship_by", "'line.ship_by' is no date, word or event here"),
        ("since: captured", "since: {latest: [captured]}", "two or more words such as `captured` are expected here"),
        ("until: packed", "until: warehouse.pakced", '(did you mean "warehouse.packed"?)'),
        ("until: packed", "until: scan deliverd", "unknown status 'deliverd'; known: accepted"),
        ("until: packed", "until: {event: warehouse.packed, where: event.sitee == x}", "character 1: unknown field 'event.sitee'"),
        ("until: packed", "until: {event: warehouse.packed, were: event.site == x}", "unknown key; known here: event, scan, where"),
        ("until: packed", "until: picked", "until: no feed tells of it: `emits` does not have picked, and every order would be late"),
        ("until: packed", "until: inventory.allocated", "`emits` does not have allocated, and every order would be late"),
        ("since: captured", "each: shipment\n    since: captured", "since: a shipment is known from its label, hand-over or first scan on"),
        ("until: packed", "until: captured", "can never fire: it ends with what it begins with (captured)"),
        ("sku starts", "skuu starts", "where: character 11: unknown field 'line.skuu' (did you mean \"line.sku\"?)"),
        ("where: any line", "each: line\n    where: any parcel", "parcel"),
        (
            "    owner: FULF",
            "    each: lines",
            "unknown each 'lines'; known: order, line, shipment, parcel, payment, return, hold (did you mean \"line\"?)",
        ),
        ("    owner: FULF", "    severity: hgih", "custom_rules.gift_late.severity: unknown severity 'hgih'"),
        ("    owner: FULF", "    clock: berlin", "custom_rules.gift_late.clock: unknown clock 'berlin'"),
        ("    owner: FULF", "    suppressed_by: payment.capture_overdu", "unknown rule kind 'payment.capture_overdu'"),
        ("    owner: FULF", "    suppressed_by: custom.gift_late", "it cannot suppress itself"),
        ("    owner: FULF", "    steps: [{at: 2 d, severty: high}]", "steps[0].severty: a step has no such key; known here: at, severity"),
        ("    owner: FULF", "    steps: [{at: 2 d, ownr: CS}]", '(did you mean "owner"?)'),
        ("    owner: FULF", "    steps: [{severity: high}]", "a step is written {at: 2 d, severity: high}"),
        ("    owner: FULF", "    steps: [{at: 2 d}]", "steps[0]: changes nothing: a step states severity, owner or lane"),
        ("    owner: FULF", "    feeds: [carriers]", "unknown feed 'carriers'"),
        ("    owner: FULF", "    steps: [{at: 0 %, severity: high}]", "a share is 1 % to 500 % of the threshold"),
        ("    owner: FULF", "    steps: [{at: 2 d, severity: grave}]", "unknown severity 'grave'; known: low, medium, high, critical"),
        ("    owner: FULF", "    actions: [create_task]", "actions are written {notify_customer: why}, best first"),
        ("    owner: FULF", "    actions: {Create Task: why}", "'Create Task' is no action such as notify_customer"),
        ("    owner: FULF", "    times: 2", "`overdue` has no such key"),
        ("gift_late:", "Gift-late:", "'Gift-late' is no name of a rule: lower-case letters and _"),
        ("within: 24 h", "within: [{where: order.total > 5 EUR, is: 2 h}]", "the last of several thresholds is for all others"),
        ("within: 24 h", "within: [{were: x, is: 2 h}, 4 h]", "a case is written {where: shipment.carrier == ups, is: 2 bd}"),
        ("within: 24 h", "within: {packed: 2 h}", "a table by status belongs to `lasting`"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """File, line, column, field, what is wrong and what was probably meant."""
    assert old in GIFT
    assert told(tmp_path, GIFT) == []
    found = told(tmp_path, GIFT.replace(old, new, 1))
    assert any(problem in one for one in found), found


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("form: early, when: shipped, since: captured, within: 0 h", "can never fire: nothing is reached sooner than at once"),
        ("form: reported, when: shipped", "`reported` begins with an event, and 'shipped' is a word"),
        ("form: reported, when: scan held, within: 2 h", "has no effect: it is the time within which something happens so many `times`"),
        ("form: reported, when: scan held, grace: 2 h", "grace: has no effect: `reported` is raised at once"),
        ("form: early, when: shipped, since: captured, within: 2 h, grace: 1 h", "grace: has no effect: `early` is raised at once"),
        ("form: reported, when: scan held, clock: site", "clock: counts for `steps` and for spans in bd or bh only"),
        ("form: reported, when: scan held, feeds: [carrier]", "feeds: counts for `steps` only"),
        ("form: reported, when: scan held, times: 0", "a whole number from 1 to 1000 is expected here"),
        ("form: silent, within: 0 h", "`silent` needs a time longer than nothing"),
        ("form: lasting, within: {delivered: 2 d}", "'delivered' is the last: nothing follows that could end it"),
        ("form: lasting, within: 2 d, each: hold", "`lasting` speaks of the status of an order or of a parcel"),
        ("form: lasting, within: 2 d, state: [packt]", "'packt' is no status of order"),
        ("form: apart, date: order.ship_by, within: 2 d", "either `later_than` or `earlier_than` is required here"),
        ("form: apart, date: order.ship_by, later_than: order.ship_by, within: 0 s", "a date is not later or earlier than itself"),
        ("form: apart, date: parcel.eta, later_than: order.ship_by, within: 0 s", "unknown date 'parcel.eta'; it belongs to each: parcel"),
        ("form: overdue, since: placed, until: shipped, within: 2 d, until: shipped", "the key occurs twice"),
        (
            "form: overdue, since: placed, until: shipped, within: [{where: order.domestic, is: 1 d}, {where: order.domestic, is: 3 d}, 2]",
            "never counts: an earlier case has the same test",
        ),
    ],
)
def test_what_can_never_be_true_is_refused(tmp_path: Path, entry: str, problem: str) -> None:
    """And what has no effect."""
    found = told(tmp_path, f"custom_rules:\n  x: {{says: x, {entry}}}\n")
    assert any(problem in one for one in found), found


def test_a_value_that_is_wrong_is_not_called_missing_too(tmp_path: Path) -> None:
    """One mistake is told once."""
    found = told(tmp_path, "custom_rules: {x: {says: x, form: apart, date: order.ship_by, within: 2 h, later_than: order.promised}}\n")
    assert len(found) == 1
    assert "unknown date 'order.promised'" in found[0]


def test_rules_that_suppress_each_other_are_refused(tmp_path: Path) -> None:
    """By the circle that they make."""
    entry = "form: overdue, since: placed, until: shipped, within: 2 d, says: x"
    text = f"custom_rules:\n  a: {{{entry}, suppressed_by: custom.b}}\n  b: {{{entry}, suppressed_by: custom.a}}\n"
    assert any("rules suppress each other in a circle: custom.a <- custom.b <- custom.a" in one for one in told(tmp_path, text))


def test_a_wrong_rule_hides_no_other_mistake(tmp_path: Path) -> None:
    """Overrides of it are not called unknown, and what else is wrong with the file is told."""
    text = GIFT.replace("24 h", "24 hours") + "zoen: UTC\nrules: {custom.gift_late: shadow, custom.gift_lat: shadow}\n"
    found = told(tmp_path, text)
    assert len(found) == 3
    assert any("zoen: unknown key" in one for one in found)
    assert any("unknown rule kind 'custom.gift_lat'" in one and '"custom.gift_late"' in one for one in found)


@pytest.mark.parametrize("text", ["custom_rules: [a]\n", "custom_rules: x\n", "custom_rules: {a: x}\n", "custom_rules: {a: }\n"])
def test_what_is_no_section_is_refused(tmp_path: Path, text: str) -> None:
    """In words."""
    assert len(told(tmp_path, text)) == 1


def test_an_empty_section_is_none(tmp_path: Path) -> None:
    """A policy without rules of the user keeps its version."""
    path = tmp_path / "policy.yaml"
    path.write_text("custom_rules: {}\n")
    assert load_policy(path).version == load_policy(None).version
    path.write_text("custom_rules:\n")
    assert load_policy(path).version == load_policy(None).version


def test_a_rule_is_part_of_the_version(tmp_path: Path) -> None:
    """Whatever of it is changed."""
    path = tmp_path / "policy.yaml"
    versions: set[str] = set()
    for text in (
        GIFT,
        GIFT.replace("24 h", "25 h"),
        GIFT.replace("GIFT-", "GIFT"),
        GIFT.replace("a day", "24 hours"),
        GIFT.partition("custom")[0],
    ):
        path.write_text(text)
        versions.add(load_policy(path).version)
    assert len(versions) == 5


def test_what_is_shown_is_the_same_policy(tmp_path: Path) -> None:
    """`policy show` writes the section, too; read back, it has the same version and the same settings."""
    policy = loaded(form_of())
    path = tmp_path / "shown.yaml"
    path.write_text(render(policy))
    assert check_policy(path) == ()
    again = load_policy(path)
    assert again.version == policy.version
    assert again.base == policy.base


def test_rules_and_overrides_set_it_like_any_other(tmp_path: Path) -> None:
    """By its kind."""
    path = tmp_path / "policy.yaml"
    path.write_text(
        GIFT + "rules: {custom.gift_late: {threshold: 12 h, lane: block}}\noverrides:\n"
        "  - {when: {country: DE}, rules: {custom.gift_late: {severity: critical}}}\n"
    )
    policy = load_policy(path)
    plain, german = (policy.setting("custom.gift_late", Dims(country=country)) for country in ("IS", "DE"))
    assert (str(plain.threshold), plain.lane, plain.severity, plain.owner) == ("12 h", "block", "medium", "FULF")
    assert german.severity == "critical"


def test_a_setting_without_effect_is_refused(tmp_path: Path) -> None:
    """As of built-in rules."""
    text = GIFT + "rules: {custom.gift_late: {anchor: placed}}\n"
    assert any("custom.gift_late" in one and "anchor" in one for one in told(tmp_path, text))


def test_all_can_be_switched_off(tmp_path: Path) -> None:
    """`'*': off` means rules of the user as well; one of them can be switched on again."""
    path = tmp_path / "policy.yaml"
    path.write_text(GIFT + "rules: {'*': off}\n")
    assert {setting.switch for setting in load_policy(path).base} == {"off"}
    path.write_text(GIFT + "rules: {'*': off, custom.gift_late: on}\n")
    assert [setting.kind for setting in load_policy(path).base if setting.switch == "on"] == ["custom.gift_late"]


@pytest.mark.parametrize("part", WORDS, ids=str)
def test_every_word_and_date_of_every_part_can_be_judged(part: Part, tmp_path: Path) -> None:
    """Over a history with all kinds of parts; nothing is raised, and what is late is found."""
    facts = facts_of(*LIFE)
    path = tmp_path / "policy.yaml"
    dates = [name for name, (parts, _) in DATES.items() if part in parts]
    words = dict.fromkeys([*WORDS[part], *WORDS[Part.ORDER]])
    entries = {
        f"x_{'abcdefghijklmnopqrstuvwxyz'[number]}{'_' * (number // 26)}": {
            "says": since, "form": "overdue", "each": part.value, "since": since, "within": "1 h", "until": "invoice.disputed",
            "unless": [word for word in words if word not in ("ended", since)][:1],
        }
        for number, since in enumerate([*words, *dates])
    }  # fmt: skip
    path.write_text(yaml.safe_dump({"custom_rules": entries}))
    policy = load_policy(path)
    own = [cast("Rule", rule) for rule in policy.rules if rule.stated is not None]
    assert len(own) == len(entries)
    for rule in own:
        list(rule.judge(facts, rule.defaults))
