"""`orderwatch top`: what is open, gravest first, live from the case store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.cli.known import among
from dataflows.errors import MisuseError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from dataflows.cli.top_board import StoreBoard
    from dataflows.cli.top_filters import Filters


def top(
    settings: options.SettingsFile = None,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="The store, instead of that of the settings.", show_default=False)
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print the table and end; so it is too where output is no terminal.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Rows at most.")] = 200,
    severity: Annotated[str | None, typer.Option(metavar="LEAST", help="Only this severity and graver ones.", show_default=False)] = None,
    team: Annotated[str | None, typer.Option(help="Only what this team has.", show_default=False)] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.", show_default=False)] = None,
    text: Annotated[str | None, typer.Option(help="Only what has these words in its sentence or its order ID.", show_default=False)] = None,
) -> None:
    """Show what is open, gravest first, live from the store: who has it, which clock runs out, what is being done. `q` ends it."""
    from sinks.cases.queries.wanted import SEVERITIES

    among("--severity", [severity] if severity else None, SEVERITIES)
    engine = _store(settings, store)
    from dataflows.cli.top_board import StoreBoard
    from dataflows.cli.top_filters import Filters

    board = StoreBoard(engine)
    filters = Filters(least=None if severity == "low" else severity, team=team, tenant=tenant, text=text)
    if once or not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        _print(board, filters, limit)
        return
    from dataflows.cli.top_app import TopApp

    TopApp(board, filters, limit).run()


def _store(settings: options.SettingsFile, url: str | None) -> Engine:
    """The store that the options or the settings name. Raises MisuseError, also if it has not the tables that this program reads."""
    from sinks.cases.schema import StoreError, open_store, ready

    if url is None:
        from dataflows.cli.run import read_settings

        found = read_settings(settings, {})
        url = found.store.url_in(found.state.dir)
    elif settings is not None:
        raise MisuseError("--settings and --store both name the store: leave one of them out")
    try:
        engine = open_store(url, pool=2)
        ready(engine)
    except StoreError as error:
        raise MisuseError(str(error)) from error
    return engine


def _print(board: StoreBoard, filters: Filters, limit: int) -> None:
    from rich.console import Console

    from dataflows.cli.top_text import table

    look = board.look(filters.wanted, limit)
    console = Console(highlight=False)
    for line in table(look, console.width if console.is_terminal else None):
        console.print(line, soft_wrap=True)
    if look.trouble is not None:
        typer.echo(f"orderwatch: {look.trouble}", err=True)
