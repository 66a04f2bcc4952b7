"""`orderwatch simulate`: writes a world of orders, with what must be found in it beside it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dataflows.cli import options
from dataflows.errors import refused


def simulate(
    out: Annotated[Path, typer.Option(help="The events, JSONL; compressed if the name ends in .gz.")],
    orders: Annotated[int, typer.Option(min=1, help="How many orders.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 1,
    start: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help="The first day (UTC), else one of 2026; orders are placed for 56 days from it on.",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write a labelled stream of events, the exceptions that it must cause, and the policy under which it does."""
    from rich.console import Console

    from sources.simulator import OPENING, files_of, write_world

    options.into_file("--out", out)
    options.unless_there(files_of(out), overwrite=overwrite)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        first = OPENING if start is None else int(start.replace(tzinfo=UTC).timestamp())
        summary = write_world(orders, seed, out, first)
    except OSError as error:
        raise refused(error, out, name="--out") from error
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{summary.events:,} events of {summary.orders:,} orders: {summary.path}")
    faults = f"{sum(summary.faults.values()):,} injected faults of {len(summary.faults)} kinds"
    console.print(f"{faults} cause {sum(summary.labels.values()):,} exceptions: {summary.expected_path}")
    console.print(f"policy: {summary.policy_path}")
    console.print(f"orderwatch replay {summary.path} --policy {summary.policy_path} --until {summary.until} --out DIR", style="bold")
