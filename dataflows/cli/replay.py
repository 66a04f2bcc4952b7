"""`orderwatch replay`: recorded events in, output records out, in event time."""

from __future__ import annotations

import os
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from dataflows.cli import options
from dataflows.errors import MisuseError, RunError, describe, ending
from schemas.topics import TOPICS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Generator, Sequence

    from bytewax.outputs import Sink

    from dataflows.core.policy import Policy
    from dataflows.detect.flow import FlowOptions
    from dataflows.detect.router import RouterCounts
    from dataflows.runtime.stop import Stop
    from schemas.output import OutputBatch
    from sinks.tally import Tally
    from sources.files import FileSource


def replay(
    events: Annotated[
        list[str], typer.Argument(metavar="EVENTS...", help="JSONL files, plain or gzip; - is standard input; DATA/log is an input log.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for exceptions.jsonl, actions.jsonl, incidents.jsonl and rejects.jsonl.")],
    policy: Annotated[Path | None, typer.Option(help="Policy file; without it the built-in defaults hold.")] = None,
    decisions: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Recorded decisions (case.*, action.*, policy.*), which count from here only.")
    ] = None,
    until: options.Until = None,
    out_of_order: options.OutOfOrder = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Judge recorded events as if they were happening. Two runs write the same bytes.

    Deadlines after the last event do not fire unless --until says so.
    """
    from rich.console import Console

    from dataflows.cli.summary import print_summary
    from dataflows.runtime.stop import Stop
    from sinks.tally import Tally
    from sources.files import FileSource
    from sources.lines import UnreadableSourceError
    from sources.logclock import DEFAULT_OUT_OF_ORDER

    end = options.instant("--until", until)
    allowed = DEFAULT_OUT_OF_ORDER if out_of_order is None else options.elapsed("--out-of-order", out_of_order)
    options.inputs([*events, *(decisions or ())])
    options.into_folder("--out", out)
    results = [out / f"{topic}.jsonl" for topic in TOPICS]
    options.unless_there(results, overwrite=overwrite, inputs=[*events, *(decisions or ()), *([policy] if policy else [])])
    rules = options.policy(policy)
    stop, tally = Stop(breaks=True), Tally()
    began = time.monotonic()
    with stop.on_signals(), progress([*events, *(decisions or ())]) as on_read:
        try:
            with stop.waiting():
                source = FileSource(
                    events, until=end, out_of_order=allowed, on_read=on_read, feeds=rules.lateness, decisions=decisions or ()
                )
        except UnreadableSourceError as error:
            raise MisuseError(str(error)) from error
        with closing(source):
            if out_of_order is not None and not source.taken:
                raise MisuseError("--out-of-order: exports carry the log times of their topics; leave it out")
            settings = replay_into(out, source, rules, tally=tally, stop=stop)
    if stop.asked:
        raise KeyboardInterrupt
    print_summary(Console(highlight=False), settings, tally, seconds=time.monotonic() - began, out=out)
    report_unusable(source, settings.counts, tally.rejects, str(out / "rejects.jsonl"))


def report_unusable(source: FileSource, counts: RouterCounts, rejects: Counter[str], written: str | None) -> None:
    """Says which files hold no event at all, and what they look like. `written`: where each rejected record stands.

    Raises MisuseError if no record is an event.
    """
    from sources.likeness import likeness

    problems: list[str] = []
    for taken in source.taken:
        if taken.events:
            continue
        if not taken.refused:
            problems.append(f"{taken.path}: is empty")
            continue
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(taken.refused.items()))
        like = likeness(taken.head)
        hint = f"; this looks like {like}" if like else ""
        problems.append(f"{taken.path}: none of its lines is an event ({reasons}): JSON Lines of contract events are expected{hint}")
    rejected = sum(rejects.values())
    if rejected >= counts.events + counts.refused > 0:
        why = ", ".join(f"{reason} {count:,}" for reason, count in sorted(rejects.items()))
        problems = problems or [f"all {rejected:,} records were rejected ({why})"]
        if written is not None:
            problems.append(f"each rejected record, and why: {written}")
    if counts.refused and not counts.events:
        raise MisuseError(*problems)
    for problem in problems:
        typer.echo(f"orderwatch: {problem}", err=True)


def replay_into(
    out: Path,
    source: FileSource,
    policy: Policy,
    *,
    tally: Tally | None = None,
    stop: Stop | None = None,
    settings: FlowOptions | None = None,
) -> FlowOptions:
    """Replays a source into a folder. Raises MisuseError if the folder cannot be written, RunError for what breaks off."""
    from dataflows.detect.flow import FlowOptions, get_flow
    from dataflows.runtime.runner import Noted, Stoppable, run
    from dataflows.runtime.stop import Stop
    from sinks.jsonl import JsonlSink, UnwritableError
    from sinks.tally import Tally
    from sinks.view import ViewSink
    from sources.lines import UnreadableSourceError

    try:
        files = JsonlSink(out, indexed=True)
        files.clear()
    except UnwritableError as error:
        raise ending(error) from error
    settings = settings or FlowOptions(source.channels)
    sinks: dict[str, Sink[OutputBatch]] = {"files": Noted(files), "tally": ViewSink((tally or Tally()).take)}
    flow = get_flow(Stoppable(source, stop or Stop()), sinks, policy, settings)
    try:
        run(flow)
    except UnreadableSourceError as error:
        raise RunError(str(error)) from error
    except OSError as error:
        raise RunError(f"{error.filename or out}: {describe(error)}") from error
    return settings


@contextmanager
def progress(events: Sequence[str], doing: str = "replaying") -> Generator[Callable[[int], None] | None]:
    """A progress bar over the bytes of the files, if a person is looking on."""
    if not os.isatty(2):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from sources.lines import STDIN

    known = [Path(path).stat().st_size for path in events if path != STDIN and Path(path).is_file()]
    total = sum(known) if len(known) == len(events) else None
    with _terminal() as terminal:
        columns = (TextColumn(doing), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=terminal), transient=True) as bar:
            task = bar.add_task(doing, total=total)
            yield lambda read: bar.update(task, completed=read)


@contextmanager
def _terminal() -> Generator[TextIO]:
    """The terminal behind standard error, by a descriptor of its own: the runner holds back the usual one."""
    with os.fdopen(os.dup(2), "w") as terminal:
        yield terminal
