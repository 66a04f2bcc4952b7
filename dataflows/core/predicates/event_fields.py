"""What a predicate can ask of one event, as `event.NAME`: the fields of its type in the contract, derived from their models."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

from dataflows.core.history.facts import Facts
from dataflows.core.predicates.fields import money_of
from dataflows.core.predicates.types import Field, Type, Value
from schemas.events import DATA_MODELS, Money, OrderUpdated
from schemas.record import Record
from schemas.structs import field_types, kept
from schemas.values import When
from schemas.wire import micros

_HIDDEN: Final = ("order_alias", "fulfillment_order_id")


@cache
def event_fields(types: tuple[str, ...]) -> dict[str, Field]:
    """The fields that events of all these types have, by their name after `event.`; an update's are the order's and stand there."""
    named: list[dict[str, Field]] = [_fields_of(type_) for type_ in types]
    common = {name: field for name, field in named[0].items() if all(name in other for other in named[1:])} if named else {}
    return common | {
        "source": Field("event.source", Type.TEXT, "who said it", lambda _, part: cast("Record", part).event.source, ()),
        "at": Field("event.at", Type.INSTANT, "when it happened", lambda _, part: cast("Record", part).at, ()),
    }


def _fields_of(type_: str) -> dict[str, Field]:
    model = DATA_MODELS[type_]
    found: dict[str, Field] = {}
    if model is OrderUpdated:
        return found
    for name, form in field_types(model).items():
        if name in _HIDDEN or kept(form) is not None:
            continue
        if When in (form, *get_args(form)):
            found[name] = Field(f"event.{name}", Type.INSTANT, f"`{name}` of the event", _deadline_getter(name), ())
        elif (read := _reader(form)) is not None:
            kind, words, convert = read
            found[name] = Field(f"event.{name}", kind, f"`{name}` of the event", _getter(name, convert), (), words)
    return found


def _deadline_getter(name: str) -> Callable[[Facts, object], Value]:
    def get(facts: Facts, part: object) -> Value:
        value = cast("str | None", getattr(cast("Record", part).event.data, name, None))
        if value is None:
            return None
        return facts.ship_deadline(value) if name == "ship_by" else facts.promise_deadline(value)

    return get


def _getter(name: str, convert: Callable[[Any], Value]) -> Callable[[Facts, object], Value]:
    def get(_: Facts, part: object) -> Value:
        value = getattr(cast("Record", part).event.data, name, None)
        return None if value is None else convert(value)

    return get


def _reader(form: Any) -> tuple[Type, tuple[str, ...], Callable[[Any], Value]] | None:
    """How a field with this annotation is read: its type, its words if they are limited, and from the contract's value to ours."""
    origin, arguments = get_origin(form), get_args(form)
    if origin is Annotated:
        return _reader(arguments[0])
    if origin in (Union, UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        return _reader(inner[0]) if len(inner) == 1 else None
    if origin is Literal:
        return Type.TEXT, arguments, lambda value: cast("str", value)
    if origin is list:
        inside = _reader(arguments[0])
        return (Type.TEXTS, (), tuple) if inside is not None and inside[0] is Type.TEXT else None
    if form is str:
        return Type.TEXT, (), lambda value: cast("str", value)
    if form is bool:
        return Type.FLAG, (), bool
    if form is int:
        return Type.NUMBER, (), int
    if form is datetime:
        return Type.INSTANT, (), micros
    if isinstance(form, type) and issubclass(form, Money):
        return Type.MONEY, (), money_of
    return None
