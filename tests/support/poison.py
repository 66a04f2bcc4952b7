"""Makes the program fail on one order, as a fault in a rule or in the heart would: `ORDERWATCH_TEST_POISON=KIND:ORDER`.

KIND is a rule's kind, or `timeline` for the code outside of rules. `python -m tests.support.poison run ...` is then `orderwatch run ...`
with that fault in it; the program itself knows nothing of this.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dataflows.cli import main as cli
from dataflows.core.engine import classify as traits
from dataflows.core.engine import engine
from dataflows.core.engine.classify_parcels import EventTraits
from dataflows.core.engine.order import Order
from dataflows.core.rules import RULES_BY_KIND

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from dataflows.core.history.facts import Facts
    from dataflows.core.policy import RuleSetting
    from dataflows.core.rules.conditions import Condition
    from dataflows.core.rules.model import Judge
    from schemas.record import Record

VARIABLE = "ORDERWATCH_TEST_POISON"


class PoisonError(Exception):
    """What the poisoned code throws; its text must never be seen outside."""


@contextmanager
def poisoned(kind: str, order: str) -> Generator[None]:
    """While inside, the rule `kind` (or `timeline`) throws for the order of this ID."""
    with pytest.MonkeyPatch.context() as patch:
        if kind == "timeline":
            classify = traits.classify

            def throwing(one: Order, record: Record) -> EventTraits:
                if one.id == order:
                    raise PoisonError(order)
                return classify(one, record)

            patch.setattr(engine, "classify", throwing)
        else:
            rule = RULES_BY_KIND[kind]
            judge = rule.judge
            # Policies that are loaded already hold this very rule.
            object.__setattr__(rule, "judge", _throwing(judge, order))
            try:
                yield
            finally:
                object.__setattr__(rule, "judge", judge)
            return
        yield


def _throwing(judge: Judge, order: str) -> Judge:
    def throw(facts: Facts, setting: RuleSetting) -> Iterable[Condition | None]:
        if any(record.order == order for record in facts.t.records):
            raise PoisonError(order)
        return judge(facts, setting)

    return throw


def main() -> None:
    """The command line with the fault that the environment asks for."""
    kind, _, order = os.environ[VARIABLE].partition(":")
    with poisoned(kind, order):
        cli.main()


if __name__ == "__main__":
    main()
