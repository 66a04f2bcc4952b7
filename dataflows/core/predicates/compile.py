"""From a predicate's text to a Python function: names and types are checked once, here, so that asking it can neither fail nor surprise.

What is not known is neither true nor false: a test of it does not hold, and its negation does not hold either. To that end negations are
pushed down to the tests (De Morgan) when a predicate is compiled, and a test whose value is missing answers False in both forms; so the
function needs no third value, and is true exactly where Kleene's logic says true.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from dataflows.core.history.facts import Facts
from dataflows.core.predicates.closures import Ask
from dataflows.core.predicates.compiler import PredicateCompiler
from dataflows.core.predicates.syntax import FieldName, Junction, Literal, Mistake, Node, SyntaxMistakeError, Test, parse
from dataflows.core.predicates.types import Part

_COMPILED = 1_024
"""Predicates that are remembered: each of the shards of a process asks those of its policy."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A checked predicate. Equal texts about equal parts are equal.

    `inputs` are the types of the events that can change its answer; `statuses` those of `event.status` for which it can hold (empty: any).
    """

    text: str
    part: Part
    events: tuple[str, ...]
    inputs: frozenset[str] = field(compare=False)
    statuses: frozenset[str] = field(compare=False)
    ask: Ask = field(compare=False, repr=False)

    def holds(self, facts: Facts, part: object = None) -> bool:
        """Whether it is known to be true. `part`: the part of the order that it is about. Of an order not yet placed nothing is known."""
        return facts.placed is not None and self.ask(facts, part)


def compile_predicate(text: str, part: Part = Part.ORDER, events: Iterable[str] = ()) -> Predicate | tuple[Mistake, ...]:
    """The predicate that a text states about a part of an order, or everything that is wrong with it.

    `events`: of Part.EVENT the types of the events that it is asked of.
    """
    return _compiled(text, part, tuple(events))


@lru_cache(_COMPILED)
def _compiled(text: str, part: Part, events: tuple[str, ...]) -> Predicate | tuple[Mistake, ...]:
    try:
        tree = parse(text)
    except SyntaxMistakeError as error:
        return (error.mistake,)
    compiler = PredicateCompiler(part, events)
    ask = compiler.node(tree, negated=False)
    if compiler.mistakes:
        return tuple(sorted(compiler.mistakes, key=lambda mistake: mistake.at))
    return Predicate(text, part, events, frozenset(compiler.inputs), _statuses(tree), ask)


def _statuses(node: Node) -> frozenset[str]:
    """The values of `event.status` for which a predicate can hold; empty where it says nothing of them."""
    match node:
        case Test(operator="==", left=FieldName(name="event.status"), right=Literal() as constant):
            return frozenset((str(constant.value),))
        case Test(operator="in", left=FieldName(name="event.status"), right=tuple() as constants):
            return frozenset(str(constant.value) for constant in constants if isinstance(constant, Literal))
        case Junction(word="and"):
            return next((found for body in node.bodies if (found := _statuses(body))), frozenset[str]())
        case Junction(word="or"):
            each = [_statuses(body) for body in node.bodies]
            return frozenset[str]().union(*each) if all(each) else frozenset()
        case _:
            return frozenset()
