"""The command line: its names, its exit codes, its words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dataflows import cli, flow
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
    for name in "run adapt gateway topics state rejects export demo replay explain simulate policy schemas".split():
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
    history = said[said.index("What was said") :]
    assert history.index("1. raised") < history.index("resolved")
    assert "What now" in said
    assert "It would not have come to this with" in said


def test_explain_takes_the_beginning_of_an_id(folder: Path, capsys: Captured) -> None:
    """As long as it means one exception only."""
    identity = ids(folder, "A-2")[0]
    assert cli.run(["explain", identity[:13].upper(), "--in", str(folder)]) == 0
    assert identity in capsys.readouterr().out


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


def test_the_demo_finds_what_it_injected(capsys: Captured) -> None:
    """Live, through the same flow; the closing line is the comparison."""
    assert cli.run(["demo", "--orders", "25", "--seed", "2", "--seconds", "1"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("found ")
    assert last.endswith("and 0 that had not been injected")
    found, of = last.split()[1], last.split()[3]
    assert found == of


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
