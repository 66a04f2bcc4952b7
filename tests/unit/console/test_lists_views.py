"""Lists as a browser sees them: filters and facets, pages, my work, shipments, search, saved views, choice of rows, export."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import select, update
from starlette.datastructures import FormData
from starlette.requests import Request

from dataflows.console.access import PersonScope
from dataflows.console.listing import ROWS
from dataflows.console.own_lists import MOST_VIEWS, ViewError, move_view, save_view, views_of
from dataflows.console.parts import reads
from dataflows.console.selecting import chosen
from dataflows.console.spreadsheet import cell_text
from dataflows.console.visit import Visit
from sinks.cases.queries.exceptions import list_exceptions
from sinks.cases.queries.wanted import IN_HAND, RESTING, ExceptionFilter
from sinks.cases.tables import actions, cases, exception_events, exceptions
from tests.support.console import ConsoleHost, console
from tests.support.filled import NOW, fill

MANY, OPEN = 2_000, 120


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleHost]:
    """A console over many exceptions; anna has some of them."""
    with console(tmp_path_factory.mktemp("lists"), orders=None) as made:
        fill(made.parts.store, MANY, OPEN)
        made.clock.at = NOW
        with made.parts.store.begin() as connection:
            mine = exceptions.c.assignee == "user:p3"
            ids = list(connection.scalars(select(exceptions.c.exception_id).where(mine, exceptions.c.status == "open")))
            more = select(exceptions.c.exception_id).where(exceptions.c.status == "open", exceptions.c.assignee.is_(None))
            ids += list(connection.scalars(more.order_by(exceptions.c.exception_id).limit(8)))
            given = {"assignee": "user:anna", "case_state": "assigned"}
            connection.execute(update(exceptions).where(exceptions.c.exception_id.in_(ids)).values(**given))
            connection.execute(update(cases).where(cases.c.exception_id.in_(ids)).values(assignee="user:anna", state="assigned"))
            handed = {"assignee": "user:anna", "by": "user:boss", "changed_by_type": "case.assigned", "detected_at": NOW}
            connection.execute(update(exception_events).where(exception_events.c.exception_id == ids[-1]).values(**handed))
        made.add("carla", "operator", scope=PersonScope(teams=("CARR",)))
        made.parts.heads.forget()
        yield made


def rows(page: str) -> list[str]:
    """The IDs of the rows of a page."""
    return re.findall(r'<tr id="x-([0-9a-f-]+)"', page)


def wanted(host: ConsoleHost, filter_: ExceptionFilter, sort: str | None = None) -> list[str]:
    """What the store says to a filter."""
    with host.parts.store.connect() as connection:
        return [row.exception_id for row in list_exceptions(connection, filter_, now=NOW, limit=1_000, sort=sort).rows]  # type: ignore[arg-type]


def hrefs(page: str, label: str) -> list[str]:
    """Where links go that say this."""
    return [unescape(found) for found in re.findall(rf'<a [^>]*href="([^"]+)"[^>]*>[^<]*{re.escape(label)}', page)]


def test_a_list_is_what_its_url_says_page_by_page(host: ConsoleHost) -> None:
    """All pages together are the list, in its order; the last one leads back to the first."""
    browser = host.client("vera")
    page = browser.get("/exceptions?sort=clock").text
    found = rows(page)
    while following := hrefs(page, "Next page"):
        page = browser.get(following[0]).text
        found += rows(page)
    assert found == wanted(host, ExceptionFilter(states=IN_HAND), "clock")
    assert hrefs(page, "First page") or hrefs(page, "Previous page")


def test_what_is_put_aside_is_out_of_sight_and_counted(host: ConsoleHost) -> None:
    """The head counts as the list does; a link leads to each sort of it, and one to all."""
    page = host.client("vera").get("/exceptions").text
    aside = {state: wanted(host, ExceptionFilter(states=(state,))) for state in RESTING}
    every, hand = wanted(host, ExceptionFilter()), wanted(host, ExceptionFilter(states=IN_HAND))
    assert len(hand) == len(every) - sum(map(len, aside.values())) < len(every)
    assert f'<a class="" href="/exceptions"><b>{len(hand)}</b> open</a>' in page
    for state, ids in aside.items():
        assert ids
        (url,) = hrefs(page, f"{len(ids)} {state}")
        shown = host.client("vera").get(url).text
        assert set(rows(shown)) == set(ids)
        assert "Put aside" not in shown
    (url,) = hrefs(page, "Show them among the others")
    assert url == "/exceptions?state=any"
    shown = host.client("vera").get(f"{url}&sort=clock").text
    assert rows(shown) == wanted(host, ExceptionFilter(), "clock")[:ROWS]
    assert f'<span>any</span> <span class="number">{len(every)}</span>' in shown


def test_a_facet_narrows_and_says_how_many(host: ConsoleHost) -> None:
    """Its link leaves as many as it says; what is chosen can be taken away again."""
    browser = host.client("vera")
    page = browser.get("/exceptions?state=new&state=assigned").text
    option = re.search(r'<a href="([^"]+)"><span>high</span> <span class="number">(\d+)</span>', page)
    assert option is not None
    narrowed = browser.get(unescape(option[1])).text
    assert len(rows(narrowed)) == min(int(option[2]), ROWS) > 0
    assert set(rows(narrowed)) <= set(wanted(host, ExceptionFilter(states=("new", "assigned"), severities=("high",))))
    chip = re.search(r'<a class="pill" href="([^"]+)"><span class="muted">Severity:', narrowed)
    assert chip is not None
    assert rows(browser.get(unescape(chip[1])).text) == rows(page)


def test_what_is_not_understood_is_said_on_the_page(host: ConsoleHost) -> None:
    """And is escaped as all that somebody sends."""
    page = host.client("vera").get("/exceptions?severity=high&<script>=1&team=<b>x").text
    assert "There is no filter “&lt;script&gt;”: it is left out." in page
    assert "<b>x" not in page
    assert "The filter hides everything." in page


def test_a_place_that_is_none_is_a_bad_request(host: ConsoleHost) -> None:
    """One line says what to do."""
    answer = host.client("vera").get("/exceptions?after=nonsense")
    assert answer.status_code == 400
    assert "begin at the first page" in answer.text


def test_nobody_sees_outside_of_their_scope(host: ConsoleHost) -> None:
    """Neither rows nor counts nor facets nor an export nor what a search finds."""
    browser = host.client("carla")
    own = set(wanted(host, ExceptionFilter(teams=("CARR",), states=IN_HAND)))
    page = browser.get("/exceptions").text
    assert set(rows(page)) <= own
    assert f'<span class="muted">{len(own)}</span></h1>' in page
    assert "<span>FIN</span>" not in page
    assert rows(browser.get("/exceptions?team=FIN").text) == []
    table = list(csv.DictReader(io.StringIO(browser.get("/exceptions.csv?status=any&team=FIN").text)))
    assert table == []
    with host.parts.store.connect() as connection:
        foreign = connection.execute(select(exceptions.c.order_id).where(exceptions.c.team == "FIN").limit(1)).scalar_one()
    assert "Nothing has this name." in browser.post("/search", data={"q": foreign}).text
    assert host.client("vera").post("/search", data={"q": foreign}).status_code == 303


def test_my_work_is_mine_by_clock_and_marks_what_was_handed_over(host: ConsoleHost) -> None:
    """Each row once."""
    page = host.client("anna").get("/").text
    expected = wanted(host, ExceptionFilter(assignees=("user:anna",), states=IN_HAND), "clock")
    assert rows(page) == expected
    assert len(expected) >= 8
    assert page.count("handed to me") == 1
    assert "Take something from the team queue" in host.client("vera").get("/").text


def test_approvals_that_one_may_give_are_counted(host: ConsoleHost) -> None:
    """Not for who asked for them, nor for who may not."""
    with host.parts.store.connect() as connection:
        waiting = len(connection.execute(select(actions.c.action_id).where(actions.c.approvals_needed > 0)).all())
    assert f"{waiting} approvals wait for you" in host.client("bob").get("/").text
    assert "wait for you" not in host.client("anna").get("/").text


def test_the_queue_has_first_what_nobody_has(host: ConsoleHost) -> None:
    """Then what somebody has, the gravest first."""
    found = rows(host.client("carla").get("/queue").text)
    free = wanted(host, ExceptionFilter(teams=("CARR",), states=IN_HAND, unassigned=True))
    taken = wanted(host, ExceptionFilter(teams=("CARR",), states=IN_HAND, assigned=True))
    assert found == [*free[:ROWS], *taken[:10]]


def test_shipments_are_parcels(host: ConsoleHost) -> None:
    """Sorted as asked; a filter of exceptions narrows them."""
    browser = host.client("vera")
    every = wanted(host, ExceptionFilter(states=IN_HAND, shipments=True))
    assert f'<span class="muted">{len(every)}</span></h1>' in browser.get("/shipments").text
    assert set(rows(browser.get("/shipments?sort=value&severity=low").text)) <= set(
        wanted(host, ExceptionFilter(shipments=True, severities=("low",)))
    )


def test_one_order_is_gone_to_and_several_are_listed(host: ConsoleHost) -> None:
    """A customer's ID stands in no address; reads are noted, without what was looked for."""
    browser = host.client("anna")
    answer = browser.post("/search", data={"q": "JJD 000000000000500"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/orders/acme/ORD-00000500")
    assert browser.get("/search?order=ORD-00000501").headers["location"].endswith("/ORD-00000501")
    assert "Nothing has this name." in browser.post("/search", data={"q": "nope"}).text
    with host.parts.store.connect() as connection:
        stands = exceptions.c.status == "open"
        sku = connection.execute(select(exceptions.c.sku).where(stands, exceptions.c.sku.is_not(None)).limit(1)).scalar_one()
    assert "of this SKU" in browser.post("/search", data={"q": sku}).text
    id_ = wanted(host, ExceptionFilter())[0]
    assert browser.post("/search", data={"q": id_[:13]}).headers["location"] == f"/exceptions/{id_}"
    with host.parts.own.connect() as connection:
        noted = connection.execute(select(reads).where(reads.c.what == "search")).all()
    assert {row.by for row in noted} == {"user:anna", "user:carla", "user:vera"}
    assert not any("JJD" in str(row) or "nope" in str(row) for row in noted)


def test_an_export_is_the_list(host: ConsoleHost) -> None:
    """With the columns that were asked for; it is noted with who took how much."""
    browser = host.client("vera")
    answer = browser.get("/exceptions.csv?state=new&columns=kind&columns=value&bom=yes")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.text.startswith("\ufeffseverity,kind,order,value,exception_id")
    table = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["exception_id"] for row in table] == wanted(host, ExceptionFilter(states=("new",)))
    with host.parts.own.connect() as connection:
        noted = connection.execute(select(reads.c["count"]).where(reads.c.what == "export", reads.c.by == "user:vera")).scalars().all()
    assert noted == [len(table)]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    """Whoever opens an export in a spreadsheet calculates nothing that a customer has written."""
    assert cell_text(text) == f"'{text}"
    assert (cell_text(-1), cell_text("a=1"), cell_text(None), cell_text(value=True)) == ("-1", "a=1", "", "yes")


def _visit(host: ConsoleHost, name: str) -> Visit:
    found = host.parts.directory.find(name)
    assert found is not None
    return Visit(Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}), host.parts, NOW, found.person)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_is_chosen(host: ConsoleHost) -> None:
    """By boxes, or all that the filter leaves: of what the person may see, with the number that was seen, and at most so many."""
    every, own = wanted(host, ExceptionFilter()), wanted(host, ExceptionFilter(teams=("CARR",)))
    foreign = next(id_ for id_ in every if id_ not in own)
    boxes = FormData([("x", f"{own[0]}:1"), ("x", f"{foreign}:2"), ("x", "nonsense"), ("x", f"{own[1]}:2")])
    found = await chosen(_visit(host, "carla"), boxes)
    assert ([row.exception_id for row in found.rows], dict(found.seen), found.more) == (own[:2], {own[0]: 1, own[1]: 2}, False)
    found = await chosen(_visit(host, "carla"), FormData([("all", "1"), ("match", "severity=low&severity=high")]), most=5)
    low = wanted(host, ExceptionFilter(teams=("CARR",), severities=("high", "low")))
    assert ([row.exception_id for row in found.rows], found.more) == (low[:5], len(low) > 5)


