"""What keeps pages safe: headers, where requests come from, proxies, sizes, and what is said when something is away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.parts import reads
from dataflows.console.routes import Route, every_route
from dataflows.console.safety import POLICY
from dataflows.console.visit import Visit
from dataflows.observe import catalogue
from dataflows.settings.console import ConsoleSettings
from tests.support.console import ORIGIN, ConsoleHost, console


async def fail(visit: Visit) -> Response:
    """A page with a fault in it, whose words must not get out."""
    raise RuntimeError(f"secret of {visit.person.name}")


async def count(visit: Visit) -> Response:
    """A page that reads the store."""
    return Response(str(await visit.read(lambda connection: connection.exec_driver_sql("SELECT 7").scalar())))


async def show(visit: Visit) -> Response:
    """A page with personal data."""
    await visit.reads("order", "default/1")
    await visit.reads("search", "order", 3)
    return visit.page("error.html", headline="shown", sentence=visit.url("thing", {"a": "b c", "d": ["1", "2"]}, id="x/y z"), code=200)


async def leave(visit: Visit) -> Response:
    """A page whose reader has gone on before the request was read."""
    del visit
    raise ClientDisconnect


EXTRA = (
    Route("leaving", "/leaving", leave, Needs.READ),
    Route("failing", "/failing", fail, Needs.READ),
    Route("counting", "/counting", count, Needs.READ),
    Route("showing", "/showing", show, Needs.READ),
    Route("thing", "/things/{id:path}", show, Needs.READ),
)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ConsoleHost]:
    """A console with some pages more."""
    with console(tmp_path, orders=None, routes=[*every_route(), *EXTRA]) as made:
        yield made


@pytest.mark.parametrize("path", ["/login", "/settings", "/nothing", "/failing", "/static/console.css", "/static/nothing.css"])
def test_every_answer_has_the_headers(host: ConsoleHost, path: str) -> None:
    """Also those that say that there is nothing, or that something went wrong."""
    answer = host.client("anna").get(path)
    policy = answer.headers["content-security-policy"]
    assert policy == f"{POLICY}; report-uri /csp"
    assert "unsafe" not in policy
    assert {name: answer.headers[name] for name in ("x-content-type-options", "referrer-policy", "cross-origin-opener-policy")} == {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }
    kept = path == "/static/console.css"
    assert answer.headers["cache-control"] == ("public, max-age=31536000, immutable" if kept else "no-store")


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": ""}, False),
        ({"Origin": ORIGIN}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": "https://evil.example.com"}, False),
        ({"Origin": "http://testserver"}, False),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, False),
    ],
)
def test_what_changes_something_must_come_from_our_own_pages(host: ConsoleHost, headers: dict[str, str], taken: bool) -> None:
    """A form of another site, a link in a mail or a script elsewhere cannot log anybody out."""
    browser = host.client("anna")
    for name in ("origin", "sec-fetch-site"):
        del browser.headers[name]
    browser.headers.update(headers)
    assert browser.post("/logout").status_code == (303 if taken else 403)
    assert browser.get("/settings").status_code == (303 if taken else 200)


def test_a_fault_is_said_without_its_words(host: ConsoleHost, capsys: pytest.CaptureFixture[str]) -> None:
    """The page and the log have no part of the error's message: it may quote a customer."""
    answer = host.client("anna").get("/failing")
    assert answer.status_code == 500
    assert "secret of" not in answer.text
    said = capsys.readouterr().out
    assert "secret of" not in said
    assert "test_base_safety.py" in said
    assert host.parts.metrics.observer.metrics.values(catalogue.CONSOLE_FAILURES) == {("page",): 1.0}


def test_who_goes_on_before_they_are_answered_is_no_fault(host: ConsoleHost, capsys: pytest.CaptureFixture[str]) -> None:
    """A preview that a decision overtakes is neither logged as an error nor counted as one."""
    assert host.client("anna").get("/leaving").status_code == 400
    assert capsys.readouterr().out == ""
    assert host.parts.metrics.observer.metrics.values(catalogue.CONSOLE_FAILURES) == {}


def test_without_the_store_pages_say_so_and_settings_go_on(host: ConsoleHost) -> None:
    """A store that is not there is no fault of the console; when it is back, so are the pages."""
    browser, file = host.client("anna"), host.folder / "store.sqlite3"
    host.parts.store.dispose()
    file.rename(file.with_suffix(".away"))
    host.parts.more.clear()
    host.parts.heads.forget()
    answer = browser.get("/counting")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "does not answer" in answer.text
    assert browser.get("/settings").status_code == 200
    file.with_suffix(".away").rename(file)
    assert browser.get("/counting").text == "7"


def test_reads_are_noted_before_they_are_shown_as_far_as_the_settings_name_them(tmp_path: Path) -> None:
    """Who, when, of what and how many."""
    with console(tmp_path, orders=None, routes=[*every_route(), *EXTRA], settings={"audited": "order"}) as host:
        assert host.client("anna").get("/showing").status_code == 200
        with host.parts.own.connect() as connection:
            rows = connection.execute(select(reads.c.by, reads.c.at, reads.c.what, reads.c.subject, reads.c.count)).all()
    assert [tuple(row) for row in rows] == [("user:anna", host.clock.at, "order", "default/1", 1)]


