"""What is exported says what is meant: examples fit their schemas, damaged ones do not, and every reference leads somewhere."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import jsonschema
import pytest
from asyncapi3 import AsyncAPI3  # type: ignore[import-untyped]
from pydantic import ValidationError

from schemas.aliases import ALIAS_FIELDS
from schemas.envelope import EVENT_MODELS, OF_NO_ORDER
from schemas.export import asyncapi, example, export, schema
from schemas.output_events import OUT_MODELS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TYPES = (*EVENT_MODELS, *OUT_MODELS)
DAMAGE: list[tuple[str, object]] = [("type", "order.sang"), ("specversion", "0.3"), ("id", 5), ("id", ""), ("time", "soon"), ("data", [])]


# The package ships no types.
validate = cast("Callable[[object], object]", AsyncAPI3.model_validate)  # pyright: ignore[reportUnknownMemberType]


@cache
def validator(type_: str) -> jsonschema.Draft202012Validator:
    """A validator by the exported schema of a type."""
    return jsonschema.Draft202012Validator(cast("Any", schema(type_)))


def fits(type_: str, event: dict[str, object]) -> bool:
    """Whether an event fits the exported schema of a type."""
    # The stubs leave one overload untyped.
    return validator(type_).is_valid(cast("Any", event))  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize("type_", TYPES)
def test_every_shipped_example_fits_its_exported_schema_and_its_model(type_: str) -> None:
    """The example is there, valid for both, and complete: it names the type and the version."""
    shipped = example(type_)
    jsonschema.Draft202012Validator.check_schema(cast("Any", schema(type_)))
    assert fits(type_, shipped)
    (EVENT_MODELS | OUT_MODELS)[type_].model_validate_json(json.dumps(shipped))
    assert shipped["type"] == type_
    assert str(shipped["dataschema"]).endswith(f"/v1/{type_}")
    assert schema(type_)["$id"] == shipped["dataschema"]


@pytest.mark.parametrize("type_", TYPES)
def test_a_damaged_example_fits_neither_its_schema_nor_its_model(type_: str) -> None:
    """Each required attribute lost or of another type, another type's name, an absurd time."""
    shipped = example(type_)
    damaged = [{name: value for name, value in shipped.items() if name != lost} for lost in ("specversion", "id", "source", "type", "time")]
    damaged += [shipped | {name: value} for name, value in DAMAGE]
    model = (EVENT_MODELS | OUT_MODELS)[type_]
    for event in damaged:
        assert not fits(type_, event)
        with pytest.raises(ValidationError):
            model.model_validate_json(json.dumps(event))


@pytest.mark.parametrize(
    ("type_", "path", "value"),
    [
        ("carrier.scan", ("status",), "teleported"),
        ("carrier.scan", ("eta",), "soon"),
        ("order.hold_placed", ("hold",), "astrology"),
        ("order.placed", ("total", "amount"), "1,50"),
        ("order.placed", ("total", "amount"), "-1.50"),
        ("order.placed", ("total", "currency"), "eur"),
        ("payment.refunded", ("amount", "amount"), "-16.20"),
        ("payment.refunded", ("amount", "amount"), "0.00"),
        ("order.placed", ("lines", 0, "quantity"), -1),
        ("order.placed", ("lines", 0, "quantity"), "1"),
        ("order.placed", ("lines", 0, "sku"), "a\nb"),
        ("order.updated", ("ship_to",), "NL"),
        ("payment.authorized", ("expires_at",), 5),
        ("exception.raised", ("severity",), "dire"),
        ("exception.raised", ("status",), "new"),
        ("exception.raised", ("score",), 1001),
        ("exception.raised", ("evidence",), None),
        ("exception.raised", ("policy", "mode"), "off"),
        ("action.requested", ("parameters",), "none"),
        ("incident.opened", ("member_count",), -1),
    ],
)
def test_a_damaged_value_is_refused_by_schema_and_model(type_: str, path: tuple[str | int, ...], value: object) -> None:
    """Bounds, patterns and closed sets are in the exported schema, not only in our code."""
    event = copy.deepcopy(example(type_))
    place = cast("Any", event["data"])
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not fits(type_, event)
    with pytest.raises(ValidationError):
        (EVENT_MODELS | OUT_MODELS)[type_].model_validate_json(json.dumps(event))


