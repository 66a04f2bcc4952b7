"""The fields of an order as placed and after each update, and the values that a field has had."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple, TypeVar, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dataflows.core.history.quantities import line_key, quantity
from schemas.events import Line, OrderPlaced
from schemas.patch import merge_patch
from schemas.place_names import stated_place
from schemas.record import Record

Value = TypeVar("Value")
Segment = tuple[Value, int, "int | None", "Record"]
"""A value, since when and until when an order had it, and the event that brought it."""
UPDATED = "order.updated"
PLACED = "order.placed"


def says(record: Record, name: str) -> bool:
    """Whether a placing or an update says something of a field."""
    data = record.event.data
    return name in cast("Mapping[str, object]", data) if record.event.type == UPDATED else getattr(data, name) is not None


def _with(before: OrderPlaced, stated: OrderPlaced, *, over: bool) -> OrderPlaced:
    """The fields of an order with those of another placing: `over` them, or where they are missing."""
    changed: dict[str, object] = {}
    for name in cast("msgspec.Struct", stated).__struct_fields__:
        old, new = cast("object", getattr(before, name)), cast("object", getattr(stated, name))
        if new is not None and (over or old is None):
            if old is not None and isinstance(old, msgspec.Struct) and isinstance(new, msgspec.Struct):
                inner = {n: v for n in new.__struct_fields__ if (v := cast("object", getattr(new, n))) is not None}
                changed[name] = msgspec.structs.replace(old, **inner)
            else:
                changed[name] = new
    return cast("OrderPlaced", msgspec.structs.replace(cast("msgspec.Struct", before), **changed))


class LineDates(NamedTuple):
    """A date of an order's lines: the lines that have none of their own as the order stands, and the dates of those that ever had one."""

    plain: list[str]
    own: dict[str, list[Segment[str | None]]]


