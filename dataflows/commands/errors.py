"""How a command ends when it cannot do what it was asked: a line for the user, and an exit code."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.ESTALE, errno.EPIPE})
"""What the system refuses for want of something that may come back, such as space. All else (a path that is not there, a folder where a file
is meant, a permission, an address in use) stays as it is until somebody mends it, however often the command is started again."""


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
    parts = (name, str(error.filename or what or ""), words(error))
    message = ": ".join(part for part in parts if part)
    return RunError(message) if error.errno in PASSING else MisuseError(message)


def words(error: OSError) -> str:
    """What the system says, as the end of a sentence."""
    return (error.strerror or str(error) or type(error).__name__).lower()
