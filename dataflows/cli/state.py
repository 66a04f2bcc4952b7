"""`orderwatch state`: looks into a state directory, also that of a running engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.state_move import move
from dataflows.errors import MisuseError, ending, refused

if TYPE_CHECKING:
    from rich.console import Console

    from dataflows.detect.inspection import OrderReport
    from dataflows.detect.overview import Overview

LABEL_WIDTH = 11
MIB = 1 << 20

app = typer.Typer(name="state", help="Look into a state directory; its engine may be running.", no_args_is_help=True)

app.command("move")(move)

Directory = Annotated[
    Path, typer.Option("--state", metavar="DIR", help="The state directory of the engine, or the data directory of `orderwatch up`.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@app.command()
def inspect(
    order: Annotated[str, typer.Argument(help="The order ID.", metavar="ORDER")],
    state: Directory,
    tenant: Annotated[str, typer.Option(help="The tenant that the order belongs to.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Show an order's timeline, its exceptions, its next deadlines and what it waits for."""
    from rich.console import Console

    from dataflows.detect.inspection import inspect_order
    from dataflows.runtime.state.errors import StateError

    state = _state_in(state)
    try:
        report = inspect_order(state, tenant, order)
    except StateError as error:
        raise ending(error) from error
    except OSError as error:
        raise refused(error, state, name="--state") from error
    if report is None:
        raise MisuseError(f"no order {order} of tenant {tenant} in {state}")
    if as_json:
        _json(report)
    else:
        render(Console(highlight=False), report)


@app.command()
def show(state: Directory, as_json: AsJson = False) -> None:
    """Show whose the state is, how the last run stands, and how much is in it."""
    from rich.console import Console

    from dataflows.detect.overview import overview
    from dataflows.runtime.state.errors import StateError

    state = _state_in(state)
    try:
        found = overview(state)
    except StateError as error:
        raise ending(error) from error
    except OSError as error:
        raise refused(error, state, name="--state") from error
    if as_json:
        _json(found)
    else:
        render_all(Console(highlight=False), found)


def render(console: Console, report: OrderReport) -> None:
    """One order, for a person."""
    from rich.text import Text

    from sinks.terminal import STYLES

    title = Text(f"order {report.order}  ", style="bold")
    title.append(report.status)
    console.print(title)
    _line(console, "tenant", report.tenant)
    _line(console, "stored in", f"shard {report.shard}, as of its commit {report.commit}, under policy {report.policy}")
    if report.remembered_until is not None:
        _line(console, "closed", f"only which events it had is remembered, until {report.remembered_until}")
        return
    _line(console, "last event", f"{report.last_log} (log time)")
    if report.error is not None:
        _line(console, "given up", f"its history made the program fail ({report.error}); its events are rejected")

    _title(console, "Timeline (when it happened, when it was logged)")
    for event in report.timeline:
        place = f"{event.topic}:{event.partition}:{event.offset}" + ("  withdrawn" if event.withdrawn else "")
        type_ = event.type if event.status is None else f"{event.type} {event.status}"
        _row(console, f"{event.time}  {event.log}  {type_:<29} {event.source}  {event.id}  {place}")

    _title(console, "Exceptions")
    for exception in report.verdicts:
        how = f" ({exception.resolution})" if exception.resolution else f" by {exception.suppressed_by}" if exception.suppressed_by else ""
        when = f"due {exception.due_at}" if exception.due_at else f"at {exception.occurred_at}"
        line = Text("  ")
        line.append(f"{exception.severity:<8}", style=STYLES[exception.severity])
        line.append(f" {_kind(exception.kind, exception.scope)}  {exception.status}{how}, {when}")
        line.append(f", owner {exception.owner}, case {exception.case}")
        console.print(line, soft_wrap=True)
        _row(console, f"         {exception.exception_id}, sequence {exception.sequence}: {exception.arithmetic}", style="dim")
    _none(console, report.verdicts)

    _title(console, "Next, unless an event comes first (log time)")
    for ahead in report.deadlines:
        what = "the order" if ahead.kind is None else _kind(ahead.kind, ahead.scope)
        severity = "" if ahead.severity is None else f" becomes {ahead.severity}"
        _row(console, f"{ahead.at}  {what}{severity}: {ahead.words}", style="" if ahead.severity else "dim")
    _none(console, report.deadlines)

    _title(console, "Waits for")
    for wait in report.waits:
        spoken = "has not spoken yet" if wait.spoken is None else f"has spoken up to {wait.spoken}"
        stale = ", and is stale" if wait.stale else ""
        deadlines = f" (passed: {', '.join(wait.deadlines)})" if wait.deadlines else ""
        _row(console, f"{wait.kind}{deadlines}: feed {wait.feed} must speak past {wait.past}; it {spoken}{stale}")
    _none(console, report.waits)


def render_all(console: Console, found: Overview) -> None:
    """A state directory, for a person."""
    from rich.text import Text

    console.print(Text(f"state {found.id}", style="bold"))
    stopped = "nothing has run" if found.policy is None else "stopped cleanly" if found.clean else "did not stop cleanly"
    running = any(slot.running for slot in found.processes)
    _line(console, "engine", f"version {found.engine}, format {found.format}" if found.engine else f"format {found.format}")
    _line(console, "policy", found.policy or "none yet")
    if (active := found.activated) is not None:
        _line(console, "activated", f"by {active.by}, version {active.version}, since {active.since}")
        for version, since in active.engines.items():
            _line(console, "engine", f"{version} logged at {since}")
    _line(console, "last run", "running" if running else stopped)
    for slot in found.processes:
        alive = f"running (pid {slot.pid} on {slot.host})" if slot.running else "not running"
        _line(console, f"process {slot.process}", f"{alive}, watermark {slot.watermark or 'not known'}")
    for label, counts in (("shards", found.shards), ("reads", found.inputs), ("writes", found.outputs)):
        _line(console, label, ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing")
    _line(console, "orders", f"{found.orders:,} open, {found.closed:,} closed and remembered, {found.other_rows:,} other rows")
    _line(console, "bytes", f"{found.bytes_living / MIB:,.1f} MiB living, {found.bytes_on_disk / MIB:,.1f} MiB on disk")


def _state_in(given: Path) -> Path:
    """The state directory that is meant: the given one, or that of the installation whose data directory it is. Raises MisuseError."""
    for state in (given, given / "state"):
        if (state / "state.json").exists():
            return state
    raise MisuseError(f"--state {given}: not a state directory; it is what `orderwatch run` or `orderwatch up` was given as its own")


def _json(found: OrderReport | Overview) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())


def _kind(kind: str, scope: str | None) -> str:
    return kind if scope is None else f"{kind}, {scope}"


def _title(console: Console, text: str) -> None:
    from rich.text import Text

    console.print()
    console.print(Text(text, style="bold"))


def _row(console: Console, text: str, style: str = "") -> None:
    from rich.text import Text

    console.print(Text(f"  {text}", style=style), soft_wrap=True)


def _none(console: Console, rows: tuple[object, ...]) -> None:
    if not rows:
        _row(console, "nothing", style="dim")


def _line(console: Console, label: str, text: str) -> None:
    from rich.text import Text

    line = Text(f"  {label:<{LABEL_WIDTH}} ", style="dim")
    line.append(text, style="not dim")
    console.print(line, soft_wrap=True)
