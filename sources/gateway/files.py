"""Files and folders of the gateway: for its user and group, closed to all others, whatever the umask of the process.

What the gateway keeps holds customer data, and what it makes must have the same rights under systemd, in a container and in a shell.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

FILE: Final = 0o640
FOLDER: Final = 0o750


def make_folder(path: Path) -> None:
    """Makes a folder and those above it that are missing. One that is there already keeps its rights: it is its owner's. Raises OSError."""
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for folder in reversed(missing):
        try:
            folder.mkdir()
        except FileExistsError:
            if not folder.is_dir():
                raise NotADirectoryError(20, "Not a directory", str(folder)) from None
        else:
            folder.chmod(FOLDER)


def open_file(path: Path, flags: int) -> int:
    """Opens a file, made where it is missing, and returns its handle; one that an older version made gets its rights. Raises OSError."""
    handle = os.open(path, flags | os.O_CREAT, FILE)
    close_to_others(handle)
    return handle


def close_to_others(handle: int) -> None:
    """Gives an open file the rights of the gateway's files. One that belongs to somebody else stays as it is: only they may change it."""
    stat = os.fstat(handle)
    if stat.st_mode & 0o777 != FILE and stat.st_uid == os.geteuid():
        os.fchmod(handle, FILE)
