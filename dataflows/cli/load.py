"""`orderwatch load`: contract events from files, a gateway's log or standard input into the topic that the engine reads."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.cli.export import client_options
from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError, RunError, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from sources.kafka import load as loading

NAMED = 3
"""Of how many refused lines of a reason the place is named."""
NOWHERE = Path()
"""The state directory, which settings must name but nothing here uses."""


def load(
    events: Annotated[list[str], typer.Argument(metavar="EVENTS...", help="JSONL files, plain or gzip; - is standard input.")],
    settings: options.SettingsFile = None,
    brokers: options.OtherBrokers = None,
    topic: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Topic; without it gateway.topic of the settings, which is order-events by default.")
    ] = None,
    client_config: options.ClientConfig = None,
    refused_to: Annotated[
        Path | None, typer.Option("--refused", metavar="FILE", help="Where to write lines that are no event, as they are.")
    ] = None,
    overwrite: options.Overwrite = False,
) -> int:
    """Append contract events to the topic that the engine reads; return once all are acknowledged.

    Loading the same events again does no harm: the engine drops what it knows.
    """
    from rich.console import Console

    from sources.kafka import load as loading
    from sources.kafka.settings import KafkaInputError, NoResponseError
    from sources.lines import UnreadableSourceError

    options.inputs(events)
    if brokers is not None and settings is not None:
        raise MisuseError("--brokers and --settings both say where to: give one of them")
    if overwrite and refused_to is None:
        raise MisuseError("--overwrite goes with --refused")
    client, name = _target(settings, brokers, topic, client_config)
    counts: Counter[str] = Counter()
    places: dict[str, list[str]] = {}
    with ExitStack() as stack:
        aside = _opened(stack, refused_to, events, overwrite=overwrite)

        def refuse(line: loading.RefusedLine) -> None:
            counts[line.reason] += 1
            if len(named := places.setdefault(line.reason, [])) < NAMED:
                named.append(f"{line.path}:{line.line}: {line.detail}")
            if aside is not None:
                aside(line.raw)

        try:
            expect_topic(client, name)
            with _progress(events) as (on_read, on_sent):
                records = (record for path in events for record in loading.events_of(path, refuse, on_read))
                loaded = loading.load(client, name, records, on_sent)
        except NoResponseError as error:
            raise RunError(str(error)) from error
        except (KafkaInputError, UnreadableSourceError) as error:
            raise MisuseError(str(error)) from error
    Console(highlight=False, soft_wrap=True).print(f"{loaded:,} events appended to {name}")
    if not counts:
        return 0
    _report_refused(counts, places, refused_to)
    return 1


def _target(settings: Path | None, brokers: str | None, topic: str | None, client_config: Path | None) -> tuple[dict[str, object], str]:
    """The options of the client and the topic."""
    if brokers is not None:
        return {**client_options(client_config), "bootstrap.servers": brokers}, topic or "order-events"
    found = read_settings(settings, {}, spare={("state", "dir"): NOWHERE})
    return {**found.kafka.client(), **client_options(client_config)}, topic or found.gateway.topic


def expect_topic(client: dict[str, object], topic: str) -> None:
    """Raises KafkaInputError if a topic is not there."""
    from sources.kafka import broker
    from sources.kafka.settings import KafkaInputError

    if topic not in broker.topics_of(broker.admin(client), client):
        raise KafkaInputError(f"topic {topic} does not exist: make it with `orderwatch topics create`, or name another with --topic")


def _opened(stack: ExitStack, path: Path | None, events: Sequence[str], *, overwrite: bool) -> Callable[[bytes], object] | None:
    """Writes lines to a file, if there is one to write to."""
    if path is None:
        return None
    options.into_file("--refused", path)
    options.unless_there([path], overwrite=overwrite, inputs=events)
    try:
        file = stack.enter_context(path.open("wb"))
    except OSError as error:
        raise refused(error, path, name="--refused") from error
    return lambda line: file.write(line + b"\n")


def _report_refused(counts: Counter[str], places: dict[str, list[str]], dead_letters: Path | None) -> None:
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    where = f"; they stand in {dead_letters}" if dead_letters else "; --refused FILE keeps them"
    console.print(f"{counts.total():,} lines are no event and were not appended{where}")
    for reason, count in counts.most_common():
        console.print(f"  {reason}  {count:,}")
        for place in places[reason]:
            console.print(f"    {place}", markup=False)


@contextmanager
def _progress(events: Sequence[str]) -> Generator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """What is told of bytes read and of events acknowledged, if a person is looking on."""
    if not os.isatty(2):
        yield (lambda _: None), (lambda _: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from sources.lines import STDIN

    with Progress(
        TextColumn("loading"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[sent]:,} events"),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        files: Iterator[int] = (Path(path).stat().st_size for path in events if path != STDIN and Path(path).is_file())
        task = progress.add_task("load", total=sum(files) if STDIN not in events else None, sent=0)
        done = read = 0

        def on_read(consumed: int) -> None:
            nonlocal done, read
            # Files follow one another: a count that falls is the next file's.
            done, read = (done + read, consumed) if consumed < read else (done, consumed)
            progress.update(task, completed=done + read)

        yield on_read, lambda sent: progress.update(task, sent=sent)
