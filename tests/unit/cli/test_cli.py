"""The command line: its names, its exit codes, its words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from dataflows.cli import main as cli
from dataflows.detect import flow
from tests.support.logs import HOUR, T0, line
from tests.support.replays import lines, replay, write

if TYPE_CHECKING:
    from pathlib import Path

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A replay in which one order was captured late and another one never."""
    placed: dict[str, object] = {"method": "digital", "total": {"amount": "1.00", "currency": "EUR"}}
    events = [
        line("o1", T0, "order.placed", data=placed),
        line("o2", T0, "order.placed", order="A-2", data=placed),
        line("c1", T0 + 25 * HOUR, data={"payment_id": "p1", "amount": {"amount": "1.00", "currency": "EUR"}}),
    ]
    replay(write(tmp_path / "events.jsonl", events), tmp_path)
    return tmp_path


def ids(folder: Path, order: str) -> list[str]:
    """The exception IDs of an order's late captures."""
    data = [json.loads(json.dumps(event["data"])) for event in lines(folder, "exceptions")]
    return [row["exception_id"] for row in data if row["order_id"] == order and row["kind"] == "payment.capture_overdue"]


def test_help_names_every_command(capsys: Captured) -> None:
    """What can be done today."""
    assert cli.run(["--help"]) == 0
    said = capsys.readouterr().out
    for name in "run adapt gateway store topics state rejects export demo replay explain simulate policy schemas".split():
        assert f" {name} " in said


@pytest.mark.parametrize("arguments", [[], ["policy"], ["schemas"], ["nonsense"], ["replay"], ["explain"], ["simulate", "--orders", "0"]])
def test_what_cannot_be_understood_is_misuse(arguments: list[str], capsys: Captured) -> None:
    """Exit code 2, and never a traceback."""
    assert cli.run(arguments) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert said.err.count("\n") <= 1


def test_explain_tells_a_decision_from_its_evidence(folder: Path, capsys: Captured) -> None:
    """What, by which rule and policy, how the deadline came about, on what it rests, what was said, what to do, what would have helped."""
    identity = ids(folder, "A-1")[0]
    assert cli.run(["explain", identity, "--in", str(folder)]) == 0
    said = capsys.readouterr().out
    for words in (
        identity,
        "payment.capture_overdue",
        "order A-1",
        "resolved",
        "version",
        "1 day",
        "order.placed",
        "events.jsonl:1",
        "FIN",
    ):
        assert words in said
    history = said[said.index("Its life") :]
    assert history.index("1. raised") < history.index("resolved")
    assert "What now" not in said
    assert "What was missing by the deadline: a payment.captured." in said


def told(folder: Path, capsys: Captured, identity: object) -> str:
    """What explain says of an exception."""
    assert cli.run(["explain", str(identity), "--in", str(folder)]) == 0
    return capsys.readouterr().out


def said(folder: Path) -> list[dict[str, object]]:
    """The states of all exceptions, in order."""
    return [cast("dict[str, object]", event["data"]) for event in lines(folder, "exceptions")]


PROMISED: dict[str, object] = {
    "total": {"amount": "1.00", "currency": "EUR"},
    "ship_to": {"country": "NL"},
    "promised_by": "2026-04-21",
}
MONEY: dict[str, object] = {"payment_id": "p", "amount": {"amount": "1.00", "currency": "EUR"}}


def test_explain_names_what_made_each_change(tmp_path: Path, capsys: Captured) -> None:
    """Which deadline made it worse, who took it, which event ended it; advice only while it is open."""
    start = [
        line("o1", T0, "order.placed", data=PROMISED),
        line("p1", T0 + HOUR, data=MONEY),
        line("s1", T0 + 2 * HOUR, "warehouse.shipped", data={"tracking_number": "T1", "carrier": "ups"}),
    ]
    replay(write(tmp_path / "events.jsonl", start), tmp_path, until=T0 + 80 * HOUR)
    identity = next(one["exception_id"] for one in said(tmp_path) if one["kind"] == "shipment.delivery_overdue")
    text = told(tmp_path, capsys, identity)
    worse = "medium → high: its next deadline passed: Wed 2026-04-22 00:00 + 1 business day (Europe/Amsterdam) = Thu 2026-04-23 00:00"
    assert worse in text
    assert "notify customer: the promise is broken" in text[text.index("What now") :]
    decided = line("k1", T0 + 80 * HOUR, "case.assigned", source="/desk", data={"exception_id": identity, "assignee": "kim"})
    came = line("d1", T0 + 90 * HOUR, "carrier.scan", source="/ups", data={"tracking_number": "T1", "status": "delivered"})
    replay(write(tmp_path / "events.jsonl", [*start, came]), tmp_path, decisions=write(tmp_path / "decisions.jsonl", [decided]))
    text = told(tmp_path, capsys, identity)
    assert worse in text
    assert "case assigned to kim (/desk k1 order-decisions:1)" in text
    assert "came, too late, by carrier.scan /ups d1 of 2026-04-24T02:00:00Z events.jsonl:4" in text
    assert "What now" not in text


