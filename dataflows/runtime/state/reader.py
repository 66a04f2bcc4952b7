"""Looking into a shard's store from outside, without locks, while its engine may be writing to it."""

from __future__ import annotations

from pathlib import Path

from dataflows.runtime.state.errors import StateError
from dataflows.runtime.state.segments import Commit, last_commit, load, segments


def newest(directory: Path) -> Commit | None:
    """The last whole commit of the newest incarnation; None if nothing was ever committed. At most one epoch ahead of what is durable.

    Raises StateError if the directory cannot be read.
    """
    while True:
        names = segments(directory)
        try:
            commits = (last_commit(directory / name.file) for name in reversed(names))
            return next((commit for commit in commits if commit is not None), None)
        except FileNotFoundError as error:
            # Dropped since it was listed, so there is a newer one; unless nothing has changed.
            if segments(directory) == names:
                raise StateError(f"{error.filename} is listed, but missing") from error


def look(directory: Path) -> tuple[Commit, dict[bytes, bytes]] | None:
    """A shard's rows as of its newest commit; None if it has none. Raises StateError if they cannot be read."""
    failed: Commit | None = None
    while True:
        commit = newest(directory)
        if commit is None:
            return None
        try:
            return commit, load(directory, commit)
        except StateError:
            # A segment that was written afresh and dropped meanwhile is no damage. It is if the store has stood still.
            if commit == failed:
                raise
            failed = commit
