"""Predicates: what each form means, that what is unknown is neither true nor false, and what is said of mistakes."""

from __future__ import annotations

import pytest

from dataflows.core.history.facts import Facts
from dataflows.core.history.timeline import Timeline
from dataflows.core.predicates import Part, Predicate, compile_predicate
from dataflows.core.predicates.compiler import known_fields
from dataflows.core.predicates.parts import PARTS, parcels_of
from dataflows.core.rules.load import load_policy
from schemas.events import DATA_MODELS
from tests.support.engine import records_of
from tests.support.stories import event

POLICY = load_policy(None)
PLACED = (
    "11-02 10:00 order.placed total: 600 EUR, ship_to: {country: DE, postal_code: '10115'}, channel: web, ship_by: 11-04 12:00, "
    "promised_by: 11-06 12:00, customer: {id: c1, tier: vip}, lines: [GIFT-1 3, MUG 1]"
)
HISTORY = (
    PLACED,
    "11-02 10:05 payment.authorized payment_id: p1, amount: 600 EUR",
    "11-02 11:00 order.hold_placed hold: fraud",
    "11-02 12:00 order.hold_released hold: fraud",
    "11-03 09:00 warehouse.shipped carrier: ups, service: express",
    "11-04 09:00 scan attempt_failed reason: recipient_absent",
    "11-05 09:00 scan attempt_failed reason: refused",
    "11-05 10:00 support.contacted intent: not_received",
)


def facts_of(*lines: str) -> Facts:
    """The facts of a short history."""
    timeline = Timeline()
    for record in records_of([event(line, number) for number, line in enumerate(lines)]):
        timeline.add(record)
    return Facts(timeline, POLICY, "default", 0)


def compiled(text: str, part: Part = Part.ORDER, events: tuple[str, ...] = ()) -> Predicate:
    """The predicate of a text that is known to be right."""
    found = compile_predicate(text, part, events)
    assert isinstance(found, Predicate), found
    return found


@pytest.mark.parametrize(
    "text",
    [
        "order.total > 500 EUR",
        "order.total == 600.00 EUR",
        "order.country in [DE, AT]",
        "order.country not in [FR]",
        "order.postal_code starts with '10'",
        "order.channel contains e and order.channel ends with b",
        "order.method == ship",
        "order.tier == vip or order.region == 'x'",
        "order.lines == 2 and order.pieces >= 4",
        "order.promised_by - order.ship_by == 2 d",
        "order.promised_by > order.ship_by + 47 h",
        "order.placed_at >= 2026-11-02 and order.placed_at < 2026-11-02T10:00:01Z",
        "order.region is unknown and order.country is known",
        "order.domestic",
        "not not order.domestic",
        "any line (line.sku starts with GIFT- and line.quantity > 2)",
        "all lines (line.quantity >= 1)",
        "no line (line.sku == POSTER)",
        "not all lines (line.quantity > 1)",
        "not any line (line.quantity > 3)",
        "not no line (line.sku == MUG)",
        "any hold (hold.kind == fraud and hold.released_at is known)",
        "any parcel (parcel.status == attempt_failed and parcel.attempts == 2)",
        "any shipment (shipment.carrier == ups and shipment.parcels == 1)",
        "any payment (payment.amount == 600 EUR and payment.captured_at is unknown)",
        "any ticket (ticket.intent == not_received)",
        "no return (return.id is known)",
        "no parcel (parcel.status == unknown) and no parcel (parcel.status in [unknown, lost])",
    ],
)
def test_what_is_true(text: str) -> None:
    """Each holds of the history, and its negation does not."""
    facts = facts_of(*HISTORY)
    assert compiled(text).holds(facts)
    assert not compiled(f"not ({text})").holds(facts)


@pytest.mark.parametrize(
    "text",
    [
        "order.region == BE",
        "order.region != BE",
        "order.region in [BE]",
        "order.region starts with B",
        "order.total > 500 USD",
        "order.total != 500 USD",
        "order.consents has sms",
        "order.delivered_at > order.placed_at",
        "order.delivered_at - order.placed_at > 2 d",
        "all returns (return.received_at is known)",
        "any line (line.seller == acme)",
        "no line (line.seller == acme)",
        "all lines (line.seller == acme)",
        "order.region == BE and order.country == DE",
    ],
)
def test_what_is_unknown_is_neither_true_nor_false(text: str) -> None:
    """Where a value is missing, or amounts have two currencies, neither the predicate nor its negation holds."""
    facts = facts_of(*HISTORY)
    assert not compiled(text).holds(facts)
    assert not compiled(f"not ({text})").holds(facts)


def test_unknown_parts_decide_nothing_alone() -> None:
    """`or` needs one side, `and` fails by one side, as in Kleene's logic."""
    facts = facts_of(*HISTORY)
    assert compiled("order.region == BE or order.country == DE").holds(facts)
    assert compiled("not (order.region == BE and order.country == FR)").holds(facts)


def test_of_an_order_that_is_not_placed_nothing_is_known() -> None:
    """Neither true nor false, and nothing is raised."""
    facts = facts_of("11-02 12:00 warehouse.shipped")
    assert not compiled("order.total is unknown").holds(facts)
    assert not compiled("no line (line.sku == A)").holds(facts)


def test_a_cancelled_line_and_a_voided_shipment_are_no_parts() -> None:
    """`any`, `all` and `no` range over what is still wanted."""
    facts = facts_of(
        PLACED, "11-02 12:00 order.cancelled lines: [MUG 1]", "11-02 13:00 warehouse.label_created", "11-02 14:00 scan cancelled"
    )
    assert compiled("no line (line.sku == MUG) and order.lines == 1").holds(facts)
    assert compiled("no shipment (shipment.id is known)").holds(facts)


