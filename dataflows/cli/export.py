"""`orderwatch export`: what topics hold, as files that `orderwatch replay` reads like the topics themselves."""

from __future__ import annotations

import glob
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.errors import MisuseError, RunError, describe, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

NOW = "now"


def export(
    brokers: Annotated[str, typer.Option(metavar="HOST:PORT,...", help="Brokers to begin with.")],
    topic: Annotated[list[str], typer.Option(help="Topic; give it again for more.")],
    out: Annotated[Path, typer.Option(help="Folder for TOPIC-PARTITION.jsonl.gz, one file per topic partition.")],
    until_offset: Annotated[
        str, typer.Option(metavar="OFFSET", help="End before this offset in every partition; now: where each ends when the export begins.")
    ] = NOW,
    client_config: options.ClientConfig = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Copy topics into files that keep topic, partition, offset, timestamp, key and headers of every committed record.

    A replay of the files judges as the live engine did.
    """
    from rich.console import Console

    from sources.kafka import KafkaInputError
    from sources.kafka.export import export as export_topics
    from sources.kafka.settings import UnfitInputError

    last = _offset(until_offset)
    client = {**client_options(client_config), "bootstrap.servers": brokers}
    options.into_folder("--out", out)
    for name in topic:
        options.unless_there(sorted(out.glob(f"{glob.escape(name)}-{'[0-9]' * 5}.jsonl.gz")), overwrite=overwrite)
    try:
        with _progress() as on_read:
            files = export_topics(client, topic, out, until_offset=last, on_read=on_read)
    except UnfitInputError as error:
        raise MisuseError(str(error)) from error
    except KafkaInputError as error:
        raise RunError(str(error)) from error
    except OSError as error:
        raise refused(error, out, name="--out") from error
    console = Console(highlight=False)
    for path, records in files.items():
        console.print(f"{path}  {records:,} records", soft_wrap=True)


def _offset(text: str) -> int | None:
    if text == NOW:
        return None
    if not text.isdecimal():
        raise MisuseError(f"--until-offset {text}: neither {NOW} nor an offset")
    return int(text)


def client_options(path: Path | None) -> dict[str, object]:
    """Reads options of the client library from a file. Raises `MisuseError`."""
    if path is None:
        return {}
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MisuseError(f"--client-config {path}: {describe(error) if isinstance(error, OSError) else 'is not UTF-8'}") from error
    found: dict[str, object] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, separator, value = text.partition("=")
        if not separator:
            raise MisuseError(f"--client-config {path}, line {number}: not KEY=VALUE")
        found[key.strip()] = value.strip()
    return found


@contextmanager
def _progress() -> Generator[Callable[[int], None] | None]:
    """How many records have been read, if a person is looking on."""
    if not os.isatty(2):
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("exporting")
        yield lambda read: progress.update(task, description=f"exporting: {read:,} records")
