"""Dispatch as a process: opens what it stands on, reads the log to its end, carries out what it asks for, and stops when it is asked to."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dataflows.dispatch.begin import Beginning
from dataflows.dispatch.chores import Chores
from dataflows.dispatch.contacts import Contacts
from dataflows.dispatch.following import Following
from dataflows.dispatch.healthy import load_health
from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.metrics import DispatchObserver, watch
from dataflows.dispatch.model import Clock, wall
from dataflows.dispatch.outbox import Outbox
from dataflows.dispatch.pipeline import STOPPING, Pipeline
from dataflows.dispatch.prepare import MAIL, Preparation
from dataflows.dispatch.queues import EndpointQueue
from dataflows.dispatch.recovery import Recovery
from dataflows.dispatch.result import Results
from dataflows.dispatch.schedule import Schedule
from dataflows.dispatch.sharing import WorkShare
from dataflows.observe import catalogue
from dataflows.observe.observer import Observer
from dataflows.settings.dispatch import DispatchSettings
from sinks.actions.executor import Executor
from sinks.decisions import DecisionWriter
from sources.outputs.reader import LogReader

POLL_S: Final = 0.3
READ_AGAIN_S: Final = 1.0
"""How long it waits after the log could not be read."""
ENDS_S: Final = 15.0
"""How often the log is asked how far it goes, for the metric of the lag."""
SAY_S: Final = 10.0
"""How long a stop waits for the log to take what is left to say; the rest is said by the next start."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An executor, and how long a call of it may take."""

    executor: Executor
    timeout_s: float


@dataclass(frozen=True, slots=True)
class DispatchGround:
    """What dispatch stands on. `share` is made once there is somebody to tell of changes."""

    reader: LogReader
    writer: DecisionWriter
    share: Callable[[Callable[[], None]], WorkShare]
    endpoints: Mapping[str, Endpoint]


