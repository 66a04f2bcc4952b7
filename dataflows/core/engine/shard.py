"""One shard: its orders, the heap of their deadlines, and the sequence of what it says.

A shard is a function of the records that it is given in log order and of log time passing between them: a deadline fires after every
record of its instant. `OrderCache` keeps the open ones, `Tombstones` what closed ones leave
behind, `Feeds` what is known of monitored feeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from dataflows.core.engine.activation import Activations
from dataflows.core.engine.admission import Admission
from dataflows.core.engine.codec import codec_of
from dataflows.core.engine.effort import TOO_LONG, TOO_MUCH, WORK
from dataflows.core.engine.engine import Engine
from dataflows.core.engine.erasing import Eraser
from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.followup import HEARD
from dataflows.core.engine.order import ALIAS, CLOSE, Order, alias_key, key_of
from dataflows.core.engine.orders import HOT, OrderCache
from dataflows.core.engine.persistent import Change, Row
from dataflows.core.engine.publish import Standing
from dataflows.core.engine.renewal import Renewal
from dataflows.core.engine.state import Counts, ShardState
from dataflows.core.engine.timers import TimerQueue
from dataflows.core.engine.tombstones import Tombstones
from dataflows.core.engine.traits import PLACED
from dataflows.core.engine.unfounded import DECIDING, GIVEN, refused
from dataflows.core.engine.unseen import Unseen
from dataflows.core.history.learned import Learned
from dataflows.core.history.timeline import WITHDRAWN
from dataflows.core.policy import Policy
from schemas.deciding import FORGOTTEN
from schemas.envelope import ACTIVATED
from schemas.instants import FAR, NEVER
from schemas.learned import Showing
from schemas.output import OutputRecord
from schemas.record import FeedWatermark, IdentityFinding, Orphan, Record, Silences


class Shard:
    """Orders of one shard under one policy.

    `hot` bounds the bytes of those that are kept unpacked; `place`: which shard of how many this is.
    """

    def __init__(self, policy: Policy, hot: int = HOT, *, place: tuple[int, int] = (0, 1)) -> None:
        self.policy = policy
        self.feeds = Feeds(policy, place)
        self._monitors = bool(self.feeds)
        self.learned = Learned()
        self._unseen = Unseen(self.learned, place)
        self.engine = Engine(policy, self.feeds, self.learned)
        codec = codec_of(self.engine.ruleset)
        self._orders = OrderCache(codec, self.engine.restored, hot)
        self._tombstones = Tombstones()
        self._timers = TimerQueue(self._orders.check_of)
        self.activations, self._renewal = Activations(policy), Renewal()
        self._most_events = policy.retention.most_events
        self._first = place[0] == 0  # Of what all shards say alike, it is the one that says it.
        self._state = ShardState(
            self.engine.publisher, codec, self._orders, self._tombstones, self.feeds, self.learned, self.activations, self._renewal
        )
        self._admission = Admission(self._orders, self._tombstones, self._state, self.engine)
        self._out: list[OutputRecord] = []
        self._eraser = Eraser(self._orders, self._tombstones, self._admission, first=place[0] == 0)
        self.erased = False  # See `runtime.checkpoint.Core`.

    def __len__(self) -> int:
        """How many orders are open."""
        return len(self._orders) - self._admission.aliases

    @property
    def tombstones(self) -> int:
        """How many closed orders are remembered."""
        return len(self._tombstones)

    @property
    def counts(self) -> Counts:
        """What it has counted since it began."""
        return self._state.counts

    def drain(self) -> list[OutputRecord]:
        """What was said since the last call, in order."""
        out, self._out = self._out, []
        return out

    def apply(self, record: Record | IdentityFinding | FeedWatermark | Orphan | Silences) -> None:
        """Takes one item of the log; they must come in its order. Deadlines before it are fired first."""
        log = record.log
        if self._next < log:
            self._advance(log, inclusive=False)
        if self._monitors:
            self.feeds.begin(log)
        if not isinstance(record, Record):
            self._hear(record)
            return
        event = record.event
        type_ = event.type
        if not record.order and type_ == ACTIVATED:
            self._activate(record)
            return
        key = key_of(event.tenant, record.order)
        if type_ in GIVEN:
            if self._aside(record):
                return
            if self._admission.is_of_alias(record):
                key = alias_key(event.tenant, record.order)
        self._state.counts.records += 1
        order = self._orders.find(key)
        if order is None:
            opened = self._admission.open(key, record)
            if not isinstance(opened, Order):
                if opened is not None:
                    self._reject(record, *opened)
                return
            order = opened
        elif (type_ in DECIDING or order.quarantined) and (wrong := refused(order, record, self.engine.ruleset)):
            self._reject(record, *wrong)
            return
        elif order.timeline.size >= self._most_events and not order.timeline.knows(record):
            self._quarantine(key, order, TOO_LONG, log)
            self._reject(record, "order_quarantined", TOO_LONG)
            return
        try:
            if log <= self._renewal.until:
                self._renew(key, order, log)
            said = self.engine.take(order, record)
        except Exception as error:  # noqa: BLE001 - whatever is thrown must cost no other order; see `_quarantine`
            self._quarantine(key, order, type(error).__name__, log, record)
            return
        record.raw = b""
        if said is None:
            self._state.counts.duplicates += 1
            self._schedule(key, order)  # It may have been judged by a policy that was activated.
            return
        if type_ == WITHDRAWN and not order.timeline.hits(record):
            self._state.counts.missed += 1
        if said:
            self._say(said)
        if order.work > WORK * self._most_events:
            self._quarantine(key, order, TOO_MUCH, log)
            return
        if CLOSE not in order.recheck_at or not order.traits & PLACED:
            self._admission.touched(order, log)
        self._schedule(key, order)

    def _hear(self, said: IdentityFinding | FeedWatermark | Orphan | Silences) -> None:
        """Takes in what is no record."""
        if isinstance(said, FeedWatermark):
            self._out.extend(self.feeds.hear(said))
        elif isinstance(said, Silences):
            lines, freed, doubtful = self.feeds.silences.take(said)
            self._out.extend(lines)
            for keys, look in ((freed, self.engine.free), (doubtful, self.engine.doubt)):
                for key in keys:
                    self._follow(key, said.log, partial(look, now=said.log))
        elif isinstance(said, Orphan):
            key = alias_key(said.tenant, said.alias)
            for each in self._admission.of_alias(key, said):
                self._follow(key, each.log, partial(self._admission.hear, orphan=each))
        else:
            self._follow(key_of(said.tenant, said.order), said.log, lambda order: self.engine.note(order, said))

    def learn(self, showings: Iterable[Showing]) -> None:
        """Takes in what was seen to be emitted, up to the end of what will be applied next or further."""
        self.learned.add(showings)
        self._unseen.plan()

    def advance(self, to: int, *, inclusive: bool = True) -> None:
        """Lets log time pass to `to`: fires the deadlines before it and, if `inclusive`, those at it (all its records must be in).

        At one instant feeds come first, then the orders that are due or wait no longer for a feed, by key.
        """
        self._advance(to, inclusive=inclusive)
        if self._monitors:
            self.feeds.settle(to + 1 if inclusive else to)

    def _advance(self, to: int, *, inclusive: bool) -> None:
        while True:
            at = self._next
            if at > to or (at == to and not inclusive):
                break
            self._reach(at)
        self._tombstones.evict(to)
        self._renewal.pass_to(to)

    @property
    def _next(self) -> int:
        """The next instant at which something is due."""
        return min(self._timers.next, self.feeds.due, self._state.reevaluate_at, self._unseen.due, self._renewal.due)

    def _reach(self, at: int) -> None:
        """Lets everything happen that is due at `at`."""
        everything = at == self._state.reevaluate_at
        keys = self._timers.due(at) if self._timers.next == at else set[str]()
        if self._renewal.due == at:
            keys.update(self._renewal.step(at))
        if self._unseen.due <= at:
            self._out.extend(self._unseen.reach(at))
        if self._monitors:
            said, free = self.feeds.reach(at)
            self._out.extend(said)
            keys.update(free)
        if everything:
            self._state.reevaluate_at = FAR
            keys.update(self._orders.keys())
        for key in sorted(keys):
            order = self._orders.find(key)
            if order is not None:
                self._check(key, order, at, everything=everything)

    def _check(self, key: str, order: Order, now: int, *, everything: bool) -> None:
        """Checks an order that is due, or that a feed has set free."""
        try:
            if order.quarantined:
                self._say(self.engine.check(order, now))
            elif not self._renewal.awaits(key, now):
                self._say(self.engine.reevaluate(order, now) if everything else self.engine.check(order, now))
            else:
                self._say(self.engine.renew(order, now, self._renewal.kinds, inclusive=True))
        except Exception as error:  # noqa: BLE001 - as in `apply`
            self._quarantine(key, order, type(error).__name__, now)
            return
        if order.recheck_at.get(CLOSE, FAR) > now or not self._close(key, order, now):
            if order.next_check == now:
                order.next_check = FAR  # Its timer has come up.
            self._schedule(key, order)

    def _schedule(self, key: str, order: Order) -> None:
        """Sees to it that an order is checked when the first thing that it expects is due. A timer that is too early need not be moved."""
        before = order.next_check
        at = order.next_check = min(order.recheck_at.values())
        if at < before:
            self._timers.push(at, key)

    def _say(self, outs: Iterable[OutputRecord]) -> None:
        for out in outs:
            if out.topic == "rejects":
                self._state.counts.reject(out)
            self._out.append(out)

    @property
    def opened(self) -> Counter[Standing]:
        """How many exceptions stand open."""
        return self.engine.publisher.opened

    def find(self, tenant: str, order: str) -> Order | None:
        """An open order, or an alias that nobody has claimed; None if it is unknown or closed."""
        return self._orders.find(key_of(tenant, order)) or self._orders.find(alias_key(tenant, order))

    def changes(self) -> Iterator[Change]:
        """The rows that changed since the last call; see `Persistent`."""
        return self._state.changes()

    def rows(self) -> Iterator[Row]:
        """All rows; see `Persistent`."""
        return self._state.rows()

    def restore(self, rows: Iterable[Row], reevaluate_at: int | None = None) -> None:
        """Goes on from rows. If the policy has changed since, every order is evaluated anew at log time `reevaluate_at` (µs).

        Raises:
            ValueError: if a row was written by a later version, or is of no known kind.
        """
        kept = [*rows]
        if self.activations.restore(kept):
            self._adopt(self.activations.policy())
        for key, at in self._state.restore(kept):
            self._timers.push(at, key)
            self._admission.aliases += key.startswith(ALIAS)
        if self.activations:
            self._renewal.plan(self.activations, self._orders.keys(), self._renewal.reached)
        self._state.reevaluate_at = self._state.reevaluate_at if reevaluate_at is None else reevaluate_at
        self._unseen.plan()

    def _activate(self, record: Record) -> None:
        """Switches to the policy that a record activates, or refuses it: every shard alike, and one says so."""
        decided = self.activations.decide(record, self.policy)
        if isinstance(decided, Policy):
            self._adopt(decided)
            self._renewal.plan(self.activations, self._orders.keys(), NEVER)
        elif decided is not None and self._first:
            self._reject(record, *decided)

    def _adopt(self, policy: Policy) -> None:
        """Goes on under another policy."""
        self.policy, self._most_events = policy, policy.retention.most_events
        self.engine = self._admission.engine = self.engine.under(policy, self.activations.of_rules)
        codec = self._state.codec = codec_of(self.engine.ruleset)
        self._orders.repack(codec, self.engine.restored)

    def _renew(self, key: str, order: Order, now: int) -> None:
        """Judges an order that is touched by the policy that was activated, if it has not been: what follows is said apart."""
        if self._renewal.awaits(key, now):
            self._say(self.engine.renew(order, now, self._renewal.kinds, inclusive=False))

    def _follow(self, key: str, now: int, say: Callable[[Order], list[OutputRecord]]) -> None:
        """Says what an order makes of something that is none of its records."""
        order = self._orders.find(key)
        if order is None or order.quarantined:
            return
        try:
            if now <= self._renewal.until:
                self._renew(key, order, now)
            self._say(say(order))
        except Exception as error:  # noqa: BLE001 - as in `apply`
            self._quarantine(key, order, type(error).__name__, now)
            return
        self._schedule(key, order)

    def _aside(self, record: Record) -> bool:
        """Takes in what is no event of its order; whether it was that. An erasure of a customer all shards are told of."""
        event = record.event
        if event.type == FORGOTTEN:
            said = self._eraser.take(record, self.engine.publisher)
            self.erased |= any(out.topic != "rejects" for out in said)
            self._say(said)
        elif event.type in HEARD:  # Whether it counts for the action is for that one's own shard to say.
            self._follow(key_of(event.tenant, record.order), record.log, lambda order: self.engine.hear(order, record))
        else:
            return False
        return True

    def _quarantine(self, key: str, order: Order, name: str, now: int, record: Record | None = None) -> None:
        """Gives an order up whose history, not one of its rules, makes the program fail (`name`: with what), or that has become too much.

        It must not take the other orders with it. Its history is dropped, since it may be half changed; that is said once, and `record`
        and all later ones are rejected, until the order has been forgotten as closed ones are.
        """
        self._say(self.engine.quarantine(order, name, now))
        if record is not None:
            self._reject(record, "rule_failed", name)
        self._schedule(key, self._admission.give_up(key, order, name, now))

    def _close(self, key: str, order: Order, now: int) -> bool:
        """Closes an order if nothing keeps it open."""
        if not self._admission.may_close(order, now):
            return False
        if order.live:
            self._say(self.engine.expire(order, now))
        self._admission.close(key, order, now)
        return True

    def _reject(self, record: Record, reason: str, detail: str) -> None:
        self._say([self.engine.publisher.reject(record, reason, detail)])
