"""Server-sent events: the stream of one open page, as text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

import orjson

from dataflows.console.live.hub import LetGoError, LiveHub, OpenPage
from dataflows.console.live.standing import StandingLine
from sinks.cases.queries.changes import packed_position

BEAT_S: Final = 5.0
"""How often a page hears that all is well; after twice that without a word it says that it is stale."""
FIRST_S: Final = 0.5
"""When it hears so first."""
RETRY_MS: Final = 1_000
"""How long a browser waits before it comes back."""
NOTHING: Final = b"{}"
HEADERS: Final = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}
"""A proxy that collects what it passes on would hold changes back."""


def message(event: str, data: bytes, id_: str | None = None) -> bytes:
    """A message: an event with its data (JSON), and the position that a browser comes back with."""
    head = b"" if id_ is None else f"id: {id_}\n".encode()
    return head + f"event: {event}\n".encode() + b"data: " + data + b"\n\n"


async def stream(
    hub: LiveHub,
    page: OpenPage,
    lines: Callable[[], Awaitable[Sequence[StandingLine]]],
    lives: Callable[[], Awaitable[bool]],
    beat: float = BEAT_S,
) -> AsyncIterator[bytes]:
    """What a page is sent until it goes, is let go, or its session ends. `lines`: what is the matter; `lives`: whether the session does."""
    loop = asyncio.get_running_loop()
    said: Sequence[StandingLine] | None = None
    due = loop.time() + FIRST_S
    try:
        yield f"retry: {RETRY_MS}\n: orderwatch\n\n".encode()
        while True:
            try:
                found = await hub.next(page, max(0.0, due - loop.time()))
            except LetGoError:
                return
            if found is not None and found.says_something:
                yield message("changed", found.payload, found.id)
            if loop.time() < due:
                continue  # by the clock: where changes never pause, a session ends and a feed falls silent all the same
            due = loop.time() + beat
            if not await lives():
                yield message("ended", NOTHING)
                return
            here, waits = hub.here(), not page.waiting.empty()
            now = await lines()
            if now != said:
                said = now
                yield message("standing", orjson.dumps([{"kind": line.kind, "text": line.text, "route": line.route} for line in now]))
            if here is not None:  # whoever comes back with it misses nothing: not while something before it waits to be told
                yield message("beat", NOTHING, None if waits else packed_position(here))
    finally:
        hub.close(page)
