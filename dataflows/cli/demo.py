"""`orderwatch demo`: a simulated order world, live, through the real flow; no broker, nothing to install."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.errors import MisuseError, ending
from schemas.instants import SECOND
from schemas.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bytewax.outputs import Sink
    from rich.console import Console

    from dataflows.core.policy import Policy
    from schemas.output import OutputBatch, OutputRecord
    from sinks.terminal import TerminalView

USUAL = 60.0
"""Default duration of a demo, in seconds."""
LONGEST, FASTEST = 86_400, 1e9
Finding = tuple[str, str, "str | None", str]
"""An exception as labels have it: (order, kind, scope, status)."""


def demo(
    orders: Annotated[int, typer.Option(min=1, help="How many orders the world has.")] = 300,
    seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 1,
    seconds: Annotated[float | None, typer.Option(min=1, max=LONGEST, help="How long the demo takes.", show_default="60")] = None,
    speed: Annotated[float | None, typer.Option(min=1, max=FASTEST, help="Instead: seconds of the world per second.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to keep what is found in.", show_default="a new one for temporary files")] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Watch a simulated order world, live: what is open, gravest first. At the end compare what was found with what had been injected."""
    if seconds is not None and speed is not None:
        raise MisuseError("--seconds and --speed both set the pace: leave one of them out")
    if out is not None:
        options.into_folder("--out", out)
        options.unless_there([out / f"{topic}.jsonl" for topic in TOPICS], overwrite=overwrite)
    from rich.console import Console

    from dataflows.detect.flow import FlowOptions, get_flow
    from dataflows.runtime.runner import Noted, Stoppable, run
    from dataflows.runtime.stop import Stop
    from sinks.jsonl import JsonlSink, UnwritableError
    from sinks.terminal import TerminalView
    from sinks.view import ViewSink
    from sources.paced import PacedSource, recorded
    from sources.simulator import expected, stream
    from sources.simulator.moments import END

    lines = list(stream(orders, seed))
    while b'"feed.heartbeat"' in lines[-1]:
        lines.pop()  # when the last order is settled nobody wants to watch the feeds go on
    start, until = recorded(lines[0]), END * SECOND
    pace = speed or (recorded(lines[-1]) - start) / SECOND / (seconds or USUAL)
    policy = _policy()
    source = PacedSource(iter(lines), start=start, until=until, speed=pace, feeds=policy.lateness)
    found: dict[str, Finding] = {}

    def note(topic: str, outputs: Sequence[OutputRecord]) -> None:
        for output in outputs if topic == "exceptions" else ():
            data = output.data
            scope = data["scope"]
            found[str(data["exception_id"])] = (output.order, output.kind, None if scope is None else str(scope), output.status)

    folder = out or Path(tempfile.mkdtemp(prefix="orderwatch-demo-"))
    try:
        files = JsonlSink(folder, indexed=True)
        files.clear()
    except UnwritableError as error:
        raise ending(error) from error

    def clock() -> int:
        return min(source.now(), until)

    console = Console(highlight=False)
    stop = Stop()
    with stop.on_signals():  # first: an interrupt while the view begins must not leave it drawing
        console.print(f"{orders:,} orders, {pace / 3_600:,.1f} hours pass per second; Ctrl-C ends it", style="dim")
        with TerminalView(
            console,
            lambda: f"{datetime.fromtimestamp(clock() // SECOND, UTC):%a %d %b %Y %H:%M} UTC",
            clock,
        ) as view:
            sinks: dict[str, Sink[OutputBatch]] = {"files": Noted(files), "terminal": ViewSink(view.show), "findings": ViewSink(note)}
            run(get_flow(Stoppable(source, stop), sinks, policy, FlowOptions(source.channels)))
    view.last()
    if stop.asked:
        _next(console, view, folder)
        raise KeyboardInterrupt
    labels = [(label.order_id, label.kind, label.scope, label.status) for label in expected(orders, seed)]
    _compare(console, labels, [finding for finding in found.values() if finding[3] != "retracted"])
    _next(console, view, folder)


def _next(console: Console, view: TerminalView, folder: Path) -> None:
    """Says what to do now."""
    example = view.example()
    look = (f"orderwatch explain {example} --in {folder}", "why it was raised, and what became of it; any ID above will do")
    console.print()
    console.print("Next", style="bold")
    for command, why in (
        *([look] if example else []),
        ("orderwatch simulate --orders 2000 --out world.jsonl.gz", "a world of your own, and how to replay it"),
        ("orderwatch adapt --list", "the systems whose messages are understood: connect yours"),
    ):
        console.print(f"  {command}", soft_wrap=True, markup=False)
        console.print(f"    {why}", style="dim", soft_wrap=True)


def _policy() -> Policy:
    """The policy under which the world's labels hold."""
    from dataflows.core.rules.load import load_policy
    from sources.simulator import policy_text

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.policy.yaml"
        path.write_text(policy_text(), encoding="utf-8")
        return load_policy(path)


def _compare(console: Console, injected: Iterable[Finding], found: Iterable[Finding]) -> None:
    from rich.table import Table

    wanted, got = Counter(injected), Counter(found)
    missed, extra = wanted - got, got - wanted
    if missed or extra:
        table = Table(box=None, pad_edge=False)
        for column in ("", "order", "exception", "scope", "status"):
            table.add_column(column)
        for word, findings in (("missed", missed), ("not injected", extra)):
            for order, kind, scope, status in sorted(findings, key=str)[:20]:
                table.add_row(word, order, kind, scope or "", status)
        console.print(table)
    right = sum((wanted & got).values())
    style = "bold green" if not missed and not extra else "bold yellow"
    console.print(
        f"found {right:,} of {sum(wanted.values()):,} injected exceptions, and {sum(extra.values()):,} that had not been injected",
        style=style,
    )
