"""The policy that was activated in the stream, as one shard knows it: which, since when, and of which rules it changed what they find.

An activation is an entry of the log of every shard, those of actions included. All of them check it alike, and switch at its place or
refuse it. The checks need nothing but the record and the policy that holds: no state of an order, no clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

import msgspec

from dataflows.core.policy import Dims, Policy, RuleSetting
from dataflows.core.policy.altered import altered, newly_automatic
from dataflows.core.rules.load import policy_of_text
from schemas.deciding import OF_POLICIES, refused_decision
from schemas.events import PolicyActivated
from schemas.instants import NEVER
from schemas.problems import Problem
from schemas.record import Record

T = TypeVar("T")
VERSION: Final = 1
POLICY: Final = b"v"
"""The key of its row."""
GREATEST: Final = 256 * 1024
OF_IDENTITY: Final = {"data.orphan_signal": ("threshold", "grace"), "order.duplicate_suspected": ("margin",)}
"""What the identity step goes by, of kinds that compare orders or know none."""
MENTIONED: Final = 3
"""How many rules are named where some are missing."""
ENGINES: Final = 20
"""Versions of the engine that are remembered."""
REMEMBERED: Final = 1_000
"""Activations that are known by their IDs: one that is delivered again changes nothing."""
_PAIRS: Final = 8


def _of_pair(ask: Callable[[Policy, Policy], T]) -> Callable[[Policy, Policy], T]:
    """Remembers what was answered of two policies: the shards of a process, which share them, ask the same."""
    known: dict[tuple[int, int], tuple[Policy, Policy, T]] = {}

    def answer(one: Policy, other: Policy) -> T:
        key = (id(one), id(other))
        found = known.get(key)
        if found is None or found[0] is not one or found[1] is not other:
            if len(known) >= _PAIRS:
                known.clear()
            found = known[key] = (one, other, ask(one, other))
        return found[2]

    return answer


def refusal(record: Record, base: Policy, active: Policy) -> tuple[str, str] | None:
    """Why an activation is refused, as reason and detail; None if it holds from its place on.

    `base`: the policy of the start, which says what belongs to the state; `active`: the one that holds.
    """
    if refused := refused_decision(record):
        return refused
    data = cast("PolicyActivated", record.event.data)
    if not data.by:
        return "no_name", "who activated it is not said"
    if not OF_POLICIES & {*(data.by_roles or ())}:
        return "role_missing", f"a policy, which holds for all tenants, is activated by {' or '.join(sorted(OF_POLICIES))}"
    if len(data.text.encode()) > GREATEST:
        return "policy_too_large", f"more than {GREATEST} bytes"
    found = policy_of_text(data.text)
    if isinstance(found, Problem):
        return "policy_unusable", str(found)
    if data.text_hash is not None and data.text_hash != hashlib.sha256(data.text.encode()).hexdigest():
        return "policy_hash", "the text is not the one that its text_hash was made of"
    if data.text_hash is None and found.version != data.version:
        return "policy_version", f"the text is version {found.version}, and version {data.version} was meant"
    if part := belonging_to_state(base, found):
        return "policy_of_the_state", f"{part}: changed by a clean stop and a restart only"
    if untested := untested_rules(active, found, data.covered or (), data.against):
        return "policy_not_tested", untested
    return None


def untested_rules(active: Policy, new: Policy, covered: Iterable[str], against: str | None) -> str | None:
    """Which rules must be back-tested before a policy is activated, since they would do by themselves what cannot be undone.

    None if all of them were. `covered`: those of which a back-test of the new policy saw something; `against`: the version that it
    was compared with.
    """
    made = _newly_automatic(active, new)
    if not made:
        return None
    if against is not None and against != active.version:
        return f"the back-test compared it with version {against}, and {active.version} holds"
    return uncovered(made, covered)


def uncovered(made: Mapping[str, str], covered: Iterable[str]) -> str | None:
    """Which rules no back-test covers of those that carry out what cannot be undone (of each, the action)."""
    missing = [f"{kind} ({action})" for kind, action in sorted(made.items()) if kind not in {*covered}]
    more = f" and {len(missing) - MENTIONED} more" if len(missing) > MENTIONED else ""
    text = ", ".join(missing[:MENTIONED])
    return f"no back-test covers what it makes automatic and cannot be undone: {text}{more}" if missing else None


_newly_automatic = _of_pair(newly_automatic)
_altered = _of_pair(altered)


def belonging_to_state(base: Policy, new: Policy) -> str | None:
    """What of a policy that is another belongs to the state, or to the identity step, which has no policy but that of the start.

    The first thing there is; None if there is none.
    """
    return next(iter(all_belonging_to_state(base, new)), None)


@_of_pair
def all_belonging_to_state(base: Policy, new: Policy) -> tuple[str, ...]:
    """All that a clean stop and a restart are needed for."""
    changed = {
        "feeds": new.feeds != base.feeds,
        "identifiers": new.identifiers is not None and new.identifiers != base.identifiers,
        "tenants": new.tenants != base.tenants,
        "emits (listed instead of learned, or the other way round)": new.learns != base.learns,
        "retention.dedupe": new.retention.dedupe != base.retention.dedupe,
        "backfill": new.backfill != base.backfill,
        "pace": new.pace != base.pace,
    }
    return (*(name for name, differs in changed.items() if differs), *_of_identity(base, new))


def _of_identity(base: Policy, new: Policy) -> tuple[str, ...]:
    """The settings that the identity step goes by and that are others, each named once."""
    whose = {name for policy in (base, new) for override in policy.overrides for name in override.when[0] or ()}
    found: dict[str, None] = {}
    for kind, names in OF_IDENTITY.items():
        for dims in (Dims(), *(Dims(tenant=name) for name in sorted(whose))):
            before, after = _setting(base, kind, dims), _setting(new, kind, dims)
            for name in names:
                if getattr(before, name, None) != getattr(after, name, None):
                    found[f"{name} of {kind}"] = None
            if (before is None or before.switch == "off") != (after is None or after.switch == "off"):
                found[f"whether {kind} is off"] = None
    return tuple(found)


def _setting(policy: Policy, kind: str, dims: Dims) -> RuleSetting | None:
    return policy.setting(kind, dims) if any(rule.kind == kind for rule in policy.rules) else None


def adopted(text: str, base: Policy) -> Policy:
    """The policy of an activation that was not refused, with what belongs to the state. Raises ValueError if it cannot be read any more."""
    found = policy_of_text(text)
    if isinstance(found, Problem):
        raise ValueError(f"the policy that was activated cannot be read by this version of the program: {found}")  # noqa: TRY004 - no type
    return with_state_of(base, found)


@_of_pair
def with_state_of(base: Policy, found: Policy) -> Policy:
    """A policy with what belongs to the state as the policy of the start says it."""
    retention = replace(found.retention, dedupe=base.retention.dedupe)
    return replace(
        found,
        feeds=base.feeds,
        identifiers=base.identifiers,
        tenants=base.tenants,
        learns=base.learns,
        backfill=base.backfill,
        retention=retention,
    )


class Activations:
    """What a shard knows of activations, and keeps. `text`: the policy of the last one, `since`: its log time, `NEVER` if there is none.

    `of_rules`: the log time of the last activation that changed what a rule finds, by kind; not there: none did.
    """

    def __init__(self, base: Policy) -> None:
        self.base = base
        """The policy of the start, which says what belongs to the state."""
        self.since = NEVER
        self.text = ""
        self.by = ""
        self.engines: dict[str, int] = {}
        """The versions of the engine that starts have logged, each with the log time at which it was logged first; the last 20."""
        self.of_rules: dict[str, int] = {}
        self.changed = False
        self._ids: dict[str, None] = {}

    def __bool__(self) -> bool:
        """Whether a policy was ever activated."""
        return self.since != NEVER

    @property
    def count(self) -> int:
        """How many there were, as far as they are remembered."""
        return len(self._ids)

    def decide(self, record: Record, active: Policy) -> Policy | tuple[str, str] | None:
        """The policy that a record activates, why it is refused, or None if it was taken before; `active` is the one that holds."""
        id_ = f"{record.event.tenant}\x1f{record.event.source}\x1f{record.event.id}"
        if id_ in self._ids:
            return None
        if refused := refusal(record, self.base, active):
            return refused
        data = cast("PolicyActivated", record.event.data)
        self._ids[id_] = None
        while len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]
        new = adopted(data.text, self.base)
        known = {rule.kind for rule in new.rules}
        self.of_rules = {kind: since for kind, since in self.of_rules.items() if kind in known} | dict.fromkeys(
            sorted(_altered(active, new)), record.log
        )
        if data.engine is not None:
            self.engines.setdefault(data.engine, record.log)
            while len(self.engines) > ENGINES:
                del self.engines[next(iter(self.engines))]
        self.since, self.text, self.by, self.changed = record.log, data.text, data.by or "", True
        return new

    def policy(self) -> Policy:
        """The policy that was activated last."""
        return adopted(self.text, self.base)

    def row(self) -> bytes:
        """What must be kept, as versioned plain data."""
        return msgspec.msgpack.encode([VERSION, self.since, self.text, list(self._ids), self.of_rules, self.by, self.engines])

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> bool:
        """Goes on from what `row` said, if it is among some rows. Raises ValueError if it was written by a later version."""
        for key, row in rows:
            if key == POLICY:
                version, *values = cast("list[Any]", msgspec.msgpack.decode(row))
                if version != VERSION:
                    raise ValueError(f"an activated policy of version {version}, this program reads version {VERSION}")
                self.since, self.text, ids, self.of_rules, self.by, self.engines = values[:6]
                self._ids = dict.fromkeys(ids)
        return bool(self)
