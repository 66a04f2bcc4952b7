"""Decisions about cases in the console, over a real engine: what each does, who may, what is refused, what is undone."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dataflows.console.access import PersonScope
from dataflows.console.deciding.verbs import VERBS
from schemas.roles import may_decide
from sinks.cases.tables import audit, cases, exceptions, notes
from tests.support.console import PEOPLE
from tests.support.desk_console import START, DeskConsole, decide, desk_console, hidden, late, text_of

FIELDS: dict[str, dict[str, str]] = {
    "acknowledge": {},
    "take": {},
    "assign": {"assignee": "bob", "team": "OPS"},
    "snooze": {"snooze": "4h"},
    "wait": {"on": "carrier"},
    "label": {"label": "noise"},
    "note": {"note": "called them"},
    "resolve": {"outcome": "refunded"},
    "reopen": {},
}
"""Of each decision about a case the fields of its form."""


@pytest.fixture
def desk(tmp_path: Path) -> Generator[DeskConsole]:
    """Four orders that are late, and the people of the demo."""
    with desk_console(tmp_path, [late(f"O-{number}") for number in range(1, 5)]) as made:
        yield made


def shipped_late(desk: DeskConsole) -> list[str]:
    """The exceptions that say so, as forms name them: one for each order."""
    chosen = select(exceptions.c.exception_id, exceptions.c.sequence).where(exceptions.c.kind == "fulfilment.ship_overdue")
    return [f"{id_}:{sequence}" for id_, sequence in desk.rows(chosen.order_by(exceptions.c.order_id))]


def case(desk: DeskConsole, named: str) -> Any:
    """A case as the store has it."""
    (found,) = desk.rows(select(cases).where(cases.c.exception_id == named.partition(":")[0]))
    return found


def test_a_decision_is_taken_in_at_once_and_shows_its_effect_once_the_engine_has_spoken(desk: DeskConsole) -> None:
    """The page that says so can be opened again; it asks for itself until the engine has spoken, and no longer."""
    anna, (first, *_) = desk.host.client("anna"), shipped_late(desk)
    form = anna.get("/decide", params={"do": "acknowledge", "x": first, "back": "/messages"})
    assert "Its acknowledge clock stops." in text_of(form.text)
    assert "as if nobody had taken it up" in text_of(form.text)
    sent = anna.post("/decide", data={**hidden(form.text), "step": "send", "note": "on it"})
    assert sent.status_code == 303
    taken = anna.get(sent.headers["location"])
    assert "Taken in. It stands in the log; the engine has not spoken yet." in text_of(taken.text)
    assert 'hx-trigger="load delay:300ms"' in taken.text
    desk.host.clock.move(timedelta(seconds=20))
    assert "The engine has not spoken for 20 seconds." in text_of(anna.get(sent.headers["location"]).text)
    desk.speak()
    spoken = anna.get(sent.headers["location"], headers={"HX-Request": "true"})
    assert "Done. It is acknowledged now." in text_of(spoken.text)
    assert "hx-trigger" not in spoken.text
    assert '<a class="button primary" href="/messages">' in anna.get(sent.headers["location"]).text
    (written,) = desk.written.all()
    assert (written["source"], written["data"]["by"], written["data"]["by_roles"]) == ("/orderwatch/console", "user:anna", ["operator"])
    assert "on it" not in str(written)
    assert [row.text for row in desk.rows(select(notes))] == ["on it"]
    assert [(line["by"], line["outcome"]) for line in desk.audit.lines] == [("user:anna", "accepted")]


def test_a_decision_in_place_is_told_on_the_page_that_asked_for_it(desk: DeskConsole) -> None:
    """One press sends what has no fields; the page hears when the engine has spoken, and one more press undoes it."""
    anna, (first, *_) = desk.host.client("anna", **{"HX-Request": "true"}), shipped_late(desk)
    sent = anna.post("/decide", data={"do": "acknowledge", "x": first, "step": "send", "back": "/exceptions"})
    assert (sent.status_code, sent.headers["HX-Retarget"]) == (200, "#told")
    assert "Taken in." in text_of(sent.text)
    key = re.search(r'data-of="([^"]+)"', sent.text)
    assert key is not None
    early = anna.post("/undo", data={"of": key[1]})
    assert (early.status_code, "HX-Retarget" in early.headers) == (422, False)
    assert "The engine has not spoken about it yet" in text_of(early.text)
    assert "HX-Trigger" not in anna.get(f"/decided/{key[1]}").headers
    desk.speak()
    assert anna.get(f"/decided/{key[1]}").headers["HX-Trigger"] == "orderwatch-spoken"
    assert case(desk, first).state == "acknowledged"
    undone = anna.post("/undo", data={"of": key[1]})
    assert (undone.headers["HX-Retarget"], "data-of" in undone.text) == ("#told", False)
    desk.speak()
    assert (case(desk, first).state, case(desk, first).acknowledged_at) == ("new", None)


def test_a_form_in_place_is_the_same_form_without_its_page(desk: DeskConsole) -> None:
    """What is wrong and what has changed meanwhile comes back into it; nothing is lost that was typed."""
    anna, (first, *_) = desk.host.client("anna", **{"HX-Request": "true"}), shipped_late(desk)
    form = anna.get("/decide", params={"do": "resolve", "x": first})
    assert ("<main" in form.text, "<html" in form.text, 'hx-target="#desk-in"' in form.text) == (False, False, True)
    wrong = anna.post("/decide", data={"do": "wait", "x": first, "step": "send", "note": "they call back"})
    assert (wrong.status_code, "Choose on whom." in text_of(wrong.text), "they call back" in wrong.text) == (422, True, True)
    assert decide(desk.host.client("bob"), "take", x=[first]).status_code == 303
    desk.speak()
    late = anna.post("/decide", data={"do": "acknowledge", "x": first, "step": "send"})
    assert (late.status_code, "HX-Retarget" in late.headers) == (409, False)
    assert "Somebody was quicker" in text_of(late.text)
    assert len(desk.written.all()) == 1


@pytest.mark.parametrize("verb", sorted(FIELDS))
def test_every_decision_about_a_case_does_what_its_form_says(desk: DeskConsole, verb: str) -> None:
    """As the engine takes it, and undone where the form has said that it can be."""
    anna, named = desk.host.client("anna"), shipped_late(desk)[0]
    if verb == "reopen":
        assert decide(anna, "resolve", x=[named]).status_code == 303
        desk.speak()
        named = shipped_late(desk)[0]
    if verb in ("assign", "take"):
        assert decide(desk.host.client("bob"), "take", x=[named]).status_code == 303
        desk.speak()
        named = shipped_late(desk)[0]
    if verb == "label":
        assert decide(anna, "label", x=[named], label="real").status_code == 303
        desk.speak()
        named = shipped_late(desk)[0]
    before = case(desk, named)
    promised = text_of(anna.post("/decide", data={"do": verb, "x": named, "step": "preview", **FIELDS[verb]}).text)
    sent = decide(anna, verb, x=[named], **FIELDS[verb])
    assert sent.status_code == 303, text_of(sent.text)
    desk.speak()
    after = case(desk, named)
    expected = {
        "acknowledge": ("state", "acknowledged"),
        "take": ("assignee", "user:anna"),
        "assign": ("assignee", "user:bob"),
        "snooze": ("until", START + timedelta(hours=4, seconds=1)),
        "wait": ("waiting_on", "carrier"),
        "label": ("label", "noise"),
        "resolve": ("outcome", "refunded"),
        "reopen": ("state", "open"),
        "note": ("note_ref", f"console:anna:-{sent.headers['location'].rpartition('/')[2]}"),
    }
    name, value = expected[verb]
    assert getattr(after, name) == value
    assert "It was refused" not in text_of(anna.get(sent.headers["location"]).text)
    undoing = anna.get("/undo")
    possible = "cannot be undone" not in promised
    assert ("disabled" not in undoing.text) == possible
    undone = anna.post("/undo", data=hidden(undoing.text))
    assert undone.status_code == (303 if possible else 422)
    if possible:
        desk.speak()
        assert "Done." in text_of(anna.get(undone.headers["location"]).text)
        again = case(desk, named)
        kept = {"resolve": "open"}.get(verb, before.state)
        assert (again.state, again.assignee, again.label) == (kept, before.assignee, before.label)
        assert (again.acknowledged_at, again.reopenings) == (before.acknowledged_at, before.reopenings + (verb in ("resolve", "reopen")))
        assert anna.get("/undo").status_code in (200, 400)
        assert "It was undone." in text_of(anna.get(sent.headers["location"]).text)


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_who_decides_what_is_the_same_table_as_everywhere(desk: DeskConsole, name: str) -> None:
    """A role that may not see the form cannot send it either; nothing is written."""
    client, (first, *_) = desk.host.client(name), shipped_late(desk)
    for verb in VERBS.values():
        if verb.about not in ("case", "automation"):
            continue
        allowed = may_decide([PEOPLE[name]], verb.type)
        about = {"x": first} if verb.about == "case" else {}
        fields = {"do": verb.name, **about, **FIELDS.get(verb.name, {})}
        assert client.get("/decide", params=fields).status_code == (200 if allowed else 403), verb.name
        if not allowed:
            assert client.post("/decide", data={**fields, "step": "send"}).status_code == 403
    assert desk.written.all() == []


def test_a_stale_form_is_refused_with_what_changed_and_keeps_what_was_typed(desk: DeskConsole) -> None:
    """What is sent after that is about what is shown now."""
    anna, bob, (first, *_) = desk.host.client("anna"), desk.host.client("bob"), shipped_late(desk)
    opened = anna.get("/decide", params={"do": "resolve", "x": first})
    assert decide(bob, "take", x=[first]).status_code == 303
    typed = {**hidden(opened.text), "step": "send", "outcome": "delivered", "note": "the carrier says so"}
    at_once = anna.post("/decide", data=typed)
    assert (at_once.status_code, "user:bob has just decided about it" in text_of(at_once.text)) == (409, True)
    desk.speak()
    later = anna.post("/decide", data=typed)
    assert later.status_code == 409
    assert "Somebody was quicker" in text_of(later.text)
    assert re.search(r"What has changed since you read it .*assigned, with bob · by bob", text_of(later.text))
    assert "the carrier says so" in later.text
    assert 'value="delivered"' in later.text
    again = anna.post("/decide", data={**typed, **hidden(later.text)})
    assert again.status_code == 303
    desk.speak()
    assert case(desk, first).outcome == "delivered"


def test_a_form_that_is_sent_twice_counts_once(desk: DeskConsole) -> None:
    """Also where the first answer was lost before anything was kept: the engine drops what repeats."""
    anna, (first, *_) = desk.host.client("anna"), shipped_late(desk)
    opened = anna.get("/decide", params={"do": "note", "x": first})
    data = {**hidden(opened.text), "step": "send", "note": "once"}
    answers = [anna.post("/decide", data=data) for _ in range(3)]
    assert {(one.status_code, one.headers["location"]) for one in answers} == {(303, answers[0].headers["location"])}
    assert len(desk.written.all()) == 1
    desk.written.broken = True
    opened = anna.get("/decide", params={"do": "acknowledge", "x": first})
    lost = anna.post("/decide", data={**hidden(opened.text), "step": "send", "note": "kept"})
    assert (lost.status_code, "kept" in lost.text, "counts once" in text_of(lost.text)) == (503, True, True)
    desk.written.broken = False
    assert anna.post("/decide", data={**hidden(lost.text), "step": "send", "note": "kept"}).status_code == 303
    desk.speak()
    assert len(desk.rows(select(audit).where(audit.c.type == "case.acknowledged"))) == 1


def test_what_nobody_offers_is_refused(desk: DeskConsole) -> None:
    """Fields that a form does not have change nothing; wrong ones are said beside the field; nothing is written."""
    anna, (first, *_) = desk.host.client("anna"), shipped_late(desk)
    forged = {"by": "user:ada", "by_roles": "admin", "type": "policy.activated", "tenant": "other", "subject": "O-9"}
    wrong: list[tuple[str, dict[str, str], str]] = [
        ("assign", {"assignee": "nobody"}, "There is nobody of this name"),
        ("assign", {"assignee": "vera"}, "There is nobody of this name"),
        ("assign", {}, "Choose a person or a team."),
        ("assign", {"team": "OSP"}, "There is no team of this name"),
        ("snooze", {"snooze": "for ever"}, "Choose how long."),
        ("snooze", {"snooze": "until", "until": "2026-05-27T09:00"}, "That has passed."),
        ("snooze", {"snooze": "until", "until": "tomorrow"}, "Write day and time."),
        ("wait", {"on": "godot"}, "Choose on whom."),
        ("label", {"label": "mine"}, "Choose a label."),
        ("note", {"note": "  "}, "Write something."),
        ("resolve", {"outcome": "x" * 201}, "At most 200 characters."),
    ]
    for verb, fields, said in wrong:
        answer = decide(anna, verb, x=[first], **fields)
        assert (answer.status_code, said in text_of(answer.text)) == (422, True), (verb, fields)
    for about in ("00000000-0000-0000-0000-000000000000:1", "../../etc", "x"):
        assert anna.post("/decide", data={"do": "acknowledge", "x": about, "step": "send"}).status_code in (400, 404)
    assert anna.get("/decide", params={"do": "forget", "x": first}).status_code == 404
    assert anna.post("/decide", data={"do": "acknowledge", "x": first, "key": "mine", "step": "send"}).status_code == 400
    assert desk.written.all() == []
    assert decide(anna, "acknowledge", x=[first], **forged).status_code == 303
    (written,) = desk.written.all()
    assert (written["type"], written["tenant"], written["data"]["by"], written["subject"]) == (
        "case.acknowledged",
        "default",
        "user:anna",
        "O-1",
    )


def test_what_may_not_be_seen_cannot_be_decided(desk: DeskConsole) -> None:
    """By team and by site: it is answered as what is not there, also by the intake itself."""
    (first, *_) = shipped_late(desk)
    owner = desk.rows(select(exceptions.c.team).where(exceptions.c.exception_id == first.partition(":")[0]))[0].team
    desk.host.add("tina", "operator", scope=PersonScope(teams=("elsewhere",)))
    desk.host.add("theo", "operator", scope=PersonScope(teams=(owner,)))
    desk.host.add("sam", "operator", scope=PersonScope(sites=("ams1",)))
    desk.host.add("max", "operator", scope=PersonScope(tenants=("acme",)))
    for name in ("tina", "sam", "max"):
        client = desk.host.client(name)
        assert client.get("/decide", params={"do": "acknowledge", "x": first}).status_code == 404
        assert client.post("/decide", data={"do": "acknowledge", "x": first, "step": "send"}).status_code == 404
    assert desk.host.client("tina").get("/decide", params={"do": "pause"}).status_code == 200
    refused = decide(desk.host.client("tina"), "pause", scope="all", note="too much")
    assert (refused.status_code, "reaches beyond the teams and sites" in text_of(refused.text)) == (422, True)
    assert desk.written.all() == []
    assert decide(desk.host.client("theo"), "acknowledge", x=[first]).status_code == 303


def test_many_are_decided_at_once_with_a_result_for_each(desk: DeskConsole) -> None:
    """Two of four were decided otherwise meanwhile: those are refused, and the rest is done."""
    anna, bob, named = desk.host.client("anna"), desk.host.client("bob"), shipped_late(desk)
    for one in named[:2]:
        assert decide(bob, "resolve", x=[one]).status_code == 303
    desk.speak()
    sent = decide(anna, "snooze", x=[*named, "00000000-0000-0000-0000-000000000000:1"], snooze="1h", note="a strike")
    assert sent.status_code == 303
    page = text_of(anna.get(sent.headers["location"]).text)
    assert "2 were refused" in page
    assert "2 are taken in" in page
    desk.speak()
    page = text_of(anna.get(sent.headers["location"]).text)
    assert "2 of 4 are decided." in page
    assert (page.count("snoozed"), page.count("it stands at sequence")) == (2, 2)
    assert [case(desk, one).state for one in named] == ["resolved", "resolved", "snoozed", "snoozed"]
    undoing = anna.get("/undo")
    assert text_of(undoing.text).count("stays") >= 2
    assert anna.post("/undo", data=hidden(undoing.text)).status_code == 303
    desk.speak()
    assert [case(desk, one).state for one in named] == ["resolved", "resolved", "new", "new"]


def test_sending_many_that_was_interrupted_goes_on_with_the_same_words(desk: DeskConsole) -> None:
    """Nothing is lost and nothing counts twice; once all is sent, no text of a person is kept."""
    anna, named = desk.host.client("anna"), shipped_late(desk)
    desk.written.broken = True
    sent = decide(anna, "note", x=named, note="a strike")
    page = anna.get(sent.headers["location"])
    assert "Sending was interrupted" in text_of(page.text)
    assert "4 are not sent yet" in text_of(page.text)
    desk.written.broken = False
    assert anna.post(sent.headers["location"]).status_code == 303
    desk.speak()
    assert "4 of 4 are decided." in text_of(anna.get(sent.headers["location"]).text)
    assert [row.text for row in desk.rows(select(notes))] == ["a strike"] * 4
    with desk.host.parts.own.connect() as connection:
        assert "a strike" not in str(connection.exec_driver_sql("SELECT * FROM outcomes").all())


def test_an_outcome_is_its_persons_own_and_goes_after_an_hour(desk: DeskConsole) -> None:
    """Whoever else has the link finds nothing."""
    anna, (first, *_) = desk.host.client("anna"), shipped_late(desk)
    sent = decide(anna, "acknowledge", x=[first])
    assert desk.host.client("ada").get(sent.headers["location"]).status_code == 404
    assert anna.get(sent.headers["location"]).status_code == 200
    desk.host.clock.move(timedelta(minutes=61))
    assert desk.host.client("anna").get(sent.headers["location"]).status_code == 404
    assert desk.host.client("anna").get("/undo").status_code == 400


def test_nobody_undoes_what_somebody_else_has_decided_since(desk: DeskConsole) -> None:
    """It says who and what."""
    anna, bob, (first, *_) = desk.host.client("anna"), desk.host.client("bob"), shipped_late(desk)
    assert decide(anna, "snooze", x=[first], snooze="4h").status_code == 303
    desk.speak()
    assert decide(bob, "wait", x=[shipped_late(desk)[0]], on="customer").status_code == 303
    desk.speak()
    undoing = anna.get("/undo")
    assert "bob has decided about it since" in text_of(undoing.text)
    assert anna.post("/undo", data=hidden(undoing.text)).status_code == 422
    assert case(desk, first).state == "waiting"
