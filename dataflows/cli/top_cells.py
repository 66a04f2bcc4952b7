"""What `orderwatch top` says of an exception in a line: words first, colour only beside them. Shared by the screen and by `--once`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from dataflows.cli.case_page import put_aside
from schemas.instants import MICROSECOND
from schemas.lateness import length
from sinks.cases.queries.rows import ExceptionRow, OpenCounts

WIDE = 120
"""From so many columns on words are written out, and the sentence stands in the row."""
STYLES = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan"}
SHORT = {"critical": "crit", "medium": "med"}
SOON = timedelta(hours=1)
"""A clock that runs out sooner is shown in bold."""


class Column(NamedTuple):
    """A column: its key, its heading, and its width."""

    key: str
    heading: str
    width: int


def columns(width: int) -> list[Column]:
    """The columns for a screen of so many characters; between two of them stands a blank."""
    wide = width >= WIDE
    found = [
        Column("score", "SCORE" if wide else "SCOR", 5 if wide else 4),
        Column("severity", "SEVERITY" if wide else "SEV", 8 if wide else 4),
        Column("clock", "CLOCK", 21 if wide else 13),
        Column("order", "ORDER", 16 if wide else 11),
        Column("kind", "KIND", 30 if wide else 0),
        Column("owner", "OWNER", 12 if wide else 5),
        Column("case", "CASE", 12 if wide else 8),
        Column("action", "ACTION", 27 if wide else 9),
    ]
    if wide:
        found.append(Column("sentence", "SENTENCE", 0))
    taken = sum(column.width for column in found) + len(found)
    return [column if column.width else column._replace(width=max(width - taken, 8)) for column in found]


def cell(row: ExceptionRow, key: str, now: datetime, *, wide: bool) -> tuple[str, str]:
    """What a column says of an exception, and its style."""
    match key:
        case "score":
            return str(row.score), ""
        case "severity":
            return (row.severity if wide else SHORT.get(row.severity, row.severity)), STYLES.get(row.severity, "")
        case "clock":
            return clock(row, now, wide=wide), "bold" if row.clock_at is not None and row.clock_at - now < SOON else ""
        case "order":
            return row.order_id, ""
        case "kind":
            return (row.kind if wide else row.kind.partition(".")[2]), ""
        case "owner":
            return (row.assignee or row.team).removeprefix("user:"), ""
        case "case":
            return case_state(row, wide=wide), ""
        case "action":
            return action(row, wide=wide), ""
        case _:
            return row.summary, ""


def clock(row: ExceptionRow, now: datetime, *, wide: bool) -> str:
    """Which clock of the case runs out next, and when: `ack 45 min`, `ack late 3 h`, `due 2 d`; a case that waits is paused."""
    if row.clock is None or row.clock_at is None:
        return "paused" if row.paused_since is not None else "none"
    name = row.clock if wide else {"acknowledge": "ack", "resolve": "due"}[row.clock]
    left = (row.clock_at - now) // MICROSECOND
    return f"{name} {length(left)}" if left >= 0 else f"{name} late {length(-left)}"


def case_state(row: ExceptionRow, *, wide: bool) -> str:
    """How its case stands; what is no longer open says so instead."""
    if row.status != "open":
        return row.status
    state = "reopened" if row.case_state == "open" else row.case_state
    return state if wide else {"acknowledged": "acked"}.get(state, state)


def action(row: ExceptionRow, *, wide: bool) -> str:
    """How its action stands; with its name where there is room."""
    if row.action is None:
        return "none"
    state = row.action.state.replace("_", " ")
    return f"{state}: {row.action.action.replace('_', ' ')}" if wide else state


def plain(text: str) -> str:
    """A text in one line, without what a terminal would act upon."""
    return "".join(sign if sign.isprintable() else "�" for sign in " ".join(text.split()))


def fitted(text: str, width: int) -> str:
    """A text in so many places of a line: cut with a sign that it was. Letters of some scripts take two."""
    text = plain(text)
    return text if cell_len(text) <= width else f"{set_cell_size(text, max(width - 1, 0)).rstrip()}…"


def counted(counts: OpenCounts, *, wide: bool = True) -> str:
    """What is open, in words."""
    parts = ", ".join(f"{getattr(counts, name):,} {name}" for name in ("critical", "high", "medium", "low") if getattr(counts, name))
    late = (
        (counts.acknowledge_breached, "not acknowledged in time" if wide else "ack late"),
        (counts.resolve_breached, "not resolved in time" if wide else "due late"),
        (counts.approvals, f"approval{'' if counts.approvals == 1 else 's'} waiting" if wide else "to approve"),
    )
    more = ", ".join(f"{number:,} {words}" for number, words in late if number)
    aside = put_aside(counts) if wide else f"{counts.snoozed + counts.waiting:,}" * bool(counts.snoozed or counts.waiting)
    said = (f"{counts.open:,} open{f': {parts}' if parts else ''}", more, aside and f"put aside: {aside}")
    return "; ".join(one for one in said if one)
