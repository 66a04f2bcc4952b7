"""Collected by `poe bench` only; asserts nothing about time."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import (
    report,
    report_adapters,
    report_eight,
    report_gateway,
    report_growth,
    report_live,
    report_renewal,
    report_start,
    report_store,
    report_weight,
)


@pytest.mark.bench
def test_the_table_can_be_made() -> None:
    """Prints what `python -m tests.bench` prints."""
    report(orders=5_000, opened=(10_000, 100_000, 1_000_000))


@pytest.mark.bench
def test_the_tables_of_the_live_engine_can_be_made() -> None:
    """Prints what `python -m tests.bench scale` prints."""
    report_live(opened=1_000_000, seconds=40, orders=5_000, rate=200)


@pytest.mark.bench
def test_the_table_of_the_adapters_can_be_made() -> None:
    """Prints what `python -m tests.bench adapters` prints."""
    report_adapters()


@pytest.mark.bench
def test_the_table_of_the_gateway_can_be_made() -> None:
    """Prints what `python -m tests.bench gateway` prints."""
    report_gateway(requests=20_000)


@pytest.mark.bench
def test_the_table_of_the_start_can_be_made() -> None:
    """Prints what `python -m tests.bench start` prints."""
    report_start()


@pytest.mark.bench
def test_the_table_of_growth_can_be_made() -> None:
    """Prints what `python -m tests.bench growth` prints, for small sizes."""
    report_growth(sizes=(500, 1_000), limit=30)


@pytest.mark.bench
def test_the_table_of_the_eight_rule_job_can_be_made() -> None:
    """Prints what `python -m tests.bench eight` prints, for fewer events."""
    report_eight(events=100_000, runs=3)


@pytest.mark.bench
def test_the_table_of_weights_can_be_made() -> None:
    """Prints what `python -m tests.bench weight` prints."""
    report_weight()


@pytest.mark.bench
def test_the_table_of_an_activated_policy_can_be_made() -> None:
    """Prints what `python -m tests.bench renewal` prints."""
    report_renewal(opened=50_000)


@pytest.mark.bench
def test_the_table_of_the_store_can_be_made() -> None:
    """Prints what `python -m tests.bench store` prints, for fewer exceptions, on SQLite."""
    report_store(exceptions=20_000, opened=400, kinds=("sqlite",))
