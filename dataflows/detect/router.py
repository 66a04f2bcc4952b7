"""Routes every record to the shard of its order, and to the alias shards that must see it.

One item per shard and batch, never one per event. Each item carries the channel's watermark, so that every shard knows the log time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, TypeVar, cast
from zlib import crc32

from dataflows.core.engine.followup import HEARD
from dataflows.core.engine.watermarks import WatermarkRun
from dataflows.core.identity import STAGE_TWO_KINDS, AliasLookup, alias_shard, order_shard, sightings
from dataflows.core.identity.duplicates import address_of
from dataflows.core.identity.sharding import CHILD, CUSTOMER, FORGET, PACE, READERS, TWIN, AliasReader
from dataflows.core.identity.shared import LINKED, OF_CHILDREN, parent_of
from dataflows.core.identity.signs import LIFE
from dataflows.detect.arrivals import Arrival, action_shard
from dataflows.detect.exchange import ActionItem, OrderItem
from dataflows.detect.learning import Learning
from dataflows.detect.names import ACTION_SHARDS, FIRST_SHARDS, ORDER_SHARDS, SECOND_SHARDS, THIRD_SHARDS
from schemas import deciding
from schemas.aliases import aliases
from schemas.deciding import FORGOTTEN
from schemas.envelope import ACTIVATED
from schemas.events import DATA_MODELS, OrderForgotten, OrderLinked, OrderPlaced
from schemas.identifiers import DEFAULT, Identifiers, normaliser
from schemas.instants import HOUR
from schemas.learned import PACED, PACING, SHOWN_BY, Showing, owed_by
from schemas.record import FeedWatermark, Record
from sources.batch import END, Batch, Refusal

T = TypeVar("T")
Stage: TypeAlias = "list[list[AliasLookup]]"
"""What the shards of an identity stage must see."""
STAGES = (FIRST_SHARDS, SECOND_SHARDS, THIRD_SHARDS)
PLACED, UPDATED = "order.placed", "order.updated"
_ORDERS, _ALIASES, _ACTIONS = len(ORDER_SHARDS), len(FIRST_SHARDS), len(ACTION_SHARDS)
OF_ACTIONS = frozenset(name for name in DATA_MODELS if name.startswith(deciding.OF_ACTIONS))
"""Types of decisions about actions. An order's shard hears of some of them: those that may concern what its customer is told."""
AUTOMATION = frozenset(name for name in OF_ACTIONS if name.startswith("automation."))
"""Those of them that concern all tenants."""
SHARED = frozenset((LINKED, ACTIVATED, FORGOTTEN, *PACING))
"""The types that more than the shard of their order must see."""


class _Way(NamedTuple):
    """How records of a type are routed that name their order. `apart`: they go elsewhere, too, or only there."""

    apart: bool
    of_children: bool
    of_life: bool
    is_placing: bool
    reader: AliasReader | None


_WAYS = {
    type_: _Way(type_ in OF_ACTIONS or type_ in SHARED, type_ in OF_CHILDREN, type_ in LIFE, type_ == PLACED, READERS.get(type_))
    for type_ in DATA_MODELS
}


@dataclass(slots=True)
class RouterCounts:
    """What has been read: events (duplicates included) and lines that are none."""

    events: int = 0
    refused: int = 0


