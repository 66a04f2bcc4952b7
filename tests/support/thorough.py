"""An engine that saves no work: what the real one must say the same as.

`thorough` makes every active rule be judged at every event of an order, and every unit be looked at that a date is about. It replaces what
the rules say of when they need to be judged, and is the one place to change where that is kept elsewhere. `Rejudged` uses nothing but the
public face of a shard: after every record it goes on in a new shard, from rows, that judges every order again at that instant, as after a
change of the policy.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import patch

from dataflows.core.engine.orders import HOT
from dataflows.core.engine.shard import Shard
from dataflows.core.rules import RULES, dates
from dataflows.core.rules.dates import over_before
from dataflows.core.rules.model import Triggers
from schemas.events import DATA_MODELS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from dataflows.core.history.facts import Facts
    from dataflows.core.policy import Policy, RuleSetting
    from dataflows.core.rules.conditions import Condition
    from dataflows.core.rules.model import Judge, Rule
    from schemas.learned import Showing
    from schemas.output import OutputRecord
    from schemas.record import FeedWatermark, IdentityFinding, Orphan, Record, Silences

ALWAYS = (*DATA_MODELS, "note", "future", "estimate")
"""Every event and every finding of the identity stages has one of these."""
JUDGED: Counter[str] = Counter()
"""How often each kind was judged by an engine that saves no work."""


def _counted(rule: Rule) -> Judge:
    def judge(facts: Facts, setting: RuleSetting) -> Iterable[Condition | None]:
        JUDGED[rule.kind] += 1
        return rule.judge(facts, setting)

    return judge


THOROUGH = tuple(replace(rule, judge=_counted(rule), triggers=Triggers(on=ALWAYS), fits=None) for rule in RULES)


def _not_known(*_: object) -> bool:
    return False


@contextmanager
def thorough(policy: Policy) -> Generator[Policy]:
    """Shards that are made here under the policy that this gives judge every active rule at every event of an order.

    Meanwhile all shards look at every unit: what is compared with them runs before.
    """
    with patch.object(dates, over_before.__name__, _not_known):
        yield replace(policy, rules=THOROUGH)


class Rejudged:
    """Looks like a shard. At every instant that a record comes it judges all its orders again, from what is stored of them."""

    def __init__(self, policy: Policy, hot: int = HOT) -> None:
        self._policy, self._hot = policy, hot
        self._shard = Shard(policy, hot)
        self._said: list[OutputRecord] = []

    @property
    def policy(self) -> Policy:
        """The policy that holds."""
        return self._shard.policy

    def apply(self, record: Record | IdentityFinding | FeedWatermark | Orphan | Silences) -> None:
        """Takes what a shard takes."""
        self._shard.apply(record)
        self._said += self._shard.drain()
        rows, self._shard = list(self._shard.rows()), Shard(self._policy, self._hot)
        self._shard.restore(rows, reevaluate_at=record.log)

    def learn(self, showings: Iterable[Showing]) -> None:
        """Takes in what was seen to be emitted."""
        self._shard.learn(showings)

    def advance(self, to: int, *, inclusive: bool = True) -> None:
        """Lets log time pass."""
        self._shard.advance(to, inclusive=inclusive)

    def drain(self) -> list[OutputRecord]:
        """What was said since the last call, in order."""
        said, self._said = [*self._said, *self._shard.drain()], []
        return said
