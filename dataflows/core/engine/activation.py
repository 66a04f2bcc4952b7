"""The policy that was activated in the stream, as one shard knows it: which, since when, and which orders have yet to be judged by it.

An activation is an entry of every shard's log. All of them check it alike, and switch at its place or refuse it. What an order has open is
judged anew when the order is touched, or else at a second of its own within `SPREAD` after the activation: a million orders never stop
the flow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, cast
from zlib import crc32

import msgspec

from dataflows.core.policy import Dims, Policy, RuleSetting
from dataflows.core.rules.load import policy_of_text
from schemas.deciding import refused_decision
from schemas.events import PolicyActivated
from schemas.instants import FAR, NEVER, SECOND
from schemas.problems import Problem
from schemas.record import Record

VERSION: Final = 1
POLICY: Final = b"p"
"""The key of its row."""
SPREAD: Final = 600
"""Seconds of log time after an activation within which every order is judged by the new policy."""
GREATEST: Final = 256 * 1024
OF_IDENTITY: Final = {"data.orphan_signal": ("threshold", "grace", "expire_after"), "order.duplicate_suspected": ("margin",)}
"""What the identity step goes by, of kinds that compare orders or know none."""
REMEMBERED: Final = 1_000
"""Activations that are known by their IDs: one that is delivered again changes nothing."""


def refusal(record: Record, active: Policy) -> tuple[str, str] | None:
    """Why an activation is refused, as reason and detail; None if it holds from its place on."""
    if refused := refused_decision(record):
        return refused
    data = cast("PolicyActivated", record.event.data)
    if len(data.text.encode()) > GREATEST:
        return "policy_too_large", f"more than {GREATEST} bytes"
    found = policy_of_text(data.text)
    if isinstance(found, Problem):
        return "policy_unusable", str(found)
    if found.version != data.version:
        return "policy_version", f"the text is version {found.version}, and version {data.version} was meant"
    if part := belonging_to_state(active, found):
        return "policy_of_the_state", f"{part}: changed by a clean stop and a restart only"
    return None


def belonging_to_state(active: Policy, new: Policy) -> str | None:
    """What of a policy that is another belongs to the state, or to the identity step, which has no policy but that of the start."""
    if new.feeds != active.feeds:
        return "feeds"
    if new.identifiers is not None and new.identifiers != active.identifiers:
        return "identifiers"
    if new.tenants != active.tenants:
        return "tenants"
    if new.learns != active.learns:
        return "emits (listed instead of learned, or the other way round)"
    if new.retention.dedupe != active.retention.dedupe:
        return "retention.dedupe"
    if new.backfill != active.backfill:
        return "backfill"
    whose = {name for policy in (active, new) for override in policy.overrides for name in override.when[0] or ()}
    for kind, names in OF_IDENTITY.items():
        for dims in (Dims(), *(Dims(tenant=name) for name in sorted(whose))):
            before, after = _setting(active, kind, dims), _setting(new, kind, dims)
            for name in names:
                if getattr(before, name, None) != getattr(after, name, None):
                    return f"{name} of {kind}"
            if (before is None or before.switch == "off") != (after is None or after.switch == "off"):
                return f"whether {kind} is off"
    return None


def _setting(policy: Policy, kind: str, dims: Dims) -> RuleSetting | None:
    return policy.setting(kind, dims) if any(rule.kind == kind for rule in policy.rules) else None


def adopted(text: str, own: Policy) -> Policy:
    """The policy of an activation that was not refused, with what belongs to the state."""
    found = policy_of_text(text)
    assert isinstance(found, Policy)
    return replace(found, feeds=own.feeds, identifiers=own.identifiers, tenants=own.tenants, version=found.version)


class Activated:
    """The last activation of a shard. `since`: its log time (µs), `NEVER` if there was none; `text`: the policy."""

    def __init__(self) -> None:
        self.since = NEVER
        self.text = ""
        self.changed = False
        self.until = NEVER
        """The last instant at which an order may have yet to be judged by it."""
        self.due = FAR
        """The next instant at which orders are to be judged anew."""
        self.reached = NEVER
        """Up to when that was done (log time), while it is."""
        self._ids: dict[str, None] = {}
        self._steps: dict[int, list[str]] = {}
        self._judged: set[str] = set()

    def __bool__(self) -> bool:
        """Whether a policy was ever activated."""
        return self.since != NEVER

    def decide(self, record: Record, active: Policy, keys: Iterable[str]) -> Policy | tuple[str, str] | None:
        """The policy that a record activates, why it is refused, or None if it was taken before; `keys` are those of the open orders."""
        id_ = f"{record.event.tenant}\x1f{record.event.source}\x1f{record.event.id}"
        if id_ in self._ids:
            return None
        if refused := refusal(record, active):
            return refused
        self._ids[id_] = None
        while len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]
        self.since, self.text, self.changed = record.log, cast("PolicyActivated", record.event.data).text, True
        self._plan(keys, NEVER)
        return adopted(self.text, active)

    def _plan(self, keys: Iterable[str], reached: int) -> None:
        steps: dict[int, list[str]] = {}
        for key in keys:
            at = self.since + crc32(key.encode()) % SPREAD * SECOND
            if at > reached:
                steps.setdefault(at, []).append(key)
        self._steps, self._judged, self.reached = steps, set(), reached
        self.due, self.until = min(steps, default=FAR), max(steps, default=NEVER)

    def step(self, at: int) -> list[str]:
        """The orders whose turn it is at an instant."""
        if at != self.due:
            return []
        keys = self._steps.pop(at)
        self.due = min(self._steps, default=FAR)
        return keys

    def pass_to(self, to: int) -> None:
        """Notes that all before log time `to` has been decided."""
        if self.reached < self.since + SPREAD * SECOND:
            self.reached = max(self.reached, to - 1)

    def awaits(self, key: str, now: int) -> bool:
        """Whether an order has yet to be judged by the policy; it is from then on."""
        if key in self._judged or self.since + crc32(key.encode()) % SPREAD * SECOND < now:
            return False
        self._judged.add(key)
        return True

    def row(self) -> bytes:
        """What must be kept, as versioned plain data."""
        return msgspec.msgpack.encode([VERSION, self.since, self.text, list(self._ids)])

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> bool:
        """Goes on from what `row` said, if it is among some rows. Raises ValueError if it was written by a later version."""
        for key, row in rows:
            if key == POLICY:
                version, *values = msgspec.msgpack.decode(row)
                if version != VERSION:
                    raise ValueError(f"an activated policy of version {version}, this program reads version {VERSION}")
                self.since, self.text, ids = values[:3]
                self._ids = dict.fromkeys(ids)
        return bool(self)

    def resume(self, keys: Iterable[str], reached: int) -> None:
        """Plans what is left, once the orders are there; `reached`: up to when it was done."""
        if self:
            self._plan(keys, reached)
