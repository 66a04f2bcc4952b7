"""What a shard has counted, and the row of scalars in which it is kept with the numbering of what was said."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields

import msgspec

from dataflows.core.engine.publish import Publisher, Standing
from schemas.output import OutputRecord

VERSION = 1
"""Of the row."""


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


def pack_scalars(counts: Counts, publisher: Publisher, reevaluate_at: int) -> bytes:
    """The row."""
    opened = [(*standing, count) for standing, count in sorted(publisher.opened.items()) if count]
    return msgspec.msgpack.encode([VERSION, asdict(counts), publisher.instant, publisher.number, reevaluate_at, opened])


def unpack_scalars(row: bytes, publisher: Publisher) -> tuple[Counts, int, bool]:
    """What stands in the row: the counts, when all orders are to be evaluated again, and whether open exceptions are counted in it.

    `publisher` goes on from how far it had numbered.

    Raises:
        ValueError: if the row was written by a later version.
    """
    version, *values = msgspec.msgpack.decode(row)
    if version != VERSION:
        raise ValueError(f"shard state of version {version}, this program reads version {VERSION}")
    counts, publisher.instant, publisher.number, reevaluate_at, *later = values
    if later:
        publisher.opened = Counter({Standing(*named): count for *named, count in later[0]})
    known = {each.name for each in fields(Counts)}
    return Counts(**{name: value for name, value in counts.items() if name in known}), reevaluate_at, bool(later)
