"""`orderwatch explain`: one decision, told from its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dataflows.commands.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

Data = dict[str, object]
LABEL_WIDTH = 11


def explain(
    exception_id: Annotated[str, typer.Argument(help="The ID of an exception, or the beginning of one.")],
    folder: Annotated[Path, typer.Option("--in", help="The folder that a replay has written.")] = Path(),
) -> None:
    """Say what was decided, by which rule, from which evidence, and what would have prevented it."""
    from rich.console import Console

    events = history(folder / "exceptions.jsonl", exception_id)
    tell(Console(highlight=False), events)


def history(path: Path, prefix: str) -> list[tuple[str, Data]]:
    """All events of the one exception whose ID begins with `prefix`, as (type, data), in order.

    Raises MisuseError if the file cannot be read, or if no exception, or more than one, is meant.
    """
    import orjson

    wanted = prefix.strip().lower()
    # IDs stand in the lines as they are, so most lines need not be parsed.
    mark = b'"exception_id":"' + wanted.encode()
    found: dict[str, list[tuple[str, Data]]] = {}
    try:
        with path.open("rb") as file:
            for line in file:
                if mark in line:
                    event = cast("Data", orjson.loads(line))
                    data = cast("Data", event["data"])
                    if str(data["exception_id"]).startswith(wanted):
                        found.setdefault(str(data["exception_id"]), []).append((str(event["type"]), data))
    except OSError as error:
        raise MisuseError(f"{path}: {(error.strerror or str(error)).lower()}; name the folder of a replay with --in") from error
    except orjson.JSONDecodeError as error:
        raise MisuseError(f"{path}: not written by orderwatch: {error}") from error
    if not wanted or not found:
        raise MisuseError(f"no exception {prefix} in {path}")
    if len(found) > 1:
        raise MisuseError(f"{prefix} is the beginning of {len(found)} IDs, such as {' and '.join(sorted(found)[:2])}")
    return sorted(next(iter(found.values())), key=lambda event: cast("int", event[1]["sequence"]))


def tell(console: Console, events: Sequence[tuple[str, Data]]) -> None:
    """Prints the history of one exception for people."""
    from rich.text import Text

    from dataflows.core.rules import RULES_BY_KIND
    from sinks.terminal import STYLES

    data = events[-1][1]
    rule = RULES_BY_KIND.get(str(data["kind"]))
    scope = f", {data['scope']}" if data["scope"] is not None else ""
    title = Text(f"{data['kind']} ", style="bold")
    title.append(f"{data['severity']}", style=STYLES[str(data["severity"])])
    title.append(f"  order {data['order_id']}{scope}  ")
    title.append(f"{data['status']}", style="bold")
    console.print(title)
    console.print(Text(str(data["summary"])), soft_wrap=True)
    console.print()

    _line(console, "exception", f"{data['exception_id']} (episode {data['episode']})")
    if rule is not None:
        _line(console, "rule", rule.definition)
        _line(console, "clears by", rule.clears)
    policy = cast("Mapping[str, str]", data["policy"])
    mode = "in shadow: nobody is called" if policy["mode"] == "shadow" else policy["mode"]
    _line(console, "policy", f"version {policy['version']}, rule {policy['rule']} is {mode}")
    _line(console, "deadline" if data["due_at"] else "instant", str(data["arithmetic"]))
    _line(console, "owner", f"{data['owner']}, lane {data['lane']}{', automation must pause' if data['blocking'] else ''}")
    terms = cast("Mapping[str, int]", data["score_terms"])
    _line(console, "score", f"{data['score']} = {' + '.join(f'{name} {points}' for name, points in terms.items() if points) or '0'}")
    if data.get("suppressed_by"):
        _line(console, "suppressed", f"by {data['suppressed_by']}, which says more")

    _title(console, "Evidence")
    proof = cast("list[Mapping[str, object]]", data["evidence"])
    for piece in sorted(proof, key=lambda piece: str(piece["time"])):
        place = f"{piece['topic']}:{piece['offset']}" if piece.get("topic") else ""
        console.print(Text(f"  {piece['time']}  {piece['type']:<26} {piece['source']}  {piece['id']}  {place}".rstrip()), soft_wrap=True)

    _title(console, "What was said")
    for type_, said in events:
        resolution = f" ({said['resolution']})" if said.get("resolution") else ""
        what = f"{said['sequence']}. {type_.removeprefix('exception.'):<10}"
        console.print(Text(f"  {said['detected_at']}  {what} {said['severity']}, {said['status']}{resolution}"), soft_wrap=True)

    _title(console, "What now")
    for advice in cast("list[Mapping[str, str]]", data["recommended"]):
        console.print(Text(f"  {advice['action'].replace('_', ' ')}: {advice['reason']}"), soft_wrap=True)
    if rule is not None:
        console.print(Text(f"  It would not have come to this with {rule.prevented_by}.", style="dim"), soft_wrap=True)


def _title(console: Console, text: str) -> None:
    from rich.text import Text

    console.print()
    console.print(Text(text, style="bold"))


def _line(console: Console, label: str, text: str) -> None:
    from rich.text import Text

    line = Text(f"  {label:<{LABEL_WIDTH}} ", style="dim")
    line.append(text, style="not dim")
    console.print(line, soft_wrap=True)
