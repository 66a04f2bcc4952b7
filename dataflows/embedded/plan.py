"""The data directory of an embedded installation, and what its parts are started with.

lock            held while `orderwatch up` runs        state/      the engine's state; below it what gateway, store and dispatch keep
settings.yaml   what all parts run with                logs/       what each part writes on standard error
log/            the input log                          socket      where programs of this host write decisions, with `secrets.json`
out/            the output logs
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import yaml

from dataflows.errors import MisuseError, refused
from dataflows.runtime.state.files import lock, write_whole
from dataflows.runtime.supervisor import SupervisedPart
from dataflows.settings import Settings

PARTS: Final = ("gateway", "run", "store", "dispatch", "console")
"""The commands that run, in the order in which they are started."""
STOPPING: Final = ("console", "dispatch", "gateway", "run", "store")
"""In the order in which they are stopped: who writes into a log before who reads it."""
SETTINGS_FILE: Final = "settings.yaml"
HEAD: Final = "# Written by `orderwatch up` at each start: the settings that it was given, and where its parts find each other.\n"


@dataclass(frozen=True, slots=True)
class SystemPlan:
    """What is run: over which directory, with which settings (as in `file`)."""

    data: Path
    file: Path
    settings: Settings

    @property
    def logs(self) -> Path:
        """Where the parts' logs are."""
        return self.data / "logs"

    def parts(self) -> list[SupervisedPart]:
        """The parts, in the order in which they are started."""
        command = (sys.executable, "-P", "-m", "dataflows.cli")
        return [SupervisedPart(name, (*command, name, "--settings", str(self.file))) for name in PARTS if self.runs(name)]

    def runs(self, part: str) -> bool:
        """Whether a part is run: the console can be left out."""
        return part != "console" or self.settings.console.enabled

    def ports(self) -> dict[str, int]:
        """By part, the port on which it answers how it is."""
        given = self.settings
        ports = {
            "gateway": given.gateway.http_port,
            "run": given.http.port,
            "store": given.store.http_port,
            "dispatch": given.dispatch.http_port,
            "console": given.console.http_port,
        }
        return {name: port for name, port in ports.items() if self.runs(name)}


def document_of(file: Path | None) -> dict[str, object]:
    """A settings file as it stands. Raises MisuseError; what is wrong inside it, the reading of settings says."""
    if file is None:
        return {}
    try:
        read: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise refused(error, file, name="--settings") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MisuseError(f"--settings {file}: no YAML: {' '.join(str(error).split())}") from error
    if read is not None and not isinstance(read, dict):
        raise MisuseError(f"--settings {file}: settings (name: value) are expected")
    return cast("dict[str, object]", read or {})


def derived(data: Path, document: Mapping[str, object], policy: Path | None) -> dict[str, object]:
    """The settings of an installation in `data`: those of a file, with what belongs to the directory. Raises MisuseError."""
    found = dict(document)
    for section, name, value in (("embedded", "dir", str(data)), ("state", "dir", str(data / "state"))):
        given: object = found.get(section) or {}
        if not isinstance(given, dict):
            continue
        settings = cast("dict[str, object]", given)
        if name in settings and Path(str(settings[name])).absolute() != Path(value):
            raise MisuseError(f"{section}.{name}: {settings[name]}: an installation has all in its data directory ({data}): leave it out")
        found[section] = {**settings, name: value}
    if policy is not None:
        found["policy"] = str(policy.absolute())
    elif found.get("policy"):
        found["policy"] = str(Path(str(found["policy"])).absolute())
    return found


def expect_reachable(settings: Settings) -> None:
    """Raises MisuseError where the supervisor, and what reads the written settings, could not find the parts.

    It asks them how they are, and the engine how far it has read: nothing of the logs would ever go otherwise.
    """
    if not settings.http.enabled:
        raise MisuseError("http.enabled: `orderwatch up` asks its parts by HTTP how they are: leave it on; http.host says who may ask")
    ports = {
        "gateway.port": settings.gateway.port,
        "gateway.http_port": settings.gateway.http_port,
        "http.port": settings.http.port,
        "store.http_port": settings.store.http_port,
        "dispatch.http_port": settings.dispatch.http_port,
        "embedded.http_port": settings.embedded.http_port,
    }
    if settings.console.enabled:
        ports |= {"console.port": settings.console.port, "console.http_port": settings.console.http_port}
    if unknown := [name for name, port in ports.items() if not port]:
        raise MisuseError(f"{', '.join(unknown)}: 0: the parts, and other commands, find each other by their ports: name one")


def write_settings(data: Path, document: Mapping[str, object]) -> Path:
    """Writes the settings that all parts are started with; returns the file. It may hold secrets: it is for this user only."""
    file = data / SETTINGS_FILE
    text = HEAD + yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
    try:
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            write_whole(file, text.encode())
        file.chmod(0o600)
    except OSError as error:
        raise refused(error, file, name="--data") from error
    return file


def take(data: Path) -> int:
    """Takes the data directory for this process, made where it is missing; the handle is to be held. Raises MisuseError."""
    try:
        data.mkdir(0o750, parents=True, exist_ok=True)
        handle = lock(data / "lock", 0.0)
        if handle is None:
            holder = (data / "lock").read_text(encoding="utf-8").strip()
            raise MisuseError(f"{data} is in use by another `orderwatch up`{f' (pid {holder})' if holder else ''}")
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        raise refused(error, data, name="--data") from error
    return handle


def stopping(parts: Sequence[SupervisedPart]) -> list[str]:
    """The names of parts in the order in which they are stopped."""
    return [name for name in STOPPING if any(part.name == name for part in parts)]
