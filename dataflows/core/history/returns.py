"""The returns of one order: their steps and the scans of their parcels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from dataflows.core.history.parcels import Parcel, possession, scan_of
from schemas.events import ReturnStep
from schemas.instants import earliest
from schemas.record import Record

ENDS = frozenset(("delivered", "returned"))
"""What is scanned of a parcel when a shipment has come to its end."""
RETURNS = ("return.requested", "return.authorized", "return.shipped", "return.received", "return.inspected")


class Return:
    """One return: its steps and the scans of its parcels, as they happened."""

    __slots__ = ("_by_step", "return_id", "scans", "steps")

    def __init__(self, return_id: str | None) -> None:
        self.return_id = return_id
        self.steps: list[Record] = []
        self.scans: list[Record] = []
        self._by_step: dict[str, list[Record]] = {}

    @property
    def scope(self) -> str | None:
        """Its scope in verdicts."""
        return f"return:{self.return_id}" if self.return_id else None

    def first(self, step: str) -> int | None:
        """When it first came to a step."""
        known = self._by_step.get(f"return.{step}")
        return known[0].at if known else None

    def of(self, step: str) -> tuple[Record, ...]:
        """The events of a step."""
        return tuple(self._by_step.get(f"return.{step}", ()))

    def take(self, record: Record) -> None:
        """Takes in its latest step."""
        self.steps.append(record)
        self._by_step.setdefault(record.event.type, []).append(record)


class Returns:
    """The returns of one order in `all`, by their first step; `numbers` are the tracking numbers of their parcels.

    `until` says of those that a label or a hand-over names later when that was: from then on the parcel is a shipment's. `since` says of
    those that had been a shipment's when a return named them, and had come to their end: what is scanned after that is on its way back.
    Of numbers of which the carrier says that one replaced the other, all count as the first by name.
    """

    def __init__(self, parcel_of: Mapping[str, str] | None = None) -> None:
        self.all: list[Return] = []
        self._parcel_of = parcel_of or {}
        self.numbers: set[str] = set()
        self.until: dict[str, int] = {}
        self.since: dict[str, int] = {}
        self._left: int | None = None
        self._of: dict[str | None, Return] = {}
        self._sharing: dict[str, list[Return]] = {}
        self._parcels: dict[str, Parcel] = {}

    @classmethod
    def build(
        cls, steps: Iterable[Record], scans: Iterable[Record], outbound: Mapping[str, int], sent: int | None, parcel_of: Mapping[str, str]
    ) -> Returns:
        """The returns that steps and scans make.

        `outbound`: when labels and hand-overs first named each number: from then on it is of no return. Before that it is one's if anything
        had left by then, for nothing comes back before: `sent` is when the first shipment was handed over. `parcel_of`: by what name the
        parcel of a number goes that the carrier labelled again.
        """
        found = cls(parcel_of)
        scans = list(scans)
        ended: dict[str, int] = {}
        for record in scans:
            if scan_of(record).status in ENDS:
                ended.setdefault(found.name(scan_of(record).tracking_number or ""), record.at)
        for record in steps:
            found.take(record, outbound, ended)
        if not found.numbers:
            return found
        if found.until:
            moved = (
                r.at for r in scans if possession(r) and (number := scan_of(r).tracking_number) and found.name(number) not in found.numbers
            )
            found._left = earliest(sent, next(moved, None))
        for record in scans:
            if found.has(record):
                found.scan(record)
        return found

    def owns(self, number: str) -> bool:
        """Whether a number is a return's for good."""
        name = self.name(number)
        return name in self.numbers and name not in self.until and name not in self.since

    def name(self, number: str) -> str:
        """By what name the parcel of a number goes."""
        return self._parcel_of.get(number, number)

    def has(self, record: Record) -> bool:
        """Whether a scan is one of a return's parcel."""
        number = scan_of(record).tracking_number
        if number is None or not self.numbers:
            return False
        number = self.name(number)
        if number not in self.numbers:
            return False
        if number in self.since:
            return record.at > self.since[number]
        until = self.until.get(number)
        return until is None or (record.at < until and self._left is not None and self._left <= record.at)

    def take(self, record: Record, outbound: Mapping[str, int] | set[str] | frozenset[str], ended: Mapping[str, int] | None = None) -> bool:
        """Takes in the latest step; False if the scans of its parcel must be given out anew: another return or a shipment had them.

        `outbound`: the numbers that labels and hand-overs name, all of them by then or with the instant at which they first did; `ended`:
        when the parcel of each had first been delivered or brought back.
        """
        data = cast("ReturnStep", record.event.data)
        known = self._of.get(data.return_id)
        if known is None:
            known = self._of[data.return_id] = Return(data.return_id)
            self.all.append(known)
        known.take(record)
        number = data.tracking_number
        if not number:
            return True
        number = self.name(number)
        if number in outbound:
            named = outbound[number] if isinstance(outbound, Mapping) else record.at
            if named > record.at:
                self.until[number] = named
            elif number not in self.until and number not in self.since:
                if ended is None or ended.get(number, record.at) >= record.at:
                    return ended is not None
                self.since[number] = record.at
            elif number in self.until:
                return True
        self.numbers.add(number)
        sharing = self._sharing.setdefault(number, [])
        self._parcels.setdefault(number, Parcel(number))
        if known in sharing:
            return True
        sharing.append(known)
        return len(sharing) == 1

    @property
    def parcels(self) -> list[Parcel]:
        """The parcels of all returns, by their number."""
        known = [self._parcels[number] for number in sorted(self._parcels)]
        return [parcel for place, parcel in enumerate(known) if parcel not in known[:place]]

    def scan(self, record: Record) -> None:
        """Takes in the latest scan of a return's parcel."""
        number = self.name(scan_of(record).tracking_number or "")
        if self._parcels[number].take(record):
            for known in self._sharing[number]:
                known.scans.append(record)
