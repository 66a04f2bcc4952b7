"""Derives the fast decoder's types (msgspec structs) from the pydantic models, so that the contract is stated once.

What is carried over: field names, types, defaults, bounds and patterns, and the functions in `AfterValidator`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from pydantic import AfterValidator, BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from schemas.events import Fact
from schemas.values import NO_CONTROL, AwareDatetime, BadTimeError, Retention, StoredPlace, TooLongError, check_size

TypeForm: TypeAlias = Any
"""A type as it stands in an annotation: a class, a union, an `Annotated`, ..."""

_UNIONS: tuple[object, ...] = (Union, UnionType)
"""What `X | Y` turns into, depending on X and Y."""

Check: TypeAlias = Callable[[object], object]
"""Raises ValueError for a value that its type alone does not refuse."""


class Depth(Enum):
    """How much a struct checks while it is decoded."""

    TYPES = auto()
    """What C code can check alone; see `look_of` for the rest. Decoding is fastest, and what is stored needs no more."""
    VALUES = auto()
    """Also what the `AfterValidator` functions do."""
    CHARACTERS = auto()
    """Also what a decoder can know from the bytes alone to be so: identifiers have no control characters, and are not too long in bytes."""


def struct_of(model: type[BaseModel], *, depth: Depth = Depth.TYPES, patch: bool = False) -> type[Struct]:
    """The struct with the fields of `model`.

    `patch` lets every field be null or UNSET, in nested models too: a JSON Merge Patch; its values are checked at any depth. The same
    arguments give the same class.
    """
    return _derived(model, depth, patch)


@cache
def _derived(model: type[BaseModel], depth: Depth, patch: bool) -> type[Struct]:
    hints = field_types(model)
    fields: list[tuple[str, TypeForm, object]] = []
    for name, info in model.model_fields.items():
        type_ = struct_type(hints[name], depth=depth, patch=patch)
        if patch:
            fields.append((name, union(type_, None, UnsetType), UNSET))
        else:
            fields.append((name, type_, msgspec.NODEFAULT if info.is_required() else info.default))
    # A stable sort: required fields first, as positional arguments want it, then what is used most; what is not kept last.
    fields.sort(
        key=lambda field: (
            field[2] is not msgspec.NODEFAULT,
            kept(hints[field[0]]) is Retention.NOTHING,
            StoredPlace.LAST in get_args(hints[field[0]]),
            field[0] in Fact.model_fields,
        )
    )
    checked = patch or depth is not Depth.TYPES
    return define(model.__name__, fields, doc=model.__doc__, post_init=post_init(hints, depth) if checked else None)


def define(
    name: str,
    fields: list[tuple[str, TypeForm, object]],
    *,
    doc: str | None,
    post_init: Callable[[Any], None] | None,
    bases: tuple[type[Struct], ...] = (),
    tag: str | None = None,
) -> type[Struct]:
    """A frozen struct of (name, type, default) fields. With a `tag` its JSON has a field `type` of that value, and so has the class."""
    namespace: dict[str, object] = {"__doc__": doc}
    if post_init is not None:
        namespace["__post_init__"] = post_init
    if tag is not None:
        namespace["type"] = tag
    return msgspec.defstruct(
        name,
        fields,
        bases=bases or None,
        module=__name__,
        namespace=namespace,
        tag=tag,
        tag_field=tag and "type",
        frozen=True,
        # Decoded data holds no references back, so reference counting alone frees it.
        gc=False,
        kw_only=bool(bases),
        omit_defaults=True,
    )


def field_types(model: type[BaseModel]) -> dict[str, TypeForm]:
    """The annotations of the fields of `model`, with their metadata."""
    hints = get_type_hints(model, include_extras=True)
    return {name: hints[name] for name in model.model_fields}


def struct_type(form: TypeForm, *, depth: Depth, patch: bool = False) -> TypeForm:
    """The type for msgspec that accepts what pydantic accepts for `form` (less what `checks` does)."""
    origin: object = get_origin(form)
    arguments = get_args(form)
    if isinstance(form, type) and issubclass(form, BaseModel):
        return struct_of(form, depth=depth, patch=patch)
    if origin is Annotated:
        inner = struct_type(arguments[0], depth=depth)
        bounds = meta(arguments[1:], depth=depth)
        return cast("Any", Annotated)[inner, bounds] if bounds else inner
    if origin in _UNIONS:
        return union(*(struct_type(argument, depth=depth, patch=patch) for argument in arguments))
    if origin is list:
        return cast("Any", list)[struct_type(arguments[0], depth=depth)]
    if origin is dict:
        return dict[str, Any]
    return cast("TypeForm", AwareDatetime if form is datetime else form)


def union(*forms: TypeForm) -> TypeForm:
    """The union of type forms known only at run time."""
    return Union[forms]  # noqa: UP007


def meta(metadata: tuple[object, ...], *, depth: Depth) -> Meta | None:
    """The bounds that pydantic `metadata` states."""
    bounds: dict[str, Any] = {}
    for item in metadata:
        if isinstance(item, StringConstraints):
            bounds |= {name: value for name in ("min_length", "max_length", "pattern") if (value := getattr(item, name)) is not None}
        elif isinstance(item, FieldInfo):
            for bound in item.metadata:
                bounds |= {name: getattr(bound, name) for name in ("ge", "le") if hasattr(bound, name)}
    if bounds.get("pattern") == NO_CONTROL and depth is not Depth.CHARACTERS:
        del bounds["pattern"]
    return Meta(**bounds) if bounds else None


def post_init(forms: dict[str, TypeForm], depth: Depth) -> Callable[[Struct], None] | None:
    """A `__post_init__` that runs the `AfterValidator` functions in the annotations of fields, or None if there are none."""
    checks = checks_of(forms, depth)
    if not checks:
        return None
    read = attrgetter(*(name for name, _ in checks))
    absent = None if len(checks) == 1 else (None,) * len(checks)

    def __post_init__(self: Struct) -> None:  # noqa: N807
        if read(self) == absent:
            return
        for name, check in checks:
            value = getattr(self, name)
            if value is not None and value is not UNSET:
                try:
                    check(value)
                except (BadTimeError, TooLongError) as error:
                    raise type(error)(f"{name}: {error}") from None

    return __post_init__


@cache
def look_of(model: type[BaseModel]) -> Check | None:
    """Runs the `AfterValidator` functions of `model`, and of what stands in it, over decoded data; None if there are none."""
    looks = {name: found for name, form in field_types(model).items() if (found := _look(form)) is not None}
    if not looks:
        return None
    checks = (*looks.values(),)
    read = cast("Callable[[object], Any]", attrgetter(*looks))
    if len(checks) == 1:
        (check,) = checks

        def look_at_one(data: object) -> None:
            value = read(data)
            if value is not None:
                check(value)

        return look_at_one
    nothing = (None,) * len(checks)

    def look(data: object) -> None:
        values = read(data)
        if values != nothing:
            for check, value in zip(checks, values, strict=True):
                if value is not None:
                    check(value)

    return look


def _look(form: TypeForm) -> Check | None:
    """What looks at a value with this annotation."""
    if isinstance(form, type) and issubclass(form, BaseModel):
        return look_of(form)
    if checks := validators(form, Depth.VALUES):
        (check,) = checks
        return check
    origin: object = get_origin(form)
    looks = [look for argument in get_args(form) if (look := _look(argument)) is not None]
    return None if not looks else _each(looks[0]) if origin is list else looks[0]


def checks_of(forms: dict[str, TypeForm], depth: Depth) -> list[tuple[str, Check]]:
    """The `AfterValidator` functions in the annotations of fields, each with its field."""
    return [(name, check) for name, form in forms.items() for check in validators(form, depth)]


def validators(form: TypeForm, depth: Depth) -> list[Check]:
    """The `AfterValidator` functions in `form`, in one of the members of its union, or of what it is a list of."""
    origin: object = get_origin(form)
    if origin is Annotated:
        inner, *metadata = get_args(form)
        found = [cast("Check", item.func) for item in metadata if isinstance(item, AfterValidator)]
        return [*validators(inner, depth), *(check for check in found if depth is Depth.CHARACTERS or check is not check_size)]
    if origin in _UNIONS:
        return [check for member in get_args(form) for check in validators(member, depth)]
    if origin is list:
        return [_each(check) for check in validators(get_args(form)[0], depth)]
    return []


def _each(check: Check) -> Check:
    def checked(values: object) -> None:
        for value in cast("list[object]", values):
            check(value)

    return checked


def kept(form: TypeForm) -> Retention | None:
    """What the packed form keeps of a field with this annotation; None: all."""
    return next((item for item in get_args(form) if isinstance(item, Retention)), None)