class Dispatch:
    """One dispatcher."""

    def __init__(
        self,
        settings: DispatchSettings,
        ground: DispatchGround,
        journal: AttemptJournal,
        observer: Observer,
        clock: Clock = wall,
        seed: int | None = None,
    ) -> None:
        self._settings, self._ground, self._journal, self._observer, self._clock = settings, ground, journal, observer, clock
        self._listener = DispatchObserver(observer)
        self._seed = seed
        self._ends: Mapping[str, int] = {}
        self._unread: str | None = "the log has not been read to its end yet"
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Begins nothing more, and ends once what is under way has ended, or its time is over."""
        self._stop.set()

    async def run(self) -> None:
        """Until it is stopped. Raises what ended it otherwise."""
        settings, journal, loop = self._settings, self._journal, asyncio.get_running_loop()
        following = Following(journal.id)
        await journal.run(following.load)
        health = await journal.run(lambda db: load_health(db, settings.endpoints))
        outbox = Outbox(journal, self._ground.writer, self._unwritten, self._listener.refused)
        recovery: Recovery | None = None

        def shared_anew() -> None:
            if recovery is not None:
                recovery.shared_anew(self._clock())
            pipeline.look()

        def shared() -> None:
            loop.call_soon_threadsafe(shared_anew)

        share = self._ground.share(shared)
        stages = (
            Preparation(journal, Contacts(settings.contacts), settings.templates),
            Beginning(journal, outbox, following, share, self._clock, stale_s=settings.takeover_seconds / 2),
            Results(journal, outbox, Schedule(settings, random.Random(self._seed)), self._clock, self._listener),
        )
        pipeline = Pipeline(following, settings.routes, stages, share, self._clock, self._listener, no_route_s=settings.no_route_seconds)
        pipeline.queues = {
            name: EndpointQueue(
                health[name], endpoint.executor, endpoint.timeout_s, addressed=_addressed(settings, name), clock=self._clock,
                admit=pipeline.admit, carry=pipeline.carry,
            )
            for name, endpoint in self._ground.endpoints.items()
        }  # fmt: skip
        recovery = Recovery(pipeline, settings.takeover_seconds, self._clock())
        chores = Chores(pipeline, recovery, journal, outbox, settings, self._clock)
        self._watch(pipeline, outbox, chores, following)
        try:
            await self._seek(following)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._read(following, pipeline, recovery)),
                    group.create_task(chores.run()),
                    *(group.create_task(queue.run()) for queue in pipeline.queues.values()),
                ]
                writing = group.create_task(outbox.run())
                beating = group.create_task(self._beat())
                await self._stop.wait()
                pipeline.stop()
                for task in tasks[1:]:
                    task.cancel()
                await self._settle(pipeline)
                tasks[0].cancel()
                await self._say(outbox)
                writing.cancel()
                beating.cancel()
        finally:
            share.close()
            for endpoint in self._ground.endpoints.values():
                await endpoint.executor.close()

    async def _seek(self, following: Following) -> None:
        """Reads on from where it stopped; waits for the log if it cannot be read yet."""
        while not self._stop.is_set():
            try:
                await asyncio.to_thread(self._ground.reader.seek, dict(following.offsets))
                return
            except OSError as error:
                self._unread = f"the log cannot be read: {error}"
                self._listener.failed("reading the log")
                self._observer.log.warning("the log cannot be read", error=str(error))
                await asyncio.sleep(READ_AGAIN_S)

    async def _settle(self, pipeline: Pipeline) -> None:
        """Lets calls under way end; what does not in time is broken off, and taken up by the next start."""
        try:
            async with asyncio.timeout(self._settings.stop_seconds):
                await pipeline.settle()
        except TimeoutError:
            left = [task for queue in pipeline.queues.values() for task in queue.running]
            self._observer.log.warning("calls broken off at the stop", calls=len(left))
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _say(self, outbox: Outbox) -> None:
        try:
            async with asyncio.timeout(SAY_S):
                await outbox.flush()
        except TimeoutError:
            self._observer.log.warning("decisions left to write at the stop; the next start writes them")

    async def _beat(self) -> None:
        while True:
            self._observer.beat()
            await asyncio.sleep(1.0)

    async def _read(self, following: Following, pipeline: Pipeline, recovery: Recovery) -> None:
        reader, asked_at, loop = self._ground.reader, 0.0, asyncio.get_running_loop()
        ready = False
        while True:
            try:
                if loop.time() - asked_at > (ENDS_S if self._unread is None else READ_AGAIN_S):
                    self._ends, asked_at = await asyncio.to_thread(reader.ends), loop.time()
                records = await asyncio.to_thread(reader.poll, POLL_S)
            except OSError as error:
                self._unread = f"the log cannot be read: {error}"
                # A pause or a withdrawal may stand there: nothing is begun without it.
                pipeline.blocked = pipeline.blocked or "unread"
                self._listener.failed("reading the log")
                self._observer.log.warning("the log cannot be read", error=str(error))
                await asyncio.sleep(READ_AGAIN_S)
                with suppress(OSError):
                    await asyncio.to_thread(reader.seek, dict(following.offsets))
                continue
            changed, paused, work = following.apply(records)
            if records:
                await self._journal.keep(work)
                if following.erases:
                    self._journal.shorten_log()
            if self._unread is not None and self._is_at_end(following):
                self._unread = None
                if pipeline.blocked != STOPPING:
                    pipeline.blocked = ""
                if not ready:
                    ready = True
                    self._observer.resumed()
                    recovery.restart()
                pipeline.look()
            elif paused:
                pipeline.look()
            else:
                pipeline.place(changed)

    def _is_at_end(self, following: Following) -> bool:
        """Whether all has been read that was there when it was asked how far the log goes."""
        return all(following.offsets.get(partition, 0) >= end for partition, end in self._ends.items())

    def _watch(self, pipeline: Pipeline, outbox: Outbox, chores: Chores, following: Following) -> None:
        observer = self._observer
        watch(observer, pipeline, outbox, self._clock)
        observer.read(catalogue.DISPATCH_DEAD_LETTERS, lambda: float(chores.letters))
        observer.read(catalogue.DISPATCH_REFUSED, lambda: float(chores.refused))
        observer.read(
            catalogue.LAG, lambda: {name: float(max(0, end - following.offsets.get(name, 0))) for name, end in tuple(self._ends.items())}
        )
        observer.health.require(lambda: self._unread)
        observer.health.require(lambda: self._journal.ailment)
        observer.health.require(lambda: outbox.ailment)

    def _unwritten(self, why: str) -> None:
        self._listener.failed("writing decisions")
        self._observer.log.warning("decisions cannot be written", error=why)


def _addressed(settings: DispatchSettings, name: str) -> bool:
    terms = settings.endpoints[name]
    return terms.kind == MAIL if terms.recipients is None else terms.recipients


async def run_until_stopped(dispatch: Dispatch) -> None:
    """Runs it until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, dispatch.stop)
    await dispatch.run()
