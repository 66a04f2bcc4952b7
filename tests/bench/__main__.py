"""`python -m tests.bench`: tables of what Orderwatch costs on this machine.

Without more: the heart and a replay, on one core. `scale`: the live engine with many open orders, and from Kafka to Kafka. `adapters`: what
it costs to translate the payloads of each system. `gateway`: the webhook gateway beside a bare handler of the same server. `soak`: how
memory grows over a long run. `start`: what commands cost before they do anything. `growth`: what an order's n-th event costs.
`eight`: the eight-rule job beside a plain loop. `weight`: memory of an open order of the simulated world. `renewal`: a policy
that is activated over many open orders. `store`: lists, details, search and counts of the case store, on PostgreSQL and SQLite.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.bench.adapters import adapters
from tests.bench.console import THINK_S, ConsoleLoad, Heard, console, p95
from tests.bench.eight import EVENTS, HERE, RUNS, eight
from tests.bench.gateway import beside
from tests.bench.growth import LIMIT, SIZES, SORTS, growth
from tests.bench.kafka import latency, through
from tests.bench.measure import memory, speed
from tests.bench.renewal import OPEN, renewal
from tests.bench.scale import scale
from tests.bench.soak import soak
from tests.bench.start import GOAL, start
from tests.bench.store import asked, filled
from tests.bench.weight import ORDERS, weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.kafka import Soon
    from tests.bench.pages import PageCost


CONSOLE = Console(width=120)
LEAST = 5
"""Bytes per open order from which on it is shown what holds them."""


def main() -> None:  # noqa: PLR0915 - one statement an option
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--orders", type=int, default=5_000, help="orders of the simulated world whose replay is timed")
    parser.add_argument("--open", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], help="numbers of open orders to be weighed")
    commands = parser.add_subparsers(dest="command")
    live = commands.add_parser("scale", help="the live engine")
    live.add_argument("--open", type=int, default=1_000_000, help="open orders in state; 0: leave that part out")
    live.add_argument("--seconds", type=float, default=40, help="how long each load lasts")
    live.add_argument("--folder", type=Path, help="where a prepared state is found or left, to be used again")
    live.add_argument("--orders", type=int, default=5_000, help="orders of the simulated world that is a backlog in Kafka; 0: leave it out")
    live.add_argument("--rate", type=int, default=200, help="events per second of the steady stream; 0: leave it out")
    commands.add_parser("adapters", help="payloads of real systems into events")
    long = commands.add_parser("soak", help="memory of the live engine over a long run")
    long.add_argument("--minutes", type=float, default=30)
    long.add_argument("--rate", type=int, default=100, help="orders opened per second")
    long.add_argument("--cache-bytes", type=int, help="the setting state.cache_bytes")
    hooks = commands.add_parser("gateway", help="the webhook gateway")
    hooks.add_argument("--requests", type=int, default=20_000, help="requests that each of them is asked")
    commands.add_parser("start", help="commands before they do anything")
    many = commands.add_parser("growth", help="one order with many events")
    many.add_argument("sorts", nargs="*", choices=[*sorted(SORTS), []], help="sorts of events; all if left out")
    many.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="numbers of events")
    many.add_argument("--limit", type=int, default=LIMIT, help="seconds of CPU for each cell")
    job = commands.add_parser("eight", help="the eight-rule job beside a plain loop")
    job.add_argument("--events", type=int, default=EVENTS)
    job.add_argument("--runs", type=int, default=RUNS)
    job.add_argument("--against", type=Path, nargs="*", default=[], help="other checkouts, each with a .venv")
    heavy = commands.add_parser("weight", help="memory of an open order of the simulated world")
    heavy.add_argument("--orders", type=int, default=ORDERS)
    cases = commands.add_parser("store", help="what people read of the case store")
    cases.add_argument("--exceptions", type=int, default=1_000_000)
    cases.add_argument("--open", type=int, default=20_000, help="of which are open")
    cases.add_argument("--kinds", nargs="*", choices=("postgresql", "sqlite"), default=["postgresql", "sqlite"])
    pages = commands.add_parser("console", help="what the console costs while many people use it at once")
    pages.add_argument("--exceptions", type=int, default=1_000_000)
    pages.add_argument("--open", type=int, default=20_000, help="of which are open")
    pages.add_argument("--people", type=int, default=50)
    pages.add_argument("--seconds", type=float, default=60)
    pages.add_argument("--think", type=float, default=THINK_S, help="seconds that each looks at a page, on average")
    pages.add_argument("--kafka", action="store_true", help="records come through a Kafka, and not through an embedded log")
    pages.add_argument("--kind", choices=("postgresql", "sqlite"), default="postgresql")
    over = commands.add_parser("renewal", help="a policy that is activated over many open orders")
    over.add_argument("--open", type=int, default=OPEN)
    chosen = parser.parse_args()
    if chosen.command == "scale":
        report_live(opened=chosen.open, seconds=chosen.seconds, orders=chosen.orders, rate=chosen.rate, folder=chosen.folder)
    elif chosen.command == "adapters":
        report_adapters()
    elif chosen.command == "soak":
        report_soak(minutes=chosen.minutes, rate=chosen.rate, cache_bytes=chosen.cache_bytes)
    elif chosen.command == "gateway":
        report_gateway(requests=chosen.requests)
    elif chosen.command == "start":
        report_start()
    elif chosen.command == "growth":
        report_growth(sorts=chosen.sorts, sizes=chosen.sizes, limit=chosen.limit)
    elif chosen.command == "eight":
        report_eight(events=chosen.events, runs=chosen.runs, against=chosen.against)
    elif chosen.command == "renewal":
        report_renewal(opened=chosen.open)
    elif chosen.command == "store":
        report_store(exceptions=chosen.exceptions, opened=chosen.open, kinds=chosen.kinds)
    elif chosen.command == "console":
        load = ConsoleLoad(chosen.people, chosen.seconds, chosen.think, chosen.kafka)
        report_console(*console(chosen.kind, chosen.exceptions, chosen.open, load), load)
    elif chosen.command == "weight":
        report_weight(orders=chosen.orders)
    else:
        report(orders=chosen.orders, opened=chosen.open)


def report(*, orders: int, opened: Sequence[int]) -> None:
    """Prints the table: the speed of a replay of a world of `orders` orders, the weight of each number of `opened` orders."""
    table = _table("Orderwatch, one core")
    found = speed(orders)
    for what, rate in (
        ("replay, from file to files", found.replay),
        ("the same without the heart", found.flow),
        ("reading alone, with decoding", found.read),
        ("decoding alone", found.decode),
        ("the heart alone", found.make_shard),
    ):
        table.add_row(what, f"{rate:,.0f}", f"events/s ({1e6 / rate:.1f} µs)", f"{rate / found.replay:.1f} x")
    first: float | None = None
    for number in opened:
        weighed = memory(number)
        first = first or weighed.resident
        unit = f"bytes each (state {weighed.packed:,.0f})"
        table.add_row(f"{number:,} open orders", f"{weighed.resident:,.0f}", unit, f"{weighed.resident / first:.2f} x")
    CONSOLE.print(table)


def report_console(found: Heard, pages: Sequence[PageCost], load: ConsoleLoad) -> None:
    """Prints how soon open pages heard of a record and how long pages took while many looked, and what each page costs."""
    table = _table(f"the console, {load.people} people at once, each {load.think:g} s at a page")
    table.add_row("record to open page", f"{p95(found.heard):,.0f}", "ms, p95", f"{len(found.heard):,} times")
    for path, took in sorted(found.pages.items()):
        table.add_row(path, f"{p95(took):,.0f}", "ms, p95", f"{len(took):,} times, {found.sizes[path] / 1_000:,.0f} kB")
    CONSOLE.print(table)
    table = _table("each page, one person; CPU of the console and of the database, the first look apart")
    for page in pages:
        words = f"ms, longest {page.longest:,.0f}; cpu {page.console:,.0f} + {page.store:,.0f}, first {page.first_cpu:,.0f}"
        table.add_row(page.path, f"{page.median:,.0f}", words, f"{page.size / 1_000:,.0f} kB, sent {page.sent / 1_000:,.0f}")
    CONSOLE.print(table)


def report_soak(*, minutes: float, rate: int, cache_bytes: int | None) -> None:
    """Prints how memory grew, and its slope."""
    found = soak(minutes, rate, cache_bytes=cache_bytes)
    table = _table(f"{rate} orders a second for {minutes:g} minutes, one process, {found.rung}")
    every = max(1, len(found.samples) // 12)
    for sample in found.samples[::every]:
        table.add_row(f"after {sample.seconds:,.0f} s", f"{sample.resident / (1 << 20):,.0f}", "MiB resident", f"{sample.orders:,} open")
    table.add_row(
        "slope of the second half", f"{found.per_order:,.0f}", "bytes per open order", f"{found.per_minute / (1 << 20):,.2f} MiB/min"
    )
    CONSOLE.print(table)


def report_live(*, opened: int, seconds: float, orders: int, rate: int, folder: Path | None = None) -> None:
    """Prints the tables of the live engine; a number of 0 leaves its part out."""
    if opened:
        CONSOLE.print(_scale(opened, seconds, folder))
    if orders or rate:
        CONSOLE.print(_kafka(orders, rate, int(seconds)))


def report_adapters() -> None:
    """Prints the table of adapters: the ratio is what plain parsing of the same bytes would reach."""
    table = _table("Payloads into checked events, one core; plain parsing of the same bytes beside it")
    for found in adapters():
        rate, each = found.translated, found.events / found.payloads
        unit = f"payloads/s of {found.size / found.payloads:,.0f} bytes ({rate * each:,.0f} events/s, {1e6 / rate / each:.0f} µs each)"
        table.add_row(found.system, f"{rate:,.0f}", unit, f"{found.parsed / rate:.0f} x")
    CONSOLE.print(table)


def report_start() -> None:
    """Prints the table of starts; the ratio is to the goal for `--help`."""
    table = _table("Commands before they do anything: one process, all of its CPU")
    for found in start():
        table.add_row(f"orderwatch {found.command}", f"{found.seconds:.2f}", "s of CPU", f"{found.seconds / GOAL:.1f} x")
    CONSOLE.print(table)


def report_growth(*, sorts: Sequence[str] = (), sizes: Sequence[int] = SIZES, limit: int = LIMIT) -> None:
    """Prints microseconds of CPU per event, a row per sort; the ratio is of the largest size to the smallest."""
    table = Table(title="CPU per event in µs, by how many events of a sort an order has", box=None, pad_edge=False, title_justify="left")
    table.add_column("sort")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    table.add_column("ratio", justify="right")
    cells: dict[str, list[float | None]] = {}
    for cell in growth(sorts, sizes, limit):
        cells.setdefault(cell.sort, []).append(cell.micros)
        CONSOLE.print(
            f"{cell.sort} {cell.size:,}: " + (f"over {limit} s" if cell.micros is None else f"{cell.micros:,.0f} µs"), style="dim"
        )
    for name, found in cells.items():
        known = [micros for micros in found if micros is not None]
        figures = [f"> {limit} s" if micros is None else f"{micros:,.0f}" for micros in found]
        row = [*figures, *[""] * (len(sizes) - len(figures))]
        table.add_row(name, *row, f"{known[-1] / known[0]:.1f} x" if len(known) > 1 else "")
    CONSOLE.print(table)


def report_eight(*, events: int = EVENTS, runs: int = RUNS, against: Sequence[Path] = ()) -> None:
    """Prints what the job costs; the ratio is of the plain loop's seconds to the others'."""
    try:
        found = eight([HERE, *(path.absolute() for path in against)], events, runs)
    except FileNotFoundError as error:
        CONSOLE.print(f"skipped: {error}")
        return
    table = _table(f"{found.events:,} events under eight rules, seconds of CPU without the start, medians of {runs} turns")
    table.add_row("plain loop", f"{found.loop:.2f}", f"s ({found.loop * 1e6 / found.events:.1f} µs an event)", "")
    for checkout, seconds in found.by.items():
        unit = f"s ({seconds * 1e6 / found.events:.1f} µs an event)"
        table.add_row(checkout, f"{seconds:.2f}", unit, f"{found.loop / seconds:.2f} of the loop")
    CONSOLE.print(table)
    for checkout, words in found.agreement.items():
        CONSOLE.print(f"{checkout}: {words}")


def report_store(*, exceptions: int, opened: int, kinds: Sequence[str]) -> None:
    """Prints how long each question takes, in ms: the median and the 95th percentile."""
    for kind in kinds:
        with filled(kind, exceptions, opened) as (engine, seconds), engine.connect() as connection:
            table = _table(f"{exceptions:,} exceptions, {opened:,} open, {kind}; filled in {seconds:,.0f} s")
            for found in asked(connection):
                table.add_row(found.name, f"{found.median:,.1f}", f"ms (cpu {found.cpu:,.1f}), 95th percentile", f"{found.p95:,.1f} ms")
            CONSOLE.print(table)


def report_renewal(*, opened: int) -> None:
    """Prints what a policy that is activated costs while so many orders are open."""
    found = renewal(opened)
    table = Table(title=f"A policy is activated over {found.orders:,} open orders (one process, CPU)")
    table.add_column("what")
    table.add_column("ms", justify="right")
    for name, seconds in (
        ("the switch, all shards", found.switch),
        ("the longest second of log time after it", found.longest),
        ("a second on average", found.mean),
        ("all of it, spread over ten minutes", found.whole),
        ("all orders in one step, for comparison", found.at_once),
    ):
        table.add_row(name, f"{seconds * 1e3:,.1f}")
    CONSOLE.print(table)
    CONSOLE.print(f"{found.said:,} lines said")


def report_weight(*, orders: int = ORDERS) -> None:
    """Prints what an open order weighs; what each further order adds is free of what the process holds anyway."""
    third, whole = weight(orders // 3), weight(orders)
    table = _table(f"{whole.orders:,} open orders of the simulated world, {whole.events:,} events in {whole.seconds:,.0f} s of CPU")
    added = (whole.resident * whole.orders - third.resident * third.orders) / (whole.orders - third.orders)
    table.add_row("memory", f"{whole.resident:,.0f}", "bytes per open order, its aliases and the share of hot orders included", "")
    table.add_row("memory of each further order", f"{added:,.0f}", f"bytes, from {third.orders:,} orders on", "")
    table.add_row("stored", f"{whole.stored:,.0f}", "bytes per open order, what closed ones leave behind included", "")
    for name, bytes_ in whole.held.items():
        if bytes_ >= LEAST * whole.orders:
            further = (bytes_ - third.held.get(name, 0)) / (whole.orders - third.orders)
            table.add_row(
                f"held by {name}", f"{bytes_ / whole.orders:,.0f}", f"bytes per open order, {further:,.0f} of each further one", ""
            )
    CONSOLE.print(table)


def report_gateway(*, requests: int) -> None:
    """Prints the table of the gateway: so many requests to each."""
    found = beside(requests)
    bare = found.by["bare handler"]
    table = _table(f"{found.requests:,} webhooks of {found.size:,} bytes and 3 events, 32 connections")
    table.caption = found.broker
    for what, load in found.by.items():
        table.add_row(what, f"{load.rate:,.0f}", f"requests/s ({load.cpu:,.0f} µs of processor each)", f"{load.rate / bare.rate:.2f} x")
        table.add_row("", f"{load.p50:.1f} / {load.p99:.1f}", "ms, p50 and p99", f"{load.p99 / bare.p99:.1f} x at p99")
    table.add_row("translating alone", f"{found.translating:,.0f}", "µs of processor each", "")
    CONSOLE.print(table)


def _scale(opened: int, seconds: float, folder: Path | None) -> Table:
    found = scale(opened, seconds, folder)
    table = _table(f"{opened:,} open orders in durable state, epochs of 10 s, scans of random orders at full speed")
    kept, off = found.kept, found.off
    table.add_row("recovery off", f"{off.wall:,.0f}", f"events/s ({off.cpu:,.0f} per s of processor)", "1.00 x")
    unit = f"events/s ({kept.cpu:,.0f} per s of processor)"
    table.add_row("recovery on", f"{kept.wall:,.0f}", unit, f"{kept.wall / off.wall:.2f} x ({kept.cpu / off.cpu:.2f} x)")
    for way, figures in (("off", off), ("on", kept)):
        table.add_row(f"longest pause, recovery {way}", f"{figures.stood * 1_000:,.0f}", "ms between two events judged", "")
        table.add_row("", f"{figures.pause * 1_000:,.0f}", "ms between two looks at the input, 2,000 events apart", "")
    table.add_row("end of an epoch, all shards", f"{kept.epoch * 1_000:,.0f}", "ms, the longest", "")
    table.add_row("resume", f"{kept.resume:,.1f}", f"s until shards judge again ({kept.resume_cpu:,.1f} s of processor)", "")
    table.add_row("memory after resume", f"{kept.memory:,.0f}", "bytes per open order, its aliases included", "")
    table.add_row("memory under load", f"{kept.grown:,.0f}", "bytes per open order", "")
    table.add_row("state on disk", f"{kept.state:,.0f}", f"bytes per open order ({found.packed:,.0f} of them the order)", "")
    return table


def _kafka(orders: int, rate: int, seconds: int) -> Table:
    table = _table("Kafka to Kafka")
    if orders:
        found = through(orders)
        table.caption = found.broker
        table.add_row("reading and decoding alone", f"{found.floor.wall:,.0f}", f"events/s of {found.records:,}", "")
        for processes, speed_ in found.by_processes.items():
            unit = f"events/s ({speed_.cpu:,.0f} per s of processor)"
            name = f"{processes} process{'es' * (processes > 1)}"
            table.add_row(name, f"{speed_.wall:,.0f}", unit, f"{speed_.wall / found.floor.wall:.2f} x")
    if rate:
        soon = latency(seconds, rate)
        for what, figure in (
            ("signal: append to exception, appended", soon.appended),
            ("signal: append to exception, readable", soon.readable),
            ("deadline: due to exception, appended", soon.deadline_appended),
            ("deadline: due to exception, readable", soon.deadline_readable),
        ):
            table.add_row(what, _both(figure), f"ms, p50 and p99 of {figure.of}, at {rate} events/s", "")
    return table


def _both(figure: Soon) -> str:
    return f"{figure.p50:,.0f} / {figure.p99:,.0f}"


def _table(title: str) -> Table:
    table = Table(title=title, box=None, pad_edge=False, title_justify="left")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("unit")
    table.add_column("ratio", justify="right")
    return table


if __name__ == "__main__":
    main()
