"""`orderwatch rejects` of an embedded installation: its log is read, and what has no topic to go back to says what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dataflows.cli.main import run
from dataflows.detect.rejects import undecodable
from sinks.embedded.sink import EmbeddedSink
from sinks.kafka.stats import WriterStats
from sources.batch import Refusal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings of an installation whose log holds two rejects of one reason and one of another."""
    part = EmbeddedSink(tmp_path, "state", WriterStats()).build_part("out", "rejects", None)
    for number, reason in enumerate(("not_json", "unknown_type", "not_json"), 1):
        out = undecodable(Refusal(number, "embedded.order-events", 0, 40 + number, 0, reason, "why", b"{", 1))
        out.shard, out.number = "s00", number
        part.write_batch([[out]])
    part.close()
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"embedded": {"dir": str(tmp_path)}, "state": {"dir": str(tmp_path / "state")}}), encoding="utf-8")
    return file


def test_the_rejects_of_an_installation_are_listed(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By reason, those that there are most of first; into a pipe as lines of fields."""
    assert run(["rejects", "list", "--settings", str(settings)]) == 0
    places = [f"embedded.order-events/0/{offset}" for offset in (41, 43, 42)]
    rows = [["reason", "count", "where, for instance"], ["not_json", "2", ", ".join(places[:2])], ["unknown_type", "1", places[2]]]
    assert [line.split("\t") for line in capsys.readouterr().out.splitlines()] == rows
    assert run(["rejects", "list", "--settings", str(settings), "--reason", "none"]) == 0
    assert capsys.readouterr().err == f"nothing in the log of rejects in {settings.parent} for none\n"


def test_rejects_of_an_installation_are_written_out_to_be_mended(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no topic to send them to."""
    assert run(["rejects", "replay", "--settings", str(settings), "--all"]) == 2
    assert "--export writes its rejects to a file" in capsys.readouterr().err
    file = settings.parent / "mend.jsonl"
    assert run(["rejects", "replay", "--settings", str(settings), "--all", "--export", str(file)]) == 0
    assert [json.loads(line)["offset"] for line in file.read_bytes().splitlines()] == [41, 42, 43]


@pytest.mark.parametrize("arguments", [[], ["--brokers", "b:9092", "--settings", "s"], ["--settings", "{}", "--topic", "t"]])
def test_where_rejects_are_is_said_once(settings: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """In one line."""
    assert run(["rejects", "list", *(one.format(settings) if one == "{}" else one for one in arguments)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
