"""What is wrong with stories under a policy: kinds that it does not have, and events that the contract does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataflows.core.policy import Policy
from dataflows.detect.offline import records_of
from dataflows.detect.stories.story import Story
from schemas.deciding import is_decision
from schemas.envelope import HEARTBEAT
from schemas.problems import Problem, nearest
from schemas.wire import Rejected


def problems_with(story: Story, policy: Policy) -> Iterator[Problem]:
    """Everything that keeps the story from being run under the policy."""
    known = [setting.kind for setting in (story.policy or policy).base]
    named = dict.fromkeys(story.kinds, story.line)
    for expected in story.checkpoints:
        named |= {kind: expected.line for kind in expected.kinds if kind not in named}
        for one in expected.expectations:
            named.setdefault(one.kind, one.line)
        for action in expected.actions:
            named.setdefault(action.kind or "", action.line)
    named.pop("", None)
    for kind, line in named.items():
        if kind not in known:
            yield Problem(story.file, line, 1, "kind", f"the policy has no kind {kind!r}{_hint(kind)}", nearest(kind, known))
    for line, event in zip(story.rows, story.lines, strict=True):
        try:
            records_of([event])
        except Rejected as error:
            yield Problem(story.file, line, 1, "events", f"no event of the contract: {error}")
    for expected in story.checkpoints:
        yield from _unknown_orders(story, expected.named)


def _hint(kind: str) -> str:
    return ": a rule of your own is in the policy that --policy names" if kind.startswith("custom.") else ""


def _unknown_orders(story: Story, orders: Mapping[str, int]) -> Iterator[Problem]:
    facts = [event for event in story.lines if event["type"] != HEARTBEAT and not is_decision(str(event["type"]))]
    subjects = {str(event.get("subject")) for event in facts}
    for order in sorted(orders.keys() - subjects):
        if any("subject" not in event for event in facts):
            return  # What an alias stands for shows only when the story is run.
        yield Problem(story.file, orders[order], 1, "expect", f"no event of the story is of order {order!r}", nearest(order, subjects))
