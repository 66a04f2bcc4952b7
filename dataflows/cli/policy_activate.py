"""`orderwatch policy activate`: has a policy hold from now on, by an event of the log that every shard takes at the same place."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.cli.decided import NOWHERE, SOURCE, append, send
from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError, refused

if TYPE_CHECKING:
    from dataflows.core.policy import Policy
    from dataflows.detect.backtest.report import Report


def activate(  # noqa: PLR0913, PLR0917 (typer makes each an argument or option)
    file: Annotated[Path, typer.Argument(help="The policy, a YAML file that names no other.", metavar="POLICY")],
    out: options.DecisionsFile = None,
    settings: options.SettingsFile = None,
    brokers: options.OtherBrokers = None,
    topic: options.DecisionsTopic = None,
    client_config: options.ClientConfig = None,
    by: Annotated[str | None, typer.Option(metavar="WHO", help="Who activates it.", show_default="user:LOGIN")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")] = None,
    at: options.EventTime = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="OLD",
            help="The policy that holds: a file, a state directory, or `defaults`; refuse what it would. Without it the state directory of"
            " the settings, if it is here.",
        ),
    ] = None,
    backtest: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="What `orderwatch backtest --out DIR` wrote of this policy: needed for what it makes automatic and cannot be undone.",
        ),
    ] = None,
) -> None:
    """Have a policy hold from now on: write it into the log, with who, when and why. What `policy check` refuses is refused."""
    from dataflows.core.engine.activation import GREATEST, belonging_to_state
    from dataflows.detect.announce import now

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
    old = _holding(settings) if against is None else options.named_policy(against)
    if old is not None and (part := belonging_to_state(old, policy)):
        raise MisuseError(f"{file}: {part}: changed by a clean stop and a restart only; the engine would refuse it")
    data: dict[str, object] = {"by": by or f"user:{getpass.getuser()}", **_tested(policy, backtest, old)}
    if note is not None:
        data["note"] = note
    line = _event(policy, text, at or now(), data)
    where = str(out) if out is not None else send(line, settings, brokers, topic, client_config, "policy")
    if out is not None:
        append(out, line)
    typer.echo(f"policy {policy.name!r}, version {policy.version}: its activation is appended to {where}")


def _holding(settings: Path | None) -> Policy | None:
    """The policy that holds in the state directory of the settings; None if that is not on this host."""
    if settings is None:
        return None
    path = read_settings(settings, {}, spare={("state", "dir"): NOWHERE}).state.dir
    return options.named_policy(str(path)) if path != NOWHERE and (path / "state.json").exists() else None


def _event(policy: Policy, text: str, time: str, data: dict[str, object]) -> bytes:
    from dataflows.detect.announce import activation
    from schemas.wire import Rejected

    try:
        return activation(policy, text, id_=f"{policy.version}-{time}", source=SOURCE, time=time, data=data)
    except Rejected as why:
        raise MisuseError(f"no event of the contract: {why.detail}") from None


def _tested(policy: Policy, report: Path | None, old: Policy | None) -> dict[str, object]:
    """What a back-test covered, for the event. Raises MisuseError if it is of other policies, or does not cover what it must."""
    from dataflows.core.engine.activation import uncovered, untested_rules
    from dataflows.core.policy.altered import newly_automatic

    found = None if report is None else _report(report)
    if found is not None and found.new.version != policy.version:
        raise MisuseError(f"--backtest {report}: of version {found.new.version}, and the policy to activate is version {policy.version}")
    covered = () if found is None else found.covered
    if old is not None:
        untested = untested_rules(old, policy, covered, None if found is None else found.old.version)
    else:
        # What holds is not known here: whatever is automatic and cannot be undone may be new.
        untested = uncovered(newly_automatic(_nothing(policy), policy), covered)
    if untested is not None:
        known = "" if old is not None else ", or name the policy that holds (--against), if it does so already"
        raise MisuseError(f"{untested}; give the folder that `orderwatch backtest --out` wrote (--backtest){known}")
    return {} if found is None else {"against": found.old.version, "covered": list(found.covered)}


def _nothing(policy: Policy) -> Policy:
    """The policy with every rule off."""
    from dataclasses import replace

    return replace(policy, base=tuple(replace(setting, switch="off") for setting in policy.base), overrides=())


def _report(path: Path) -> Report:
    import msgspec

    from dataflows.detect.backtest.report import Report
    from dataflows.detect.backtest.run import REPORT

    file = path / REPORT if path.is_dir() else path
    try:
        return msgspec.json.decode(file.read_bytes(), type=Report)
    except OSError as error:
        raise refused(error, file, name="--backtest") from error
    except msgspec.DecodeError as error:
        raise MisuseError(f"--backtest {file}: no report of `orderwatch backtest --out`: {error}") from error
