"""Fixtures for all tests: a Kafka to talk to, from the ladder in `tests/support/brokers.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.support.brokers import Broker, Climb, Unavailable, climb
from tests.support.postgres import PostgresServer, why_not
from tests.support.postgres import server as postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLIMB = pytest.StashKey[Climb]()
# Nothing that a machine's load decides: no example has a deadline, and none is too slow to be drawn.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def broker(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """The best Kafka that this machine has, shared by all tests of the run; never kill it."""
    climbed = climb()
    pytestconfig.stash[_CLIMB] = climbed
    yield climbed.broker
    climbed.broker.stop()


@pytest.fixture(scope="session")
def real_broker(broker: Broker) -> Broker:
    """`broker`, for tests of what only Apache Kafka does: transactions, fencing, lag, the end of a partition."""
    if not broker.real:
        pytest.skip(f"needs a real Kafka; this is {broker.rung}")
    return broker


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """A real Kafka for one test alone, which may kill it and bring it back."""
    try:
        climbed = climb(own=True)
    except Unavailable as none:
        pytest.skip(f"needs a Kafka that may be killed: {none}")
    if not climbed.broker.killable:
        climbed.broker.stop()
        pytest.skip(f"needs a Kafka that may be killed; this is {climbed}")
    yield climbed.broker
    climbed.broker.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL, shared by all tests of the run: each takes a database of its own (`database()`)."""
    if why := why_not():
        pytest.skip(why)
    with postgres_server() as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says which Kafka the tests ran on, so that a run on a lesser rung is not taken for a full one."""
    if climbed := config.stash.get(_CLIMB, None):
        terminalreporter.write_line(f"Kafka: {climbed}")
