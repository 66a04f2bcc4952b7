"""`python -m tests.bench`: one table of what Orderwatch costs on this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.bench.measure import memory, speed

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--orders", type=int, default=5_000, help="orders of the simulated world whose replay is timed")
    parser.add_argument("--open", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], help="numbers of open orders to be weighed")
    chosen = parser.parse_args()
    report(orders=chosen.orders, opened=chosen.open)


def report(*, orders: int, opened: Sequence[int]) -> None:
    """Prints the table: the speed of a replay of a world of `orders` orders, the weight of each number of `opened` orders."""
    table = Table(title="Orderwatch, one core", box=None, pad_edge=False)
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("unit")
    table.add_column("ratio", justify="right")
    found = speed(orders)
    for what, rate in (
        ("replay, from file to files", found.replay),
        ("the same without the heart", found.flow),
        ("reading alone, with decoding", found.read),
        ("decoding alone", found.decode),
        ("the heart alone", found.heart),
    ):
        table.add_row(what, f"{rate:,.0f}", f"events/s ({1e6 / rate:.1f} µs)", f"{rate / found.replay:.1f} x")
    first: float | None = None
    for number in opened:
        weighed = memory(number)
        first = first or weighed.resident
        unit = f"bytes each (state {weighed.packed:,.0f})"
        table.add_row(f"{number:,} open orders", f"{weighed.resident:,.0f}", unit, f"{weighed.resident / first:.2f} x")
    Console().print(table)


if __name__ == "__main__":
    main()
