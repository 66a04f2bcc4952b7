"""`orderwatch policy`: checks a policy file, writes out everything that holds under it, or runs stories under it."""

from pathlib import Path
from typing import Annotated

import typer

from dataflows.cli.stories import run_stories

app = typer.Typer(
    name="policy", help="Check a policy file, show everything that holds under it, or run stories under it.", no_args_is_help=True
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
    from dataflows.core.policy.check import PolicyError
    from dataflows.core.policy.show import render
    from dataflows.core.rules.load import load_policy

    try:
        policy = load_policy(file)
    except PolicyError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        raise typer.Exit(UNUSABLE) from None
    typer.echo(render(policy), nl=False)


app.command("test")(run_stories)
