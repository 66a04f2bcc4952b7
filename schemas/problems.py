"""What is wrong with a file that a person wrote: where, what, what was probably meant. Policies and mappings are refused in one style."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from schemas.tree import Fault, Path


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file. Lines and columns count from 1; `suggestion` is the nearest valid name, if one is near."""

    file: str
    line: int
    column: int
    field: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        """`file:line:column: field: message (did you mean "x"?)`."""
        place = ": ".join(part for part in (f"{self.file}:{self.line}:{self.column}", self.field, self.message) if part)
        return f'{place} (did you mean "{self.suggestion}"?)' if self.suggestion else place


def problems_of(file: str, faults: Iterable[Fault]) -> tuple[Problem, ...]:
    """The faults of a file as problems, in the order of their places."""
    found = (Problem(file, fault.line, fault.column, field_name(fault.path), fault.message, fault.suggestion) for fault in faults)
    return tuple(sorted(found, key=lambda problem: (problem.line, problem.column, problem.field, problem.message)))


def field_name(path: Path) -> str:
    """A path as people write it: `overrides[0].when.country`."""
    said = ""
    for part in path:
        said += f"[{part}]" if isinstance(part, int) else f".{part}" if said else part
    return said


def nearest(text: str, allowed: Collection[str]) -> str | None:
    """The allowed name that `text` most probably means; None if none is close."""
    by_fold = {name.casefold(): name for name in sorted(allowed)}
    close = difflib.get_close_matches(text.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else None
