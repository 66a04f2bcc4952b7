"""`orderwatch state move`: an embedded installation becomes one on Kafka."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError, RunError, ending


def move(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="The data directory of `orderwatch up`, which must be stopped.")],
    settings: Annotated[
        Path, typer.Option("--settings", metavar="FILE", help="Settings on Kafka, whose state.dir is DIR/state.", dir_okay=False)
    ],
) -> None:
    """Have an installation of `orderwatch up` go on over Kafka: its output logs become topics, its state goes on behind them."""
    from dataflows.detect.live import run_live
    from dataflows.detect.topics import Allowed, output_topics, prepare
    from dataflows.embedded.move import move_outputs
    from dataflows.embedded.plan import SETTINGS_FILE, take
    from dataflows.observe.logs import logging_to_stderr
    from dataflows.observe.observer import Observer
    from dataflows.runtime.state.directory import read_state
    from dataflows.runtime.state.errors import StateError
    from dataflows.runtime.stop import Stop
    from sinks.kafka.errors import KafkaOutputError
    from sources.kafka.settings import KafkaInputError, NoResponseError

    where = data.absolute()
    if not (where / SETTINGS_FILE).exists():
        raise MisuseError(f"--data {data}: no data directory of `orderwatch up`")
    before, after = read_settings(where / SETTINGS_FILE, {}), read_settings(settings, {})
    if after.embedded.dir is not None or after.outputs.kind != "kafka":
        raise MisuseError(f"--settings {settings}: they are not of an installation on Kafka")
    if after.state.dir.absolute() != where / "state":
        raise MisuseError(f"--settings {settings}: state.dir: {after.state.dir}: the state that goes on is {where / 'state'}")
    handle = take(where)
    stop = Stop()
    try:
        with logging_to_stderr(before.log), stop.on_signals():
            run_live(before, stop, Observer(), Allowed(drains=True))  # what was appended last is judged, then it stops cleanly
            if stop.asked:
                raise KeyboardInterrupt
            topics = prepare(after)
            written = output_topics(after, topics, {name: topic.partitions for name, topic in topics.items()})
            uuid = read_state(where / "state").id
            moved = move_outputs(where, where / "state", uuid, after.kafka.client(), written)
    except (NoResponseError, KafkaOutputError) as error:
        raise RunError(str(error)) from error
    except StateError as error:
        raise ending(error) from error
    except KafkaInputError as error:
        raise MisuseError(str(error)) from error
    finally:
        os.close(handle)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in moved.items())
    typer.echo(f"moved to Kafka: {counts}; go on with `orderwatch run --settings {settings}`, and likewise gateway, store and dispatch")
