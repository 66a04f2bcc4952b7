"""Logging in and out: what a browser sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import PASSWORD, ConsoleHost, console


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ConsoleHost]:
    """A console without cases."""
    with console(tmp_path, orders=None) as made:
        yield made


def test_who_is_not_logged_in_is_led_to_the_log_in_and_back(host: ConsoleHost) -> None:
    """The address that was asked for survives the log-in."""
    browser = host.client()
    answer = browser.get("/settings?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?back=%2Fsettings%3Fx%3D1")
    page = browser.get(answer.headers["location"])
    assert 'value="/settings?x=1"' in page.text
    answer = browser.post("/login", data={"name": "Anna ", "password": PASSWORD, "back": "/settings?x=1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings?x=1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-orderwatch=")
    assert {"httponly", "secure", "path=/", "samesite=lax"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "anna" in browser.get("/settings").text


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(host: ConsoleHost) -> None:
    """Nobody learns which names there are."""
    answers = [host.client().post("/login", data={"name": name, "password": "not the password"}) for name in ("anna", "nemo")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text.replace("anna", "") == answers[1].text.replace("nemo", "")


def test_a_log_out_ends_the_session_everywhere(host: ConsoleHost) -> None:
    """The cookie alone is worth nothing afterwards."""
    browser = host.client("anna")
    kept = dict(browser.cookies)
    assert browser.get("/settings").status_code == 200
    assert browser.post("/logout").status_code == 303
    other = host.client()
    other.cookies.update(kept)
    assert other.get("/settings").status_code == 303
