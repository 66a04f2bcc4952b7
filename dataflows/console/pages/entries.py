"""What happened to an order, as entries of its timeline: what came in, what was said of it, what people and programs did.

The store keeps of what came in only what exceptions rest on, what changed them, the placing and the last scan of each parcel; the page says
so. Each event stands once, whoever cites it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast

from dataflows.console.pages.words import EVENTS, SCANS, STATES, words_of
from dataflows.console.pictures.order_story import StoryEntry, in_order
from dataflows.console.text import Language, mark
from schemas.values import parse_instant
from sinks.cases.queries.past import OrderPast
from sinks.cases.queries.rows import Data

SYSTEMS: Final = {
    "storefront": "storefront",
    "shop": "storefront",
    "payments": "payment",
    "payment": "payment",
    "warehouse": "warehouse",
    "carrier": "carrier",
    "support": "messages",
    "helpdesk": "messages",
}
"""The lane of a source by the first part of its name."""
DOMAINS: Final = {
    "payment": "payment",
    "invoice": "payment",
    "warehouse": "warehouse",
    "inventory": "warehouse",
    "carrier": "carrier",
    "support": "messages",
    "message": "messages",
}
"""The lane of a type by its domain, where the source's name tells none; of all others the storefront's."""
SHAPE_OF: Final = {"storefront": "circle", "payment": "diamond", "warehouse": "square", "carrier": "triangle", "messages": "letter"}
SAID_SHAPES: Final = {"exception.raised": "alarm", "exception.resolved": "tick"}
RUNS: Final = frozenset(("action.begun", "action.executed", "action.failed", "action.in_doubt"))
"""What dispatch says of an action stands in the lane of actions already."""
DECIDED: Final = ("case.", "action.")
SCAN: Final = "carrier.scan"
WITHDRAWN: Final = "evidence.withdrawn"


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An entry with what the list says of it. `about`: the exception that it is of; `place`: topic, partition and offset of its record."""

    entry: StoryEntry
    type: str
    by: str | None = None
    event_id: str | None = None
    text: str | None = None
    about: str | None = None
    action: str | None = None
    place: tuple[str, int, int] | None = None
    number: int = 0


def listed(past: OrderPast, spoken: Language, main: str | None = None) -> list[ListedEvent]:
    """All entries in the order of the list, numbered from 1. `main`: the exception that the page is about; others' are set aside."""
    found: dict[str, ListedEvent] = {}
    for event in (*_evidence(past, spoken, main), *_known(past, spoken), *_said(past, spoken, main), *_done(past, spoken, main)):
        found.setdefault(event.entry.key, event)
    by_key = dict(found)
    ordered = in_order([event.entry for event in found.values()])
    return [replace(by_key[entry.key], number=number) for number, entry in enumerate(ordered, 1)]


def lane_of(source: str | None, type_: str) -> str:
    """The lane of what came in: by its source, else by its type."""
    system = (source or "").strip("/").partition("/")[0]
    return SYSTEMS.get(system) or DOMAINS.get(type_.partition(".")[0], "storefront")


def _evidence(past: OrderPast, spoken: Language, main: str | None) -> Iterator[ListedEvent]:
    """What exceptions rest on or rested on: of this exception first, so that it is not set aside."""
    scans, withdrawn, named = _scans(past), _withdrawn(past), _several(past)
    cited = sorted(past.evidence, key=lambda one: (one["exception_id"] != main, str(one["exception_id"])))
    for one in cited:
        type_, source, id_ = _text(one, "type"), _text(one, "source"), _text(one, "event_id")
        at = _at(one, "time")
        status = scans.get(at) if type_ == SCAN else None
        place = (
            None
            if one["topic"] is None
            else (_text(one, "topic"), int(cast("int", one["topic_partition"])), int(cast("int", one["topic_offset"])))
        )
        entry = StoryEntry(
            key=f"{source} {id_}",
            lane=lane_of(source, type_),
            shape=SHAPE_OF[lane_of(source, type_)],
            at=at,
            label=_label(type_, status, spoken, named=named),
            recorded=cast("datetime | None", one["recorded_at"]),
            struck=(source, id_) in withdrawn,
            aside=main is not None and one["exception_id"] != main,
        )
        yield ListedEvent(entry, type_, source, id_, about=_text(one, "exception_id"), place=place)


