"""Server-sent events: the stream of one open page, as text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

import orjson

from dataflows.console.live.hub import LetGoError, LiveHub, OpenPage
from dataflows.console.live.standing import StandingLine
from sinks.cases.queries.changes import packed_position

BEAT_S: Final = 5.0
"""How often a page hears that all is well; after twice that without a word it says that it is stale."""
RETRY_MS: Final = 1_000
"""How long a browser waits before it comes back."""
HEADERS: Final = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}
"""A proxy that collects what it passes on would hold changes back."""


def message(event: str, data: object, id_: str | None = None) -> bytes:
    """A message: an event with its data, and the position that a browser comes back with."""
    head = b"" if id_ is None else f"id: {id_}\n".encode()
    return head + f"event: {event}\n".encode() + b"data: " + orjson.dumps(data) + b"\n\n"


async def stream(
    hub: LiveHub,
    page: OpenPage,
    lines: Callable[[], Awaitable[Sequence[StandingLine]]],
    lives: Callable[[], Awaitable[bool]],
    beat: float = BEAT_S,
) -> AsyncIterator[bytes]:
    """What a page is sent until it goes, is let go, or its session ends. `lines`: what is the matter; `lives`: whether the session does."""
    said: Sequence[StandingLine] | None = None
    try:
        yield f"retry: {RETRY_MS}\n: orderwatch\n\n".encode()
        while True:
            try:
                found = await hub.next(page, beat if said is not None else 0.5)
            except LetGoError:
                return
            if found is not None:
                if found.says_something:
                    yield message("changed", found.data(), found.id)
                continue
            if not await lives():
                yield message("ended", {})
                return
            here = hub.here()
            now = await lines()
            if now != said:
                said = now
                yield message("standing", [{"kind": line.kind, "text": line.text, "route": line.route} for line in now])
            if here is not None:
                yield message("beat", {}, packed_position(here))
    finally:
        hub.close(page)
