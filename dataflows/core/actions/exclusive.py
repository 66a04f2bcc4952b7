"""At most one irreversible action per target of an order at a time."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.core.actions.model import ActionState

APART = ("customer", "task")
"""Targets that are no part of the order."""


def overlap(one: str, other: str) -> bool:
    """Whether two targets of one order are the same, or one is the whole order and the other a part of it."""
    return one == other or ("order" in (one, other) and one not in APART and other not in APART)


def excludes(one: ActionState, other: ActionState) -> bool:
    """Whether two irreversible actions of one order are about the same."""
    return one.id != other.id and not one.spec.reversible and not other.spec.reversible and overlap(one.target, other.target)


def rival_of(action: ActionState, others: Iterable[ActionState]) -> ActionState | None:
    """The irreversible action that is open for the same target of the order, the first by its ID; None if the way is free.

    `others`: those of the order. One in doubt is a rival of every action of its target: what it has done is not known.
    """
    found = [
        other
        for other in others
        if (excludes(action, other) and other.occupies)
        or (other.id != action.id and other.state == "in_doubt" and action.target != "task" and overlap(action.target, other.target))
    ]
    return min(found, key=lambda other: other.id, default=None)
