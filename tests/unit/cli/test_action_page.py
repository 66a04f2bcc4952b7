"""`orderwatch actions show`: an action's life as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from dataflows.cli.main import run
from sinks.cases.writer import CaseWriter
from tests.support.stored import example
from tests.support.stores import record, sqlite_url, store

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_call_in_doubt_is_shown_with_when_it_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each time that this is said; the outcome that is found then ends it. Why an attempt failed, dispatch has said."""
    requested = orjson.loads(example("action.requested"))
    data, doubts = requested["data"], ("2026-04-22T22:00:11Z", "2026-04-22T22:05:11Z")
    lived = [{}, {"state": "begun", "attempt": 1}, *({"state": "begun", "attempt": 1, "retry_at": at} for at in doubts)]
    lived.append({"state": "executed", "attempt": 1})
    events = [
        requested
        | {"id": f"{data['action_id']}:{number}", "type": "action.updated" if said else "action.requested"}
        | {"time": f"2026-04-22T22:0{number}:00Z", "data": data | {"sequence": number} | said}
        for number, said in enumerate(lived, 2)
    ]
    failed = orjson.loads(example("action.failed"))
    failed["data"] |= {"action_id": data["action_id"], "code": "no_route"}
    with store(sqlite_url(tmp_path)) as engine:
        CaseWriter(engine).write([record("actions", orjson.dumps(event), number) for number, event in enumerate(events)])
        CaseWriter(engine).write([record("decisions", orjson.dumps(failed), 0)])
    assert run(["actions", "show", data["action_id"][:8], "--store", sqlite_url(tmp_path)]) == 0
    life, _, said = capsys.readouterr().out.partition("Its life")[2].partition("Decisions and attempts")
    assert "no_route" in said
    lines = [" ".join(line.split()) for line in life.splitlines() if line.strip()]
    assert [line.partition(" ")[2] for line in lines] == [
        lines[0].partition(" ")[2],
        "begun; attempt 1",
        *(f"what the call did is not known yet; is tried again {at}" for at in doubts),
        "executed",
    ]
