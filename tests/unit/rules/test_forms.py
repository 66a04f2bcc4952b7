"""Rules are data: closed, immutable, and all that the engine and people are told of them follows from it."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from dataflows.core.rules import RULES, RULES_BY_KIND
from dataflows.core.rules.derive import triggers_of
from dataflows.core.rules.forms import overdue, reported
from dataflows.core.rules.load import load_policy
from dataflows.core.rules.structs import Custom
from dataflows.core.rules.vocabulary import Milestone, Next, Op, Scope, Where, event, scan
from tests.oracle.judging.reading import instant
from tests.support.engine import records_of, run, standing
from tests.support.stories import event as story_event
from tests.support.stories import rfc3339

if TYPE_CHECKING:
    from dataflows.core.rules.model import Rule

DATA = tuple(rule for rule in RULES if not any(isinstance(form, Custom) for form in rule.forms))


def test_most_rules_are_data() -> None:
    """Functions are for what no form says."""
    assert len(DATA) >= 60


def is_closed(value: object) -> bool:
    """Whether a value is plain and immutable, all through."""
    if isinstance(value, msgspec.Struct):
        return all(is_closed(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, tuple):
        return all(map(is_closed, cast("tuple[object, ...]", value)))
    return value is None or isinstance(value, str | int | Enum)


@pytest.mark.parametrize("rule", DATA, ids=lambda rule: rule.kind)
def test_a_rule_is_closed_data(rule: Rule) -> None:
    """Structs, texts, numbers and names of a few sorts, so that a file or another evaluator can hold it; no function is in it."""
    for form in rule.forms:
        assert is_closed(form)
        assert hash(form)
        assert msgspec.json.encode(form)
    assert not is_closed(len)


def test_triggers_follow_from_the_data() -> None:
    """What was kept by hand once: armed by what begins it, met by what it waits for, if an order of its terms."""
    missing = RULES_BY_KIND["payment.auth_missing"].triggers
    assert (missing.arms, missing.met_by, missing.partly) == (("order.placed",), ("payment.authorized", "payment.captured"), True)
    assert missing.needs == ("terms:prepaid", "terms:on_ship")
    assert RULES_BY_KIND["shipment.customs_hold"].triggers.on == ("carrier.scan:held",)
    assert RULES_BY_KIND["order.stalled"].triggers.unless == ("ship_by",)
    refused = RULES_BY_KIND["shipment.refused"]
    assert refused.fits is not None
    tests = [refused.fits(msgspec.convert({"reason": reason}, Reason), refused.defaults) for reason in ("refused", "damaged")]
    assert tests == [False, True]


class Reason(msgspec.Struct):
    """The part of a scan that a test reads."""

    reason: str


def test_texts_follow_from_the_data() -> None:
    """What ends it, and what would have prevented it."""
    rule = RULES_BY_KIND["payment.auth_missing"]
    assert rule.clears == "an authorization or capture, or the cancellation"
    assert rule.prevented_by == "a payment.authorized or payment.captured"
    assert RULES_BY_KIND["shipment.customs_hold"].clears == "the next scan without that reason, or the end of the shipment"


def test_a_custom_rule_is_judged_at_each_of_its_inputs() -> None:
    """Whatever it declares to read triggers it."""
    for rule in RULES:
        for form in rule.forms:
            if isinstance(form, Custom):
                triggers = triggers_of(form, rule.defaults)
                assert {*triggers.on, *triggers.arms} == set(form.inputs)


def said(rule: Rule, events: str, as_of: str) -> list[tuple[str | None, str]]:
    """Scope and status of what stands of a new rule, which takes the place of `order.price_dispute`."""
    policy = load_policy(None)
    place = next(i for i, known in enumerate(policy.rules) if known.kind == rule.kind)
    policy = replace(
        policy,
        rules=tuple(rule if i == place else known for i, known in enumerate(policy.rules)),
        base=tuple(rule.defaults if i == place else known for i, known in enumerate(policy.base)),
    )
    lines = [story_event(line, number) for number, line in enumerate(events.splitlines())]
    with pytest.MonkeyPatch.context() as patch:
        for module in ("evaluate", "triggers"):
            patch.setattr(f"dataflows.core.engine.{module}.RULES", policy.rules, raising=False)
        outs = run(records_of(lines), policy, instant(rfc3339(as_of)))
    return sorted((one.scope, one.status) for one in standing(outs) if one.kind == rule.kind)


def test_an_order_may_be_told_by_its_fields() -> None:
    """`only` tests the order's fields as they stand, by their path."""
    rule = overdue(
        "order.price_dispute",
        "A dear order is not captured in an hour.",
        since=Milestone.PLACED,
        within="1 h",
        until=Milestone.CAPTURED,
        only=(Where("ship_to.country", Op.IS, ("IS",)), Where("channel", Op.IS_NOT, ("web",))),
        owner="OPS",
    )
    assert said(rule, "11-02 10:00 order.placed", "11-02 11:00") == [(None, "open")]
    assert said(rule, "11-02 10:00 order.placed channel: web", "11-02 11:00") == []
    assert said(rule, "11-02 10:00 order.placed ship_to: {country: FO}", "11-02 11:00") == []
    assert said(rule, "11-02 10:00 order.placed\n11-02 11:00 payment.captured", "11-02 12:00") == []


def test_each_event_is_an_expectation_of_its_own() -> None:
    """What met the first says nothing of the second."""
    rule = overdue(
        "order.price_dispute",
        "A ticket is not followed by an update in an hour.",
        since=event("support.contacted"),
        within="1 h",
        until=event("order.updated"),
        label="contacted",
        owner="OPS",
    )
    events = "11-02 10:00 order.placed\n11-02 11:00 support.contacted\n11-02 11:30 order.updated\n11-02 13:00 support.contacted"
    assert said(rule, events, "11-02 13:59") == []
    assert said(rule, events, "11-02 14:00") == [(None, "open")]


def test_a_scan_is_reported_for_its_parcel_until_another() -> None:
    """Each parcel has its own; the condition bears the scope of the shipment."""
    rule = reported(
        "order.price_dispute",
        "A parcel waits for capacity.",
        when=scan("delayed", reason="capacity"),
        until=Next(scan(reason="capacity"), other=True),
        unless=Milestone.ENDED,
        each=Scope.PARCEL,
        owner="OPS",
    )
    events = "11-02 10:00 order.placed\n11-02 12:00 warehouse.shipped\n11-03 10:00 scan delayed reason: capacity"
    assert said(rule, events, "11-03 10:00") == [("shipment:S1", "open")]
    assert said(rule, events + "\n11-03 11:00 scan delayed reason: weather", "11-03 12:00") == [("shipment:S1", "resolved")]


@pytest.mark.parametrize(
    "terms",
    [
        {"after": (scan("damaged"),)},
        {"unless": event("payment.refunded")},
        {"until": event("payment.refunded")},
        {"not_after": Milestone.SHIPPED},
    ],
    ids=lambda terms: next(iter(cast("dict[str, object]", terms))),
)
def test_what_a_report_of_a_parcel_would_not_look_at_is_refused(terms: dict[str, object]) -> None:
    """Its scans and milestones are all that it looks at; anything else would never hold, or always, without a word."""
    with pytest.raises(ValueError, match="of a parcel only its scans and milestones"):
        reported(
            "order.price_dispute",
            "A wish.",
            when=scan("delivered"),
            each=Scope.PARCEL,
            owner="OPS",
            **cast("Any", {"until": scan("returned"), **terms}),
        )
