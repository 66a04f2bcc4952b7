"""A number of things, for people."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """`1 event`, `2,000 events`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
