"""Real orders: what a replay says of the Olist data is what is true of them."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest

from dataflows.cli.options import instant
from tests.oracle.judging.calendars import Calendar, span
from tests.support.replays import command, replay, standing

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[3] / "shared" / "data" / "olist"
SAMPLE = Path(__file__).with_name("sample") / "fifty.jsonl"
"""What a person thought of fifty of the exceptions of the built-in policy; see the README beside it."""
AGAIN = SAMPLE.with_name("fifty-again.jsonl")
"""What was thought of fifty others, drawn after severity had been mended, by who had mended it."""
THIRD = SAMPLE.with_name("fifty-third.jsonl")
"""What a reader thought of fifty others who had not written the rules; how grave each is to be goes by this one."""
FOURTH = SAMPLE.with_name("fifty-fourth.jsonl")
"""What was thought of fifty others, drawn after a payment was not raised any more before a business day had passed."""
POLICY = Path(__file__).with_name("olist.policy.yaml")
UNTIL = instant("", "2018-10-17T17:30:18Z")
TOTALS = {"payment.capture_overdue": 3_366, "fulfilment.ship_overdue": 1_865, "shipment.delivery_overdue": 1_780}
LEARNED = {
    *("shipment.first_scan_missing", "shipment.scan_gap", "shipment.stuck", "shipment.lost_suspected", "order.stalled"),
    *("payment.auth_missing", "inventory.allocation_overdue", "fulfilment.release_overdue", "fulfilment.pick_overdue"),
}
"""Kinds that wait for milestones which these feeds never tell."""
CARRIED = "carrier.scan"
WAITING = {"payment.capture_overdue", "order.pending_too_long", "conflict.shipped_unpaid", "payment.partly_captured"}
"""Kinds that wait for a source of payments that is silent."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the Olist data is not beside the project (licence: not part of it)"),
]


class Event(NamedTuple):
    """An event of the data, as its line and as plain data."""

    line: bytes
    data: dict[str, str]


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """All events, in the order of the file."""
    with gzip.open(DATA / "events.jsonl.gz") as file:
        return [Event(text.rstrip(b"\n"), json.loads(text)) for text in file]


@pytest.fixture(scope="module")
def expected() -> set[tuple[str, str]]:
    """(order, kind) of every exception that is true."""
    with gzip.open(DATA / "expected.csv.gz", "rt") as file:
        return {(row["order_id"], kind) for row in csv.DictReader(file) for kind in TOTALS if row[kind] == "1"}


def found(lines: list[bytes], folder: Path, policy: Path | None = POLICY) -> set[tuple[str, str]]:
    """(order, kind) of every exception that stands after a replay, open or resolved."""
    path = folder / "events.jsonl"
    path.write_bytes(b"\n".join(lines))
    replay(path, folder / "out", policy, until=UNTIL)
    return {(order, kind) for order, kind, _, _ in standing(folder / "out")}


def as_it_is(events: list[Event]) -> list[bytes]:
    """The file as it is."""
    return [event.line for event in events]


def without_subjects(events: list[Event]) -> list[bytes]:
    """Carrier scans without their order: only the tracking number says whose they are.

    An order that was delivered before any hand-over has no tie for its number; its scans keep their subject.
    """
    handed = {event.data["subject"] for event in events if event.data["type"] == "warehouse.shipped"}
    lines: list[bytes] = []
    for event in events:
        if event.data["type"] == CARRIED and event.data["subject"] in handed:
            lines.append(json.dumps({name: value for name, value in event.data.items() if name != "subject"}).encode())
        else:
            lines.append(event.line)
    return lines


def shuffled(events: list[Event]) -> list[bytes]:
    """Every event up to the allowed out-of-orderness late: shuffled by the hour."""
    lots = Random(1)
    hours: dict[str, list[bytes]] = {}
    for event in events:
        hours.setdefault(event.data["time"][:13], []).append(event.line)
    for lines in hours.values():
        lots.shuffle(lines)
    return [line for hour in sorted(hours) for line in hours[hour]]


def _within(one: dict[str, object], silences: list[str]) -> bool:
    """Whether an exception was to be said first within six days of the last word before a silence."""
    deadline = cast("dict[str, str]", one["deadline"] or {})
    began = instant("", str(deadline.get("raised_from") or one["due_at"] or one["occurred_at"])) or 0
    return any(mark < began < mark + 6 * 24 * 3_600_000_000 for mark in (instant("", silence) or 0 for silence in silences))


def _before_a_business_day(one: dict[str, object]) -> bool:
    """Whether a missing payment came before a business day had passed since the placing, a day before it was due."""
    if one["kind"] != "payment.capture_overdue":
        return False
    due, paid = instant("", str(one["due_at"])) or 0, instant("", str(one["resolved_at"])) or 0
    return paid < Calendar("UTC").add(due - 24 * 3_600_000_000, span("1 bd"))


@pytest.mark.parametrize("arrange", [as_it_is, without_subjects, shuffled])
def test_olist_is_judged_as_it_was(
    events: list[Event], expected: set[tuple[str, str]], tmp_path: Path, arrange: Callable[[list[Event]], list[bytes]]
) -> None:
    """Exactly the exceptions that are true: none missed, none too many."""
    assert {kind: sum(found == kind for _, found in expected) for kind in TOTALS} == TOTALS
    assert found(arrange(events), tmp_path) == expected


