"""What programs outside suggest about an exception: its class, its owner, a draft. It is shown to people, and makes nothing looser.

A suggestion changes neither how an exception stands nor who has it: it is kept beside it, with its model and how sure that is, and as long
as there is one a person decides about what would else be done at once.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from schemas.events import SuggestionMade

SUGGESTED: Final = "suggestion.made"
KEPT: Final = 8
"""So many are kept of an exception: the newest of each model and kind, of these the newest."""
TAKEN: Final = 64
"""So many are taken of an exception in all: a program that never stops costs an order no more."""


class Suggestion(Struct, array_like=True, frozen=True):
    """One suggestion; `at` is the log time at which it was made. It is stored as it is: a new field comes last."""

    kind: str
    value: str
    confidence: float | None
    model: str
    by: str | None
    at: int


class Suggestions(Struct, array_like=True, frozen=True):
    """Those of one exception, the newest last, and how many were taken in all."""

    kept: tuple[Suggestion, ...] = ()
    taken: int = 0


NONE: Final = Suggestions()


def refused_suggestion(known: Suggestions, status: str, data: SuggestionMade) -> tuple[str, str] | None:
    """Why a suggestion about an exception of some status is not taken, as reason and detail; None if it is."""
    if status not in ("open", "suppressed"):
        return "exception_over", f"the exception is {status}: nothing can be suggested about it any more"
    missing = [name for name in ("kind", "value", "model") if not getattr(data, name)]
    if missing:
        return "bad_suggestion", f"missing: {', '.join(missing)}"
    if any(mark.isspace() for mark in f"{data.kind}{data.value}"):
        return "bad_suggestion", "kind and value are words, such as a class, a team or the reference of a draft: texts stay in the store"
    if known.taken >= TAKEN:
        return "too_many_suggestions", f"{TAKEN} suggestions about this exception were taken before"
    return None


def suggested(known: Suggestions, data: SuggestionMade, now: int) -> Suggestions:
    """Those known with one that is not refused: in place of what that model suggested of that kind before."""
    new = Suggestion(data.kind or "", data.value or "", data.confidence, data.model or "", data.by, now)
    others = [one for one in known.kept if (one.model, one.kind) != (new.model, new.kind)]
    return Suggestions((*others[1 - KEPT :], new), known.taken + 1)
