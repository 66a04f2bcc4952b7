"""Where what lies in the data directory of an embedded installation."""

from __future__ import annotations

from pathlib import Path


def input_folder(data: Path) -> Path:
    """The input log: events and decisions."""
    return data / "log"


def output_folder(data: Path) -> Path:
    """What the engine says: a numbered log for each kind."""
    return data / "out"


def socket_file(data: Path) -> Path:
    """The socket by which programs of this host write decisions: for this user only."""
    return data / "socket"


def secrets_file(data: Path) -> Path:
    """The secrets that those programs prove themselves with, by role: for this user only."""
    return data / "secrets.json"
