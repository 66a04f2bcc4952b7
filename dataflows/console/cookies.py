"""The cookie of a session."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from dataflows.settings.console import ConsoleSettings

COOKIE: Final = "__Host-orderwatch"
PLAIN_COOKIE: Final = "orderwatch"


def cookie_of(settings: ConsoleSettings) -> str:
    """Its name: with `__Host-` browsers take it over HTTPS only, and from this host only."""
    return COOKIE if settings.cookie == "secure" else PLAIN_COOKIE


def keep_session(response: Response, settings: ConsoleSettings, id_: str) -> None:
    """Has the browser keep the ID of a session until it is closed."""
    response.set_cookie(cookie_of(settings), id_, path="/", secure=settings.cookie == "secure", httponly=True, samesite="lax")


def forget_session(response: Response, settings: ConsoleSettings) -> None:
    """Has the browser forget it."""
    response.delete_cookie(cookie_of(settings), path="/", secure=settings.cookie == "secure", httponly=True, samesite="lax")
