"""Policies of tests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dataflows.core.rules.load import load_policy

if TYPE_CHECKING:
    from dataflows.core.policy import Policy


def listed(*more: str) -> Policy:
    """The built-in policy with the milestones of a plain shop listed, and `more`: a single history teaches nothing."""
    return replace(load_policy(None), emits=frozenset({"placed", "captured", "shipped", "scans", *more}), learns=False)
