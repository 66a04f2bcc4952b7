"""People: passwords, sessions that end, failed log-ins that slow down, settings of one's own, the command."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from dataflows.cli.main import run
from dataflows.console.access import PersonScope
from dataflows.console.people.attempts import ADDRESS
from dataflows.console.people.directory import PeopleError
from dataflows.console.people.passwords import WeakPasswordError
from dataflows.console.people.tables import entries, people, sessions
from tests.support.console import PASSWORD, ConsoleHost, console

ANOTHER = "correct horse battery"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ConsoleHost]:
    """A console without cases."""
    with console(tmp_path, orders=None, settings={"idle_minutes": 30, "session_hours": 2, "log_in_tries": 3}) as made:
        yield made


def log_in(host: ConsoleHost, name: str, password: str) -> int:
    """The status of an attempt."""
    return host.client().post("/login", data={"name": name, "password": password}).status_code


def test_only_digests_are_kept(host: ConsoleHost) -> None:
    """Whoever reads the database can neither log in nor take a session over."""
    browser = host.client("anna")
    cookie = next(iter(browser.cookies.values()))
    with host.parts.own.connect() as connection:
        kept = [row.password for row in connection.execute(select(people))]
        digests = [row.digest for row in connection.execute(select(sessions))]
    assert all(one.startswith("$argon2id$") for one in kept)
    assert cookie not in digests
    assert len(cookie) >= 40


def test_a_session_ends_when_nothing_is_asked_and_in_any_case(host: ConsoleHost) -> None:
    """Being used keeps it, to its longest; the page says when it would end."""
    idle, used = host.client("anna"), host.client("anna")
    for _ in range(5):
        host.clock.move(timedelta(minutes=20))
        assert used.get("/settings").status_code == 200
    assert 'data-ends="2026-05-01T14:00:00Z"' in used.get("/settings").text
    assert idle.get("/settings").status_code == 303
    host.clock.move(timedelta(minutes=21))
    assert used.get("/settings").status_code == 303


def test_a_session_can_be_extended_by_a_press(host: ConsoleHost) -> None:
    """As the warning offers: the answer has the new end in it."""
    browser = host.client("anna")
    host.clock.move(timedelta(minutes=29))
    answer = browser.post("/session", headers={"HX-Request": "true"})
    assert 'data-ends="2026-05-01T12:59:00Z"' in answer.text
    host.clock.move(timedelta(minutes=29))
    assert browser.get("/settings").status_code == 200


def test_failures_slow_down_a_name_and_an_address_and_a_wait_ends(host: ConsoleHost) -> None:
    """Not even the right password is looked at meanwhile; others are not kept out by one name's failures from elsewhere."""
    assert [log_in(host, "anna", "wrong") for _ in range(4)] == [401, 401, 401, 429]
    assert log_in(host, "anna", PASSWORD) == 429
    host.clock.move(timedelta(seconds=3))
    assert log_in(host, "anna", PASSWORD) == 303
    # The address has failed three times by now, as an office does each day: others do not wait for it.
    assert (log_in(host, "bob", "wrong"), log_in(host, "vera", PASSWORD)) == (401, 303)
    for _ in range(25):
        host.parts.attempts.failed((f"{ADDRESS}testclient",), host.clock())
    assert log_in(host, "bob", "wrong") == 401
    answer = host.client().post("/login", data={"name": "vera", "password": PASSWORD})
    assert (answer.status_code, int(answer.headers["retry-after"])) == (429, 3)
    host.clock.move(timedelta(hours=1, seconds=1))
    assert (log_in(host, "bob", "wrong"), log_in(host, "vera", PASSWORD)) == (401, 303)


def test_failures_survive_a_restart(host: ConsoleHost, tmp_path: Path) -> None:
    """They are in the database."""
    for _ in range(3):
        log_in(host, "anna", "wrong")
    assert host.parts.attempts.wait(("name:anna",), host.clock()) == timedelta(seconds=2)
    assert host.parts.attempts.wait(("name:bob",), host.clock()) == timedelta()
    for _ in range(30):
        host.parts.attempts.failed(("name:anna",), host.clock())
    assert host.parts.attempts.wait(("name:anna",), host.clock()) == timedelta(minutes=15)
    del tmp_path


def test_who_is_disabled_is_out_at_once_and_cannot_come_back(host: ConsoleHost) -> None:
    """Sessions end; the password is not taken."""
    browser = host.client("anna")
    host.parts.directory.disable("anna", at=host.clock())
    assert browser.get("/settings").status_code == 303
    assert log_in(host, "anna", PASSWORD) == 401
    host.parts.directory.disable("anna", disabled=False, at=host.clock())
    assert log_in(host, "anna", PASSWORD) == 303


def test_a_password_is_changed_by_who_knows_it_and_other_sessions_end(host: ConsoleHost) -> None:
    """The one in which it was changed goes on."""
    here, there = host.client("anna"), host.client("anna")

    def change(present: str, wanted: str, again: str) -> int:
        return here.post("/settings/password", data={"present": present, "wanted": wanted, "again": again}).status_code

    assert change("wrong", ANOTHER, ANOTHER) == 422
    assert change(PASSWORD, ANOTHER, "different") == 422
    assert change(PASSWORD, "short", "short") == 422
    assert there.get("/settings").status_code == 200
    assert change(PASSWORD, ANOTHER, ANOTHER) == 303
    assert "password is changed" in here.get("/settings").text
    assert "password is changed" not in here.get("/settings").text
    assert there.get("/settings").status_code == 303
    assert (log_in(host, "anna", PASSWORD), log_in(host, "anna", ANOTHER)) == (401, 303)


