"""`orderwatch forget`: it asks, writes one event that the engine takes, and refuses what is not clear."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dataflows.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("whom", "subject", "customer"), [(("--order", "O-7"), "O-7", None), (("--customer", "C-7", "--tenant", "acme"), None, "C-7")]
)
def test_one_event_is_appended(tmp_path: Path, whom: tuple[str, ...], subject: str | None, customer: str | None) -> None:
    """With who, and the role that it takes."""
    out = tmp_path / "decisions.jsonl"
    at = "2026-03-04T09:00:00Z"
    assert run(["forget", *whom, "--out", str(out), "--by", "user:anna", "--at", at, "--yes"]) == 0
    (event,) = (json.loads(line) for line in out.read_bytes().splitlines())
    assert (event["type"], event.get("subject"), event["time"]) == ("order.forgotten", subject, at)
    assert event["data"] == {"by": "user:anna", "by_roles": ["admin"], **({"customer_id": customer} if customer else {})}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--out", "x"],
        ["--order", "O-7", "--customer", "C-7", "--out", "x"],
        ["--order", "O-7"],
        ["--order", "O-7", "--brokers", "b:9092", "--settings", "s.yaml"],
        ["--order", "O-7", "--brokers", "b:9092", "--at", "2026-03-04T09:00:00Z"],
    ],
)
def test_what_is_not_clear_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """In one line; nothing is written."""
    assert run(["forget", *arguments, "--yes"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_where_nobody_is_there_to_ask_nothing_is_erased(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard input is no terminal: who means it says so by --yes."""
    assert run(["forget", "--order", "O-7", "--out", str(tmp_path / "x")]) == 2
    said = capsys.readouterr().err
    assert said == "orderwatch: erase order O-7 of tenant default? It does not come back: nobody is there to ask; --yes agrees\n"
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("command", [["cases", "list"], ["actions", "list"], ["automation", "state"]])
@pytest.mark.parametrize("url", ["sqlite:////nowhere/store.sqlite3", "nothing"])
def test_who_has_no_store_is_told_so(command: list[str], url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line and code 2: to come again would be of no use."""
    assert run([*command, "--store", url]) == 2
    said = capsys.readouterr().err
    assert said.startswith(("orderwatch: there is no store at", "orderwatch: the URL of the store is none"))
    assert len(said.splitlines()) == 1
