"""What `orderwatch top` says of an exception in a line: words first, colour only beside them. Shared by the screen and by `--once`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.instants import MICROSECOND
from schemas.lateness import length
from sinks.cases.queries.rows import Counts, ExceptionRow

WIDE = 120
"""From so many columns on kinds are named whole and the sentence stands in the row."""
STYLES = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan"}
LATE = "bold"
SOON = timedelta(hours=1)
"""A clock that runs out sooner is shown in bold."""


class Column(NamedTuple):
    """A column: its key, its heading, and its width (0: what is left)."""

    key: str
    heading: str
    width: int


def columns(width: int) -> list[Column]:
    """The columns for a screen of so many characters; between two of them stands a blank."""
    wide = width >= WIDE
    found = [
        Column("score", "SCORE", 5),
        Column("severity", "SEVERITY", 8),
        Column("clock", "CLOCK", 12),
        Column("order", "ORDER", 16 if wide else 12),
        Column("kind", "KIND", 30 if wide else 0),
        Column("owner", "OWNER", 12 if wide else 5),
        Column("case", "CASE", 12 if wide else 8),
        Column("action", "ACTION", 28 if wide else 9),
    ]
    if wide:
        found.append(Column("sentence", "SENTENCE", 0))
    taken = sum(column.width for column in found) + len(found)
    return [column if column.width else column._replace(width=max(width - taken, 8)) for column in found]


def cell(row: ExceptionRow, key: str, now: datetime, *, wide: bool) -> tuple[str, str]:
    """What a column says of an exception, and its style."""
    match key:
        case "score":
            return f"{row.score:>5}", ""
        case "severity":
            return row.severity, STYLES.get(row.severity, "")
        case "clock":
            return clock(row, now), LATE if row.clock_at is not None and row.clock_at - now < SOON else ""
        case "order":
            return row.order_id, ""
        case "kind":
            return (row.kind if wide else row.kind.partition(".")[2]), ""
        case "owner":
            return row.assignee or row.team, ""
        case "case":
            return (row.case_state if row.status == "open" else row.status), ""
        case "action":
            return action(row, wide=wide), ""
        case _:
            return row.summary, ""


def clock(row: ExceptionRow, now: datetime) -> str:
    """Which clock of the case runs out next, and when: `ack 45 min`, `ack late 3 h`, `resolve 2 d`; a case that waits is paused."""
    if row.clock is None or row.clock_at is None:
        return "paused" if row.paused_since is not None else "none"
    name = "ack" if row.clock == "acknowledge" else "fix"
    left = (row.clock_at - now) // MICROSECOND
    return f"{name} {length(left)}" if left >= 0 else f"{name} late {length(-left)}"


def action(row: ExceptionRow, *, wide: bool) -> str:
    """How its action stands; with its name where there is room."""
    if row.action is None:
        return "none"
    state = row.action.state.replace("_", " ")
    return f"{row.action.action.replace('_', ' ')}: {state}" if wide else state


def plain(text: str) -> str:
    """A text in one line, without what a terminal would act upon."""
    return "".join(sign if sign.isprintable() else "�" for sign in " ".join(text.split()))


def fitted(text: str, width: int) -> str:
    """A text in so many characters: cut with a sign that it was."""
    text = plain(text)
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"


def counted(counts: Counts) -> str:
    """What is open, in words."""
    parts = ", ".join(f"{getattr(counts, name):,} {name}" for name in ("critical", "high", "medium", "low") if getattr(counts, name))
    late = [
        (counts.acknowledge_breached, "not taken up in time"),
        (counts.resolve_breached, "not resolved in time"),
        (counts.approvals, "approvals waiting"),
    ]
    more = "; ".join(f"{number:,} {words}" for number, words in late if number)
    return f"{counts.open:,} open{f': {parts}' if parts else ''}{f'; {more}' if more else ''}"
