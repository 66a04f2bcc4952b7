"""What a source no longer says is withdrawn: histories are compared with what the same source said of the same thing before.

Trackers send the whole history every time, late, twice and in any order. A history supersedes another if it was said later. What it
leaves out of the stretch of time that it covers (from its own first event on) did not occur: an `evidence.withdrawn` says so. What lies
before its first event was cut off by the source, not withdrawn. An event that comes back after it was withdrawn gets a new ID, since
the engine knows the old one as withdrawn for good.

`settle` is a function of what is remembered and what is told: whoever keeps the memory saves it after the events are durable. If it is
lost in between, the same history gives the same events again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from sources.adapters.base import dataschema
from sources.adapters.moments import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sources.adapters.base import Connection
    from sources.adapters.told import Draft, History

MOST = 5_000
"""Most events of one history that are remembered; the longest in the field have some hundreds."""


class Remembered(NamedTuple):
    """The last history of a thing: when it was said, its events with their times, and how often each that was withdrawn was."""

    said: datetime
    events: dict[str, datetime]
    withdrawn: dict[str, int]


class Memory(Protocol):
    """Where histories are remembered, by source and key."""

    def get(self, key: str) -> Remembered | None:
        """The last history of a thing."""
        ...

    def put(self, key: str, value: Remembered) -> None:
        """Remembers it."""
        ...


def settle(
    drafts: Sequence[Draft], histories: Sequence[History], memory: Memory, connection: Connection
) -> tuple[list[Draft], dict[str, Remembered]]:
    """The events to write for what one payload told, and what is to be remembered once they are durable."""
    found = list(drafts)
    keep: dict[str, Remembered] = {}
    for history in histories:
        key = f"{connection.tenant} {history.source} {history.key}"
        before = keep.get(key) or memory.get(key)
        withdrawn = dict(before.withdrawn) if before else {}
        newer = before is None or history.said > before.said
        if before is not None and newer and history.events:
            since = min(history.events.values())
            for id_, time in sorted(before.events.items()):
                if id_ not in history.events and time >= since:
                    withdrawn[id_] = withdrawn.get(id_, 0) + 1
                    found.append(_withdrawal(id_, withdrawn[id_], history, connection))
        # What is said now although it was withdrawn is said anew, under an ID of its own.
        back = {id_ for id_ in history.events if id_ in withdrawn and (newer or (before is not None and id_ in before.events))}
        for position, draft in enumerate(found):
            if draft["id"] in back and draft["source"] == history.source:
                found[position] = {**draft, "id": renewed(draft["id"], withdrawn[draft["id"]])}
        if newer and len(history.events) <= MOST:
            keep[key] = Remembered(history.said, history.events, withdrawn)
    return found, keep


def renewed(id_: str, times: int) -> str:
    """The ID of an event that came back after it had been withdrawn so many times; the first one has none of it."""
    return f"{id_}~{times}" if times else id_


def _withdrawal(id_: str, times: int, history: History, connection: Connection) -> Draft:
    event = renewed(id_, times - 1)
    draft: Draft = {
        "specversion": "1.0",
        "id": f"withdrawn-{event}",
        "source": history.source,
        "type": "evidence.withdrawn",
        "time": stamp(history.said),
        "recordedtime": stamp(history.said),
        "tenant": connection.tenant,
        "dataschema": dataschema("evidence.withdrawn"),
        "data": {"event_id": event, "event_source": history.source, "tracking_number": history.tracking},
    }
    if history.order is not None and not connection.order_is_alias:
        draft["subject"] = history.order
    return draft
