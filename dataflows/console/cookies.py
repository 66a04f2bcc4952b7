"""The cookie of a session."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from dataflows.settings.console import ConsoleSettings

COOKIE: Final = "__Host-orderwatch"
PLAIN_COOKIE: Final = "orderwatch"
STATE_S: Final = 600


def cookie_of(settings: ConsoleSettings) -> str:
    """Its name: with `__Host-` browsers take it over HTTPS only, and from this host only."""
    return COOKIE if settings.cookie == "secure" else PLAIN_COOKIE


def state_of(settings: ConsoleSettings) -> str:
    """The name of the cookie that binds a log-in with the provider to this browser."""
    return f"{cookie_of(settings)}-state"


def keep_state(response: Response, settings: ConsoleSettings, state: str) -> None:
    """Has the browser keep the state until it is back from the provider."""
    secure = settings.cookie == "secure"
    response.set_cookie(state_of(settings), state, max_age=STATE_S, path="/", secure=secure, httponly=True, samesite="lax")


def forget_state(response: Response, settings: ConsoleSettings) -> None:
    """Has the browser forget it."""
    response.delete_cookie(state_of(settings), path="/", secure=settings.cookie == "secure", httponly=True, samesite="lax")


def keep_session(response: Response, settings: ConsoleSettings, id_: str) -> None:
    """Has the browser keep the ID of a session until it is closed."""
    response.set_cookie(cookie_of(settings), id_, path="/", secure=settings.cookie == "secure", httponly=True, samesite="lax")


def forget_session(response: Response, settings: ConsoleSettings) -> None:
    """Has the browser forget it."""
    response.delete_cookie(cookie_of(settings), path="/", secure=settings.cookie == "secure", httponly=True, samesite="lax")
