"""Verdicts for people at a terminal: what is wrong, with which order, who owns it, until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sinks.tally import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from sinks.base import Verdict

STYLES = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan"}
WIDTH = 100


class TerminalView:
    """Prints each exception when it is raised or settled, above a line that says how things stand.

    On a terminal it uses colours and a live last line; elsewhere it prints plain lines of the same content. Use it as a context manager,
    and give `show` to a `ViewSink`. `note` says what the last line shows besides the counts, such as the time of the world that is shown.
    """

    def __init__(self, console: Console | None = None, note: Callable[[], str] | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._note = note
        self._open: dict[str, int] = dict.fromkeys(SEVERITIES, 0)
        self._said: dict[str, tuple[str, str]] = {}
        self._live: Live | None = None
        if self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=8, transient=True, get_renderable=self._standing)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, topic: str, verdicts: Sequence[Verdict]) -> None:
        """Shows some verdicts."""
        if topic == "exceptions":
            for verdict in verdicts:
                self._say(verdict)

    def _say(self, verdict: Verdict) -> None:
        identity = str(verdict.data["exception_id"])
        status, severity = verdict.status, verdict.severity
        before, then = self._said.get(identity, ("", severity))
        self._said[identity] = (status, severity)
        self._open[then] -= before == "open"
        self._open[severity] += status == "open"
        if status == before or (status != "open" and before != "open"):
            return  # a change of severity, or of what nobody was told about: it counts, but nobody is called
        width = min(self.console.width, WIDTH) if self.console.is_terminal else WIDTH
        self.console.print(heading(verdict, width), soft_wrap=True)
        if status == "open":
            # The line above names the kind already; here stands what it means.
            meaning = str(verdict.data["summary"]).partition(": ")[2]
            self.console.print(Text(clip(f"             {meaning}", width), style="dim"), soft_wrap=True)

    def _standing(self) -> Group:
        standing = Text(f"{self._note()}   " if self._note is not None else "", style="bold")
        for severity, count in self._open.items():
            standing.append(f"{severity} {count}", style=STYLES[severity] if count else "dim")
            standing.append("   ")
        standing.append(f"open, {len(self._said)} seen", style="dim")
        return Group(Text("─" * min(self.console.width, WIDTH), style="dim"), standing)


def heading(verdict: Verdict, width: int = WIDTH) -> Text:
    """One line: when, how bad, what, which order, whose, until when."""
    data = verdict.data
    line = Text(f"{_moment(verdict.log)} ")
    if verdict.status == "open":
        line.append(f"{verdict.severity.upper():<10}", style=STYLES[verdict.severity])
    else:
        line.append(f"{verdict.status:<10}", style="green" if verdict.status == "resolved" else "dim")
    line.append(f" {verdict.kind:<31.31} ", style="bold" if verdict.status == "open" else "")
    line.append(f"{clip(verdict.order, 18):<18} {data.get('owner') or '':<5}")
    due = data.get("due_at")
    if verdict.status == "open" and isinstance(due, str):
        line.append(f" due {due[5:10]} {due[11:16]}", style="dim")
    line.rstrip()
    line.truncate(width)
    return line


def clip(text: str, width: int) -> str:
    """Cuts a text to a width, and says so."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _moment(log: int) -> str:
    return datetime.fromtimestamp(log // 1_000_000, UTC).strftime("%m-%d %H:%M")
