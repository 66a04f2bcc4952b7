"""Objects of a C library that calls Python on threads of its own."""

from __future__ import annotations

from threading import get_ident
from typing import Final

_WAITING: Final[list[FreedByOwner]] = []
"""Those that were to be freed on another thread."""


class FreedByOwner:
    """An object that no thread frees but the one that made it, or one that makes the next such object.

    Python's collector runs on whichever thread allocates, and so on a library's own, while that hands over an answer. librdkafka aborts the
    process when a client is destroyed on the client's own thread. What the collector finds there waits here for the next, or for the end.
    """

    def __init__(self, *arguments: object, **settings: object) -> None:
        _WAITING.clear()
        self._maker = get_ident()
        super().__init__(*arguments, **settings)

    def __del__(self) -> None:
        if get_ident() != self._maker:
            _WAITING.append(self)
