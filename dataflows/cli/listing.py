"""Lists as commands print them: a table for a person, lines for a program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def print_list(head: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> None:
    """Prints rows under their heads. `nothing`: what a person is told where there are none."""
    if not rows:
        typer.echo(nothing, err=not sys.stdout.isatty())
    if not sys.stdout.isatty():
        print_lines(head, rows)
    elif rows:
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in head:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*row)
        Console(highlight=False).print(table)


def print_lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A line each, the cells apart by tabs: nothing is cut, folded or aligned there."""
    for row in (head, *rows):
        typer.echo("\t".join(" ".join(cell.split()) for cell in row))
