"""From a payload to checked contract events: nothing raises, nothing invalid comes out, and what is not taken says why."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from schemas.aliases import aliases
from schemas.wire import Rejected, decode
from sources.adapters.base import Adapter, AdapterConnection, EventBuilder, Payload
from sources.adapters.coverage import Coverage
from sources.adapters.output import AdapterOutput, Draft, History, Ignored, PaymentStep, Reason, Refused, RefuseError
from sources.adapters.payload import PayloadReader


class Adapted(NamedTuple):
    """What became of one payload. Several refusals may stand beside events: a history can have one scan that cannot be read."""

    events: tuple[Draft, ...]
    refused: tuple[Refused, ...]
    ignored: tuple[Ignored, ...]
    histories: tuple[History, ...]
    steps: tuple[PaymentStep, ...] = ()


def translate(adapter: Adapter, payload: Payload, connection: AdapterConnection, coverage: Coverage | None = None) -> Adapted:
    """What an adapter makes of a payload. Never raises; every event is one that `schemas.wire.decode` takes.

    A fault of the adapter itself shows as a refusal with a reason of `FAULTS`. A payload of which nothing is told is ignored as one without
    a record, so that every payload becomes something. Events of types that the connection omits are left out.
    `coverage` is added to.
    """
    coverage = Coverage() if coverage is None else coverage
    coverage.began()
    collected = _Collected(connection, coverage)
    parsed: PayloadReader | None = None
    silent = True
    try:
        parsed = adapter.parse(payload.body)
        for output in adapter.read(parsed, EventBuilder(adapter, payload, connection, coverage)):
            silent = False
            collected.take(output)
    except RefuseError as error:
        collected.take(Refused(error.reason, error.detail))
    except Exception as error:  # noqa: BLE001 - one payload must not stop the gateway; the refusal says that the fault is ours
        collected.take(Refused("adapter_failed", type(error).__name__))
    else:
        if silent:
            collected.take(Ignored(coverage.current, "holds no record"))
    if parsed is not None:
        coverage.looked_over(parsed)
    coverage.ended()
    return collected.adapted()


class _Collected:
    """What an adapter has told of a payload so far, by what it is; each event once, and none of a type that the connection omits."""

    def __init__(self, connection: AdapterConnection, coverage: Coverage) -> None:
        self._connection, self._coverage = connection, coverage
        self._events: dict[tuple[str, str], Draft] = {}
        self._omitted: set[tuple[str, str]] = set()
        self._refused: list[Refused] = []
        self._ignored: list[Ignored] = []
        self._histories: list[History] = []
        self._steps: list[PaymentStep] = []

    def take(self, output: AdapterOutput) -> None:
        """Takes in what comes next."""
        match output:
            case Refused():
                self._refused.append(output)
                self._coverage.produced(output.reason)
            case Ignored():
                self._ignored.append(output)
                self._coverage.produced("ignored")
            case History():
                self._histories.append(output)
            case PaymentStep():
                self._steps.append(output)
            case _:
                self._take_event(output)

    def _take_event(self, output: Draft) -> None:
        key = (output["source"], output["id"])
        if (fault := fault_of(output)) is not None:
            self.take(fault)
        elif self._connection.omits(output["type"]):
            self._omitted.add(key)
            self._coverage.produced("omitted")
        elif key not in self._events:
            self._events[key] = output
            self._coverage.produced(output["type"])

    def adapted(self) -> Adapted:
        """All of it."""
        histories = tuple(_wanted(history, self._omitted) for history in self._histories)
        return Adapted(tuple(self._events.values()), tuple(self._refused), tuple(self._ignored), histories, tuple(self._steps))


def _wanted(history: History, omitted: set[tuple[str, str]]) -> History:
    """A history without the events that the connection leaves out: what is not told is not withdrawn. It speaks for the same time."""
    kept = {id_: at for id_, at in history.events.items() if (history.source, id_) not in omitted}
    if len(kept) == len(history.events):
        return history
    return history._replace(events=kept, since=history.since or min(history.events.values()))


def fault_of(draft: Draft) -> Refused | None:
    """Why a draft is no contract event; None if it is one."""
    try:
        decode(encoded(draft))
    except Rejected as why:
        reason: Reason = "no_identity" if why.reason == "no_identity" else "invalid_event"
        return Refused(reason, f"{draft.get('type')}: {why.reason}: {why.detail}")
    except orjson.JSONEncodeError:
        return Refused("invalid_event", f"{draft.get('type')}: no JSON")
    return None


def encoded(draft: Draft) -> bytes:
    """An event as it goes into a log: one structured CloudEvent, without a line's end."""
    return orjson.dumps(draft)


def key_of(draft: Draft) -> str:
    """The key of an event's record: the order's ID where it is known, else its first alias. The event must be valid."""
    return draft.get("subject") or next((value for _, value in aliases(decode(encoded(draft)))), draft["source"])
