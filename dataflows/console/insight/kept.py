"""Answers that cost much are kept for a while and shared: who asks for the same meanwhile, or at once, gets the same."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

Found = TypeVar("Found")
AGE_S: Final = 60.0
MOST: Final = 300


@dataclass(slots=True)
class KeptAnswer:
    """An answer, or the asking for it. `renewal`: who asks for it anew while this one is still given."""

    since: float
    answer: asyncio.Future[Any]
    renewal: asyncio.Task[None] | None = None


class KeptAnswers:
    """Answers by what was asked, on one event loop. `age`: for how many seconds each is kept; 0: only who asks at once gets the same."""

    def __init__(self, age: float = AGE_S, most: int = MOST) -> None:
        self._age, self._most = age, most
        self._kept: OrderedDict[Hashable, KeptAnswer] = OrderedDict()

    async def get(self, asked: Hashable, ask: Callable[[], Awaitable[Found]], *, longest: float = 0, age: float | None = None) -> Found:
        """The answer; asked for anew if it is too old. Raises what asking raises, which is not kept.

        `age`: of this answer, where it is another than of all. `longest`: up to so many seconds an older one is given at once, and asked
        for anew behind the back of who gets it.
        """
        loop = asyncio.get_running_loop()
        held = self._kept.get(asked)
        if held is not None:
            old = loop.time() - held.since
            if old < (self._age if age is None else age) or not held.answer.done():
                return await asyncio.shield(held.answer)
            if old < longest:
                if held.renewal is None or held.renewal.done():
                    held.renewal = asyncio.create_task(self._renew(asked, held, ask))
                return cast("Found", held.answer.result())
        task = asyncio.ensure_future(_run(ask))
        made = self._keep(asked, loop.time(), task)
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done() and self._kept.get(asked) is made:
                del self._kept[asked]
            raise

    async def refresh(self, asked: Hashable, ask: Callable[[], Awaitable[Any]], *, age: float) -> None:
        """Asks anew for what is older than so many seconds, or was never asked; who asks meanwhile gets the kept one."""
        held = self._kept.get(asked)
        if held is None:
            await self.get(asked, ask)
        elif asyncio.get_running_loop().time() - held.since >= age and held.answer.done():
            await self._renew(asked, held, ask)

    def forget(self) -> None:
        """All is asked for anew. On any thread."""
        self._kept = OrderedDict()

    def _keep(self, asked: Hashable, since: float, answer: asyncio.Future[Any]) -> KeptAnswer:
        kept = self._kept
        made = kept[asked] = KeptAnswer(since, answer)
        kept.move_to_end(asked)
        while len(kept) > self._most:
            kept.popitem(last=False)
        return made

    async def _renew(self, asked: Hashable, held: KeptAnswer, ask: Callable[[], Awaitable[Any]]) -> None:
        began = asyncio.get_running_loop().time()
        task = asyncio.ensure_future(_run(ask))
        # If it fails, the kept one is right as of its time; who asks once that is too old asks for themselves, and is told what is wrong.
        await asyncio.wait([task])
        if task.exception() is None and self._kept.get(asked) is held:
            self._keep(asked, began, task)


async def _run(ask: Callable[[], Awaitable[Found]]) -> Found:
    return await ask()
