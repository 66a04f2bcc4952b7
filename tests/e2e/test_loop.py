"""The loop as its user sees it: recorded events and recorded decisions in, a case worked to its end and an action carried out.

Decisions are made of what a first replay has written, as people and a dispatch make them of what they read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.support.replays import command

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]
ANNA: Json = {"by": "user:anna", "by_roles": ["operator"]}
EVE: Json = {"by": "user:eve", "by_roles": ["approver"]}
DISPATCH: Json = {"by": "service:dispatch"}


def event(id_: str, type_: str, time: str, data: Json, source: str = "/storefront/acme", order: str = "A-1001") -> Json:
    """An event as a system of record writes it."""
    return {"specversion": "1.0", "id": id_, "source": source, "type": type_, "time": time, "subject": order, "data": data}


def eur(amount: str) -> Json:
    """Money."""
    return {"amount": amount, "currency": "EUR"}


EVENTS = [
    event(
        "1",
        "order.placed",
        "2026-11-02T10:00:00Z",
        {
            "total": eur("84.00"),
            "customer": {"id": "c-7", "tier": "gold", "consents": ["email"]},
            "ship_to": {"country": "NL"},
            "lines": [{"line_id": "1", "sku": "MUG", "quantity": 2}],
            "promised_by": "2026-11-06",
        },
    ),
    event("2", "payment.captured", "2026-11-02T10:05:00Z", {"payment_id": "p-1", "amount": eur("84.00")}, "/payments/adyen"),
    event(
        "3",
        "warehouse.shipped",
        "2026-11-03T09:00:00Z",
        {"site": "ams1", "shipment_id": "S1", "carrier": "dhl", "tracking_number": "T1"},
        "/warehouse/ams1",
    ),
    event("4", "carrier.scan", "2026-11-03T18:00:00Z", {"status": "accepted", "tracking_number": "T1"}, "/carrier/dhl"),
    event("5", "carrier.scan", "2026-11-04T11:00:00Z", {"status": "damaged", "tracking_number": "T1"}, "/carrier/dhl"),
    event("6", "order.placed", "2026-11-04T12:00:00Z", {"total": eur("20.00"), "ship_to": {"country": "NL"}}, order="A-1002"),
    event("7", "payment.failed", "2026-11-04T12:01:00Z", {"payment_id": "p-2", "decline": "soft"}, "/payments/adyen", "A-1002"),
    event("8", "carrier.scan", "2026-11-06T11:00:00Z", {"status": "delivered", "tracking_number": "T1"}, "/carrier/dhl"),
]


def written(path: Path) -> list[Json]:
    """The lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, events: Iterable[Json]) -> str:
    """Writes events as lines; returns the file's name."""
    path.write_text("".join(json.dumps(one) + "\n" for one in events), encoding="utf-8")
    return str(path)


def made_of(out: Path) -> list[Json]:
    """What people and a dispatch decide about what a replay has written."""
    damage = next(one["data"] for one in written(out / "exceptions.jsonl") if one["data"]["kind"] == "shipment.damaged")
    claim = next(one["data"] for one in written(out / "actions.jsonl") if one["data"]["action"] == "open_claim")
    case = {"exception_id": damage["exception_id"]}
    action = {"action_id": claim["action_id"]}
    agreed = {**action, "payload_hash": claim["payload_hash"]}
    decisions = [
        ("case.acknowledged", "11:30", {**case, **ANNA}),
        ("action.approved", "11:40", {**agreed, **ANNA}),
        ("action.approved", "11:50", {**agreed, **EVE}),
        ("action.begun", "11:51", {**action, **DISPATCH, "attempt": 1, "endpoint": "dhl-claims"}),
        ("action.executed", "11:52", {**action, **DISPATCH, "attempt": 1, "reference": "CL-55"}),
        ("case.waiting", "12:30", {**case, **ANNA, "on": "carrier", "until": "2026-11-09T12:00:00Z"}),
        ("case.resolved", "16:00", {**case, **ANNA, "outcome": "claim paid"}),
    ]
    return [event(f"d{n}", type_, f"2026-11-04T{at}:00Z", data, "/console") for n, (type_, at, data) in enumerate(decisions, 1)]


class Loop(NamedTuple):
    """A folder with events and decisions, what `replay` printed of them, and where it wrote to."""

    events: str
    decisions: str
    printed: str
    out: Path


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """The events replayed once without decisions, then with those that follow from what was written."""
    folder = tmp_path_factory.mktemp("loop")
    events = write(folder / "events.jsonl", EVENTS)
    command("replay", events, "--out", str(folder / "before"))
    decisions = write(folder / "decisions.jsonl", made_of(folder / "before"))
    done = command("replay", events, "--decisions", decisions, "--out", str(folder / "out"))
    assert done.returncode == 0, done.stderr
    return Loop(events, decisions, done.stdout.decode(), folder / "out")


