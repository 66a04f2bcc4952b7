"""Reads what users type: instants, spans, policies."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.errors import MisuseError, ending, named
from schemas.instants import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dataflows.core.policy import Policy

SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="The settings, a YAML file; environment variables beat it.", dir_okay=False),
]
OtherBrokers = Annotated[str | None, typer.Option("--brokers", metavar="HOST:PORT,...", help="Brokers, instead of settings.")]
ClientConfig = Annotated[
    Path | None,
    typer.Option("--client-config", metavar="FILE", help="Options of librdkafka (TLS, SASL), one KEY=VALUE a line; # begins a comment."),
]
DecisionsTopic = Annotated[
    str | None,
    typer.Option("--topic", metavar="TOPIC", help="The topic of decisions; without it that of the settings, else order-decisions."),
]
DecisionsFile = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Append the event to this file, for `orderwatch replay --decisions`.")
]
EventTime = Annotated[str | None, typer.Option("--at", metavar="INSTANT", help="When, for the event of --out.", show_default="now")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier run has written there.")]
Until = Annotated[str | None, typer.Option(metavar="INSTANT", help="Let time pass up to here, inclusive; later records are left out.")]
OutOfOrder = Annotated[
    str | None, typer.Option(metavar="SPAN", help="How far behind its place a record may stand in its file.", show_default="1h")
]


def instant(option: str, text: str | None) -> int | None:
    """An RFC 3339 instant as µs since the epoch, UTC; None if it is not given."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise MisuseError(f"{option} {text}: not an instant; write it like 2026-04-24T14:02:00Z")
    return (at - EPOCH) // timedelta(microseconds=1)


def elapsed(option: str, text: str) -> int:
    """A span of elapsed time such as `90 s`, `15 m`, `1 h` or `2 d`, in µs."""
    from dataflows.core.clocks import span

    try:
        value = span(text)
    except ValueError:
        value = None
    if value is None or value.unit != "us" or value.n < 0:
        raise MisuseError(f"{option} {text}: not a span of time; write it like 90s, 15m, 1h or 2d")
    return value.n


def policy(path: Path | None) -> Policy:
    """Loads a policy; the built-in one if none is given."""
    from dataflows.core.policy.check import PolicyError
    from dataflows.core.rules.load import load_policy

    try:
        return load_policy(path, tell=lambda problem: typer.echo(str(problem), err=True))
    except PolicyError as error:
        raise MisuseError(*map(str, error.problems)) from error


DEFAULTS = "defaults"
"""Names the built-in policy, where a policy must be named."""


def named_policy(name: str) -> Policy:
    """Loads the policy of a file, the one that holds in a state directory, or the built-in one (`defaults`)."""
    from dataflows.core.policy.check import PolicyError
    from dataflows.detect.in_force import policy_in_force
    from dataflows.runtime.state.errors import StateError

    path = Path(name)
    if name == DEFAULTS and not path.exists():
        return policy(None)
    if not (path / "state.json").exists():
        return policy(path)
    try:
        return policy_in_force(path)
    except StateError as error:
        raise ending(error) from error
    except PolicyError as error:
        raise MisuseError(*map(str, error.problems)) from error


def folder_problem(name: str, folder: Path) -> str | None:
    """Why nothing can be written into a folder, which may have to be made first; None if it can. `name`: the option or setting."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists() or path.is_symlink())
    if not there.is_dir():
        return f"{named(name, there)} is not a directory"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"{named(name, there)} cannot be written to"
    return None


def into_folder(name: str, folder: Path) -> None:
    """Raises MisuseError if nothing can be written into a folder."""
    if problem := folder_problem(name, folder):
        raise MisuseError(problem)


def into_file(name: str, file: Path) -> None:
    """Raises MisuseError if a file cannot be written: it is a directory, or its folder cannot be written to."""
    if file.is_dir():
        raise MisuseError(f"{named(name, file)}: is a directory; a file is meant")
    into_folder(name, file.parent)


def unless_there(files: Iterable[Path], *, overwrite: bool | None = None, inputs: Iterable[str | Path] = ()) -> None:
    """Raises MisuseError if a file that is to be written is one that is read, or holds something that nobody said to overwrite.

    `overwrite`: whether `--overwrite` was given; None where there is no such option.
    """
    read = [Path(path) for path in inputs if Path(path).exists()]
    for file in files:
        if file.exists() and any(file.samefile(path) for path in read):
            raise MisuseError(f"{file}: is read and would be written: name another place to write to")
        if not overwrite and file.is_file() and file.stat().st_size:
            option = "" if overwrite is None else ", or give --overwrite"
            raise MisuseError(f"{file}: is there already: name another place to write to{option}")


def inputs(events: Sequence[str]) -> None:
    """Raises MisuseError if a file is not there or is a directory other than an input log, or if something is given twice."""
    from sources.embedded.recorded import is_input_log
    from sources.lines import STDIN

    seen: set[str] = set()
    for path in events:
        real = path if path == STDIN else os.path.realpath(path)
        if real in seen:
            raise MisuseError(
                "- can be given once only: standard input can be read once only" if path == STDIN else f"{path}: is given twice"
            )
        if path != STDIN and not Path(path).exists():
            raise MisuseError(f"{path}: no such file or directory")
        if path != STDIN and Path(path).is_dir() and not is_input_log(Path(path)):
            raise MisuseError(f"{path}: is a directory")
        seen.add(real)
