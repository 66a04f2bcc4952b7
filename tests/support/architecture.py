"""`python -m tests.support.architecture` (`poe figures`): the architecture in figures, by public tools.

grimp finds circles of imports. Cyclomatic complexity is counted twice: by ruff (McCabe, as C901) and by radon, which counts each `and`,
`or` and comprehension besides. Lines are lines of files.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import grimp
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
PACKAGES = ("dataflows", "schemas", "sinks", "sources")
LAST_RELEASE = 49_886
"""Product lines of the release before rules became data."""


class Limits(NamedTuple):
    """What the figures may be at most, the last at least."""

    circles: int = 0
    mean: float = 3.0
    p95: int = 8
    most: int = 20
    file: int = 350
    product: int = LAST_RELEASE - 3_000
    tests: float = 0.8


class Function(NamedTuple):
    """A function and its complexity."""

    complexity: int
    place: str


@dataclass(frozen=True)
class Complexity:
    """The complexity of all functions of the product, by one tool."""

    functions: tuple[Function, ...]

    @property
    def mean(self) -> float:
        """Per function."""
        return statistics.mean(one.complexity for one in self.functions)

    @property
    def p95(self) -> int:
        """What 95 of 100 functions do not exceed."""
        return self.functions[int(len(self.functions) * 0.95)].complexity

    @property
    def most(self) -> Function:
        """The most complex one."""
        return self.functions[-1]


@dataclass(frozen=True)
class Figures:
    """What the tree is like."""

    modules: int
    circles: tuple[frozenset[str], ...]
    ruff: Complexity
    radon: Complexity
    files: tuple[tuple[int, str], ...]
    """Lines and path of each product file, the longest first."""
    tests: int

    @property
    def product(self) -> int:
        """Lines of the product."""
        return sum(lines for lines, _ in self.files)


def figures(root: Path = ROOT) -> Figures:
    """Counts."""
    names, circles = _circles()
    files = sorted(((_lines(path), str(path.relative_to(root))) for name in PACKAGES for path in (root / name).rglob("*.py")), reverse=True)
    tests = sum(_lines(path) for path in (root / "tests").rglob("*.py"))
    return Figures(names, circles, Complexity(_ruff(root)), Complexity(_radon(root)), tuple(files), tests)


def _lines(path: Path) -> int:
    return len(path.read_bytes().splitlines())


def _circles() -> tuple[int, tuple[frozenset[str], ...]]:
    """How many modules there are, and those that import each other round about, circle by circle."""
    graph = grimp.build_graph(*PACKAGES)
    above = {module: graph.find_upstream_modules(module) for module in graph.modules}
    circles = {frozenset({module, *(other for other in found if module in above[other])}) for module, found in above.items()}
    return len(above), tuple(sorted((circle for circle in circles if len(circle) > 1), key=len))


def _ruff(root: Path) -> tuple[Function, ...]:
    """By ruff: with a limit of none it complains of every function, and says how complex it is."""
    limits = ("--isolated", "--ignore-noqa", "--select", "C901", "--config", "lint.mccabe.max-complexity=0")
    found = _output(root, "ruff", "check", *limits, "--exit-zero", "--output-format", "json", *PACKAGES)
    complaints = cast("list[dict[str, str]]", json.loads(found))
    matches = [(re.search(r"`(.*)` is too complex \((\d+) >", one["message"]), one["filename"]) for one in complaints]
    return tuple(sorted(Function(int(match[2]), f"{Path(file).relative_to(root)} {match[1]}") for match, file in matches if match))


def _radon(root: Path) -> tuple[Function, ...]:
    by_file = cast("dict[str, list[dict[str, object]]]", json.loads(_output(root, "radon", "cc", "--json", *PACKAGES)))
    return tuple(sorted(function for file, blocks in by_file.items() for function in _functions(file, blocks)))


def _functions(file: str, blocks: Sequence[dict[str, object]]) -> Iterator[Function]:
    """Functions, methods and what they define inside; classes are no functions."""
    for block in blocks:
        if block["type"] in ("function", "method"):
            yield Function(cast("int", block["complexity"]), f"{file} {block['name']}")
            yield from _functions(file, cast("list[dict[str, object]]", block.get("closures", [])))


def _output(root: Path, *command: str) -> str:
    return subprocess.run([sys.executable, "-m", *command], cwd=root, capture_output=True, text=True, check=True).stdout


def report(found: Figures, limits: Limits) -> Table:
    """The figures beside their limits."""
    table = Table(box=None, pad_edge=False)
    for title in ("what", "figure", "limit", ""):
        table.add_column(title, justify="right" if title in ("figure", "limit") else "left")
    circles = " ".join(sorted(found.circles[-1])[:3]) if found.circles else f"{found.modules} modules"
    table.add_row("circles of imports", str(len(found.circles)), str(limits.circles), circles)
    for tool, complexity in (("ruff", found.ruff), ("radon", found.radon)):
        table.add_row(f"complexity by {tool}, mean", f"{complexity.mean:.2f}", f"{limits.mean}", f"{len(complexity.functions):,} functions")
        table.add_row(f"complexity by {tool}, p95", str(complexity.p95), str(limits.p95), "")
        over = sum(one.complexity > limits.most for one in complexity.functions)
        table.add_row(
            f"complexity by {tool}, most", str(complexity.most.complexity), str(limits.most), f"{over} over: {complexity.most.place}"
        )
    long = sum(lines > limits.file for lines, _ in found.files)
    table.add_row("lines of the longest file", str(found.files[0][0]), str(limits.file), f"{long} over: {found.files[0][1]}")
    table.add_row("product lines", f"{found.product:,}", f"{limits.product:,}", f"{len(found.files)} files; last release {LAST_RELEASE:,}")
    table.add_row("test lines to product lines", f"{found.tests / found.product:.2f}", f"{limits.tests}", f"{found.tests:,} lines")
    return table


def main() -> None:
    """Prints the figures, and the functions and files that are over."""
    found, limits, console = figures(), Limits(), Console(width=160, highlight=False)
    console.print(report(found, limits))
    for tool, complexity in (("ruff", found.ruff), ("radon", found.radon)):
        for one in reversed([one for one in complexity.functions if one.complexity > limits.most]):
            console.print(f"{tool} {one.complexity}: {one.place}", markup=False)
    for lines, path in (one for one in found.files if one[0] > limits.file):
        console.print(f"{lines} lines: {path}")


if __name__ == "__main__":
    main()
