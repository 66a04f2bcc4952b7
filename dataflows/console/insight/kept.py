"""Answers that cost much are kept for a while and shared: who asks for the same meanwhile, or at once, gets the same."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar

Found = TypeVar("Found")
AGE_S: Final = 60.0
MOST: Final = 300


class KeptAnswers:
    """Answers by what was asked, on one event loop. `age`: for how many seconds each is kept; 0: only who asks at once gets the same."""

    def __init__(self, age: float = AGE_S, most: int = MOST) -> None:
        self._age, self._most = age, most
        self._kept: OrderedDict[Hashable, tuple[float, asyncio.Future[Any]]] = OrderedDict()

    async def get(self, asked: Hashable, ask: Callable[[], Awaitable[Found]]) -> Found:
        """The answer; asked for anew if it is too old. Raises what asking raises, which is not kept."""
        loop = asyncio.get_running_loop()
        held = self._kept.get(asked)
        if held is not None and (loop.time() - held[0] < self._age or not held[1].done()):
            return await asyncio.shield(held[1])
        task = asyncio.ensure_future(_run(ask))
        self._kept[asked] = (loop.time(), task)
        self._kept.move_to_end(asked)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done() and self._kept.get(asked, (0, None))[1] is task:
                del self._kept[asked]
            raise


async def _run(ask: Callable[[], Awaitable[Found]]) -> Found:
    return await ask()
