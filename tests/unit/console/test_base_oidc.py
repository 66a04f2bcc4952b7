"""Log-in with an OpenID Connect provider: what it vouches for counts, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from tests.support.console import EMPTY_AT, ORIGIN, ConsoleHost, console
from tests.support.provider import ISSUER, FakeProvider

SETTINGS = {
    "oidc_issuer": ISSUER,
    "oidc_client_id": "console",
    "oidc_client_secret": "kept",
    "oidc_roles": {"ops": "operator", "leads": "approver"},
    "oidc_name": "the shop's login",
}


@pytest.fixture
def provider() -> FakeProvider:
    """A provider whose clock is the console's."""
    return FakeProvider(EMPTY_AT.timestamp())


@pytest.fixture
def host(tmp_path: Path, provider: FakeProvider) -> Iterator[ConsoleHost]:
    """A console that people may log in to with it."""
    with console(tmp_path, orders=None, settings=SETTINGS, provider=provider.client) as made:
        yield made


def away(browser: TestClient, back: str = "/settings") -> str:
    """Where the browser is sent to."""
    answer = browser.get("/login/provider", params={"back": back})
    assert answer.status_code == 303
    return answer.headers["location"]


def log_in(host: ConsoleHost, provider: FakeProvider) -> tuple[TestClient, int, str]:
    """Logs in; the browser, the status and where it is led."""
    browser = host.client()
    answer = browser.get("/login/back", params=provider.visit(away(browser)))
    return browser, answer.status_code, answer.headers.get("location", "")


def test_who_the_provider_vouches_for_gets_the_roles_of_the_mapping(host: ConsoleHost, provider: FakeProvider) -> None:
    """Small letters make the name; values that are not mapped give nothing; the next log-in brings the roles up to date."""
    browser, status, where = log_in(host, provider)
    assert (status, where) == (303, "/settings")
    assert "olga" in browser.get("/settings").text
    known = host.parts.directory.find("olga")
    assert known is not None
    assert (known.person.roles, known.person.origin, known.has_password) == (("operator",), ISSUER, False)
    provider.claims["groups"] = ["leads"]
    log_in(host, provider)
    known = host.parts.directory.find("olga")
    assert known is not None
    assert known.person.roles == ("approver",)
    assert "the shop&#39;s login" in host.client().get("/login").text


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "a token of another log-in"),
        ({"nonce": None}, "a token without the nonce"),
        ({"iss": "https://evil.example.com"}, "another issuer"),
        ({"aud": "another-client"}, "a token for somebody else"),
        ({"exp": int(EMPTY_AT.timestamp()) - 61}, "a token that is over"),
        ({"groups": ["canteen"]}, "no role"),
        ({"groups": None}, "no claim"),
        ({"preferred_username": "anna"}, "the name of somebody local"),
        ({"preferred_username": None}, "no name"),
        ({"preferred_username": "../etc"}, "a name that is none"),
        ({"sub": None}, "no subject"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_does_not_hold_lets_nobody_in(host: ConsoleHost, provider: FakeProvider, claims: dict[str, object], why: str) -> None:
    """The answer says no more than that; the log has the reason."""
    del why
    provider.claims |= claims
    browser, status, _ = log_in(host, provider)
    assert status == 401
    assert browser.get("/settings").status_code == 303
    assert host.parts.directory.find("olga") is None


def test_a_token_signed_by_somebody_else_does_not_hold_and_new_keys_do(host: ConsoleHost, provider: FakeProvider) -> None:
    """The keys are asked for again once, so that a provider may change them."""
    provider.signed_by = ECKey.generate_key("P-256", {"kid": "one"})
    assert log_in(host, provider)[1] == 401
    provider.key, provider.signed_by = provider.signed_by, None
    assert log_in(host, provider)[1] == 303


def test_a_state_counts_once_in_its_own_browser_and_for_ten_minutes(host: ConsoleHost, provider: FakeProvider) -> None:
    """Nobody is logged in as somebody else by a link."""
    browser = host.client()
    brought = provider.visit(away(browser))
    assert host.client().get("/login/back", params=brought).status_code == 401
    again = dict(browser.cookies)
    assert browser.get("/login/back", params=brought).status_code == 303
    browser.cookies.update(again)
    assert browser.get("/login/back", params=brought).status_code == 401
    late = host.client()
    brought = provider.visit(away(late))
    host.clock.move(timedelta(minutes=11))
    assert late.get("/login/back", params=brought).status_code == 401


def test_a_provider_that_is_away_or_is_another_one_is_said(host: ConsoleHost, provider: FakeProvider) -> None:
    """The page offers the password; nothing is begun."""
    provider.away = True
    answer = host.client().get("/login/provider")
    assert (answer.status_code, "does not answer" in answer.text) == (401, True)
    provider.away, provider.discovery = False, {"issuer": "https://evil.example.com"}
    assert host.client().get("/login/provider").status_code == 401
    provider.discovery = {"token_endpoint": "http://login.example.com/token"}
    assert host.client().get("/login/provider").status_code == 401


def test_a_name_is_not_taken_over_by_another_subject_nor_by_who_is_disabled(host: ConsoleHost, provider: FakeProvider) -> None:
    """A provider may give a name to somebody new; the console's roles and history stay with the first."""
    log_in(host, provider)
    provider.claims["sub"] = "u-2"
    assert log_in(host, provider)[1] == 401
    provider.claims["sub"] = "u-1"
    host.parts.directory.disable("olga", at=host.clock())
    assert log_in(host, provider)[1] == 401


def test_who_logs_out_is_led_to_the_providers_log_out_too(host: ConsoleHost, provider: FakeProvider) -> None:
    """By a page, since a form may be sent to the console only; the session here is over whatever the provider says."""
    provider.discovery = {"end_session_endpoint": f"{ISSUER}/end?realm=shop"}
    browser, _, _ = log_in(host, provider)
    left = browser.post("/logout")
    where = f"{ISSUER}/end?realm=shop&client_id=console&post_logout_redirect_uri={quote(f'{ORIGIN}/login', safe='')}"
    assert (left.status_code, escape(where) in left.text, "olga" in left.text) == (200, True, False)
    assert browser.get("/settings").status_code == 303
    browser, _, _ = log_in(host, provider)
    host.clock.move(timedelta(hours=2))
    provider.now = host.clock().timestamp()
    browser, _, _ = log_in(host, provider)
    provider.away = True
    host.clock.move(timedelta(minutes=50))
    assert browser.get("/settings").status_code == 200
    host.clock.move(timedelta(minutes=20))
    left = browser.post("/logout")
    assert (left.status_code, "does not answer: you are still logged in there" in left.text) == (200, True)
    assert browser.get("/settings").status_code == 303


@pytest.mark.parametrize("end", [None, "http://login.example.com/end"])
def test_a_provider_without_a_safe_log_out_leads_to_none(host: ConsoleHost, provider: FakeProvider, end: str | None) -> None:
    """One whose endpoint is not HTTPS is believed in nothing."""
    provider.discovery = {"end_session_endpoint": end}
    if end is not None:
        assert host.client().get("/login/provider").status_code == 401
        return
    browser, _, _ = log_in(host, provider)
    left = browser.post("/logout")
    assert (left.status_code, left.headers["location"]) == (303, "/login")


def test_without_a_provider_there_is_no_such_log_in(tmp_path: Path) -> None:
    """The addresses are not there."""
    with console(tmp_path, orders=None) as host:
        assert [host.client().get(path).status_code for path in ("/login/provider", "/login/back?code=1&state=2")] == [404, 404]
