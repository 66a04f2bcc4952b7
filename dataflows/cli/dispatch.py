"""`orderwatch dispatch`: carries requested actions out; and what people see to: dead letters and endpoints."""

from __future__ import annotations

import getpass
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.cli.listing import print_list
from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator

    from dataflows.settings import Settings

NOWHERE = Path()
"""The state directory of a dispatcher that has a directory of its own and no engine beside it."""

app = typer.Typer(name="dispatch", invoke_without_command=True)
letters = typer.Typer(name="dead-letters", help="Actions that failed for good: list them, replay them.", no_args_is_help=True)
decisions = typer.Typer(
    name="decisions", help="What dispatch said and the log refused for good: list it, write it again.", no_args_is_help=True
)
endpoints = typer.Typer(name="endpoints", help="The endpoints: how they are; call a disabled one again.", no_args_is_help=True)
app.add_typer(letters)
app.add_typer(decisions)
app.add_typer(endpoints)

DecisionIds = Annotated[list[str] | None, typer.Argument(metavar="[DECISION_ID]...", help="Their IDs, or the beginnings of them.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ACTION_ID]...", help="Their IDs, or the beginnings of them.")]
OfEndpoint = Annotated[str | None, typer.Option("--endpoint", help="Only those of this endpoint.")]
OfAction = Annotated[str | None, typer.Option("--action", help="Only those of this action, such as notify_customer.")]
OfCode = Annotated[str | None, typer.Option("--code", help="Only those that failed with this, such as http_401 or no_route.")]


@app.callback()
def dispatch(
    context: typer.Context,
    settings: options.SettingsFile = None,
    check: Annotated[bool, typer.Option("--check", help="Only validate, and print the settings that hold; no secrets.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent now, and send nothing.")] = False,
) -> int | None:
    """Carry requested actions out, each effect once: signed webhooks, mail, chat, shop, payments. SIGTERM stops it cleanly."""
    if context.invoked_subcommand is not None:
        return None
    from dataflows.dispatch.connections import endpoints_of
    from dataflows.dispatch.opening import folder_of, run_dispatch
    from dataflows.observe.logs import logging_to_stderr
    from dataflows.observe.observer import Observer
    from dataflows.settings import render_settings

    found = _settings(settings)
    if check:
        made = endpoints_of(found.dispatch)
        typer.echo(f"{render_settings(found)}# ok; {len(made)} endpoints, {len(found.dispatch.routes)} routes")
        return 0
    with logging_to_stderr(found.log):
        if dry_run:
            return _rehearse(found, folder_of(found))
        options.into_folder("dispatch.dir", folder_of(found))
        run_dispatch(found, Observer())
    return 0


@letters.command("list")
def list_(
    settings: options.SettingsFile = None, ids: Ids = None, endpoint: OfEndpoint = None, action: OfAction = None, code: OfCode = None
) -> None:
    """List what failed for good, oldest first."""
    from dataflows.dispatch.letters import dead_letters
    from dataflows.dispatch.model import stated

    with _journal(_settings(settings)) as db:
        found = dead_letters(db, endpoint=endpoint, action=action, code=code, ids=ids or ())
    rows = [
        (
            stated(one.at),
            one.action,
            one.order,
            one.endpoint or "-",
            str(one.attempt),
            one.code,
            one.action_id,
            "asked for" if one.asked else "",
        )
        for one in found
    ]
    print_list(("failed at", "action", "order", "endpoint", "attempts", "code", "action ID", "replay"), rows, "no dead letters")


