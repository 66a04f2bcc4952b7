"""Messages to one order's customer: what is said once, what is taken back, and what waits (S21, S55)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from dataflows.core.rules.load import load_policy
from tests.support.engine import records_of, run
from tests.support.logs import DAY, HOUR, T0, iso

if TYPE_CHECKING:
    from dataflows.core.policy import Policy

Line = dict[str, Any]
OVERDUE, SLIP = "shipment.delivery_overdue", "shipment.eta_slip"
"""Kinds whose first step tells the customer."""
LATE = T0 + 36 * HOUR
"""22:00 in Amsterdam on the day after the placing: the promise of the first test order ends two hours later."""


def event(type_: str, at: int, **data: object) -> Line:
    """An event of the order."""
    return {"specversion": "1.0", "id": f"{type_} {at}", "source": "/shop", "type": type_, "subject": "A-1", "time": iso(at), "data": data}


def placed(**fields: object) -> Line:
    """The placing of an order that nobody waits to be paid for."""
    data: Line = {
        "total": {"amount": "80.00", "currency": "EUR"},
        "ship_to": {"country": "NL"},
        "customer": {"id": "c1", "consents": ["email"]},
        "promised_by": "2026-04-21",
        "payment_terms": "external",
    }
    return event("order.placed", T0, **(data | fields))


def moved(at: int, day: str) -> Line:
    """The promise is another from then on."""
    return event("order.updated", at, promised_by=day)


def slip(at: int, eta: str) -> Line:
    """A carrier says when it comes."""
    return event("carrier.scan", at, status="in_transit", tracking_number="T1", carrier="ups", eta=eta)


def shipped(at: int) -> Line:
    """It left."""
    return event("warehouse.shipped", at, tracking_number="T1", carrier="ups")


def delivered(at: int) -> Line:
    """It came."""
    return event("carrier.scan", at, status="delivered", tracking_number="T1", carrier="ups")


def sent(at: int, **data: object) -> Line:
    """Somebody else told the customer."""
    return event("message.sent", at, **({"channel": "email", "topic": "delay"} | data))


class Story:
    """What became of the messages of an order: every event of every action that tells a customer something, and the exceptions."""

    def __init__(self, *lines: Line, policy: Policy | None = None, until: int = T0 + 20 * DAY) -> None:
        outs = run(records_of(sorted(lines, key=lambda line: str(line["time"]))), policy or load_policy(None), until)
        self.actions: list[Line] = []
        self.exceptions: list[Line] = []
        for out in outs:
            if out.topic in ("actions", "exceptions"):
                data = orjson.loads(out.body)["data"]
                if out.topic == "exceptions":
                    self.exceptions.append(data | {"log": out.log})
                elif data.get("message") is not None:
                    self.actions.append(data | {"log": out.log})

    def of(self, kind: str) -> list[tuple[str, str | None, list[str]]]:
        """State, date and guardrails of what was said of a kind's messages, in order."""
        return [
            (data["state"], data["parameters"]["promised_by"], [each["name"] for each in data["guardrails"]])
            for data in self.actions
            if data["parameters"].get("kind") == kind
        ]

    def last(self, kind: str) -> Line:
        """The last that was said of an exception."""
        return [data for data in self.exceptions if data["kind"] == kind][-1]


def test_what_another_exception_of_its_instant_suppresses_tells_nobody_anything() -> None:
    """A promise that is moved into the past makes a slip of an estimate, and is broken at that very instant: one message."""
    at = T0 + 3 * DAY
    story = Story(
        *(placed(promised_by="2026-04-28"), shipped(T0 + HOUR), slip(T0 + 2 * HOUR, "2026-04-26T10:00:00Z"), moved(at, "2026-04-21")),
        until=at + HOUR,
    )
    assert [(data["status"], data["log"]) for data in story.exceptions if data["kind"] == SLIP] == [("open", at), ("suppressed", at)]
    assert story.of(SLIP) == []
    assert story.of(OVERDUE) == [("requested", None, [])]


