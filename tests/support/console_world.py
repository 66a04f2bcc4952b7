"""A store as a team finds it on a working day: the world stops in its middle, feeds have lost events, people have begun to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

import orjson

from schemas.instants import DAY, HOUR, MINUTE, SECOND
from schemas.values import micros
from sources.outputs.reader import LoggedRecord
from sources.simulator import policy_text
from sources.simulator.write import write_world
from tests.support.logs import iso
from tests.support.replays import TOPICS, replay, write
from tests.support.stored import example
from tests.support.stores import logs

SPREAD: Final = 3
"""How many orders of the simulated world there are for each that is shown: those of its last weeks."""
WEEKS: Final = 22 * DAY
LOST: Final = 0.75
"""The share of orders of which nothing more is told from some instant on."""
BEAT: Final = "feed.heartbeat"
SHADOWED: Final = ("shipment.scan_gap", "fulfilment.pick_overdue")
PEOPLE: Final = ("user:anna", "user:bob", "user:ada", "user:olga")
Verb: TypeAlias = tuple[str, Mapping[str, object]]
ON: Final = ("carrier", "customer", "supplier")
NOTES: Final = (
    "Called the carrier: the depot looks for the parcel.",
    "The customer is content with Thursday.",
    "The warehouse has found the second carton.",
    "Waits for the bank; asked again this morning.",
)
DAMAGED: Final = (
    b'{"specversion":"1.0","id":"bad-1","source":"/storefront/web","type":"order.placed","subject":"R-1","time":"TIME","data":{"lines":[]}}',
    b'{"specversion":"1.0","id":"bad-2","source":"/wms/ams1","type":"fulfilment.shipped","subject":"R-2","time":"TIME","data":{"shipment":7}}',
    b'{"specversion":"1.0","id":"bad-3","source":"/carrier/dhl","type":"shipment.teleported","subject":"R-3","time":"TIME","data":{}}',
    b"{no json",
)


def day_policy() -> str:
    """The policy that decides: that of the simulated world, with some rules in shadow."""
    shadow = "".join(f"  {kind}: shadow\n" for kind in SHADOWED)
    return policy_text().replace("rules:\n", f"rules:\n{shadow}")


@cache
def working_day(orders: int = 60, seed: int = 1) -> tuple[dict[str, list[LoggedRecord]], datetime]:
    """The partitions of all logs, and the instant at which it is looked at."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        events, policy = folder / "events.jsonl", folder / "events.policy.yaml"
        write_world(orders * SPREAD, seed, events)
        lines, now = _as_of_now(events.read_bytes().splitlines(), orders, seed)
        events.write_bytes(b"".join(line + b"\n" for line in lines))
        policy.write_text(day_policy(), encoding="utf-8")
        replay(events, folder / "first", policy, until=now)
        decisions = _of_people(folder / "first", seed, now)
        given = write(folder / "people.jsonl", decisions)
        replay(events, folder / "second", policy, until=now, decisions=given)
        decisions = sorted([*decisions, *_of_actions(folder / "second", seed, now)], key=_time)
        given = write(folder / "decisions.jsonl", decisions)
        replay(events, folder / "out", policy, until=now, decisions=given)
        said = {topic: (folder / "out" / f"{topic}.jsonl").read_bytes().splitlines() for topic in TOPICS}
    said["incidents"] += [_feed("feed.stale", now), _feed("feed.never_seen", now)]
    said["decisions"] = decisions
    return _at_their_time(logs(said)), datetime.fromtimestamp(now / SECOND, UTC)


def _as_of_now(lines: Sequence[bytes], orders: int, seed: int) -> tuple[list[bytes], int]:
    """The events of the last weeks before some instant, without those that were lost; and that instant."""
    lots = Random(seed)
    read = [(orjson.loads(line), line) for line in lines]
    times = sorted(_at(event) for event, _ in read)
    now = times[int(len(times) * 0.7)] // HOUR * HOUR + 9 * MINUTE
    begun: dict[str, int] = {}
    subjects: dict[str, str] = {}
    for event, _ in read:
        if event["type"] == "order.placed" and now - WEEKS < _at(event) <= now:
            begun.setdefault(_group(event), _at(event))
            subjects.setdefault(_group(event), event["subject"])
    kept = sorted(lots.sample(sorted(begun), min(orders, len(begun))))
    ends = {name: begun[name] + int(lots.random() * 3 * DAY) if lots.random() < LOST else now for name in kept}
    found: list[tuple[int, bytes]] = []
    for event, line in read:
        end = now if event["type"] == BEAT else min(now, ends.get(_group(event), 0))
        if now - WEEKS < _at(event) <= end:
            found.append((_at(event), line))
    at = iso(now - HOUR).encode()
    found += [(now - HOUR, line.replace(b"TIME", at)) for line in DAMAGED]
    for number, name in enumerate(kept[::4]):
        sent = begun[name] + int(lots.random() * (now - begun[name]))
        found.append((sent, _message(number, sent, subjects[name], lots.choice(("delay", "confirmation", "delivery")))))
    return [line for _, line in sorted(found, key=lambda one: one[0])], now


def _group(event: dict[str, Any]) -> str:
    """The number of the order that an event of the world belongs to: its ID begins with it, whatever it calls the order."""
    return str(event["id"]).partition("-")[0]


