"""Cases and actions as people read them in a terminal of any width, as lines of fields where nobody looks, and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import orjson
import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from dataflows.cli.listing import print_lines
from schemas.instants import micros
from schemas.lateness import length
from sinks.terminal import SHORT, STYLES

if TYPE_CHECKING:
    from sinks.cases.queries.rows import ActionDetail, ExceptionDetail, ExceptionRow, ListedAction, OpenCounts

SENTENCE = 40
"""Where so much of a line is left for it, the sentence stands beside the rest of a row, else below it."""
ORDER = "order"
LEAST_ORDER, MOST_ORDER = 12, 28
"""How much is shown of an order ID: in a line that is full, and at most. It may have 512 bytes, and every row would be as wide."""
LABEL_WIDTH = 11
GAP = 2
Line = tuple[tuple[str, str], ...]
"""The cells of a row, each with its style."""


def as_json(row: object) -> str:
    """A row as one line of JSON; instants as RFC 3339."""
    plain: Any = asdict(row) if is_dataclass(row) and not isinstance(row, type) else row
    return orjson.dumps(plain, default=str).decode()


def print_cases(rows: Sequence[ExceptionRow], *, more: bool, as_json: bool, now: datetime) -> None:
    """Prints a list of cases."""
    if as_json:
        _json(rows)
        return
    head = ("id", "severity", "score", "order", "kind", "when", "with", "case")
    lines = [
        (
            (row.exception_id, ""),
            (row.severity, STYLES.get(row.severity, "")),
            (str(row.score), ""),
            (row.order_id, ""),
            (row.kind, "bold"),
            (_when(row, now), ""),
            (row.assignee or row.team, ""),
            (_state(row, now), ""),
        )
        for row in rows
    ]
    _print(head, lines, [row.summary for row in rows], "no case that these options leave", below=2)
    if more:
        typer.echo("there are more: --limit shows more of them, options narrow it down", err=True)


def put_aside(counts: OpenCounts) -> str:
    """How many are snoozed and how many wait, in words; empty if none."""
    named = ((counts.snoozed, "snoozed"), (counts.waiting, "waiting"))
    return ", ".join(f"{many:,} {words}" for many, words in named if many)


def print_actions(rows: Sequence[ListedAction], *, more: bool, as_json: bool, now: datetime) -> None:
    """Prints a list of actions."""
    if as_json:
        _json(rows)
        return
    head = ("id", "state", "order", "action", "value", "lane", "approval")
    lines = [
        (
            (row.action_id, ""),
            (row.state.replace("_", " "), "bold" if row.approvals_needed else ""),
            (row.order_id, ""),
            (row.action, "bold"),
            (_value(row), ""),
            (row.lane, ""),
            (_approval(row, now), ""),
        )
        for row in rows
    ]
    _print(head, lines, [row.reason for row in rows], "no action that these options leave", below=1)
    if more:
        typer.echo("there are more: --limit shows more of them, options narrow it down", err=True)


def print_case(found: ExceptionDetail, *, as_json: bool, now: datetime) -> None:
    """Prints a case with all that belongs to it."""
    if as_json:
        _json([found])
        return
    from dataflows.detect.explain import tell
    from dataflows.detect.explain_actions import SaidAction

    console = Console(highlight=False)
    events = [(event.type, dict(event.data)) for event in found.events] or [("exception.updated", dict(found.data))]
    actions = [[SaidAction(_instant(event.at), event.data) for event in action.events] for action in found.actions]
    tell(console, events, [one for one in actions if one], lambda _: None, micros(now))
    _guardrails(console, found.data)
    _messages(console, found.data)
    if found.notes:
        _title(console, "Notes")
        for note in found.notes:
            at = "" if note.at is None else f"{_instant(note.at)}  "
            _say(console, f"  {at}{note.by or 'somebody'}: {note.text or '(the text is not here)'}", 4)
    waiting = [one for one in found.actions if one.row.approvals_needed]
    for one in waiting:
        _title(console, "Waits for approval")
        _say(console, f"  orderwatch actions approve {one.row.action_id}", 4)
    _say(console, f"\nsequence {found.row.sequence}, tenant {found.row.tenant}", 0)


def print_action(found: ActionDetail, decisions: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Prints an action with its life, and what people and dispatch said about it: there it stands why an attempt failed."""
    if as_json:
        _json([{**asdict(found), "decisions": decisions}])
        return
    from dataflows.detect.explain_actions import SaidAction, life

    console, row = Console(highlight=False), found.row
    for line in what_is_approved(row, found.data):
        _say(console, line, LABEL_WIDTH + 3)
    _title(console, "Its life")
    for time, what in life([SaidAction(_instant(event.at), event.data) for event in found.events]):
        _say(console, f"  {time}  {what}", 26)
    if decisions:
        _title(console, "Decisions and attempts")
    for one in decisions:
        at = one["logged_at"] or one["refused_at"] or one["time"]
        parts = [str(one[name]) for name in ("type", "by", "endpoint", "reference", "code", "result") if one[name]]
        parts += [f"refused: {one['detail'] or one['reason']}"] if one["outcome"] == "refused" else []
        _say(console, f"  {_instant(at)}  {', '.join(parts)}", 26)