def test_without_settings_it_is_calm(events: list[Event], expected: set[tuple[str, str]], tmp_path: Path) -> None:
    """The built-in policy misses nothing that is true, and says little besides. Feeds that tell four milestones are asked for no other."""
    said = found(as_it_is(events), tmp_path, None)
    assert expected <= said
    judged = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    lines = (tmp_path / "out" / "exceptions.jsonl").read_bytes().splitlines()
    raised = {json.loads(line)["data"]["exception_id"] for line in lines}
    assert {one["exception"] for one in judged} <= raised, "the sample is of what is said"
    assert sum(one["worth"] for one in judged) >= 0.9 * len(judged)
    opened = {str(one["exception_id"]): one for one in reversed([json.loads(line)["data"] for line in lines]) if one["status"] == "open"}
    first = {name: str(one["severity"]) for name, one in opened.items()}
    data = [json.loads(line)["data"] for line in (tmp_path / "out" / "incidents.jsonl").read_bytes().splitlines()]
    assert [(one["milestone"], one.get("carrier"), one.get("status", "silence")) for one in data] == [
        ("first_scan", "olist", "open"),
        *[("captured", None, "silence")] * 6,
    ]
    silences = [str(one["mark"]) for one in data[2::2]]
    assert silences == ["2018-04-20T11:21:17Z", "2018-07-02T23:50:04Z", "2018-07-22T00:05:10Z"]
    told = [json.loads(line)["data"] for line in lines]
    late = [one for one in told if one["sequence"] == 1 and one["status"] == "resolved" and one["kind"] in WAITING]
    held = {str(one["exception_id"]) for one in late if _before_a_business_day(one)}
    assert len(held) > 250, "what is paid before a bank has worked is never open"
    silent = [one for one in late if one["exception_id"] not in held]
    assert len(silent) > 300, "what was held back is said as over, since it was paid late all the same"
    assert all(_within(one, silences) for one in silent)
    over = {one["exception_id"] for one in late}
    held |= {name for name, one in opened.items() if one["kind"] == "payment.capture_overdue" and one["detected_at"] > one["due_at"]}
    read = [[json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] for path in (AGAIN, THIRD)]
    # The others are not open at the instant at which they were judged: payments of which no bank had worked, and silences.
    again, third = ([one for one in sample if one["exception"] not in over | held] for sample in read)
    assert [len(again), len(third)] == [36, 39]
    assert sum(first[one["exception"]] != one["severity_meant"] for one in third) <= 4, "each as it first stood open"
    assert all(one["worth"] for one in again), "nobody is called for nothing"
    assert sum(not one["worth"] for one in third) <= 2
    fourth = [json.loads(line) for line in FOURTH.read_text(encoding="utf-8").splitlines()]
    assert first.keys() >= {one["exception"] for one in (*again, *fourth)}
    assert sum(one["worth"] for one in fourth) >= 0.9 * len(fourth)
    assert sum(first[one["exception"]] == one["severity_meant"] for one in fourth) >= 0.9 * len(fourth)
    others = said - expected
    assert {kind for _, kind in others}.isdisjoint(LEARNED)
    assert len({order for order, _ in others}) <= 0.05 * len({event.data["subject"] for event in events})


def test_a_back_test_says_what_twice_the_patience_is_worth(events: list[Event], expected: set[tuple[str, str]], tmp_path: Path) -> None:
    """Payments may take 48 hours instead of 24: what is said no more, and what is said later, are exactly the orders that are."""
    placed: dict[str, int | None] = {}
    paid: dict[str, int | None] = {}
    for event in events:
        first = {"order.placed": placed, "payment.captured": paid}.get(event.data["type"])
        if first is not None:
            first.setdefault(event.data["subject"], instant("", event.data["time"]))
    late = {order for order, kind in expected if kind == "payment.capture_overdue"}
    day = 24 * 3_600_000_000
    later = {order for order in late if (paid.get(order) or UNTIL or 0) - (placed[order] or 0) > 2 * day}
    policy = tmp_path / "patient.yaml"
    policy.write_text(POLICY.read_text(encoding="utf-8").replace("threshold: 24 h", "threshold: 48 h"), encoding="utf-8")
    line = ["backtest", DATA / "events.jsonl.gz", "--against", POLICY, "--policy", policy, "--until", "2018-10-17T17:30:18Z"]
    done = command(*line, "--out", tmp_path / "found")
    assert (done.returncode, done.stderr) == (0, b"")
    differences = [json.loads(text) for text in (tmp_path / "found" / "differences.jsonl").read_bytes().splitlines()]
    assert {one["kind"] for one in differences} == {"payment.capture_overdue"}
    assert {one["order_id"] for one in differences if "gone" in one["changes"]} == late - later
    assert {one["order_id"] for one in differences if "later" in one["changes"]} == later
    report = json.loads((tmp_path / "found" / "report.json").read_bytes())
    assert report["found"] == {"old": len(expected), "new": len(expected) - len(late - later)}