@letters.command()
def replay(
    settings: options.SettingsFile = None,
    ids: Ids = None,
    endpoint: OfEndpoint = None,
    action: OfAction = None,
    code: OfCode = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Have dead letters tried once more: the same ID, today's secret. The running dispatcher does it, or the next one that starts."""
    from dataflows.dispatch.letters import ask, dead_letters
    from dataflows.dispatch.model import wall

    if not (ids or endpoint or action or code or every):
        raise MisuseError("say which: IDs, --endpoint, --action, --code, or --all")
    with _journal(_settings(settings)) as db:
        found = dead_letters(db, endpoint=endpoint, action=action, code=code, ids=ids or ())
        new = ask(db, "replay", [each.action_id for each in found], _who(), wall())
    if not found:
        raise MisuseError("no dead letter is one of these")
    typer.echo(f"{new} to be replayed" + (f"; {len(found) - new} had been asked for already" if new < len(found) else ""))


@decisions.command("list")
def decisions_list(settings: options.SettingsFile = None, ids: DecisionIds = None) -> None:
    """List the decisions that the log has refused for good, and why, oldest first."""
    from dataflows.dispatch.model import stated
    from dataflows.dispatch.refusals import refused_decisions

    with _journal(_settings(settings)) as db:
        found = refused_decisions(db, ids or ())
    rows = [(stated(one.at), stated(one.refused_at), one.order, one.type, one.reason, one.id, _asked(one.asked)) for one in found]
    heads = ("decided at", "refused at", "order", "decision", "why", "decision ID", "to be written again")
    print_list(heads, rows, "the log has refused nothing")


@decisions.command()
def write(
    settings: options.SettingsFile = None,
    ids: DecisionIds = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Have them written again, once the cause is mended. The running dispatcher does it, or the next one that starts."""
    from dataflows.dispatch.letters import ask
    from dataflows.dispatch.model import wall
    from dataflows.dispatch.refusals import refused_decisions

    if not (ids or every):
        raise MisuseError("say which: IDs, or --all")
    with _journal(_settings(settings)) as db:
        found = refused_decisions(db, ids or ())
        new = ask(db, "write", [each.id for each in found], _who(), wall())
    if not found:
        raise MisuseError("no refused decision is one of these")
    typer.echo(f"{new} to be written again" + (f"; {len(found) - new} had been asked for already" if new < len(found) else ""))


@endpoints.command("list")
def endpoints_list(settings: options.SettingsFile = None) -> None:
    """List the endpoints and how they are, by the journal."""
    from dataflows.dispatch.healthy import load_health
    from dataflows.dispatch.model import stated, wall

    found = _settings(settings)
    with _journal(found) as db:
        health = load_health(db, found.dispatch.endpoints)
    now, rows = wall(), list[tuple[str, ...]]()
    for each in health.values():
        at, why = each.ready_at(now)
        until = stated(at) if now < at and not each.disabled else ""
        rows.append(
            (each.name, each.terms.kind, f"disabled ({each.disabled})" if each.disabled else why or "well", str(each.failures), until)
        )
    print_list(("endpoint", "kind", "is", "since failures", "until"), rows, "no endpoints")


@endpoints.command()
def enable(name: Annotated[str, typer.Argument(help="Its name in the settings.")], settings: options.SettingsFile = None) -> None:
    """Have a disabled endpoint called again. The running dispatcher does it, or the next one that starts."""
    from dataflows.dispatch.letters import ask
    from dataflows.dispatch.model import wall

    found = _settings(settings)
    if name not in found.dispatch.endpoints:
        raise MisuseError(f"dispatch.endpoints: there is no {name}")
    with _journal(found) as db:
        ask(db, "enable", [name], _who(), wall())
    typer.echo(f"{name} to be called again")


def _asked(asked: bool) -> str:
    return "asked for" if asked else ""


def _settings(file: Path | None) -> Settings:
    found = read_settings(file, {}, spare={("state", "dir"): NOWHERE})
    if found.dispatch.dir is None and found.state.dir == NOWHERE:
        raise MisuseError("dispatch.dir: required; set it (or state.dir) in the settings file or as ORDERWATCH_DISPATCH__DIR")
    return found


@contextmanager
def _journal(found: Settings) -> Generator[sqlite3.Connection]:
    from dataflows.dispatch.journal import JournalError
    from dataflows.dispatch.letters import open_beside
    from dataflows.dispatch.opening import folder_of

    try:
        with closing(open_beside(folder_of(found))) as db:
            yield db
    except JournalError as error:
        raise MisuseError(str(error)) from error


def _rehearse(found: Settings, folder: Path) -> int:
    """Says what would be sent."""
    from dataflows.dispatch.connections import endpoints_of
    from dataflows.dispatch.model import wall
    from dataflows.dispatch.opening import reader_of
    from dataflows.dispatch.rehearsal import rehearse
    from dataflows.errors import RunError
    from dataflows.observe.observer import Observer

    endpoints_of(found.dispatch)
    with closing(reader_of(found, Observer())) as reader:
        try:
            rehearsed = rehearse(found.dispatch, reader, folder, wall())
        except OSError as error:
            raise RunError(str(error)) from error
    rows = [
        (one.would, one.endpoint, one.action, one.order, str(one.attempt), one.why)
        for one in sorted(rehearsed, key=lambda one: (one.would, one.endpoint, one.order))
    ]
    print_list(("would", "endpoint", "action", "order", "attempt", "what or why"), rows, "nothing to send")
    return 0


def _who() -> str:
    """Whoever has asked: the account of the operating system."""
    return f"user:{getpass.getuser()}"
