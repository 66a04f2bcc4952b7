"""What the hand-overs of one shipment say is in it, where several systems speak of the same one.

What one source says adds up: a warehouse tells of a shipment piece by piece. What another source says is the same goods once more, as when
the shop repeats what its warehouse told, so that of each line only what is more than the others said is added. A hand-over by the same
source with the same lines and all the parcels of an earlier one is that one told again, as by a nightly file, with one number more, or with
the number that nobody knew before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import msgspec

from schemas.events import Line, WarehouseShipment
from schemas.instants import FAR
from schemas.record import Record


def _said(line: Line) -> tuple[object, ...]:
    """What a line says. What was read from a state is of another class than what a thorough decoder has read, and never equal to it."""
    parts = [(part.sku, part.quantity) for part in line.components] if line.components else None
    return (line.line_id, line.sku, line.quantity, line.ship_by, line.promised_by, line.method, line.parent_line_id, parts)


def tracking_numbers(data: WarehouseShipment) -> list[str]:
    """All tracking numbers that a label or a hand-over names."""
    own = (data.tracking_number,) if data.tracking_number else ()
    return list(dict.fromkeys((*own, *(data.tracking_numbers or ()))))


class _Account:
    """How much one source said of each line, by its ID and by its SKU, and in all."""

    __slots__ = ("by_id", "by_sku", "said", "total")

    def __init__(self) -> None:
        self.by_id: dict[str, int] = {}
        self.by_sku: dict[str, int] = {}
        self.total = 0
        self.said: list[tuple[frozenset[str], list[tuple[object, ...]]]] = []

    def add(self, line: Line, count: int) -> None:
        """Takes in a line."""
        self.total += count
        if line.line_id:
            self.by_id[line.line_id] = self.by_id.get(line.line_id, 0) + count
        if line.sku:
            self.by_sku[line.sku] = self.by_sku.get(line.sku, 0) + count

    def repeats(self, numbers: Sequence[str], lines: Sequence[Line]) -> bool:
        """Whether a hand-over is an earlier one once more; without a number nobody can say."""
        parcels, said = frozenset(numbers), [_said(line) for line in lines]
        for place, (before, known) in enumerate(self.said if parcels else ()):
            if before <= parcels and known == said:
                if not before:
                    self.said[place] = (parcels, said)
                return True
        self.said.append((parcels, said))
        return False

    def ahead(self, own: _Account, line: Line) -> int:
        """How much of a line it has said that another source has not.

        Where one names lines by IDs only and the other by SKUs only, they are taken to speak of the same goods, piece by piece.
        """
        if line.line_id and line.line_id in self.by_id:
            return self.by_id[line.line_id] - own.by_id.get(line.line_id, 0)
        if (line.line_id and not line.sku and not self.by_id) or (line.sku and not line.line_id and not self.by_sku):
            return self.total - own.total
        if line.sku and (not line.line_id or not self.by_id):
            return self.by_sku.get(line.sku, 0) - own.by_sku.get(line.sku, 0)
        return 0


class Manifest:
    """The lines of a shipment by its hand-overs, in their order."""

    __slots__ = ("_accounts", "lines")

    def __init__(self, handovers: Iterable[Record] = ()) -> None:
        self.lines: list[Line] = []
        self._accounts: dict[str, _Account] = {}
        for record in handovers:
            self.take(record)

    def take(self, record: Record) -> None:
        """Takes in the latest hand-over."""
        data = cast("WarehouseShipment", record.event.data)
        lines = data.lines
        if not lines:
            return
        own = self._accounts.setdefault(record.event.source, _Account())
        if own.repeats(tracking_numbers(data), lines):
            return
        others = [account for source, account in self._accounts.items() if source != record.event.source]
        for line in lines:
            count = FAR if line.quantity is None else line.quantity
            known = max((other.ahead(own, line) for other in others), default=0)
            own.add(line, count)
            if known <= 0:
                self.lines.append(line)
            elif known < count:
                rest = None if line.quantity is None else count - known
                self.lines.append(cast("Line", msgspec.structs.replace(cast("msgspec.Struct", line), quantity=rest)))