def test_roles_and_scope_hold_from_the_next_request_on(host: ConsoleHost) -> None:
    """Nothing of them is in the session."""
    browser = host.client("anna")
    host.parts.directory.change("anna", roles=["viewer"], scope=PersonScope(("acme",)), at=host.clock())
    page = browser.get("/settings").text
    assert "<dd>viewer</dd>" in page
    assert "<dd>acme</dd>" in page


def test_one_sees_the_console_as_one_has_chosen(host: ConsoleHost) -> None:
    """Language, zone, theme and keys; what is none of these is refused."""
    browser = host.client("anna")
    assert 'data-keys="on"' in browser.get("/settings").text
    given = {"language": "de", "zone": "Europe/Berlin", "theme": "dark"}
    assert browser.post("/settings", data=given).status_code == 303
    page = browser.get("/settings").text
    assert '<html lang="de" data-theme="dark">' in page
    assert "<h1>Einstellungen</h1>" in page
    assert "14:00 CEST" in page
    assert 'data-keys="on"' not in page
    for wrong in ({"zone": "Mars/Olympus"}, {"language": "xx"}, {"theme": "pink"}):
        assert browser.post("/settings", data={**given, **wrong}).status_code == 422


def test_ones_own_sessions_can_be_ended_and_nobody_elses(host: ConsoleHost) -> None:
    """Another's session is answered as one that is not there."""
    here, there, other = host.client("anna"), host.client("anna"), host.client("bob")
    own = {one.digest for one in host.parts.sessions.of("anna", host.clock())}
    with host.parts.own.connect() as connection:
        bobs = connection.execute(select(sessions.c.digest).where(sessions.c.name == "bob")).scalar_one()
    assert here.post("/settings/sessions", data={"session": bobs}).status_code == 404
    assert other.get("/settings").status_code == 200
    shown = [digest for digest in own if f'value="{digest}"' in here.get("/settings").text]
    assert len(shown) == 1
    assert here.post("/settings/sessions", data={"session": shown[0]}).status_code == 303
    assert there.get("/settings").status_code == 303


def test_what_happens_to_people_is_entered(host: ConsoleHost) -> None:
    """By whom; of a failed log-in not the name that was typed, which may be a password."""
    log_in(host, "my secret password", "x")
    host.client("anna").post("/logout")
    with host.parts.own.connect() as connection:
        rows = connection.execute(select(entries.c.what, entries.c.by, entries.c.subject).order_by(entries.c.at)).all()
    found = {tuple(row) for row in rows}
    assert ("person_added", "command", "anna") in found
    assert ("log_in_failed", "nobody", None) in found
    assert {("logged_in", "user:anna", "anna"), ("logged_out", "user:anna", "anna")} <= found
    assert "my secret password" not in str(rows)


@pytest.mark.parametrize(("name", "roles"), [("", ["viewer"]), ("a b", ["viewer"]), ("ok", []), ("ok", ["dispatch"]), ("ok", ["No!"])])
def test_names_and_roles_that_are_none_are_refused(host: ConsoleHost, name: str, roles: list[str]) -> None:
    """Nothing is made then."""
    with pytest.raises(PeopleError):
        host.parts.directory.add(name, roles, password=PASSWORD, at=host.clock())
    assert host.parts.directory.find(name) is None


@pytest.mark.parametrize("password", ["short", "x" * 300, "abababababababab"])
def test_weak_passwords_are_refused(host: ConsoleHost, password: str) -> None:
    """Too short, too long, of too few characters."""
    with pytest.raises(WeakPasswordError):
        host.parts.directory.add("new", ["viewer"], password=password, at=host.clock())


def test_people_are_made_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The password comes by standard input; mistakes are one line and exit code 2."""
    settings = tmp_path / "orderwatch.yaml"
    settings.write_text(f"state: {{dir: {tmp_path / 'state'}}}\n", encoding="utf-8")
    for name in ("STATE", "CONSOLE"):
        monkeypatch.delenv(f"ORDERWATCH_{name}__DIR", raising=False)

    def people_(*words: str, given: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        code = run(["people", *words, "--settings", str(settings)])
        said = capsys.readouterr()
        return code, said.out + said.err

    assert "nobody" in people_("list")[1]
    assert people_("add", "ada", "--role", "admin", "--site", "S1", given=f"{PASSWORD}\n")[0] == 0
    code, said = people_("add", "ada", "--role", "admin", given=f"{PASSWORD}\n")
    assert (code, said) == (2, "orderwatch: ada is there already\n")
    assert people_("add", "eve", "--role", "admin")[0] == 2
    assert people_("add", "eve", given=f"{PASSWORD}\n")[0] == 2
    assert people_("roles", "ada", "--role", "viewer")[0] == 0
    assert people_("password", "ada", given=f"{ANOTHER}\n")[0] == 0
    assert people_("password", "nemo", given=f"{ANOTHER}\n")[0] == 2
    assert people_("disable", "ada")[0] == 0
    said = people_("list")[1]
    assert all(word in said for word in ("ada", "viewer", "S1", "disabled"))
    assert '"disabled": true' in people_("list", "--json")[1]
    assert people_("disable", "ada", "--enable")[0] == 0
