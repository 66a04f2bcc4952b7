"""The closing words of a run: what was read, how every exception stands, which lines were written, what was rejected."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, get_args

from rich.table import Table

from schemas.actions import ActionStateName
from schemas.counts import counted
from schemas.instants import iso
from sinks.tally import STATES
from sinks.terminal import STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from dataflows.core.engine.shard import Shard
    from dataflows.detect.flow import FlowOptions
    from sinks.tally import Tally


WIDTH, NARROW = 100, 79
"""Columns of the table of exceptions: what its headings and the longest kind need, however wide the terminal is, and at least."""
NARROWED = {"resolved": "resol.", "expired": "exp.", "retracted": "retr.", "suppressed": "suppr."}
TYPES = {
    "exceptions": ("exception.raised", "exception.updated", "exception.resolved", "exception.retracted"),
    "actions": ("action.requested", "action.proposed", "action.withdrawn"),
    "incidents": ("feed.stale", "feed.recovered"),
}
"""The types of the lines of each file, as they are told; others that occur follow."""


def print_summary(console: Console, settings: FlowOptions, tally: Tally, *, seconds: float, out: Path) -> None:
    """Prints the summary of a run that took `seconds` and wrote into `out`."""
    events = settings.counts.events
    orders = sum(shard.counts.orders for shard in settings.shards)
    rate = f"{events / seconds:,.0f} events/s" if seconds > 0 else ""
    console.print(f"{counted(events, 'event')} of {counted(orders, 'order')} in {seconds:.1f} s ({rate})")
    if tally.exceptions:
        console.print(exceptions_table(tally, narrow=console.is_terminal and console.width < WIDTH), crop=False)
    else:
        console.print("no exceptions")
    for line in (*written(tally), *standing(tally)):
        console.print(line, soft_wrap=True)
    for sentence in tally.unseen.values():
        console.print(sentence, style="yellow", soft_wrap=True, markup=False)
    if tally.rejects:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(tally.rejects.items()))
        count = sum(tally.rejects.values())
        console.print(f"{counted(count, 'record')} rejected: {reasons}", style="yellow", soft_wrap=True)
    else:
        console.print("no records rejected")
    for line in governed(settings.shards):
        console.print(line, soft_wrap=True, markup=False)
    if tally.exceptions:
        console.print(f"orderwatch explain {tally.example()} --in {out}", style="bold", soft_wrap=True, markup=False)


def governed(shards: Sequence[Shard]) -> Iterator[str]:
    """Which policies were activated in the log, and by which versions of the engine it was written, as far as it says so."""
    if not shards or not (known := shards[0].activations):
        return
    many = "1 policy" if known.count == 1 else f"{known.count:,} policies"
    yield f"{many} activated; version {known.policy().version} holds since {iso(known.since)}, by {known.by}"
    if known.engines:
        logged = ", ".join(f"{name} since {iso(at)}" for name, at in known.engines.items())
        yield f"engine: the log says {logged}; this is {version('orderwatch')}"


def written(tally: Tally) -> Iterator[str]:
    """How many lines of which type each file holds, and why there are not as many raised as there are exceptions."""
    for topic, usual in TYPES.items():
        types = tally.types[topic]
        count = sum(types.values())
        listed = [type_ for type_ in usual if count] + sorted(type_ for type_ in types if type_ not in usual)
        text = ", ".join(f"{types[type_]:,} {type_.partition('.')[2]}" for type_ in listed)
        yield f"{topic}.jsonl: {counted(count, 'line')}{f': {text}' if text else ''}"
        if topic == "exceptions" and tally.over:
            one = tally.over == 1
            what = "1 exception was" if one else f"{tally.over:,} exceptions were"
            yield f"  {what} over before {'it' if one else 'they'} could be raised: the first line says resolved, none says raised"


def standing(tally: Tally) -> Iterator[str]:
    """How actions stand at the end, and the cases that people have or had, and those that escalated."""
    if tally.actions:
        counts = Counter(tally.actions.values())
        listed = dict.fromkeys(state for state in (*get_args(ActionStateName), *counts) if counts[state])
        yield "actions at the end: " + ", ".join(f"{counts[state]:,} {state.replace('_', ' ')}" for state in listed)
    if tally.cases:
        states = Counter(state for state, _ in tally.cases.values() if state != "new")
        parts = [f"{count:,} {state}" for state, count in sorted(states.items())]
        escalated = sum(escalated for _, escalated in tally.cases.values())
        yield f"cases at the end: {', '.join((*parts, *((f'{escalated:,} escalated',) if escalated else ())))}"


def exceptions_table(tally: Tally, *, narrow: bool = False) -> Table:
    """The exceptions by severity and kind: how many there were, and how they stand at the end."""
    table = Table(box=None, pad_edge=False, show_footer=True, width=NARROW if narrow else WIDTH, padding=(0, 1, 0, 0 if narrow else 1))
    rows = tally.rows()
    table.add_column("exception", footer="all", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    for state in ("found", *STATES):
        name = NARROWED.get(state, state) if narrow else state
        table.add_column(name, f"{sum(getattr(row, state) for row in rows):,}", justify="right")
    for row in rows:
        counts = (row.found, row.resolved, row.expired, row.retracted, row.suppressed, row.open)
        severity = f"[{STYLES[row.severity]}]{row.severity}[/]"
        table.add_row(row.kind, severity, *(f"{count:,}" if count else "·" for count in counts))
    return table
