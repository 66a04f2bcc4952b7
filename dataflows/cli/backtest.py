"""`orderwatch backtest`: what another policy would have said of recorded events."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.cli.replay import progress, report_unusable
from dataflows.errors import MisuseError, RunError, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dataflows.core.policy import Policy
    from dataflows.detect.backtest.lines import LineDifference
    from dataflows.detect.backtest.report import Report
    from dataflows.detect.backtest.seen import Seen
    from dataflows.detect.flow import FlowOptions
    from dataflows.runtime.stop import Stop
    from schemas.output import OutputRecord
    from sources.files import FileSource

    Take = Callable[[str, Sequence[OutputRecord]], None]

REPORT, DIFFERENCES, BEFORE, AFTER = "report.json", "differences.jsonl", "before.jsonl", "after.jsonl"
"""The files of `--out`."""


def backtest(
    events: Annotated[list[str], typer.Argument(metavar="EVENTS...", help="JSONL files, plain or gzip. They are read twice.")],
    policy: Annotated[str, typer.Option(metavar="NEW", help="The policy to try: a file, a state directory, or `defaults`.")],
    against: Annotated[str, typer.Option(metavar="OLD", help="The policy to compare it with: likewise.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for what differs: each exception, and the lines that only one policy says.")
    ] = None,
    until: options.Until = None,
    out_of_order: options.OutOfOrder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Say what another policy would have said of recorded events: exceptions, lead time, actions, load, money. Nothing is sent anywhere.

    Both policies hold from the first event on, whatever was activated then. Two runs write the same bytes.
    """
    from dataflows.detect.backtest.lines import LineDifference
    from dataflows.detect.backtest.report import Side, report
    from dataflows.detect.backtest.seen import Seen
    from dataflows.runtime.stop import Stop
    from sources.lines import STDIN, UnreadableSourceError
    from sources.logclock import DEFAULT_OUT_OF_ORDER

    end = options.instant("--until", until)
    allowed = DEFAULT_OUT_OF_ORDER if out_of_order is None else options.elapsed("--out-of-order", out_of_order)
    if STDIN in events:
        raise MisuseError("-: standard input can be read once only, and a back-test reads its events twice: name a file")
    options.inputs(events)
    if out is not None:
        options.into_folder("--out", out)
        results = [out / name for name in (REPORT, DIFFERENCES, BEFORE, AFTER)]
        options.unless_there(results, overwrite=overwrite, inputs=[*events, policy, against])
    new, old = options.named_policy(policy), options.named_policy(against)
    stop, before, after = Stop(breaks=True), Seen(), Seen()
    try:
        with ExitStack() as stack:
            stack.enter_context(stop.on_signals())
            lines: LineDifference | None = None
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                lines = stack.enter_context(LineDifference(out / BEFORE, out / AFTER))
            run = _Run(events, end, allowed, explicit=out_of_order is not None, stop=stop)
            run.under(
                old, before, None if lines is None else lambda topic, outs: lines.take_old(topic, outs, old.version), "the old policy"
            )
            settings = run.under(
                new, after, None if lines is None else lambda topic, outs: lines.take_new(topic, outs, new.version), "the new policy"
            )
            if lines is not None:
                lines.finish(old.version)
    except UnreadableSourceError as error:
        raise RunError(str(error)) from error
    except OSError as error:
        raise RunError(f"{error.filename or out}: {describe(error)}") from error
    sides = (Side(old.name, old.version), Side(new.name, new.version))
    orders = sum(shard.counts.orders for shard in settings.shards)
    found = report(before, after, sides, events=settings.counts.events, orders=orders, until=end)
    if out is not None:
        _write(out, before, after, found)
    _show(found, out, as_json=as_json)


class _Run:
    """Replays the same events under one policy after the other."""

    def __init__(self, events: list[str], until: int | None, allowed: int, *, explicit: bool, stop: Stop) -> None:
        self._events = events
        self._until = until
        self._allowed = allowed
        self._explicit = explicit
        self._stop = stop
        self._first = True

    def under(self, policy: Policy, seen: Seen, take: Take | None, what: str) -> FlowOptions:
        """Replays them under a policy. `take` gets the lines as well."""
        from sources.files import FileSource
        from sources.lines import UnreadableSourceError

        with progress(self._events, what) as on_read:
            try:
                with self._stop.waiting():
                    source = FileSource(self._events, until=self._until, out_of_order=self._allowed, on_read=on_read, feeds=policy.lateness)
            except UnreadableSourceError as error:
                raise MisuseError(str(error)) from error
            with closing(source):
                if self._explicit and not source.taken:
                    raise MisuseError("--out-of-order: exports carry the log times of their topics; leave it out")
                settings = self._replay(source, policy, seen, take)
        if self._stop.asked:
            raise KeyboardInterrupt
        if self._first:
            self._first = False
            report_unusable(source, settings.counts, seen.rejects, None)
        return settings

    def _replay(self, source: FileSource, policy: Policy, seen: Seen, take: Take | None) -> FlowOptions:
        from dataflows.detect.flow import FlowOptions, get_flow
        from dataflows.runtime.runner import Stoppable, run
        from sinks.view import ViewSink

        settings = FlowOptions(source.channels, activations=False)
        sinks = {"seen": ViewSink(seen.take)}
        if take is not None:
            sinks["lines"] = ViewSink(take)
        run(get_flow(Stoppable(source, self._stop), sinks, policy, settings))
        return settings


def _write(out: Path, old: Seen, new: Seen, found: Report) -> None:
    """Writes the report, and a line for each exception that differs."""
    import msgspec

    from dataflows.detect.backtest.pairs import pairs
    from dataflows.detect.backtest.report import example

    (out / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    with (out / DIFFERENCES).open("wb") as file:
        for pair in pairs(old, new):
            if pair.changes:
                file.write(msgspec.json.encode({"changes": pair.changes, **msgspec.to_builtins(example(pair, ""))}) + b"\n")


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
        console.print(f"what differs: {out / DIFFERENCES}, {BEFORE}, {AFTER}", soft_wrap=True, markup=False)
