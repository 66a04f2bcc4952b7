"""The returns of one order: their steps and the scans of their parcels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from dataflows.core.history.shipments import is_estimate, scan_of
from schemas.events import ReturnStep
from schemas.record import Record

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
    """The returns of one order in `all`, by their first step; `numbers` are the tracking numbers of their parcels."""

    def __init__(self) -> None:
        self.all: list[Return] = []
        self.numbers: set[str] = set()
        self._of: dict[str | None, Return] = {}
        self._sharing: dict[str, list[Return]] = {}

    @classmethod
    def build(cls, steps: Iterable[Record], scans: Iterable[Record], outbound: frozenset[str]) -> Returns:
        """The returns that steps and scans make. A number that a label or a hand-over names as well (`outbound`) is of no return."""
        found = cls()
        for record in steps:
            found.take(record, outbound)
        for record in scans if found.numbers else ():
            found.scan(record)
        return found

    def take(self, record: Record, outbound: frozenset[str] | set[str]) -> bool:
        """Takes in the latest step; False if another return has named its parcel before, whose scans must be given to it as well."""
        data = cast("ReturnStep", record.event.data)
        known = self._of.get(data.return_id)
        if known is None:
            known = self._of[data.return_id] = Return(data.return_id)
            self.all.append(known)
        known.take(record)
        number = data.tracking_number
        if not number or number in outbound:
            return True
        self.numbers.add(number)
        sharing = self._sharing.setdefault(number, [])
        if known in sharing:
            return True
        sharing.append(known)
        return len(sharing) == 1

    def scan(self, record: Record) -> None:
        """Takes in the latest scan of a return's parcel."""
        if not is_estimate(record):
            for known in self._sharing.get(scan_of(record).tracking_number or "", ()):
                known.scans.append(record)
