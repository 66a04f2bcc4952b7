"""A world as the logs behind an engine hold it: what it says of orders, what was decided meanwhile, what it refused."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import orjson

from schemas.instants import DAY, SECOND
from schemas.values import micros
from sources.outputs.reader import LoggedRecord
from sources.simulator.write import write_world
from tests.support.logs import iso
from tests.support.replays import TOPICS, replay, write
from tests.support.stores import logs

VERBS = ("case.acknowledged", "case.assigned", "case.resolved", "case.reopened")
EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
SPOKEN = ("feed.never_seen", "feed.recovered", "feed.stale", "incident.closed", "incident.opened", "incident.updated")
DECIDED = ("case.labelled", "case.noted", "case.snoozed", "case.waiting", "suggestion.made", "action.observed", "automation.paused")


def example(type_: str, **changes: object) -> bytes:
    """The example of a type, with other values at its top."""
    event = orjson.loads((EXAMPLES / f"{type_}.json").read_bytes())
    return orjson.dumps({**event, **changes})


@cache
def world(orders: int = 60, seed: int = 1) -> dict[str, list[LoggedRecord]]:
    """The partitions of all logs: of a replay with decisions, and of the examples of what no replay says."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        events, policy = folder / "events.jsonl", folder / "events.policy.yaml"
        write_world(orders, seed, events)
        last = max(instant_of(line) for line in events.read_bytes().splitlines())
        until = last + 5 * DAY
        replay(events, folder / "first", policy, until=until)
        decisions = _decisions(folder / "first", seed)
        given = write(folder / "decisions.jsonl", decisions)
        replay(events, folder / "out", policy, until=until, decisions=given)
        said = {topic: (folder / "out" / f"{topic}.jsonl").read_bytes().splitlines() for topic in TOPICS}
    said["incidents"] += [example(type_, **({} if type_ != "feed.recovered" else {"id": "/carrier/ups:2"})) for type_ in SPOKEN]
    said["incidents"] += [_incident(number) for number in range(1, 4)]
    said["exceptions"] += [example(type_) for type_ in ("exception.raised", "exception.updated", "exception.resolved")]
    said["decisions"] = [*decisions, *map(example, DECIDED)]
    return logs(said)


def instant_of(line: bytes) -> int:
    """The time of an event, µs."""
    return micros(datetime.fromisoformat(orjson.loads(line)["time"]))


def _decisions(out: Path, seed: int) -> list[bytes]:
    """What people and dispatch decide about what a replay has said, each a little after it."""
    lots, found = Random(seed), list[tuple[int, dict[str, object]]]()
    for line in (out / "exceptions.jsonl").read_bytes().splitlines():
        event = orjson.loads(line)
        if event["type"] != "exception.raised":
            continue
        about = {"exception_id": event["data"]["exception_id"], "by": "user:ben", "by_roles": ["operator"]}
        at, head = micros(datetime.fromisoformat(event["data"]["detected_at"])), {"subject": event["subject"], "tenant": event["tenant"]}
        for number, type_ in enumerate(lots.sample(VERBS, 2), 1):
            found.append((at + number * SECOND // 3, {**head, "type": type_, "data": {**about, "note": "seen to"}}))
    for line in (out / "actions.jsonl").read_bytes().splitlines():
        event = orjson.loads(line)
        if event["type"] != "action.proposed":
            continue
        at, head = instant_of(line), {"subject": event["subject"], "tenant": event["tenant"]}
        named = {"action_id": event["data"]["action_id"]}
        roles = lots.choice((["approver"], ["viewer"]))  # The second is refused.
        agreed = {**named, "by": "user:anna", "by_roles": roles, "payload_hash": event["data"]["payload_hash"]}
        found.append((at + SECOND // 2, {**head, "type": "action.approved", "data": agreed}))
        ending = lots.choice(("action.executed", "action.failed", "action.in_doubt"))
        for number, type_ in enumerate(("action.begun", ending), 1):
            data = {**named, "attempt": 1, "endpoint": "desk", "by": "service:dispatch"}
            found.append((at + SECOND // 2 + number * SECOND // 4, {**head, "type": type_, "data": data}))
    lines: list[bytes] = []
    for number, (at, event) in enumerate(sorted(found, key=lambda each: each[0])):
        lines.append(orjson.dumps({"specversion": "1.0", "id": f"d{number}", "source": "/desk", "time": iso(at), **event}))
    return lines


def _incident(number: int) -> bytes:
    """An incident whose members grow."""
    event = orjson.loads(example("incident.updated", id=f"inc-1:{number}"))
    event["data"] |= {"incident_id": "inc-1", "member_count": number, "members": [f"m-{n}" for n in range(number)]}
    return orjson.dumps(event)
