"""The figures of the architecture stay within their limits; `poe figures` prints all of them."""

from __future__ import annotations

import pytest

from tests.support.architecture import ROOT, Figures, Limits, figures

LIMITS = Limits()


@pytest.fixture(scope="module")
def found() -> Figures:
    """The figures of this tree."""
    return figures()


def test_no_module_imports_itself_round_about(found: Figures) -> None:
    """Not one circle, of whatever length."""
    assert [sorted(circle) for circle in found.circles] == []


def test_functions_are_simple(found: Figures) -> None:
    """By McCabe's count: mean, 95th percentile and maximum."""
    assert found.ruff.mean <= LIMITS.mean
    assert found.ruff.p95 <= LIMITS.p95
    assert found.ruff.most.complexity <= LIMITS.most, found.ruff.most.place


def test_every_file_and_every_function_is_counted(found: Figures) -> None:
    """A tool that skipped what it cannot read would make the figures too good."""
    paths = {path for _, path in found.files}
    counted = {one.place.split()[0] for one in found.ruff.functions}
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "dataflows").rglob("*.py")} <= paths
    assert counted <= paths
    assert counted == {one.place.split()[0] for one in found.radon.functions}
    assert abs(len(found.ruff.functions) - len(found.radon.functions)) <= 0.01 * len(found.ruff.functions)
