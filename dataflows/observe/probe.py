"""Asks a process of an installation what `http` answers."""

from __future__ import annotations

from http.client import HTTPResponse
from typing import Final, cast
from urllib.request import ProxyHandler, build_opener

_OPENER: Final = build_opener(ProxyHandler({}))
"""Without the proxies of the environment: they are for what lies outside, and do not know this host's loopback."""


def probe(url: str, timeout: float) -> HTTPResponse:
    """The answer. Raises OSError where there is none, and its HTTPError where the process says that it is not well."""
    return cast("HTTPResponse", _OPENER.open(url, timeout=timeout))
