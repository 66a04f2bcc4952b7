"""The texts of `orderwatch top`: the table that `--once` prints, the pane of one exception, and its whole history."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from textwrap import wrap
from typing import cast

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from dataflows.cli.top_board import Look
from dataflows.cli.top_cells import STYLES, cell, clock, columns, counted, fitted, plain
from dataflows.detect.explain import tell
from dataflows.detect.explain_actions import SaidAction, heading
from schemas.counts import counted as number_of
from schemas.instants import iso, micros
from sinks.cases.queries.rows import ExceptionDetail

PIPED = 200
"""The width that a table has where nobody says how wide it may be; the sentence, which comes last, is never cut there."""

EVIDENCE = 3
"""Events that the pane names; the history names all."""


def table(look: Look, width: int | None) -> Iterator[Text]:
    """The lines of the table: cut to a terminal's width; where that is None, columns as they are on a wide one, with whole sentences."""
    shape = columns(width or PIPED)
    wide = any(column.key == "sentence" for column in shape)
    yield Text(" ".join(f"{column.heading:<{column.width}}" for column in shape).rstrip(), style="bold")
    for row in look.rows:
        line = Text()
        for number, column in enumerate(shape):
            said, style = cell(row, column.key, look.at, wide=wide)
            whole = width is None and column.key == "sentence"
            said = plain(said) if whole else fitted(said, column.width)
            line.append(said, style=style)
            if number < len(shape) - 1:
                line.append(" " * (column.width - cell_len(said) + 1))
        yield line
    if not look.rows:
        yield Text("nothing is open")
    more = look.counts.open - len(look.rows)
    yield Text(f"{counted(look.counts)}{f'; {more:,} of them not shown' if more > 0 else ''}; as of {look.at:%Y-%m-%d %H:%M:%S} UTC")


def pane(detail: ExceptionDetail, now: datetime, width: int) -> Text:
    """One exception: what is wrong, how the deadline came about, who has it, what it rests on, and what is being done."""
    row, data = detail.row, detail.data
    lines = Text()

    def line(label: str, text: str, style: str = "") -> None:
        for number, part in enumerate(wrap(plain(text), max(width - 10, 20)) or [""]):
            lines.append(f"{label if not number else '':<9} ", style="bold")
            lines.append(f"{part}\n", style=style)

    lines.append(f"{plain(row.kind)} ", style="bold")
    lines.append(row.severity, style=STYLES.get(row.severity, ""))
    scope = f", {row.scope}" if row.scope else ""
    lines.append(f"  order {plain(row.order_id)}{plain(scope)}  {row.status}  {row.exception_id[:8]}\n")
    line("", row.summary)
    line("deadline" if row.due_at else "instant", str(data.get("arithmetic") or "none"))
    who = f"{row.assignee.removeprefix('user:')} of {row.team}" if row.assignee else f"{row.team}, nobody by name"
    waits = f" on {row.waiting_on}" if row.waiting_on else ""
    escalated = f"; escalated to {row.escalated_to}" if row.escalated_to else ""
    again = f"; reopened {number_of(row.reopenings, 'time')}" if row.reopenings else ""
    line("case", f"{row.case_state}{waits}, {who}; {clock(row, now, wide=True)}{escalated}{again}")
    evidence = _list(data.get("evidence"))
    for number, piece in enumerate(evidence[:EVIDENCE]):
        line("evidence" if not number else "", f"{piece['time']} {piece['type']} {piece['source']} {piece['id']}")
    if len(evidence) > EVIDENCE:
        line("", f"and {len(evidence) - EVIDENCE} more: Enter shows them")
    for number, action in enumerate(detail.actions):
        line("actions" if not number else "", heading([SaidAction(iso(micros(said.at)), said.data) for said in action.events]))
    for number, advice in enumerate(_list(data.get("recommended")) if row.status == "open" else []):
        line("next" if not number else "", f"{str(advice['action']).replace('_', ' ')}: {advice['reason']}")
    for number, note in enumerate(detail.notes):
        line("notes" if not number else "", f"{note.by}: {note.text}")
    lines.rstrip()
    return lines


def history(detail: ExceptionDetail, now: datetime, width: int) -> Text:
    """The whole history of an exception, as `orderwatch explain` tells it."""
    written = io.StringIO()
    console = Console(file=written, width=width, force_terminal=True, color_system=None, highlight=False)
    actions = [[SaidAction(iso(micros(said.at)), said.data) for said in action.events] for action in detail.actions]
    events = [(said.type, dict(said.data)) for said in detail.events]
    tell(console, events, actions, lambda _other: None, micros(now))
    return Text("\n".join(_readable(line) for line in Text.from_ansi(written.getvalue()).plain.splitlines()))


def _readable(line: str) -> str:
    """A line as it is laid out, without what a terminal would act upon."""
    return "".join(sign if sign.isprintable() else "�" for sign in line)


def _list(value: object) -> Sequence[dict[str, object]]:
    return cast("Sequence[dict[str, object]]", value) if isinstance(value, list) else []
