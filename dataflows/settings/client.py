"""How commands that decide reach the gateway: `orderwatch cases`, `actions`, `automation`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from dataflows.settings.gateway import URL
from dataflows.settings.values import Section


def _base(text: str | None) -> str | None:
    if text is None:
        return None
    if not URL.fullmatch(text):
        raise ValueError(f"{text!r} is no URL; write it as http://127.0.0.1:8080")
    return text.rstrip("/")


class ClientSettings(Section):
    """The gateway as commands see it."""

    api: Annotated[str | None, AfterValidator(_base)] = Field(
        default=None,
        description="URL of the gateway that takes decisions; `https` unless it is this host. Unset: the gateway of these settings, here.",
    )
    token: SecretStr | None = Field(
        default=None,
        description="The token that decisions are made with, as `orderwatch tokens create` showed it, or `token_file`.",
    )
    timeout_seconds: float = Field(default=30.0, gt=0, le=600, description="How long an answer may take.")
