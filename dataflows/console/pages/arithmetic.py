"""Reads the arithmetic of a deadline as the engine tells it (`core.clocks.explain`), so that a page can show its parts and draw it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from dataflows.core.clocks import Span, span
from schemas.instants import micros
from schemas.places import is_zone

_MOMENT: Final = r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?"
_COUNTED: Final = re.compile(
    rf"^(?P<label>.*?) ?(?P<anchor>{_MOMENT}) (?P<sign>[+-]) (?P<length>\d+ [a-z]+(?: [a-z]+)?)"
    rf" \((?P<zone>[^();]+)(?:; business time by (?P<calendar>[^()]+))?\)"
    rf"(?:, counted from (?P<from>{_MOMENT}))?(?:, \d+ holidays? skipped: (?P<skipped>.+?))? = (?P<due>{_MOMENT})(?P<more>.*)$"
)
_DATED: Final = re.compile(rf"^(?P<label>.*?) ?(?P<due>{_MOMENT}) \((?P<zone>[^();]+)\)(?P<more>.*)$")
_STEP: Final = re.compile(r"; (?=(?:low|medium|high|critical) from )")
_GRACE: Final = re.compile(r"^, and (?P<grace>\d+) s of grace")
_UNITS: Final = {"business day": "bd", "business hour": "bh", "day": "d", "hour": "h", "minute": "m", "second": "s"}


@dataclass(frozen=True, slots=True)
class DeadlineParts:
    """The parts of an arithmetic. Instants are µs, UTC.

    `label`: what it counts from, in the engine's words. `anchor`: when that was; None where the deadline is a stated date itself. `length`:
    what was added, and `back` whether it was taken off instead. `zone`: whose time its words give; `calendar_zone`: whose business time
    counts. `counted_from`: where business time began to count. `skipped`: the holidays by name. `grace`: seconds allowed after it. `step`:
    how its severity came about, beyond the first.
    """

    label: str
    zone: str
    due: int
    anchor: int | None = None
    length: Span | None = None
    back: bool = False
    calendar_zone: str | None = None
    counted_from: int | None = None
    skipped: tuple[str, ...] = ()
    grace: int = 0
    step: str = ""


def parts_of(arithmetic: str | None) -> DeadlineParts | None:
    """The parts of an arithmetic; None of what is no deadline, or of a form that is not known here: its words are shown all the same."""
    words, *step = _STEP.split(arithmetic or "", 1)
    found = _COUNTED.match(words) or _DATED.match(words)
    if found is None or not is_zone(found["zone"]):
        return None
    said = found.groupdict()
    zone = ZoneInfo(found["zone"])
    grace = _GRACE.match(found["more"])
    return DeadlineParts(
        label=found["label"],
        zone=found["zone"],
        due=_instant(found["due"], zone),
        anchor=_instant(said["anchor"], zone) if said.get("anchor") else None,
        length=_length(said["length"]) if said.get("length") else None,
        back=said.get("sign") == "-",
        calendar_zone=said.get("calendar") or (found["zone"] if said.get("anchor") else None),
        counted_from=_instant(said["from"], zone) if said.get("from") else None,
        skipped=tuple(said["skipped"].split(", ")) if said.get("skipped") else (),
        grace=int(grace["grace"]) if grace else 0,
        step="".join(step),
    )


def _instant(words: str, zone: ZoneInfo) -> int:
    form = "%a %Y-%m-%d %H:%M:%S" if words.count(":") > 1 else "%a %Y-%m-%d %H:%M"
    return micros(datetime.strptime(words, form).replace(tzinfo=zone))


def _length(words: str) -> Span | None:
    number, _, unit = words.partition(" ")
    short = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    return None if short is None else span(f"{number} {short}")
