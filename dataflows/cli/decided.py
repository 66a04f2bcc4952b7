"""Where commands that decide something write it to: the topic of decisions, or a file for a replay."""

from __future__ import annotations

from pathlib import Path

from dataflows.cli import options
from dataflows.cli.export import client_options
from dataflows.cli.load import expect_topic
from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError, RunError, refused
from schemas.topics import DECISIONS

SOURCE = "/orderwatch/cli"
"""What commands are called as the source of events."""
NOWHERE = Path()
"""The state directory, which settings must name but which may be on another host."""


def append(out: Path, line: bytes) -> None:
    """Appends an event to a file. Raises MisuseError if it cannot be written to."""
    options.into_file("--out", out)
    try:
        with out.open("ab") as file:
            file.write(line + b"\n")
    except OSError as error:
        raise refused(error, out, name="--out") from error


def send(line: bytes, settings: Path | None, brokers: str | None, topic: str | None, config: Path | None, role: str) -> str:
    """Appends an event to the topic of decisions; returns its name. `role`: that of the command, where the log is an embedded one.

    Raises MisuseError if none is meant, RunError if it cannot be reached.
    """
    from schemas.deciding import decides
    from sources.kafka import load as loading
    from sources.kafka.settings import KafkaInputError, NoResponseError

    if brokers is not None:
        client, name = {**client_options(config), "bootstrap.servers": brokers}, topic or DECISIONS
    else:
        found = read_settings(settings, {}, spare={("state", "dir"): NOWHERE})
        if found.embedded.dir is not None:
            return _write(line, found.embedded.dir, role)
        client = {**found.kafka.client(), **client_options(config)}
        name = topic or next((one for one in found.inputs.topics if decides(one)), DECISIONS)
    if not decides(name):
        raise MisuseError(f"--topic {name}: decisions are taken only from {DECISIONS}, or a topic whose name ends in .{DECISIONS}")
    try:
        expect_topic(client, name)
        loading.load(client, name, iter([(SOURCE, line)]), lambda _: None)
    except NoResponseError as error:
        raise RunError(str(error)) from error
    except KafkaInputError as error:
        raise MisuseError(str(error)) from error
    return name


def _write(line: bytes, data: Path, role: str) -> str:
    """Appends the event to the log of decisions of an embedded installation, in the name of who runs this; returns where that is."""
    import json

    from sinks.decisions import UnwrittenError
    from sinks.embedded.decisions import SocketDecisionWriter

    writer = SocketDecisionWriter(data, role)
    try:
        writer.write([json.loads(line)])
    except UnwrittenError as error:
        raise RunError(f"{data}: {error}") from error
    finally:
        writer.close()
    return f"the log of {data}"
