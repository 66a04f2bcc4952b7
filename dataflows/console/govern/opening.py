"""What the views of policies, rejects, people and tokens need of the installation, put together from its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from sqlalchemy import Engine

from dataflows.console.govern.mending import EventSender, SenderOfRejects, embedded_sender, kafka_sender
from dataflows.console.govern.records import RejectReader, embedded_reader, kafka_reader
from dataflows.console.govern.trials import TrialInput, TrialLimits, Trials
from dataflows.console.parts import wall
from dataflows.console.visit import Visit
from dataflows.ingest.gateway import state_of
from dataflows.settings import Settings
from schemas.embedded import input_folder

NAME: Final = "govern"


@dataclass(frozen=True)
class GovernParts:
    """What they share. `policy`: the policy file of the settings, which holds until one is activated."""

    trials: Trials
    rejects: RejectReader
    sender: SenderOfRejects
    engine_dir: Path
    gateway_dir: Path
    policy: Path | None

    @property
    def state(self) -> Path | None:
        """The engine's state directory; None if it is not on this host."""
        return self.engine_dir if (self.engine_dir / "state.json").exists() else None

    @property
    def tokens(self) -> Path | None:
        """The gateway's directory, which has the tokens; None if it is not on this host."""
        return self.gateway_dir if self.gateway_dir.is_dir() else None


def parts_for(visit: Visit) -> GovernParts:
    """Those of a visit."""
    return cast("GovernParts", visit.parts.more[NAME])


def open_govern(
    stack: ExitStack, settings: Settings, own: Engine, *, clock: Callable[[], datetime] = wall, spawn: Sequence[str] | None = None
) -> GovernParts:
    """Puts them together; what they open is closed with `stack`. `spawn`: another command for trials, for tests."""
    given = settings.console
    folder = given.folder(settings.state.dir) / "trials"
    limits = TrialLimits(given.trial_seconds, given.trial_memory_bytes, given.trials, given.trial_days)
    trials = Trials(own, folder, input_of(settings), limits, clock, spawn=spawn)
    stack.callback(trials.close)
    data = settings.embedded.dir
    reader: RejectReader
    sender: EventSender
    if data is not None:
        reader, sender = embedded_reader(data), embedded_sender(data)
    else:
        reader = kafka_reader(settings.kafka.client())
        sender = kafka_sender(settings.kafka.client(), settings.inputs.topics)
    return GovernParts(
        trials=trials,
        rejects=reader,
        sender=SenderOfRejects(own, sender),
        engine_dir=settings.state.dir,
        gateway_dir=state_of(settings),
        policy=settings.policy,
    )


def input_of(settings: Settings) -> Callable[[], TrialInput]:
    """What trials read, asked anew for each: files that a setting names, else the embedded log, else the topics."""

    def given() -> TrialInput:
        if settings.console.trial_events:
            return TrialInput(events=tuple(str(path) for path in settings.console.trial_events))
        if settings.embedded.dir is not None:
            return TrialInput(events=(str(input_folder(settings.embedded.dir)),))
        return TrialInput(topics=settings.inputs.topics, client=settings.kafka.client())

    return given
