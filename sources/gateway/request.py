"""A request as the gateway judges it, and how it answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

Outcome: TypeAlias = Literal[
    "accepted",
    "partly",
    "ignored",
    "refused",
    "duplicate",
    "ping",
    "forged",
    "stale",
    "unknown",
    "forbidden",
    "not_readable",
    "bad_method",
    "bad_encoding",
    "too_large",
    "head_too_large",
    "too_slow",
    "too_often",
    "busy",
    "unavailable",
    "gone",
    "evicted",
    "failed",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
MEANING: Final[dict[Outcome, str]] = {
    "accepted": "its events are durable",
    "partly": "its events are durable, and what of it was refused is kept",
    "ignored": "understood, and nothing about an order",
    "refused": "genuine but not readable: kept",
    "duplicate": "it had been answered before",
    "ping": "the system's unsigned trial of the address, of which nothing is taken or kept",
    "forged": "no signature, or none that holds",
    "stale": "signed too long ago, or in the future",
    "unknown": "no such connection",
    "forbidden": "the token is known, and not for this",
    "not_readable": "neither JSON nor JSON Lines",
    "bad_method": "only POST is taken",
    "bad_encoding": "compressed, in a way that is not taken here",
    "too_large": "the body, or what is compressed in it, is too large, or holds too many pieces",
    "head_too_large": "the headers are too large",
    "too_slow": "the body did not come in time",
    "too_often": "above the connection's rate",
    "busy": "as many rightly signed requests, or as many bytes, are under way as are allowed",
    "unavailable": "the events could not be made durable in time",
    "gone": "the sender went away before its request was complete",
    "evicted": "it came more slowly than others when there were too many connections or bytes",
    "failed": "a fault of the gateway",
}
"""What is said of an outcome where it is documented."""
GOOD: frozenset[Outcome] = frozenset(("accepted", "partly", "ignored", "refused", "duplicate", "ping"))
"""What is answered with 2xx: the sender need not come again."""

STATUS: dict[Outcome, int] = {
    "accepted": 200,
    "partly": 200,
    "ignored": 200,
    "duplicate": 200,
    "ping": 200,
    # Genuine, but nothing that can be read: sent again it would be no better, and many senders switch a webhook off that errs.
    "refused": 202,
    "forged": 401,
    "stale": 401,
    "not_readable": 400,
    "forbidden": 403,
    "unknown": 404,
    "bad_method": 405,
    "too_slow": 408,
    "too_large": 413,
    "bad_encoding": 415,
    "head_too_large": 431,
    "too_often": 429,
    "failed": 500,
    "busy": 503,
    "unavailable": 503,
    "evicted": 503,
    "gone": 400,
}


@dataclass(frozen=True, slots=True)
class Request:
    """What came: headers by lower-case name, the query as it stood in the URL, the whole body.

    `url` is the whole URL as the sender has it, from the settings: what a proxy made of it is not what the sender signed.
    """

    headers: dict[str, str]
    query: bytes
    body: bytes
    received: datetime
    method: str = "POST"
    url: str = ""


class Reply(NamedTuple):
    """What the sender is told. `retry_after`: seconds after which it may come again."""

    outcome: Outcome
    retry_after: int | None = None
    close: bool = False
    """Whether the connection ends with it, as it must where the body was not read."""

    @property
    def good(self) -> bool:
        """Whether it is a 2xx."""
        return self.outcome in GOOD


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as ASGI has them, by lower-case name; one that was sent several times is joined by commas."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
