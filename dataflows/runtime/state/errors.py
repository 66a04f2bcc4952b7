"""How the state says that it cannot be used."""

from __future__ import annotations

from dataflows.runtime.failure import PASSING

REMEDY = "restore the state directory from a backup, or begin anew with another state.dir and --new-state (dataflows/STATE.md)"


class StateError(Exception):
    """The state directory cannot be used as it is, or no longer; the message is one line that names the file or the reason."""


class DamagedStateError(StateError):
    """What is stored is not what was written: no restart mends that, so the message says what does."""

    def __init__(self, text: str, remedy: str = REMEDY) -> None:
        super().__init__(f"{text}; {remedy}")


class FailingVolumeError(StateError):
    """The volume takes or gives nothing for now: it is full, or its device fails. A restart goes on once that is mended."""


def of_system(error: OSError, path: object) -> StateError:
    """An error of the operating system over a path, by whether it may pass."""
    kind = FailingVolumeError if error.errno in PASSING else StateError
    return kind(f"{error.filename or path}: {(error.strerror or str(error)).lower()}")
