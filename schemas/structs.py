"""Derives the fast decoder's types (msgspec structs) from the pydantic models, so that the contract is stated once.

What is carried over: field names, types, defaults, bounds and patterns, and the functions in `AfterValidator`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
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


def struct_of(model: type[BaseModel], *, thorough: bool = False, patch: bool = False) -> type[Struct]:
    """The struct with the fields of `model`.

    `thorough` includes what a decoder can know from the bytes alone to be so, without which decoding is faster: that identifiers have no
    control characters, and are not too long in bytes. `patch` lets every field be null or UNSET, in nested models too: a JSON Merge
    Patch. The same arguments give the same class.
    """
    return _derived(model, thorough, patch)


@cache
def _derived(model: type[BaseModel], thorough: bool, patch: bool) -> type[Struct]:
    hints = field_types(model)
    fields: list[tuple[str, TypeForm, object]] = []
    for name, info in model.model_fields.items():
        type_ = struct_type(hints[name], thorough=thorough, patch=patch)
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
    return define(model.__name__, fields, doc=model.__doc__, post_init=post_init(hints, thorough=thorough))


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


def struct_type(form: TypeForm, *, thorough: bool, patch: bool = False) -> TypeForm:
    """The type for msgspec that accepts what pydantic accepts for `form` (less what `checks` does)."""
    origin: object = get_origin(form)
    arguments = get_args(form)
    if isinstance(form, type) and issubclass(form, BaseModel):
        return struct_of(form, thorough=thorough, patch=patch)
    if origin is Annotated:
        inner = struct_type(arguments[0], thorough=thorough)
        bounds = meta(arguments[1:], thorough=thorough)
        return cast("Any", Annotated)[inner, bounds] if bounds else inner
    if origin in _UNIONS:
        return union(*(struct_type(argument, thorough=thorough, patch=patch) for argument in arguments))
    if origin is list:
        return cast("Any", list)[struct_type(arguments[0], thorough=thorough)]
    if origin is dict:
        return dict[str, Any]
    return cast("TypeForm", AwareDatetime if form is datetime else form)


def union(*forms: TypeForm) -> TypeForm:
    """The union of type forms known only at run time."""
    return Union[forms]  # noqa: UP007


def meta(metadata: tuple[object, ...], *, thorough: bool) -> Meta | None:
    """The bounds that pydantic `metadata` states."""
    bounds: dict[str, Any] = {}
    for item in metadata:
        if isinstance(item, StringConstraints):
            bounds |= {name: value for name in ("min_length", "max_length", "pattern") if (value := getattr(item, name)) is not None}
        elif isinstance(item, FieldInfo):
            for bound in item.metadata:
                bounds |= {name: getattr(bound, name) for name in ("ge", "le") if hasattr(bound, name)}
    if bounds.get("pattern") == NO_CONTROL and not thorough:
        del bounds["pattern"]
    return Meta(**bounds) if bounds else None


def post_init(forms: dict[str, TypeForm], *, thorough: bool = False) -> Callable[[Struct], None] | None:
    """A `__post_init__` that runs the `AfterValidator` functions in the annotations of fields, or None if there are none."""
    checks = checks_of(forms, thorough=thorough)
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


def checks_of(forms: dict[str, TypeForm], *, thorough: bool) -> list[tuple[str, Check]]:
    """The `AfterValidator` functions in the annotations of fields, each with its field."""
    return [(name, check) for name, form in forms.items() for check in validators(form, thorough=thorough)]


def validators(form: TypeForm, *, thorough: bool) -> list[Check]:
    """The `AfterValidator` functions in `form`, in one of the members of its union, or of what it is a list of."""
    origin: object = get_origin(form)
    if origin is Annotated:
        inner, *metadata = get_args(form)
        found = [cast("Check", item.func) for item in metadata if isinstance(item, AfterValidator)]
        return [*validators(inner, thorough=thorough), *(check for check in found if thorough or check is not check_size)]
    if origin in _UNIONS:
        return [check for member in get_args(form) for check in validators(member, thorough=thorough)]
    if origin is list:
        return [_each(check) for check in validators(get_args(form)[0], thorough=thorough)]
    return []


def _each(check: Check) -> Check:
    def checked(values: object) -> None:
        for value in cast("list[object]", values):
            check(value)

    return checked


def kept(form: TypeForm) -> Retention | None:
    """What the packed form keeps of a field with this annotation; None: all."""
    return next((item for item in get_args(form) if isinstance(item, Retention)), None)
