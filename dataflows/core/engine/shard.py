"""One shard: its orders, the heap of their deadlines, and the sequence of what it says.

A shard is a function of the records that it is given in log order and of log time passing between them: a deadline fires after every
record of its instant. `OrderCache` keeps the open ones, `Tombstones` what closed ones leave
behind, `Feeds` what is known of monitored feeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast

from dataflows.core.engine.activation import Activated, adopted
from dataflows.core.engine.codec import OrderCodec
from dataflows.core.engine.effort import TOO_LONG, TOO_MUCH, WORK
from dataflows.core.engine.engine import Engine
from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.order import CASES, CLOSE, Order, key_of
from dataflows.core.engine.orders import HOT, OrderCache
from dataflows.core.engine.persistent import Change, Row
from dataflows.core.engine.publish import Standing
from dataflows.core.engine.state import Counts, ShardState
from dataflows.core.engine.timers import TimerQueue
from dataflows.core.engine.tombstones import Tombstones
from dataflows.core.engine.unfounded import DECISIONS, unfounded
from dataflows.core.engine.unseen import Unseen
from dataflows.core.history.learned import Learned
from dataflows.core.history.timeline import WITHDRAWN
from dataflows.core.policy import Policy
from schemas.envelope import ACTIVATED
from schemas.instants import FAR
from schemas.learned import Showing
from schemas.output import OutputRecord
from schemas.record import FeedWatermark, IdentityFinding, Record


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
        self._codec = OrderCodec(self.engine.ruleset)
        self._orders = OrderCache(self._codec, self.engine.restored, hot)
        self._tombstones = Tombstones()
        self._timers = TimerQueue(self._orders.check_of)
        self.activated = Activated()
        self._first = place[0] == 0  # Of what all shards say alike, it is the one that says it.
        self._state = ShardState(
            self.engine.publisher, self._codec, self._orders, self._tombstones, self.feeds, self.learned, self.activated
        )
        self._out: list[OutputRecord] = []

    def __len__(self) -> int:
        """How many orders are open."""
        return len(self._orders)

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

    def apply(self, record: Record | IdentityFinding | FeedWatermark) -> None:
        """Takes one record, finding or watermark; they must come in log order. Deadlines before it are fired first."""
        log = record.log
        if min(self._timers.next, self.feeds.due, self._state.reevaluate_at, self._unseen.due, self.activated.due) < log:
            self._advance(log, inclusive=False)
        if self._monitors:
            self.feeds.begin(record.log)
        if not isinstance(record, Record):
            if isinstance(record, IdentityFinding):
                self._note(record)
            else:
                self._out.extend(self.feeds.hear(record))
            return
        event = record.event
        if not record.order and event.type == ACTIVATED:
            self._activate(record)
            return
        self._state.counts.records += 1
        key = key_of(event.tenant, record.order)
        order = self._orders.find(key)
        if order is None:
            if (order := self._open(key, record)) is None:
                return
        elif order.quarantined:
            self._reject(record, "order_quarantined", order.quarantined)
            return
        elif (
            event.type.startswith(DECISIONS)  # Few are: the call is saved.
            and (wrong := unfounded(order, record, self.engine.ruleset))
            and not order.timeline.knows(record)
        ):
            self._reject(record, *wrong)
            return
        elif order.timeline.size >= self.policy.retention.most_events and not order.timeline.knows(record):
            self._quarantine(key, order, TOO_LONG, record.log)
            self._reject(record, "order_quarantined", TOO_LONG)
            return
        try:
            if record.log <= self.activated.until and self.activated.awaits(key, record.log):
                self._say(self.engine.renew(order, record.log, inclusive=False))
            said = self.engine.take(order, record)
        except Exception as error:  # noqa: BLE001 - whatever is thrown must cost no other order; see `_quarantine`
            self._quarantine(key, order, type(error).__name__, record.log, record)
            return
        record.raw = b""
        if said is None:
            self._state.counts.duplicates += 1
            return
        if record.event.type == WITHDRAWN and not order.timeline.hits(record):
            self._state.counts.missed += 1
        if said:
            self._say(said)
        if order.work > WORK * self.policy.retention.most_events:
            self._quarantine(key, order, TOO_MUCH, record.log)
            return
        # An order whose placing was withdrawn was never placed: it is forgotten sooner than was planned for one that had been.
        if CLOSE not in order.recheck_at or not order.placed:
            silent = record.log + self._patience(order)
            order.recheck_at[CLOSE] = min(order.recheck_at.get(CLOSE, silent), silent)
        self._schedule(key, order)

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
            at = min(self._timers.next, self.feeds.due, self._state.reevaluate_at, self._unseen.due, self.activated.due)
            if at > to or (at == to and not inclusive):
                break
            self._reach(at)
        self._tombstones.evict(to)
        self.activated.pass_to(to)

    def _reach(self, at: int) -> None:
        """Lets everything happen that is due at `at`."""
        everything = at == self._state.reevaluate_at
        keys = set(self.activated.step(at))
        self._out.extend(self._unseen.reach(at))
        if self._monitors:
            said, free = self.feeds.reach(at)
            self._out.extend(said)
            keys.update(free)
        if everything:
            self._state.reevaluate_at = FAR
            keys.update(self._orders.keys())
        if self._timers.next == at:
            keys |= self._timers.due(at)
        for key in sorted(keys):
            order = self._orders.find(key)
            if order is not None:
                self._check(key, order, at, everything=everything)

    def _check(self, key: str, order: Order, now: int, *, everything: bool) -> None:
        """Checks an order that is due, or that a feed has set free."""
        try:
            if order.quarantined:
                self._say(self.engine.check(order, now))
            elif now <= self.activated.until and self.activated.awaits(key, now):
                self._say(self.engine.renew(order, now, inclusive=True))
            else:
                self._say(self.engine.reevaluate(order, now) if everything else self.engine.check(order, now))
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

    def count_orphan(self, out: OutputRecord) -> None:
        """Counts what the identity step says of an alias that nobody claims, which stands in no order's state."""
        if cast("dict[str, object]", out.data["policy"])["mode"] == "on":
            self.opened[Standing(out.kind, str(out.data["owner"]), out.severity)] += 1 if out.status == "open" else -1

    def find(self, tenant: str, order: str) -> Order | None:
        """An open order; None if it is unknown or closed."""
        return self._orders.find(key_of(tenant, order))

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
        if self.activated.restore(kept):
            self._adopt(adopted(self.activated.text, self.policy))
        for key, at in self._state.restore(kept):
            self._timers.push(at, key)
        self.activated.resume(self._orders.keys(), self.activated.reached)
        self._state.reevaluate_at = self._state.reevaluate_at if reevaluate_at is None else reevaluate_at
        self._unseen.plan()

    def _activate(self, record: Record) -> None:
        """Switches to the policy that a record activates, or refuses it: every shard alike, and one says so."""
        decided = self.activated.decide(record, self.policy, self._orders.keys())
        if isinstance(decided, Policy):
            self._adopt(decided)
        elif decided is not None and self._first:
            self._reject(record, *decided)

    def _adopt(self, policy: Policy) -> None:
        """Goes on under another policy."""
        self.policy = policy
        self.engine = self.engine.under(policy, self.activated.since)
        self._codec = self._state.codec = OrderCodec(self.engine.ruleset)
        self._orders.repack(self._codec, self.engine.restored)

    def _patience(self, order: Order) -> int:
        """How long an order may be silent before it is seen whether it can be closed, µs."""
        retention = self.policy.retention
        return retention.close_after if order.placed else retention.expire_unknown

    def _open(self, key: str, record: Record) -> Order | None:
        """The order that a record opens; None if the record is too old or belongs to a closed order.

        The placing of an order that expired because nobody had placed it opens it again.
        """
        tombstone = self._tombstones.find(key, record.log)
        placing = tombstone is not None and tombstone.unplaced and record.event.type == "order.placed"
        if tombstone is not None and (not placing or tombstone.knows(record)):
            if tombstone.knows(record):
                self._state.counts.duplicates += 1
            else:
                self._reject(record, "order_closed", "the order was closed and forgotten")
            return None
        if wrong := unfounded(None, record, self.engine.ruleset):
            self._reject(record, *wrong)
            return None
        if tombstone is None and record.log - record.at > self.policy.retention.dedupe:
            self._reject(record, "too_old", "an unknown order's event is older than the horizon")
            return None
        if tombstone is not None:
            # What came before the placing is evidence about the order, and what was said of it must be resolved.
            order = self._codec.unpack(key, tombstone.unplaced)
            order.recheck_at.pop(CLOSE, None)
            order.next_check = FAR
            self._tombstones.drop(key)
        else:
            order = Order(record.event.tenant, record.order)
        self._state.counts.orders += 1
        self._orders.add(key, order)
        return order

    def _note(self, note: IdentityFinding) -> None:
        key = key_of(note.tenant, note.order)
        order = self._orders.find(key)
        if order is None or order.quarantined:
            return
        try:
            if note.log <= self.activated.until and self.activated.awaits(key, note.log):
                self._say(self.engine.renew(order, note.log, inclusive=False))
            self._say(self.engine.note(order, note))
        except Exception as error:  # noqa: BLE001 - as in `apply`
            self._quarantine(key, order, type(error).__name__, note.log)
            return
        self._schedule(key, order)

    def _quarantine(self, key: str, order: Order, name: str, now: int, record: Record | None = None) -> None:
        """Gives an order up whose history, not one of its rules, makes the program fail (`name`: with what), or that has become too much.

        It must not take the other orders with it. Its history is dropped, since it may be half changed; that is said once, and `record`
        and all later ones are rejected, until the order has been forgotten as closed ones are.
        """
        self._say(self.engine.quarantine(order, name, now))
        if record is not None:
            self._reject(record, "rule_failed", name)
        empty = Order(order.tenant, order.id)
        empty.quarantined, empty.last_log = name, now
        empty.recheck_at[CLOSE] = now + self.policy.retention.dedupe
        self._orders.drop(key)
        self._orders.add(key, empty)
        self.feeds.expect(key, ())
        self._schedule(key, empty)

    def _close(self, key: str, order: Order, now: int) -> bool:
        """Closes a silent order with nothing open and nothing expected; else says when to see again."""
        again = order.last_log + self._patience(order)
        open_ = order.live or order.exceptions.worked_on(self.engine.ruleset.index)
        waits = len(order.recheck_at.keys() - order.live - {CASES}) > 1  # What is open is looked at again when it is to be closed for age.
        if again > now or waits or order.deferred or (order.placed and open_):
            order.recheck_at[CLOSE] = again if again > now else now + self._patience(order)
            return False
        if order.live:
            self._say(self.engine.expire(order, now))
        unplaced = b"" if order.placed or order.quarantined else self._codec.pack(order)
        self._tombstones.add(key, now + self.policy.retention.dedupe, (*order.timeline.records, *order.timeline.hidden), unplaced)
        self._orders.drop(key)
        self._state.counts.closed += 1
        return True

    def _reject(self, record: Record, reason: str, detail: str) -> None:
        self._say([self.engine.publisher.reject(record, reason, detail)])
