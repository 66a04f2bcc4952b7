"""Actions in the console, over a real engine: asked for, approved by a second person, rejected, observed; automation paused and resumed."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dataflows.console.deciding.parameters import FIELDS
from dataflows.console.deciding.words import WORDS
from dataflows.core.decisions.cases import OTHER, WAITED_FOR
from dataflows.ingest.decisions.checks import LABELS
from schemas.actions import ACTIONS
from schemas.messages import CHANNELS, TOPICS
from sinks.cases.tables import actions, exceptions
from tests.support.console import PEOPLE
from tests.support.desk_console import START, DeskConsole, decide, desk_console, event, hidden, late, text_of


def lost(id_: str) -> list[dict[str, Any]]:
    """An order whose parcel the carrier has lost."""
    placed = late(id_, ship_by=(START + timedelta(days=2)).isoformat(), customer={"id": f"c-{id_}", "consents": ["email"]})
    at = START - timedelta(days=3)
    scan = event(id_, "carrier.scan", at + timedelta(days=1), "/carrier/ups", status="lost", tracking_number=f"1Z{id_}", carrier="ups")
    shipment = {"site": "ams1", "shipment_id": f"S-{id_}", "carrier": "ups", "tracking_number": f"1Z{id_}"}
    return [placed, event(id_, "warehouse.shipped", at, "/warehouse/ams1", **shipment), scan]


def told(id_: str) -> list[dict[str, Any]]:
    """An order that is late although it has left, whose customer is told so."""
    promised = {"ship_by": (START - timedelta(days=3)).isoformat(), "promised_by": (START - timedelta(days=1)).isoformat()}
    customer = {"id": f"c-{id_}", "consents": ["email"], "tier": "standard"}
    placed = late(id_, customer=customer, ship_to={"country": "DE"}, **promised)
    at = START - timedelta(days=3, hours=2)
    shipment = {"site": "ams1", "shipment_id": f"S-{id_}", "carrier": "ups", "tracking_number": f"1Z{id_}"}
    return [placed, event(id_, "warehouse.shipped", at, "/warehouse/ams1", **shipment)]


@pytest.fixture
def desk(tmp_path: Path) -> Generator[DeskConsole]:
    """Two lost parcels and three late orders; gus may approve as well."""
    events = [*lost("L1"), *lost("L2"), *told("T1"), *(late(f"O-{number}") for number in range(1, 4))]
    with desk_console(tmp_path, events, people={**PEOPLE, "gus": "approver"}) as made:
        yield made


def exception(desk: DeskConsole, order: str, kind: str) -> str:
    """An exception as forms name it."""
    chosen = select(exceptions.c.exception_id, exceptions.c.sequence).where(exceptions.c.order_id == order, exceptions.c.kind == kind)
    ((id_, sequence),) = desk.rows(chosen)
    return f"{id_}:{sequence}"


def found(desk: DeskConsole, **wanted: str) -> list[Any]:
    """Actions as the store has them."""
    chosen = select(actions).where(*(actions.c[name] == value for name, value in wanted.items()))
    return desk.rows(chosen.order_by(actions.c.order_id, actions.c.action_id))


def named(row: Any) -> str:
    """An action as forms name it."""
    return f"{row.action_id}:{row.sequence}"


def asked_for(desk: DeskConsole, amount: str = "12.90", order: str = "L1") -> Any:
    """A refund that anna has asked for."""
    anna = desk.host.client("anna")
    about = exception(desk, order, "shipment.lost_confirmed")
    fields = {"action": "approve_refund", "p-amount": amount, "p-currency": "EUR", "note": "it is lost"}
    before = len(desk.written.all())
    asked = decide(anna, "initiate", x=[about], **fields)
    assert "Confirm" in text_of(asked.text)
    assert "It gives away money or its worth" in text_of(asked.text)
    assert len(desk.written.all()) == before
    sent = anna.post("/decide", data={**hidden(asked.text), "confirmed": confirmation(asked.text)})
    assert sent.status_code == 303, text_of(sent.text)
    desk.speak()
    assert "It is proposed now." in text_of(anna.get(sent.headers["location"]).text)
    (row,) = found(desk, action="approve_refund", order_id=order)
    return row


def confirmation(page: str) -> str:
    """What the button of a page of confirmation says."""
    return page.partition('name="confirmed" value="')[2].partition('"')[0]


def test_money_needs_a_confirmation_and_a_second_person(desk: DeskConsole) -> None:
    """Who asked for it may not approve it; whoever approves confirms on a page of its own what was shown, and nothing else."""
    row = asked_for(desk)
    assert (row.state, row.initiated_by, row.value, row.parameters["amount"]) == (
        "proposed",
        "user:anna",
        Decimal("12.90"),
        {"amount": "12.90", "currency": "EUR"},
    )
    assert decide(desk.host.client("anna"), "reject", a=[named(row)]).status_code in (303, 200)
    bob = desk.host.client("bob")
    assert "Yours to give" in text_of(bob.get("/approvals").text)
    page = decide(bob, "approve", a=[named(row)], note="I have seen the scan")
    assert page.status_code == 200
    assert "This gives money away or cannot be undone." in text_of(page.text)
    assert row.payload_hash in page.text
    forged = bob.post("/decide", data={**hidden(page.text), "confirmed": "0" * 64})
    assert (forged.status_code, "Confirm" in text_of(forged.text)) == (200, True)


def test_four_eyes_are_shown_and_kept(desk: DeskConsole) -> None:
    """A person who may approve but asked for it is told why not, by the page and by the engine."""
    about = exception(desk, "L1", "shipment.lost_confirmed")
    bob, gus = desk.host.client("bob"), desk.host.client("gus")
    asked = decide(bob, "initiate", x=[about], action="approve_refund", **{"p-amount": "12.90", "p-currency": "EUR"})
    assert bob.post("/decide", data={**hidden(asked.text), "confirmed": confirmation(asked.text)}).status_code == 303
    desk.speak()
    (row,) = found(desk, action="approve_refund")
    assert "You asked for it: another person must approve it." in text_of(bob.get("/approvals").text)
    assert "For others to give" in text_of(bob.get("/approvals").text)
    form = bob.get("/decide", params={"do": "approve", "a": named(row)})
    forced = bob.post("/decide", data={**hidden(form.text), "step": "send"})
    sent = bob.post("/decide", data={**hidden(forced.text), "confirmed": confirmation(forced.text)})
    desk.speak()
    assert "The engine has refused it: who asked for an action does not approve it" in text_of(bob.get(sent.headers["location"]).text)
    (row,) = found(desk, action="approve_refund")
    page = decide(gus, "approve", a=[named(row)])
    sent = gus.post("/decide", data={**hidden(page.text), "confirmed": confirmation(page.text)})
    assert sent.status_code == 303, text_of(sent.text)
    desk.speak()
    assert "It is requested now." in text_of(gus.get(sent.headers["location"]).text)
    (row,) = found(desk, action="approve_refund")
    assert (row.state, row.approved_by) == ("requested", ["user:gus"])
    life = text_of(gus.get(f"/actions/{row.action_id}").text)
    assert "requested" in life
    assert "agreed: gus" in life
    undoing = gus.get("/undo")
    assert gus.post("/undo", data=hidden(undoing.text)).status_code == 303
    desk.speak()
    assert found(desk, action="approve_refund")[0].state == "rejected"


BOUNDED = """
zone: Europe/Berlin
calendars:
  desk: {zone: Europe/Berlin, hours: {mon-fri: 08:30-17:00}, closed: [2026-05-28]}
