"""Rejects in the console: masked, shown whole to whoever is noted, mended and sent again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import insert

from dataflows.console.access import PersonScope
from dataflows.console.govern.masking import masked
from schemas.instants import SECOND
from schemas.values import from_micros
from sinks.cases.hashes import digest
from sinks.cases.tables import erasures
from sinks.decisions import UnwrittenError
from tests.support.console import ConsoleHost, console
from tests.support.desk_console import text_of
from tests.support.governed import PARTITION, SentRecords, reject, rejected, scan
from tests.support.stores import START

PLACE = f"/rejects/{PARTITION}/0"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ConsoleHost]:
    """A console over an empty store, with one reject."""
    with console(tmp_path, orders=None) as made:
        reject(made, rejected(scan()))
        yield made


def test_a_list_says_why_and_where_and_nothing_of_a_customer(host: ConsoleHost) -> None:
    """By reason, source and topic; a filter that is not known is said and ignored."""
    reject(host, rejected(b"not json", "not_json"), rejected(scan(id="s2", source="/carrier/dhl"), "bad_time"))
    browser = host.client("vera")
    page = text_of(browser.get("/rejects").text)
    assert [reason in page for reason in ("unknown status", "not json", "bad time")] == [True] * 3
    assert "Mustermann" not in page
    assert "not json" not in text_of(browser.get("/rejects?reason=bad_time").text).partition("Show")[2]
    assert "The filter hides everything." in browser.get("/rejects?source=/nobody").text
    answer = browser.get("/rejects?colour=red")
    assert (answer.status_code, "ignored: colour" in text_of(answer.text)) == (200, True)
    assert browser.get("/rejects?after=x").status_code == 400


def test_a_record_is_masked_until_somebody_who_decides_asks_for_it_and_that_is_noted(host: ConsoleHost) -> None:
    """A viewer never sees all of it."""
    page = host.client("vera").get(PLACE).text
    assert "Aaaaa Aaaaaaaaaa" in page
    assert "Mustermann" not in page
    assert "delivred" in page
    assert "Show all of it" not in page
    assert host.client("vera").post(f"{PLACE}/whole").status_code == 403
    answer = host.client("anna").post(f"{PLACE}/whole")
    assert "Erika Mustermann" in answer.text
    assert "textarea" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    seen = text_of(host.client("ada").get("/audit/console?what=read").text)
    assert f"anna read {PARTITION}/0" in seen


def test_an_edited_record_is_checked_and_sent_as_a_new_event(host: ConsoleHost) -> None:
    """What is wrong is named; what is right goes where events come in, and who sent it is known."""
    sent = SentRecords(host)
    browser = host.client("ada")
    page = text_of(browser.post(f"{PLACE}/whole").text)
    assert "data.status" in page
    assert "Did you mean delivered?" in page
    still = browser.post(f"{PLACE}/mend", data={"text": '{"type": "carrier.scn"}', "do": "send"})
    assert (still.status_code, "Did you mean carrier.scan?" in still.text) == (400, True)
    mended = orjson.dumps(scan(data={"tracking_number": "JJD0123456", "carier": "ups", "status": "delivered"})).decode()
    checked = browser.post(f"{PLACE}/mend", data={"text": mended, "do": "check"})
    assert "warning data.carier : no field of this type: it is ignored Did you mean carrier?" in text_of(checked.text)
    assert sent.events == []
    answer = browser.post(f"{PLACE}/mend", data={"text": mended, "do": "send"})
    assert answer.status_code == 303
    assert [event["data"]["status"] for event in sent.events] == ["delivered"]
    page = text_of(browser.get(PLACE).text)
    assert "It was sent again by ada" in page
    assert "No further rejection of it is known." in page
    assert "sent again ada" in text_of(browser.get("/rejects").text)
    reject(host, rejected(scan(), "bad_value"))
    assert "That was rejected, too: bad value" in text_of(browser.get(PLACE).text)


def test_operators_mend_nothing(host: ConsoleHost) -> None:
    """They may see; administrators send."""
    for name in ("vera", "anna", "bob", "pia"):
        assert host.client(name).post(f"{PLACE}/mend", data={"text": "{}", "do": "send"}).status_code == 403
        assert host.client(name).post("/rejects/replay", data={"all": "1"}).status_code == 403


def test_many_are_sent_again_as_they_are(host: ConsoleHost) -> None:
    """As after a change of the policy: what has no mistake now; the rest stays, counted by reason; a second time nothing is sent."""
    good = scan(id="s9", data={"tracking_number": "1Z", "carrier": "ups", "status": "delivered"})
    decision = {**scan(id="d1"), "type": "case.acknowledged", "data": {"exception_id": "e", "by": "user:x"}}
    reject(host, rejected(good, "identity_unresolved"), rejected(decision, "stale", "embedded.order-decisions"))
    sent = SentRecords(host)
    browser = host.client("ada")
    page = text_of(browser.post("/rejects/replay", data={"all": "1"}).text)
    assert "1 record was sent as a new event." in page
    assert "unknown status 1" in page
    assert "a decision: it is made anew 1" in page
    assert [event["id"] for event in sent.events] == ["s9"]
    page = text_of(browser.post("/rejects/replay", data={"x": [f"{PARTITION}/1", "nonsense", f"{PARTITION}/77"]}).text)
    assert "sent again before 1" in page
    assert len(sent.events) == 1
    assert browser.post("/rejects/replay", data={}).status_code == 400


def test_a_gateway_that_does_not_answer_is_said_and_nothing_is_noted(host: ConsoleHost) -> None:
    """The text is not lost."""
    sent = SentRecords(host)
    sent.problem = UnwrittenError("the gateway cannot be reached")
    good = '{"specversion":"1.0","id":"a","source":"/s","type":"feed.heartbeat","time":"2026-05-20T10:00:00Z"}'
    answer = host.client("ada").post(f"{PLACE}/mend", data={"text": good, "do": "send"})
    assert (answer.status_code, "the gateway cannot be reached" in answer.text, "feed.heartbeat" in answer.text) == (400, True, True)
    assert "sent again" not in text_of(host.client("ada").get(PLACE).text)


def test_what_an_order_that_was_erased_had_sent_is_not_shown(host: ConsoleHost) -> None:
    """Wherever it still stands."""
    with host.parts.store.begin() as connection:
        gone = {"subject": "order", "hash": digest("default", "SO-7"), "at": from_micros(START + SECOND)}
        connection.execute(insert(erasures).values(**gone))
    page = host.client("ada").post(f"{PLACE}/whole").text
    assert "an order that was erased" in page
    assert "Mustermann" not in page


def test_a_scope_leaves_out_what_is_not_in_it(host: ConsoleHost) -> None:
    """By tenant; who sees single teams or sites sees no rejects, which have neither."""
    host.add("otto", "operator", scope=PersonScope(("acme",)))
    host.add("tim", "operator", scope=PersonScope(teams=("WH",)))
    for name in ("otto", "tim"):
        assert "unknown status" not in text_of(host.client(name).get("/rejects").text)
        assert host.client(name).get(PLACE).status_code == 404
    assert host.client("anna").get("/rejects/elsewhere/0").status_code == 404
    assert host.client("anna").get(f"{PLACE}{10**20}").status_code == 404


def test_masking_shows_the_form_and_hides_the_words() -> None:
    """Of fields that the contract does not know nothing is shown, of those it knows what looks like a code."""
    text = masked(
        b'{"type":"order.placed","data":{"customer":{"id":"c-1","email":"a@b.example"},"x":"Hallo Erika","n":4711,"total":{"amount":"9"}}}'
    )
    assert '"id": "c-1"' in text
    assert '"amount": "9"' in text
    for hidden in ("example", "Erika", "Hallo", "4711"):
        assert hidden not in text
    assert masked(b"Erika 12") == "Aaaaa 00"