def _known(past: OrderPast, spoken: Language) -> Iterator[ListedEvent]:
    """What changed an exception without its resting on it, the placing, and the last scan of each parcel."""
    scans = _scans(past)
    seen = {_at(one, "time") for one in past.evidence if one["type"] == SCAN}
    for event in past.events:
        type_ = cast("str | None", event["changed_by_type"])
        if type_ is not None and not type_.startswith(DECIDED):
            yield _came(type_, event, spoken, scans.get(_at(event, "changed_by_time")) if type_ == SCAN else None, named=_several(past))
            seen.add(_at(event, "changed_by_time"))
    if past.order and past.order.get("placed_at") and not any(one["type"] == "order.placed" for one in past.evidence):
        entry = StoryEntry("placed", "storefront", "circle", _at(past.order, "placed_at"), _label("order.placed", None, spoken))
        yield ListedEvent(entry, "order.placed")
    for at, scan in sorted(scans.items()):
        if at not in seen:
            label = _label(SCAN, scan, spoken, named=_several(past))
            yield ListedEvent(StoryEntry(f"scan {at.isoformat()} {scan[1]}", "carrier", "triangle", at, label), SCAN)


def _came(type_: str, event: Data, spoken: Language, scan: tuple[str, str] | None, *, named: bool) -> ListedEvent:
    source, id_ = _text(event, "changed_by_source"), _text(event, "changed_by_id")
    lane = lane_of(source, type_)
    entry = StoryEntry(f"{source} {id_}", lane, SHAPE_OF[lane], _at(event, "changed_by_time"), _label(type_, scan, spoken, named=named))
    return ListedEvent(entry, type_, source, id_, about=_text(event, "exception_id"))


def _said(past: OrderPast, spoken: Language, main: str | None) -> Iterator[ListedEvent]:
    """What Orderwatch said, when it said it: what only repeats a decision is left out, for the decision stands beside it."""
    ended = {one["exception_id"] for one in past.exceptions if one["status"] == "retracted"}
    graves: dict[object, object] = {}
    for event in past.events:
        type_, id_, grave = _text(event, "type"), _text(event, "exception_id"), event["severity"]
        graver = graves.get(id_) != grave
        graves[id_] = grave
        if type_ == "exception.updated" and str(event["changed_by_type"] or "").startswith(DECIDED):
            continue
        words = spoken.text(words_of(EVENTS, type_)) + (f", {spoken.text(str(grave))}" if graver else "")
        entry = StoryEntry(
            key=f"{id_}:{event['sequence']}",
            lane="orderwatch",
            shape=SAID_SHAPES.get(type_, "change"),
            at=_at(event, "detected_at"),
            label=words if id_ == main else f"{spoken.kind(_text(event, 'kind'))}: {words}",
            recorded=_at(event, "detected_at"),
            struck=id_ in ended and type_ != "exception.retracted",
            aside=main is not None and id_ != main,
        )
        yield ListedEvent(entry, type_, text=_text(event, "summary"), about=id_)


