"""Output records for people at a terminal: what is open now, gravest first, since when, whose it is and what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import wrap
from types import TracebackType
from typing import Self, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from schemas.instants import MINUTE, micros
from schemas.lateness import as_of, length
from schemas.output import EXCEPTION_FORGOTTEN, OutputRecord
from schemas.values import parse_instant
from sinks.tally import SEVERITIES

STYLES = {"critical": "bold white on red", "high": "bold red", "medium": "yellow", "low": "cyan"}
SHORT = 8
"""Characters of an ID that tell some thousand exceptions apart."""
LONGER = 18
"""What is shown of an ID whose beginning another one shares."""
REFRESH = 4
"""Times a second that a terminal is drawn anew."""
CLOSING = 10
"""Open exceptions that the last screen shows; the rest is counted."""
INDENT = "  "


@dataclass(frozen=True, slots=True)
class Opened:
    """An open exception, in words."""

    id: str
    severity: str
    data: Mapping[str, object]
    order: str
    owner: str
    since: str
    sentence: str
    step: str

    def standing(self, now: int) -> str:
        """How late it is at an instant; of what has no deadline, how long ago it came about."""
        late = now - micros(parse_instant(self.since))
        if late < MINUTE:
            return "now"
        return f"{length(late)} late" if self.data["due_at"] else f"for {length(late)}"

    def gravity(self, now: int) -> tuple[int, int, str, str]:
        """What it is sorted by at an instant: the gravest, of these those of the highest score by then, then the oldest first."""
        return (SEVERITIES.index(self.severity), -as_of(self.data, now).points, self.since, self.id)


def short(exception_id: str, length: int = SHORT) -> str:
    """The beginning of an ID, as `orderwatch explain` takes it."""
    return exception_id[:length]


def opened(output: OutputRecord) -> Opened:
    """What people are told of an open exception."""
    data = output.data
    advice = cast("Sequence[Mapping[str, str]]", data.get("recommended") or ())
    return Opened(
        id=str(data["exception_id"]),
        severity=output.severity,
        data={name: data.get(name) for name in ("score_terms", "score_clock", "due_at", "status")},
        order=output.order,
        owner=str(data.get("owner") or ""),
        since=str(data.get("due_at") or data.get("occurred_at") or data.get("detected_at")),
        sentence=str(data["summary"]),
        step=f"{advice[0]['action'].replace('_', ' ')}: {advice[0]['reason']}" if advice else "look at it",
    )


class TerminalView:
    """Shows what is open.

    On a terminal it draws a board, as wide and as high as that is, and counts what is over; elsewhere, and on one that cannot move its
    cursor, it prints a line, never cut, for each exception that is raised or settled. `last` prints how things stand at the end. Use it
    as a context manager, and give `show` to a `ViewSink`. `note` says what stands before the counts, such as the time of the world, and
    `clock` what time that is (µs, UTC): without it, when the last output was said.
    """

    def __init__(
        self, console: Console | None = None, note: Callable[[], str] | None = None, clock: Callable[[], int] | None = None
    ) -> None:
        self.console = console or Console(highlight=False)
        self._note = note or (lambda: "")
        self._open: dict[str, Opened] = {}
        self._status: dict[str, str] = {}
        self._beginnings: Counter[str] = Counter()
        self._last = 0
        self._clock = clock or (lambda: self._last)
        self._live: Live | None = None
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(console=self.console, refresh_per_second=REFRESH, transient=True, get_renderable=self._drawn)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, topic: str, outputs: Sequence[OutputRecord]) -> None:
        """Takes some output records in."""
        if topic == "exceptions":
            for output in outputs:
                self._take(output)

    @property
    def now(self) -> int:
        """The instant of looking, never before what was said last."""
        return max(self._clock(), self._last)

    def gravest(self) -> list[Opened]:
        """What is open, gravest first, as late as it is by now."""
        now = self.now
        return sorted(self._open.values(), key=lambda one: one.gravity(now))

    def name(self, exception_id: str) -> str:
        """The beginning of an ID, long enough to mean no other."""
        return short(exception_id, SHORT if self._beginnings[short(exception_id)] < 2 else LONGER)

    def example(self) -> str | None:
        """The name of an exception to look at: the gravest that is open, else the last one; None if there was none."""
        found = next(iter([one.id for one in self.gravest()] or list(self._status)[-1:]), None)
        return None if found is None else self.name(found)

    def board(self, width: int, height: int) -> list[Text]:
        """The lines of the board: as many open exceptions as there is room for, and how things stand."""
        lines: list[Text] = []
        rows = self.gravest()
        for shown, one in enumerate(rows):
            block = self._block(one, width)
            more = len(rows) - shown - 1
            if len(lines) + len(block) + (more > 0) > height - 4:
                lines.append(Text(f"and {len(rows) - shown} more open", style="dim"))
                break
            lines += block
        if not rows:
            lines.append(Text("nothing is open", style="green"))
        lines.append(Text("─" * width, style="dim"))
        lines += [self._standing(), Text(self.counts(), style="dim")]
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return lines

    def last(self) -> None:
        """Prints what is open, gravest first, with whole sentences, and how many exceptions there were; as of what was said last."""
        self._clock = lambda: self._last
        rows = self.gravest()
        self.console.print(Text(f"Open at the end: {len(rows):,}", style="bold"))
        for one in rows[:CLOSING]:
            self._print(self._head(one))
            for text, style in ((one.sentence, ""), (f"→ {one.step}", "bold")):
                for line in self._folded(text):
                    self._print(Text(line, style=style))
        if len(rows) > CLOSING:
            self._print(Text(f"and {len(rows) - CLOSING:,} more", style="dim"))
        self._print(Text(self.counts(), style="dim"))

    def counts(self) -> str:
        """How many exceptions there have been, and what became of them."""
        now = Counter(self._status.values())
        recorded = ", ".join(f"{now[status]:,} {status}" for status in ("open", "resolved", "retracted", "suppressed") if now[status])
        return f"{len(self._status):,} exception{'' if len(self._status) == 1 else 's'} so far{': ' if recorded else ''}{recorded}"

    def _take(self, output: OutputRecord) -> None:
        self._last = max(self._last, output.log)
        if output.type == EXCEPTION_FORGOTTEN:
            return
        identity = str(output.data["exception_id"])
        before = self._status.get(identity)
        if before is None:
            self._beginnings[short(identity)] += 1
        self._status[identity] = output.status
        was = self._open.pop(identity, None)
        if output.status == "open":
            self._open[identity] = opened(output)
        if self._live is None and output.status != before and (output.status == "open" or was is not None):
            self._print(self._line(output))

    def _line(self, output: OutputRecord) -> Text:
        """A line for where nothing can be drawn."""
        one = opened(output)
        at = datetime.fromtimestamp(output.log // 1_000_000, UTC)
        word = one.severity.upper() if output.status == "open" else output.status
        tail = f"{one.sentence} → {one.step}" if output.status == "open" else output.kind
        return Text(f"{at:%Y-%m-%d %H:%M} UTC  {word:<10}  {self.name(one.id)}  {one.order}  {one.owner}  {tail}")

    def _head(self, one: Opened) -> Text:
        line = Text()
        line.append(f"{one.severity.upper():<8}", style=STYLES[one.severity])
        line.append(f"  {self.name(one.id)}", style="bold")
        line.append(f"  {one.order}  {one.owner:<4}  {one.standing(self.now)}")
        return line

    def _block(self, one: Opened, width: int) -> list[Text]:
        sentence, step = Text(f"{INDENT}{one.sentence}"), Text(f"{INDENT}→ {one.step}", style="bold")
        if len(sentence) + len(step) <= width:
            return [self._head(one), sentence.append_text(step)]
        return [self._head(one), sentence, step]

    def _standing(self) -> Text:
        line = Text(self._note(), style="bold")
        now = Counter(one.severity for one in list(self._open.values()))
        for severity in SEVERITIES:
            line.append("   ")
            line.append(f"{severity} {now[severity]}", style=STYLES[severity] if now[severity] else "dim")
        return line

    def _folded(self, text: str) -> list[str]:
        """A paragraph: between words to the width of a terminal, whole elsewhere."""
        if not self.console.is_terminal:
            return [INDENT + text]
        return wrap(text, max(self.console.width, 20), initial_indent=INDENT, subsequent_indent=INDENT * 2)

    def _print(self, line: Text) -> None:
        self.console.print(line, soft_wrap=True)

    def _drawn(self) -> Group:
        return Group(*self.board(self.console.width, self.console.height))
