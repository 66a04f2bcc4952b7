"""How a command ends when it cannot do what it was asked: a line for the user, and an exit code."""

from __future__ import annotations

from pathlib import Path

from dataflows.runtime.failure import PASSING


class MisuseError(Exception):
    """Unusable arguments or configuration. Exit code 2.

    Each of `problems` says in one line what to mend; all that are known are told at once.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class RunError(Exception):
    """Failed while running; the message is one line. Exit code 1."""


def refused(error: OSError, what: Path | str | None = None, *, name: str = "") -> MisuseError | RunError:
    """What to raise where the system refuses a file, folder or address.

    `what`: the file or address, if the error does not know it; `name`: the option or setting that it was given by.
    """
    message = f"{named(name, error.filename or what or '')}: {describe(error)}"
    return RunError(message) if error.errno in PASSING else MisuseError(message)


def named(name: str, what: object) -> str:
    """A value with the option (`--out x`) or setting (`state.dir: x`) that it was given by."""
    return f"{name}{' ' if name.startswith('-') else ': '}{what}" if name else str(what)


def ending(error: Exception) -> MisuseError | RunError:
    """What to raise for an error whose message is a line for the user already, by what the system refused beneath it."""
    cause = error.__cause__
    passing = isinstance(cause, OSError) and cause.errno in PASSING
    return RunError(str(error)) if passing else MisuseError(str(error))


def describe(error: OSError) -> str:
    """What the system says, as the end of a sentence."""
    return (error.strerror or str(error) or type(error).__name__).lower()