def test_a_parcel_knows_its_shipment() -> None:
    """A predicate about a parcel may speak of its shipment and its order."""
    facts = facts_of(*HISTORY)
    (part,) = parcels_of(facts)
    assert compiled("parcel.attempts >= 2 and shipment.service == express and order.country == DE", Part.PARCEL).holds(facts, part)


def test_an_event_has_the_fields_of_its_type() -> None:
    """Those that all its types have; what is never stored cannot be asked."""
    facts = facts_of(*HISTORY)
    last = facts.t.of("carrier.scan")[-1]
    assert compiled("event.status == attempt_failed and event.reason == refused", Part.EVENT, ("carrier.scan",)).holds(facts, last)
    assert not compiled("event.at < 2026-11-05T09:00:00Z", Part.EVENT, ("carrier.scan",)).holds(facts, last)
    both = known_fields(Part.EVENT, ("warehouse.packed", "carrier.scan"))
    assert "event.shipment_id" in both
    assert "event.status" not in both
    assert "event.location" not in known_fields(Part.EVENT, ("carrier.scan",))


@pytest.mark.parametrize("type_", sorted(DATA_MODELS))
def test_every_type_of_event_can_be_asked(type_: str) -> None:
    """Its fields are derived, none is left without a type by accident."""
    assert {"event.source", "event.at"} <= known_fields(Part.EVENT, (type_,)).keys()


@pytest.mark.parametrize("part", PARTS)
def test_every_field_is_readable_of_every_part(part: Part) -> None:
    """No getter raises on the parts of a real history, and each says which events it rests on."""
    facts = facts_of(
        *HISTORY,
        "11-06 10:00 return.requested return_id: r1",
        "11-07 10:00 return.received return_id: r1",
        "11-08 10:00 payment.refunded payment_id: p1, amount: 5 EUR, return_id: r1",
    )
    parts = list(PARTS[part](facts))
    assert parts
    for name, field in known_fields(part).items():
        if name.startswith(f"{part}."):
            assert field.inputs
            for each in parts:
                field.get(facts, each)


@pytest.mark.parametrize(
    ("text", "said", "meant"),
    [
        ("order.totl > 5 EUR", "unknown field 'order.totl'", "order.total"),
        ("total > 5 EUR", "'total' is a text, and that constant is an amount of money", "order.total"),
        ("order.total > 5", "order.total is an amount of money, and that constant is a number; an amount needs its currency", None),
        ("order.method == pickpu", "order.method is never 'pickpu'; known: digital, local, pickup, ship", "pickup"),
        ("order.method in [ship, pickpu]", "order.method is never 'pickpu'", "pickup"),
        ("any parcel (parcel.status == deliverd)", "parcel.status is never 'deliverd'", "delivered"),
        ("order.channel > web", "it can be == or != to another", None),
        ("order.placed_at > 2 d", "count from an instant", None),
        ("order.placed_at > 2 bd", "no business time", None),
        ("order.consents == gift", "order.consents is a list of texts", None),
        ("order.channel has gift", "only a list `has` something", None),
        ("order.consents contains gift", "ask whether it `has` a text", None),
        ("order.total", "order.total is an amount of money: compare it with something", None),
        ("line.sku == A", "say which lines are meant", "any line (...)"),
        ("any lin (line.sku == A)", "unknown part 'lin'", "line"),
        ("any line (any hold (hold.kind == fraud))", "one cannot stand in the other", None),
        ("any line (shipment.carrier == ups)", "shipment.carrier is unknown here", None),
        ("5 > 3", "two constants are compared", None),
        ("order.total && order.domestic", "'&&' is unexpected", "and"),
        ("order.total = 5 EUR", "'=' is unexpected", "=="),
        ("order.country is nown", "`known` or `unknown` is expected", None),
        ("order.channel == 'web", "no closing quote", None),
        ("order.channel in []", "an empty list", None),
        ("order.lines > 1 or (order.domestic", "it ends too early: `)` is expected", None),
        ("", "it ends too early", None),
        ("order.placed_at > 2026-13-01", "is no date", None),
        ("order.placed_at > 2526-01-01", "outside the years", None),
        ("order.placed_at + order.ship_by > 2 d", "cannot be added to", None),
        ("(" * 40 + "order.domestic" + ")" * 40, "levels of parentheses", None),
        ("order.domestic and " * 60 + "order.domestic", "at most 1000 characters", None),
    ],
)
def test_what_is_said_of_mistakes(text: str, said: str, meant: str | None) -> None:
    """Each is named at its character, with the nearest name where there is one."""
    found = compile_predicate(text)
    assert isinstance(found, tuple)
    assert said in found[0].message
    assert found[0].suggestion == meant
    assert 1 <= found[0].at <= len(text) + 1


def test_all_mistakes_are_told_at_once() -> None:
    """Not only the first."""
    found = compile_predicate("order.totl > 5 EUR and order.metod == ship")
    assert isinstance(found, tuple)
    assert [(mistake.at, mistake.suggestion) for mistake in found] == [(1, "order.total"), (24, "order.method")]


def test_inputs_are_the_events_that_can_change_it() -> None:
    """They are derived from the fields that it reads."""
    assert compiled("any hold (hold.kind == fraud)").inputs == {"order.hold_placed", "order.hold_released"}
    assert compiled("order.total > 5 EUR").inputs == {"order.placed", "order.updated"}
