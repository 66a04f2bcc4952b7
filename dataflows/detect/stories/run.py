"""What the engine says of a story under a policy, and how that differs from what the story expects, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import orjson

from dataflows.core.engine.shard import Shard
from dataflows.core.policy import Policy
from dataflows.core.policy.model import Place
from dataflows.detect.offline import position, records_of, steps
from dataflows.detect.stories.compare import compared
from dataflows.detect.stories.decided import ActionReference, Reference
from dataflows.detect.stories.said import Said, at_instant
from dataflows.detect.stories.story import Story
from schemas.instants import iso
from schemas.record import FeedWatermark, Record
from schemas.wire import decode
from sources.watermarks import WatermarkSampler


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is otherwise than a story expects: as of which instant, and what."""

    as_of: str
    line: int
    words: str


def differences(story: Story, policy: Policy) -> list[Difference]:
    """Everything that is otherwise than the story expects; empty if it holds. A story that states its own policy is told under that.

    Feeds count as alive and on time: a story tells what happens, not how its messages travel. Only those that its own policy declares are
    watched.

    Raises:
        Rejected: if an event of the story is none.
    """
    policy = policy_for(story, policy)
    records = records_of(story.lines)
    about = dict(story.about)
    for record in records:
        record.topic = story.topics.get(record.offset, record.topic)
    records.sort(key=position)
    marks = _marks(records, policy)
    stops = {at_instant(expected.as_of) + 1 for expected in story.checkpoints}
    cuts = sorted(stops | {record.log for record in records if record.offset in about})
    found: list[Difference] = []
    said, shard = Said(), Shard(policy)
    for step in steps(records, policy, shard, cuts, marks):
        said.take(step.outs, shard)
        found += _resolved(records, about, step.to, said, story)
        if step.to in stops:
            for expected in story.checkpoints:
                if at_instant(expected.as_of) == step.to - 1:
                    found += [Difference(expected.as_of, line, words) for line, words in compared(expected, said, story.times)]
            said.rejects.clear()
    return found


def policy_for(story: Story, policy: Policy) -> Policy:
    """The policy that a story is told under: its own, else `policy`, with what the story adds to it."""
    policy = story.policy or replace(policy, feeds={})
    return replace(
        policy,
        # One story teaches nothing: what the feeds tell of is what it says, and the scans of carriers.
        emits=policy.emits | {"scans"} | set(story.emits),
        learns=False,
        sites={
            **policy.sites,
            **{name: Place(site.get("country"), site.get("zone")) for name, site in story.sites.items()},
        },
    )


def _marks(records: Sequence[Record], policy: Policy) -> list[FeedWatermark]:
    if not policy.feeds:
        return []
    sampler = WatermarkSampler(policy.lateness)
    return [mark for record in records if (mark := sampler.sample(record)) is not None]


def _resolved(records: list[Record], about: dict[int, Reference], now: int, said: Said, story: Story) -> Iterator[Difference]:
    """Completes the decisions of an instant by what had been said before it; drops those about an action that never was."""
    for record in [record for record in records if record.log == now and record.offset in about]:
        reference, place = about.pop(record.offset), records.index(record)
        found: dict[str, object]
        if isinstance(reference, ActionReference):
            action = said.action(reference)
            if action is None:
                words = f"{record.event.type}: no action {reference} of {reference.order} has been said by then"
                del records[place]
                yield Difference(iso(now), story.rows[record.offset], words)
                continue
            found = {name: action.data[name] for name in ("action_id", *(("payload_hash",) if reference.hashed else ()))}
        else:
            found = {"exception_id": said.exception(reference)}
        line = story.lines[record.offset]
        raw = orjson.dumps({**line, "data": cast("dict[str, object]", line["data"]) | found})
        records[place] = Record(record.log, record.topic, 0, record.offset, 0, record.at, record.order, decode(raw), raw)