def written(tmp_path: Path, text: str) -> Policy:
    """The policy of a text."""
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def test_a_message_names_the_promise_that_lies_ahead_and_says_by_which_channel() -> None:
    """Of one that has passed it says nothing."""
    story = Story(placed(promised_by="2026-04-28"), shipped(T0 + HOUR), slip(T0 + 2 * HOUR, "2026-05-02T10:00:00Z"), until=T0 + 3 * HOUR)
    assert story.of(SLIP) == [("requested", "2026-04-28", [])]
    assert story.actions[0]["message"] == {"topic": "delay", "channel": "email", "language": "en", "promised_by": "2026-04-28"}
    story = Story(placed())
    assert story.of(OVERDUE) == [("proposed", None, ["quiet_hours"]), ("requested", None, ["quiet_hours"])]
    assert story.actions[0]["held_until"] == "2026-04-22T06:00:00Z" == iso(story.actions[1]["log"])


def test_a_held_message_is_withdrawn_when_its_reason_goes() -> None:
    """The condition ended in the night: nobody is told in the morning."""
    story = Story(placed(), shipped(T0 + HOUR), delivered(T0 + 39 * HOUR))
    assert [state for state, _, _ in story.of(OVERDUE)] == ["proposed", "withdrawn"]


def test_what_was_requested_and_not_begun_is_withdrawn_after_the_resolution() -> None:
    """None after resolution."""
    story = Story(placed(), shipped(T0 + HOUR), delivered(T0 + 50 * HOUR))
    assert [state for state, _, _ in story.of(OVERDUE)] == ["proposed", "requested", "withdrawn"]


def test_nobody_is_told_twice() -> None:
    """What the shop told already is not told again; what it told of something else is no reason (M11)."""
    story = Story(placed(), sent(T0 + 39 * HOUR))
    assert story.of(OVERDUE)[-1][0] == "withdrawn"
    assert "duplicate_message" in story.of(OVERDUE)[-1][2]
    assert "by /shop" in story.actions[-1]["reason"]
    story = Story(placed(), sent(T0 + 39 * HOUR, topic="Welcome"))
    assert story.of(OVERDUE)[-1][0] == "requested"
    before = Story(placed(), sent(T0 + 2 * HOUR))
    assert before.of(OVERDUE)[-1][0] == "requested"


def test_what_was_told_before_a_rule_fires_is_proposed_and_withdrawn_at_once() -> None:
    """So that it can be seen that nobody was told, and why."""
    slipped = (shipped(T0 + HOUR), slip(T0 + 3 * HOUR, "2026-05-02T10:00:00Z"))
    story = Story(placed(promised_by="2026-04-28"), sent(T0 + 2 * HOUR, promised_by="2026-04-28"), *slipped, until=T0 + 4 * HOUR)
    assert story.of(SLIP) == [("proposed", "2026-04-28", ["duplicate_message"]), ("withdrawn", "2026-04-28", ["duplicate_message"])]


def test_a_moved_promise_changes_what_a_held_message_says() -> None:
    """The old one is taken back, and the new one goes out when the quiet hours end, with the date that is true then."""
    night = T0 + 12 * HOUR
    lines = (placed(promised_by="2026-04-28"), shipped(T0 + HOUR), slip(night, "2026-05-09T10:00:00Z"))
    story = Story(*lines, moved(night + HOUR, "2026-04-30"), until=T0 + DAY)
    said = story.of(SLIP)
    assert [(state, day) for state, day, _ in said] == [
        ("proposed", "2026-04-28"),
        ("withdrawn", "2026-04-28"),
        ("proposed", "2026-04-30"),
        ("requested", "2026-04-30"),
    ]
    assert said[1][2] == ["quiet_hours", "message_changed"]
    assert len({data["action_id"] for data in story.actions}) == 2
    assert len({data["payload_hash"] for data in story.actions}) == 2


