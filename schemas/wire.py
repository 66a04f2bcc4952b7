"""Bytes to `Event` in one pass, or `Rejected` with a reason. Nothing else leaves `decode`, whatever the bytes are.

The decoder's types are derived from the pydantic models in `schemas.envelope`; a property test shows that both accept and refuse the same.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import ClassVar, Literal, TypeAlias, cast, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, force_setattr
from pydantic import BaseModel

from schemas.aliases import aliases_of
from schemas.depth import MAX_DEPTH, too_deep
from schemas.envelope import DEFAULT_TENANT, EVENT_MODELS, OF_NO_ORDER, Envelope, schema_suffix
from schemas.events import DATA_MODELS, OrderUpdated
from schemas.structs import Depth, TypeForm, checks_of, define, field_types, look_of, struct_of, struct_type, union
from schemas.values import FIRST_YEAR, LAST_YEAR, MOST_ID_BYTES, BadTimeError, TooLongError, check_size, from_micros, micros

__all__ = [
    "BINARY_MODE",
    "EVENT_STRUCTS",
    "MAX_BYTES",
    "REASONS",
    "Data",
    "Event",
    "Reason",
    "Rejected",
    "decode",
    "decode_binary",
    "event_of",
    "from_micros",
    "micros",
    "structured",
]

MAX_BYTES = 1 << 20
"""Longest record that is read; a longer one is refused without parsing."""

Reason: TypeAlias = Literal[
    "too_large",
    "not_utf8",
    "not_json",
    "too_deep",
    "not_cloudevent",
    "unknown_type",
    "unknown_status",
    "missing_field",
    "wrong_type",
    "bad_time",
    "bad_value",
    "no_identity",
]
REASONS: tuple[Reason, ...] = get_args(Reason)

BINARY_MODE = "ce_specversion"
"""A record with this header is a CloudEvent in binary mode (CloudEvents Kafka protocol binding 1.0, section 3.2)."""

Data: TypeAlias = BaseModel | dict[str, object]
"""`data` of an event: an object with exactly the attributes of its type's model in `DATA_MODELS`, to be cast to that model (it is a struct
with the same attributes, without the methods); of `order.updated`, a dictionary of the fields that the patch names, where null removes."""


class Rejected(Exception):  # noqa: N818 (a verdict about a record, not a failure of ours)
    """The record is no event of the contract: one `reason`, and a `detail` that names fields, never their values."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class Event(Struct, frozen=True, gc=False, kw_only=True):
    """One event of the contract, decoded and checked. Attributes as in `schemas.envelope.Envelope`; instants are aware."""

    type: ClassVar[str]
    specversion: str = "1.0"
    id: str
    source: str
    subject: str | None = None
    time: datetime
    recordedtime: datetime | None = None
    tenant: str = DEFAULT_TENANT
    dataschema: str | None = None
    data: Data


def decode(raw: bytes) -> Event:
    """Read one structured CloudEvent (JSON in UTF-8, with or without a byte order mark, at most 1 MiB).

    Raises:
        Rejected: if it is none, or not one of the contract. No other exception.
    """
    if len(raw) > MAX_BYTES:
        raise Rejected("too_large", f"more than {MAX_BYTES} bytes")
    wide = not raw.isascii()
    if wide:
        raw = raw.removeprefix(BOM_UTF8)
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise Rejected("not_utf8", f"byte {error.start}") from None
    if len(raw) > 2 * MAX_DEPTH and too_deep(raw):
        raise Rejected("too_deep", f"more than {MAX_DEPTH} levels")
    try:
        event = _decode(raw)
        _, _, _, subject, time, recorded, tenant, dataschema, data = astuple(event)
        kind = type(event)
        if not tenant or not data or kind is _UPDATE:
            _complete(event)
            data = event.data
        if (
            FIRST_YEAR <= time.year <= LAST_YEAR
            and (recorded is None or FIRST_YEAR <= recorded.year <= LAST_YEAR)
            and (dataschema is None or dataschema.endswith(schema_suffix(event.type)))
            and (subject is not None or event.type in OF_NO_ORDER or aliases_of(event.type, data))
        ):
            look = _LOOKS[kind]
            if look is not None:
                look(data)
            # Within a JSON text a control character is escaped, or it is DEL; only then can there be one in an identifier. And only an
            # identifier that is not in ASCII, or is escaped, can have more bytes than characters.
            if _BACKSLASH in raw or _DEL in raw or (wide and _LONG.search(raw)):
                _decoder(Depth.CHARACTERS)(raw)
            return event
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    raise _refusal(raw)