class Versions:
    """What an order said of itself: (fields, since, event) in `all`, as it was placed and after each update."""

    def __init__(self, placed: Record, updates: Sequence[Record], again: Collection[int] = ()) -> None:
        self.all: list[tuple[OrderPlaced, int, Record]] = [(located(cast("OrderPlaced", placed.event.data)), placed.at, placed)]
        self._dates: dict[str, list[Segment[str | None]]] = {}
        self._line_dates: dict[str, LineDates] = {}
        self._former: dict[str, str] | None = None
        self._ordered: dict[int, dict[str, int]] = {}
        self._most: list[dict[str, int]] = []
        self._again = again
        """The identities of the records of placings by which a cancelled order was wanted again."""
        for record in updates:
            self.take(record)

    @property
    def fields(self) -> OrderPlaced:
        """The order's fields as they stand now."""
        return self.all[-1][0]

    def take(self, update: Record) -> None:
        """Takes in the latest update, or a further placing.

        No order is changed before it is placed: an update that is dated so comes from another clock, and holds from the placing on.
        A placing of a cancelled order changes what it says; any other adds what has not been said.
        """
        since = max(update.at, self.all[0][1])
        if update.event.type == PLACED:
            fields = _with(self.fields, cast("OrderPlaced", update.event.data), over=id(update) in self._again)
        else:
            fields = merge_patch(self.fields, cast("Mapping[str, object]", update.event.data))
        fields = located(fields)
        self.all.append((fields, since, update))
        for name, segments in self._dates.items():
            extend(segments, cast("str | None", getattr(fields, name)), since, update)
        if says(update, "lines"):
            self._line_dates = {}
            self._former = None

    def at(self, instant: int) -> OrderPlaced | None:
        """The fields in force at an instant; None before the order was placed."""
        position = bisect_right(self.all, instant, key=itemgetter(1))
        return self.all[position - 1][0] if position else None

    def ordered_at(self, instant: int) -> dict[str, int]:
        """The quantity of each line that was ordered at an instant; of the first version, before the order was placed."""
        position = max(bisect_right(self.all, instant, key=itemgetter(1)) - 1, 0)
        while position and not says(self.all[position][2], "lines"):
            position -= 1
        known = self._ordered.get(position)
        if known is None:
            known = self._ordered[position] = {}
            for place, line in enumerate(self.all[position][0].lines or ()):
                key = line_key(line, place)
                known[key] = known.get(key, 0) + quantity(line)
        return known

    def most_at(self, instant: int) -> dict[str, int]:
        """The greatest quantity of each line so far; lines that an update is the first to tell of count from the placing.

        Of what is told of one instant the last counts.
        """
        known = self._most
        while 0 < len(known) < len(self.all) and self.all[len(known)][1] == self.all[len(known) - 1][1]:
            known.pop()  # It is not the last of its instant any more.
        for position in range(len(known), len(self.all)):
            before = known[-1] if known else {}
            following = position + 1 < len(self.all) and self.all[position + 1][1] == self.all[position][1]
            if following and (before or not position):
                known.append(before)
                continue
            stated: dict[str, int] = {}
            for place, line in enumerate(self.all[position][0].lines or ()):
                key = line_key(line, place)
                stated[key] = stated.get(key, 0) + quantity(line)
            more = {key: count for key, count in stated.items() if count > before.get(key, 0) or key not in before}
            known.append(before | more if more else before)
        position = bisect_right(self.all, max(instant, self.all[0][1]), key=itemgetter(1)) - 1
        return next((most for most in known[position:] if most), known[position])

    def segments(self, value_of: Callable[[OrderPlaced], Value]) -> list[Segment[Value]]:
        """The values that a field had; consecutive equal values are one segment."""
        segments: list[Segment[Value]] = []
        for fields, since, record in self.all:
            extend(segments, value_of(fields), since, record)
        return segments

    def dates(self, name: str) -> list[Segment[str | None]]:
        """The values that a date of the order as a whole has had."""
        known = self._dates.get(name)
        if known is None:
            known = self._dates[name] = self.segments(lambda fields: cast("str | None", getattr(fields, name)))
        return known

    def line_dates(self, name: str) -> LineDates:
        """The values that a date of the order's lines has had."""
        known = self._line_dates.get(name)
        if known is None:
            known = self._line_dates[name] = self._read_lines(name)
        return known

    def former(self, line: Line) -> str | None:
        """The name that an order line had, at any time, of which a line speaks: by `line_id`, else the first by `sku`."""
        if self._former is None:
            self._former = {}
            ever = {line_key(known, place): known for fields, _, _ in self.all for place, known in enumerate(fields.lines or ())}
            for key, known in ever.items():
                self._former[f"id {key}"] = key
                self._former.setdefault(f"sku {known.sku}", key)
        by_id = None if line.line_id is None else self._former.get(f"id {line.line_id}")
        return by_id or (None if line.sku is None else self._former.get(f"sku {line.sku}"))

    def _read_lines(self, name: str) -> LineDates:
        own: dict[str, list[Segment[str | None]]] = {}
        for position, (fields, since, record) in enumerate(self.all):
            if position and not says(record, "lines"):
                continue
            values: dict[str, str | None] = {}
            dated: dict[str, None] = {}
            for place, line in enumerate(fields.lines or ()):
                key, value = line_key(line, place), cast("str | None", getattr(line, name))
                values.setdefault(key, value)
                if value is not None:
                    dated[key] = None
            for key in dated:
                if key not in own:
                    own[key] = []
                    if position:
                        extend(own[key], None, self.all[0][1], self.all[0][2])
            for key, segments in own.items():
                extend(segments, values.get(key), since, record)
        last = {line_key(line, place): line for place, line in enumerate(self.fields.lines or ())}
        return LineDates([key for key, line in last.items() if getattr(line, name) is None], own)


def located(fields: OrderPlaced) -> OrderPlaced:
    """The same, with the codes of the country and the region that are meant. What means none stays as it was stated."""
    ship_to = fields.ship_to
    if ship_to is None:
        return fields
    country, region, _ = stated_place(ship_to.country, ship_to.region)
    if country == ship_to.country and region == ship_to.region:
        return fields
    meant = replace(cast("Struct", ship_to), country=country, region=region)
    return cast("OrderPlaced", replace(cast("Struct", fields), ship_to=meant))


def extend(segments: list[Segment[Value]], value: Value, since: int, record: Record) -> None:
    """Adds the latest value to the segments of those before it."""
    if segments:
        before, began, _, brought = segments[-1]
        if before == value:
            return
        segments[-1] = (before, began, since, brought)
    segments.append((value, since, None, record))