def test_a_view_is_saved_shared_renamed_moved_and_deleted(host: ConsoleHost) -> None:
    """Others see what is shared with them, with its author; `me` is whoever looks."""
    anna, vera, carla = (host.client(name) for name in ("anna", "vera", "carla"))
    saved = {"route": "exceptions", "query": "assignee=me&severity=high&sort=clock&colour=red", "name": " Mine,  grave ", "shared": "all"}
    answer = anna.post("/views", data=saved)
    assert answer.headers["location"] == "/exceptions?severity=high&assignee=me&sort=clock"
    assert anna.post("/views", data={**saved, "name": "Freight", "shared": "team:CARR"}).status_code == 303
    assert anna.post("/views", data={**saved, "name": "Other", "shared": "private"}).status_code == 303
    assert all(name in anna.get("/views").text for name in ("Mine, grave", "Freight", "Other"))
    assert "Mine, grave" in vera.get("/exceptions").text
    assert "by anna" in vera.get("/views").text
    assert "Other" not in vera.get("/views").text
    assert "Freight" in carla.get("/views").text
    own = host.parts.own
    person = _visit(host, "anna").person
    ids = {view.name: view.view_id for view in views_of(own, person)}
    assert anna.post("/views/change", data={"id": ids["Other"], "do": "up"}).status_code == 303
    assert [view.name for view in views_of(own, person)] == ["Mine, grave", "Other", "Freight"]
    assert anna.post("/views/change", data={"id": ids["Other"], "do": "change", "name": "Else", "shared": "all"}).status_code == 303
    assert anna.post("/views/change", data={"id": ids["Other"], "do": "change", "name": "Freight", "shared": "all"}).status_code == 400
    assert vera.post("/views/change", data={"id": ids["Other"], "do": "delete"}).status_code == 404
    assert vera.post("/views", data={**saved, "name": "Hers", "shared": "all"}).status_code == 400
    assert carla.post("/views", data={**saved, "name": "Hers", "shared": "team:FIN"}).status_code == 400
    for id_ in ids.values():
        assert anna.post("/views/change", data={"id": id_, "do": "delete"}).status_code == 303
    assert views_of(own, person) == []
    assert not move_view(own, person, ids["Other"], 1)


