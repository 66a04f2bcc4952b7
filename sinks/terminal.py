"""Verdicts for people at a terminal: what is wrong, with which order, who owns it, until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sinks.tally import SEVERITIES, Tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from sinks.base import Verdict

STYLES = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan"}
WIDTH = 100


class TerminalView:
    """Prints each exception when it is raised or settled, above a line that says how things stand.

    On a terminal it uses colours and a live last line; elsewhere it prints plain lines of the same content. Use it as a context manager,
    and give `show` to a `ViewSink`.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.tally = Tally()
        self.note = ""
        """What the last line says besides the counts, such as the time of the world that is shown."""
        self._live = Live(console=self.console, refresh_per_second=8, transient=True) if self.console.is_terminal else None
        self._said: dict[str, str] = {}

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, topic: str, verdicts: Sequence[Verdict]) -> None:
        """Shows some verdicts."""
        self.tally.take(topic, verdicts)
        if topic == "exceptions":
            for verdict in verdicts:
                self._say(verdict)
        self.refresh()

    def refresh(self) -> None:
        """Brings the last line up to date."""
        if self._live is not None:
            self._live.update(self._standing())

    def _say(self, verdict: Verdict) -> None:
        status, identity = verdict.status, str(verdict.data["exception_id"])
        before = self._said.get(identity)
        self._said[identity] = status
        if status == before or (status != "open" and before != "open"):
            return  # worse or better severities and what nobody was told of are counted, not called out
        width = min(self.console.width, WIDTH) if self.console.is_terminal else WIDTH
        self.console.print(heading(verdict, width))
        if status == "open":
            self.console.print(Text(clip(f"   {verdict.data['summary']}", width), style="dim"))

    def _standing(self) -> Group:
        standing = Text()
        counts = dict.fromkeys(SEVERITIES, 0)
        for row in self.tally.rows():
            counts[row.severity] += row.open
        standing.append(f" {self.note}   " if self.note else " ", style="bold")
        for severity, count in counts.items():
            standing.append(f"{severity} {count}", style=STYLES[severity] if count else "dim")
            standing.append("   ")
        standing.append(f"open of {len(self.tally.exceptions)} seen", style="dim")
        return Group(Text("─" * min(self.console.width, WIDTH), style="dim"), standing)


def heading(verdict: Verdict, width: int = WIDTH) -> Text:
    """One line: when, how bad, what, which order, whose, until when."""
    data = verdict.data
    line = Text(f"{_moment(verdict.log)} ")
    if verdict.status == "open":
        line.append(f"{verdict.severity.upper():<8}", style=STYLES[verdict.severity])
    else:
        line.append(f"{verdict.status:<8.8}", style="green" if verdict.status == "resolved" else "dim")
    line.append(f" {verdict.kind:<31.31} ", style="bold" if verdict.status == "open" else "")
    line.append(f"{clip(verdict.order, 18):<18} {data.get('owner') or '':<5}")
    due = data.get("due_at")
    if verdict.status == "open" and isinstance(due, str):
        line.append(f" due {due[5:10]} {due[11:16]}", style="dim")
    line.truncate(width)
    return line


def clip(text: str, width: int) -> str:
    """Cuts a text to a width, and says so."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _moment(log: int) -> str:
    return datetime.fromtimestamp(log // 1_000_000, UTC).strftime("%m-%d %H:%M")
