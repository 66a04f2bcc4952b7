"""ANSI X12 interchanges as a tree: envelopes, transaction sets, and the loops within them.

A transaction set is an object of lists, `{"L11": [{"01": "4711", "02": "PO"}], "LX": [{"01": "1", "AT7": [...]}]}`: every segment stands
under its name, in the loop that it belongs to, as an object of its elements. The separators are those that the ISA segment shows, in each
interchange anew. A set that is cut off, or whose trailer counts other segments than there are, has lost something and says so in `fault`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from sources.adapters.moments import day
from sources.adapters.output import RefuseError
from sources.adapters.payload import MAX_BYTES, Json, PayloadReader, looks_like, text_of

Segment = dict[str, "Json"]
"""The elements of a segment by their two-digit place; empty ones are left out."""

_ISA_ELEMENTS: Final = 16
_BETWEEN: Final = " \t\r\n\x00\x1a"
"""What may stand between two interchanges and behind the last."""
_LONGEST_ISA: Final = 256
"""An ISA segment has 106 characters; senders that do not pad its fields make it shorter, and none makes it much longer."""


@dataclass(frozen=True, slots=True)
class Loops:
    """Which segments open loops, by their depth, and which loops close before any segment that is not `inside` them."""

    depth: Mapping[str, int]
    inside: Mapping[str, frozenset[str]]


class _Separators(NamedTuple):
    element: str
    segment: str


def x12_payload(body: bytes, loops: Loops) -> PayloadReader:
    """All interchanges of a file: `{"interchanges": [{"ISA": {...}, "sets": [{"GS": {...}, "ST": {...}, ...}]}]}`.

    Raises RefuseError if it is too large, or no X12 at all.
    """
    if len(body) > MAX_BYTES:
        raise RefuseError("too_large", f"more than {MAX_BYTES} bytes")
    body = text_of(body)
    text = _decoded(body).lstrip(_BETWEEN)
    if not text.startswith("ISA"):
        what = looks_like(body)
        raise RefuseError("not_readable", f"no X12: {'does not begin with an ISA segment' if what is None else f'this looks like {what}'}")
    return PayloadReader({"interchanges": list(_interchanges(text, loops))})


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _interchanges(text: str, loops: Loops) -> Iterator[Json]:
    position = 0
    while position < len(text):
        found = _separators(text, position)
        if found is None:
            if position == 0:
                raise RefuseError("not_readable", "an ISA segment without its sixteen elements or separators")
            yield {"fault": "something other than an interchange behind one"}
            return
        segments: list[tuple[str, Segment]] = []
        while position < len(text):
            end = text.find(found.segment, position)
            end = len(text) if end < 0 else end
            name, segment = _segment(text[position:end], found)
            if name == "ISA" and segments:
                break  # The one before has no end; what is whole in it counts.
            position = end + 1
            if name:
                segments.append((name, segment))
            if name == "IEA":
                break
        yield {"ISA": segments[0][1], "sets": list(_sets(segments[1:], loops))}
        while position < len(text) and text[position] in _BETWEEN:
            position += 1


def _separators(text: str, position: int) -> _Separators | None:
    """The separators of the interchange that begins here; None if none does."""
    if not text.startswith("ISA", position):
        return None
    head = text[position : position + _LONGEST_ISA]
    element = head[3:4]
    last = head.split(element, _ISA_ELEMENTS)[-1] if element else ""
    # ISA16 is one character, the component separator; the next one ends the segment.
    found = _Separators(element, last[1:2])
    whole = _separates(element) and _separates(found.segment) and element != found.segment and head.count(element) >= _ISA_ELEMENTS
    return found if whole else None


def _separates(character: str) -> bool:
    return bool(character) and not character.isalnum() and character != " "


def _segment(text: str, separators: _Separators) -> tuple[str, Segment]:
    name, *elements = text.strip(" \t\r\n\x00").split(separators.element)
    found: Segment = {f"{place:02}": element for place, element in enumerate(elements, 1) if element.strip()}
    return name.strip().upper(), found


def _sets(segments: list[tuple[str, Segment]], loops: Loops) -> Iterator[Json]:
    group: Segment = {}
    body: list[tuple[str, Segment]] | None = None
    start: Segment = {}
    for name, segment in segments:
        if name in ("ST", "GS", "GE", "IEA") and body is not None:
            yield _set(group, start, body, None, loops)
            body = None
        if name == "GS":
            group = segment
        elif name == "ST":
            start, body = segment, []
        elif name == "SE" and body is not None:
            yield _set(group, start, body, segment, loops)
            body = None
        elif body is not None:
            body.append((name, segment))
    if body is not None:
        yield _set(group, start, body, None, loops)


def _set(group: Segment, start: Segment, body: list[tuple[str, Segment]], end: Segment | None, loops: Loops) -> Json:
    found: Segment = {"GS": group, "ST": start}
    fault = None
    if end is None:
        fault = "cut off: no SE segment"
    elif str(end.get("01", "")).lstrip("0") != str(len(body) + 2) or end.get("02") != start.get("02"):
        fault = "SE: other segments or another number than there are"
    if fault is not None:
        found["fault"] = fault
    open_loops: list[tuple[str, Segment]] = [("", found)]
    for name, segment in body:
        depth = loops.depth.get(name)
        while len(open_loops) > 1 and _ends(open_loops[-1][0], name, depth, loops):
            open_loops.pop()
        place = open_loops[-1][1]
        there = place.setdefault(name, [])
        if isinstance(there, list):  # Else the name is that of an envelope's segment: what stands there is no part of the set.
            there.append(segment)
        if depth is not None:
            open_loops.append((name, segment))
    return found


def _ends(loop: str, name: str, depth: int | None, loops: Loops) -> bool:
    """Whether a segment ends a loop that is open."""
    if depth is not None:
        return loops.depth[loop] >= depth
    inside = loops.inside.get(loop)
    return inside is not None and name not in inside


def day_of(digits: str, where: str) -> str:
    """A date of eight digits, CCYYMMDD, as a plain date. Raises RefuseError if it is none."""
    if len(digits) != 8:
        raise RefuseError("bad_time", f"{where}: no date")
    return day(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}", where)


def time_of(digits: str, where: str) -> str:
    """A time of day, HHMM with seconds and their tenths or hundredths if there are any, as ISO 8601. Raises RefuseError if it is none."""
    if len(digits) not in (4, 6, 7, 8) or not (digits.isascii() and digits.isdecimal()):
        raise RefuseError("bad_time", f"{where}: no time of day")
    fraction = f".{digits[6:]:0<3}" if digits[6:] else ""
    return f"{digits[:2]}:{digits[2:4]}:{digits[4:6] or '00'}{fraction}"
