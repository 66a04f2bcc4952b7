"""How pages of lists are made: links that come back to the whole filter, texts of the program and words of data, what is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from dataflows.console.kept_rows import NAME
from dataflows.console.render import translating
from dataflows.console.routes import every_route
from dataflows.console.text import language
from dataflows.console.urls import RoutePaths
from dataflows.console.views import actions as views
from sinks.cases.tables import actions, exceptions
from tests.support.console import ConsoleHost, console, deciding
from tests.support.filled import NOW, fill


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleHost]:
    """A console over some exceptions."""
    with console(tmp_path_factory.mktemp("made"), orders=None, decisions=deciding) as made:
        fill(made.parts.store, 1_000, 120)
        made.clock.at = NOW
        made.parts.heads.forget()
        yield made


@pytest.mark.parametrize(
    ("came_from", "back"),
    [
        ("https://testserver/exceptions?severity=medium&sort=clock", "/exceptions?severity=medium&sort=clock"),
        ("https://elsewhere.example/exceptions?severity=low", "/"),
        ("https://testserver/login?back=%2F", "/"),
        ("", "/"),
    ],
)
def test_a_decision_comes_back_to_the_page_that_it_was_asked_on(host: ConsoleHost, came_from: str, back: str) -> None:
    """With the whole of its filter, as the browser names it: hundreds of links need not carry it."""
    client = host.client("anna")
    page = client.get("/exceptions?severity=medium&sort=clock").text
    links = [unescape(found) for found in re.findall(r'href="([^"]*/decide\?[^"]*)"', page)]
    assert {name for link in links for name in parse_qs(urlsplit(link).query)} == {"do", "x"}
    form = client.get(links[0], headers={"Referer": came_from}).text
    assert unescape(re.findall(r'name="back" value="([^"]*)"', form)[0]) == back


@pytest.mark.parametrize("query", ["severity={0}", "x={0}", "text={0}", "&".join(f"site={{0}}{number}" for number in range(9))])
def test_what_no_filter_takes_is_carried_nowhere(host: ConsoleHost, query: str) -> None:
    """However long it is: it stood in each of 150 links."""
    long = "z" * 700
    page = host.client("anna").get("/exceptions?" + query.format(long)).text
    assert long not in page.replace(long[:200] + "”", "")


def test_a_filter_of_many_values_is_bounded(host: ConsoleHost) -> None:
    """Each link has all of it: what is beyond is said, and left out."""
    page = host.client("anna").get("/exceptions?" + "&".join(f"site={'s' * 150}{number}" for number in range(40)))
    assert "The filter is too long: what it says of “site” is left out in part." in page.text
    assert len(page.content) < 300_000
    assert host.client("anna").get("/exceptions?site=" + "s" * 8_000).status_code == 414


def test_a_kept_row_is_the_one_that_its_reader_would_be_written(host: ConsoleHost) -> None:
    """Whoever looked at it before: by who reads, what they may, in which language and zone, with which columns; and as of now."""
    path = "/exceptions?assignee=somebody"
    with host.parts.store.connect() as connection:
        chosen = select(exceptions.c.assignee).where(exceptions.c.status == "open", exceptions.c.case_state == "assigned")
        somebody = str(connection.scalars(chosen.order_by(exceptions.c.exception_id)).first()).removeprefix("user:")
    host.add(somebody, "operator")
    asked: list[tuple[str, str, dict[str, str]]] = [
        ("anna", path, {}),
        (somebody, path, {}),
        ("vera", path, {}),
        ("anna", f"{path}&columns=kind&columns=site&columns=due", {}),
        ("anna", path, {"Accept-Language": "de"}),
    ]

    def rows(name: str, where: str, headers: dict[str, str]) -> str:
        return host.client(name, **headers).get(where).text.partition("<tbody>")[2].partition("</tbody>")[0]

    def alone(name: str, where: str, headers: dict[str, str]) -> str:
        host.parts.more.pop(NAME, None)
        return rows(name, where, headers)

    apart = [alone(*one) for one in asked]
    host.parts.more.pop(NAME)
    assert [rows(*one) for one in asked] == apart
    assert len(set(apart)) == len(apart)
    assert [rows(*one) for one in asked] == apart
    host.clock.move(timedelta(hours=5))
    assert rows(*asked[0]) == alone(*asked[0]) != apart[0]
    host.clock.move(timedelta(hours=-5))


def test_what_is_no_text_of_the_program_is_escaped() -> None:
    """A word of somebody's data that is looked up like a text is no markup; values in texts are not either."""
    made = translating(language("de"))
    assert made["_"]("Approvals") == language("de").text("Approvals")
    assert made["_"]("<b>100 %</b>".replace(" %", " %%")) == "&lt;b&gt;100 %&lt;/b&gt;"
    assert made["_"]("of %(many)s", many="<i>").endswith("&lt;i&gt;")


def test_the_path_of_each_route_is_the_one_that_is_served(host: ConsoleHost) -> None:
    """For every parameter of every route."""
    paths, app = RoutePaths({route.name: route.path for route in every_route()}), host.app
    for route in every_route():
        values = {name: "7" for name, _ in re.findall(r"\{(\w+)(:\w+)?\}", route.path)}
        typed = {name: 7 if f"{{{name}:int}}" in route.path else value for name, value in values.items()}
        assert paths.path(route.name, values) == str(app.url_path_for(route.name, **typed))
        assert (route.name in paths.plain) == (not values)


def test_a_page_is_sent_compressed(host: ConsoleHost) -> None:
    """To who takes it so."""
    client = host.client("anna")
    plain = client.get("/exceptions", headers={"Accept-Encoding": "identity"})
    packed = client.get("/exceptions", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == plain.text
    assert int(packed.headers["Content-Length"]) * 4 < len(plain.content)


def test_approvals_come_page_by_page(host: ConsoleHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, and none is left out."""
    monkeypatch.setattr(views, "PAGE", 7)
    client, seen, url = host.client("bob"), list[str](), "/approvals"
    while url:
        page = client.get(url).text
        shown = re.findall(r'<article class="approval" id="a-([0-9a-f-]+)"', page)
        assert 0 < len(shown) <= 7
        seen += shown
        following = re.search(r'<a rel="next" href="([^"]+)"', page)
        url = unescape(following[1]) if following else ""
    with host.parts.store.connect() as connection:
        waiting = set(connection.scalars(select(actions.c.action_id).where(actions.c.approvals_needed > 0)))
    assert len(waiting) > 7
    assert (len(seen), set(seen)) == (len(waiting), waiting)
