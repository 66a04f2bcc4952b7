"""The judge's table of defaults, written from the catalogue, against the engine's."""

from __future__ import annotations

from typing import Protocol

import pytest

from dataflows.core.policy import Dims
from dataflows.core.rules.load import load_policy
from schemas.learned import BY_CARRIER, BY_SITE, ENOUGH, SCANS, SHOWN_BY
from tests.oracle.judging.learned import AT_ONCE, OF_CARRIERS, OF_SITES, TOLD_BY
from tests.oracle.judging.learned import ENOUGH as ENOUGH_
from tests.oracle.judging.learned import SCANS as SCANS_
from tests.oracle.judging.reading import HOUR
from tests.oracle.judging.settings import DEFAULTS, Policy

PLAIN = load_policy(None)


class Length(Protocol):
    """A span of either side."""

    @property
    def n(self) -> int:
        """How many units."""
        ...

    @property
    def unit(self) -> str:
        """Which unit."""
        ...


def length(span: Length) -> tuple[int, str]:
    """A span in a form that both sides share: the judge counts business hours in microseconds."""
    return (span.n // HOUR if span.unit == "bh" and span.n >= HOUR else span.n, span.unit)


def test_the_engine_has_exactly_the_kinds_of_the_catalogue() -> None:
    """No kind is missing, and none is there that the catalogue does not define."""
    assert {setting.kind for setting in PLAIN.base} == set(DEFAULTS)


def test_both_learn_the_same() -> None:
    """Where a policy lists nothing both wait for four milestones from the start, and learn of the others what the same events show."""
    assert PLAIN.learns
    assert Policy().emits is None
    assert PLAIN.emits == AT_ONCE
    assert SHOWN_BY == TOLD_BY
    assert (SCANS, ENOUGH) == (SCANS_, ENOUGH_)
    assert set(OF_CARRIERS) == BY_CARRIER
    assert set(OF_SITES) == BY_SITE


@pytest.mark.parametrize("kind", sorted(DEFAULTS))
def test_the_engine_has_the_defaults_of_the_catalogue(kind: str) -> None:
    """Threshold, steps, severity and suppressors of the kind are those that the catalogue states."""
    mine, theirs = DEFAULTS[kind], PLAIN.setting(kind, Dims())
    if kind != "data.clock_skew":  # what the engine forgives a clock is no threshold of its policy
        assert length(theirs.threshold) == length(mine.threshold)
    assert theirs.severity == mine.severity
    assert set(theirs.suppressed_by) == set(mine.suppressed_by)
    assert {(length(step.at), step.severity) for step in theirs.steps} == {(length(step.at), step.severity) for step in mine.steps}
    assert (theirs.international and length(theirs.international)) == (mine.international and length(mine.international))
