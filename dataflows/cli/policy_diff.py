"""`orderwatch policy diff`: what changes from one policy to another, in the words of the policy."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from schemas.counts import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from dataflows.core.policy import Policy
    from dataflows.core.policy.diff import PolicyChange, PolicyDiff

WIDEST = 18
"""Columns of the names of settings; longer ones push their line."""
Named = Annotated[str, typer.Argument(metavar="OLD", help="The policy as it is: a file, a state directory, or `defaults`.")]
Other = Annotated[str, typer.Argument(metavar="NEW", help="The policy as it is to be: likewise.")]


def diff(old: Named, new: Other, as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False) -> None:
    """Say what changes from one policy to another, by rule and setting: values as they hold, with defaults and overrides."""
    from dataflows.core.policy.diff import diff as differences

    before, after = options.named_policy(old), options.named_policy(new)
    found = differences(before, after)
    if as_json:
        import msgspec

        sides = {
            side: {"named": text, "name": policy.name, "version": policy.version}
            for side, text, policy in (("old", old, before), ("new", new, after))
        }
        report = {**sides, "same": not found.changes, "restart": found.restart, "changes": found.changes}
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    from rich.console import Console

    console = Console(highlight=False)
    for line in _lines(before, after, found):
        console.print(line, soft_wrap=True)


def _lines(old: Policy, new: Policy, found: PolicyDiff) -> Iterator[Text]:
    from rich.text import Text

    yield Text(f"{old.name}, version {old.version} → {new.name}, version {new.version}", style="bold")
    if not found.changes:
        yield Text("nothing changes" + ("" if old.name == new.name else " but the name"))
        return
    for place, changes in groupby(found.changes, key=_place):
        several = [*changes]
        yield Text()
        yield Text(place + (" (a restart)" if several[0].section in found.restart else ""), style="bold")
        for change in several:
            yield _line(change)
    yield Text()
    yield Text(f"changes: {_count(found)}")
    if found.restart:
        yield Text(f"needs a clean stop and a restart: {', '.join(found.restart)}", style="yellow")


def _count(found: PolicyDiff) -> str:
    """How much changes."""
    changed = [change for change in found.changes if change.old != change.new]
    of_rules = [change for change in changed if change.kind is not None]
    kinds = len({change.kind for change in of_rules})
    sections = len({change.section for change in changed if change.kind is None})
    parts = [f"{counted(len(of_rules), 'setting')} of {counted(kinds, 'rule')}"] if of_rules else []
    parts += [counted(sections, "other section" if parts else "section")] if sections else []
    return ", ".join(parts)


def _place(change: PolicyChange) -> str:
    from dataflows.core.policy.diff import words

    if change.kind is None:
        return change.section
    return change.kind if change.when is None else f"{change.kind}, orders with {words(change.when)}"


def _line(change: PolicyChange) -> Text:
    from rich.text import Text

    line = Text(f"  {change.setting:<{WIDEST}} " if change.setting else "  ")
    if change.old == change.new:
        line.append(f"stays {change.new}", style="dim")
        return line
    line.append(change.old if change.old is not None else "(none)", style="red" if change.old is not None else "dim")
    line.append(" → ")
    line.append(change.new if change.new is not None else "(none)", style="green" if change.new is not None else "dim")
    return line
