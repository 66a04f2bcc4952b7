"""Has the gateway erase what the engine says is erased: it follows the log in which the engine says so, embedded or in Kafka.

How far it has come stands in a file beside what it erases from; what was erased is erased again after a crash, which changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Final, TypeAlias, cast

import orjson

from dataflows.observe import catalogue
from dataflows.observe.observer import Observer
from dataflows.runtime.state.files import write_whole
from schemas.deciding import FORGOTTEN, customer_digest
from schemas.envelope import DEFAULT_TENANT
from schemas.output import EXCEPTION_FORGOTTEN
from sources.gateway.dead_letters import DeadLetters
from sources.gateway.erasing import ErasedNames, erase_from
from sources.gateway.journal import Journal
from sources.gateway.memory import GatewayMemory
from sources.kafka.settings import KafkaInputError
from sources.outputs.reader import LoggedRecord, LogReader, LostRecordsError, UnreadableLogError

FILE: Final = "erased.json"
EVERY_S, LATEST_S = 1.0, 60.0
"""How long after a turn the next one comes: doubled each time that one fails."""
POLL_S: Final = 0.05
TURN_S: Final = 10.0
"""For how long a turn reads on what has been said, before it erases."""
SILENCE_S: Final = 60.0
"""For how long a log that has not ended may give nothing."""
FAILED: Final = "what was erased is not erased from what the gateway keeps"
THINGS: Final = frozenset(("tracking_number", "payment_id"))
"""Fields of events that name a thing which others name without its order."""


class NothingSaidError(Exception):
    """The log in which the engine says what is erased is not there yet."""


class ErasureStoppedError(Exception):
    """The gateway ends while a log is read through."""


OpenLog: TypeAlias = Callable[[str], LogReader]
"""Opens a log by what it holds: `exceptions`, `decisions`, or `events`, which may lie in several topics."""


class GatewayErasure:
    """Erases from what the gateway keeps in `folder`, by the logs that `open_log` opens. Used on one loop; logs are read on threads."""

    def __init__(self, open_log: OpenLog, folder: Path, dead_letters: DeadLetters, audit: Journal, memory: GatewayMemory) -> None:
        self._open, self._file = open_log, folder / FILE
        self._dead_letters, self._audit, self._memory = dead_letters, audit, memory
        self._reader: LogReader | None = None
        self._ends = Event()

    async def work(self, observer: Observer) -> None:
        """Follows the log until it is cancelled. What fails is logged, and tried again, ever later."""
        wait = EVERY_S
        while True:
            try:
                gone = await self.turn()
            except NothingSaidError:
                wait = LATEST_S
            except (OSError, sqlite3.Error, LostRecordsError, KafkaInputError) as error:
                self.close()
                if isinstance(error, LostRecordsError):  # From the beginning of what is there: what was erased is erased again.
                    self._file.unlink(missing_ok=True)
                observer.metrics.count(catalogue.GATEWAY_FAILURES, FAILED)
                observer.log.error(FAILED, error=str(error))  # noqa: TRY400 - one line says it
                wait = min(LATEST_S, 2 * wait)
            else:
                wait = EVERY_S
                if gone is not None:
                    observer.log.info("erased from what the gateway keeps", refused_requests=gone)
            await asyncio.sleep(wait)

    async def turn(self) -> int | None:
        """Erases what has been said to be erased since the last time; how many refused requests went, None if nothing was said.

        Raises OSError, sqlite3.Error, LostRecordsError, KafkaInputError; NothingSaidError while there is no log.
        """
        said, offsets = await asyncio.to_thread(self._poll)
        if not offsets:
            return None
        gone: int | None = None
        if said:
            names = await asyncio.to_thread(names_of, self._whole, said)
            gone = await erase_from(self._dead_letters, self._audit, self._memory, names)
        await asyncio.to_thread(write_whole, self._file, orjson.dumps(self._known() | offsets))
        return gone

    def stop(self) -> None:
        """Nothing is read any more: what was not erased yet is, when the gateway is up again."""
        self._ends.set()

    def close(self) -> None:
        """Lets go of the log; the next turn goes on where the last one ended."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _known(self) -> dict[str, int]:
        return cast("dict[str, int]", json.loads(self._file.read_text(encoding="utf-8"))) if self._file.exists() else {}

    def _poll(self) -> tuple[list[Mapping[str, object]], dict[str, int]]:
        """What has been said to be erased since, and how far the log was read: to its end, or for some seconds."""
        if self._reader is None:
            reader = self._open("exceptions")
            try:
                reader.seek(self._known())
            except BaseException:
                reader.close()
                raise
            self._reader = reader
        said, offsets = list[Mapping[str, object]](), dict[str, int]()
        until = time.monotonic() + TURN_S
        while time.monotonic() < until and not self._ends.is_set() and (records := self._reader.poll(POLL_S)):
            said += [each for record in records if (each := _erasure(record)) is not None]
            offsets |= {record.partition: record.next for record in records}
        return said, offsets

    def _whole(self, topic: str) -> Iterator[LoggedRecord]:
        """A log, from its beginning to where it ends now. Raises ErasureStoppedError; UnreadableLogError if no word comes of its end."""
        with closing(self._open(topic)) as reader:
            reader.seek({})
            seen, ends, heard = dict[str, int](), dict(reader.ends()), time.monotonic()
            while True:
                if self._ends.is_set():
                    raise ErasureStoppedError
                if records := reader.poll(POLL_S):
                    heard = time.monotonic()
                    seen |= {record.partition: record.next for record in records}
                    yield from records
                    continue
                now = reader.ends()  # Behind the last record there may be what is none, as is known once the end was read.
                if all(seen.get(name, 0) >= min(end, now.get(name, 0)) for name, end in ends.items()):
                    return
                if time.monotonic() - heard > SILENCE_S:
                    raise UnreadableLogError(f"no word of the end of the log of {topic}")


