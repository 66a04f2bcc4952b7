"""Keeps what our code raises while Bytewax runs it: with several processes the engine loses it, and says `Send thread panic` instead."""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

DEBUG = "ORDERWATCH_DEBUG"
"""Environment variable: if set, nothing of what is printed when something fails is held back."""
PASSING = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EINTR, errno.ESTALE)
)
"""What the system refuses for want of something that may come back, such as space. All else (a path that is not there, a folder where a
file is meant, a permission, an address in use) stays as it is until somebody mends it, however often a command is started again."""
P = ParamSpec("P")
R = TypeVar("R")


class RunFailure:
    """The first exception that left a `noted` function since the run of this process began; a process runs one graph at a time."""

    def __init__(self) -> None:
        self.first: Exception | None = None

    def note(self, error: Exception) -> None:
        """Keeps an exception, if it is the first."""
        if self.first is None:
            self.first = error

    def forget(self) -> None:
        """A run begins."""
        self.first = None


FAILURE = RunFailure()


@contextmanager
def only_noted() -> Generator[None]:
    """While inside, what is raised is kept and not raised: a part that is closed because another failed must not fail as well.

    The engine would be aborted (SIGABRT) by that, without a word of what had gone wrong first.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - it is raised at the end of the run
        FAILURE.note(error)


def noted(function: Callable[P, R]) -> Callable[P, R]:
    """Marks a function that Bytewax calls: what it raises is kept, then raised as ever. StopIteration only ends a source."""

    @wraps(function)
    def noting(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except StopIteration:
            raise
        except Exception as error:
            FAILURE.note(error)
            raise

    return noting
