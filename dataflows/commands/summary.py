"""The closing words of a run: what was read, what was found, what was rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from sinks.terminal import STYLES

if TYPE_CHECKING:
    from rich.console import Console

    from dataflows.flow import Settings
    from sinks.tally import Tally


WIDTH = 92
"""Columns of the table of exceptions: what its headings and the longest kind need, however wide the terminal is."""


def print_summary(console: Console, settings: Settings, tally: Tally, *, seconds: float) -> None:
    """Prints the summary of a run that took `seconds`."""
    events = settings.counts.events
    orders = sum(shard.counts.orders for shard in settings.shards)
    rate = f"{events / seconds:,.0f} events/s" if seconds > 0 else ""
    console.print(f"{events:,} events of {orders:,} orders in {seconds:.1f} s ({rate})")
    rows = tally.rows()
    if rows:
        console.print(exceptions_table(tally), crop=False)
    else:
        console.print("no exceptions")
    console.print(f"{tally.actions:,} actions proposed or withdrawn" if tally.actions else "no actions")
    if tally.rejects:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(tally.rejects.items()))
        console.print(f"{sum(tally.rejects.values()):,} records rejected: {reasons}", style="yellow")
    else:
        console.print("no records rejected")


def exceptions_table(tally: Tally) -> Table:
    """The exceptions by severity and kind: how many there were, and how they stand at the end."""
    table = Table(box=None, pad_edge=False, show_footer=True, width=WIDTH)
    rows = tally.rows()
    table.add_column("exception", footer="all", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    for state in ("raised", "resolved", "retracted", "suppressed", "open"):
        table.add_column(state, f"{sum(getattr(row, state) for row in rows):,}", justify="right")
    for row in rows:
        counts = (row.raised, row.resolved, row.retracted, row.suppressed, row.open)
        severity = f"[{STYLES[row.severity]}]{row.severity}[/]"
        table.add_row(row.kind, severity, *(f"{count:,}" if count else "·" for count in counts))
    return table
