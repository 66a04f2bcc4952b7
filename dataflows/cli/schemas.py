"""`orderwatch schemas`: the contract for machines."""

from pathlib import Path
from typing import Annotated

import typer

from dataflows.errors import refused

app = typer.Typer(name="schemas", help="The contract of events in and out.", no_args_is_help=True)


@app.callback()
def schemas() -> None:
    """The contract of events in and out."""


@app.command()
def export(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write to; made if it is not there.")]) -> None:
    """Write JSON Schemas of all events and an AsyncAPI document."""
    from dataflows.core.rules import RULES_BY_KIND
    from schemas import export as writer

    try:
        writer.export(folder, RULES_BY_KIND)
    except OSError as error:
        raise refused(error, folder) from error
    typer.echo(f"written to {folder}")