def _of_people(out: Path, seed: int, now: int) -> list[bytes]:
    """What people have decided about what is open."""
    lots, found = Random(seed), list[bytes]()
    for data, event in _last(out / "exceptions.jsonl", "exception_id"):
        if data["status"] != "open" or data["kind"] in SHADOWED or lots.random() < 0.35:
            continue
        at = max(micros(datetime.fromisoformat(data["detected_at"])) + MINUTE, now - int(lots.random() * 2 * DAY))
        by, until = lots.choice(PEOPLE), iso(now + lots.choice((3, 8, 20, 30)) * HOUR)
        then: list[list[Verb]] = [
            [],
            [("case.assigned", {"assignee": lots.choice(PEOPLE)})],
            [("case.assigned", {"assignee": "user:anna"})],
            [("case.snoozed", {"until": until})],
            [
                ("case.assigned", {"assignee": "user:anna"}),
                ("case.waiting", {"on": lots.choice(("carrier", "customer")), "until": until}),
            ],
            [("case.labelled", {"label": lots.choice(("real", "noise"))})],
            [("case.resolved", {"outcome": "fixed", "note": "seen to"})],
            [("case.resolved", {"outcome": "fixed", "note": "seen to"}), ("case.reopened", {"note": "not yet"})],
        ]
        verbs: list[Verb] = [("case.acknowledged", {}), *lots.choice(then)]
        if lots.random() < 0.3:
            verbs.append(("case.noted", {"note_ref": f"note-{len(found)}"}))
        for number, (type_, more) in enumerate(verbs):
            whole = {"exception_id": data["exception_id"], "by": by, "by_roles": ["operator"], **more}
            found.append(_decision(f"p{len(found)}", min(at + number * MINUTE, now - SECOND), type_, event, whole))
    return sorted(found, key=_time)


def _of_actions(out: Path, seed: int, now: int) -> list[bytes]:
    """What was agreed to, refused, carried out; some wait."""
    lots, found = Random(seed), list[bytes]()
    for data, event in _last(out / "actions.jsonl", "action_id"):
        if data["state"] not in {"proposed", "requested"} or lots.random() < 0.3:
            continue
        at, named = now - 40 * MINUTE, {"action_id": data["action_id"]}
        if data["state"] == "proposed" and data.get("payload_hash"):
            judged = {**named, "by": "user:bob", "by_roles": ["approver"], "payload_hash": data["payload_hash"]}
            type_ = lots.choice(("action.approved", "action.approved", "action.rejected"))
            found.append(_decision(f"j{len(found)}", at, type_, event, judged))
            if type_ == "action.rejected":
                continue
        ending = lots.choice(("action.executed", "action.executed", "action.failed", "action.in_doubt", ""))
        for number, type_ in enumerate(("action.begun", ending), 1):
            if type_:
                more = {"code": "timeout"} if type_ in {"action.failed", "action.in_doubt"} else {}
                whole = {**named, "attempt": 1, "endpoint": "desk", "by": "service:dispatch", **more}
                found.append(_decision(f"d{len(found)}", at + number * MINUTE, type_, event, whole))
    return found


def _last(file: Path, key: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The last that was said of each."""
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for line in file.read_bytes().splitlines():
        event = orjson.loads(line)
        if key in event["data"]:
            found[event["data"][key]] = (event["data"], event)
    return list(found.values())


def _decision(id_: str, at: int, type_: str, about: dict[str, Any], data: Mapping[str, object]) -> bytes:
    head = {"specversion": "1.0", "id": id_, "source": "/desk", "type": type_, "time": iso(at), "subject": about["subject"]}
    return orjson.dumps({**head, "tenant": about["tenant"], "data": data})


def _message(number: int, at: int, order: str, topic: str) -> bytes:
    data = {"channel": ("email", "sms")[number % 2], "topic": topic}
    head = {"specversion": "1.0", "id": f"m{number}", "source": "/storefront/web", "type": "message.sent", "time": iso(at)}
    return orjson.dumps({**head, "subject": order, "data": data})


def _feed(type_: str, now: int) -> bytes:
    event = orjson.loads(example(type_, time=iso(now - HOUR)))
    for name, hours in (("mark", 4), ("stale_since", 2)):
        if name in event["data"]:
            event["data"][name] = iso(now - hours * HOUR)
    return orjson.dumps(event)


def _at(event: dict[str, Any]) -> int:
    return micros(datetime.fromisoformat(event["time"]))


def _time(line: bytes) -> int:
    return _at(orjson.loads(line))


def _at_their_time(parts: dict[str, list[LoggedRecord]]) -> dict[str, list[LoggedRecord]]:
    """The records as if each had been written when what it says was decided."""
    return {
        name: [replace(record, time=_time(record.value)) if _timed(record.value) else record for record in part]
        for name, part in parts.items()
    }


def _timed(value: bytes) -> bool:
    return "time" in orjson.loads(value)


def notes_of(parts: dict[str, list[LoggedRecord]]) -> list[tuple[str, str, str, str]]:
    """The notes that decisions name, with a text: (reference, order, exception, text)."""
    found: list[tuple[str, str, str, str]] = []
    for name, part in parts.items():
        if name.startswith("decisions"):
            for event in (orjson.loads(record.value) for record in part):
                if event["type"] == "case.noted":
                    data = event["data"]
                    found.append((data["note_ref"], event["subject"], data["exception_id"], NOTES[len(found) % len(NOTES)]))
    return found
