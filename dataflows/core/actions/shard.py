"""One action shard: a function of what the order shards say of its tenants, and of the decisions about actions and policies, in log order.

At one instant what orders say comes first, then decisions, then what time alone does. Its state is rows of plain data, as that of orders.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import msgspec

from dataflows.core.actions.amends import gone, guarded, judged
from dataflows.core.actions.deciding import decide, pause
from dataflows.core.actions.forgetting import forget
from dataflows.core.actions.known import decode_action
from dataflows.core.actions.machine import Machine
from dataflows.core.actions.model import ActionState
from dataflows.core.actions.pauses import Pause
from dataflows.core.engine.activation import POLICY, Activations
from dataflows.core.engine.admission import FORGOTTEN_ORDER
from dataflows.core.engine.intents import Intent
from dataflows.core.engine.persistent import Change, Row
from dataflows.core.policy import Policy
from schemas.envelope import ACTIVATED
from schemas.instants import FAR
from schemas.output import OutputRecord
from schemas.record import Record

VERSION = 1
"""Of the row of scalars."""
ACTION, BUDGETS, SENT, FORGOTTEN, PAUSES, SCALARS = b"a", b"b", b"c", b"e", b"p", b"s"
"""What the keys of rows begin with: an action and its ID, budgets' counts, what a customer got, an erased order, what is paused, all
else. That of an activated policy is `POLICY`."""
_encode = msgspec.msgpack.Encoder().encode


def action_position(item: Intent | Record) -> tuple[int | str, ...]:
    """At one instant what orders say comes first, each order's in its own sequence; then come decisions, in the order of their log."""
    if isinstance(item, Intent):
        # What is said of a message that a person asks for comes behind that.
        return (item.log, 2 if item.sort == "spoken" else 0, item.tenant, item.order, item.key)
    return (item.log, 1, item.topic, item.partition, item.offset, item.sub)


