"""The page of an exception and the page of an order: what stands on them, for whom, and from where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import orjson
import pytest
from sqlalchemy import Engine, insert, select, update
from starlette.testclient import TestClient

from dataflows.console.access import PersonScope
from dataflows.console.pages.facts import exception_facts
from dataflows.console.pages.life import life
from dataflows.console.pages.opening import PAGES, PageParts
from dataflows.console.pages.records import ELSEWHERE, EmbeddedRecords, UnreadableRecordError
from dataflows.console.parts import reads
from dataflows.console.text import language
from schemas.instants import SECOND
from schemas.topics import EMBEDDED_EVENTS
from sinks.cases.queries.rows import SaidEvent, values
from sinks.cases.schema import writing
from sinks.cases.tables import audit, evidence, exception_events, exceptions, incident_members, incidents, notes, orders
from sinks.embedded.log import LogEntry, SegmentLog
from tests.support.console import ConsoleHost, console


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleHost]:
    """A console over a world; tests change what only they look at."""
    with console(tmp_path_factory.mktemp("pages")) as made:
        yield made


@pytest.fixture(scope="module")
def anna(host: ConsoleHost) -> TestClient:
    """An operator."""
    return host.client("anna")


def rows(store: Engine, *where: object) -> list[dict[str, object]]:
    """Exceptions of the store."""
    with store.connect() as connection:
        return [values(row) for row in connection.execute(select(exceptions).where(*where).order_by(exceptions.c.exception_id))]  # type: ignore[arg-type]


def one(host: ConsoleHost, *where: object) -> dict[str, object]:
    """The first exception of the simulated world of which that holds."""
    return next(row for row in rows(host.parts.store, *where) if row["placed_at"] is not None)


def test_every_exception_has_a_page_that_tells_all_of_it(host: ConsoleHost, anna: TestClient) -> None:
    """The sentence first, its arithmetic, each event of its history, each piece of evidence, and a mark for each entry of the list."""
    for row in {(each["kind"], each["status"] == "open"): each for each in rows(host.parts.store)}.values():
        page = anna.get(f"/exceptions/{row['exception_id']}")
        assert page.status_code == 200, row["kind"]
        text = page.text
        assert (
            text.index('class="sentence"')
            < text.index('id="clocks-h"')
            < text.index('<svg class="timeline"')
            < text.index('id="evidence-h"')
        )
        marks, entries = re.findall(r'href="#timeline-(\d+)"', text), re.findall(r'<li id="timeline-(\d+)"', text)
        assert sorted(marks, key=int) == sorted(entries, key=int)
        assert entries
        assert len(re.findall(r'<li id="event-', text)) == row["sequence"]
        assert "style=" not in text


def test_the_history_says_nothing_twice() -> None:
    """What the words of an event say is not listed as a change beside them, nor its cause where it is the same."""

    def cause(type_: str) -> dict[str, object]:
        return {"changed_by": {"type": type_, "source": "/console", "id": "1", "time": None}}

    raised: dict[str, object] = {
        "status": "open",
        "severity": "high",
        "due_at": None,
        "owner": "CARR",
        "lane": "review",
        "suppressed_by": None,
        "summary": "It is late.",
        "resolution": None,
        "policy": {"version": "p1"},
        "case": {"state": "new", "team": "CARR", "by": None},
    }
    taken = {**raised, **cause("case.acknowledged"), "case": {"state": "acknowledged", "team": "CARR", "by": "user:anna"}}
    graver: dict[str, object] = {**taken, "changed_by": None, "severity": "critical", "case": {"state": "acknowledged", "team": "OPS"}}
    graver["escalation"] = {"to": "OPS", "reason": "resolve_overdue"}
    closed = {**graver, **cause("case.resolved"), "status": "resolved", "resolution": "case"}
    closed["case"] = {"state": "resolved", "team": "OPS", "outcome": "done"}
    said = (("raised", raised), ("updated", taken), ("updated", graver), ("resolved", closed))
    events = [SaidEvent(n, f"exception.{name}", datetime(2026, 5, 1, tzinfo=UTC), data) for n, (name, data) in enumerate(said, 1)]
    assert [(one.words, one.why, [(each.name, each.after) for each in one.changes]) for one in life(events, language("en"))] == [
        ("raised", "it happened", []),
        ("acknowledged", None, []),
        ("it is not resolved in time: it went to OPS", None, [("severity", "critical")]),
        ("resolved", None, [("outcome", "done")]),
    ]


def test_the_arithmetic_is_shown_in_its_parts_and_as_the_engine_told_it(host: ConsoleHost, anna: TestClient) -> None:
    """With the calendar that the deadline was counted by, and business time hatched."""
    counted = [
        row
        for row in rows(host.parts.store, exceptions.c.due_at.is_not(None))
        if "business day" in str(row["arithmetic"]).partition(";")[0]
    ]
    page = anna.get(f"/exceptions/{counted[0]['exception_id']}").text
    assert 'class="sum"' in page
    assert "Calendar:" in page
    for row in counted[:12]:
        assert "No calendar of the policy" not in anna.get(f"/exceptions/{row['exception_id']}").text
    assert str(counted[0]["arithmetic"]).split("(")[0].replace("+", "&#43;").split("&#43;")[0].strip() in page


def test_a_beginning_of_an_id_leads_to_the_page_if_one_exception_has_it(host: ConsoleHost, anna: TestClient) -> None:
    """One that several have, or none, or that is none, leads nowhere."""
    id_ = str(one(host)["exception_id"])
    answer = anna.get(f"/exceptions/{id_[:12]}")
    assert (answer.status_code, answer.headers["location"]) == (302, f"/exceptions/{id_}")
    for name in ("", "zz", "00000000-0000", "%2e%2e"):
        assert anna.get(f"/exceptions/{name}x").status_code == 404


def test_what_lies_outside_a_scope_is_not_there(host: ConsoleHost) -> None:
    """An exception of another team, by its ID or by a beginning of it, its record, and its order where that has no other."""
    row = one(host)
    host.add("eve", "operator", scope=PersonScope(teams=("NOBODY",)))
    eve = host.client("eve")
    for path in (
        f"/exceptions/{row['exception_id']}",
        f"/exceptions/{str(row['exception_id'])[:12]}",
        f"/exceptions/{row['exception_id']}/record?topic=events.jsonl&partition=0&offset=1",
        f"/orders/{row['tenant']}/{row['order_id']}",
    ):
        answer = eve.get(path)
        assert answer.status_code == 404, path
        assert str(row["summary"])[:40] not in answer.text


def test_an_order_shows_to_a_team_what_is_that_team_s(host: ConsoleHost) -> None:
    """Of an order with exceptions of two teams each sees its own, with the evidence and the history of that alone."""
    row = one(host)
    copy = {
        **row,
        "exception_id": "ffffffff-0000-5000-8000-000000000001",
        "team": "OTHERS",
        "owner": "OTHERS",
        "summary": "Only others know this.",
    }
    with writing(host.parts.store).begin() as connection:
        connection.execute(insert(exceptions).values(**copy))
    host.add("olga", "operator", scope=PersonScope(teams=("OTHERS",)))
    order = f"/orders/{row['tenant']}/{row['order_id']}"
    assert "Only others know this." in host.client("olga").get(order).text
    assert str(row["exception_id"]) not in host.client("olga").get(order).text
    host.add("otto", "operator", scope=PersonScope(teams=(str(row["team"]),)))
    page = host.client("otto").get(order).text
    assert "Only others know this." not in page
    assert str(row["exception_id"]) in page
    with writing(host.parts.store).begin() as connection:
        connection.execute(exceptions.delete().where(exceptions.c.exception_id == copy["exception_id"]))


def test_the_page_of_an_order_tells_what_is_known_of_it(host: ConsoleHost, anna: TestClient) -> None:
    """Its value, its parcels with their last scan, its exceptions; and of one that is not here, that nothing wrong is known."""
    with host.parts.store.connect() as connection:
        sent = [order.order_id for order in connection.execute(select(orders)) if order.shipments and order.shipments[0]["last_scan"]]
    row = one(host, exceptions.c.order_id.in_(sent), exceptions.c.status == "open")
    mine = exceptions.c.order_id == row["order_id"], exceptions.c.status == "open"
    opened = rows(host.parts.store, *mine)
    with writing(host.parts.store).begin() as connection:
        connection.execute(update(exceptions).where(*mine).values(status="resolved"))
    page = anna.get(f"/orders/{row['tenant']}/{row['order_id']}")
    assert page.status_code == 200
    assert "last scan" in page.text
    assert "Nothing wrong is known of this order now." in page.text
    with writing(host.parts.store).begin() as connection:
        again = exceptions.c.exception_id.in_([each["exception_id"] for each in opened])
        connection.execute(update(exceptions).where(again).values(status="open"))
    assert "Nothing wrong" not in anna.get(f"/orders/{row['tenant']}/{row['order_id']}").text
    assert f"/exceptions/{row['exception_id']}" in page.text
    unknown = anna.get("/orders/default/NO-SUCH")
    assert unknown.status_code == 404
    assert "Nothing wrong is known of this order." in unknown.text


def test_an_open_exception_says_what_to_do_and_a_suppressed_one_where_to_look(host: ConsoleHost, anna: TestClient) -> None:
    """The steps of the engine; of the other the exception that says more, which names it in turn."""
    row, other = one(host), rows(host.parts.store)[-1]
    with writing(host.parts.store).begin() as connection:
        mine = exceptions.c.exception_id == row["exception_id"]
        connection.execute(
            update(exceptions).where(mine).values(status="open", recommended=[{"action": "trace_parcel", "reason": "find it"}])
        )
    page = anna.get(f"/exceptions/{row['exception_id']}").text
    assert "trace parcel" in page
    assert "find it" in page
    assert "do=initiate" in page
    assert "action=trace_parcel" in page
    with writing(host.parts.store).begin() as connection:
        connection.execute(update(exceptions).where(mine).values(status="suppressed", suppressed_by=other["exception_id"]))
    page = anna.get(f"/exceptions/{row['exception_id']}").text
    assert f"/exceptions/{other['exception_id']}" in page
    assert "Not worth a page by itself" in page
    with writing(host.parts.store).begin() as connection:
        connection.execute(update(exceptions).where(mine).values(status=row["status"], suppressed_by=None))


def test_notes_incidents_guardrails_and_suggestions_stand_on_the_page(host: ConsoleHost, anna: TestClient) -> None:
    """Texts of people are escaped."""
    row = one(host)
    at = row["raised_at"]
    about = {"tenant": row["tenant"], "order_id": row["order_id"], "exception_id": row["exception_id"]}
    known = rows(host.parts.store)[0]
    incident = {
        "incident_id": "i-9", "tenant": row["tenant"], "sequence": 1, "kind": "incident", "status": "open", "dimension": "carrier",
        "value": "ups", "summary": "Many parcels of ups stand still.", "opened_at": at, "changed_at": at, "logged_at": at,
        "log_partition": "incidents:0", "log_offset": 9_999,
    }  # fmt: skip
    with writing(host.parts.store).begin() as connection:
        connection.execute(insert(notes).values(note_ref="n-9", by="user:anna", at=at, text="<b>called</b> the depot", **about))
        connection.execute(insert(incidents).values(**incident))
        connection.execute(
            insert(incident_members).values(incident_id="i-9", member="exception", member_id=row["exception_id"], tenant=row["tenant"])
        )
        spoken = [{"name": "customer_tier", "effect": "review", "reason": "served by a person"}]
        guess = [
            {"kind": "class", "value": "lost", "confidence": 0.83, "model": "sorter 3", "by": "service:m", "at": "2026-04-01T00:00:00Z"}
        ]
        mine = exceptions.c.exception_id == row["exception_id"]
        connection.execute(update(exceptions).where(mine).values(guardrails=spoken, suggestions=guess))
    page = anna.get(f"/exceptions/{row['exception_id']}").text
    assert "&lt;b&gt;called&lt;/b&gt; the depot" in page
    for words in ("Many parcels of ups stand still.", "customer tier", "a person decides", "served by a person", "sorter 3", "0.83"):
        assert words in page, words
    assert known


def test_what_was_withdrawn_is_struck_in_picture_and_list(host: ConsoleHost, anna: TestClient) -> None:
    """Drawn and not erased; the raising of what is retracted likewise."""
    row = next(row for row in rows(host.parts.store, exceptions.c.status == "resolved") if row["placed_at"] and _cited(host, row))
    mine, last = exceptions.c.exception_id == row["exception_id"], cast("int", row["sequence"])
    of_it = exception_events.c.exception_id == row["exception_id"]
    with writing(host.parts.store).begin() as connection:
        event = values(connection.execute(select(exception_events).where(of_it, exception_events.c.sequence == last)).one())
        told = {
            "sequence": last + 1, "type": "exception.retracted", "status": "retracted", "changed_by_type": "evidence.withdrawn",
            "changed_by_source": "/carrier/ups", "changed_by_id": "w-1", "changed_by_time": row["changed_at"], "log_offset": 99_999,
        }  # fmt: skip
        connection.execute(insert(exception_events).values(**{**event, **told}))
        connection.execute(update(exceptions).where(mine).values(status="retracted", sequence=last + 1))
        connection.execute(update(evidence).where(evidence.c.exception_id == row["exception_id"]).values(last_sequence=last))
    page = anna.get(f"/exceptions/{row['exception_id']}").text
    assert "evidence withdrawn" in page
    assert page.count('class="mark struck"') >= 2  # what it rested on, and that it was raised
    assert "Taken back" in page


def test_reads_are_noted_and_records_are_read_where_the_console_can(host: ConsoleHost, anna: TestClient, tmp_path: Path) -> None:
    """A record of the log of an embedded installation, as it came in; any other place is refused, however it is asked for."""
    log = SegmentLog(tmp_path / EMBEDDED_EVENTS, EMBEDDED_EVENTS, fsync=False)
    log.append([LogEntry(1_780_000_000 * SECOND, orjson.dumps({"id": f"e{number}", "note": "as it came"})) for number in range(3)])
    log.sync()
    log.close()
    row = next(row for row in rows(host.parts.store) if _cited(host, row))
    with writing(host.parts.store).begin() as connection:
        first = evidence.c.exception_id == row["exception_id"]
        connection.execute(update(evidence).where(first).values(topic=EMBEDDED_EVENTS, topic_partition=0, topic_offset=1))
    place = f"/exceptions/{row['exception_id']}/record?topic={EMBEDDED_EVENTS}&partition=0&offset="
    unread = anna.get(place + "1")
    assert unread.status_code == 404
    assert "does not read the logs here" in unread.text
    assert f"{EMBEDDED_EVENTS}:0:1" in unread.text
    given = host.parts.more[PAGES]
    assert isinstance(given, PageParts)
    host.parts.more[PAGES] = replace(given, records=EmbeddedRecords(tmp_path))
    assert f"record?topic={EMBEDDED_EVENTS}" in anna.get(f"/exceptions/{row['exception_id']}").text
    page = anna.get(place + "1")
    assert page.status_code == 200
    assert "as it came" in page.text
    assert "28 May 2026" in page.text
    assert anna.get(place + "2").status_code == 404  # there, and no evidence of this exception
    assert anna.get(place + "x").status_code == 400
    with host.parts.own.connect() as connection:
        noted = {(read.by, read.what, read.subject) for read in connection.execute(select(reads))}
    assert ("user:anna", "record", row["exception_id"]) in noted
    assert ("user:anna", "exception", row["exception_id"]) in noted
    host.parts.more[PAGES] = given


def _cited(host: ConsoleHost, row: dict[str, object]) -> bool:
    with host.parts.store.connect() as connection:
        return connection.execute(select(evidence).where(evidence.c.exception_id == row["exception_id"])).first() is not None


def test_records_lie_within_their_folder(tmp_path: Path) -> None:
    """No topic leads out of it, and what is not there any more says so."""
    log = SegmentLog(tmp_path / "in" / EMBEDDED_EVENTS, EMBEDDED_EVENTS, fsync=False)
    log.append([LogEntry(1, b"{}")])
    log.close()
    records = EmbeddedRecords(tmp_path / "in")
    assert records.record(EMBEDDED_EVENTS, 0, 0).value == b"{}"
    for topic in (f"embedded./../{EMBEDDED_EVENTS}", "order-events", ""):
        with pytest.raises(UnreadableRecordError, match=re.escape(ELSEWHERE)):
            records.record(topic, 0, 0)
    with pytest.raises(UnreadableRecordError, match="not there any more"):
        records.record(EMBEDDED_EVENTS, 0, 7)


def test_a_decision_of_a_person_is_told_with_its_words_once(host: ConsoleHost, anna: TestClient) -> None:
    """The timeline has the decision and not what the engine said of it as well; the history has that."""
    with host.parts.store.connect() as connection:
        decided = connection.execute(select(audit).where(audit.c.type == "case.assigned", audit.c.exception_id.is_not(None))).first()
    assert decided is not None
    page = anna.get(f"/exceptions/{decided.exception_id}").text
    story, _, history = page.partition('id="life-h"')
    assert f"{decided.by.partition(':')[2]}: assigned" in story
    assert decided.by in history


def test_the_page_speaks_german(host: ConsoleHost) -> None:
    """All but the sentences of the engine."""
    page = host.client("anna", **{"Accept-Language": "de"}).get(f"/exceptions/{one(host)['exception_id']}").text
    for words in ("Zeitachse", "Nächste Schritte", "Belege", "Verlauf", "Frist"):
        assert words in page
    assert "What the customer was told" not in page


def test_facts_are_read_in_one_go(host: ConsoleHost) -> None:
    """What the page needs is there without asking the store again: the rule, the policy, the other exceptions."""
    row = one(host, exceptions.c.due_at.is_not(None))
    given = host.parts.more[PAGES]
    assert isinstance(given, PageParts)
    found = host.parts.directory.find("anna")
    assert found is not None
    with host.parts.store.connect() as connection:
        facts = exception_facts(connection, str(row["exception_id"]), found.person, host.clock(), given.usual)
        assert exception_facts(connection, "nope", found.person, host.clock(), given.usual) is None
    assert facts is not None
    assert facts.policy is given.usual
    assert facts.rule is not None
    assert facts.rule.kind == row["kind"]
    assert all(other.order_id == row["order_id"] for other in facts.others)
