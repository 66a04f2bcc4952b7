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
    """Write JSON Schemas of all events, an AsyncAPI document of the topics, and an OpenAPI document of the gateway."""
    from dataflows.core.rules import RULES_BY_KIND
    from dataflows.ingest import openapi
    from schemas import export as writer

    try:
        writer.export(folder, RULES_BY_KIND)
        writer.write(folder / openapi.FILE, openapi.openapi())
    except OSError as error:
        raise refused(error, folder) from error
    typer.echo(f"written to {folder}")
