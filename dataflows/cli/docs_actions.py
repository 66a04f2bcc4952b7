"""The tables of actions that documents show: written from the tables that the engine asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dataflows.core.rules import RULES
from dataflows.core.rules.legality import ALWAYS, BY_DOMAIN, legal
from schemas.actions import ACTIONS, STEPS

Row = tuple[str, ...]
Table = Callable[[Row, Iterable[Row]], str]


def actions(table: Table) -> str:
    """All actions."""
    head = ("action", "what", "changes", "can be undone", "a person must agree", "needs", "executors", "is made good by")
    return table(
        head,
        (
            (
                f"`{spec.name}`",
                spec.about,
                spec.target,
                "yes" if spec.reversible else "no",
                "money" if spec.money else "yes" if spec.approval else "by lane",
                ", ".join(f"`{name}`" for name in spec.needs),
                ", ".join(spec.executors),
                f"`{spec.compensation}`" if spec.compensation else "",
            )
            for spec in ACTIONS.values()
        ),
    )


def steps(table: Table) -> str:
    """The steps of rules by their action."""
    found: dict[str, list[str]] = {}
    for step, action in sorted(STEPS.items()):
        found.setdefault(action, []).append(f"`{step}`")
    return table(("action", "steps of rules"), ((f"`{action}`", ", ".join(names)) for action, names in sorted(found.items())))


def legality(table: Table) -> str:
    """Which actions are legal for which kinds."""
    rows: list[Row] = [("all", ", ".join(f"`{name}`" for name in sorted(ALWAYS)))]
    rows += [(f"`{domain}.*`", ", ".join(f"`{name}`" for name in sorted(found))) for domain, found in BY_DOMAIN.items() if found]
    for rule in RULES:
        own = legal(rule.kind) - ALWAYS - BY_DOMAIN.get(rule.kind.partition(".")[0], frozenset())
        if own:
            rows.append((f"`{rule.kind}`", ", ".join(f"`{name}`" for name in sorted(own))))
    custom = legal("custom.any")
    rows.append(("`custom.*`", "all but " + ", ".join(f"`{name}`" for name in ACTIONS if name not in custom)))
    return table(("kinds", "actions, besides those above"), rows)
