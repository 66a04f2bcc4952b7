"""`orderwatch explain`: one decision, told from its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataflows.errors import MisuseError


def explain(
    exception_id: Annotated[str, typer.Argument(help="The ID of an exception or an incident, or the beginning of one.")],
    folder: Annotated[Path, typer.Option("--in", help="The folder that a replay or a demo has written.")] = Path(),
    at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="How late it is by then.", show_default="the last instant in the folder")
    ] = None,
) -> None:
    """Say what was decided, by which rule, from which evidence, why it changed, and what to do while it is open."""
    from rich.console import Console

    from dataflows.cli import options
    from dataflows.detect.explain import history, incident, last_instant, render, render_incident
    from sinks.index import NotExceptionsError, SeveralError

    path = folder / "exceptions.jsonl"
    looked = options.instant("--at", at)
    try:
        events = history(path, exception_id)
        beside = path.with_name("incidents.jsonl")
        if not events and beside.exists() and (said := incident(beside, exception_id)):
            render_incident(Console(highlight=False), said)
            return
        if not events:
            raise MisuseError(f"no exception {exception_id} in {path}")
        render(Console(highlight=False), events, path, last_instant(path) if looked is None else looked)
    except OSError as error:
        raise MisuseError(f"{path}: {(error.strerror or str(error)).lower()}; name the folder of a replay with --in") from error
    except NotExceptionsError as error:
        raise MisuseError(f"{path}: not written by orderwatch: {error}") from error
    except SeveralError as error:
        raise MisuseError(f"{exception_id} is the beginning of {error}") from error