def test_explain_says_what_the_score_is_made_of_and_what_is_suggested(tmp_path: Path, capsys: Captured) -> None:
    """Each term in words, as of the instant of looking; who suggests what, and how sure."""
    events = write(tmp_path / "events.jsonl", [line("o1", T0, "order.placed", data=PROMISED)])
    until = T0 + 80 * HOUR
    replay(events, tmp_path, until=until)
    identity = next(one["exception_id"] for one in said(tmp_path) if one["kind"] == "shipment.delivery_overdue")
    data = {"exception_id": identity, "kind": "owner", "value": "OPS", "confidence": 0.7, "model": "triage-3"}
    decisions = write(tmp_path / "decisions.jsonl", [line("s1", until, "suggestion.made", source="/model", data=data)])
    replay(events, tmp_path, until=until, decisions=decisions)
    text = told(tmp_path, capsys, identity)
    assert "320 for high, 100 for what is broken, 50 for having no time left" in text
    assert "  suggested   triage-3 suggests owner OPS, confidence 0.7: a person decides" in text
    assert "lane auto → review, by suggestion.made /model s1" in text[text.index("Its life") :]
    assert "triage-3 suggests owner OPS, confidence 0.7: a person decides" in text[text.index("Its life") :]


def test_explain_names_what_took_it_back(folder: Path, capsys: Captured) -> None:
    """Evidence that came late, or a withdrawal; nobody is told what to do, or what would have helped against what never was."""
    placed = line("o1", T0, "order.placed", data={"method": "digital", "total": {"amount": "1.00", "currency": "EUR"}})
    identity = ids(folder, "A-1")[0]
    other = line("x", T0 + 26 * HOUR, order="A-9", data=MONEY | {"payment_id": "q"})
    late = line("c1", T0 + HOUR, recorded=T0 + 27 * HOUR, data=MONEY)
    replay(write(folder / "late.jsonl", [placed, other, late]), folder)
    text = told(folder, capsys, identity)
    assert "never true: payment.captured /test c1 of 2026-04-20T09:00:00Z late.jsonl:3 came to be known late" in text
    assert "What now" not in text
    assert "would not have come to this" not in text
    gone = line("w1", T0 + 27 * HOUR, "evidence.withdrawn", data={"event_id": "o1"})
    replay(write(folder / "gone.jsonl", [placed, other, gone]), folder)
    assert "what it rested on was withdrawn, by evidence.withdrawn /test w1" in told(folder, capsys, identity)


def test_explain_names_what_suppressed_it(tmp_path: Path, capsys: Captured) -> None:
    """By whom, and where to look instead."""
    placed = line("o1", T0, "order.placed", data={"method": "digital", "total": {"amount": "1.00", "currency": "EUR"}})
    replay(write(tmp_path / "events.jsonl", [placed]), tmp_path, until=T0 + 60 * 24 * HOUR)
    states = {str(one["exception_id"]): one for one in said(tmp_path)}
    below = next(id_ for id_, one in states.items() if one["status"] == "suppressed")
    above = states[str(states[below]["suppressed_by"])]
    text = told(tmp_path, capsys, below)
    name = f"{above['kind']} {str(above['exception_id'])[:8]}"
    assert f"suppressed by {name}, which says more" in text
    assert f"Nothing by itself: see to {name}." in text


