"""What a source said before: a payload with a whole history, cut back scan by scan, each time said a minute earlier.

One cutter for each system that tells histories; where it says itself when it said them, that is adapted, too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from xml.etree.ElementTree import tostring

import orjson
from defusedxml.ElementTree import fromstring

from sources.adapters.base import Payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Object: TypeAlias = dict[str, Any]
Cut: TypeAlias = "Callable[[bytes, int], bytes]"
"""A body without the latest so many scans of each of its histories, nor what sums them up."""

MINUTE: Final = timedelta(minutes=1)
RECEIVED: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""When payloads came of which nothing says it."""


def prefixes(system: str, payload: Payload) -> list[Payload]:
    """The payload as it would have been said scan by scan, itself the last; only itself where no cutter knows the system."""
    cut = CUTTERS.get(system)
    received = payload.received or RECEIVED
    headers = {name: value for name, value in payload.headers.items() if name != "date"}
    whole = Payload(payload.body, headers, received)
    if cut is None:
        return [whole]
    most = min(_most(system, payload.body), 12)
    return [*(Payload(cut(payload.body, left), headers, received - left * MINUTE) for left in range(most, 0, -1)), whole]


def _histories(value: object, scans: str) -> Iterator[Object]:
    """All objects of a JSON value that hold a list of scans."""
    if isinstance(value, dict):
        found = cast("Object", value)
        if isinstance(found.get(scans), list):
            yield found
        for below in found.values():
            yield from _histories(below, scans)
    elif isinstance(value, list):
        for below in cast("list[object]", value):
            yield from _histories(below, scans)


def _earlier(text: object, left: int) -> object:
    """An instant that is so many minutes earlier; anything else stays."""
    return (datetime.fromisoformat(text) - left * MINUTE).isoformat() if isinstance(text, str) else text


_BEFORE: Final = {"tag": "InTransit", "subtag": "InTransit_001", "status": "in_transit", "status_detail": "in_transit"}
"""What sums the scans up before the last of them."""


def _json(scans: str, time: str, said: str) -> Cut:
    def cut(body: bytes, left: int) -> bytes:
        value = orjson.loads(body)
        for one in _histories(value, scans):
            held: list[Object] = one[scans]
            latest = sorted(range(len(held)), key=lambda place: str(held[place].get(time)))[max(0, len(held) - left) :]
            one[scans] = [scan for place, scan in enumerate(held) if place not in latest]
            if said in one:
                one[said] = _earlier(one[said], left)
            for name, before in (
                ("tag", "InTransit"),
                ("subtag", "InTransit_001"),
                ("status", "in_transit"),
                ("status_detail", "in_transit"),
            ):
                if name in one:
                    one[name] = before
        return orjson.dumps(value)

    return cut


def _shippo(body: bytes, left: int) -> bytes:
    """Shippo sums up by the latest scan, and says nothing else of when it said so."""
    value = orjson.loads(_json("tracking_history", "status_date", "")(body, left))
    for one in _histories(value, "tracking_history"):
        held: list[Object] = one["tracking_history"]
        one["tracking_status"] = max(held, key=lambda scan: str(scan.get("status_date")), default=None)
    return orjson.dumps(value)


def _xml(first: str, others: str, summary: tuple[str, str] = ("", "")) -> Cut:
    """XML lists the latest scan first, which may have an element of its own. `summary`: what sums them up, and what it said before."""

    def cut(body: bytes, left: int) -> bytes:
        root = fromstring(body)
        for parent in list(root.iter()):
            scans = [child for child in parent if _name(child.tag) in (first, others)]
            for scan in scans[:left]:
                parent.remove(scan)
            kept = scans[left:]
            if kept:
                kept[0].tag = kept[0].tag.replace(others, first)
            for child in parent:
                if summary[0] == f"{_name(parent.tag)}.{_name(child.tag)}":
                    child.text = summary[1]
        return tostring(root)

    return cut


def _answer(scans: str, time: str, sums_up: str) -> Cut:
    """The JSON of a carrier: what sums the scans up is left away, for what it said before is not known."""
    cut_scans = _json(scans, time, "")

    def cut(body: bytes, left: int) -> bytes:
        value = orjson.loads(body)
        for one in _histories(value, scans):
            one.pop(sums_up, None)
        return cut_scans(orjson.dumps(value), left)

    return cut


def _either(json: Cut, xml: Cut) -> Cut:
    return lambda body, left: json(body, left) if _is_json(body) else xml(body, left)


def _is_json(body: bytes) -> bool:
    return body.lstrip()[:1] in (b"{", b"[")


def _name(tag: str) -> str:
    return tag.rpartition("}")[2]


def _most(system: str, body: bytes) -> int:
    """How many scans the longest history of a body has."""
    try:
        if system in LISTS and (system not in ELEMENTS or _is_json(body)):
            return max((len(one[LISTS[system]]) for one in _histories(orjson.loads(body), LISTS[system])), default=0)
        names = ELEMENTS[system]
        return max((sum(_name(child.tag) in names for child in parent) for parent in fromstring(body).iter()), default=0)
    except (ValueError, SyntaxError):  # no JSON, or no XML: nothing to cut
        return 0


LISTS: Final = {
    "easypost": "tracking_details",
    "aftership": "checkpoints",
    "shippo": "tracking_history",
    "amazon": "trackingEvents",
    "fedex": "scanEvents",
    "ups": "activity",
    "usps": "trackingEvents",
    "dhl": "events",
}
ELEMENTS: Final = {"fedex": ("Events",), "usps": ("TrackSummary", "TrackDetail"), "canadapost": ("occurrence",)}
CUTTERS: Final[dict[str, Cut]] = {
    "easypost": _json("tracking_details", "datetime", "updated_at"),
    "aftership": _json("checkpoints", "checkpoint_time", "updated_at"),
    "shippo": _shippo,
    "amazon": _json("trackingEvents", "eventDate", ""),
    "fedex": _either(_answer("scanEvents", "date", "latestStatusDetail"), _xml("Events", "Events", ("StatusDetail.Code", "IT"))),
    "ups": _answer("activity", "date", "currentStatus"),
    "usps": _either(
        _answer("trackingEvents", "eventTimestamp", "statusCategory"),
        _xml("TrackSummary", "TrackDetail", ("TrackInfo.StatusCategory", "In Transit")),
    ),
    "dhl": _answer("events", "timestamp", "status"),
    "canadapost": _xml("occurrence", "occurrence"),
}
