"""How much is let in: requests per second of a connection, requests and bytes at a time, the size and the pace of a body."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the whole gateway. Sizes in bytes, times in seconds."""

    requests: int = 256
    """Requests that are answered at a time."""
    buffered: int = 64 << 20
    """Bytes of their bodies."""
    read_timeout: float = 10.0
    """How long the head, and then the body, of a request may take to come."""
    head: int = 32 << 10
    """Bytes of the head of a request: its line and headers."""
    connections: int = 2_000
    keep_alive: int = 60
    """How long an idle connection stays open."""


class Bucket:
    """A token bucket: `rate` requests per second, `burst` at once. `clock` gives seconds that never go back."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self.rate, self.burst = rate, burst
        self._clock = clock
        self._tokens, self._at = float(burst), clock()

    def take(self) -> float:
        """Takes a token; returns 0, or after how many seconds there will be one."""
        now = self._clock()
        self._tokens = min(float(self.burst), self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.rate


class TooLargeError(Exception):
    """The body is larger than the connection takes."""


class BusyError(Exception):
    """More bytes are under way than are allowed."""


class GoneError(Exception):
    """The sender went away before the body was complete."""


class Buffered:
    """Counts the bytes of the bodies that are held at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.now = 0

    def add(self, count: int) -> None:
        """More bytes are held. Raises BusyError if that is too many."""
        if self.now + count > self._most:
            raise BusyError
        self.now += count

    def release(self, count: int) -> None:
        """Bytes are held no more."""
        self.now -= count


class Body:
    """The pieces of a body as they come, counted in `buffered` until it is let go."""

    def __init__(self, buffered: Buffered, most: int) -> None:
        self._buffered, self._most = buffered, most
        self._pieces: list[bytes] = []
        self.size = 0

    async def read(self, receive: Receive, headers: dict[str, str], patience: float) -> bytes:
        """The body of a request, if it comes within `patience` seconds; stops reading as soon as it is too large.

        Raises TooLargeError, BusyError, GoneError, TimeoutError.
        """
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._most:
            raise TooLargeError
        async with asyncio.timeout(patience):
            while self._take(await receive()):
                pass
        return b"".join(self._pieces)

    def let_go(self) -> None:
        """The body is not held any more."""
        self._buffered.release(self.size)
        self._pieces, self.size = [], 0

    def _take(self, message: Message) -> bool:
        """Takes a piece; returns whether there are more."""
        if message["type"] == "http.disconnect":
            raise GoneError
        piece = cast("bytes", message.get("body", b""))
        if self.size + len(piece) > self._most:
            raise TooLargeError
        self._buffered.add(len(piece))
        self.size += len(piece)
        self._pieces.append(piece)
        return bool(message.get("more_body"))
