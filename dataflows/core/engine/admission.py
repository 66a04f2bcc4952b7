"""How orders come into a shard and leave it: what opens one, what is refused since it came too late, when one is closed."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from dataflows.core.engine.engine import Engine
from dataflows.core.engine.forgotten import DETAIL
from dataflows.core.engine.order import ALIAS, CASES, CLOSE, MESSAGES, SILENCE, Order, alias_key
from dataflows.core.engine.orders import OrderCache
from dataflows.core.engine.state import ShardState
from dataflows.core.engine.tombstones import Tombstones, customer_mark
from dataflows.core.engine.unclaimed import hear_of
from dataflows.core.engine.unfounded import unfounded
from dataflows.core.history.customers import customers_of
from schemas.instants import FAR, NEVER
from schemas.output import OutputRecord
from schemas.record import Orphan, Record

FORGOTTEN_ORDER = ("forgotten", DETAIL)
"""Why what comes of an erased order is dropped."""


class Admission:
    """The open orders of a shard and what closed ones leave. `engine`: that of the policy that holds."""

    def __init__(self, orders: OrderCache, tombstones: Tombstones, state: ShardState, engine: Engine) -> None:
        self._orders = orders
        self._tombstones = tombstones
        self.forgotten = state.forgotten
        self._state = state
        self.engine = engine
        self.aliases = 0
        """How many of the open orders are aliases that nobody has claimed."""

    def open(self, key: str, record: Record) -> Order | tuple[str, str] | None:
        """The order that a record opens; why the record is refused (reason and detail); None if it was taken before.

        It is refused if it is too old or belongs to a closed order. The placing of an order that expired because nobody had placed it opens
        it again.
        """
        if key in self.forgotten:
            return FORGOTTEN_ORDER
        tombstone = self._tombstones.find(key, record.log)
        placing = tombstone is not None and tombstone.unplaced and record.event.type == "order.placed"
        if tombstone is not None and (not placing or tombstone.knows(record)):
            if tombstone.knows(record):
                self._state.counts.duplicates += 1
                return None
            return "order_closed", "the order was closed and forgotten"
        if wrong := unfounded(None, record, self.engine.ruleset):
            return wrong
        if tombstone is None and record.log - record.at > self.engine.policy.retention.dedupe:
            return "too_old", "an unknown order's event is older than the horizon"
        if tombstone is not None:
            # What came before the placing is evidence about the order, and what was said of it must be resolved.
            order = self._state.codec.unpack(key, tombstone.unplaced)
            order.recheck_at.pop(CLOSE, None)
            order.next_check = FAR
            self._tombstones.drop(key)
        else:
            order = Order(record.event.tenant, record.order)
        self._state.counts.orders += 1
        self._orders.add(key, order)
        return order

    def of_alias(self, key: str, orphan: Orphan) -> Iterable[Orphan]:
        """What an alias, which is among the orders from now on, is to hear of what is said of it; nothing if it is none any more.

        One that was closed is remembered as it was: it goes on from there if events wait at it again.
        """
        if self._orders.check_of(key) is not None:
            return (orphan,)
        if key in self.forgotten:
            return ()
        tombstone = self._tombstones.find(key, orphan.log)
        if not orphan.records or (orphan.resolved and tombstone is not None):
            return ()
        if tombstone is not None and tombstone.unplaced:
            order = self._state.codec.unpack(key, tombstone.unplaced)
            order.recheck_at.pop(CLOSE, None)
            order.next_check = FAR
            self._tombstones.drop(key)
        elif tombstone is not None:
            return ()  # It was quarantined.
        else:
            order = Order(orphan.tenant, orphan.alias)
        self.aliases += 1
        self._orders.add(key, order)
        self.engine.evaluator.feeds.silences.watch(key, asks=order.exceptions.asks())
        # What ends was said before anything was kept of it.
        return (replace(orphan, resolved=False, order=None, said=True), orphan) if orphan.resolved else (orphan,)

    def hear(self, order: Order, orphan: Orphan) -> list[OutputRecord]:
        """Lets an alias hear what is said of it."""
        said = hear_of(self.engine, order, orphan)
        self.touched(order, orphan.log)
        return said

    def is_of_alias(self, record: Record) -> bool:
        """Whether a decision is about the exception of an alias that nobody had claimed."""
        event = record.event
        key = alias_key(event.tenant, record.order)
        known = self._orders.check_of(key) is not None or key in self.forgotten
        return known or self._tombstones.find(key, record.log) is not None

    def erase(self, key: str, now: int) -> bool:
        """Forgets an order, open or closed, but for its name; whether it was not forgotten already."""
        order = self._orders.find(key)
        if order is not None:
            self.engine.publisher.uncount(order.exceptions.states.values())
            self._drop(key)
            self.aliases -= key.startswith(ALIAS)
        if self._tombstones.find(key, NEVER) is not None:
            self._tombstones.drop(key)
        if key in self.forgotten:
            return False
        self.forgotten.add(key, now)
        return True

    def touched(self, order: Order, now: int) -> None:
        """Plans when an order is to be closed for which something came.

        One whose placing was withdrawn was never placed: it is forgotten sooner than was planned for one that had been.
        """
        if CLOSE not in order.recheck_at or not order.placed:
            silent = now + self._patience(order)
            order.recheck_at[CLOSE] = min(order.recheck_at.get(CLOSE, silent), silent)

    def may_close(self, order: Order, now: int) -> bool:
        """Whether an order is silent, with nothing open and nothing expected; else it is planned when to see again."""
        again = order.last_log + self._patience(order)
        open_ = order.exceptions.worked_on(self.engine.ruleset.index) or (order.exceptions.open if order.unclaimed else order.live)
        # What is open is looked at again when it is to be closed for age, and what may be said of it for only as long as it is.
        waits = len(order.recheck_at.keys() - order.live - {CASES, MESSAGES, SILENCE}) > 1
        if again > now or waits or order.deferred or ((order.placed or order.unclaimed) and open_):
            order.recheck_at[CLOSE] = again if again > now else now + self._patience(order)
            return False
        return True

    def close(self, key: str, order: Order, now: int) -> None:
        """Forgets an order but for its identity, and for its history if nobody has placed it."""
        unplaced = b"" if order.placed or order.quarantined else self._state.codec.pack(order)
        dedupe = self.engine.policy.retention.dedupe
        records = (*order.timeline.records, *order.timeline.hidden)
        customers = sorted(customer_mark(order.tenant, customer) for customer in customers_of(records))
        self._tombstones.add(key, now + dedupe, records, unplaced, customers)
        self._drop(key)
        if key.startswith(ALIAS):
            self.aliases -= 1
        else:
            self._state.counts.closed += 1

    def give_up(self, key: str, order: Order, error: str, now: int) -> Order:
        """What stands for an order that is judged no more, until it is forgotten as closed ones are. `error`: with what it failed."""
        empty = Order(order.tenant, order.id)
        empty.quarantined, empty.last_log = error, now
        empty.recheck_at[CLOSE] = now + self.engine.policy.retention.dedupe
        self._drop(key)
        self._orders.add(key, empty)
        return empty

    def _drop(self, key: str) -> None:
        """Takes out an order, which waits for no feed and asks for nothing from now on."""
        feeds = self.engine.evaluator.feeds
        feeds.expect(key, ())
        feeds.silences.watch(key, asks=False)
        self._orders.drop(key)

    def _patience(self, order: Order) -> int:
        """How long an order may be silent before it is seen whether it can be closed, µs."""
        retention = self.engine.policy.retention
        return retention.close_after if order.placed else retention.expire_unknown