@pytest.mark.parametrize("type_", EVENT_MODELS)
def test_an_event_with_neither_subject_nor_alias_fits_neither_schema_nor_model(type_: str) -> None:
    """Who validates by the schema alone is told too that the event would find no order; a heartbeat and a policy need none."""
    event = example(type_)
    event.pop("subject", None)
    data = cast("dict[str, object]", event.get("data", {}))
    carried = [alias for alias in ALIAS_FIELDS[type_] if alias in data]
    assert fits(type_, event) == (type_ in OF_NO_ORDER or bool(carried))
    for alias in carried:
        del data[alias]
    assert fits(type_, event) == (type_ in OF_NO_ORDER)
    if "tracking_numbers" in ALIAS_FIELDS[type_]:
        none: list[str] = []
        data["tracking_numbers"] = none
        assert not fits(type_, event)


def test_the_export_is_one_file_per_type_and_the_same_bytes_every_time(tmp_path: Path) -> None:
    """Whoever keeps the export under version control sees a difference only where the contract differs."""
    first, second = export(tmp_path / "a" / "deep"), export(tmp_path / "b")
    assert [path.name for path in first] == sorted([*(f"{type_}.json" for type_ in TYPES), "asyncapi.json"])
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert json.loads((tmp_path / "b" / "carrier.scan.json").read_text(encoding="utf-8")) == schema("carrier.scan")


def test_the_schema_of_exceptions_enumerates_kinds_statuses_and_resolutions(tmp_path: Path) -> None:
    """A consumer can generate its types from it; the rules of users stand beside the built-in kinds."""
    export(tmp_path, ["payment.auth_missing", "order.stalled"])
    models = json.loads((tmp_path / "exception.raised.json").read_text(encoding="utf-8"))["$defs"]
    fields = models["OrderException"]["properties"]
    assert fields["kind"]["anyOf"][0] == {"enum": ["order.stalled", "payment.auth_missing"]}
    assert fields["status"]["enum"] == ["open", "resolved", "retracted", "suppressed"]
    assert "promise_moved" in str(fields["resolution"])


def test_every_field_of_the_envelope_is_described_in_the_schema() -> None:
    """A reader of the schema alone learns units, zones and defaults."""
    properties = cast("dict[str, dict[str, object]]", schema("carrier.scan")["properties"])
    for name in ("id", "source", "subject", "time", "recordedtime", "tenant", "dataschema"):
        assert properties[name].get("description"), name


def test_the_asyncapi_document_is_valid_version_3() -> None:
    """By an independent model of the specification."""
    validate(asyncapi())
    with pytest.raises(ValidationError):
        validate(asyncapi() | {"channels": {"x": {"messages": {"y": 5}}}})


def test_every_reference_of_the_asyncapi_document_leads_somewhere(tmp_path: Path) -> None:
    """Inside the document, and to the schema files beside it."""
    export(tmp_path)
    document = json.loads((tmp_path / "asyncapi.json").read_text(encoding="utf-8"))
    references = list(refs(document))
    assert len(references) > 2 * len(TYPES)
    for reference in references:
        if reference.startswith("./"):
            assert (tmp_path / reference).is_file()
            continue
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_the_asyncapi_document_has_our_channels_with_every_type_in_one_of_them() -> None:
    """Six topics; events and decisions are received, the rest is sent; each message states its key."""
    document = cast("Any", asyncapi())
    channels = document["channels"]
    assert set(channels) == {"order-events", "order-decisions", "order-exceptions", "order-actions", "order-incidents", "order-rejects"}
    messages = document["components"]["messages"]
    named = [messages[name]["name"] for channel in channels.values() for name in channel["messages"]]
    assert sorted(named) == sorted([*TYPES, "reject"])
    assert {m["name"] for m in messages.values() if "kafka" in m["bindings"] and "key" in m["bindings"]["kafka"]} == {*TYPES, "reject"}
    actions = {operation["channel"]["$ref"].rpartition("/")[2]: operation["action"] for operation in document["operations"].values()}
    assert actions == {topic: "receive" if topic in {"order-events", "order-decisions"} else "send" for topic in channels}


def refs(node: object) -> list[str]:
    """Every `$ref` in a document."""
    if isinstance(node, dict):
        items = cast("dict[str, object]", node).items()
        return [ref for name, value in items for ref in ([str(value)] if name == "$ref" else refs(value))]
    if isinstance(node, list):
        return [ref for value in cast("list[object]", node) for ref in refs(value)]
    return []
