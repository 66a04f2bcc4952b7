"""The tables of actions that documents show: written from the tables that the engine asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dataflows.core.rules import RULES
from dataflows.core.rules.legality import ALWAYS, BY_DOMAIN, legal
from schemas.actions import ACTIONS, STEPS
from schemas.messages import TOPICS, domains_of, kinds_of
from sinks.actions.checking import FULL, sample_action
from sinks.actions.messages import variables

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


def topics(table: Table) -> str:
    """What messages are about, and of which kinds of exceptions."""
    rows: list[Row] = []
    for topic in TOPICS.values():
        kinds = [*(f"`{kind}`" for kind in kinds_of(topic.name)), *(f"other `{domain}.*`" for domain in domains_of(topic.name))]
        rows.append((f"`{topic.name}`", topic.about, "the promise ahead" if topic.dated else "", ", ".join(kinds) or "all other kinds"))
    return table(("topic", "what", "names", "of"), rows)


def template_variables(table: Table) -> str:
    """What a template may use."""
    words = {
        "order_id": "the order",
        "action": "the action",
        "step": "the rule's word for it, which may be finer",
        "kind": "the kind of its exception; empty where there is none",
        "topic": "what it is about",
        "promised_by": "the date that it names, as it was stated, or none; `| date` gives its `year`, `month` and `day`",
        "total": "such as `129.90 EUR`, or none",
        "country": "of the destination, or none",
        "shipments": "each with `carrier`, `tracking_numbers` and `delivered`",
        "tracking_numbers": "of all shipments",
    }
    names = variables(sample_action("shipment.stuck", "delay", "email", "en", None), FULL)
    return table(("variable", "is"), ((f"`{name}`", words[name]) for name in names))
