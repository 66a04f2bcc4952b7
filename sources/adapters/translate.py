"""From a payload to checked contract events: nothing raises, nothing invalid comes out, and what is not taken says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from schemas.aliases import aliases
from schemas.wire import Rejected, decode
from sources.adapters.base import Say
from sources.adapters.coverage import Coverage
from sources.adapters.told import History, Ignored, PaymentStep, Refused, RefuseError

if TYPE_CHECKING:
    from sources.adapters.base import Adapter, Connection, Payload
    from sources.adapters.doc import Doc
    from sources.adapters.told import Draft, Reason


class Adapted(NamedTuple):
    """What became of one payload. Several refusals may stand beside events: a history can have one scan that cannot be read."""

    events: tuple[Draft, ...]
    refused: tuple[Refused, ...]
    ignored: tuple[Ignored, ...]
    histories: tuple[History, ...]
    steps: tuple[PaymentStep, ...] = ()


def translate(adapter: Adapter, payload: Payload, connection: Connection, coverage: Coverage | None = None) -> Adapted:
    """What an adapter makes of a payload. Never raises; every event is one that `schemas.wire.decode` takes.

    A fault of the adapter itself shows as a refusal with a reason of `FAULTS`. A payload of which nothing is told is ignored as one without
    a record, so that every payload becomes something. Events of types that the connection omits are left out.
    `coverage` is added to.
    """
    coverage = Coverage() if coverage is None else coverage
    coverage.began()
    events: dict[str, Draft] = {}
    refused: list[Refused] = []
    ignored: list[Ignored] = []
    histories: list[History] = []
    omitted: set[tuple[str, str]] = set()
    steps: list[PaymentStep] = []
    doc: Doc | None = None
    silent = True
    try:
        doc = adapter.parse(payload.body)
        for told in adapter.read(doc, Say(adapter, payload, connection, coverage)):
            silent = False
            match told:
                case Refused():
                    refused.append(told)
                    coverage.told(told.reason)
                case Ignored():
                    ignored.append(told)
                    coverage.told("ignored")
                case History():
                    histories.append(told)
                case PaymentStep():
                    steps.append(told)
                case _:
                    fault = fault_of(told)
                    key = f"{told['source']} {told['id']}"
                    if fault is not None:
                        refused.append(fault)
                        coverage.told(fault.reason)
                    elif connection.omits(told["type"]):
                        omitted.add((told["source"], told["id"]))
                        coverage.told("omitted")
                    elif key not in events:
                        events[key] = told
                        coverage.told(told["type"])
    except RefuseError as error:
        refused.append(Refused(error.reason, error.detail))
        coverage.told(error.reason)
    except Exception as error:  # noqa: BLE001 - one payload must not stop the gateway; the refusal says that the fault is ours
        refused.append(Refused("adapter_failed", type(error).__name__))
        coverage.told("adapter_failed")
    else:
        if silent:
            ignored.append(Ignored(coverage.current, "holds no record"))
            coverage.told("ignored")
    if doc is not None:
        coverage.looked_over(doc)
    coverage.ended()
    found = tuple(_wanted(history, omitted) for history in histories)
    return Adapted(tuple(events.values()), tuple(refused), tuple(ignored), found, tuple(steps))


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
