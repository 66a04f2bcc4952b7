"""The compact form that the events of an open order are kept in: versioned plain data (MessagePack), no class names, no field names.

Layout of version 1: `[1, strings, events]`. `strings` holds every text but event IDs, once; elsewhere stands its index. An event is
`[type code, id, source, time, subject, data, recordedtime, tenant]`, instants as microseconds since 1970 UTC. `data` is the values of
the struct's fields in their order (see `schemas.structs.struct_of`), nested ones likewise; of `order.updated` it is the patch as it is.
Trailing Nones are left out. Type codes and field order are pinned by a test: to change them takes a new version, and reading both.

Not kept, since no rule needs it: `dataschema`, and the fields marked `Retention.NOTHING` (a person's words, the carrier's own codes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, Union, cast, get_args, get_origin

import msgspec
from pydantic import BaseModel

from schemas.envelope import DEFAULT_TENANT
from schemas.events import DATA_MODELS, OrderUpdated
from schemas.structs import TypeForm, field_types, kept, struct_of
from schemas.values import Retention, StoredBefore, from_micros, micros
from schemas.wire import EVENT_STRUCTS, Data, Event

VERSION = 1

Pack: TypeAlias = Callable[[Any, dict[str, int]], object]
"""Turns the value of a field into plain data; the table of strings, which maps each to its index, grows as needed."""
Unpack: TypeAlias = Callable[[Any, list[str]], object]
"""The way back."""


Row: TypeAlias = tuple[int, str, int, int, int | None, list[object] | dict[str, object] | None, int | None, int | None]
"""An event as it is packed, with the trailing Nones."""


class StorageError(ValueError):
    """Bytes that this program cannot read: of a later version, or not of this making."""


class Layout(NamedTuple):
    """How the objects of one model are packed: the values of some of its first fields, where those in `turns` are no plain data."""

    read: Callable[[object], tuple[object, ...]]
    turns: tuple[tuple[int, Pack, Unpack], ...]
    """Index of a field, and how its value is packed and unpacked."""
    make: Callable[..., object]

    def pack(self, data: object, strings: dict[str, int]) -> list[object]:
        """The values of `data`, less trailing Nones."""
        values = list(self.read(data))
        for index, to_plain, _ in self.turns:
            if values[index] is not None:
                values[index] = to_plain(values[index], strings)
        return trimmed(values)

    def unpack(self, values: list[object] | None, strings: list[str]) -> object:
        """The object with these values (None: no values)."""
        values = values or []
        for index, _, to_value in self.turns:
            if index < len(values) and values[index] is not None:
                values[index] = to_value(values[index], strings)
        return self.make(*values)


def trimmed(values: list[object]) -> list[object]:
    """`values` without trailing Nones, in place."""
    while values and values[-1] is None:
        del values[-1]
    return values


@cache
def layout(model: type[BaseModel]) -> Layout:
    """The layout of `model`, derived from its fields."""
    forms = field_types(model)
    struct = struct_of(model)
    names = stored_names(model)
    turns: list[tuple[int, Pack, Unpack]] = []
    for index, name in enumerate(names):
        if kept(forms[name]) is Retention.PRESENCE:
            turns.append((index, lambda _, __: True, lambda _, __: {}))
        elif turn := turn_of(forms[name]):
            turns.append((index, *turn))
    places = [struct.__struct_fields__.index(name) for name in names]
    return Layout(reader(names), tuple(turns), struct if places == [*range(len(names))] else scattered(struct, places))


def scattered(struct: Callable[..., object], places: list[int]) -> Callable[..., object]:
    """Makes a struct from values that stand at these places of it: what must be stated and is not kept stands between them, as None."""

    def make(*values: object) -> object:
        filled: list[object] = [None] * (places[-1] + 1)
        for place, value in zip(places, values, strict=False):
            filled[place] = value
        return struct(*filled)

    return make


def stored_names(model: type[BaseModel]) -> list[str]:
    """The fields of `model` that are kept, in their stored order."""
    forms = field_types(model)
    return [name for name in struct_of(model).__struct_fields__ if kept(forms[name]) is not Retention.NOTHING]


def reader(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """Reads the values of these attributes of an object."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda data: tuple(getattr(data, name) for name in names)


