"""`orderwatch up`: the whole system on one machine, without a broker."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dataflows.cli import options
from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError

if TYPE_CHECKING:
    from rich.console import Console

    from dataflows.embedded.plan import SystemPlan
    from dataflows.embedded.system import Shown

USUAL = Path("orderwatch-data")
"""Where an installation lies if nobody says where."""
COLOURS = {"gateway": "cyan", "run": "green", "store": "magenta", "dispatch": "yellow", "console": "blue", "up": "bold"}
QUIET = {"policy"}
"""Lines of the parts that say the same at every start: they stand in the files only."""


def up(
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The data directory.", show_default=f"{USUAL}, of --demo a temporary one"),
    ] = None,
    settings: options.SettingsFile = None,
    policy: Annotated[Path | None, typer.Option(metavar="FILE", help="The policy (setting policy).")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Run a simulated world into it, in haste, and show the mails that go out.")] = False,
) -> None:
    """Run the whole system on this machine, without a broker: gateway, engine, store, dispatch and console over one data directory.

    What dies is started again; SIGTERM and Ctrl-C stop all of it cleanly.
    """
    from rich.console import Console

    from dataflows.embedded.plan import take
    from dataflows.embedded.system import run_system
    from dataflows.runtime.state.files import keep_private
    from dataflows.runtime.stop import Stop

    if demo and (settings is not None or policy is not None):
        raise MisuseError("--demo has a policy and settings of its own: leave out --settings and --policy")
    keep_private()
    console = Console(highlight=False)
    where = (data or (Path(tempfile.mkdtemp(prefix="orderwatch-demo-")) if demo else USUAL)).absolute()
    stop = Stop()
    with stop.on_signals():
        handle = take(where)
        if demo:
            from dataflows.cli.up_demo import run_demo

            run_demo(console, where, handle, stop)
            return
        plan = _plan(where, settings, policy)
        _say(console, plan)
        run_system(plan, handle, stop, shown_on(console))
    console.print("[bold]up[/bold]: all parts have stopped; nothing is lost, and the next start goes on")


def _plan(data: Path, file: Path | None, policy: Path | None) -> SystemPlan:
    """Checks what was given, and writes the settings of the parts. Raises MisuseError."""
    from dataflows.embedded.plan import SystemPlan, derived, document_of, expect_reachable, write_settings

    if file is not None:
        read_settings(file, {"--state": data / "state"})  # what is wrong is said by the name of the user's own file
    written = write_settings(data, derived(data, document_of(file), policy))
    found = read_settings(written, {})
    expect_reachable(found)
    options.policy(found.policy)
    return SystemPlan(data, written, found)


def _say(console: Console, plan: SystemPlan) -> None:
    """Says where what is, before anything runs."""
    http, given, at = plan.settings.http, plan.settings, plan.settings.gateway.url
    rows = (
        ("events", f"POST {at}/events (contract events), {at}/hooks/SYSTEM/NAME (webhooks: gateway.connections)"),
        ("console", given.console.shown_url if given.console.enabled else "console.enabled is off"),
        ("people", f"orderwatch people add NAME --role operator --settings {plan.file}"),
        ("cases", f"orderwatch cases list --settings {plan.file}"),
        ("decide", f"orderwatch tokens create NAME --user NAME --role operator --settings {plan.file}"),
        ("health", f"http://{http.host}:{given.embedded.http_port}/readyz, /metrics" if http.enabled else "http.enabled is off"),
        ("data", str(plan.data)),
        ("logs", str(plan.logs)),
    )
    console.print(f"[bold]orderwatch up[/bold]: {', '.join(part.name for part in plan.parts())}")
    for name, text in rows:
        console.print(f"  {name:8}{text}", soft_wrap=True, markup=False)


def shown_on(console: Console) -> Shown:
    """Shows on a terminal, or in a pipe, what the parts say: a line each."""
    from rich.text import Text

    from dataflows.embedded.system import Shown

    def show(part: str, text: str) -> None:
        console.print(Text.assemble((f"{part:9}", COLOURS.get(part, "")), text), soft_wrap=True)
        sys.stdout.flush()

    def line(part: str, written: str) -> None:
        text = readable(written)
        if text:
            show(part, text)

    return Shown(
        line,
        lambda part, pid: show("up", f"{part} started (pid {pid})"),
        lambda part, how, again: show("up", f"{part} {how}; started again in {again:.1f} s"),
        lambda: show("up", "all parts are ready; Ctrl-C stops them"),
    )


def readable(line: str) -> str:
    """A line of a part's log for people: time, level where it matters, what, and its values. Empty: not worth showing."""
    try:
        read: object = json.loads(line)
    except ValueError:
        return line
    if not isinstance(read, dict):
        return line
    fields = dict(cast("dict[str, object]", read))
    event, level = str(fields.pop("event", "")), str(fields.pop("level", "info"))
    at = str(fields.pop("timestamp", ""))[11:19]
    if event in QUIET:
        return ""
    values = " ".join(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in fields.items())
    return f"{at} {'' if level == 'info' else f'{level.upper()} '}{event}{f'  {values}' if values else ''}"
