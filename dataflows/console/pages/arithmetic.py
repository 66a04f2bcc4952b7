"""The parts of a deadline, so that a page can show and draw them: as the engine says them, or read from its sentence.

What was said before `deadline` was published has its parts in the sentence only (`core.clocks.explain`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from dataflows.core.clocks import Span, span
from schemas.instants import micros
from schemas.places import is_zone
from schemas.values import parse_instant
from sinks.cases.queries.rows import Data

_MOMENT: Final = r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?"
_COUNTED: Final = re.compile(
    rf"^(?P<label>.*?) ?(?P<anchor>{_MOMENT}) (?P<sign>[+-]) (?P<length>\d+ [a-z]+(?: [a-z]+)?)"
    rf" \((?P<zone>[^();]+)(?:; business time by (?P<calendar>[^()]+))?\)"
    rf"(?:, counted from (?P<from>{_MOMENT}))?(?:, \d+ holidays? skipped: (?P<skipped>.+?))? = (?P<due>{_MOMENT})(?P<more>.*)$"
)
_DATED: Final = re.compile(rf"^(?P<label>.*?) ?(?P<due>{_MOMENT}) \((?P<zone>[^();]+)\)(?P<more>.*)$")
_STEP: Final = re.compile(r"; (?=(?:low|medium|high|critical) from )")
_GRACE: Final = re.compile(r"^, and (?P<grace>\d+) s of grace")
_RAISED: Final = re.compile(rf", raised from (?P<at>{_MOMENT}) on, after (?P<length>\d+ [a-z]+(?: [a-z]+)?)$")
_UNITS: Final = {"business day": "bd", "business hour": "bh", "day": "d", "hour": "h", "minute": "m", "second": "s"}


@dataclass(frozen=True, slots=True)
class DeadlineParts:
    """The parts of an arithmetic. Instants are µs, UTC.

    `label`: what it counts from, in the engine's words. `anchor`: when that was; None where the deadline is a stated date itself. `length`:
    what was added, and `back` whether it was taken off instead. `zone`: whose time its words give; `calendar_zone`: whose business time
    counts, by which `calendar` (None where only the sentence tells). `counted_from`: when business time began to count. `skipped`: the
    holidays by name. `grace`: seconds allowed after it. `raised_from`: before when nothing is said of it, `raise_after` later than the
    anchor; None where it is said once it has passed. `step`: how its severity came about, beyond the first.
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
    calendar: str | None = None
    raise_after: Span | None = None
    raised_from: int | None = None


def deadline_of(row: Data) -> DeadlineParts | None:
    """The parts of an exception's deadline; None where it has none, or where its words alone tell it."""
    words = cast("str | None", row["arithmetic"])
    said = cast("Mapping[str, Any] | None", row["deadline"])
    if said is None or row["due_at"] is None:
        return parts_of(words)
    try:
        return _said_in(said, cast("datetime", row["due_at"]), words)
    except ValueError:
        # The name of an order that was erased was taken out of it, and was one of its words: `2`, `captured`.
        return parts_of(words)


def _said_in(said: Mapping[str, Any], due: datetime, words: str | None) -> DeadlineParts:
    """The parts as the engine says them. Raises ValueError of what it does not say so."""
    if not all(is_zone(zone) for zone in (said["zone"], said["business_zone"]) if zone):
        raise ValueError("no zone")
    length = span(said["span"]) if said["span"] else None
    since, at = said["counted_from"], said["anchored_at"]
    raise_after, raised_from = said.get("raise_after"), said.get("raised_from")
    return DeadlineParts(
        label=said["anchor"],
        zone=said["zone"],
        due=micros(due),
        anchor=None if length is None or at is None else micros(parse_instant(at)),
        length=None if length is None else Span(abs(length.n), length.unit),
        back=length is not None and length.n < 0,
        calendar_zone=said["business_zone"] or said["zone"],
        counted_from=None if since is None else micros(parse_instant(since)),
        skipped=tuple(said["skipped"]),
        grace=said["grace_s"],
        step="".join(_STEP.split(words or "", 1)[1:]),
        calendar=said["calendar"],
        raise_after=span(raise_after) if raise_after else None,
        raised_from=None if raised_from is None else micros(parse_instant(raised_from)),
    )


def parts_of(arithmetic: str | None) -> DeadlineParts | None:
    """The parts of an arithmetic; None of what is no deadline, or of a form that is not known here: its words are shown all the same."""
    words, *step = _STEP.split(arithmetic or "", 1)
    found = _COUNTED.match(words) or _DATED.match(words)
    if found is None or not is_zone(found["zone"]):
        return None
    said = found.groupdict()
    zone = ZoneInfo(found["zone"])
    grace, raised = _GRACE.match(found["more"]), _RAISED.search(found["more"])
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
        raise_after=_length(raised["length"]) if raised else None,
        raised_from=_instant(raised["at"], zone) if raised else None,
    )


def _instant(words: str, zone: ZoneInfo) -> int:
    form = "%a %Y-%m-%d %H:%M:%S" if words.count(":") > 1 else "%a %Y-%m-%d %H:%M"
    return micros(datetime.strptime(words, form).replace(tzinfo=zone))


def _length(words: str) -> Span | None:
    number, _, unit = words.partition(" ")
    short = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    return None if short is None else span(f"{number} {short}")