def what_is_approved(row: ListedAction, data: Mapping[str, object]) -> list[str]:
    """What a person must read of an action before he agrees: what, about what, with what, worth what, why, and what speaks against it."""
    undone = "cannot be undone" if row.irreversible else "can be undone"
    lines = [f"{row.action.replace('_', ' ')} of order {row.order_id}: {row.state.replace('_', ' ')}, {undone}"]
    parameters = cast("Mapping[str, object]", data.get("parameters") or {})
    facts = [
        ("action", row.action_id),
        ("target", row.target or "order"),
        ("value", _value(row)),
        *((f"  {name}", orjson.dumps(value).decode().strip('"')) for name, value in parameters.items()),
        ("reason", row.reason),
        ("asked by", row.initiated_by or "its rule"),
        ("agreed", ", ".join(row.approved_by)),
        ("needs", f"{row.approvals_needed} of {' or '.join(row.approvers)}" if row.approvals_needed else ""),
        ("until", "" if row.expires_at is None else _instant(row.expires_at)),
        ("hash", row.payload_hash or ""),
    ]
    lines += [f"  {label:<{LABEL_WIDTH}} {text}" for label, text in facts if text]
    lines += [f"  {'guardrail':<{LABEL_WIDTH}} {text}" for text in _spoken(data)]
    return lines


def _guardrails(console: Console, data: Mapping[str, object]) -> None:
    spoken = _spoken(data)
    if spoken:
        _title(console, "Guardrails")
        for text in spoken:
            _say(console, f"  {text}", 4)


def _spoken(data: Mapping[str, object]) -> list[str]:
    found = cast("Sequence[Mapping[str, object]]", data.get("guardrails") or ())
    return [f"{str(one.get('name')).replace('_', ' ')} ({one.get('effect')}): {one.get('reason')}" for one in found]


def _messages(console: Console, data: Mapping[str, object]) -> None:
    found = cast("Sequence[Mapping[str, object]]", data.get("messages") or ())
    if found:
        _title(console, "What the customer was told")
        for one in found:
            parts = [str(one[name]) for name in ("at", "topic", "channel", "promised_by", "by") if one.get(name)]
            _say(console, f"  {'  '.join(parts)}", 4)


