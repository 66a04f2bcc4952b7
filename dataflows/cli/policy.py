"""`orderwatch policy`: checks a policy file, shows what holds under it and what another changes, what is waited for, or runs stories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli.policy_activate import activate
from dataflows.cli.policy_diff import diff
from dataflows.cli.policy_explain import explain
from dataflows.cli.stories import run_stories
from dataflows.errors import MisuseError, ending, refused

if TYPE_CHECKING:
    from rich.console import Console

    from dataflows.core.policy import Policy
    from dataflows.detect.armed import ArmedReport

app = typer.Typer(
    name="policy",
    help="Check a policy file, show what holds under it, what changes from another, and what is waited for, or run stories under it.",
    no_args_is_help=True,
)

UNUSABLE = 2
"""The exit code for an unusable configuration."""


@app.command()
def check(file: Annotated[Path, typer.Argument(help="The policy, a YAML file.", metavar="POLICY")]) -> None:
    """Check a policy; every mistake, and what would have no effect, is named with file, line, field and what was probably meant."""
    from dataflows.core.policy.reach import silent_rules
    from dataflows.core.rules.load import check_policy, load_policy

    problems = check_policy(file)
    for problem in problems:
        typer.echo(str(problem), err=True)
    if not all(problem.warning for problem in problems):
        raise typer.Exit(UNUSABLE)
    policy = load_policy(file)
    switches = [setting.switch for setting in policy.base]
    counts = ", ".join(f"{switches.count(switch)} {switch}" for switch in ("on", "shadow", "off"))
    own = sum(rule.stated is not None for rule in policy.rules)
    counts += f"; of your own: {own}" if own else ""
    typer.echo(f"ok: {file} is policy {policy.name!r}, version {policy.version} (rules: {counts}; overrides: {len(policy.overrides)})")
    waiting: dict[str, list[str]] = {}
    for kind, awaited in silent_rules(policy.rules, policy.base, None if policy.learns else policy.emits).items():
        waiting.setdefault(" or ".join(awaited), []).append(kind)
    if waiting:
        typer.echo("say nothing, since `emits` does not list what they wait for:")
        for milestones, kinds in sorted(waiting.items()):
            typer.echo(f"  {milestones}: {', '.join(kinds)}")


@app.command()
def show(
    file: Annotated[Path | None, typer.Argument(help="The policy; the built-in defaults if absent.", metavar="[POLICY]")] = None,
) -> None:
    """Write out the complete effective policy as commented YAML, a file to start from."""
    from dataflows.core.policy.show import render

    typer.echo(render(_loaded(file)), nl=False)


@app.command()
def armed(
    events: Annotated[list[str] | None, typer.Argument(help="Recorded events, as for a replay.", metavar="[EVENTS]…")] = None,
    policy: Annotated[Path | None, typer.Option(help="The policy; the built-in defaults if absent.", metavar="POLICY")] = None,
    state: Annotated[Path | None, typer.Option(help="The state directory of an engine, which may be running.", metavar="DIR")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show for which milestones anybody waits, of whom, and why not of others: in a state, or after some events."""
    if (state is None) == (not events):
        raise MisuseError("name either EVENTS or --state")
    if state is not None and policy is not None:
        raise MisuseError("--policy goes with EVENTS: a state has its own")
    report = _by_state(state) if state is not None else _by_events(events or [], policy)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    from rich.console import Console

    _render(Console(highlight=False), report)


def _by_state(state: Path) -> ArmedReport:
    from dataflows.core.policy.check import PolicyError
    from dataflows.detect.armed import armed_in_state
    from dataflows.runtime.state.errors import StateError

    if not (state / "state.json").exists():
        raise MisuseError(f"--state {state}: not a state directory; it is what `orderwatch run` was given as its own")
    try:
        return armed_in_state(state)
    except StateError as error:
        raise ending(error) from error
    except (PolicyError, ValueError) as error:
        raise MisuseError(f"--state {state}: {error}") from error
    except OSError as error:
        raise refused(error, state, name="--state") from error


def _by_events(events: list[str], file: Path | None) -> ArmedReport:
    from dataflows.detect.armed import armed_by_events
    from sources.lines import UnreadableSourceError

    try:
        return armed_by_events(events, _loaded(file))
    except UnreadableSourceError as error:
        raise MisuseError(str(error)) from error


def _loaded(file: Path | None) -> Policy:
    from dataflows.core.policy.check import PolicyError
    from dataflows.core.rules.load import load_policy

    try:
        return load_policy(file)
    except PolicyError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        raise typer.Exit(UNUSABLE) from None


def _render(console: Console, report: ArmedReport) -> None:
    """What is waited for, for a person."""
    from rich.text import Text

    learns = f"learned of {report.enough} orders each" if report.learns else "listed by the policy"
    console.print(Text(f"policy {report.policy}, version {report.version}: what feeds tell of is {learns}", style="bold"))
    for one in report.milestones:
        line = Text(f"{one.milestone:<15}", style="bold" if one.armed else "dim")
        line.append(f"{'armed' if one.armed else 'not armed'}, {one.why}", style="not dim")
        console.print(line, soft_wrap=True)
        for teller in one.tellers:
            since = f"armed since {teller.since}" if teller.since else f"{teller.orders} of {report.enough} orders"
            console.print(Text(f"  {teller.tenant}  {teller.source}  {teller.place}: {since}"), soft_wrap=True)
        if one.kinds:
            console.print(Text(f"  waited for by {', '.join(one.kinds)}", style="dim"), soft_wrap=True)


app.command()(diff)
app.command()(explain)
app.command()(activate)
app.command("test")(run_stories)
