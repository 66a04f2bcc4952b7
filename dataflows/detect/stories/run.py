"""What the engine says of a story under a policy, and how that differs from what the story expects, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import orjson

from dataflows.core.engine.shard import Shard
from dataflows.core.policy import Policy
from dataflows.core.policy.model import Place
from dataflows.detect.offline import records_of, steps
from dataflows.detect.stories.story import Expectation, Expected, Story
from dataflows.detect.stories.times import Times
from schemas.instants import micros
from schemas.output import OutputRecord


@dataclass(frozen=True, slots=True)
class ExceptionStanding:
    """How an exception stands as of an instant; instants are µs. `start` is when its condition began."""

    order: str
    kind: str
    scope: str | None
    episode: int
    status: str
    severity: str
    owner: str
    lane: str
    start: int
    due: int | None
    shadow: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is otherwise than a story expects: as of which instant, and what."""

    as_of: str
    line: int
    words: str


def differences(story: Story, policy: Policy) -> list[Difference]:
    """Everything that is otherwise than the story expects; empty if it holds.

    Feeds count as alive and on time: a story tells what happens, not how its messages travel.

    Raises:
        Rejected: if an event of the story is none.
    """
    policy = replace(
        policy,
        # One story teaches nothing: what the feeds tell of is what it says, and the scans of carriers.
        emits=policy.emits | {"scans"} | set(story.emits),
        learns=False,
        sites={**policy.sites, **{name: Place(site.get("country"), site.get("zone")) for name, site in story.sites.items()}},
        feeds={},
    )
    stops = sorted({_at(expected.as_of): None for expected in story.checkpoints})
    found: list[Difference] = []
    last: dict[object, ExceptionStanding] = {}
    shard = Shard(policy)
    for step in steps(records_of(story.lines), policy, shard, [stop + 1 for stop in stops]):
        for out in step.outs:
            if out.topic == "exceptions":
                last[out.data["exception_id"]] = _standing(out, shard)
        rejected = next((out for out in step.outs if out.topic == "rejects"), None)
        for expected in story.checkpoints:
            if _at(expected.as_of) == step.to - 1:
                if rejected is not None:
                    found.append(Difference(expected.as_of, expected.line, f"an event was rejected: {rejected.data['detail']}"))
                standing = [one for one in last.values() if one.status != "retracted" and one.order in expected.orders]
                words = _compared(expected, [one for one in standing if not expected.kinds or one.kind in expected.kinds], story.times)
                found += [Difference(expected.as_of, expected.line, each) for each in words]
    return found


def _at(text: str) -> int:
    return micros(datetime.fromisoformat(text))


def _standing(out: OutputRecord, shard: Shard) -> ExceptionStanding:
    data = out.data
    due = data["due_at"]
    order = shard.find(str(orjson.loads(out.body)["tenant"]), out.order)
    scope, episode = cast("str | None", data["scope"]), cast("int", data["episode"])
    state = None if order is None else order.exceptions.states.get((out.kind, scope, episode))
    return ExceptionStanding(
        order=out.order,
        kind=out.kind,
        scope=scope,
        episode=episode,
        status=out.status,
        severity=out.severity,
        owner=str(data["owner"]),
        lane=str(data["lane"]),
        start=state.start if state is not None else _at(str(data["occurred_at"] or due)),
        due=None if due is None else _at(str(due)),
        shadow=cast("dict[str, object]", data["policy"])["mode"] == "shadow",
    )


def _compared(expected: Expected, standing: Sequence[ExceptionStanding], times: Times) -> Iterator[str]:
    left = list(standing)
    unmet: list[Expectation] = []
    for one in expected.expectations:
        fitting = [each for each in left if not _wrong(one, each, times)]
        if fitting:
            left.remove(fitting[0])
        else:
            unmet.append(one)
    for one in unmet:
        near = min((each for each in left if _same(one, each)), key=lambda each: len(_wrong(one, each, times)), default=None)
        if near is None:
            yield f"expected {_expectation_words(one, times)}, and nothing was said"
        else:
            left.remove(near)
            yield f"{near.kind}{_place(near)}: {'; '.join(_wrong(one, near, times))}"
    for each in left:
        yield f"not expected: {_standing_words(each, times)}"


def _same(one: Expectation, each: ExceptionStanding) -> bool:
    """Whether an exception is probably the one that is meant."""
    return one.order == each.order and one.kind in ("", each.kind)


def _wrong(one: Expectation, each: ExceptionStanding, times: Times) -> list[str]:
    """What of an exception is otherwise than expected."""
    pairs: list[tuple[str, object, object]] = [
        ("order", one.order, each.order),
        ("kind", one.kind or each.kind, each.kind),
        ("scope", one.scope or "the order", each.scope or "the order"),
        ("episode", one.episode, each.episode),
        ("status", one.status, each.status),
        ("severity", one.severity or each.severity, each.severity),
        ("owner", one.owner or each.owner, each.owner),
        ("lane", one.lane or each.lane, each.lane),
    ]
    found = [f"{name} expected {wanted}, is {known}" for name, wanted, known in pairs if wanted != known]
    for name, wanted, at in (("since", one.start, each.start), ("due", one.due, each.due)):
        if wanted is not None and _at(wanted) != at:
            found.append(f"{name} expected {times.words(_at(wanted))}, is {'none' if at is None else times.words(at)}")
    return found


def _place(each: ExceptionStanding) -> str:
    return f" on {each.scope}" if each.scope else ""


def _expectation_words(one: Expectation, times: Times) -> str:
    parts: Iterable[str] = (
        one.kind,
        one.status,
        f"on {one.scope}" if one.scope else "",
        f"since {times.words(_at(one.start))}" if one.start else "",
        one.severity or "",
        f"owner {one.owner}" if one.owner else "",
        f"for {one.order}" if one.order != "o1" else "",
    )
    return " ".join(part for part in parts if part)


def _standing_words(each: ExceptionStanding, times: Times) -> str:
    shadow = ", in shadow" if each.shadow else ""
    return f"{each.kind} {each.status}{_place(each)} since {times.words(each.start)}, {each.severity}, owner {each.owner}{shadow}"
