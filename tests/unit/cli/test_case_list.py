"""`orderwatch cases list` on a terminal: what one row holds moves no other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import orjson
from rich.cells import cell_len

from dataflows.cli.main import run
from sinks.cases.writer import CaseWriter
from tests.support.stored import example
from tests.support.stores import record, sqlite_url, store

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ORDERS = ("SO-1001", "注文-東京-77", "x" * 300)


def test_what_is_put_aside_is_counted_and_shown_where_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It needs nobody now; a decision about all that the options leave does not take it along either."""
    raised = orjson.loads(example("exception.raised"))
    events: list[bytes] = []
    for number, state in enumerate(("new", "snoozed", "waiting", "waiting")):
        id_, case = f"{number:08}-0000-5000-8000-000000000000", raised["data"]["case"] | {"state": state}
        data = raised["data"] | {"exception_id": id_, "order_id": state, "case": case}
        events.append(orjson.dumps(raised | {"id": f"{id_}:1", "subject": state, "data": data}))
    with store(sqlite_url(tmp_path)) as engine:
        CaseWriter(engine).write([record("exceptions", event, number) for number, event in enumerate(events)])
    for options, shown, said in (
        ([], ["new"], "not shown: 1 snoozed, 2 waiting; --state any shows them\n"),
        (["--state", "any"], ["new", "snoozed", "waiting", "waiting"], ""),
        (["--state", "snoozed"], ["snoozed"], ""),
        (["--status", "resolved"], [], ""),
    ):
        assert run(["cases", "list", "--json", "--store", sqlite_url(tmp_path), *options]) == 0
        out, err = capsys.readouterr()
        assert (sorted(orjson.loads(line)["order_id"] for line in out.splitlines()), err) == (shown, said)


def test_an_order_of_any_letters_and_length_leaves_the_columns_where_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 80 columns too, where it is cut. Letters of some scripts take two places."""
    raised = orjson.loads(example("exception.raised"))
    kind = raised["data"]["kind"]
    events = [
        raised
        | {"id": f"{number:08}-0000-5000-8000-000000000000:1", "subject": order}
        | {"data": raised["data"] | {"exception_id": f"{number:08}-0000-5000-8000-000000000000", "order_id": order}}
        for number, order in enumerate(ORDERS)
    ]
    with store(sqlite_url(tmp_path)) as engine:
        CaseWriter(engine).write([record("exceptions", orjson.dumps(event), number) for number, event in enumerate(events)])
    monkeypatch.setenv("TERM", "dumb")
    for columns in ("80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert run(["cases", "list", "--store", sqlite_url(tmp_path)]) == 0
        head, *rows = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("  ")]
        assert len(rows) == len(ORDERS)
        places = {cell_len(row.partition(kind)[0]) for row in rows if kind in row}
        assert places == {cell_len(head.partition("kind")[0])}
        assert sum(kind in row for row in rows) == len(ORDERS)
        assert "when" in head