def test_a_customer_who_was_given_another_date_is_not_given_a_second_one() -> None:
    """It waits visibly; once the promise is moved to what was told, there is nothing more to say."""
    lines = (placed(promised_by="2026-04-28"), shipped(T0 + HOUR), sent(T0 + 2 * HOUR, promised_by="2026-05-01"))
    slipped = slip(T0 + 3 * HOUR, "2026-05-09T10:00:00Z")
    story = Story(*lines, slipped, until=T0 + 4 * HOUR)
    assert story.of(SLIP) == [("blocked", "2026-04-28", ["contradicting_message"])]
    assert "/shop told the customer 2026-05-01" in story.actions[0]["guardrails"][0]["reason"]
    story = Story(*lines, slipped, moved(T0 + 4 * HOUR, "2026-05-01"), until=T0 + 5 * HOUR)
    assert [state for state, _, _ in story.of(SLIP)] == ["blocked", "withdrawn"]
    assert story.of(SLIP)[-1][2][-1] == "duplicate_message"
    story = Story(*lines, slipped, moved(T0 + 4 * HOUR, "2026-05-03"), until=T0 + 5 * HOUR)
    assert story.of(SLIP)[-1][:2] == ("requested", "2026-05-03"), "a promise that is moved later is a correction"


def test_a_customer_who_agreed_to_no_channel_is_not_written_to() -> None:
    """Another person, or another way, must be found; where nothing is stated about it, the first channel is taken."""
    story = Story(placed(customer={"id": "c1", "consents": []}))
    assert story.of(OVERDUE) == [("blocked", None, ["no_consent"])]
    assert story.actions[0]["message"]["channel"] is None
    assert [each["name"] for each in story.last(OVERDUE)["guardrails"]] == ["no_consent"]
    story = Story(placed(customer={"id": "c1", "consents": ["SMS"]}))
    assert (story.of(OVERDUE)[-1][0], story.actions[-1]["message"]["channel"]) == ("requested", "sms")
    story = Story(placed(customer={"id": "c1"}))
    assert (story.of(OVERDUE)[-1][0], story.actions[-1]["message"]["channel"]) == ("requested", "email")
    agreed = event("order.updated", T0 + 50 * HOUR, customer={"consents": ["email"]})
    story = Story(placed(customer={"id": "c1", "consents": []}), agreed)
    assert [state for state, _, _ in story.of(OVERDUE)] == ["blocked", "withdrawn", "requested"]


def test_a_policy_may_demand_consent_or_not_ask_for_it(tmp_path: Path) -> None:
    """And has channels and languages of its own, by the country of the destination."""
    required = written(tmp_path, "messages: {consent: required}")
    assert Story(placed(customer={"id": "c1"}), policy=required).of(OVERDUE) == [("blocked", None, ["no_consent"])]
    off = written(tmp_path, "messages: {consent: 'off', channels: [push, email], languages: {NL: nl, '*': de}}")
    story = Story(placed(customer={"id": "c1", "consents": []}), policy=off)
    assert story.of(OVERDUE)[-1][0] == "requested"
    assert story.actions[-1]["message"] == {"topic": "delay", "channel": "push", "language": "nl", "promised_by": None}


def test_an_exception_says_what_the_customer_was_last_told() -> None:
    """By others as they say it, of each topic the last; it is said anew when that changes."""
    story = Story(placed(), sent(T0 + HOUR, topic="Welcome"), sent(T0 + 60 * HOUR, promised_by="2026-04-25", channel="sms"))
    first = next(data for data in story.exceptions if data["kind"] == OVERDUE)
    assert [each["topic"] for each in first["messages"]] == ["Welcome"]
    last = story.last(OVERDUE)
    assert last["log"] == T0 + 60 * HOUR
    assert last["sequence"] == first["sequence"] + 1 or last["sequence"] > first["sequence"]
    assert last["messages"][0] == {
        "topic": "delay",
        "channel": "sms",
        "promised_by": "2026-04-25",
        "sent_at": iso(T0 + 60 * HOUR),
        "by": "/shop",
        "exception_id": None,
        "action_id": None,
    }


def decision(type_: str, at: int, **data: object) -> Line:
    """A decision about an action."""
    return {**event(type_, at, **data), "source": "/desk"}


