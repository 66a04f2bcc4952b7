"""The guardrails of a policy: their predicates, checked where the file is, and asked of an order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dataflows.core.history.facts import Facts
from dataflows.core.policy.handling import Guardrail
from dataflows.core.predicates import Predicate, compile_predicate
from schemas.tree import Fault, Tree


class Objection(NamedTuple):
    """A guardrail that spoke: what it does (`review`, `block`, `hold`), and why, in words."""

    name: str
    effect: str
    reason: str


class Guard(NamedTuple):
    """A guardrail with its predicate."""

    guardrail: Guardrail
    predicate: Predicate


def guards_of(guardrails: Iterable[Guardrail]) -> tuple[Guard, ...]:
    """The guardrails of a policy, ready to be asked.

    Raises:
        ValueError: if a predicate is wrong; a checked policy has none such.
    """
    found: list[Guard] = []
    for each in guardrails:
        predicate = compile_predicate(each.when)
        if not isinstance(predicate, Predicate):
            raise ValueError(f"guardrail {each.name}: {predicate[0]}")  # noqa: TRY004 (the text is wrong, not its type)
        found.append(Guard(each, predicate))
    return tuple(found)


def speak(guards: Iterable[Guard], facts: Facts) -> list[tuple[Objection, frozenset[str]]]:
    """The guardrails that hold for an order, each with the actions that it is about (empty: all)."""
    return [
        (Objection(guardrail.name, guardrail.lane, f"{guardrail.says} ({guardrail.when})"), frozenset(guardrail.actions))
        for guardrail, predicate in guards
        if predicate.holds(facts)
    ]


def guardrail_faults(tree: Tree) -> Iterator[Fault]:
    """What is wrong with the predicates of the guardrails that a file states."""
    stated = tree.data.get("guardrails") if isinstance(tree.data, dict) else None
    for name, entry in stated.items() if isinstance(stated, dict) else ():
        when = entry.get("when") if isinstance(entry, dict) else None
        if not isinstance(when, str):
            continue  # The form says that it is missing.
        found = compile_predicate(when)
        for mistake in () if isinstance(found, Predicate) else found:
            yield tree.fault(("guardrails", name, "when"), str(mistake), mistake.suggestion)
