"""The live engine over the logs of an embedded installation: its source, its sink, and where it says that its policy is another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson

from dataflows.core.policy import Policy
from dataflows.errors import MisuseError, RunError
from dataflows.observe import Observer
from dataflows.runtime.state.directory import StateHome, read_state
from dataflows.settings import Settings
from schemas.embedded import input_folder
from sinks.decisions import UnwrittenError
from sinks.embedded.decisions import SocketDecisionWriter
from sinks.embedded.sink import EmbeddedSink, output_owner
from sources.embedded.source import EmbeddedSource

__all__ = ["EmbeddedSource", "check_owner", "embedded_sink", "embedded_source", "to_socket"]


def embedded_source(data: Path, batch: int, policy: Policy) -> EmbeddedSource:
    """The input log, live."""
    return EmbeddedSource(input_folder(data), batch=batch, feeds=policy.lateness)


def embedded_sink(settings: Settings, state: str, observer: Observer) -> EmbeddedSink:
    """The output logs."""
    given = settings.embedded
    assert given.dir is not None
    return EmbeddedSink(given.dir, state, observer, fsync=settings.state.fsync, segment_bytes=given.segment_bytes)


def check_owner(data: Path, home: StateHome, *, fresh: bool) -> None:
    """Raises MisuseError if the output logs in `data` hold what another state has said."""
    if read_state(home.path).begins:
        raise MisuseError(f"{data} has been moved to Kafka (`orderwatch state move`): start its parts with the settings of that")
    owner = output_owner(data)
    if owner is None or owner == str(home.uuid):
        return
    raise MisuseError(
        f"{data} holds output of another state ({owner}), and the state directory {home.path} is {'new' if fresh else home.uuid}: they"
        " belong together; put back the one that is missing, or begin with another data directory"
    )


def to_socket(data: Path) -> Callable[[bytes], None]:
    """What writes an event into the log of decisions, by the gateway's socket; it raises RunError where that does not answer."""

    def write(line: bytes) -> None:
        writer = SocketDecisionWriter(data, "run")
        try:
            writer.write([orjson.loads(line)])
        except UnwrittenError as error:
            raise RunError(f"the policy of this start cannot be written into the log: {error}") from error
        finally:
            writer.close()

    return write
