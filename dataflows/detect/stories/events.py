"""The short form of events: `+1h warehouse.packed site: ber, lines: [GIFT 1]`, each a contract event.

Fields are written as in a YAML flow mapping. In them `100 EUR` is money, `A 2` under `lines` a line of two pieces of SKU A, `11-05` a date
and `11-05 12:00` (or `+3d`, `Thu 12:00`) an instant. `scan STATUS` is a `carrier.scan`; scans, labels and ship confirmations that name
neither shipment nor parcel speak of parcel T1 (labels and confirmations: of shipment S1, too). An order that does not say otherwise
costs 100 EUR and goes to Iceland, which has no summer time and no holidays in November. `_order: o2` is an event of another order than
o1 (`null`: of none that it says), `_log` when it was recorded, `_id` and `_source` its ID and source,
`_tenant` whose order it is, `_topic` where it was written: decisions (their short form: `decided`) are otherwise taken to come from the
topic of decisions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast, get_args

import yaml
from pydantic import BaseModel

from dataflows.detect.stories.decided import Reference, Scene, UnclearError, decision_of, names_by_words, usual
from dataflows.detect.stories.times import STAMP, Times
from schemas.deciding import is_decision
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
AUTOMATION: Final = "automation"
"""The subject of decisions about automation itself."""
_EVENT: Final = re.compile(rf"({STAMP}) +([a-z_.]+)(?: +(.*))?")
NO_SCENE: Final = Scene()
_OF_NO_ORDER: Final = ("policy.activated", HEARTBEAT)
_OWN: Final = ("_order", "_log", "_id", "_source", "_tenant", "_topic")
_WHOSE: Final = ((re.compile(r"\b_order: *([^,\s]+)"), FIRST_ORDER), (re.compile(r"\b_tenant: *([^,\s]+)"), "default"))
"""How a line says whose the order is, and whose it is where it does not."""
_ANNOUNCED: Final = ("warehouse.label_created", "warehouse.shipped")
_NAMES: Final = frozenset(("shipment_id", "tracking_number", "tracking_numbers"))


class BadLineError(ValueError):
    """A line of a story cannot be read; `suggestion` is what was probably meant."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


class _FlowLoader(yaml.SafeLoader):
    """Reads `on`, `off`, `yes` and `NO` as what they are: a field, a switch, a word, a country. Only `true` and `false` are bools."""


_BOOL: Final = "tag:yaml.org,2002:bool"
_TRUE_OR_FALSE: Final = re.compile("true|false")
_FlowLoader.yaml_implicit_resolvers = {
    first: [(tag, _TRUE_OR_FALSE if tag == _BOOL else pattern) for tag, pattern in resolvers]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """A contract event of a story; `about`: the exception or action that it names, `topic`: where it was written, if the line says so."""

    event: Mapping[str, object]
    about: Reference | None = None
    topic: str | None = None


def event_of(line: str, number: int, times: Times) -> dict[str, object]:
    """One line as a contract event. Raises BadLineError."""
    return dict(event_in(line, number, times).event)


def event_in(line: str, number: int, times: Times, scene: Scene = NO_SCENE) -> StoryEvent:
    """One line with what it is about. Raises BadLineError."""
    match = _EVENT.fullmatch(line)
    if match is None:
        raise BadLineError(f"no event: {line!r}; one is written `+2h warehouse.packed site: ber`, or `11-02 10:00 scan delivered`")
    stamp, type_, rest = match[1], match[2], match[3] or ""
    status: dict[str, object] = {}
    if type_ == "scan":
        status["status"], _, rest = rest.partition(" ")
        type_ = "carrier.scan"
    if type_ not in DATA_MODELS:
        raise BadLineError(f"unknown event type {type_!r}", nearest(type_, DATA_MODELS))
    about: Reference | None = None
    if names_by_words(type_):
        order, tenant = (said[1].strip("'\"") if (said := own.search(rest)) else unsaid for own, unsaid in _WHOSE)
        try:
            decision = decision_of(type_, rest, order, tenant, scene)
        except UnclearError as error:
            raise BadLineError(str(error), error.suggestion) from None
        status |= decision.data
        about, rest = decision.about, decision.rest
    fields = flow_mapping(rest)
    _check_names(type_, fields)
    given = status | values_in({name: value for name, value in fields.items() if name not in _OWN}, times)
    found: dict[str, object] = {
        "specversion": "1.0",
        "id": str(fields.get("_id", f"e{number:02}")),
        "source": str(fields.get("_source", SOURCES.get(type_.split(".")[0], OTHERS))),
        "type": type_,
        "time": _instant(stamp, times),
        "data": {**usual(type_), **given} if is_decision(type_) else _completed(type_, given),
    }
    subject = fields.get("_order", AUTOMATION if type_.startswith("automation.") else None if type_ in _OF_NO_ORDER else FIRST_ORDER)
    if subject is not None:
        found["subject"] = subject
    if "_tenant" in fields:
        found["tenant"] = str(fields["_tenant"])
    if "_log" in fields:
        found["recordedtime"] = _instant(str(fields["_log"]), times)
    topic = fields.get("_topic")
    return StoryEvent(found, about, None if topic is None else str(topic))


def values_in(fields: Mapping[str, object], times: Times) -> dict[str, object]:
    """Fields with their values in the contract's words."""
    return {name: _value(name, value, times) for name, value in fields.items()}


def flow_mapping(text: str) -> dict[str, object]:
    """Fields written as in a YAML flow mapping, without its braces. Raises BadLineError."""
    try:
        return cast("dict[str, object]", yaml.load("{" + text + "}", Loader=_FlowLoader))  # noqa: S506 (a SafeLoader)
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