def test_all_that_one_can_go_to_is_one_list(host: ConsoleHost) -> None:
    """As a page, and as the options of the palette; what somebody may not see is not among it."""
    anna = host.client("anna")
    anna.post("/views", data={"route": "exceptions", "query": "carrier=citybikes", "name": "Bikes"})
    page, options = anna.get("/places").text, anna.get("/places", headers={"HX-Request": "true"}).text
    for text in (page, options):
        assert 'href="/exceptions?carrier=citybikes"' in text
        assert 'href="/feeds"' in text
        assert 'href="/people"' not in text
    assert "<main" in page
    assert "<main" not in options
    assert options.count('role="option"') == options.count("href=")
    assert 'href="/people"' in host.client("ada").get("/places").text


def test_views_are_bounded(host: ConsoleHost) -> None:
    """One of the same name is replaced; beyond the bound none is kept."""
    own, person = host.parts.own, _visit(host, "ada").person
    for number in range(MOST_VIEWS):
        save_view(own, person, f"view {number}", "private", "queue", "", NOW + timedelta(seconds=number))
    assert save_view(own, person, "view 3", "all", "queue", "team=OPS", NOW).place == 4
    with pytest.raises(ViewError, match="100 views are kept"):
        save_view(own, person, "one more", "private", "queue", "", NOW)
    with pytest.raises(ViewError, match="a view needs a name"):
        save_view(own, person, " ", "private", "queue", "", NOW)
    assert len(views_of(own, person)) == MOST_VIEWS


