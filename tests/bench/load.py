"""Orders that are halfway (placed, paid, shipped, scanned twice), and scans of random ones of them at full speed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, ClassVar, cast

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from dataflows.core.engine.codec import HEAD, OrderCodec, plain_of
from dataflows.core.engine.compress import compress
from dataflows.core.engine.shard import Shard
from dataflows.core.engine.state import ORDER
from schemas.record import FeedWatermark, IdentityFinding, Orphan, Record, Silences
from schemas.wire import decode, micros
from sources.batch import Batch
from tests.support.logs import HOUR, MINUTE, T0, line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dataflows.core.engine.persistent import Change, Row
    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

BATCH = 1_000
CHANNELS = ("one", "two")
BLANK = "00000000"
"""Stands in the template for an order's number."""
MONEY = {"amount": "129.90", "currency": "EUR"}
LINES = [{"line_id": "1", "sku": "SKU-1042", "quantity": 1}, {"line_id": "2", "sku": "SKU-2077", "quantity": 2}]
PARCEL = {"site": "ams1", "shipment_id": f"shp_{BLANK}", "carrier": "ups", "tracking_number": f"1Z999{BLANK}", "lines": LINES}
BEGIN = T0 + 30 * HOUR
"""When the scans that are measured begin: log time, µs."""
STRIDE = 50
"""Log time between two scans of a channel, µs: deadlines stay ahead."""


def scan(id_: str, at: int, status: str, *, order: str | None) -> bytes:
    """A scan of the template's parcel."""
    data: dict[str, object] = {"status": status, "tracking_number": f"1Z999{BLANK}", "carrier": "ups", "location": "Eindhoven NL"}
    return line(id_, at, "carrier.scan", order=order, source="/carrier/ups", data=data)


def halfway() -> list[bytes]:
    """The events of an order that is on its way."""
    order = f"ACM-{BLANK}"
    placed: dict[str, object] = {
        "total": MONEY,
        "customer": {"id": f"cus_{BLANK}", "tier": "gold"},
        "promised_by": "2026-05-02",
        "ship_by": "2026-04-24",
        "ship_to": {"country": "NL", "region": "NB", "postal_code": "5611", "timezone": "Europe/Amsterdam", "address_hash": f"adr-{BLANK}"},
        "lines": LINES,
        "channel": "web",
        "service": "standard",
    }
    paid: dict[str, object] = {"payment_id": f"pay_{BLANK}", "amount": MONEY}
    told = [
        ("order.placed", "/storefront/acme", 0, placed),
        ("payment.captured", "/payments/stripe", 5 * MINUTE, paid),
        ("warehouse.label_created", "/warehouse/ams1", 20 * HOUR, cast("dict[str, object]", PARCEL)),
        ("warehouse.shipped", "/warehouse/ams1", 22 * HOUR, cast("dict[str, object]", PARCEL)),
    ]
    events = [
        line(f"{BLANK}-{n:03d}", T0 + after, type_, order=order, source=source, data=data)
        for n, (type_, source, after, data) in enumerate(told)
    ]
    scans = (("accepted", 24 * HOUR), ("in_transit", 28 * HOUR))
    return events + [scan(f"{BLANK}-1{n:02d}", T0 + after, status, order=order) for n, (status, after) in enumerate(scans)]


def record(raw: bytes, channel: str, offset: int, log: int) -> Record:
    """An event as the source hands it out."""
    event = decode(raw)
    return Record(log, channel, 0, offset, 0, micros(event.time), event.subject or "", event, raw)


class Filled(Shard):
    """A heart that holds so many orders from the beginning and takes no others: it fills a state directory."""

    orders: ClassVar[dict[int, list[int]]] = {}
    template: ClassVar[bytes] = b""

    def __init__(self, policy: Policy, hot: int = 1, *, place: tuple[int, int] = (0, 1)) -> None:
        super().__init__(policy, hot, place=place)
        self._number, _ = place
        self._told = False

    def apply(self, record: Record | IdentityFinding | FeedWatermark | Orphan | Silences) -> None:
        """Takes nothing: it came to be tied only."""

    def changes(self) -> Iterator[Change]:
        """At the first call, all orders."""
        if not self._told:
            self._told = True
            yield from self._held()
        yield from super().changes()

    def rows(self) -> Iterator[Row]:
        """All orders."""
        yield from self._held()
        yield from super().rows()

    def _held(self) -> Iterator[Row]:
        blank, head, plain = BLANK.encode(), self.template[:HEAD], plain_of(self.template)
        for order in self.orders[self._number]:
            yield ORDER + b"ACM-%08d" % order, head + compress(plain.replace(blank, b"%08d" % order))


class Watched(Shard):
    """A heart that notes the longest time in which none of its process's shards judged anything, seconds."""

    stood: ClassVar[float] = 0.0
    latest: ClassVar[float] = 0.0

    def apply(self, record: Record | IdentityFinding | FeedWatermark | Orphan | Silences) -> None:
        """Judges."""
        now = time.perf_counter()
        Watched.stood = max(Watched.stood, now - Watched.latest)
        super().apply(record)
        Watched.latest = time.perf_counter()

    @classmethod
    def begin(cls) -> None:
        """Notes from now on."""
        cls.stood, cls.latest = 0.0, time.perf_counter()


