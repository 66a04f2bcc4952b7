"""Output records for people."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from schemas.instants import DAY
from schemas.output import OutputRecord
from sinks.tally import Row, Tally
from sinks.terminal import TerminalView
from tests.support.logs import T0

LONG = "Fulfilment ship overdue: " + "It has not left and nobody knows why. " * 10


def output(
    status: str = "open",
    severity: str = "high",
    *,
    id_: str = "x",
    summary: str = "Fulfilment ship overdue: It has not left.",
    score: int = 500,
    due: str = "2026-04-20T08:00:00Z",
    type_: str = "exception.raised",
) -> OutputRecord:
    """An exception as it is published."""
    data: dict[str, object] = {
        "exception_id": id_,
        "owner": "FULF",
        "due_at": due,
        "summary": summary,
        "score_terms": {"severity": score},
        "status": status,
        "recommended": [{"action": "notify_customer", "reason": "the order leaves late"}],
    }
    return OutputRecord(T0, "A-1", "exceptions", type_, "", b"{}", "fulfilment.ship_overdue", severity, status, data)


def view(*outputs: OutputRecord, terminal: bool = True, width: int = 80) -> tuple[TerminalView, io.StringIO]:
    """A view that has seen some output records, and what it printed."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=width, height=24, highlight=False, legacy_windows=False)
    seen = TerminalView(console, lambda: "Mon 20 Apr 2026 08:00 UTC")
    for one in outputs:
        seen.show("exceptions", [one])
    return seen, text


def board(*outputs: OutputRecord, width: int = 80, height: int = 24) -> list[str]:
    """The lines of the board."""
    return [line.plain for line in view(*outputs)[0].board(width, height)]


def test_the_board_says_how_bad_which_which_order_whose_since_when_what_and_what_next() -> None:
    """Everything that decides whether to look closer, and the ID by which to."""
    lines = board(output(id_="0123456789", due="2026-04-19T20:00:00Z"))
    assert lines[0] == "HIGH      01234567  A-1  FULF  12 h late"
    assert lines[1] == "  Fulfilment ship overdue: It has not left."
    assert lines[2] == "  → notify customer: the order leaves late"
    assert lines[4] == "Mon 20 Apr 2026 08:00 UTC   critical 0   high 1   medium 0   low 0"
    assert lines[5] == "1 exception so far: 1 open"


def test_lateness_counts_as_of_looking() -> None:
    """What was said long ago and stands is later than what was said of it: it moves up, and the board says by how much."""
    long_ago = replace(output(id_="a", score=300, due="2026-04-20T08:00:00Z"), log=T0)
    just_now = replace(output(id_="b", score=340, due="2026-05-22T08:00:00Z"), log=T0 + 32 * DAY)
    assert board(long_ago, just_now)[0] == "HIGH      a  A-1  FULF  32 d late"
    assert [one.id for one in view(long_ago, just_now)[0].gravest()] == ["a", "b"]
    assert [one.id for one in view(long_ago, replace(just_now, log=T0))[0].gravest()] == ["b", "a"]


def test_the_gravest_is_first_then_the_highest_score_then_the_oldest() -> None:
    """Severity before score before age."""
    lines = board(
        output(id_="a", severity="medium", score=999),
        output(id_="b", due="2026-04-19T08:00:00Z"),
        output(id_="c", due="2026-04-18T08:00:00Z"),
        output(id_="d", score=600),
        output(id_="e", severity="critical"),
    )
    assert [line.split()[1] for line in lines if "FULF" in line] == ["e", "d", "c", "b", "a"]