@dataclass(slots=True)
class Router:
    """Cuts batches into one arrival per shard. `compare_customers`: whether orders of one customer are compared at all.

    `identifiers`: the form that identifiers are brought into, before anything looks at them.
    """

    compare_customers: bool
    counts: RouterCounts = field(default_factory=RouterCounts)
    identifiers: Identifiers = DEFAULT
    learning: Learning | None = None
    """What watches for milestones that are emitted; None where the policy lists them."""
    activations: bool = True
    """Whether policies that are activated in the stream are heeded."""
    _seeds: dict[str, int] = field(default_factory=dict[str, int])
    _hours: dict[tuple[str, int, str, str, str], int] = field(default_factory=dict[tuple[str, int, str, str, str], int])
    """The hour of which a partition's record of a tenant, source and type was let through last."""

    def __call__(self, batches: list[Batch]) -> list[tuple[str, Arrival[OrderItem] | Arrival[AliasLookup] | Arrival[ActionItem]]]:
        """Routes some batches: whatever they are, every shard gets one arrival."""
        orders: list[list[OrderItem]] = [[] for _ in ORDER_SHARDS]
        stages: list[Stage] = [[[] for _ in shards] for shards in STAGES]
        decisions: list[list[ActionItem]] = [[] for _ in ACTION_SHARDS]
        marks: list[FeedWatermark] = []
        watermark: dict[str, int] = {}
        until: int | None = None
        shown: list[Showing] = []
        filled = 0
        for batch in batches:
            if batch.items:
                self._route(batch, orders, stages, decisions, marks)
                if self.learning is not None:
                    shown += self.learning.watch(batch)
                filled += 1
            watermark[batch.channel] = batch.watermark
            if batch.watermark >= END and batch.until is not None:
                until = batch.until if until is None else max(until, batch.until)
        in_order = filled < 2
        run = None if not marks else WatermarkRun(marks) if in_order else WatermarkRun.of(marks)
        routed: list[tuple[str, Arrival[OrderItem] | Arrival[AliasLookup] | Arrival[ActionItem]]] = [
            (name, Arrival(name, watermark, items, until, in_order, run, shown)) for name, items in zip(ORDER_SHARDS, orders, strict=True)
        ]
        for names, sightings_ in zip(STAGES, stages, strict=True):
            routed += [(name, Arrival(name, watermark, seen, until, in_order)) for name, seen in zip(names, sightings_, strict=True)]
        routed += [(name, Arrival(name, watermark, items, until, in_order)) for name, items in zip(ACTION_SHARDS, decisions, strict=True)]
        return routed

    def _route(
        self,
        batch: Batch,
        orders: list[list[OrderItem]],
        stages: Sequence[Stage],
        decisions: list[list[ActionItem]],
        marks: list[FeedWatermark],
    ) -> None:
        seeds, ways, compares = self._seeds, _WAYS, self.compare_customers
        code = self.identifiers.code
        normalise = normaliser(code).record if code else None
        first, second, _ = stages
        others = refused = 0
        for record in batch.items:
            if type(record) is not Record:
                others += 1
                if isinstance(record, Refusal):
                    orders[0].append(record)
                    refused += 1
                else:
                    marks.append(cast("FeedWatermark", record))
                continue
            if normalise is not None:
                normalise(record)
            order, event = record.order, record.event
            way = ways[event.type]
            if way.apart:
                if event.type in OF_ACTIONS:
                    _decide(record, decisions, orders)
                    continue
                order = self._share(record, orders, stages, decisions)
            if not order:
                self._seek(record, first, second)
                continue
            seed = seeds.get(event.tenant) or self._seed(event.tenant)
            # As order_shard() does it, without the call and the second hash.
            name = order.encode()
            orders[crc32(name, seed) % _ORDERS].append(record)
            if way.of_children or way.of_life:
                home = crc32(name) % _ALIASES
                if way.of_children:
                    first[home].append((record, CHILD, order, False))
                if way.of_life and compares and (event.type != UPDATED or "lines" in cast("Mapping[str, object]", event.data)):
                    second[home].append((record, TWIN, order, False))
            reader = way.reader
            if reader is None:
                for kind, value in aliases(event):
                    stage = second if kind in STAGE_TWO_KINDS else first
                    stage[crc32(value.encode()) % _ALIASES].append((record, kind, value, False))
                continue
            data = event.data
            values = reader.read(data)
            if values != reader.nothing:
                for (kind, late), found in zip(reader.kinds, values, strict=True):
                    if found is None:
                        continue
                    stage = second if late else first
                    for value in (found,) if isinstance(found, str) else found:
                        stage[crc32(value.encode()) % _ALIASES].append((record, kind, value, False))
            if way.is_placing and compares and (address := address_of(cast("OrderPlaced", data))):
                first[alias_shard(address, _ALIASES)].append((record, CUSTOMER, address, False))
        self.counts.events += len(batch.items) - others
        self.counts.refused += refused

    def _seed(self, tenant: str) -> int:
        return self._seeds.setdefault(tenant, crc32(tenant.encode()))

    def _pace(self, record: Record, first: Stage) -> str:
        """Tells the shard that watches a milestone's pace of the first record of an hour that tells it or shows that it is owed.

        Returns the record's order.
        """
        event = record.event
        about, hour = (record.topic, record.partition, event.tenant, event.source, event.type), record.log // HOUR
        if self._hours.get(about) == hour:
            return record.order
        milestone = SHOWN_BY.get(event.type) or (owed_by(record) or ("",))[0]
        if milestone in PACED:
            self._hours[about] = hour
            name = f"{event.tenant}\n{milestone}"
            first[alias_shard(name, _ALIASES)].append((record, PACE, name, False))
        return record.order

    def _share(self, record: Record, orders: list[list[OrderItem]], stages: Sequence[Stage], decisions: list[list[ActionItem]]) -> str:
        """Gives a record to all that must see it. Returns the order to whose shard it goes besides, as any other; empty: to none."""
        if record.event.type in PACING:
            return self._pace(record, stages[0])
        if record.event.type == LINKED:
            return self._link(record, stages)
        if record.event.type == ACTIVATED:
            return self._broadcast(record, orders, decisions)
        if cast("OrderForgotten", record.event.data).customer_id:
            record.order = ""  # Of a customer's orders it is one.
            for items in orders:
                items.append(record)
        elif record.order:
            orders[order_shard(record.event.tenant, record.order, _ORDERS)].append(record)
        else:
            orders[0].append(record)
        for stage in stages:
            for seen in stage:
                seen.append((record, FORGET, record.order, False))
        return ""

    def _broadcast(self, record: Record, orders: list[list[OrderItem]], decisions: list[list[ActionItem]]) -> str:
        """Gives every order shard and action shard a record that is about no order. Returns that none is meant."""
        record.order = ""
        if self.activations:
            for items in orders:
                items.append(record)
            for asked in decisions:
                asked.append(record)
        return ""

    @staticmethod
    def _link(record: Record, stages: Sequence[Stage]) -> str:
        """Tells all alias shards of a parent and its children; the child's own one gives them the record. Returns the event's order."""
        record.order = record.order or parent_of(record)
        if record.order:
            for child in cast("OrderLinked", record.event.data).children:
                home = alias_shard(child, _ALIASES)
                for stage in stages:
                    for number, seen in enumerate(stage):
                        seen.append((record, CHILD, child, stage is stages[0] and number == home))
        return record.order

    def _seek(self, record: Record, first: Stage, second: Stage) -> None:
        """Sends an event that does not name its order to where its aliases are judged; one without any (a heartbeat) only moves time."""
        names = aliases(record.event)
        if names:
            for stage, seen in zip((first, second), sightings(record, names), strict=True):
                for lookup in seen:
                    stage[alias_shard(lookup[2], _ALIASES)].append(lookup)


def _decide(record: Record, decisions: list[list[ActionItem]], orders: list[list[OrderItem]]) -> None:
    """Sends a decision to the action shard of its tenant, one about automation to all of them; some to the shard of their order, too."""
    event = record.event
    for number in range(_ACTIONS) if event.type in AUTOMATION else (action_shard(event.tenant),):
        decisions[number].append(record)
    if event.type in HEARD and record.order:
        orders[order_shard(event.tenant, record.order, _ORDERS)].append(record)