def _print(head: Sequence[str], lines: Sequence[Line], sentences: Sequence[str], none: str, below: int) -> None:
    """Prints a table; where it is narrow, the last `below` columns and the sentence stand below the rest of their row."""
    if not sys.stdout.isatty():
        print_lines([*head, "summary"], [[*(text for text, _ in line), one] for line, one in zip(lines, sentences, strict=True)])
        return
    if not lines:
        typer.echo(none)
        return
    console = Console(highlight=False)
    # IDs are told apart by how they begin, as long as they do.
    size = _telling([line[0][0] for line in lines])
    shown: list[Line] = [((line[0][0][:size], line[0][1]), *line[1:]) for line in lines]
    beside, widths = len(head), _widths(head, shown)
    widths[head.index(ORDER)] = min(widths[head.index(ORDER)], MOST_ORDER)
    wide = sum(widths) + GAP * len(head) + SENTENCE <= console.width
    if not wide:
        beside -= below
        over = sum(widths[:beside]) + GAP * (beside - 1) - console.width
        widths[head.index(ORDER)] = min(widths[head.index(ORDER)], max(widths[head.index(ORDER)] - over, LEAST_ORDER))
    heading: Line = tuple((name, "dim") for name in head)
    for cells, sentence in [(heading, "summary"), *zip(shown, sentences, strict=True)]:
        text = Text()
        for (cell, style), width in zip(cells[:beside], widths, strict=False):
            part = Text(cell, style=style)
            part.truncate(width, overflow="ellipsis", pad=True)
            text.append(part).append(" " * GAP)
        if wide:
            text.append(sentence)
        _cut(console, text)
        if not wide and cells is not heading:
            _cut(console, Text(f"  {'  '.join(cell for cell, _ in cells[beside:] if cell)}"))
            _cut(console, Text(f"  {sentence}", style="dim"))


def _widths(head: Sequence[str], lines: Sequence[Line]) -> list[int]:
    """How wide each column is. Letters of some scripts take two places, marks above others none."""
    return [max(cell_len(head[at]), *(cell_len(line[at][0]) for line in lines)) for at in range(len(head))]


def _cut(console: Console, text: Text) -> None:
    """Prints one line, whatever the width."""
    text.rstrip()
    text.truncate(console.width, overflow="ellipsis")
    if text:
        console.print(text, no_wrap=True, crop=True)


def _telling(ids: Sequence[str]) -> int:
    size = SHORT
    while len({id_[:size] for id_ in ids}) < len(set(ids)):
        size += 2
    return size


def _when(row: ExceptionRow, now: datetime) -> str:
    late = micros(now) - micros(row.since)
    if row.due_at is None:
        return f"for {length(max(late, 0))}"
    return f"{length(late)} late" if late >= 0 else f"in {length(-late)}"


def _state(row: ExceptionRow, now: datetime) -> str:
    words = row.case_state if row.status == "open" else f"{row.status}, {row.case_state}"
    if row.waiting_on:
        words += f" on {row.waiting_on}"
    if row.clock is not None and row.clock_at is not None:
        left = micros(row.clock_at) - micros(now)
        words += f", {row.clock} {'in ' if left >= 0 else ''}{length(abs(left))}{'' if left >= 0 else ' late'}"
    return words


def _approval(row: ListedAction, now: datetime) -> str:
    if not row.approvals_needed:
        return ", ".join(row.approved_by)
    by = row.needs_approval_by
    left = "" if by is None else f", {length(abs(micros(by) - micros(now)))} {'left' if by >= now else 'late'}"
    return f"{row.approvals_needed} of {' or '.join(row.approvers)}{left}"


def _value(row: ListedAction) -> str:
    return "" if row.value is None else f"{row.value:.2f} {row.currency or ''}".strip()


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _json(rows: Iterable[object]) -> None:
    for row in rows:
        typer.echo(as_json(row))


def _title(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _say(console: Console, text: str, indent: int) -> None:
    from textwrap import wrap

    lead = "\n" if text.startswith("\n") else ""
    words = text.removeprefix("\n")
    width = max(console.width, indent + 20)
    lines = wrap(words, width, subsequent_indent=" " * indent) if console.is_terminal else [words]
    for at, line in enumerate(lines):
        console.print(Text(f"{lead if not at else ''}{line}"), soft_wrap=True)
