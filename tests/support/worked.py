"""A world whose cases were worked: a replay with what people and a dispatch decided, and its output as records of logs.

Decisions are made by lot about what a first replay says: taken up, handed on, snoozed, waiting, labelled, resolved, opened again; approved
by one who may, begun, executed or failed. What the second replay makes of them is what counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any, NamedTuple

import orjson

from schemas.instants import iso, micros
from sources.outputs.reader import LoggedRecord
from sources.simulator import policy_text, stream
from sources.simulator.moments import DAY as DAY_S
from sources.simulator.moments import OPENING
from tests.support.replays import replay

Json = dict[str, Any]
ANNA: Json = {"by": "user:anna", "by_roles": ["operator"]}
EVE: Json = {"by": "user:eve", "by_roles": ["approver", "operator"]}
DISPATCH: Json = {"by": "service:dispatch"}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

UNTIL = OPENING + 50 * DAY_S
"""Where the replay stops, in seconds: in the midst of it, so that much is open."""

LATE = iso((UNTIL - 3 * DAY_S) * 1_000_000)
"""What is proposed from here on waits for somebody to agree."""


class Worked(NamedTuple):
    """What a replay wrote, by topic, each event as JSON; and what was decided."""

    exceptions: list[Json]
    actions: list[Json]
    decisions: list[Json]

    def records(self) -> list[LoggedRecord]:
        """As records of the logs of exceptions, actions and decisions."""
        found: list[LoggedRecord] = []
        for topic, events in (("decisions", self.decisions), ("exceptions", self.exceptions), ("actions", self.actions)):
            for number, event in enumerate(events):
                at = micros(datetime.fromisoformat(event["data"].get("detected_at") or event["time"]))
                value = orjson.dumps(event)
                found.append(LoggedRecord(topic, f"{topic}/0", number, number + 1, at, str(event.get("subject", "")).encode(), value))
        return found


@cache
def worked(orders: int = 500, seed: int = 5) -> Worked:
    """A world of so many orders, worked; the same for all who ask."""
    folder = Path(mkdtemp(prefix="ow-worked-"))
    events, policy = folder / "events.jsonl", folder / "policy.yaml"
    lines = list(stream(orders, seed))
    lots = Random(seed)
    sent = [_message(orjson.loads(line), lots) for line in lines if b'"order.placed"' in line and lots.random() < 0.1]
    events.write_bytes(b"".join(line.rstrip(b"\n") + b"\n" for line in lines))
    others = folder / "others.jsonl"
    others.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in sorted(sent, key=_recorded)))
    policy.write_text(policy_text(), encoding="utf-8")
    until = UNTIL * 1_000_000
    replay([events, others], folder / "first", policy, until=until)
    first = [_events(folder / "first", topic) for topic in ("exceptions", "actions")]
    decided = [*_cases(first[0], lots), *_actions(first[1], lots)]
    decided.sort(key=lambda event: event["time"])
    for number, event in enumerate(decided):
        event["id"] = f"d{number}"
    decisions = folder / "decisions.jsonl"
    decisions.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in decided))
    replay([events, others], folder / "out", policy, until=until, decisions=decisions)
    return Worked(_events(folder / "out", "exceptions"), _events(folder / "out", "actions"), decided)


def _cases(said: Sequence[Json], lots: Random) -> Iterator[Json]:
    for event in said:
        if event["type"] != "exception.raised" or lots.random() < 0.3:
            continue
        at, about = datetime.fromisoformat(event["data"]["detected_at"]), {"exception_id": event["data"]["exception_id"]}
        at += MINUTE * lots.randrange(1, 600)
        yield _decision(event, "case.acknowledged", at, {**about, **ANNA})
        for _ in range(lots.randrange(4)):
            at += MINUTE * lots.randrange(1, 2_000)
            what, data = lots.choice(
                (
                    ("case.assigned", {"assignee": lots.choice(("user:anna", "user:ben"))}),
                    ("case.assigned", {"assignee": "user:ben", "team": "CS"}),
                    ("case.snoozed", {"until": (at + DAY).isoformat()}),
                    ("case.waiting", {"on": "carrier", "until": (at + 5 * DAY).isoformat()}),
                    ("case.labelled", {"label": lots.choice(("real", "noise", "wrong_owner"))}),
                    ("case.resolved", {"outcome": "done"}),
                    ("case.reopened", {}),
                    ("case.noted", {"note_ref": "n1"}),
                )
            )
            yield _decision(event, what, at, {**about, **EVE, **data})
            if what == "case.resolved" and lots.random() < 0.5:
                at += HOUR
                yield _decision(event, "case.reopened", at, {**about, **ANNA})


def _actions(said: Sequence[Json], lots: Random) -> Iterator[Json]:
    for event in said:
        data = event["data"]
        if data["sequence"] != 1 or lots.random() < 0.3 or event["time"] > LATE:
            continue
        at, about = datetime.fromisoformat(event["time"]) + MINUTE * lots.randrange(1, 600), {"action_id": data["action_id"]}
        if event["type"] == "action.proposed":
            yield _decision(event, "action.approved", at, {**about, **EVE, "payload_hash": data["payload_hash"]})
        if lots.random() < 0.7:
            yield _decision(event, "action.begun", at + MINUTE, {**about, **DISPATCH, "attempt": 1, "endpoint": "desk"})
            how = lots.choice(("executed", "executed", "failed", "in_doubt"))
            yield _decision(event, f"action.{how}", at + 2 * MINUTE, {**about, **DISPATCH, "attempt": 1})


def _decision(event: Json, type_: str, at: datetime, data: Json) -> Json:
    head: Json = {"specversion": "1.0", "source": "/console", "subject": event["subject"], "tenant": event["tenant"]}
    return {**head, "type": type_, "time": at.isoformat().replace("+00:00", "Z"), "data": data}


def _message(placed: Json, lots: Random) -> Json:
    at = (datetime.fromisoformat(_recorded(placed)) + HOUR * lots.randrange(1, 90)).isoformat()
    head: Json = {name: placed[name] for name in ("specversion", "subject", "tenant") if name in placed}
    data = {"channel": "email", "topic": "delay", "promised_by": "2026-06-01"}
    return {**head, "id": f"m-{placed['id']}", "source": "/crm", "type": "message.sent", "time": at, "recordedtime": at, "data": data}


def _recorded(event: Json) -> str:
    return str(event.get("recordedtime") or event["time"])


def _events(out: Path, topic: str) -> list[Json]:
    return [orjson.loads(line) for line in (out / f"{topic}.jsonl").read_bytes().splitlines()]