def decode_binary(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Event:
    """Read one CloudEvent in Kafka's binary mode: attributes in `ce_` headers (UTF-8), `data` in the value.

    Raises:
        Rejected: as `decode` does.
    """
    return decode(structured(headers, value))


def structured(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> bytes:
    """The structured form of a CloudEvent in binary mode.

    Raises:
        Rejected: if a header is not UTF-8 or the value not JSON. What else is wrong shows in `decode`.
    """
    try:
        attributes = {name[3:]: text.decode() for name, text in headers if name.startswith("ce_") and text is not None}
    except UnicodeDecodeError:
        raise Rejected("not_utf8", "a header") from None
    attributes.pop("data", None)
    event: dict[str, object] = dict(attributes)
    if value:
        try:
            # Checked by itself first: spliced in as it is, it could close `data` and go on with attributes of its own.
            event["data"] = _decode_raw(value.removeprefix(BOM_UTF8))
        except (msgspec.DecodeError, RecursionError):
            raise Rejected("not_json", "the value") from None
    return msgspec.json.encode(event)


def event_of(headers: Iterable[tuple[str, bytes | None]], value: bytes) -> Event:
    """The event in a record: in binary mode if the headers say so, else structured.

    Raises:
        Rejected: if it is none.
    """
    for name, _ in headers:
        if name == BINARY_MODE:
            return decode_binary(headers, value)
    return decode(value)


def _complete(event: Event) -> None:
    """Puts in what null stands for: CloudEvents lets it stand for an attribute that is not set."""
    if not event.tenant:
        force_setattr(event, "tenant", DEFAULT_TENANT)
    if event.type == UPDATED:
        force_setattr(event, "data", msgspec.to_builtins(event.data) if event.data else {})
    elif not event.data:
        force_setattr(event, "data", struct_of(DATA_MODELS[event.type])())


def _refusal(raw: bytes) -> Rejected:
    """Why a record is refused: what is wrong first, where all is checked as it is read."""
    try:
        _decoder(Depth.VALUES)(raw)
        _decoder(Depth.CHARACTERS)(raw)
    except Rejected as why:
        return why
    except msgspec.DecodeError as error:
        return _rejected(error)
    except RecursionError:
        return Rejected("too_deep", "more levels than the stack has left")
    return Rejected("bad_value", "$: not acceptable")


_BACKSLASH, _DEL = 0x5C, 0x7F
UPDATED = "order.updated"
_LONG = re.compile(rb'"[^"]{%d}' % (MOST_ID_BYTES + 1))


def _struct(type_: str, model: type[Envelope], depth: Depth) -> type[Struct]:
    """The event struct of one type: a subclass of `Event`."""
    payload = DATA_MODELS[type_]
    is_patch = payload is OrderUpdated
    data = struct_of(payload, depth=depth, patch=is_patch)
    required = any(field.is_required() for field in payload.model_fields.values())
    fields: list[tuple[str, TypeForm, object]] = []
    for name, form in field_types(model).items():
        default = msgspec.NODEFAULT if model.model_fields[name].is_required() else model.model_fields[name].default
        if name == "tenant":
            fields.append((name, union(struct_type(form, depth=depth), None), default))
        elif name == "data":
            fields.append((name, data, msgspec.NODEFAULT) if required else (name, data | None, None))
        elif name != "type":
            fields.append((name, struct_type(form, depth=depth), default))
    sized = [name for name, check in checks_of(field_types(model), depth) if check is check_size]
    finish = None if depth is Depth.TYPES else _finish(type_, None if required else data(), sized)
    return define(model.__name__, fields, doc=model.__doc__, post_init=finish, bases=(Event,), tag=type_)


def _finish(type_: str, empty: Struct | None, sized: Sequence[str]) -> Callable[[Event], None]:
    """What an event needs beyond the types of its fields: the same as the validators of `Envelope`. `sized`: its identifiers, if asked."""
    suffix = schema_suffix(type_)

    def __post_init__(event: Event) -> None:  # noqa: N807
        if not FIRST_YEAR <= event.time.year <= LAST_YEAR:
            raise BadTimeError("time: year out of range")
        if event.recordedtime is not None and not FIRST_YEAR <= event.recordedtime.year <= LAST_YEAR:
            raise BadTimeError("recordedtime: year out of range")
        for name in sized:
            if value := getattr(event, name):
                try:
                    check_size(value)
                except TooLongError as error:
                    raise TooLongError(f"{name}: {error}") from None
        if event.dataschema is not None and not event.dataschema.endswith(suffix):
            raise Rejected("bad_value", f"$.dataschema: does not end in {suffix}")
        data = event.data or empty
        if type_ == UPDATED:
            data = msgspec.to_builtins(data)
        if event.subject is None and type_ not in OF_NO_ORDER and not aliases_of(type_, data):
            raise Rejected("no_identity", "neither subject nor alias")

    return __post_init__


def _structs(depth: Depth) -> dict[str, type[Event]]:
    # The one place where structs are said to be what they are read as: `Event`, with data that has its model's attributes.
    return {type_: cast("type[Event]", _struct(type_, model, depth)) for type_, model in EVENT_MODELS.items()}


@cache
def _decoder(depth: Depth) -> Callable[[bytes], Event]:
    """Decodes with these checks. Those that are seldom wanted are made when they are."""
    return msgspec.json.Decoder(union(*_structs(depth).values())).decode


EVENT_STRUCTS = _structs(Depth.TYPES)
"""The class of events by type."""
_LOOKS = {struct: None if type_ == UPDATED else look_of(DATA_MODELS[type_]) for type_, struct in EVENT_STRUCTS.items()}
"""What looks at the data of an event. A patch is checked as it is read."""
_UPDATE = EVENT_STRUCTS[UPDATED]

_decode: Callable[[bytes], Event] = msgspec.json.Decoder(union(*EVENT_STRUCTS.values())).decode
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode

_IDENTITY = {"specversion", "id", "source", "type"}
"""What every CloudEvent must have: without it, or with another type of value, the record is none."""

_MISSING = re.compile(r"Object missing required field `(\w+)`")


def _rejected(error: msgspec.DecodeError) -> Rejected:
    """Translate msgspec's words. They may quote a value, so nothing of them goes on but field names and the names of types."""
    if not isinstance(error, msgspec.ValidationError):
        return Rejected("not_json", str(error))
    message, _, place = str(error).rpartition(" - at `")
    if not message:
        message, place = place, "$`"
    path = place.removesuffix("`")
    top = path.removeprefix("$.") if path.removeprefix("$.") in _IDENTITY else None
    if isinstance(error.__cause__, BadTimeError):
        return Rejected("bad_time", f"{path}: {error.__cause__}")
    if isinstance(error.__cause__, TooLongError):
        return Rejected("bad_value", f"{path}: {error.__cause__}")
    if missing := _MISSING.match(message):
        name = missing[1]
        reason: Reason = "not_cloudevent" if path == "$" and name in _IDENTITY else "missing_field"
        return Rejected(reason, f"{path}: `{name}` is missing")
    if message.startswith("Invalid value"):
        return Rejected("unknown_type", f"{path}: no type of the contract")
    if message.startswith("Invalid enum value"):
        return Rejected("not_cloudevent" if top else "unknown_status", f"{path}: not one of the known values")
    if "datetime` with" in message or message.startswith("Invalid RFC3339"):
        return Rejected("bad_time", f"{path}: no RFC 3339 instant with an offset")
    if "length" in message or "matching" in message or "`int` <" in message or "`int` >" in message:
        return Rejected("bad_value", f"{path}: out of bounds or in another form")
    if message.startswith("Expected"):
        return Rejected("not_cloudevent" if top or path == "$" else "wrong_type", f"{path}: {message}")
    return Rejected("bad_value", f"{path}: not acceptable")