def names_of(whole: Callable[[str], Iterator[LoggedRecord]], said: Sequence[Mapping[str, object]]) -> ErasedNames:
    """Who was erased, by the engine's records of it, and what the input says is theirs: `whole` reads a log through, at most twice."""
    orders = {(str(each["tenant"]), str(each["order"])) for each in said if each["order"] is not None}
    digests = {str(each["digest"]) for each in said if each["digest"] is not None}
    customers: set[str] = set()
    if digests:
        for _, tenant, inner in _events(whole, "decisions", (FORGOTTEN.encode(),)):
            name = inner.get("customer_id")
            if isinstance(name, str) and customer_digest(tenant, name) in digests:
                customers.add(name)
    theirs: set[str] = set()
    if orders:
        for subject, tenant, inner in _events(whole, "events", [order.encode() for _, order in orders]):
            if (tenant, subject) in orders:
                theirs |= set(_things(inner))
    others: set[str] = set()
    if theirs:  # A parcel of two orders is not theirs alone.
        for subject, tenant, inner in _events(whole, "events", [thing.encode() for thing in theirs]):
            if subject and (tenant, subject) not in orders:
                others |= set(_things(inner))
    return ErasedNames(frozenset(order for _, order in orders), frozenset(customers), frozenset(theirs - others))


def _erasure(record: LoggedRecord) -> Mapping[str, object] | None:
    if EXCEPTION_FORGOTTEN.encode() not in record.value:
        return None
    event = orjson.loads(record.value)
    if event["type"] != EXCEPTION_FORGOTTEN:
        return None
    data = event["data"]
    return {"tenant": event.get("tenant") or DEFAULT_TENANT, "order": data.get("order_id"), "digest": data.get("customer_digest")}


def _events(
    whole: Callable[[str], Iterator[LoggedRecord]], topic: str, having: Sequence[bytes]
) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """Subject, tenant and data of the events of a log that have one of the given bytes somewhere."""
    wanted = re.compile(b"|".join(map(re.escape, having)))
    for record in whole(topic):
        if not wanted.search(record.value):
            continue
        try:
            read: object = orjson.loads(record.value)
        except orjson.JSONDecodeError:
            continue  # the engine gives it back as a reject
        event = cast("dict[str, object]", read if isinstance(read, dict) else {})
        inner = event.get("data")
        if isinstance(inner, dict):
            yield str(event.get("subject") or ""), str(event.get("tenant") or DEFAULT_TENANT), cast("dict[str, object]", inner)


def _things(value: object) -> Iterator[str]:
    """The names of things in an event, however deep they stand."""
    if isinstance(value, dict):
        for name, inner in cast("dict[str, object]", value).items():
            if name in THINGS and isinstance(inner, str):
                yield inner
            else:
                yield from _things(inner)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _things(inner)