tenants:
  default: {calendar: desk}
actions:
  budgets:
    - {action: approve_refund, most: 1}
    - {action: notify_customer, each: customer, most: 5}
  quiet_hours: 13:00-20:00
messages:
  cap: {most: 1, within: 3 d}
"""


def test_what_an_action_would_meet_is_foreseen(tmp_path: Path) -> None:
    """Budgets of the tenant's day, quiet hours where the customer is, and what they were told already; and the policy's next morning."""
    other = event("T1", "message.sent", START - timedelta(hours=3), "/mail/acme", channel="email", topic="order")
    with desk_console(
        tmp_path, [*lost("L1"), *lost("L2"), *told("T1"), other], people={**PEOPLE, "gus": "approver"}, policy=BOUNDED
    ) as desk:
        anna, gus = desk.host.client("anna"), desk.host.client("gus")

        def preview(order: str, kind: str, **fields: str) -> str:
            about = {"do": "initiate", "x": exception(desk, order, kind), "step": "preview"}
            return text_of(anna.post("/decide", data={**about, **fields}).text)

        refund = {"action": "approve_refund", "p-amount": "12.90", "p-currency": "EUR"}
        assert "approve_refund, 1 a day, 1 are left today (0 used)" in preview("L2", "shipment.lost_confirmed", **refund)
        message = preview("T1", "shipment.delivery_overdue", action="notify_customer", **{"p-topic": "delay", "p-channel": "email"})
        assert "notify_customer for each customer, 5 a day, 5 are left today" in message
        assert "It is quiet where the customer is: it goes out on 30 May 2026" in message
        # Ours of the day before, and the other system's of today.
        assert "The customer was sent 2 messages within 3 days: it goes out on 30 May 2026, 09:00" in message
        page = gus.get("/automation").text
        assert re.search(r"approve refund, 1 a day</td><td>default</td><td class=\"number\">0</td><td class=\"number\">1<", page)
        row = asked_for(desk)
        page = decide(gus, "approve", a=[named(row)])
        assert gus.post("/decide", data={**hidden(page.text), "confirmed": confirmation(page.text)}).status_code == 303
        desk.speak()
        spent = preview("L2", "shipment.lost_confirmed", **refund)
        assert "The budget approve_refund, 1 a day is spent: until 27 May 2026, 22:00" in spent
        assert re.search(r"default</td><td class=\"number\">1</td><td class=\"number late\">0<", gus.get("/automation").text)
        form = anna.get("/decide", params={"do": "snooze", "x": exception(desk, "L2", "shipment.lost_confirmed")}).text
        assert "29 May 2026, 06:30 UTC, calendar desk" in " ".join(text_of(form).split())
        rest = {"do": "snooze", "x": exception(desk, "L2", "shipment.lost_confirmed"), "step": "preview", "snooze": "until"}
        for until, shortened in (("2026-06-09T12:00", False), ("2026-08-01T12:00", True)):
            shown = text_of(anna.post("/decide", data={**rest, "until": until}).text)
            assert ("The policy allows no longer rest: it comes back on 10 Jun 2026" in " ".join(shown.split())) == shortened


def test_wrong_parameters_are_said_beside_their_fields(desk: DeskConsole) -> None:
    """And only actions that are possible for the kind can be asked for."""
    anna = desk.host.client("anna")
    about, other = exception(desk, "L1", "shipment.lost_confirmed"), exception(desk, "O-1", "fulfilment.ship_overdue")
    wrong = [
        ({"p-amount": ""}, "Fill this in"),
        ({"p-amount": "twelve"}, "Write an amount such as 12.90."),
        ({"p-amount": "-1"}, "Write an amount such as 12.90."),
        ({"p-amount": "130"}, "It is more than the order is worth."),
        ({"p-amount": "1", "p-currency": "€"}, "Write a currency such as EUR."),
        ({"p-amount": "1", "p-currency": "EUR", "p-payment_id": "forged"}, "Choose one of those that are shown."),
    ]
    for fields, said in wrong:
        answer = decide(anna, "initiate", x=[about], action="approve_refund", **fields)
        assert (answer.status_code, said in text_of(answer.text)) == (422, True), fields
    answer = decide(anna, "initiate", x=[other], action="approve_refund", **{"p-amount": "1", "p-currency": "EUR"})
    assert (answer.status_code, "Choose an action that is possible" in text_of(answer.text)) == (422, True)
    assert desk.written.all() == []


def test_what_can_be_undone_is_asked_for_without_a_confirmation(desk: DeskConsole) -> None:
    """Also of an exception about which nothing was ever asked for: in the name of its order."""
    anna = desk.host.client("anna")
    about = exception(desk, "L2", "shipment.lost_confirmed")
    sent = decide(anna, "initiate", x=[about], action="create_task", **{"p-task": "call the depot"})
    assert sent.status_code == 303, text_of(sent.text)
    (written,) = desk.written.all()
    assert written["data"]["parameters"]["task"] == "call the depot"
    desk.speak()
    assert "It is proposed now." in text_of(anna.get(sent.headers["location"]).text)
    (row,) = found(desk, initiated_by="user:anna")
    assert (row.action, row.parameters["task"]) == ("create_task", "call the depot")


def test_approvals_in_bulk_are_of_one_kind_below_a_limit_and_counted(desk: DeskConsole) -> None:
    """A result for each."""
    bob = desk.host.client("bob")
    waiting = [row for row in found(desk, action="create_task", state="proposed") if row.order_id.startswith("O-")]
    sent = decide(bob, "approve", a=[named(row) for row in waiting])
    assert sent.status_code == 303, text_of(sent.text)
    desk.speak()
    assert f"{len(waiting)} of {len(waiting)} are decided." in text_of(bob.get(sent.headers["location"]).text)
    refund = asked_for(desk)
    others = [row for row in found(desk, state="proposed") if row.action != "approve_refund"]
    mixed = decide(bob, "approve", a=[named(refund), named(others[0])])
    assert (mixed.status_code, "Only actions of one kind" in text_of(mixed.text)) == (422, True)
    large = asked_for(desk, "120.00", "L2")
    above = decide(bob, "approve", a=[named(refund), named(large)])
    assert (above.status_code, "worth more than 100" in text_of(above.text)) == (422, True)


def test_a_doubt_is_ended_by_what_somebody_saw(desk: DeskConsole) -> None:
    """It comes first in the list, its page says what is needed, and evidence is asked for."""
    anna, bob = desk.host.client("anna"), desk.host.client("bob")
    row = next(one for one in found(desk, action="create_task", state="proposed") if one.order_id == "O-1")
    assert decide(bob, "approve", a=[named(row)]).status_code == 303
    desk.speak()
    head = {
        "specversion": "1.0",
        "source": "/orderwatch/dispatch",
        "subject": "O-1",
        "tenant": "default",
        "time": desk.host.clock().isoformat(),
    }
    data = {"action_id": row.action_id, "attempt": 1, "endpoint": "desk", "by": "service:dispatch"}
    desk.written.write([{**head, "id": f"d-{type_}", "type": f"action.{type_}", "data": data} for type_ in ("begun", "in_doubt")])
    desk.speak()
    listed = text_of(anna.get("/actions").text)
    assert listed.partition("Changed Decide")[2].strip().startswith("in doubt")
    page = text_of(anna.get(f"/actions/{row.action_id}").text)
    assert "What the last attempt did is not known." in page
    assert "action.in_doubt" in page
    (row,) = found(desk, action_id=row.action_id)
    missing = decide(anna, "observe", a=[named(row)], observed="executed")
    assert (missing.status_code, "Say where it was seen" in text_of(missing.text)) == (422, True)
    sent = decide(anna, "observe", a=[named(row)], observed="executed", evidence="TICKET-7")
    desk.speak()
    assert "It is executed now." in text_of(anna.get(sent.headers["location"]).text)


def test_automation_is_paused_with_a_reason_and_goes_on(desk: DeskConsole) -> None:
    """Where it is paused an approval says so beforehand; undoing lets it go on."""
    anna, bob = desk.host.client("anna"), desk.host.client("bob")
    assert decide(anna, "pause", scope="action", scope_name="create_task").status_code == 422
    assert decide(anna, "pause", scope="action", scope_name="sing", note="why").status_code == 422
    assert decide(anna, "pause", scope="rule", scope_name="shipment.stuk", note="why").status_code == 422
    sent = decide(anna, "pause", scope="action", scope_name="create_task", note="the desk is down")
    assert sent.status_code == 303
    desk.speak()
    assert "It is paused now." in text_of(anna.get(sent.headers["location"]).text)
    page = text_of(bob.get("/automation").text)
    assert "action:create_task" in page
    assert "anna the desk is down" in page
    row = found(desk, action="create_task", state="proposed")[0]
    form = text_of(bob.get("/decide", params={"do": "approve", "a": named(row)}).text)
    assert "Automation is paused for action:create_task" in form
    sent = decide(bob, "resume", scope="action:create_task")
    assert sent.status_code == 303, text_of(sent.text)
    desk.speak()
    assert "Automation is paused nowhere." in text_of(bob.get("/automation").text)
    undone = bob.post("/undo", data=hidden(bob.get("/undo").text))
    assert undone.status_code == 303
    desk.speak()
    assert "action:create_task" in text_of(bob.get("/automation").text)


def test_messages_are_a_ledger_that_can_be_filtered(desk: DeskConsole) -> None:
    """Ours with what became of them; the page of one shows its text as it would go out."""
    bob = desk.host.client("bob")
    everything = text_of(bob.get("/messages").text)
    assert "email" in everything
    assert "The filter hides everything." in text_of(bob.get("/messages", params={"channel": "sms"}).text)
    assert "The filter hides everything." in text_of(bob.get("/messages", params={"whose": "others"}).text)
    assert "T1" in text_of(bob.get("/messages", params={"order": "T1"}).text)
    (message,) = found(desk, action="notify_customer", order_id="T1")
    assert "Hello" in text_of(bob.get(f"/actions/{message.action_id}").text)


def test_every_word_that_is_looked_up_by_name_has_its_german() -> None:
    """Templates look up names of states, actions, labels and so on; a new one is added to the list."""
    needed = {name.replace("_", " ") for name in (*ACTIONS, *WAITED_FOR, OTHER, *LABELS, *TOPICS, *CHANNELS)}
    assert needed - set(WORDS) == set()
    for name, fields in FIELDS.items():
        assert set(ACTIONS[name].needs) <= {field.name for field in fields if field.needed}
    assert [name for name, spec in ACTIONS.items() if spec.needs and name not in FIELDS] == []
