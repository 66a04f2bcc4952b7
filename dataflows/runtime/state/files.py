"""Files that are there whole or not at all, and locks that die with their process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

LOCK_POLL_S = 0.02
"""How often a lock that somebody else holds is asked for again."""
FILE_MODE, DIRECTORY_MODE = 0o640, 0o750
"""What is kept is for its user and group alone."""


def sync_directory(path: Path) -> None:
    """Makes durable which files a directory holds."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def keep_private() -> None:
    """From here on this process makes files that only its user and group may read, and directories likewise, whoever makes them.

    State holds addresses and customer IDs; Bytewax's files have no mode that could be chosen.
    """
    os.umask(os.umask(0) | 0o027)


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replaces a file: whoever reads it, even after a crash, sees the old content or the new, never a part.

    Raises OSError that names the file.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(draft, "wb", opener=private) as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    if durable:
        sync_directory(path.parent)


def private(path: str | os.PathLike[str], flags: int) -> int:
    """Opens a file; one that is made so is for its user and group alone."""
    return os.open(path, flags, FILE_MODE)


def lock(path: Path, wait: float) -> int | None:
    """Takes an exclusive lock; returns the handle that holds it until it is closed, or None if it was not free within `wait` seconds.

    The kernel releases the lock when the process ends, however it ends.
    """
    handle = private(path, os.O_RDWR | os.O_CREAT)
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(handle)
                return None
            time.sleep(LOCK_POLL_S)


def is_locked(path: Path) -> bool:
    """Whether somebody holds an exclusive lock on an existing file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Holds an exclusive lock meanwhile; waits for as long as it takes, so keep what it guards short."""
    handle = private(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
