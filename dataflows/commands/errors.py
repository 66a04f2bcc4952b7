"""How a command ends when it cannot do what it was asked: one line for the user, and an exit code."""

from __future__ import annotations


class MisuseError(Exception):
    """Unusable arguments or configuration. Exit code 2.

    Each of `problems` says in one line what to mend; all that are known are told at once.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class RunError(Exception):
    """Failed while running; the message is one line. Exit code 1."""
