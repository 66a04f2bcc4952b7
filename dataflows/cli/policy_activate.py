"""`orderwatch policy activate`: has a policy hold from now on, by an event of the log that every shard takes at the same place."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.cli.export import client_options
from dataflows.cli.load import expect_topic
from dataflows.cli.run import SettingsFile, read_settings
from dataflows.errors import MisuseError, RunError, refused
from schemas.topics import DECISIONS

if TYPE_CHECKING:
    from dataflows.core.policy import Policy

SOURCE = "/orderwatch/cli"
NOWHERE = Path()
"""The state directory, which settings must name but nothing here uses."""


def activate(  # noqa: PLR0913, PLR0917 (typer makes each an argument or option)
    file: Annotated[Path, typer.Argument(help="The policy, a YAML file that names no other.", metavar="POLICY")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append the event to this file, for `orderwatch replay --decisions`.")
    ] = None,
    settings: SettingsFile = None,
    brokers: Annotated[str | None, typer.Option(metavar="HOST:PORT,...", help="Brokers, instead of settings.")] = None,
    topic: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="The topic of decisions; without it that of the settings, else order-decisions.")
    ] = None,
    client_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Options of librdkafka (TLS, SASL), one KEY=VALUE a line; # begins a comment.")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="WHO", help="Who activates it.", show_default="user:LOGIN")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")] = None,
    at: Annotated[str | None, typer.Option(metavar="INSTANT", help="When, for the event of --out.", show_default="now")] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="OLD", help="The policy that holds: a file, a state directory, or `defaults`; refuse what it would."),
    ] = None,
) -> None:
    """Have a policy hold from now on: write it into the log, with who, when and why. What `policy check` refuses is refused."""
    from dataflows.core.engine.activation import GREATEST, belonging_to_state

    if (out is None) == (brokers is None and settings is None):
        raise MisuseError("name where to write to: --out, --brokers or --settings; one of them")
    if brokers is not None and settings is not None:
        raise MisuseError("--brokers and --settings both say where to: give one of them")
    if at is not None and out is None:
        raise MisuseError("--at goes with --out: a topic has its own log time")
    if topic is not None and out is not None:
        raise MisuseError("--topic does not go with --out")
    options.instant("--at", at)
    policy = options.policy(file)
    text = file.read_text(encoding="utf-8")
    if len(text.encode()) > GREATEST:
        raise MisuseError(f"{file}: more than {GREATEST // 1024} KiB, and the log takes no more")
    if against is not None and (part := belonging_to_state(options.named_policy(against), policy)):
        raise MisuseError(f"{file}: {part}: changed by a clean stop and a restart only; the engine would refuse it")
    time = at or datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = _event(policy, text, time, by or f"user:{getpass.getuser()}", note)
    where = str(out) if out is not None else _send(line, settings, brokers, topic, client_config)
    if out is not None:
        _append(out, line)
    typer.echo(f"policy {policy.name!r}, version {policy.version}: its activation is appended to {where}")


def _event(policy: Policy, text: str, time: str, by: str, note: str | None) -> bytes:
    import orjson

    from schemas.wire import Rejected, decode

    data = {"version": policy.version, "text": text, "by": by, **({} if note is None else {"note": note})}
    event = {
        "specversion": "1.0",
        "id": f"{policy.version}-{time}",
        "source": SOURCE,
        "type": "policy.activated",
        "time": time,
        "data": data,
    }
    line = orjson.dumps(event)
    try:
        decode(line)
    except Rejected as why:
        raise MisuseError(f"no event of the contract: {why.detail}") from None
    return line


def _append(out: Path, line: bytes) -> None:
    options.into_file("--out", out)
    try:
        with out.open("ab") as file:
            file.write(line + b"\n")
    except OSError as error:
        raise refused(error, out, name="--out") from error


def _send(line: bytes, settings: Path | None, brokers: str | None, topic: str | None, config: Path | None) -> str:
    """Appends the event to the topic of decisions; returns its name."""
    from schemas.deciding import decides
    from sources.kafka import load as loading
    from sources.kafka.settings import KafkaInputError, NoResponseError

    if brokers is not None:
        client, name = {**client_options(config), "bootstrap.servers": brokers}, topic or DECISIONS
    else:
        found = read_settings(settings, {}, spare={("state", "dir"): NOWHERE})
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