def test_what_is_over_leaves_the_board_and_is_counted() -> None:
    """The board holds what is open now; an exception that is open again is back."""
    lines = board(output(id_="a"), output("resolved", id_="a"), output(id_="b"), output("suppressed", id_="b"), output(id_="c"))
    assert [line.split()[1] for line in lines if "FULF" in line] == ["c"]
    assert lines[-1] == "3 exceptions so far: 1 open, 1 resolved, 1 suppressed"
    assert "FULF" in "".join(board(output(id_="b"), output("suppressed", id_="b"), output(id_="b")))
    assert board(output("resolved"))[0] == "nothing is open"


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("height", [10, 24, 50])
def test_the_board_is_as_wide_and_as_high_as_the_terminal(width: int, height: int) -> None:
    """A sentence is cut at the real width and shows that it is; what there is no room for is counted."""
    many = [output(id_=f"{number:08d}", summary=LONG) for number in range(40)]
    lines = board(*many, width=width, height=height)
    assert len(lines) < height
    assert max(map(len, lines)) == width
    cut = next(line for line in lines if "It has not" in line)
    assert cut.endswith("…")
    assert len(cut) == width
    shown = sum("FULF" in line for line in lines)
    assert f"and {40 - shown} more open" in lines


def test_a_wide_terminal_needs_two_lines_for_one() -> None:
    """The next step stands behind the sentence where both have room."""
    assert board(output(), width=120)[1] == "  Fulfilment ship overdue: It has not left.  → notify customer: the order leaves late"


def test_ids_that_begin_alike_are_shown_longer() -> None:
    """Each means one exception."""
    lines = board(output(id_="0123456789-a"), output(id_="0123456789-b"), output(id_="9999999999"))
    assert [line.split()[1] for line in lines if "FULF" in line] == ["0123456789-a", "0123456789-b", "99999999"]


def test_elsewhere_than_on_a_terminal_lines_are_plain_and_whole() -> None:
    """No colours, no cursor, one line for what is raised and one for what is settled, with the year, and never cut."""
    _, text = view(output(summary=LONG), output(severity="critical"), output("resolved"), terminal=False)
    raised, settled = text.getvalue().splitlines()
    assert raised == f"2026-04-20 08:00 UTC  HIGH        x  A-1  FULF  {LONG} → notify customer: the order leaves late"
    assert settled == "2026-04-20 08:00 UTC  resolved    x  A-1  FULF  fulfilment.ship_overdue"
    assert view(output("resolved"), terminal=False)[1].getvalue() == ""


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn over."""
    monkeypatch.setenv("TERM", "dumb")
    _, text = view(output())
    assert "\x1b" not in text.getvalue()
    assert text.getvalue().count("\n") == 1


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_end_says_whole_sentences_within_the_width(width: int) -> None:
    """What is open at the end is read at leisure: nothing of it is cut."""
    seen, text = view(output(summary=LONG), width=width)
    text.truncate(0)
    seen.console.no_color = True
    seen.last()
    lines = text.getvalue().replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "").splitlines()
    told = lines[2 : next(n for n, line in enumerate(lines) if "→" in line)]
    assert " ".join(" ".join(told).split()) == LONG.strip()
    assert max(map(len, told)) <= width


def test_the_tally_counts_each_exception_once_by_its_latest_state() -> None:
    """However many events an exception had; an exception that was over at first is known as such."""
    tally = Tally()
    over = output("resolved", id_="d", type_="exception.resolved")
    gone = output("retracted", "low", id_="c", type_="exception.retracted")
    tally.take(
        "exceptions",
        [output(id_="a"), output(id_="b"), output(id_="c"), output("resolved", id_="a", type_="exception.resolved"), gone, over],
    )
    tally.take("rejects", [OutputRecord(0, "", "rejects", "reject", "", b"", data={"reason": "not_json"})])
    tally.take(
        "actions", [OutputRecord(0, "", "actions", type_, "", b"") for type_ in ("action.proposed", "action.requested", "action.proposed")]
    )
    assert tally.rows() == [
        Row("fulfilment.ship_overdue", "high", found=3, resolved=2, expired=0, retracted=0, suppressed=0, open=1),
        Row("fulfilment.ship_overdue", "low", found=1, resolved=0, expired=0, retracted=1, suppressed=0, open=0),
    ]
    assert tally.types["exceptions"] == {"exception.raised": 3, "exception.resolved": 2, "exception.retracted": 1}
    assert tally.types["actions"] == {"action.proposed": 2, "action.requested": 1}
    assert (tally.over, tally.rejects) == (1, {"not_json": 1})
