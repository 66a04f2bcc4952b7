"""What is out of the ordinary about the parcels of a shipment: voided, labelled again after that, or gone over to another number.

It is worked out from the shipment as it stands, and only of shipments that have such parcels.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import cast

from dataflows.core.history.manifest import Manifest, tracking_numbers
from dataflows.core.history.parcels import Parcel, scan_of
from schemas.events import Line, WarehouseShipment
from schemas.instants import earliest
from schemas.record import Record

MOVING_ON = frozenset(("accepted", "in_transit", "customs", "delayed", "exception", "unknown"))
"""What is last scanned of a parcel before another carrier takes it over under a number of its own."""


class Voids:
    """The voids of one shipment, by the tracking number or the shipment ID that they name."""

    __slots__ = ("by_id", "by_number")

    def __init__(self) -> None:
        self.by_number: dict[str, list[int]] = {}
        self.by_id: dict[str, list[int]] = {}


class ParcelStanding:
    """How the parcels of a shipment stand of which some were voided: `voided` says which are, and since when.

    A void is one of the parcel's until the carrier has it or a later label brings it back; what had been said of it before that label
    counts no more. `shipped`, `handed_over`, `labelled` and `lines` are those of the parcels that are not voided.
    """

    __slots__ = ("_handed", "_labelled", "_made", "confirmed", "handed_over", "labelled", "lines", "shipped", "voided")

    def __init__(
        self,
        parcels: Mapping[str, Parcel],
        labels: Sequence[Record],
        handovers: Sequence[Record],
        voids: Voids,
    ) -> None:
        self.voided: dict[str, int] = {}
        self._made: dict[str, list[Record]] = {}
        self._handed: dict[str, list[Record]] = {}
        each = {parcel.tracking: parcel for parcel in parcels.values()}
        names = {id(r): {parcels[n].tracking for n in _numbers(r) if n in parcels} for r in (*labels, *handovers)}
        spoken = {key: _speaking(parcel, labels, names) for key, parcel in each.items()}
        self._labelled = {key: made[0].at if made else None for key, made in spoken.items()}
        for tracking, parcel in each.items():
            made, handed = spoken[tracking], _speaking(parcel, handovers, names)
            own = [number for number, known in parcels.items() if known is parcel] if tracking else voids.by_number
            known = sorted((*parcel.cancelled, *_reaching(parcel, own, earliest(*_first(made, handed, parcel)), voids)))
            self._judge(tracking, parcel, known, made, handed)
        live = [(key, parcel) for key, parcel in each.items() if key not in self.voided]
        self.handed_over = earliest(*(self._handed[key][0].at for key, _ in live if self._handed[key]))
        self.labelled = earliest(*(self._made[key][0].at for key, _ in live if self._made[key]))
        self.shipped = earliest(self.handed_over, *(parcel.first_scan for _, parcel in live))
        confirmed = {id(r) for key, _ in live for r in self._handed[key]}
        said = {id(r) for key, _ in live for r in self._made[key]}
        self.confirmed = Manifest(r for r in handovers if id(r) in confirmed).lines
        self.lines = self.confirmed or labelled_lines(r for r in labels if id(r) in said) or None

    def _judge(self, tracking: str, parcel: Parcel, voids: Sequence[int], made: list[Record], handed: list[Record]) -> None:
        first = parcel.first_scan
        printed = made[-1].at if made else None
        if first is None:
            voided = next((at for at in voids if printed is None or at >= printed), None)
            if voided is not None:
                self.voided[tracking] = voided
        ended = [at for at in voids if printed is not None and at < printed and (first is None or at < first)]
        again = next((r.at for r in made if r.at > ended[-1]), None) if ended else None
        if again is not None:
            made = [r for r in made if r.at >= again]
            handed = [r for r in handed if r.at >= again]
        self._made[tracking] = made
        self._handed[tracking] = [r for r in handed if _numbers(r) or not made or made[0].at <= r.at or not self._of_others(parcel, r)]

    def _of_others(self, parcel: Parcel, handover: Record) -> bool:
        """Whether a hand-over without a number, from before a parcel was labelled, is of others that had been labelled, or never are."""
        return any(key != parcel.tracking and (first is None or first <= handover.at) for key, first in self._labelled.items())

    def announced(self, parcel: Parcel) -> tuple[Record | None, Record | None]:
        """The first label and the first hand-over of a parcel that count."""
        made, handed = self._made[parcel.tracking], self._handed[parcel.tracking]
        return made[0] if made else None, handed[0] if handed else None


def _numbers(record: Record) -> list[str]:
    return tracking_numbers(cast("WarehouseShipment", record.event.data))


def _speaking(parcel: Parcel, records: Sequence[Record], names: Mapping[int, set[str]]) -> list[Record]:
    """The labels or hand-overs that speak of a parcel: they name it, or no number. Of one that none names all of them do."""
    if parcel.made is None and parcel.handed is None:
        return list(records)
    return [r for r in records if not names[id(r)] or parcel.tracking in names[id(r)]]


def _first(made: Sequence[Record], handed: Sequence[Record], parcel: Parcel) -> Iterable[int]:
    """The instants of which the earliest is when a parcel was named."""
    named = [r.at for r in (parcel.made, parcel.handed) if r is not None]
    return named or [r.at for r in (*made[:1], *handed[:1])]


def _reaching(parcel: Parcel, numbers: Iterable[str], named: int | None, voids: Voids) -> list[int]:
    """The voids that reach a parcel: those of its numbers, and those of its shipment that came once a label or a hand-over named it."""
    found = [at for number in numbers for at in voids.by_number.get(number, ()) if parcel.tracking or (named is not None and at >= named)]
    if named is None:
        return found
    ids = parcel.ids or voids.by_id.keys()
    each = [[at for at in voids.by_id.get(id_, ()) if at >= named] for id_ in ids]
    return [*found, *(at for known in each for at in known)]


def labelled_lines(labels: Iterable[Record]) -> list[Line]:
    """What labels say is in them: of several for the same parcels, the last."""
    last = {frozenset(_numbers(r)): lines for r in labels if (lines := cast("WarehouseShipment", r.event.data).lines)}
    return [line for lines in last.values() for line in lines]


def gone_over(parcels: Sequence[Parcel]) -> dict[str, tuple[int, str]]:
    """Which parcels went over to another number of their shipment: when, and to which.

    Nobody said so. But where one carrier's scans end under way, and another carrier's of another number begin after that, the one handed
    the parcel to the other: a parcel does not change its carrier any other way, and pieces of one shipment go by the same.
    """
    known = [parcel for parcel in parcels if parcel.first_scan is not None and parcel.tracking]
    if len(known) < 2:
        return {}
    groups: dict[tuple[frozenset[str], frozenset[str]], list[Parcel]] = {}
    for parcel in known:
        groups.setdefault(parcel.carriers(), []).append(parcel)
    if len(groups) < 2:
        return {}
    begun: Callable[[Parcel], tuple[int, str]] = lambda parcel: (cast("int", parcel.first_scan), parcel.tracking)  # noqa: E731 (a key)
    for group in groups.values():
        group.sort(key=begun)
    went: dict[str, tuple[int, str]] = {}
    taken: dict[str, int] = {}
    for parcel in known:
        last = parcel.scans[-1]
        if parcel.delivered is not None or parcel.returned is not None or scan_of(last).status not in MOVING_ON:
            continue
        own = parcel.carriers()
        after: list[tuple[int, str]] = []
        for carriers, group in groups.items():
            place = bisect_right(group, last.at, key=lambda other: cast("int", other.first_scan)) if _differ(own, carriers) else len(group)
            if place < len(group):
                after.append(begun(group[place]))
        if after:
            went[parcel.tracking] = first = min(after, key=itemgetter(0, 1))
            taken[first[1]] = taken.get(first[1], 0) + 1
    return {key: (at, other) for key, (at, other) in went.items() if taken[other] == 1}


def _differ(one: tuple[frozenset[str], frozenset[str]], other: tuple[frozenset[str], frozenset[str]]) -> bool:
    return one[0].isdisjoint(other[0]) if one[0] and other[0] else one[1].isdisjoint(other[1])
