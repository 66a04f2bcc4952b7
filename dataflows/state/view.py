"""Looking into a shard's store from outside, without locks, while its engine may be writing to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflows.state.errors import StateError
from dataflows.state.segments import last_commit, load, segments

if TYPE_CHECKING:
    from pathlib import Path

    from dataflows.state.segments import Commit

TRIES = 8
"""How often a store is read again that was written afresh meanwhile; each time takes a commit or two of its engine."""


def newest(directory: Path) -> Commit | None:
    """The last whole commit of the newest incarnation; None if nothing was ever committed. At most one epoch ahead of what is durable."""
    for name in reversed(segments(directory)):
        commit = last_commit(directory / name.file)
        if commit is not None:
            return commit
    return None


def look(directory: Path) -> tuple[Commit, dict[bytes, bytes]] | None:
    """A shard's rows as of its newest commit; None if it has none. Raises StateError if they cannot be read."""
    for tries_left in reversed(range(TRIES)):
        try:
            commit = newest(directory)
            return None if commit is None else (commit, load(directory, commit))
        except FileNotFoundError as error:
            if not tries_left:
                raise StateError(f"{error.filename} went away while it was read") from error
        except StateError:
            if not tries_left:
                raise
    raise AssertionError
