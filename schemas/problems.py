"""What is wrong with a file that a person wrote: where, what, what was probably meant. Policies and mappings are refused in one style."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic_core import ErrorDetails, PydanticCustomError

from schemas.places import zone_names
from schemas.tree import Fault, Tree
from schemas.tree import Path as At

MOST_NAMED: Final = 16
"""Most keys that are named where an unknown one stands."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file. Lines and columns count from 1; line 0: with the file as a whole, which cannot be read.

    `suggestion` is the nearest valid name, if one is near. A `warning` is no mistake: the file can be used.
    """

    file: str
    line: int
    column: int
    field: str
    message: str
    suggestion: str | None = None
    warning: bool = False

    def __str__(self) -> str:
        """`file:line:column: field: message (did you mean "x"?)`."""
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        place = ": ".join(part for part in (where, "warning" if self.warning else "", self.field, self.message) if part)
        return f'{place} (did you mean "{self.suggestion}"?)' if self.suggestion else place


class UnreadableError(ValueError):
    """A file cannot be read as text; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def text_of(path: Path) -> str:
    """The text of a file, as far as a file of this kind may go. Raises UnreadableError if it cannot be read or is not UTF-8."""
    try:
        # More than `schemas.tree` allows is enough to know that a file is too large.
        with path.open("rb") as file:
            return file.read(1_048_576).decode()
    except OSError as error:
        raise UnreadableError(Problem(str(path), 0, 0, "", f"cannot be read: {(error.strerror or str(error)).lower()}")) from error
    except UnicodeDecodeError as error:
        raise UnreadableError(Problem(str(path), 0, 0, "", f"is not UTF-8: {error.reason} at byte {error.start}")) from error


MISTAKE: Final = "mistake"
"""The type of pydantic errors that say themselves what is wrong (`message`) and what was probably meant (`suggestion`)."""


def mistake(message: str, suggestion: str | None = None) -> PydanticCustomError:
    """What a validator raises."""
    return PydanticCustomError(MISTAKE, "{message}", {"message": message, "suggestion": suggestion})


def fault_of(tree: Tree, detail: ErrorDetails, keys_at: Callable[[At], Collection[str]]) -> Fault:
    """A validation error as a fault at its place; `keys_at` gives the keys that a mapping at a place may have."""
    path: At = detail["loc"]
    key = bool(path) and path[-1] == "[key]"
    if key:
        path = path[:-1]
    context: dict[str, object] = detail.get("ctx", {})
    match detail["type"]:
        case "mistake":
            suggestion = context.get("suggestion")
            return tree.fault(path, str(context["message"]), None if suggestion is None else str(suggestion), key=key)
        case "extra_forbidden":
            allowed = keys_at(path[:-1])
            hint = f"; known here: {', '.join(allowed)}" if len(allowed) <= MOST_NAMED else ""
            return tree.fault(path, f"unknown key{hint}", nearest(str(path[-1]), allowed), key=True)
        case "missing":
            return tree.fault(path, f"`{path[-1]}` is required here")
        case "model_type" | "dict_type" | "model_attributes_type":
            return tree.fault(path, "a mapping (key: value) is expected here")
        case "tuple_type" | "list_type":
            return tree.fault(path, "a list is expected here")
        case _:
            return tree.fault(path, detail["msg"])


def problems_of(file: str, faults: Iterable[Fault]) -> tuple[Problem, ...]:
    """The faults of a file as problems, in the order of their places."""
    found = (
        Problem(file, fault.line, fault.column, field_name(fault.path), fault.message, fault.suggestion, fault.warning) for fault in faults
    )
    return tuple(sorted(found, key=lambda problem: (problem.line, problem.column, problem.field, problem.message)))


def field_name(path: At) -> str:
    """A path as people write it: `overrides[0].when.country`."""
    said = ""
    for part in path:
        said += f"[{part}]" if isinstance(part, int) else f".{part}" if said else part
    return said


def nearest(text: str, allowed: Collection[str]) -> str | None:
    """The allowed name that `text` most probably means; None if none is close: a wrong guess is worse than none.

    Close is what differs by at most two fifths of its letters (added, left out, changed, or two of them swapped), the first not among them
    unless it is the only one; and what ends in `text` after a dot, if only one does.
    """
    by_fold = {name.casefold(): name for name in sorted(allowed)}
    meant = text.casefold()
    ending = [name for name in by_fold if name.endswith(f".{meant}")]
    if ending:
        return by_fold[ending[0]] if len(ending) == 1 else None
    similar = difflib.get_close_matches(meant, by_fold, n=8, cutoff=0.6)
    differing, near = min(((_distance(meant, name), name) for name in similar), default=(0, ""))
    close = near and 5 * differing <= 2 * max(len(meant), len(near)) and (differing < 2 or meant[0] == near[0])
    return by_fold[near] if close else None


def unknown_zone(name: str) -> tuple[str, str | None]:
    """What to say of a name that is no time zone, and which one was probably meant."""
    by_city = {full.rpartition("/")[2]: full for full in sorted(zone_names())}
    city = nearest(name.rpartition("/")[2], by_city)
    message = f"unknown time zone {name!r}; a name of the IANA database such as Europe/Berlin is expected"
    return message, nearest(name, zone_names()) or (by_city[city] if city else None)


def _distance(one: str, other: str) -> int:
    """How many letters are added, left out, changed or swapped with their neighbour (optimal string alignment)."""
    before, last = [0] * len(other), list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, against in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
