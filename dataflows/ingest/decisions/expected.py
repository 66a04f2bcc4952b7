"""Concurrent edits: who decides about what he read says which sequence he read, and is refused where it has moved on, with what changed.

The store knows the sequence; a decision that was accepted and that the engine has not read yet is known here. So of two who read the same
and decide at the same time one is refused, also where both ask in the same moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from dataflows.ingest.decisions.checks import NewDecision

UNDER_WAY_S: Final = 60.0
"""For so long a decision is taken to be under way, if the sequence does not move: the engine may have refused it."""
MOST: Final = 100_000


class StandingTarget(NamedTuple):
    """An exception or an action as the store knows it. `team`, `site`: of the exception that it is, or is for."""

    tenant: str
    order: str
    sequence: int
    team: str | None = None
    site: str | None = None


class CaseStoreReader(Protocol):
    """What is asked of the store here. Each raises StoreDownError where it does not answer."""

    def standing(self, targets: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], StandingTarget]:
        """Of each target (`exception_id` or `action_id`, and which) that is known: whose it is, and its sequence."""
        ...

    def changed(self, target: tuple[str, str], since: int) -> Sequence[Mapping[str, object]]:
        """What was said of a target after a sequence."""
        ...

    def refusals(self, ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
        """Of decisions that the engine has refused, by their IDs: why, as reason and detail."""
        ...

    def keep_notes(self, decisions: Sequence[NewDecision]) -> None:
        """Keeps the texts of notes; the same one again is no other."""
        ...


class StoreDownError(Exception):
    """The store does not answer; the message says why, without what was asked."""


class NoStoreError(StoreDownError):
    """There is no store that can be used where it is said to be: to come again is of no use before that is mended."""


class _Accepted(NamedTuple):
    id: str
    by: str
    sequence: int
    at: float


class DecisionsUnderWay:
    """Decisions that were accepted, by their target, until the sequence that they were made at has moved."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._latest: dict[tuple[str, str], _Accepted] = {}

    def rival(self, decision: NewDecision, sequence: int, by: str) -> tuple[str, str] | None:
        """Who else than `by` has decided about the same at the same sequence, not long ago; and the ID of that decision."""
        target = decision.target
        known = None if target is None else self._latest.get(target)
        if known is None or known.by == by or known.sequence != sequence or self._clock() - known.at > UNDER_WAY_S:
            return None
        return known.by, known.id

    def add(self, decision: NewDecision, sequence: int, by: str) -> None:
        """A decision is accepted."""
        if decision.target is not None:
            self._latest.pop(decision.target, None)
            self._latest[decision.target] = _Accepted(decision.id, by, sequence, self._clock())
            while len(self._latest) > MOST:
                del self._latest[next(iter(self._latest))]

    def drop(self, decision: NewDecision) -> None:
        """It was not written after all."""
        known = None if decision.target is None else self._latest.get(decision.target)
        if known is not None and known.id == decision.id:
            del self._latest[decision.target]  # type: ignore[arg-type]
