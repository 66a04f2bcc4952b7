"""Has the gateway of an embedded installation erase what the engine says is erased: it follows the log in which the engine says so.

How far it has come stands in a file beside what it erases from; what was erased is erased again after a crash, which changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, cast

import orjson

from dataflows.observe import catalogue
from dataflows.observe.observer import Observer
from dataflows.runtime.state.files import write_whole
from schemas.deciding import FORGOTTEN, customer_digest
from schemas.envelope import DEFAULT_TENANT
from schemas.output import EXCEPTION_FORGOTTEN
from sources.embedded.outputs import EmbeddedReader
from sources.gateway.dead_letters import DeadLetters
from sources.gateway.erasing import ErasedNames, erase_from
from sources.gateway.journal import Journal
from sources.gateway.memory import GatewayMemory
from sources.outputs.reader import LoggedRecord, LostRecordsError, UnreadableLogError

FILE: Final = "erased.json"
EVERY_S: Final = 1.0
FAILED: Final = "what was erased is not erased from what the gateway keeps"
THINGS: Final = frozenset(("tracking_number", "payment_id"))
"""Fields of events that name a thing which others name without its order."""


class GatewayErasure:
    """Erases from what the gateway keeps in `folder`, by the logs in `data`. Used on one loop; files are read on threads."""

    def __init__(self, data: Path, folder: Path, dead_letters: DeadLetters, audit: Journal, memory: GatewayMemory) -> None:
        self._data, self._file = data, folder / FILE
        self._dead_letters, self._audit, self._memory = dead_letters, audit, memory
        self._reader: EmbeddedReader | None = None

    async def work(self, observer: Observer) -> None:
        """Follows the log until it is cancelled. What fails is logged, and tried again."""
        while True:
            try:
                gone = await self.turn()
            except (OSError, sqlite3.Error, LostRecordsError, UnreadableLogError) as error:
                self.close()
                observer.metrics.count(catalogue.GATEWAY_FAILURES, FAILED)
                observer.log.error(FAILED, error=str(error))  # noqa: TRY400 - one line says it
            else:
                if gone is not None:
                    observer.log.info("erased from what the gateway keeps", refused_requests=gone)
            await asyncio.sleep(EVERY_S)

    async def turn(self) -> int | None:
        """Erases what has been said to be erased since the last time; how many refused requests went, None if nothing was said.

        Raises OSError, sqlite3.Error, LostRecordsError, UnreadableLogError.
        """
        records = await asyncio.to_thread(self._poll)
        if not records:
            return None
        gone: int | None = None
        if said := [each for record in records if (each := _erasure(record)) is not None]:
            names = await asyncio.to_thread(names_of, self._data, said)
            gone = await erase_from(self._dead_letters, self._audit, self._memory, names)
        offsets = {record.partition: record.next for record in records}
        await asyncio.to_thread(write_whole, self._file, orjson.dumps(offsets))
        return gone

    def close(self) -> None:
        """Lets go of the files; the next turn goes on where the last one ended."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _poll(self) -> Sequence[LoggedRecord]:
        if self._reader is None:
            known: object = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
            self._reader = EmbeddedReader(self._data, ("exceptions",))
            self._reader.seek(cast("dict[str, int]", known))
        return self._reader.poll(0)


def names_of(data: Path, said: Sequence[Mapping[str, object]]) -> ErasedNames:
    """Who was erased, by the engine's records of it, and what the input log says is theirs. It reads the input log once over."""
    orders = {(str(each["tenant"]), str(each["order"])) for each in said if each["order"] is not None}
    digests = {str(each["digest"]) for each in said if each["digest"] is not None}
    customers: set[str] = set()
    if digests:
        for _, tenant, inner in _events(data, "decisions", (FORGOTTEN.encode(),)):
            name = inner.get("customer_id")
            if isinstance(name, str) and customer_digest(tenant, name) in digests:
                customers.add(name)
    theirs: set[str] = set()
    if orders:
        for subject, tenant, inner in _events(data, "events", [order.encode() for _, order in orders]):
            if (tenant, subject) in orders:
                theirs |= set(_things(inner))
    others: set[str] = set()
    if theirs:  # A parcel of two orders is not theirs alone.
        for subject, tenant, inner in _events(data, "events", [thing.encode() for thing in theirs]):
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


def _events(data: Path, topic: str, having: Sequence[bytes]) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """Subject, tenant and data of the events of an input log that have one of the given bytes somewhere."""
    with closing(EmbeddedReader(data, (topic,))) as reader:
        reader.seek({})
        while records := reader.poll(0):
            for record in records:
                if not any(each in record.value for each in having):
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
