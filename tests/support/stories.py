"""Stories: what each exception kind means, as data (`tests/oracle/stories/*.yaml`).

A story has a `kind`, a sentence, `events` (one a line) and `expect` (one output record a line). Optional: `emits`, milestones that the
feeds tell besides the default ones, and `sites`, as in a policy. All of it happens in 2026 and UTC; 2 November is a Monday.

An event line is `MM-DD HH:MM[:SS] type fields`, the fields as in a YAML flow mapping. In fields `100 EUR` is money, `A 2` under `lines` a
line of two pieces of SKU A, `11-05` a date, `11-05 12:00` an instant. Short forms: `scan STATUS` is a `carrier.scan`; scans, labels
and ship confirmations that name neither shipment nor parcel speak of parcel T1 (labels and confirmations: of shipment S1, too).
An order that does not say otherwise costs 100 EUR and goes to Iceland, which has no summer time and no holidays in November.
`_order: o2` is an event of another order than o1 (`null`: of none that it says), `_log` when it was recorded, `_id` and `_source` its
ID and source.

An expectation is `MM-DD HH:MM STATUS [on SCOPE] since INSTANT [due INSTANT] [SEVERITY] [episode N] [for ORDER]`, or `MM-DD HH:MM nothing
[for ORDER]`. All of one instant together are all output records of the kind on those orders as of that instant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent.parent / "oracle" / "stories"
SOURCES = {
    "order": "/storefront/acme",
    "payment": "/payments/adyen",
    "inventory": "/warehouse/ams1",
    "warehouse": "/warehouse/ams1",
    "carrier": "/carrier/ups",
}
_STAMP = r"\d\d-\d\d \d\d:\d\d(?::\d\d)?"
_EVENT = re.compile(rf"({_STAMP}) (\S+)(?: (.*))?")
_EXPECT = re.compile(
    rf"(?P<as_of>{_STAMP}) (?P<status>open|resolved|suppressed)(?: on (?P<scope>\S+))? since (?P<start>{_STAMP})"
    rf"(?: due (?P<due>{_STAMP}))?(?: (?P<severity>low|medium|high|critical))?(?: episode (?P<episode>\d+))?(?: for (?P<order>\S+))?"
)
_NOTHING = re.compile(rf"(?P<as_of>{_STAMP}) nothing(?: for (?P<order>\S+))?")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One output record that must stand; what is None may be anything."""

    order: str
    status: str
    scope: str | None
    start: str
    due: str | None
    severity: str | None
    episode: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All output records of the story's kind on `orders` as of an instant."""

    as_of: str
    orders: frozenset[str]
    verdicts: tuple[Expectation, ...]


@dataclass(frozen=True)
class Story:
    """A short history with what is to be said of it, and when. `lines` are contract events in file order."""

    kind: str
    title: str
    lines: tuple[Mapping[str, object], ...]
    checkpoints: tuple[Checkpoint, ...]
    emits: tuple[str, ...] = ()
    sites: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, "Mapping[str, str]"])

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"


def rfc3339(stamp: str) -> str:
    """`MM-DD HH:MM[:SS]` of 2026 as RFC 3339 in UTC."""
    return f"2026-{stamp.replace(' ', 'T')}{'' if stamp.count(':') == 2 else ':00'}Z"


def _value(name: str, value: object) -> object:
    if isinstance(value, dict):
        return {key: _value(key, item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_line(item) if name == "lines" else item for item in cast("list[object]", value)]
    if not isinstance(value, str):
        return value
    if match := re.fullmatch(r"(\d+(?:\.\d+)?) ([A-Z]{3})", value):
        return {"amount": match[1], "currency": match[2]}
    if re.fullmatch(_STAMP, value):
        return rfc3339(value)
    return f"2026-{value}" if re.fullmatch(r"\d\d-\d\d", value) else value


def _line(item: object) -> object:
    if isinstance(item, str):
        sku, quantity = item.split()
        return {"sku": sku, "quantity": int(quantity)}
    return _value("", item)


def _defaults(type_: str, data: dict[str, object]) -> dict[str, object]:
    given = set(data)
    if type_ == "order.placed":
        data = {"total": {"amount": "100", "currency": "EUR"}, "ship_to": {"country": "IS"}} | data
    names = {"shipment_id", "tracking_number", "tracking_numbers"}
    if type_ in ("warehouse.label_created", "warehouse.shipped") and not given & names:
        data = data | {"shipment_id": "S1", "tracking_number": "T1"}
    elif type_ in ("warehouse.label_created", "warehouse.shipped") and "shipment_id" not in given:
        data = data | {"shipment_id": "S1"}
    elif type_ == "carrier.scan" and not given & names:
        data = data | {"tracking_number": "T1"}
    return data


def event(line: str, number: int) -> dict[str, object]:
    """One event line as a contract event."""
    match = _EVENT.fullmatch(line)
    if match is None:
        raise ValueError(f"no event: {line!r}")
    stamp, type_, rest = match[1], match[2], match[3] or ""
    status: dict[str, object] = {}
    if type_ == "scan":
        status["status"], _, rest = rest.partition(" ")
        type_ = "carrier.scan"
    fields = cast("dict[str, object]", yaml.load("{" + rest + "}", Loader=yaml.SafeLoader))
    data = _defaults(type_, status | {name: _value(name, value) for name, value in fields.items() if not name.startswith("_")})
    found: dict[str, object] = {
        "specversion": "1.0",
        "id": str(fields.get("_id", f"e{number:02}")),
        "source": str(fields.get("_source", SOURCES.get(type_.split(".")[0], "/desk/acme"))),
        "type": type_,
        "time": rfc3339(stamp),
        "data": data,
    }
    order = fields.get("_order", "o1")
    if order is not None:
        found["subject"] = order
    if "_log" in fields:
        found["recordedtime"] = rfc3339(str(fields["_log"]))
    return found


def _checkpoints(text: str) -> tuple[Checkpoint, ...]:
    stamps: dict[str, tuple[set[str], list[Expectation]]] = {}
    for line in text.splitlines():
        if match := _NOTHING.fullmatch(line):
            stamps.setdefault(match["as_of"], (set(), []))[0].add(match["order"] or "o1")
        elif match := _EXPECT.fullmatch(line):
            order = match["order"] or "o1"
            orders, verdicts = stamps.setdefault(match["as_of"], (set(), []))
            orders.add(order)
            due = rfc3339(match["due"]) if match["due"] else None
            episode = int(match["episode"] or 1)
            verdicts.append(Expectation(order, match["status"], match["scope"], rfc3339(match["start"]), due, match["severity"], episode))
        else:
            raise ValueError(f"no expectation: {line!r}")
    return tuple(Checkpoint(rfc3339(as_of), frozenset(orders), tuple(found)) for as_of, (orders, found) in stamps.items())


def stories() -> list[Story]:
    """All stories, file by file."""
    found: list[Story] = []
    for path in sorted(FOLDER.glob("*.yaml")):
        for told in cast("list[dict[str, object]]", yaml.safe_load(path.read_text(encoding="utf-8"))):
            lines = [event(line, number) for number, line in enumerate(str(told["events"]).splitlines())]
            found.append(
                Story(
                    str(told["kind"]),
                    str(told["story"]),
                    tuple(lines),
                    _checkpoints(str(told["expect"])),
                    tuple(cast("list[str]", told.get("emits", []))),
                    cast("dict[str, dict[str, str]]", told.get("sites", {})),
                )
            )
    return found