def turn_of(form: TypeForm) -> tuple[Pack, Unpack] | None:
    """How values of this annotation are packed and unpacked, or None if they are plain data as they are."""
    if isinstance(form, type) and issubclass(form, BaseModel):
        inner = layout(form)
        return inner.pack, inner.unpack
    if form is datetime:
        return lambda value, _: micros(value), lambda value, _: from_micros(value)
    arguments = get_args(form)
    origin: object = get_origin(form)
    if StoredBefore.INSTANT in arguments:
        return index_of, text_or_instant_at
    if form is str or origin is Literal:
        return index_of, text_at
    if origin is list and (turn := turn_of(arguments[0])):
        pack_one, unpack_one = turn
        return (
            lambda values, strings: [pack_one(value, strings) for value in values],
            lambda values, strings: [unpack_one(value, strings) for value in values],
        )
    if origin in _WRAPPERS:
        return next((turn for argument in arguments if (turn := turn_of(argument))), None)
    return None


def index_of(text: str, strings: dict[str, int]) -> int:
    """Where `text` stands in the table; added if it does not."""
    return strings.setdefault(text, len(strings))


def text_at(index: int, strings: list[str]) -> str:
    """The text at `index` of the table."""
    return strings[index]


def text_or_instant_at(index: int, strings: list[str]) -> str:
    """The text at `index` of the table; of what is no place in it, but an instant, its RFC 3339."""
    return strings[index] if index < len(strings) else from_micros(index).isoformat()


_WRAPPERS: tuple[object, ...] = (Annotated, Union, UnionType)


def pack(event: Event) -> bytes:
    """One event as bytes."""
    return pack_events([event])


def unpack(packed: bytes) -> Event:
    """The event that `pack` was given, with None for what is not kept.

    Raises:
        StorageError: if these are not bytes of a version that this program reads.
    """
    return unpack_events(packed)[0]


def pack_events(events: Sequence[Event]) -> bytes:
    """Events as bytes, in their order; smallest if they are of one order."""
    strings: dict[str, int] = {}
    rows = [
        trimmed(
            [
                code := _CODES[event.type],
                event.id,
                index_of(event.source, strings),
                micros(event.time),
                None if event.subject is None else index_of(event.subject, strings),
                _PACK[code](event.data, strings) or None,
                None if event.recordedtime is None else micros(event.recordedtime),
                None if event.tenant == DEFAULT_TENANT else index_of(event.tenant, strings),
            ]
        )
        for event in events
    ]
    return msgspec.msgpack.encode([VERSION, list(strings), rows])


def unpack_events(packed: bytes) -> list[Event]:
    """The events that `pack_events` was given, with None for what is not kept.

    Raises:
        StorageError: if these are not bytes of a version that this program reads.
    """
    try:
        version, strings, rows = _plain(packed)
        if version != VERSION:
            raise StorageError(f"stored version {version}, this program reads {VERSION}")
        return [_event(strings, row) for row in rows]
    except (TypeError, ValueError, LookupError, msgspec.DecodeError) as error:
        raise error if isinstance(error, StorageError) else StorageError("not a packed event") from error


def _event(strings: list[str], row: list[Any]) -> Event:
    code, id_, source, time, subject, data, recorded, tenant = cast("Row", row + [None] * (8 - len(row)))
    return EVENT_STRUCTS[TYPES[code]](
        specversion="1.0",
        id=id_,
        source=strings[source],
        time=from_micros(time),
        subject=None if subject is None else strings[subject],
        data=cast("Data", _UNPACK[code](data, strings)),
        recordedtime=None if recorded is None else from_micros(recorded),
        tenant=DEFAULT_TENANT if tenant is None else strings[tenant],
    )


TYPES = tuple(DATA_MODELS)
"""Event types by their code."""

_CODES = {type_: code for code, type_ in enumerate(TYPES)}


def _patch(data: dict[str, object] | None, _: object) -> dict[str, object]:
    return data or {}


_PACK: list[Pack] = [_patch if model is OrderUpdated else layout(model).pack for model in DATA_MODELS.values()]
_UNPACK: list[Unpack] = [_patch if model is OrderUpdated else layout(model).unpack for model in DATA_MODELS.values()]
_plain = msgspec.msgpack.Decoder().decode
