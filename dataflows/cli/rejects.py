"""`orderwatch rejects`: what was rejected and why, and the way back for what has been mended."""

from __future__ import annotations

import shlex
import subprocess
from collections import Counter, defaultdict
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from dataflows.cli import options
from dataflows.cli.export import client_options
from dataflows.cli.listing import print_list
from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError, RunError, refused
from schemas.topics import TOPIC_NAMES

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from sinks.kafka.rejects import Found
    from sinks.rejected import Reject

app = typer.Typer(name="rejects", help="Rejected records: list them, correct them, feed them back.", no_args_is_help=True)

EDIT_SECONDS = 60
"""How long the command of `--edit` may take for one record."""
SAMPLES = 3
NOWHERE = Path()
"""The state directory, which settings must name but nothing here uses."""
REJECTS = TOPIC_NAMES["rejects"]

Topic = Annotated[str | None, typer.Option(help="The topic of rejects; without it that of the settings.", show_default=REJECTS)]
Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only those rejected for this; give it again for more.")]
Places = Annotated[
    list[str] | None,
    typer.Option("--place", metavar="TOPIC/PARTITION/OFFSET", help="Only the record that stood there; give it again for more."),
]


class _RejectLog(NamedTuple):
    """Where rejects stand: a topic, and the options of a client that reads it; or the log in an installation's data directory."""

    name: str
    client: dict[str, object]
    data: Path | None


@app.callback()
def rejects() -> None:
    """Rejected records: list them, correct them, feed them back."""


@app.command("list")
def list_(
    settings: options.SettingsFile = None,
    brokers: options.OtherBrokers = None,
    topic: Topic = None,
    reason: Reasons = None,
    client_config: options.ClientConfig = None,
) -> None:
    """Count rejects by reason, with the places of some. Nothing of their content is shown."""
    log = _log(settings, brokers, topic, client_config)
    with _failing():
        places = _by_reason(found.reject for found in _read(log) if not reason or found.reject.reason in reason)
    rows = [(name, str(len(some)), _samples(some)) for name, some in sorted(places.items(), key=lambda row: (-len(row[1]), row[0]))]
    print_list(("reason", "count", "where, for instance"), rows, f"nothing in {log.name}" + (f" for {', '.join(reason)}" if reason else ""))


@app.command("replay")
def replay_(  # noqa: PLR0913, PLR0917 - each is an option
    settings: options.SettingsFile = None,
    brokers: options.OtherBrokers = None,
    topic: Topic = None,
    reason: Reasons = None,
    place: Places = None,
    every: Annotated[bool, typer.Option("--all", help="All rejects of the topic.")] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Send nothing; write the rejects there, a line each, to be corrected.")
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option("--import", metavar="FILE", help="Take rejects from such a file (or the rejects.jsonl of a replay), not the topic."),
    ] = None,
    edit: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Correct each: the command gets the value on standard input and writes the new one."),
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="TOPIC", help="Send there, not to the topic that each came from.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Send also what would be rejected again for what it is.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    client_config: options.ClientConfig = None,
) -> None:
    """Feed mended rejects back to the topics that they came from, under their keys and with their headers.

    Sent is what decodes now; the rest is left, with the reasons. To feed back twice does no harm: an event counts once, by its ID.
    """
    from sinks.kafka.rejects import RejectReplay, feed_back, partitions_of

    if import_ is None and not (reason or place or every):
        raise MisuseError("say which: --reason, --place, --all, or --import FILE")
    if every and (reason or place or import_ is not None):
        raise MisuseError("--all means every reject of the topic: leave out --reason, --place and --import, or --all")
    if import_ is not None and topic is not None:
        raise MisuseError("--import takes rejects from a file, --topic from a topic: leave one of them out")
    if export is not None:
        senders = {"--import": import_, "--edit": edit, "--to": to, "--force": force, "--dry-run": dry_run}
        if useless := [name for name, value in senders.items() if value]:
            raise MisuseError(f"--export only writes what is to be corrected: leave out {', '.join(useless)}")
        options.into_file("--export", export)
        options.unless_there([export])
    log = _log(settings, brokers, topic, client_config)
    if log.data is not None and export is None:
        raise MisuseError(
            f"{log.name} is no topic: --export writes its rejects to a file; send the events in it to the gateway (POST /events), or mend"
            " them in the console"
        )
    with _failing():
        if import_ is not None:
            chosen = _chosen(_lines(import_), reason, place, str(import_))
        else:
            found = list(_read(log))
            chosen = _chosen([one.reject for one in found], reason, place, log.name)
            typer.echo(_reach(log.name, found))
        if export is not None:
            _write(export, chosen)
            typer.echo(f"{len(chosen):,} written to {export}; mend them there, then give --import {export}")
            return
        ready, left = _ready(chosen, edit, force=force)
        deliveries = [RejectReplay(one, to or one.topic) for one in ready if to or one.topic]
        if homeless := [one.place for one in ready if not (to or one.topic)]:
            left["it does not say where it came from: name a topic with --to"] = homeless
        partitions = partitions_of(log.client)
        if missing := sorted({delivery.topic for delivery in deliveries} - partitions.keys()):
            raise MisuseError(f"there is no topic {missing[0]} at {log.client['bootstrap.servers']}: name one with --to")
        sent = len(deliveries) if dry_run else feed_back(log.client, deliveries, partitions)
    typer.echo(f"{'would send' if dry_run else 'sent'} {sent:,}, left {sum(map(len, left.values())):,}")
    for name, some in sorted(left.items()):
        typer.echo(f"  {name}: {len(some):,}, such as {_samples(some)}")