def template(policy: Policy) -> bytes:
    """An order that is halfway, packed."""
    shard = Shard(policy)
    for offset, raw in enumerate(halfway()):
        log = micros(decode(raw).time)
        shard.apply(record(raw, CHANNELS[0], offset, log))
    shard.advance(BEGIN)
    order = shard.find("default", f"ACM-{BLANK}")
    assert order is not None
    assert not [out for out in shard.drain() if out.topic == "exceptions"], "the orders that are kept are meant to be in order"
    assert order.next_check > BEGIN + HOUR, "deadlines are meant to lie ahead"
    return OrderCodec(shard.engine.ruleset).pack(order)


class Ties(StatefulSourcePartition[Batch, bytes]):
    """What ties the aliases of every order: a capture and a shipment."""

    def __init__(self, channel: str, orders: Iterator[int]) -> None:
        self._channel = channel
        self._orders = orders
        self._offset = 0
        self._lines = (halfway()[1], halfway()[3])

    def next_batch(self) -> list[Batch]:
        """The ties of some orders."""
        blank, items, log = BLANK.encode(), list[Record](), T0 + 22 * HOUR
        for order, _ in zip(self._orders, range(BATCH // 2), strict=False):
            for raw in self._lines:
                self._offset += 1
                items.append(record(raw.replace(blank, b"%08d" % order), self._channel, self._offset, log + self._offset))
        if not items:
            raise StopIteration
        return [Batch(self._channel, log + self._offset, items)]

    def snapshot(self) -> bytes:
        """Nothing: it is never resumed."""
        return b""


class Scans(StatefulSourcePartition[Batch, bytes]):
    """Scans of random orders, every second of them without its order's ID, until the time is over."""

    def __init__(self, load: Load, number: int) -> None:
        self._load = load
        self._channel = CHANNELS[number]
        self._offset = 0
        self._lots = Random(number)
        self._lines = [scan("scan-idscanid", BEGIN, "in_transit", order=order) for order in (f"ACM-{BLANK}", None)]
        self._id = b"scan-idscanid"

    def next_batch(self) -> list[Batch]:
        """A batch at full size, if all that was kept is there again."""
        load = self._load
        load.poll()
        if not load.resume and self._offset:
            return []
        items: list[Record] = []
        blank, orders, number, lots = BLANK.encode(), load.orders, self._offset, self._lots
        for _ in range(BATCH):
            number += 1
            raw = self._lines[number & 1].replace(blank, b"%08d" % int(lots.random() * orders))
            raw = raw.replace(self._id, b"%s-%09d" % (self._channel.encode(), number))
            items.append(record(raw, self._channel, number, BEGIN + number * STRIDE))
        self._offset = number
        load.events += BATCH
        return [Batch(self._channel, items[-1].log, items)]

    def snapshot(self) -> bytes:
        """Nothing: it is resumed from its beginning."""
        return b""


@dataclass
class Load(FixedPartitionedSource[Batch, bytes]):
    """The load of one measurement, and what was seen of the flow from where it is asked for more. `on_end` is called when time is over."""

    orders: int
    seconds: float
    on_ready: Callable[[], None]
    on_end: Callable[[], None]
    began: float = field(default_factory=time.perf_counter)
    cpu: float = 0.0
    resume: float = 0.0
    """How long it took until the shards judged, seconds; 0 until then."""
    events: int = 0
    pauses: list[float] = field(default_factory=list[float])
    _polled: float = 0.0

    def judging(self) -> None:
        """Shards have judged: all that was kept is there again."""
        if not self.resume:
            now = time.perf_counter()
            self.resume = now - self.began
            self.on_ready()
            self.events, self.cpu = 0, time.process_time()
            self.began = self._polled = time.perf_counter()

    def poll(self) -> None:
        """Notes that the flow asks for more."""
        now = time.perf_counter()
        if self.resume:
            self.pauses.append(now - self._polled)
            if now - self.began >= self.seconds:
                self.on_end()
        self._polled = now

    def list_parts(self) -> list[str]:
        """The two channels."""
        return list(CHANNELS)

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> Scans:
        """One of them."""
        del step_id, resume_state
        return Scans(self, CHANNELS.index(for_part))


class TieSource(FixedPartitionedSource[Batch, bytes]):
    """Ties the aliases of so many orders."""

    def __init__(self, orders: int) -> None:
        self._orders = orders

    def list_parts(self) -> list[str]:
        """The two channels."""
        return list(CHANNELS)

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> Ties:
        """One of them, with every second order."""
        del step_id, resume_state
        return Ties(for_part, iter(range(CHANNELS.index(for_part), self._orders, len(CHANNELS))))


class _Nowhere(StatefulSinkPartition["Sequence[OutputRecord]", bytes]):
    def write_batch(self, values: list[Sequence[OutputRecord]]) -> None:
        pass

    def snapshot(self) -> bytes:
        return b""


class Nowhere(FixedPartitionedSink["Sequence[OutputRecord]", bytes]):
    """Takes everything and keeps nothing."""

    def list_parts(self) -> list[str]:
        """One part."""
        return ["nowhere"]

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> _Nowhere:
        """The part."""
        del step_id, for_part, resume_state
        return _Nowhere()