def test_it_prints_how_actions_and_cases_stand(loop: Loop) -> None:
    """After the exceptions and the files; and what was refused, with the reason."""
    shown = [line.rstrip() for line in loop.printed.splitlines()]
    assert shown[0].startswith("15 events of 2 orders in ")
    assert "actions.jsonl: 6 lines: 2 requested, 2 proposed, 0 withdrawn, 2 updated" in shown
    assert "actions at the end: 1 proposed, 1 requested, 1 executed" in shown
    assert "cases at the end: 1 resolved" in shown
    assert "1 record rejected: role_missing 1" in shown


def test_the_case_is_written_to_its_end(loop: Loop) -> None:
    """Who, when and why; the clock stands still while it waits, and the parcel that arrives opens nothing again."""
    cases = [one["data"] for one in written(loop.out / "exceptions.jsonl") if one["data"]["kind"] == "shipment.damaged"]
    said = [(one["status"], one["case"]["state"], one["case"]["by"]) for one in cases]
    assert said == [
        ("open", "new", None),
        ("open", "acknowledged", "user:anna"),
        ("open", "waiting", "user:anna"),
        ("resolved", "resolved", "user:anna"),
        ("resolved", "resolved", "user:anna"),
    ]
    assert [one["sequence"] for one in cases] == [1, 2, 3, 4, 5]
    waiting, resolved = cases[2]["case"], cases[3]["case"]
    assert (waiting["waiting_on"], waiting["paused_since"]) == ("carrier", "2026-11-04T12:30:00Z")
    assert (resolved["outcome"], resolved["acknowledged_at"], cases[3]["resolution"]) == ("claim paid", "2026-11-04T11:30:00Z", "case")


def test_the_action_is_approved_begun_and_executed(loop: Loop) -> None:
    """By the one who may, each step an event with the whole state; who may not is refused, and the record given back as it was."""
    claim = [one for one in written(loop.out / "actions.jsonl") if one["data"]["action"] == "open_claim"]
    assert [(one["type"], one["data"]["state"]) for one in claim] == [
        ("action.proposed", "proposed"),
        ("action.requested", "requested"),
        ("action.updated", "begun"),
        ("action.updated", "executed"),
    ]
    assert claim[0]["data"]["approved_by"] == []
    assert [one["data"]["approved_by"] for one in claim[1:]] == [["user:eve"]] * 3
    assert {one["data"]["payload_hash"] for one in claim} == {claim[0]["data"]["payload_hash"]}
    assert [each["id"] for each in claim[3]["data"]["evidence"]] == ["5"]
    retry = [one["data"]["state"] for one in written(loop.out / "actions.jsonl") if one["data"]["action"] == "retry_payment"]
    assert retry == ["requested"], "a soft decline heals itself: nobody needs to agree"
    rejects = (loop.out / "rejects.jsonl").read_text(encoding="utf-8")
    assert "role_missing" in rejects
    assert "d2" in rejects


def test_explain_tells_the_whole_of_it(loop: Loop) -> None:
    """Trigger, evidence, rule, owner, what people decided, action and outcome."""
    id_ = next(one["data"]["exception_id"] for one in written(loop.out / "exceptions.jsonl"))
    text = command("explain", id_, "--in", str(loop.out)).stdout.decode()
    for words in (
        "carrier.scan",
        "owner       CARR",
        "case acknowledged, user:anna (/console d1 order-decisions:1)",
        "case resolved (claim paid), user:anna (/console d7 order-decisions:7); a person closed the case",
        "open claim (file claim), about shipment:S1, asked for by its rule: executed",
        "proposed; 1 person has to agree; expires 2026-11-07T11:00:00Z",
        "requested: it may be carried out; user:eve agreed",
        "begun; attempt 1",
    ):
        assert words in text, words


def test_decisions_among_the_events_are_none(loop: Loop, tmp_path: Path) -> None:
    """Whoever writes to the events decides nothing: each is given back, and what was proposed stays proposed."""
    both = write(tmp_path / "both.jsonl", [*written(Path(loop.events)), *written(Path(loop.decisions))])
    done = command("replay", both, "--out", str(tmp_path / "out"))
    assert "7 records rejected: not_a_decision_source 7" in done.stdout.decode()
    states = {one["data"]["state"] for one in written(tmp_path / "out" / "actions.jsonl") if one["data"]["action"] == "open_claim"}
    assert states == {"proposed", "withdrawn"}


def test_a_second_replay_writes_the_same_bytes(loop: Loop, tmp_path: Path) -> None:
    """With decisions as without."""
    command("replay", loop.events, "--decisions", loop.decisions, "--out", str(tmp_path))
    for name in ("exceptions", "actions", "incidents", "rejects"):
        assert (tmp_path / f"{name}.jsonl").read_bytes() == (loop.out / f"{name}.jsonl").read_bytes()
