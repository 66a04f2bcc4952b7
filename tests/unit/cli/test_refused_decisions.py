"""`orderwatch dispatch decisions`: what the log has refused, and having it written again."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

from dataflows.cli.main import run
from dataflows.dispatch.journal import FILE, connect
from dataflows.dispatch.letters import asked
from dataflows.dispatch.outbox import put
from dataflows.dispatch.refusals import refuse

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_refused_decisions_are_listed_and_asked_for_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason; each is asked for once, and the list says that it was."""
    monkeypatch.setenv("COLUMNS", "200")
    with closing(connect(tmp_path / FILE)) as db:
        for number, id_ in enumerate(("a1", "b2"), 1):
            db.execute("INSERT INTO actions VALUES (?, 'acme', 'SO-7', 0, 1, 'begun', 1, 0, 1, 1, 0, x'00')", (id_,))
            put(db, {"id": f"{id_}:1:executed", "type": "action.executed", "data": {"action_id": id_}}, 1_800_000_000_000_000)
            refuse(db, number, 1_800_000_001_000_000, "larger than the topic allows")
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"dispatch": {"dir": str(tmp_path)}}), encoding="utf-8")

    def lines(*arguments: str, status: int = 0) -> list[list[str]]:
        assert run(["dispatch", "decisions", *arguments, "--settings", str(file)]) == status
        found = capsys.readouterr()
        return [line.split() for line in (found.out + found.err).splitlines()]

    row = ["2027-01-15T08:00:00.000Z", "2027-01-15T08:00:01.000Z", "SO-7", "action.executed", *"larger than the topic allows".split()]
    assert lines("list")[1:] == [[*row, "a1:1:executed"], [*row, "b2:1:executed"]]
    assert lines("write", status=2) != []
    assert lines("write", "c", status=2) != []
    assert lines("write", "a1") == ["1 to be written again".split()]
    assert lines("write", "--all") == ["1 to be written again; 1 had been asked for already".split()]
    assert lines("list", "b")[1:] == [[*row, "b2:1:executed", "asked", "for"]]
    with closing(connect(tmp_path / FILE)) as db:
        assert [(each.what, each.subject) for each in asked(db)] == [("write", "a1:1:executed"), ("write", "b2:1:executed")]
