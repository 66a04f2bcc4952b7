"""Events of one order as rows of MessagePack: what an open order keeps of them, read straight into objects with their attributes.

A row is an array: `[type, at, delay, topic, partition, offset, sub, id, source, data]`, its type by its code (`schemas.storage`), instants
in µs, `delay` the log time less `at`, the topic by its index in the order's table. `data` is an array of the fields of its model, in their
stored order, without trailing Nones; of `order.placed` an object, since updates are merged into it by name, and of `order.updated` the
patch as it is. Types are derived from the models of the contract; the order of their fields is pinned by a test.

Not kept, since nothing asks an open order's events for it: `subject`, `tenant`, `time` and `recordedtime` (they follow from the order and
the row), `dataschema`, and the fields marked `Retention.NOTHING`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct
from pydantic import BaseModel

from schemas.events import DATA_MODELS, OrderPlaced, OrderUpdated
from schemas.record import Record
from schemas.storage import TYPES, reader, stored_names, trimmed
from schemas.structs import TypeForm, field_types, kept, union
from schemas.values import Retention

__all__ = ["ROW", "RowEvent", "pack_row", "records_of"]


class RowEvent(Struct, frozen=True, array_like=True, gc=False):
    """An event that was kept. It stands for the `Event` that it was, with the attributes that are kept."""

    type: ClassVar[str]
    at: int
    delay: int
    topic: int
    partition: int
    offset: int
    sub: int
    id: str
    source: str


def records_of(rows: Sequence[RowEvent], topics: Sequence[str], order: str) -> list[Record]:
    """The records that rows were packed from."""
    make = cast("Callable[..., Record]", Record)
    return [make(row.at + row.delay, topics[row.topic], row.partition, row.offset, row.sub, row.at, order, row, b"") for row in rows]


def pack_row(record: Record, topic: int) -> bytes:
    """A record as a row. `topic`: the index of its topic."""
    event, at = record.event, record.at
    code, values_of = _PACK[event.type]
    row = [code, at, record.log - at, topic, record.partition, record.offset, record.sub, event.id, event.source, values_of(event.data)]
    return _encode(row)


_encode = msgspec.msgpack.Encoder().encode


# how data is packed


def _patch(data: object) -> object:
    return data or {}


@cache
def _values(model: type[BaseModel], *, named: bool = False) -> Callable[[Any], object]:
    """Turns data of a model into the list of what is kept of it, less trailing Nones; if `named`, into what there is, by name."""
    forms, names = field_types(model), stored_names(model)
    turns = [(index, turn) for index, name in enumerate(names) if (turn := _turn(forms[name], named=named)) is not None]
    read = reader(names)

    def values(data: object) -> object:
        found: list[object] = list(read(data))
        for index, turn in turns:
            if found[index] is not None:
                found[index] = turn(found[index])
        if named:
            return {name: value for name, value in zip(names, found, strict=True) if value is not None}
        return trimmed(found)

    return values


def _turn(form: TypeForm, *, named: bool) -> Callable[[Any], object] | None:
    """How values of this annotation are packed; None if they are plain data as they are."""
    if kept(form) is Retention.PRESENCE:
        return lambda _: {}
    if isinstance(form, type) and issubclass(form, BaseModel):
        return _values(form, named=named)
    arguments, origin = get_args(form), cast("object", get_origin(form))
    if origin is list:
        inner = _turn(arguments[0], named=named)
        return None if inner is None else _each(inner)
    if origin in _WRAPPERS:
        return next((turn for argument in arguments if (turn := _turn(argument, named=named))), None)
    return None


def _each(turn: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda values: [turn(value) for value in values]


_WRAPPERS: tuple[object, ...] = (Annotated, Union, UnionType)


# what is read


@cache
def _struct(model: type[BaseModel], *, named: bool = False) -> type[Struct]:
    """What data of a model is read as: its kept fields in their stored order, or by name; all others are None."""
    forms, names = field_types(model), stored_names(model)
    fields: list[tuple[str, TypeForm, object]] = [(name, union(_read_form(forms[name], named=named), None), None) for name in names]
    rest: dict[str, object] = {name: None for name in forms if name not in names}
    return msgspec.defstruct(
        model.__name__,
        fields,
        module=__name__,
        namespace={"__doc__": model.__doc__, **rest},
        frozen=True,
        array_like=not named,
        gc=False,
        omit_defaults=True,
    )


def _read_form(form: TypeForm, *, named: bool) -> TypeForm:
    """The type that reads what `_turn` made of a value; bounds were checked when the event came in."""
    if kept(form) is Retention.PRESENCE:
        return dict[str, Any]
    if isinstance(form, type) and issubclass(form, BaseModel):
        return _struct(form, named=named)
    arguments, origin = get_args(form), cast("object", get_origin(form))
    if origin is Annotated:
        return _read_form(arguments[0], named=named)
    if origin in _WRAPPERS:
        return union(*(_read_form(argument, named=named) for argument in arguments))
    if origin is list:
        return cast("Any", list)[_read_form(arguments[0], named=named)]
    if origin is dict:
        return dict[str, Any]
    return cast("TypeForm", datetime if form is datetime else form)


def _row(code: int, type_: str, model: type[BaseModel]) -> type[RowEvent]:
    data: TypeForm = dict[str, Any] if model is OrderUpdated else _struct(model, named=model is OrderPlaced)
    made = msgspec.defstruct(
        model.__name__ + "Row",
        [("data", data)],
        bases=(RowEvent,),
        module=__name__,
        namespace={"type": type_},
        frozen=True,
        array_like=True,
        gc=False,
        tag=code,
    )
    return cast("type[RowEvent]", made)


_PACK: dict[str, tuple[int, Callable[[Any], object]]] = {
    type_: (code, _patch if DATA_MODELS[type_] is OrderUpdated else _values(DATA_MODELS[type_], named=DATA_MODELS[type_] is OrderPlaced))
    for code, type_ in enumerate(TYPES)
}
ROW: TypeForm = union(*(_row(code, type_, DATA_MODELS[type_]) for code, type_ in enumerate(TYPES)))
"""The type of a row, to be read by a decoder."""