@pytest.mark.parametrize("stripped", [True, False])
def test_it_works_under_a_path_behind_a_proxy(tmp_path: Path, stripped: bool) -> None:
    """Whether the proxy takes its path off the URL or not; every link has it, and the session too."""
    settings = {"path": "/watch/", "proxies": "10.0.0.0/8"}
    with console(tmp_path, orders=None, routes=[*every_route(), *EXTRA], settings=settings) as host:
        browser, at = host.client("anna"), "" if stripped else "/watch"
        page = browser.get(f"{at}/settings")
        assert page.status_code == 200
        assert 'href="/watch/settings"' in page.text
        assert 'src="/watch/static/keys.js?v=' in page.text
        assert browser.get(f"{at}/static/keys.js").status_code == 200
        assert "/watch/things/x%2Fy%20z?a=b+c&amp;d=1&amp;d=2" in browser.get(f"{at}/showing").text
        assert browser.get(f"{at}/things/x%2Fy%20z").status_code == 200
        assert host.client().get(f"{at}/settings").headers["location"].startswith("/watch/login?back=%2Fwatch%2Fsettings")
        assert browser.post(f"{at}/logout").headers["location"] == "/watch/login"


def test_only_proxies_are_believed(tmp_path: Path) -> None:
    """Else anybody could choose the address that failures are counted for, or the origin that is ours."""
    # As two proxies in a row write it.
    forged = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "ops.example.com"}
    own = {"Origin": "https://ops.example.com", "Sec-Fetch-Site": "same-origin"}
    for proxies, taken in (("", False), ("127.0.0.1", True)):
        (folder := tmp_path / f"believed-{taken}").mkdir()
        with console(folder, orders=None, settings={"proxies": proxies}) as host:
            browser = host.client("anna", **forged, **own)
            browser._transport.client = ("127.0.0.1", 5)  # type: ignore[attr-defined]  # pyright: ignore - where a proxy calls from
            assert browser.post("/logout").status_code == (303 if taken else 403)


def test_nothing_leads_elsewhere(host: ConsoleHost) -> None:
    """After the log-in people stay in the console, whatever a link to it says."""
    browser = host.client("anna")
    for back in ("https://evil.example.com", "//evil.example.com", "/\\evil.example.com", "javascript:alert(1)", "/a\nb", ""):
        assert browser.get("/login", params={"back": back}).headers["location"] == "/"
    assert browser.get("/login", params={"back": "/settings?x=1"}).headers["location"] == "/settings?x=1"


def test_large_bodies_are_refused_whether_they_say_so_or_not(tmp_path: Path) -> None:
    """By the length that they name, and by what comes."""
    with console(tmp_path, orders=None, settings={"max_body_bytes": 65_536}) as host:
        browser = host.client("anna")
        assert browser.post("/settings", data={"zone": "x" * 70_000}).status_code == 413
        chunks = iter([b"zone=", b"x" * 70_000])
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert browser.post("/settings", content=chunks, headers=form).status_code == 413


def test_reports_of_browsers_are_counted_by_directive_and_bounded(host: ConsoleHost) -> None:
    """They come from outside: what they name makes no label, and too many are not looked at."""
    browser = host.client()
    for name in ("script-src", "style-src-elem 'self'", "<script>", "x" * 20_000):
        browser.post("/csp", json={"csp-report": {"violated-directive": name}})
    browser.post("/csp", content=b"no json")
    counted = host.parts.metrics.observer.metrics.values(catalogue.CONSOLE_REPORTS)
    assert counted == {("script-src",): 1.0, ("style-src-elem",): 1.0, ("other",): 2.0}
    for _ in range(150):
        browser.post("/csp", json={"csp-report": {"violated-directive": "img-src"}})
    assert sum(host.parts.metrics.observer.metrics.values(catalogue.CONSOLE_REPORTS).values()) < 125
    host.clock.move(timedelta(minutes=1))
    browser.post("/csp", json={"csp-report": {"violated-directive": "font-src"}})
    assert host.parts.metrics.observer.metrics.values(catalogue.CONSOLE_REPORTS)["font-src",] == 1.0


def test_a_request_for_another_host_is_refused_where_the_names_are_stated(tmp_path: Path) -> None:
    """Whoever lends the console another name learns nothing of it, and links in mails lead nowhere else."""
    with console(tmp_path, orders=None, settings={"hosts": "ops.example.com,OPS2.example.com"}) as named:
        asked = {host: named.client().get("/login", headers={"Host": host}) for host in HOSTS}
        assert {host: answer.status_code for host, answer in asked.items()} == HOSTS
        assert asked["evil.example.com"].headers["content-security-policy"].startswith(POLICY)
        assert named.client().get("/static/console.css", headers={"Host": "evil.example.com"}).status_code == 400
    (tmp_path / "any").mkdir()
    with console(tmp_path / "any", orders=None) as unnamed:
        assert unnamed.client().get("/login", headers={"Host": "evil.example.com"}).status_code == 200


HOSTS = {
    "ops.example.com": 200,
    "ops.example.com:8443": 200,
    "Ops2.Example.com": 200,
    "127.0.0.1:8090": 200,
    "[::1]:8090": 200,
    "[::1]": 200,
    "evil.example.com": 400,
    "ops.example.com.evil.com": 400,
    "ops.example.com@evil.com": 400,
    "": 400,
}


@pytest.mark.parametrize("name", ["https://ops.example.com", "ops.example.com:8090", "ops.example.com/path", "*", "-"])
def test_what_is_no_name_of_a_host_is_refused_at_the_start(name: str) -> None:
    """A setting that would never match is a mistake."""
    with pytest.raises(ValueError, match="is no name of a host"):
        ConsoleSettings(hosts=(name,))
