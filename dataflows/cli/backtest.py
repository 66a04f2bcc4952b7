"""`orderwatch backtest`: what another policy would have said of recorded events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.cli.replay import progress, report_unusable
from dataflows.errors import MisuseError

if TYPE_CHECKING:
    from dataflows.detect.backtest.report import Report
    from dataflows.detect.router import RouterCounts
    from sources.files import FileSource


def backtest(  # noqa: PLR0913, PLR0917 - each is an option
    events: Annotated[list[str], typer.Argument(metavar="EVENTS...", help="JSONL files, plain or gzip. They are read twice.")],
    policy: Annotated[str, typer.Option(metavar="NEW", help="The policy to try: a file, a state directory, or `defaults`.")],
    against: Annotated[str, typer.Option(metavar="OLD", help="The policy to compare it with: likewise.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for what differs: each exception, and the lines that only one policy says.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Count what is said from here on. All is read, so that orders are known that began earlier."),
    ] = None,
    until: options.Until = None,
    out_of_order: options.OutOfOrder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Say what another policy would have said of recorded events: exceptions, lead time, actions, load, money. Nothing is sent anywhere.

    Both policies hold from the first event on, whatever was activated then. Two runs write the same bytes.
    """
    from dataflows.detect.backtest.run import AFTER, BEFORE, DIFFERENCES, REPORT, BacktestInput
    from dataflows.detect.backtest.run import backtest as run_backtest
    from dataflows.runtime.stop import Stop
    from sources.lines import STDIN

    start, end = options.instant("--since", since), options.instant("--until", until)
    if start is not None and end is not None and start > end:
        raise MisuseError(f"--since {since}: is after --until {until}")
    allowed = None if out_of_order is None else options.elapsed("--out-of-order", out_of_order)
    if STDIN in events:
        raise MisuseError("-: standard input can be read once only, and a back-test reads its events twice: name a file")
    options.inputs(events)
    if out is not None:
        options.into_folder("--out", out)
        results = [out / name for name in (REPORT, DIFFERENCES, BEFORE, AFTER)]
        options.unless_there(results, overwrite=overwrite, inputs=[*events, policy, against])
    new, old = options.named_policy(policy), options.named_policy(against)
    stop = Stop(breaks=True)
    with stop.on_signals():
        found = run_backtest(BacktestInput(events, start, end, allowed), (old, new), _Terminal(events), stop, out)
    _show(found.report, out, as_json=as_json)


class _Terminal:
    """Shows on a terminal how far a back-test is, and says what is wrong with its files."""

    def __init__(self, events: Sequence[str]) -> None:
        self._events = events

    def reading(self, side: str) -> AbstractContextManager[Callable[[int], None] | None]:
        return progress(self._events, side)

    def read(self, source: FileSource, counts: RouterCounts, rejects: Counter[str]) -> None:
        report_unusable(source, counts, rejects, None)


def _show(found: Report, out: Path | None, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    from rich.console import Console

    from dataflows.cli.backtest_report import render

    console = Console(highlight=False)
    for part in render(found):
        console.print(part, soft_wrap=True, markup=False, crop=False)
    if out is not None:
        from dataflows.detect.backtest.run import AFTER, BEFORE, DIFFERENCES

        console.print(f"what differs: {out / DIFFERENCES}, {BEFORE}, {AFTER}", soft_wrap=True, markup=False)
