"""`orderwatch policy explain`: which settings hold for a kind, and where each comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataflows.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.text import Text

    from dataflows.core.policy import Dims, Policy
    from dataflows.core.policy.origin import Layer, Origin

WIDEST = 18
MANY = ("sku", "seller", "tags", "hold")
"""What an order may have several of."""


def explain(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="The kind of exception, such as fulfilment.ship_overdue.")],
    policy: Annotated[Path | None, typer.Option(help="The policy; the built-in defaults if absent.", metavar="POLICY")] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What is known of an order, such as tier=gold or value='600 EUR'; give it again for more."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Say which settings hold for a kind and where each comes from: the default, a rule's entry, an override; for all orders or one.

    It ends with what the score of an exception of that kind is made of.
    """
    from dataflows.core.policy.check import PolicyError
    from dataflows.core.policy.effective_handling import priority_of
    from dataflows.core.policy.origin import calendar_of, origins, others
    from dataflows.core.rules.load import read_policy

    try:
        read = read_policy(policy)
    except PolicyError as error:
        raise MisuseError(*map(str, error.problems)) from error
    known = {rule.kind: rule for rule in read.policy.rules}
    if kind not in known:
        from schemas.problems import nearest

        meant = nearest(kind, known)
        raise MisuseError(f"{kind}: no such kind" + (f"; did you mean {meant}?" if meant else "; `orderwatch policy show` lists all"))
    dims = _dims(order) if order else None
    found = origins(known[kind], read.policy, read.form, read.tree, dims)
    beside = others(known[kind], read.policy, read.form, read.tree) if dims is None else ()
    clock = next((one.value for one in found if one.setting == "clock"), None)
    calendar = calendar_of(read.policy, clock, dims).name if clock is not None and dims is not None else None
    if as_json:
        import msgspec

        report = {
            "kind": kind,
            "policy": {"name": read.policy.name, "version": read.policy.version},
            "order": {name: sorted(value) if name in MANY else value for name, value in dims._asdict().items() if value} if dims else None,
            "calendar": calendar,
            "settings": found,
            "priority": priority_of(read.policy.priority),
            "overrides": beside,
        }
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    from rich.console import Console

    console = Console(highlight=False)
    for line in _lines(kind, read.policy, found, beside, policy):
        console.print(line, soft_wrap=True)
    if calendar is not None:
        console.print(f"business time counts by: {calendar}", soft_wrap=True, markup=False)


def _dims(stated: Sequence[str]) -> Dims:
    """What is known of an order, as overrides ask for it."""
    from dataflows.core.policy import Dims
    from schemas.problems import nearest

    found: dict[str, list[str]] = {}
    problems: list[str] = []
    for text in stated:
        name, equals, value = (part.strip() for part in text.partition("="))
        if name not in Dims._fields:
            meant = nearest(name, Dims._fields)
            problems.append(f"--order {text}: an order has no {name}" + (f"; did you mean {meant}?" if meant else ""))
        elif not equals or not value:
            problems.append(f"--order {text}: write it like tier=gold")
        elif name in found and name not in MANY:
            problems.append(f"--order {text}: {name} is given twice")
        else:
            found.setdefault(name, []).append(value)
    values = {name: texts[0] for name, texts in found.items() if name not in MANY}
    problems += _placed(values)
    if problems:
        raise MisuseError(*problems)
    known: dict[str, Any] = {**values, **{name: frozenset(texts) for name, texts in found.items() if name in MANY}}
    return Dims(**known)


def _placed(values: dict[str, str]) -> Iterator[str]:
    """Puts what is meant in place of countries, regions and amounts; gives what means nothing."""
    import re

    from schemas.place_names import country_code, region_code

    if (country := values.get("country")) is not None:
        if (code := country_code(country)) is None:
            yield f"--order country={country}: no such country"
        else:
            values["country"] = code
            region = values.get("region")
            part = None if region is None else region_code(code, region)
            if region is not None and part is None:
                yield f"--order region={region}: {code} has no such region"
            elif part is not None:
                values["region"] = f"{code}-{part}"
    if (value := values.get("value")) is not None and not re.fullmatch(r"\d{1,12}(\.\d{1,6})? [A-Z]{3}", value):
        yield f"--order value={value}: write it like '600 EUR'"


def _lines(kind: str, policy: Policy, found: Sequence[Origin], beside: Sequence[Layer], file: Path | None) -> Iterator[Text]:
    from rich.text import Text

    rule = next(one for one in policy.rules if one.kind == kind)
    yield Text(f"{kind}  policy {policy.name}, version {policy.version}", style="bold")
    yield Text(" ".join(rule.definition.split()))
    yield Text()
    for one in found:
        line = Text(f"{one.setting:<{WIDEST}} {one.value or '(none)'}")
        where = f"{one.layer}{_at(file, one.line)}"
        line.append(f"  {'moved along with ' if one.moved else ''}{where}", style="dim" if one.line is None else "cyan")
        if one.before:
            line.append(f", was {' then '.join(dict.fromkeys(one.before))}", style="dim")
        yield line
    for layer in beside:
        own = {one.setting: one.value for one in found}
        yield Text()
        yield Text(f"{layer.name}{_at(file, layer.line)}", style="bold")
        for name, value in layer.settings.items():
            if name in layer.stated or value != own[name]:
                yield Text(f"  {name:<{WIDEST - 2}} {value}")
    yield Text()
    yield Text("score (section priority, for all kinds; the most points of each term)", style="bold")
    yield from (Text(f"  {line}") for line in _weights(policy, found))
    if rule.source:
        yield Text()
        yield Text(f"default from: {' '.join(rule.source.split())}", style="dim")


def _weights(policy: Policy, found: Sequence[Origin]) -> Iterator[str]:
    """What the score of an exception of a kind is made of."""
    from dataflows.core.policy.diff import written
    from dataflows.core.policy.effective_handling import priority_of

    weights = priority_of(policy.priority)
    severity = next(one.value for one in found if one.setting == "severity")
    for name, value in weights.items():
        points = (
            f" ({severity}: {policy.priority.severity[severity]})" if name == "severity" and severity in policy.priority.severity else ""
        )
        yield f"{name:<{WIDEST - 2}} {written(value)}{points}"


def _at(file: Path | None, line: int | None) -> str:
    return "" if line is None or file is None else f" ({file}:{line})"
