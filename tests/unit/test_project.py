"""The project itself: its packages are ours, its command works, its lock file is portable."""

from __future__ import annotations

import gc
import importlib
import re
import tomllib
from functools import cache
from importlib.metadata import entry_points, metadata, requires
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from tests.support.hours import ONCE, at_another_hour, runs
from tests.support.lanes import parts

ROOT = Path(__file__).parents[2]
PACKAGES = ("dataflows", "schemas", "sinks", "sources")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_resolves_inside_this_repository(package: str) -> None:
    """PyPI has foreign packages called `dataflows` and `schemas`; none of them may stand before ours."""
    file = importlib.import_module(package).__file__
    assert file is not None
    assert Path(file).is_relative_to(ROOT / package)


def test_each_package_is_typed_and_packed() -> None:
    """Type checkers of consumers see our annotations, and the wheel holds every package."""
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PACKAGES)
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").is_file()


def test_no_package_shadows_the_docker_sdk() -> None:
    """`docker/` holds files for Docker, no Python: an `__init__.py` there would hide the SDK that tests use."""
    assert not (ROOT / "docker" / "__init__.py").exists()


def test_the_project_cannot_be_uploaded_by_mistake() -> None:
    """Every index refuses a distribution with this classifier."""
    assert "Private :: Do Not Upload" in (metadata("orderwatch").get_all("Classifier") or [])


def test_the_command_is_called_orderwatch() -> None:
    """The console script's target is pinned: service files and images call it."""
    (script,) = entry_points(group="console_scripts", name="orderwatch")
    assert script.value == "dataflows.cli.main:main"


def test_bytewax_is_pinned_exactly() -> None:
    """State and behaviour were measured on this version; another one is a decision, not an upgrade by chance."""
    assert "bytewax==0.21.1" in (requires("orderwatch") or [])


def test_no_memo_of_what_is_told_fills_for_months() -> None:
    """One that does looks like a leak and answers little more than a small one. Those without a bound are of the program's own words."""
    importlib.import_module("dataflows.detect.live")
    wrapper: type = type(cache(lambda: None))
    found: list[Any] = [each for each in gc.get_objects() if type(each) is wrapper]
    memos = [each for each in found if each.__module__.startswith(PACKAGES)]
    assert len(memos) > 20
    assert [each for each in memos if (each.cache_info().maxsize or 0) > 16_384] == []


def test_the_lock_file_names_public_hosts_only() -> None:
    """A lock made behind a mirror would not install anywhere else."""
    hosts = set(re.findall(r'"https?://([^/"]+)', (ROOT / "uv.lock").read_text(encoding="utf-8")))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_continuous_integration_runs_the_check_task() -> None:
    """What people run and what decides over a change is one command."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "poe check" in script
    tasks = PROJECT["tool"]["poe"]["tasks"]
    assert set(tasks["check"]["sequence"]) >= {"lint", "imports", "docs-check", "test-and-types"}
    assert tasks["test-and-types"]["cmd"] == "python -m tests.support.lanes --check"
    modules = {module for part in parts(check=True) for module in part.command[2:3]}
    assert modules >= {"pytest", "tests.support.hours", *(each["cmd"] for each in tasks["types"]["parallel"])}


def test_every_test_is_in_one_part() -> None:
    """What runs three at a time is what `pytest` runs by itself."""
    folders = ("unit", "property", "oracle", "stories", "contracts", "e2e", "fault")
    files = sorted(path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / "tests" / folder).rglob("test_*.py"))
    shares = [[arg for arg in part.command[3:] if arg.startswith("tests/")] for part in parts(check=False)]
    left_out = [[arg.removeprefix("--ignore=") for arg in part.command[3:] if arg.startswith("--ignore=")] for part in parts(check=False)]
    for file in files:
        having = [n for n, share in enumerate(shares) if any(Path(file).is_relative_to(each) for each in share) and file not in left_out[n]]
        assert len(having) == 1, f"{file}: {having}"


class Listed(NamedTuple):
    """What the choice between hours looks at in a test."""

    path: Path
    fixturenames: tuple[str, ...]
    config: pytest.Config


@pytest.mark.parametrize("fixtures", [("tmp_path",), ("tmp_path", "broker")])
@pytest.mark.parametrize("file", ["unit/cli/test_top.py", "unit/cli/test_start.py", "unit/core/test_feeds.py", "e2e/test_replay.py"])
def test_what_runs_at_another_hour_is_left_out_of_this_one(file: str, fixtures: tuple[str, ...], pytestconfig: pytest.Config) -> None:
    """`poe check` runs each test once: what needs a broker, and whatever reads no clock, at this hour."""
    item = cast("pytest.Item", Listed(ROOT / "tests" / file, fixtures, pytestconfig))
    listed = [argument for half in ONCE for argument in half]
    there = any(f"tests/{file}/".startswith(f"{each}/") for each in listed) and f"--ignore=tests/{file}" not in listed
    assert there is (file in ("unit/cli/test_top.py", "e2e/test_replay.py"))
    assert at_another_hour(item) is there
    assert runs(item, rest=False) is (fixtures == ("tmp_path",))
    assert runs(item, rest=True) is (not there or fixtures != ("tmp_path",))
