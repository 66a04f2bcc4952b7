"""`orderwatch topics`: makes the topics that the engine reads and writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dataflows.cli import options
from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError, RunError

if TYPE_CHECKING:
    from dataflows.settings import Settings

app = typer.Typer(name="topics", help="The topics that the engine reads and writes.", no_args_is_help=True)


@app.callback()
def topics() -> None:
    """The topics that the engine reads and writes."""


@app.command()
def create(settings: options.SettingsFile = None) -> None:
    """Make the topics that are missing, with sane settings; check the others and change nothing of them."""
    found = read_settings(settings, {}, spare={("state", "dir"): Path()})
    for name in create_topics(found):
        typer.echo(f"made {name}")
    typer.echo("all topics are there")


def create_topics(settings: Settings) -> list[str]:
    """Makes the topics of some settings that are missing; returns their names.

    Raises:
        MisuseError: if a topic may not be made, or does not fit.
        RunError: if the brokers do not answer.
    """
    from sources.kafka.settings import KafkaInputError, UnfitInputError
    from sources.kafka.topics import BROKER_DEFAULT, ensure_topics, input_topic, output_topic

    wanted = {name: input_topic(settings.inputs.partitions) for name in settings.inputs.topics}
    if settings.gateway.connections and settings.gateway.output == "kafka":
        wanted[settings.gateway.topic] = input_topic(settings.inputs.partitions)
    if settings.outputs.kind == "kafka":
        wanted |= {name: output_topic(settings.outputs.partitions) for name in settings.outputs.topics.values()}
    try:
        return ensure_topics(settings.kafka.client(), wanted, replication=settings.kafka.replication or BROKER_DEFAULT)
    except UnfitInputError as error:
        raise MisuseError(str(error)) from error
    except KafkaInputError as error:
        raise RunError(str(error)) from error
