"""Draws from a strategy outside of a test: so many examples, the same ones for the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Drawn = TypeVar("Drawn")
EVERY = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example)
ROUND = 1_000
"""Examples that one search is asked for: it remembers all of them, and slows down."""


def drawn(strategy: SearchStrategy[Drawn], count: int, first: int = 0) -> list[Drawn]:
    """`count` examples; `first` is the seed."""
    found: list[Drawn] = []
    for start in range(0, count, ROUND):
        few = min(ROUND, count - start)
        of_round = _round(strategy, few, first + start)
        if len(of_round) < few:
            raise RuntimeError(f"only {len(of_round)} of {few} examples could be drawn")
        found += of_round[:few]
    return found


def _round(strategy: SearchStrategy[Drawn], count: int, first: int) -> list[Drawn]:
    found: list[Drawn] = []

    @seed(first)
    @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=[*EVERY])
    @given(strategy)
    def collect(example: Drawn) -> None:
        found.append(example)

    collect()
    return found
