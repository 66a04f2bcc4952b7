"""People and tokens in the console, and the audit of both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from dataflows.console.access import PersonScope
from sinks.cases.tables import exceptions
from sources.gateway.tokens.book import TokenBook
from tests.support.console import PASSWORD, ConsoleHost, console
from tests.support.desk_console import decide, desk_console, late, text_of
from tests.support.governed import parts_of_host

NEW = "a new password of hers"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ConsoleHost]:
    """A console over an empty store."""
    with console(tmp_path, orders=None) as made:
        yield made


def code_of(page: str) -> str:
    """The code of an invitation that a page shows."""
    found = re.search(r"/invitation#([\w-]+)", page)
    assert found
    return found[1]


def test_an_invitation_sets_a_password_once(host: ConsoleHost) -> None:
    """The code is in no URL that a server is asked for; used, expired or wrong ones are answered alike."""
    ada = host.client("ada")
    answer = ada.post("/people", data={"name": "zoe", "role": ["operator"], "tenants": "acme", "teams": "*", "sites": "*"})
    code = code_of(answer.text)
    assert answer.headers["cache-control"] == "no-store"
    assert "invited" in text_of(ada.get("/people").text)
    browser = host.client()
    assert browser.get("/invitation").status_code == 200
    assert "at least 12 characters" in browser.post("/invitation", data={"code": code, "password": "short"}).text
    assert "Welcome, zoe" in text_of(browser.post("/invitation", data={"code": code, "password": NEW}).text)
    assert browser.post("/login", data={"name": "zoe", "password": NEW}).status_code == 303
    used = browser.post("/invitation", data={"code": code, "password": "another password"})
    assert (used.status_code, "was used" in used.text) == (400, True)
    again = code_of(ada.post("/people/zoe/invitation").text)
    host.clock.move(timedelta(days=4))
    assert host.client().post("/invitation", data={"code": again, "password": NEW}).status_code == 400
    known = host.parts.directory.find("zoe")
    assert known is not None
    assert known.person.scope.tenants == ("acme",)


def test_codes_cannot_be_guessed_for_long(host: ConsoleHost) -> None:
    """Wrong ones slow further ones down."""
    browser = host.client()
    answers = [browser.post("/invitation", data={"code": f"guess{n}", "password": NEW}).status_code for n in range(8)]
    assert answers[0] == 400
    assert answers[-1] == 429


def test_roles_and_scope_change_and_the_last_administrator_stays(host: ConsoleHost) -> None:
    """It holds from the next request on."""
    ada, anna = host.client("ada"), host.client("anna")
    assert anna.get("/people").status_code == 403
    assert ada.post("/people/anna/change", data={"role": ["admin"]}).status_code == 303
    assert anna.get("/people").status_code == 200
    assert ada.post("/people/anna/change", data={"role": ["viewer"], "tenants": "acme"}).status_code == 303
    assert anna.get("/people").status_code == 403
    refused = ada.post("/people/ada/change", data={"role": ["viewer"]})
    assert (refused.status_code, "Nobody else is an administrator" in refused.text) == (400, True)
    assert ada.post("/people/ada/standing", data={"do": "disable"}).status_code == 400
    assert "role of programs" in ada.post("/people/anna/change", data={"role": ["dispatch"]}).text
    assert ada.post("/people/anna/change", data={}).status_code == 400
    assert ada.get("/people/nemo").status_code == 404
    assert "is there already" in ada.post("/people", data={"name": "anna", "role": ["viewer"]}).text


def test_who_is_disabled_is_out_at_once(host: ConsoleHost) -> None:
    """Their sessions are over; let in again, they log in anew."""
    ada, anna = host.client("ada"), host.client("anna")
    assert "this one" in text_of(ada.get("/people/ada").text)
    ada.post("/people/anna/standing", data={"do": "disable"})
    assert anna.get("/settings").status_code == 303
    assert ada.post("/people/anna/invitation").status_code == 400
    ada.post("/people/anna/standing", data={"do": "enable"})
    assert anna.post("/login", data={"name": "anna", "password": PASSWORD}).status_code == 303


def test_a_session_of_somebody_is_ended(host: ConsoleHost) -> None:
    """That one, and only if it is theirs."""
    ada, anna = host.client("ada"), host.client("anna")
    digest = host.parts.sessions.of("anna", host.clock())[0].digest
    ada.post("/people/bob/sessions", data={"session": digest})
    assert anna.get("/settings").status_code == 200
    ada.post("/people/anna/sessions", data={"session": digest})
    assert anna.get("/settings").status_code == 303
    page = text_of(ada.get("/audit/console?subject=anna").text)
    assert "ada session ended anna" in page


def test_tokens_are_shown_once_rotated_and_revoked(host: ConsoleHost) -> None:
    """As `orderwatch tokens` does; the gateway of this host takes them."""
    ada = host.client("ada")
    assert "not on this host" in ada.get("/tokens").text
    folder = parts_of_host(host).gateway_dir
    folder.mkdir(parents=True)
    form = {"name": "wms", "sources": "/warehouse/*", "event_types": "warehouse.*", "tenants": "acme", "days": "30"}
    page = ada.post("/tokens", data=form)
    text = re.search(r"ow_[0-9a-f]{12}_[\w-]{43}", page.text)
    assert text
    assert text[0] not in ada.get("/tokens").text
    with closing(TokenBook(folder, clock=lambda: host.clock().timestamp())) as book:
        holder = book.holder(text[0])
        assert holder is not None
        assert holder.scope.events is not None
        assert (holder.scope.events.sources, holder.scope.events.tenants, holder.scope.decisions) == (("/warehouse/*",), ("acme",), None)
        assert "already" in ada.post("/tokens", data=form).text
        other = re.search(r"ow_[0-9a-f]{12}_[\w-]{43}", ada.post("/tokens/rotate", data={"name": "wms", "grace": "1h"}).text)
        assert other
        assert book.holder(text[0]) is not None
        host.clock.move(timedelta(hours=2))
        ada = host.client("ada")
        assert (book.holder(text[0]), book.holder(other[0]) is not None) == (None, True)
        ada.post("/tokens/revoke", data={"name": "wms"})
        assert book.holder(other[0]) is None
    assert "revoked" in text_of(ada.get("/tokens").text)
    assert "token rotated wms" in text_of(ada.get("/audit/console?subject=wms").text)


def test_a_token_that_may_nothing_or_nonsense_is_not_made(host: ConsoleHost) -> None:
    """All that is wrong is named at once."""
    parts_of_host(host).gateway_dir.mkdir(parents=True)
    ada = host.client("ada")
    page = text_of(ada.post("/tokens", data={"name": "a b", "days": "soon"}).text)
    assert [what in page for what in ("A name has letters", "the token may do nothing", "number from 1")] == [True] * 3
    assert "needs a role" in text_of(ada.post("/tokens", data={"name": "x", "by": "anna"}).text)
    assert ada.post("/tokens/revoke", data={"name": "nobody"}).status_code == 400
    assert ada.post("/tokens/rotate", data={"name": "x", "grace": "1y"}).status_code == 400


def test_who_sees_a_part_sees_that_part_of_the_audit(tmp_path: Path) -> None:
    """By tenant, and by team of the exception that it is about; the export has the same rows."""
    with desk_console(tmp_path, [late("SO-1"), late("SO-2")]) as desk:
        host = desk.host
        mine, other = desk.rows(
            select(exceptions.c.exception_id, exceptions.c.sequence).where(exceptions.c.kind == "fulfilment.ship_overdue")
        )
        for row in (mine, other):
            decide(host.client("anna"), "acknowledge", x=[f"{row.exception_id}:{row.sequence}"])
        desk.speak()
        with desk.store.begin() as connection:
            connection.execute(update(exceptions).where(exceptions.c.exception_id == mine.exception_id).values(team="WH"))
        host.add("tim", "viewer", scope=PersonScope(teams=("WH",)))
        host.add("otto", "viewer", scope=PersonScope(("elsewhere",)))
        rows = {name: host.client(name).get("/audit.csv").text.splitlines()[1:] for name in ("vera", "tim", "otto")}
        assert {name: len(some) for name, some in rows.items()} == {"vera": 2, "tim": 1, "otto": 0}
        assert mine.exception_id in rows["tim"][0]
        assert "Nobody has decided anything yet" in host.client("otto").get("/audit").text
        assert host.client("vera").get("/audit?since=yesterday").status_code == 400
        assert host.client("vera").get("/audit/console").status_code == 403
        page = text_of(host.client("vera").get("/audit?type=case.&outcome=applied&colour=x").text)
        assert "ignored: colour" in page
        assert "anna operator case.acknowledged SO-" in page
