"""Where decisions are written: the one log of them, of which the engine alone makes states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class UnwrittenError(Exception):
    """Decisions are not known to be in the log; writing them again, with the same IDs, does no harm. The message holds nothing of them."""


class RefusedDecisionError(UnwrittenError):
    """The log will never take one of the decisions as it is: to write the same again is of no use. The message says why.

    Which one it is, a writer need not know: whoever wrote several writes each alone. Some of the others may be in the log.
    """


class DecisionWriter(Protocol):
    """Writes decisions as events of the contract; `source`, `by` and `by_roles` have been set by the program, never by a client."""

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Returns once all are durable, in this order. Raises UnwrittenError; RefusedDecisionError where that will not change."""
        ...

    def close(self) -> None:
        """Brings to an end what is under way."""
        ...
