"""Order kinds that no form says."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import msgspec

from dataflows.core.history.facts import Facts
from dataflows.core.history.versions import says
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import signal
from dataflows.core.rules.structs import Found
from schemas.instants import earliest

CHANGES = ("lines", "method", "service", "ship_to")


def duplicate_suspected(o: Facts, s: RuleSetting) -> Found:
    """From the placing, while one of the orders that it repeats is wanted."""
    if not o.placed:
        return
    wanted: dict[tuple[str, ...], list[tuple[int, int | None]]] = {}
    first: dict[tuple[str, ...], int] = {}
    for note in o.t.notes:
        known = wanted.setdefault(note.others, [])
        if note.kind == "order.duplicate_suspected":
            anew = note.at <= first.setdefault(note.others, note.at)
            known[:] = [(o.placed.at, None)] if anew else [*known, (note.at, None)]
            for since, until in note.lapses:
                known[-1] = (known[-1][0], since)
                known += [] if until is None else [(until, None)]
        # A state of before has a finding for each such time, and one for its end.
        elif note.kind == "order.duplicate_over" and known:
            known[-1] = (known[-1][0], note.at)
    for since, until in (each for known in wanted.values() for each in known):
        if until is None or since < until:
            yield signal(o, s, o.placed, at=since, clears=(until,), lifted=o.ended, detail="placed twice")


def change_after_release(o: Facts, s: RuleSetting) -> Found:
    """By what an update changes, not by what it names: a shop that sends the whole order each time changes nothing by it."""
    released = o.released
    for (before, _, _), (after, at, record) in pairwise(o.versions if released is not None else ()):
        if released is None or released > at or (o.shipped is not None and o.shipped <= at):
            continue
        changed = [name for name in CHANGES if says(record, name) and _said(getattr(before, name)) != _said(getattr(after, name))]
        if changed:
            clears = [*o.instants("warehouse.released"), o.shipped]
            yield signal(o, s, record, at=at, clears=clears, lifted=o.ended, detail=", ".join(changed))


def _said(value: object) -> object:
    """What a field says, to be compared: lines in any order; nothing, however it is put, is None."""
    plain: object = msgspec.to_builtins(value)
    return sorted(map(repr, cast("list[object]", plain))) or None if isinstance(plain, list) else plain or None


def _lacks(fields: object, path: str) -> bool:
    value: object = fields
    for name in path.split("."):
        value = cast("object", getattr(value, name, None))
        if value is None or value in ("", [], ()):
            return True
    return False


def complete(placed: object, s: RuleSetting) -> bool:
    return not any(_lacks(placed, path) for path in s.fields)


def master_data_incomplete(o: Facts, s: RuleSetting) -> Found:
    wanted = [f for f in s.fields if o.method == "ship" or not f.startswith("ship_to.")]
    for missing, since, until, record in o.segments(lambda fields: tuple(f for f in wanted if _lacks(fields, f))):
        for life in o.lives if missing else ():
            if until is None or life.since < until:
                ends, detail = earliest(life.until, o.ended), "missing " + ", ".join(missing)
                yield signal(o, s, record, at=max(since, life.since), clears=(until,), lifted=ends, detail=detail)
