"""Draws what a person is to judge from the real orders: the events of each case up to its instant, apart from what was said of it.

`python -m tests.support.sampling EVENTS REPLAYED FOLDER [SEED]` reads the events and the folder that a replay of them was written into, and
writes `NAME_events.txt`, for the reader, and `NAME_said.jsonl`, which is opened only when the judgement is written: fifty exceptions at the
instant at which they first stand open, fifty actions that were requested, and the hundred gravest that stand open as a list shows them.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple, cast

from schemas.instants import micros
from schemas.lateness import as_of
from schemas.values import parse_instant
from sinks.tally import SEVERITIES

Data = dict[str, object]
FIFTY, HUNDRED = 50, 100


class Case(NamedTuple):
    """An order, the instant at which somebody looks at it, and what was said of it then."""

    order: str
    now: str
    said: Data


def lines(path: Path) -> Iterator[Data]:
    """The JSON objects of a file."""
    with path.open("rb") as file:
        for line in file:
            yield cast("Data", json.loads(line))


def opened(exceptions: Iterable[Data]) -> list[Case]:
    """Each exception as it first stood open."""
    found: dict[object, Case] = {}
    for event in exceptions:
        data = cast("Data", event["data"])
        if data["status"] == "open":
            found.setdefault(data["exception_id"], Case(str(data["order_id"]), str(data["detected_at"]), data))
    return list(found.values())


def gravest(exceptions: Iterable[Data], now: str) -> list[Case]:
    """What stands open at an instant, as a list shows it."""
    at = micros(parse_instant(now))
    last: dict[object, Data] = {}
    for event in exceptions:
        data = cast("Data", event["data"])
        if micros(parse_instant(data["detected_at"])) <= at:
            last[data["exception_id"]] = data
    standing = [data for data in last.values() if data["status"] == "open"]
    standing.sort(key=lambda data: (SEVERITIES.index(str(data["severity"])), -as_of(data, at).points, str(data["exception_id"])))
    return [Case(str(data["order_id"]), now, data) for data in standing]


def requested(actions: Iterable[Data]) -> list[Case]:
    """Each action that was requested."""
    asked = (event for event in actions if event["type"] == "action.requested")
    return [Case(str(event["subject"]), str(event["time"]), cast("Data", event["data"])) for event in asked]


def written(events: Path, cases: dict[str, list[Case]], folder: Path) -> None:
    """Writes the cases: what happened until then on one side, what was said on the other."""
    orders = Counter(case.order for each in cases.values() for case in each)
    of_order: dict[str, list[Data]] = {order: [] for order in orders}
    for event in lines(events):
        if event.get("subject") in of_order:
            of_order[str(event["subject"])].append(event)
    for name, each in cases.items():
        told: list[str] = []
        for number, case in enumerate(each, 1):
            told.append(f"CASE {number}: now = {case.now}")
            until = micros(parse_instant(case.now))
            known = [event for event in of_order[case.order] if micros(parse_instant(event["time"])) <= until]
            told += [f"   {event['time']} {event['type']} {json.dumps(event['data'])}" for event in known]
        (folder / f"{name}_events.txt").write_text("\n".join(told) + "\n", encoding="utf-8")
        said = (json.dumps({"number": number, **case.said}) for number, case in enumerate(each, 1))
        (folder / f"{name}_said.jsonl").write_text("\n".join(said) + "\n", encoding="utf-8")


def main(events: Path, replayed: Path, folder: Path, seed: int) -> None:
    """Draws and writes."""
    draw = Random(seed)
    exceptions = list(lines(replayed / "exceptions.jsonl"))
    busiest = Counter(case.now[:10] for case in opened(exceptions)).most_common(1)[0][0]
    cases = {
        "fifty": draw.sample(opened(exceptions), FIFTY),
        "actions": draw.sample(requested(lines(replayed / "actions.jsonl")), FIFTY),
        "gravest": gravest(exceptions, f"{busiest}T12:00:00Z")[:HUNDRED],
    }
    folder.mkdir(parents=True, exist_ok=True)
    written(events, cases, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 1)
