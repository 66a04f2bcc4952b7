"""The short form of events: `+1h warehouse.packed site: ber, lines: [GIFT 1]`, each a contract event.

Fields are written as in a YAML flow mapping. In them `100 EUR` is money, `A 2` under `lines` a line of two pieces of SKU A, `11-05` a date
and `11-05 12:00` (or `+3d`, `Thu 12:00`) an instant. `scan STATUS` is a `carrier.scan`; scans, labels and ship confirmations that name
neither shipment nor parcel speak of parcel T1 (labels and confirmations: of shipment S1, too). An order that does not say otherwise
costs 100 EUR and goes to Iceland, which has no summer time and no holidays in November. `_order: o2` is an event of another order than
o1 (`null`: of none that it says), `_log` when it was recorded, `_id` and `_source` its ID and source,
`_tenant` whose order it is.
"""

from __future__ import annotations

import re
from typing import Final, cast, get_args

import yaml
from pydantic import BaseModel

from dataflows.detect.stories.times import STAMP, Times
from schemas.envelope import HEARTBEAT
from schemas.events import DATA_MODELS
from schemas.problems import nearest

SOURCES: Final = {
    "order": "/storefront/acme",
    "payment": "/payments/adyen",
    "inventory": "/warehouse/ams1",
    "warehouse": "/warehouse/ams1",
    "carrier": "/carrier/ups",
}
OTHERS: Final = "/desk/acme"
FIRST_ORDER: Final = "o1"
_EVENT: Final = re.compile(rf"({STAMP}) +([a-z_.]+)(?: +(.*))?")
_OWN: Final = ("_order", "_log", "_id", "_source", "_tenant")
_ANNOUNCED: Final = ("warehouse.label_created", "warehouse.shipped")
_NAMES: Final = frozenset(("shipment_id", "tracking_number", "tracking_numbers"))


class BadLineError(ValueError):
    """A line of a story cannot be read; `suggestion` is what was probably meant."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


def event_of(line: str, number: int, times: Times) -> dict[str, object]:
    """One line as a contract event. Raises BadLineError."""
    match = _EVENT.fullmatch(line)
    if match is None:
        raise BadLineError(f"no event: {line!r}; one is written `+2h warehouse.packed site: ber`, or `11-02 10:00 scan delivered`")
    stamp, type_, rest = match[1], match[2], match[3] or ""
    status: dict[str, object] = {}
    if type_ == "scan":
        status["status"], _, rest = rest.partition(" ")
        type_ = "carrier.scan"
    if type_ not in DATA_MODELS or type_ == HEARTBEAT:
        raise BadLineError(f"unknown event type {type_!r}", nearest(type_, DATA_MODELS))
    fields = _fields(rest)
    _check_names(type_, fields)
    data = _completed(type_, status | {name: _value(name, value, times) for name, value in fields.items() if name not in _OWN})
    found: dict[str, object] = {
        "specversion": "1.0",
        "id": str(fields.get("_id", f"e{number:02}")),
        "source": str(fields.get("_source", SOURCES.get(type_.split(".")[0], OTHERS))),
        "type": type_,
        "time": _instant(stamp, times),
        "data": data,
    }
    order = fields.get("_order", FIRST_ORDER)
    if order is not None:
        found["subject"] = order
    if "_tenant" in fields:
        found["tenant"] = str(fields["_tenant"])
    if "_log" in fields:
        found["recordedtime"] = _instant(str(fields["_log"]), times)
    return found


def _fields(text: str) -> dict[str, object]:
    try:
        return cast("dict[str, object]", yaml.load("{" + text + "}", Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        raise BadLineError(f"the fields {text!r} are not written `name: value, name: value`") from None


def _check_names(type_: str, fields: dict[str, object]) -> None:
    model = DATA_MODELS[type_]
    known = (*model.model_fields, *_OWN)
    for name in fields:
        if name not in known:
            meant = nearest(name, known) or nearest(name, _nested(model))
            outer, dot, inner = (meant or "").partition(".")
            raise BadLineError(f"unknown field {name!r} of {type_}", f"{outer}: {{{inner}: ...}}" if dot else meant)


def _nested(model: type[BaseModel]) -> list[str]:
    """The fields of the parts of an event: `customer.tier`."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        parts = (field.annotation, *get_args(field.annotation))
        found += (
            f"{name}.{inner}" for part in parts if isinstance(part, type) and issubclass(part, BaseModel) for inner in part.model_fields
        )
    return found


def _instant(stamp: str, times: Times) -> str:
    if not re.fullmatch(STAMP, stamp):
        raise BadLineError(f"{stamp!r} is no instant such as `+26h`, `Tue 14:00` or `11-03 14:00`")
    try:
        return times.rfc3339(stamp)
    except ValueError:
        raise BadLineError(f"{stamp!r} does not exist") from None


def _value(name: str, value: object, times: Times) -> object:
    if isinstance(value, dict):
        return {key: _value(key, item, times) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [_line(item, times) if name == "lines" else item for item in items]
    if not isinstance(value, str):
        return value
    if match := re.fullmatch(r"(\d+(?:\.\d+)?) ([A-Z]{3})", value):
        return {"amount": match[1], "currency": match[2]}
    if re.fullmatch(STAMP, value):
        return _instant(value, times)
    return f"{times.start.year}-{value}" if re.fullmatch(r"\d\d-\d\d", value) else value


def _line(item: object, times: Times) -> object:
    if not isinstance(item, str):
        return _value("", item, times)
    sku, _, count = item.rpartition(" ")
    if not sku or not count.isdigit():
        raise BadLineError(f"{item!r} is no line such as `GIFT-1 2`: a SKU and how many")
    return {"sku": sku, "quantity": int(count)}


def _completed(type_: str, data: dict[str, object]) -> dict[str, object]:
    """What is the same in most stories need not be written."""
    given = set(data)
    if type_ == "order.placed":
        return {"total": {"amount": "100", "currency": "EUR"}, "ship_to": {"country": "IS"}} | data
    if type_ in _ANNOUNCED and not given & _NAMES:
        return data | {"shipment_id": "S1", "tracking_number": "T1"}
    if type_ in _ANNOUNCED and "shipment_id" not in given:
        return data | {"shipment_id": "S1"}
    if type_ == "carrier.scan" and not given & _NAMES:
        return data | {"tracking_number": "T1"}
    return data