def test_explain_takes_the_beginning_of_an_id(folder: Path, capsys: Captured) -> None:
    """As long as it means one exception only."""
    identity = ids(folder, "A-2")[0]
    assert cli.run(["explain", identity[:13].upper(), "--in", str(folder)]) == 0
    assert identity in capsys.readouterr().out


def test_explain_tells_of_what_was_never_told(tmp_path: Path, capsys: Captured) -> None:
    """By its sentence, with the orders that wait for it."""
    events: list[bytes] = []
    for number in range(20):
        order, left = f"A-{number}", cast("dict[str, object]", {"tracking_number": f"T{number}", "carrier": "ups"})
        events.append(line(f"placed-{number}", T0 + number, "order.placed", order=order, source="/shop", data={}))
        events.append(line(f"left-{number}", T0 + number, "warehouse.shipped", order=order, source="/shop", data=left))
    replay(write(tmp_path / "events.jsonl", events), tmp_path, until=T0 + 100 * HOUR)
    incidents = [cast("dict[str, str]", event["data"]) for event in lines(tmp_path, "incidents")]
    (identity,) = [data["incident_id"] for data in incidents if data["milestone"] == "first_scan"]
    text = told(tmp_path, capsys, identity[:13])
    assert "No first scan by carrier ups has ever been told: since" in text
    assert "A-0, A-1, A-2" in text


def test_explain_says_what_is_wrong_with_an_id(folder: Path, capsys: Captured) -> None:
    """Unknown, ambiguous, or no replay there at all: one line, exit code 2."""
    for arguments, words in (
        (["zzzz", "--in", str(folder)], "no exception zzzz"),
        (["", "--in", str(folder)], "no exception"),
        (["1", "--in", str(folder / "nowhere")], "name the folder of a replay with --in"),
    ):
        assert cli.run(["explain", *arguments]) == 2
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert words in said.err


def test_simulate_writes_a_world_and_says_how_to_replay_it(tmp_path: Path, capsys: Captured) -> None:
    """The events, the labels and the policy, and the command that judges them."""
    assert cli.run(["simulate", "--orders", "5", "--seed", "3", "--out", str(tmp_path / "new" / "w.jsonl.gz")]) == 0
    assert "orderwatch replay" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["w.expected.jsonl", "w.jsonl.gz", "w.policy.yaml"]


def test_schemas_export_writes_the_contract(tmp_path: Path, capsys: Captured) -> None:
    """The folder is made, and filled."""
    assert cli.run(["schemas", "export", str(tmp_path / "schemas")]) == 0
    assert str(tmp_path / "schemas") in capsys.readouterr().out
    assert any((tmp_path / "schemas").rglob("*.json"))
    assert json.loads((tmp_path / "schemas" / "openapi.json").read_bytes())["openapi"] == "3.1.0"


def test_the_demo_finds_what_it_injected(tmp_path: Path, capsys: Captured) -> None:
    """Live, through the same flow; it ends with the comparison and with what to do next, which works."""
    assert cli.run(["demo", "--orders", "25", "--seed", "2", "--seconds", "1", "--out", str(tmp_path / "found")]) == 0
    said = capsys.readouterr().out
    told = next(line for line in said.splitlines() if line.startswith("found "))
    assert told.endswith("and 0 that had not been injected")
    found, of = told.split()[1], told.split()[3]
    assert found == of
    again = next(line for line in said.splitlines() if "orderwatch explain" in line).split()[1:]
    assert cli.run(again) == 0
    assert f"exception   {again[1]}" in capsys.readouterr().out


def test_a_failure_is_one_line_and_exit_code_one(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Even one that nobody has foreseen."""

    def burst(*_: object, **__: object) -> None:
        raise ValueError("something\nis off")

    monkeypatch.setattr(flow, "get_flow", burst)
    assert cli.run(["replay", str(folder / "events.jsonl"), "--out", str(folder / "out")]) == 1
    said = capsys.readouterr().err
    assert said == "orderwatch: failed: ValueError: something is off (set ORDERWATCH_DEBUG=1 for more)\n"


def test_ctrl_c_is_no_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """The user knows why it stopped."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(flow, "get_flow", interrupt)
    assert cli.run(["replay", str(folder / "events.jsonl"), "--out", str(folder / "out")]) == 130
    assert capsys.readouterr().err == "orderwatch: stopped; what was written is not complete\n"
