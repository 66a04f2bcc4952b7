"""How a command ends when it cannot do what it was asked: one line for the user, and an exit code."""

from __future__ import annotations


class MisuseError(Exception):
    """Unusable arguments or configuration; the message says in one line what to mend. Exit code 2."""


class RunError(Exception):
    """Failed while running; the message is one line. Exit code 1."""
