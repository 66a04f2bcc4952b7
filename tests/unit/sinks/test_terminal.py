"""Verdicts for people."""

from __future__ import annotations

import io

from rich.console import Console

from dataflows.core.verdicts import Out
from sinks.tally import Row, Tally
from sinks.terminal import WIDTH, TerminalView, heading
from tests.support.logs import T0


def verdict(status: str = "open", severity: str = "high", *, id_: str = "x", summary: str = "A-1: It has not left.") -> Out:
    """An exception as it is published."""
    data: dict[str, object] = {"exception_id": id_, "owner": "FULF", "due_at": "2026-04-20T08:00:00Z", "summary": summary}
    return Out(T0, "A-1", "exceptions", "exception.raised", "", b"{}", "fulfilment.ship_overdue", severity, status, data)


def shown(*verdicts: Out, terminal: bool = False) -> str:
    """What the view prints."""
    text = io.StringIO()
    with TerminalView(Console(file=text, force_terminal=terminal, width=80, highlight=False), lambda: "Mon 20 Apr") as view:
        for one in verdicts:
            view.show("exceptions", [one])
    return text.getvalue()


def test_a_line_says_when_how_bad_what_whose_and_until_when() -> None:
    """Everything that decides whether to look closer, in at most a hundred columns."""
    line = heading(verdict()).plain
    assert line == "04-20 08:00 HIGH       fulfilment.ship_overdue         A-1                FULF  due 04-20 08:00"
    assert len(line) <= WIDTH


def test_elsewhere_than_on_a_terminal_lines_are_plain() -> None:
    """No colours, no cursor, one line per fact whatever its length."""
    text = shown(verdict(summary="A-1: " + "long " * 60))
    assert "\x1b" not in text
    assert text.count("\n") == 2
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_terminal_shows_how_things_stand() -> None:
    """The last line counts what is open, by severity."""
    text = shown(verdict(id_="a"), verdict(id_="b", severity="low"), verdict("resolved", id_="a"), terminal=True)
    assert "\x1b[" in text
    assert "open, 2 seen" in text


def test_only_what_people_must_know_is_called_out() -> None:
    """An exception that was resolved before anyone heard of it, and one that only grew worse, are counted in silence."""
    assert shown(verdict("resolved")) == ""
    assert shown(verdict(), verdict(severity="critical")).count("fulfilment.ship_overdue") == 1
    assert "resolved" in shown(verdict(), verdict("resolved"))


def test_the_tally_counts_each_exception_once_by_its_latest_state() -> None:
    """However many events an exception had."""
    tally = Tally()
    tally.take("exceptions", [verdict(id_="a"), verdict(id_="b"), verdict("resolved", id_="a"), verdict("retracted", "low", id_="c")])
    tally.take("rejects", [Out(0, "", "rejects", "reject", "", b"", data={"reason": "not_json"})])
    assert tally.rows() == [
        Row("fulfilment.ship_overdue", "high", raised=2, resolved=1, retracted=0, suppressed=0, open=1),
        Row("fulfilment.ship_overdue", "low", raised=1, resolved=0, retracted=1, suppressed=0, open=0),
    ]
    assert tally.rejects == {"not_json": 1}