class ActionShard:
    """The actions of some tenants under the policy that holds.

    `place`: which shard of how many this is; the first speaks of automation itself.
    """

    def __init__(self, policy: Policy, *, place: tuple[int, int] = (0, 1)) -> None:
        self.machine = Machine(policy)
        self.activations = Activations(policy)
        self._remember = policy.actions.remember
        self._speaks = place[0] == 0
        self._timers: list[tuple[int, str]] = []
        self._scheduled: dict[str, int] = {}
        self._budgets_row = self._pauses_row = self._scalars_row = b""
        self.rejected: dict[str, int] = {}
        self.erased = False  # See `runtime.checkpoint.Core`.

    def __len__(self) -> int:
        """How many actions are known."""
        return len(self.machine.actions)

    def apply(self, item: Intent | Record) -> None:
        """Takes what an order says, or a decision; they must come in log order. What was due before it is done first."""
        if self._next < item.log:
            self._advance(item.log, inclusive=False)
        if isinstance(item, Intent):
            if item.sort == "asked":
                self.machine.ask(item)
            elif item.sort == "guarded":
                guarded(self.machine, item)
            elif item.sort == "gone":
                gone(self.machine, item)
            elif item.sort == "forgotten":
                forget(self.machine, item)
                self.erased = True
            elif item.sort == "sent":
                self.machine.budgets.messages.heard(item, self.machine.policy)
            else:
                judged(self.machine, item)
        elif item.event.type == ACTIVATED:
            self._activate(item)
        elif item.event.type.startswith("automation."):
            self._pause(item)
        elif self.machine.forgets(item.event.tenant, item.order):
            self._reject(item, *FORGOTTEN_ORDER)
        elif (refused := decide(self.machine, item)) is not None:
            self._reject(item, *refused)
        self._schedule()
        self.machine.actions.rest()

    def advance(self, to: int, *, inclusive: bool = True) -> None:
        """Lets log time pass to `to`: what is due before it is done and, if `inclusive`, what is due at it."""
        self._advance(to, inclusive=inclusive)
        self.machine.actions.rest()

    def drain(self) -> list[OutputRecord]:
        """What was said since the last call, in order."""
        out, self.machine.writer.out = self.machine.writer.out, []
        return out

    # state

    def changes(self) -> Iterator[Change]:
        """The rows that changed since the last call; see `Persistent`."""
        actions, changed = self.machine.actions, self.machine.changed
        for id_ in sorted(changed):
            yield ACTION + id_.encode(), actions.row(id_)
        changed.clear()
        for whose, row in self.machine.budgets.messages.counts.changes():
            yield SENT + whose.encode(), row
        for name, at in self.machine.erased_since():
            yield FORGOTTEN + name.encode(), _encode(at)
        yield from self._small()

    def rows(self) -> Iterator[Row]:
        """All rows; see `Persistent`."""
        for id_, row in self.machine.actions.rows():
            yield ACTION + id_.encode(), row
        for whose, row in self.machine.budgets.messages.counts.rows():
            yield SENT + whose.encode(), row
        for name, at in self.machine.forgotten.items():
            yield FORGOTTEN + name.encode(), _encode(at)
        if self.activations:
            yield POLICY, self.activations.row()
        yield BUDGETS, self._budgets()
        yield PAUSES, self._pauses()
        yield SCALARS, self._scalars()

    def restore(self, rows: Iterable[Row], changed_at: int | None = None) -> None:
        """Goes on from rows. Another policy (from log time `changed_at` on) holds for what is decided from now on, and changes nothing yet.

        Raises:
            ValueError: if a row was written by a later version, or is of no known kind.
        """
        del changed_at
        machine, kept = self.machine, [*rows]
        if self.activations.restore(kept):
            self._adopt(self.activations.policy())
        for key, value in kept:
            kind = key[:1]
            if kind == ACTION:
                action = decode_action(value)
                machine.add(action)
                machine.standing.count(action)
                machine.actions.rest()
            elif kind == BUDGETS:
                self._budgets_row = value
                machine.budgets.counts = msgspec.msgpack.decode(value, type=dict[str, int])
            elif kind == SENT:
                machine.budgets.messages.counts.restore(key[1:].decode(), value)
            elif kind == PAUSES:
                self._pauses_row = value
                machine.pauses = msgspec.msgpack.decode(value, type=dict[str, Pause])
            elif kind == FORGOTTEN:
                machine.forgotten[key[1:].decode()] = msgspec.msgpack.decode(value, type=int)
            elif kind == POLICY:
                continue  # It holds already.
            elif kind == SCALARS:
                self._scalars_row = value
                version, *scalars = msgspec.msgpack.decode(value, type=list[object])
                if version != VERSION:
                    raise ValueError(f"action state of version {version}, this program reads version {VERSION}")
                machine.writer.instant, machine.writer.number, self.rejected = msgspec.convert(scalars, tuple[int, int, dict[str, int]])
            else:
                raise ValueError(f"a stored row begins with {kind!r}, which this program does not know")
        for id_ in sorted(machine.actions):
            self._plan(id_)
            machine.actions.rest()

    def _small(self) -> Iterator[Row]:
        if self.activations.changed:
            self.activations.changed = False
            yield POLICY, self.activations.row()
        for key, name, row in (
            (BUDGETS, "_budgets_row", self._budgets()),
            (PAUSES, "_pauses_row", self._pauses()),
            (SCALARS, "_scalars_row", self._scalars()),
        ):
            if getattr(self, name) != row:
                setattr(self, name, row)
                yield key, row

    def _budgets(self) -> bytes:
        return _encode(dict(sorted(self.machine.budgets.counts.items())))

    def _pauses(self) -> bytes:
        return _encode(dict(sorted(self.machine.pauses.items())))

    def _scalars(self) -> bytes:
        return _encode([VERSION, self.machine.writer.instant, self.machine.writer.number, self.rejected])

    # time

    @property
    def _next(self) -> int:
        return self._timers[0][0] if self._timers else FAR

    def _advance(self, to: int, *, inclusive: bool) -> None:
        while self._timers and (self._timers[0][0] < to or (inclusive and self._timers[0][0] == to)):
            at, id_ = heapq.heappop(self._timers)
            if self._scheduled.get(id_) != at:
                continue
            del self._scheduled[id_]
            action = self.machine.actions.get(id_)
            if action is None:
                continue
            if self._forget_at(action) == at:
                self.machine.drop(id_)
                self.machine.budgets.forget(at)
            else:
                self.machine.reach(action, at)
                self._plan(id_)
            self._schedule()

    def _schedule(self) -> None:
        """Plans what has changed. What is stored too early is planned once more: that costs a look."""
        for id_ in self.machine.touched():
            self._plan(id_)

    def _plan(self, id_: str) -> None:
        action = self.machine.actions.get(id_)
        if action is None:
            self._scheduled.pop(id_, None)
            return
        at = self._forget_at(action) or action.due()
        if at and self._scheduled.get(id_) != at:
            self._scheduled[id_] = at
            heapq.heappush(self._timers, (at, id_))
        elif not at:
            self._scheduled.pop(id_, None)

    def _forget_at(self, action: ActionState) -> int:
        """When an action is known no more; 0 while its exception could still say that it is no longer wanted."""
        if not action.ended or not action.final or (action.firing and action.wanted):
            return 0
        return action.ended + self._remember

    # policy and automation

    def _activate(self, record: Record) -> None:
        """Goes on under a policy that a record activates: for what is decided from now on. Why one is refused an order shard says."""
        decided = self.activations.decide(record, self.machine.policy)
        if isinstance(decided, Policy):
            self._adopt(decided)

    def _adopt(self, policy: Policy) -> None:
        self.machine.adopt(policy)
        self._remember = policy.actions.remember

    def _pause(self, record: Record) -> None:
        found = pause(self.machine, record)
        if found is True:
            if self._speaks:
                event = record.event
                id_ = f"automation:{event.tenant}:{event.source}:{event.id}"
                self.machine.writer.automation(self.machine.pauses, event.tenant, record.log, id_)
        elif found is not False and self._speaks:
            self._reject(record, *found)

    def _reject(self, record: Record, reason: str, detail: str) -> None:
        self.rejected[reason] = self.rejected.get(reason, 0) + 1
        self.machine.writer.reject(record, reason, detail)