def _done(past: OrderPast, spoken: Language, main: str | None) -> Iterator[ListedEvent]:
    """Actions, decisions, messages and notes."""

    def entry(key: str, lane: str, shape: str, at: datetime, label: str, about: object, *, struck: bool = False) -> StoryEntry:
        return StoryEntry(key, lane, shape, at, label, at, struck, main is not None and about != main)

    for event in past.action_events:
        state, id_ = _text(event, "state"), f"{event['action_id']}:{event['sequence']}"
        label = f"{_text(event, 'action').replace('_', ' ')}: {spoken.text(words_of(STATES, state))}"
        made = entry(id_, "actions", "gear", _at(event, "time"), label, event["exception_id"], struck=state == "withdrawn")
        about, action = cast("str | None", event["exception_id"]), _text(event, "action_id")
        yield ListedEvent(made, _text(event, "type"), text=_text(event, "reason") or None, about=about, action=action)
    written = {_text(one, "note_ref") for one in past.notes if one["text"] is not None}
    for event in past.decisions:
        at = event["logged_at"] or event["refused_at"] or event["time"]
        noted = cast("Mapping[str, object]", event["data"] or {}).get("note_ref")
        if at is None or event["type"] in RUNS or noted in written:
            continue
        label = _decision(event, spoken)
        made = entry(f"{event['source']} {event['event_id']}", "decisions", "person", cast("datetime", at), label, event["exception_id"])
        about, text = cast("str | None", event["exception_id"]), cast("str | None", event["note"] or event["reason"])
        yield ListedEvent(made, str(event["type"]), cast("str | None", event["by"]), text=text, about=about)
    for event in past.messages:
        if event["sent_at"] is not None:
            words = " ".join(str(part).replace("_", " ") for part in (event["topic"], event["channel"]) if part)
            made = entry(f"message {event['message_id']}", "messages", "letter", _at(event, "sent_at"), words, event["exception_id"])
            yield ListedEvent(made, "message.sent", _text(event, "by"), about=cast("str | None", event["exception_id"]))
    for event in past.notes:
        at = event["at"] or event["said_at"]
        if at is not None and event["text"] is not None:
            who = str(event["by"] or "").rpartition(":")[2]
            label = f"{who}: {spoken.text(mark('note'))}" if who else spoken.text(mark("note"))
            made = entry(f"note {event['note_ref']}", "decisions", "person", cast("datetime", at), label, event["exception_id"])
            yield ListedEvent(made, "case.noted", cast("str | None", event["by"]), text=_text(event, "text"))


def _decision(event: Data, spoken: Language) -> str:
    who = str(event["by"] or "").rpartition(":")[2]
    words = spoken.text(words_of(EVENTS, cast("str | None", event["type"])))
    refused = f" ({spoken.text(mark('refused'))})" if event["outcome"] == "refused" else ""
    return f"{who}: {words}{refused}" if who else f"{words}{refused}"


def _label(type_: str, scan: tuple[str, str] | None, spoken: Language, *, named: bool = False) -> str:
    """Few words; of a scan its status, and its parcel where the order has several."""
    if scan is not None:
        status, parcel = scan
        return f"{spoken.text(words_of(SCANS, status))} {parcel}" if named and parcel else spoken.text(words_of(SCANS, status))
    return spoken.text(words_of(EVENTS, type_))


def _scans(past: OrderPast) -> dict[datetime, tuple[str, str]]:
    """The statuses of scans with their parcels, by their instants, as far as what is known of parcels tells them."""
    found: dict[datetime, tuple[str, str]] = {}
    contexts: list[object] = [past.order.get("shipments")]
    contexts += [cast("Mapping[str, object]", one["context"] or {}).get("shipments") for one in past.exceptions]
    for shipments in contexts:
        for one in cast("Sequence[Mapping[str, Any]]", shipments or ()):
            last = cast("Mapping[str, str] | None", one.get("last_scan"))
            if last and last.get("time"):
                names = cast("Sequence[str]", one.get("tracking_numbers") or ())
                found[parse_instant(last["time"])] = last["status"], names[0] if len(names) == 1 else str(one.get("shipment") or "")
    return found


def _several(past: OrderPast) -> bool:
    """Whether the order is known to have several parcels, so that a scan must say of which it is."""
    shipments = cast("Sequence[Mapping[str, Any]]", past.order.get("shipments") or ())
    return sum(max(1, len(one.get("tracking_numbers") or ())) for one in shipments) > 1


def _withdrawn(past: OrderPast) -> Collection[tuple[str, str]]:
    """What was withdrawn: rested on until just before an event that `evidence.withdrawn` caused."""
    ends = {(one["exception_id"], cast("int", one["sequence"]) - 1) for one in past.events if one["changed_by_type"] == WITHDRAWN}
    return {(_text(one, "source"), _text(one, "event_id")) for one in past.evidence if (one["exception_id"], one["last_sequence"]) in ends}


def _text(row: Data, name: str) -> str:
    value = row[name]
    return "" if value is None else str(value)


def _at(row: Data, name: str) -> datetime:
    return cast("datetime", row[name])