def _log(settings: Path | None, brokers: str | None, topic: str | None, config: Path | None) -> _RejectLog:
    """The log of rejects that is meant. Raises MisuseError."""
    if (brokers is None) == (settings is None):
        raise MisuseError("where the rejects are: name --brokers or --settings, one of them")
    if brokers is not None:
        return _RejectLog(topic or REJECTS, {**client_options(config), "bootstrap.servers": brokers}, None)
    found = read_settings(settings, {}, spare={("state", "dir"): NOWHERE})
    if found.embedded.dir is None:
        return _RejectLog(topic or found.outputs.rejects, {**found.kafka.client(), **client_options(config)}, None)
    if topic is not None:
        raise MisuseError("--topic names a topic of Kafka: the settings are those of an embedded installation")
    return _RejectLog(f"the log of rejects in {found.embedded.dir}", {}, found.embedded.dir)


@contextmanager
def _failing() -> Generator[None]:
    from confluent_kafka import KafkaException

    from sinks.kafka import KafkaOutputError
    from sources.outputs.reader import LostRecordsError, UnreadableLogError

    try:
        yield
    except (KafkaOutputError, LostRecordsError, UnreadableLogError) as error:
        raise RunError(str(error)) from error
    except KafkaException as error:  # options that the client library does not take
        raise MisuseError(f"--client-config: {error.args[0]}") from error


def _read(log: _RejectLog) -> Iterable[Found]:
    from sinks.kafka.rejects import partitions_of, read_rejects

    if log.data is not None:
        return _embedded(log.data)
    partitions = partitions_of(log.client)
    if log.name not in partitions:
        raise MisuseError(f"there is no topic {log.name} at {log.client['bootstrap.servers']}: name the topic of rejects with --topic")
    return read_rejects(log.client, log.name, partitions[log.name])


def _embedded(data: Path) -> Generator[Found]:
    """The rejects that the log of an installation holds."""
    from sinks.kafka.rejects import Found
    from sinks.rejected import parse
    from sources.embedded.outputs import EmbeddedReader

    with closing(EmbeddedReader(data, ("rejects",))) as reader:
        reader.seek({})
        while records := reader.poll(0.0):
            for record in records:
                yield Found(0, record.offset, parse(record.value))


def _lines(path: Path) -> list[Reject]:
    from sinks import rejected

    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise refused(error, path, name="--import") from error
    read: list[Reject] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            read.append(rejected.parse(line))
        except ValueError as error:
            raise MisuseError(f"--import {path}, line {number}: {error}") from error
    return read


def _write(path: Path, chosen: Iterable[Reject]) -> None:
    from sinks import rejected

    try:
        with path.open("xb") as file:
            file.writelines(rejected.line(reject.fields, reject.value, reject.key, reject.headers) for reject in chosen)
    except OSError as error:
        raise refused(error, path, name="--export") from error


def _chosen(found: Sequence[Reject], reasons: Sequence[str] | None, places: Sequence[str] | None, where: str) -> list[Reject]:
    if unknown := sorted(set(places or ()) - {reject.place for reject in found}):
        raise MisuseError(f"--place {unknown[0]}: no reject in {where} comes from there")
    return [reject for reject in found if (not reasons or reject.reason in reasons) and (not places or reject.place in places)]


def _ready(chosen: Iterable[Reject], edit: str | None, *, force: bool) -> tuple[list[Reject], dict[str, list[str]]]:
    """What can be sent, and the places of what cannot, by reason."""
    arguments = _arguments(edit)
    ready: list[Reject] = []
    left: defaultdict[str, list[str]] = defaultdict(list)
    for reject in chosen:
        mended = _edited(reject, arguments) if arguments else reject
        why = "the command of --edit failed" if mended is None else _why_not(mended)
        if why is None and mended is not None and mended.cut:
            parts = ", ".join(sorted(mended.cut))
            why = f"not whole ({parts} cut): take it from where it stood, or mend it in a file, without `cut` and `size`"
        if mended is not None and (why is None or force):
            ready.append(mended)
        else:
            left[why or ""].append(reject.place)
    return ready, dict(left)


def _arguments(edit: str | None) -> list[str]:
    try:
        return shlex.split(edit or "")
    except ValueError as error:
        raise MisuseError(f"--edit {edit}: {error}") from error


def _edited(reject: Reject, command: Sequence[str]) -> Reject | None:
    try:
        done = subprocess.run(command, input=reject.value or b"", capture_output=True, timeout=EDIT_SECONDS, check=False)  # noqa: S603 (the user's own)
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        raise MisuseError(f"--edit {command[0]}: {(error.strerror or str(error)).lower()}") from error
    if done.returncode != 0:
        return None
    return replace(reject, value=done.stdout, cut={part: text for part, text in reject.cut.items() if part != "value"})


def _why_not(reject: Reject) -> str | None:
    """The reason for which a record would be rejected at once, or None."""
    from schemas.wire import Rejected, event_of

    try:
        event_of(reject.headers, reject.value or b"")
    except Rejected as why:
        return why.reason
    return None


def _by_reason(found: Iterable[Reject]) -> dict[str, list[str]]:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for reject in found:
        places[reject.reason].append(reject.place)
    return dict(places)


def _samples(places: Sequence[str]) -> str:
    return ", ".join(places[:SAMPLES])


def _reach(topic: str, found: Iterable[Found]) -> str:
    """How far the topic was read: whoever feeds back again knows what is new."""
    last: Counter[int] = Counter()
    for one in found:
        last[one.partition] = max(last[one.partition], one.offset)
    return f"read {topic} " + (
        ", ".join(f"[{partition}] to offset {offset}" for partition, offset in sorted(last.items())) or "(nothing there)"
    )
