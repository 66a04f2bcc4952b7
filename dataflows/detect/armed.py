"""What is waited for under a policy, of whom, and why not of others: as a state directory knows it, or as recorded events teach it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import msgspec

from dataflows.core.engine.state import LEARNED
from dataflows.core.history.learned import Learned
from dataflows.core.policy import Policy
from dataflows.core.policy.values import FROM_THE_START, MILESTONES
from dataflows.core.rules.model import Rule
from dataflows.core.rules.structs import Silent
from dataflows.detect.in_force import policy_in_force
from dataflows.detect.learning import Learning
from dataflows.detect.names import ORDER_SHARDS
from dataflows.detect.router import Router
from dataflows.runtime.state.reader import look
from schemas.identifiers import DEFAULT
from schemas.instants import iso
from schemas.learned import ENOUGH, SCANS
from sources.batch import Batch
from sources.files import FileSource

PLAIN = tuple(name for name in MILESTONES if name != "scans")
"""The milestones by their own names."""


class Teller(msgspec.Struct, frozen=True):
    """Who was seen to tell of a milestone, of how many orders (at most as many as it takes), and since when that counts (log time)."""

    tenant: str
    source: str
    place: str
    orders: int
    since: str | None


class Armed(msgspec.Struct, frozen=True):
    """A milestone: `why` it is waited for or not, who was seen to tell of it, and the kinds that wait for it."""

    milestone: str
    armed: bool
    why: str
    tellers: tuple[Teller, ...]
    kinds: tuple[str, ...]


class ArmedReport(msgspec.Struct, frozen=True):
    """All milestones under one policy. `learns`: it lists none, so that they are learned; `enough`: of how many orders."""

    policy: str
    version: str
    learns: bool
    enough: int
    milestones: tuple[Armed, ...]


def armed_in_state(path: Path) -> ArmedReport:
    """What the engine of a state directory waits for. Raises StateError or PolicyError if that cannot be read."""
    policy = policy_in_force(path)
    learned = Learned()
    for name in ORDER_SHARDS:
        # Every shard is told the same; one may have been kept a moment later than another.
        directory = path / "shards" / name
        seen = look(directory) if directory.exists() else None
        row = None if seen is None else seen[1].get(LEARNED)
        if row is not None:
            learned.restore(row)
    return report(policy, learned)


def armed_by_events(paths: Sequence[str], policy: Policy) -> ArmedReport:
    """What would be waited for after some recorded events."""
    learned, learning = Learned(), Learning()
    router = Router(compare_customers=False, identifiers=policy.identifiers or DEFAULT, learning=learning)
    source = FileSource(list(paths))
    try:
        for part in source.list_parts():
            for batches in _read(source.build_part("", part, None).next_batch):
                _, arrival = router(batches)[0]
                learned.add(arrival.shown)
    finally:
        source.close()
    return report(policy, learned)


def _read(next_batch: Callable[[], list[Batch]]) -> Iterator[list[Batch]]:
    """What a source hands out until it has no more."""
    while True:
        try:
            yield next_batch()
        except StopIteration:
            return


def report(policy: Policy, learned: Learned) -> ArmedReport:
    """What is waited for under a policy, given what was learned."""
    tellers: dict[str, list[Teller]] = {}
    for emitter, orders, since in learned.view():
        teller = Teller(emitter.tenant, emitter.source, emitter.place, orders, None if since is None else iso(since[0]))
        tellers.setdefault(emitter.milestone, []).append(teller)
    found = tuple(_milestone(policy, name, tuple(tellers.get(name, ()))) for name in PLAIN)
    return ArmedReport(policy.name, policy.version, policy.learns, ENOUGH, found)


def _milestone(policy: Policy, name: str, tellers: tuple[Teller, ...]) -> Armed:
    rules = cast("tuple[Rule, ...]", policy.rules)
    waiting = (rule for rule, setting in zip(rules, policy.base, strict=True) if setting.switch != "off" and _waits(rule, name))
    kinds = tuple(rule.kind for rule in waiting)
    if not policy.learns:
        listed = policy.awaits(name)
        return Armed(name, listed, "the policy lists it" if listed else "the policy's `emits` does not list it", tellers, kinds)
    if name in FROM_THE_START:
        return Armed(name, True, "waited for from the start", tellers, kinds)
    if any(teller.since is not None for teller in tellers):
        return Armed(name, True, "learned", tellers, kinds)
    if tellers:
        return Armed(name, False, f"shown by fewer than {ENOUGH} orders", tellers, kinds)
    return Armed(name, False, "never shown", tellers, kinds)


def _waits(rule: Rule, milestone: str) -> bool:
    awaited = {*rule.awaits, *(name for form in rule.forms if isinstance(form, Silent) for name in form.proven)}
    return milestone in awaited or (milestone in SCANS and "scans" in awaited)
