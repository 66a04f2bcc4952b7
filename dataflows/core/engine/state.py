"""What of a shard is kept between runs, as rows: its orders, the closed ones, its feeds, and what it has counted and numbered."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields

import msgspec

from dataflows.core.engine.activation import POLICY, Activations
from dataflows.core.engine.codec import OrderCodec, check_of
from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.forgotten import ForgottenOrders
from dataflows.core.engine.orders import OrderCache
from dataflows.core.engine.persistent import Change, Row
from dataflows.core.engine.publish import CaseStanding, Publisher, Standing
from dataflows.core.engine.renewal import Renewal
from dataflows.core.engine.tombstones import Tombstones
from dataflows.core.history.learned import Learned
from schemas.envelope import DEFAULT_TENANT
from schemas.instants import FAR, NEVER
from schemas.output import OutputRecord

VERSION = 1
"""Of the row of scalars."""
ORDER, TOMBSTONE, FORGOTTEN, FEEDS, LEARNED, SILENCES, SCALARS = b"o", b"t", b"e", b"f", b"l", b"q", b"s"
"""What the keys of rows begin with: an order and its key, a closed one and its key, an erased one and its key, all feeds, what was
learned, the sources that are silent, all else. That of an activated policy is `activation.POLICY`."""


@dataclass(slots=True)
class Counts:
    """What a shard has counted since it began."""

    records: int = 0
    duplicates: int = 0
    orders: int = 0
    closed: int = 0
    missed: int = 0
    """Withdrawals that named no event of their order when they came."""
    rejected: dict[str, int] = field(default_factory=dict[str, int])

    def reject(self, out: OutputRecord) -> None:
        """Counts a line of a reject."""
        reason = str(out.data["reason"])
        self.rejected[reason] = self.rejected.get(reason, 0) + 1


class ShardState:
    """The parts of a shard that are kept. `reevaluate_at`: when all orders are to be evaluated again, since the policy has changed."""

    def __init__(
        self,
        publisher: Publisher,
        codec: OrderCodec,
        orders: OrderCache,
        tombstones: Tombstones,
        feeds: Feeds,
        learned: Learned,
        activations: Activations,
        renewal: Renewal,
    ) -> None:
        self.counts = Counts()
        self.reevaluate_at = FAR
        self._publisher = publisher
        self.codec = codec
        self._orders = orders
        self._tombstones = tombstones
        self.forgotten = ForgottenOrders()
        self._feeds = feeds
        self._learned = learned
        self._activations = activations
        self._renewal = renewal
        self._monitors = bool(feeds)
        self._feeds_row = self._scalars = b""

    def changes(self) -> Iterator[Change]:
        """The rows that changed since the last call; see `Persistent`."""
        for key, packed in self._orders.changes():
            yield ORDER + key.encode(), packed
        for key, packed in self._tombstones.changes():
            yield TOMBSTONE + key.encode(), packed
        for key, packed in self.forgotten.changes():
            yield FORGOTTEN + key.encode(), packed
        if self._monitors:
            # Saying it takes watermarks in, so only the row itself tells whether it has changed.
            known = self._feeds.row()
            if known != self._feeds_row:
                self._feeds_row = known
                yield FEEDS, known
        if self._learned.changed:
            self._learned.changed = False
            yield LEARNED, self._learned.row()
        if self._feeds.silences.changed:
            self._feeds.silences.changed = False
            yield SILENCES, self._feeds.silences.row()
        if self._activations.changed:
            self._activations.changed = False
            yield POLICY, self._activations.row()
        scalars = self._row()
        if scalars != self._scalars:
            self._scalars = scalars
            yield SCALARS, scalars

    def rows(self) -> Iterator[Row]:
        """All rows; see `Persistent`."""
        for key, packed in self._orders.rows():
            yield ORDER + key.encode(), packed
        for key, packed in self._tombstones.rows():
            yield TOMBSTONE + key.encode(), packed
        for key, packed in self.forgotten.rows():
            yield FORGOTTEN + key.encode(), packed
        if self._monitors:
            yield FEEDS, self._feeds.row()
        if self._learned:
            yield LEARNED, self._learned.row()
        if self._feeds.silences:
            yield SILENCES, self._feeds.silences.row()
        if self._activations:
            yield POLICY, self._activations.row()
        yield SCALARS, self._row()

    def restore(self, rows: Iterable[Row]) -> Iterator[tuple[str, int]]:
        """Goes on from rows; gives the key of each order, and when it is to be checked.

        Raises:
            ValueError: if a row was written by a later version, or is of no known kind.
        """
        orders: dict[str, bytes] = {}
        tombstones: dict[str, bytes] = {}
        forgotten: dict[str, bytes] = {}
        for key, value in rows:
            # Ties hold the same string. The first states named the default tenant in their keys.
            kind, name = key[:1], sys.intern(key[1:].decode().removeprefix(f"{DEFAULT_TENANT}\x1f"))
            if kind == ORDER:
                orders[name] = value
            elif kind == TOMBSTONE:
                tombstones[name] = value
            elif kind == FORGOTTEN:
                forgotten[name] = value
            elif kind == FEEDS:
                self._feeds_row = value
                self._feeds.restore(value)
            elif kind == LEARNED:
                self._learned.restore(value)
            elif kind == SILENCES:
                self._feeds.silences.restore(value)
            elif kind == POLICY:
                continue  # The shard has gone on with it already: orders are unpacked by it.
            elif kind == SCALARS:
                self._scalars = value
            else:
                raise ValueError(f"a stored row begins with {kind!r}, which this program does not know")
        self._tombstones.restore(tombstones.items())
        self.forgotten.restore(forgotten.items())
        for name in self._orders.restore(orders.items()):
            order = self.codec.unpack(name, orders[name])
            self._feeds.expect(name, order.deferred.values())
            self._feeds.silences.watch(name, asks=order.exceptions.asks())
        if self._scalars:
            self._take_row(self._scalars)
        return ((name, check_of(packed)) for name, packed in orders.items())

    def _row(self) -> bytes:
        publisher = self._publisher
        opened = [(*standing, count) for standing, count in sorted(publisher.opened.items()) if count]
        cases = [(*standing, count) for standing, count in sorted(publisher.cases.items()) if count]
        found = [VERSION, asdict(self.counts), publisher.instant, publisher.number, self.reevaluate_at, opened]
        return msgspec.msgpack.encode([*found, self._renewal.reached if self._activations else NEVER, cases])

    def _take_row(self, row: bytes) -> None:
        version, *values = msgspec.msgpack.decode(row)
        if version != VERSION:
            raise ValueError(f"shard state of version {version}, this program reads version {VERSION}")
        publisher = self._publisher
        counts, publisher.instant, publisher.number, self.reevaluate_at, *later = values
        known = {each.name for each in fields(Counts)}
        self.counts = Counts(**{name: value for name, value in counts.items() if name in known})
        self._renewal.reached = later[1] if len(later) > 1 else NEVER
        if len(later) > 2:
            publisher.cases = Counter({CaseStanding(*named): count for *named, count in later[2]})
        else:
            # A state that was written before cases were counted: once, all orders are looked at.
            for name, packed in self._orders.rows():
                publisher.count_all(self.codec.unpack(name, packed).exceptions.states.values())
        if later:
            publisher.opened = Counter({Standing(*named): count for *named, count in later[0]})