def test_columns_are_kept_for_each_person(host: ConsoleHost) -> None:
    """What a row is found by is always there; the usual ones come back."""
    browser = host.client("pia")
    answer = browser.post("/views/columns", data={"columns": ["summary", "nonsense"], "back": "/exceptions?site=ams1"})
    assert answer.headers["location"] == "/exceptions?site=ams1"
    head = browser.get("/exceptions").text.partition("<thead>")[2].partition("</thead>")[0]
    assert re.findall(r"(Severity|Order|Sentence|Kind|Due)", head) == ["Severity", "Order", "Sentence"]
    assert "Sentence" not in host.client("vera").get("/exceptions").text.partition("<thead>")[2].partition("</thead>")[0]
    browser.post("/views/columns", data={"usual": "yes", "back": "https://elsewhere.example/"})
    assert "Kind" in browser.get("/exceptions").text.partition("<thead>")[2].partition("</thead>")[0]


def test_an_empty_list_says_why(tmp_path: Path) -> None:
    """No feed yet is not nothing to do."""
    with console(tmp_path, orders=None) as empty:
        assert "No feed yet." in empty.client("anna").get("/").text
        assert "No feed yet." in empty.client("anna").get("/exceptions").text
        assert "No feed yet." in empty.client("anna").get("/shipments").text


def test_a_page_stays_small(host: ConsoleHost) -> None:
    """Also with a long filter, which each link of a row has in it."""
    query = "&".join(f"site={site}" for site in ("ams1", "ber2", "lon1", "par1")) + "&severity=high&severity=medium&severity=low"
    for path in ("/exceptions", f"/exceptions?{query}", "/queue", "/shipments", "/"):
        assert len(host.client("anna").get(path).content) < 150_000, path