def test_what_we_told_stands_in_the_ledger_and_is_not_told_again() -> None:
    """By the word of what carries it out; a second exception about the same is then a duplicate."""
    id_ = Story(placed()).actions[0]["action_id"]
    told = decision("action.executed", T0 + 60 * HOUR, action_id=id_, attempt=1)
    story = Story(placed(), told)
    assert [data["state"] for data in story.actions] == ["proposed", "requested", "executed"]
    entry = story.last(OVERDUE)["messages"][0]
    assert (entry["topic"], entry["channel"], entry["by"], entry["action_id"]) == ("delay", "email", "/orderwatch", id_)
    assert entry["sent_at"] == iso(T0 + 60 * HOUR)
    again = (shipped(T0 + 61 * HOUR), slip(T0 + 62 * HOUR, "2026-05-09T10:00:00Z"))
    story = Story(placed(), told, *again)
    others = [data for data in story.actions if data["parameters"].get("kind") != OVERDUE]
    assert all(data["state"] in ("proposed", "withdrawn") for data in others)


def test_a_customer_gets_no_more_messages_than_the_cap_allows(tmp_path: Path) -> None:
    """Those of others count; what is over waits until the span has room."""
    policy = written(tmp_path, "messages: {cap: {most: 1, within: 2 d}}\nactions: {quiet_hours: 'off'}")
    story = Story(placed(), sent(T0 + 20 * HOUR, topic="Welcome"), policy=policy)
    assert story.of(OVERDUE) == [("proposed", None, ["frequency_cap"]), ("requested", None, ["frequency_cap"])]
    assert story.actions[-1]["log"] == T0 + 68 * HOUR
    assert story.actions[0]["held_until"] == iso(T0 + 68 * HOUR)


def initiated(at: int, **parameters: object) -> Line:
    """A person asks for a message."""
    return decision("action.initiated", at, action="notify_customer", by="user:anna", parameters=parameters)


def test_what_a_person_asks_for_is_judged_as_well() -> None:
    """A date that is not the order's is refused; what is right waits for another person, and not in the night."""
    story = Story(placed(promised_by="2026-04-28"), initiated(T0 + HOUR, topic="delay", promised_by="2026-05-09"), until=T0 + 2 * HOUR)
    assert [(data["state"], [each["name"] for each in data["guardrails"]]) for data in story.actions] == [
        ("withdrawn", ["contradicting_message"])
    ]
    assert "promised by 2026-04-28" in story.actions[0]["reason"]
    said = sent(T0 + 2 * HOUR, topic="payment")
    story = Story(placed(), said, initiated(T0 + 3 * HOUR, topic="payment"), until=T0 + 4 * HOUR)
    assert [(data["state"], [each["name"] for each in data["guardrails"]]) for data in story.actions] == [
        ("withdrawn", ["duplicate_message"])
    ]
    story = Story(placed(), initiated(T0 + 3 * HOUR, topic="payment"), until=T0 + 4 * HOUR)
    assert story.actions == [], "it is said as any action that a person asks for, and waits for another one"


def test_a_person_agrees_in_the_night_and_the_message_goes_out_in_the_morning() -> None:
    """Quiet hours are asked when it would go out, not when it was asked for."""
    asked = initiated(T0 + 3 * HOUR, topic="payment")
    story = Story(placed(), asked, sent(T0 + 4 * HOUR, topic="payment"), until=T0 + 5 * HOUR)
    (withdrawn,) = story.actions
    assert (withdrawn["state"], withdrawn["message"]["topic"]) == ("withdrawn", "payment")
    agreed = {"action_id": withdrawn["action_id"], "payload_hash": withdrawn["payload_hash"], "by": "user:ben", "by_roles": ["approver"]}
    story = Story(placed(), asked, decision("action.approved", T0 + 14 * HOUR, **agreed), until=T0 + 30 * HOUR)
    assert [(data["state"], data["held_until"]) for data in story.actions] == [("proposed", "2026-04-21T06:00:00Z"), ("requested", None)]
    late = decision("action.approved", T0 + 14 * HOUR, **agreed)
    story = Story(placed(), asked, late, sent(T0 + 15 * HOUR, topic="payment"), until=T0 + 30 * HOUR)
    assert [data["state"] for data in story.actions] == ["proposed", "withdrawn"], "somebody else said it in the night"
