"""The derived decoder and the pydantic models accept the same, refuse the same, and read the same values."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel, ValidationError

from schemas.envelope import EVENT_MODELS
from schemas.events import DATA_MODELS, OrderUpdated
from schemas.export import example
from schemas.wire import Event, Rejected, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

# fmt: off
PLAUSIBLE: list[object] = [
    "x", "0", "-12.5", "129.90", "EUR", "lost", "fraud", 0, 1, 1_000_000_000, True, False, None, [], {}, ["a", "b"],
    "2026-04-24", "2026-04-24T10:00:00Z", "2026-04-24t10:00:00.1234567+05:30", "2026-04-24 10:00:00Z",
    "2026-04-24/2026-04-26", "2026-04-24T10:00:00Z/2026-04-24",
    [{"sku": "a", "quantity": 2, "ship_by": "2026-04-24"}], {"amount": "1", "currency": "USD"}, {"country": "NL"}, {"code": "x"},
]
ODD: list[object] = [
    "", "\n", "a\nb", "a\x7f", "\x00", "\x85", "\u2028", "\u00e9", "\U0001f600", "x" * 512, "x" * 513, "\x1f", "teleported",
    "\u00e9" * 256, "\u00e9" * 257, "\U0001f600" * 128, "\U0001f600" * 129,
    "0.00", "-0.00", "00.10", "1.50\n", "1,5", "1.23456", "-", ".5", "1.", "+1", "\uff11", "eur", "EURO", "EU\n",
    "2026-02-30", "2026-13-01", "20260424", "2026-W17-1", "1999-12-31", "2101-01-01", "2026-04-24\n", "2026-04-24 ",
    "/", "a/b", "2026-04-24/",
    "2026-04-24T10:00:00", "2026-04-24T10:00Z", "2026-04-24T24:00:00Z", "2026-04-24T23:59:60Z", "2026-04-24T10:00:00+24:00",
    "1970-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2101-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z",
    -1, 1.0, 1.5, 1e3, 1_000_000_001, -1_000_000_000, 2**53, 2**63, 2**64, 10**30,
    [None], [[]], [{}], [1], ["\x1f"], [{"quantity": -1}], [{"ship_by": "2026-02-30"}],
    {"amount": "1"}, {"amount": 1, "currency": "EUR"}, {"amount": "0.00", "currency": "EUR"},
    {"amount": "-1", "currency": "EUR"}, {"country": 5}, {"text": None}, {"a": {"b": [1]}},
]
# fmt: on
NAMES = sorted({name for model in DATA_MODELS.values() for name in model.model_fields} | {"subject", "tenant", "recordedtime", "unknown"})
values = st.one_of(st.sampled_from(PLAUSIBLE).map(copy.deepcopy), st.sampled_from(ODD).map(copy.deepcopy), st.text(max_size=8))


def places(node: object) -> Iterator[tuple[dict[str, object] | list[object], str | int]]:
    """Every (container, key) in a JSON value."""
    pairs: list[tuple[str | int, object]] = []
    if isinstance(node, dict):
        pairs += cast("dict[str, object]", node).items()
    elif isinstance(node, list):
        pairs += enumerate(cast("list[object]", node))
    for key, value in pairs:
        yield cast("dict[str, object] | list[object]", node), key
        yield from places(value)


@st.composite
def payloads(draw: st.DrawFn) -> dict[str, object]:
    """An event of some type, with up to four fields replaced, removed or added, at any depth."""
    type_ = draw(st.sampled_from(sorted(DATA_MODELS)))
    event = copy.deepcopy(example(type_))
    if draw(st.booleans()):
        event.pop("dataschema")
    for _ in range(draw(st.integers(0, 4))):
        data = event.get("data")
        if isinstance(data, dict) and draw(st.booleans()):
            own = [name for name in DATA_MODELS[type_].model_fields if name not in data]
            data[draw(st.sampled_from(own or NAMES))] = draw(values)
            continue
        container, key = draw(st.sampled_from([place for place in places(event) if place[1] != "type"]))
        if draw(st.integers(0, 3)) == 0:
            del container[key]  # type: ignore[arg-type]  # the key belongs to the container
        else:
            container[key] = draw(values)  # type: ignore[index]  # as above
    return event


def plain(value: object) -> object:
    """Structs, models and what is in them as dictionaries, so that both sides can be compared."""
    if isinstance(value, Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, OrderUpdated):
        return plain(without_none_in_lists(value.model_dump(exclude_unset=True)))
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields if name != "type"}
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [plain(inner) for inner in cast("list[object]", value)]
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value


def without_none_in_lists(patch: dict[str, object]) -> dict[str, object]:
    """A patch whose lines leave out what is null: in an array, which is replaced whole, null says no more than absence."""
    lines = cast("list[dict[str, object]] | None", patch.get("lines"))
    if lines is not None:
        patch["lines"] = [{name: value for name, value in line.items() if value is not None} for line in lines]
    return patch


def by_pydantic(type_: str, raw: bytes) -> object:
    """The event as the models read it, or the reason why not."""
    try:
        return EVENT_MODELS[type_].model_validate_json(raw)
    except ValidationError as error:
        return error


def by_wire(raw: bytes) -> Event | Rejected:
    """The event as the decoder reads it, or its refusal."""
    try:
        return decode(raw)
    except Rejected as refusal:
        return refusal


@settings(max_examples=1500)
@given(payloads(), st.booleans())
def test_both_accept_the_same_and_read_the_same_values(event: dict[str, object], ascii_only: bool) -> None:
    """One contract, two readers: on valid and on damaged events of every type they never differ."""
    raw = json.dumps(event, ensure_ascii=ascii_only).encode()
    model, struct = by_pydantic(str(event["type"]), raw), by_wire(raw)
    assert isinstance(model, ValidationError) == isinstance(struct, Rejected), (model, struct)
    if isinstance(struct, Event):
        assert plain(struct) == plain(model)


def value_at(container: dict[str, object] | list[object], key: str | int) -> object:
    """What stands at a place."""
    return container[cast("str", key)] if isinstance(container, dict) else container[cast("int", key)]


@pytest.mark.parametrize("type_", sorted(type_ for type_ in DATA_MODELS if "data" in example(type_)))
def test_what_a_model_looks_for_the_decoder_looks_for_wherever_it_stands(type_: str) -> None:
    """In every text of an event, in the last member of every list, and where nothing else is said: what one refuses the other does."""
    whole = example(type_)
    for place in list(places(whole["data"])):
        value = value_at(*place)
        if isinstance(value, list):
            members = cast("list[object]", value)
            members.extend(copy.deepcopy(members))
            for member in members:
                if isinstance(member, dict):
                    cast("dict[str, object]", member).setdefault("ship_by", "2026-04-24")
    for number, place in enumerate(list(places(whole["data"]))):
        if not isinstance(value_at(*place), str):
            continue
        for text in ("2026-02-30", "2026-04-24T10:00:00", "2026-04-24T10:00:00Z", "1999-12-31T23:59:59Z"):
            event = copy.deepcopy(whole)
            container, key = list(places(event["data"]))[number]
            container[key] = text  # type: ignore[index]  # the key belongs to the container
            alone = {**event, "data": {key: text}} if container is event["data"] else event
            for one in (event, alone):
                raw = json.dumps(one).encode()
                model, struct = by_pydantic(type_, raw), by_wire(raw)
                assert isinstance(model, ValidationError) == isinstance(struct, Rejected), (one, model, struct)
