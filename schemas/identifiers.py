"""The form in which identifiers are compared: one order, parcel or article, however a system writes it.

Normalised once, when a record is routed; all that is derived from it has that form. What a system wrote stands in the record's bytes, and
`subject` of an event stays as it was sent. Applying a form twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from sys import intern
from typing import Any, Final, NamedTuple, cast, get_args, get_origin

from msgspec.structs import force_setattr
from pydantic import BaseModel

from schemas.events import DATA_MODELS
from schemas.record import Record
from schemas.structs import field_types
from schemas.wire import Event

ORDER_FORMS: Final = ("none", "trim", "plain")
"""`trim`: without surrounding blanks; `plain`: and without a leading `#`."""
TRACKING_FORMS: Final = ("none", "trim", "compact")
"""`compact`: in capitals, without blanks and hyphens."""
SKU_FORMS: Final = ("none", "trim", "upper")
"""`upper`: in capitals, without surrounding blanks."""


class Identifiers(NamedTuple):
    """The form of each kind of identifier. Orders include aliases of orders, parents and children."""

    order: str = "plain"
    tracking: str = "compact"
    sku: str = "trim"

    @property
    def code(self) -> int:
        """As a number, 0 for no form at all. Stored data: the numbers never change."""
        return ORDER_FORMS.index(self.order) + 3 * TRACKING_FORMS.index(self.tracking) + 9 * SKU_FORMS.index(self.sku)

    @classmethod
    def of(cls, code: int) -> Identifiers:
        """The forms that a number stands for."""
        return cls(ORDER_FORMS[code % 3], TRACKING_FORMS[code // 3 % 3], SKU_FORMS[code // 9])

    def __str__(self) -> str:
        return f"order: {self.order}, tracking: {self.tracking}, sku: {self.sku}"


AS_SENT: Final = Identifiers("none", "none", "none")
"""What a state has that was written before identifiers had forms."""
DEFAULT: Final = Identifiers()


def _trim(text: str) -> str:
    return text.strip() or text


def _plain(text: str) -> str:
    bare = text.strip()
    return (bare if bare[:1] != "#" else bare[1:].lstrip()) or text


def _upper(text: str) -> str:
    return text.strip().upper() or text


def _compact(text: str) -> str:
    capitals = text.upper()
    return capitals if capitals.isalnum() else "".join(capitals.split()).replace("-", "") or text


_FORMS: Final[dict[str, Callable[[str], str]]] = {"trim": _trim, "plain": _plain, "upper": _upper, "compact": _compact}
_KINDS: Final = {
    "order_alias": "order",
    "parent": "order",
    "children": "order",
    "tracking_number": "tracking",
    "tracking_numbers": "tracking",
    "replaces_number": "tracking",
    "sku": "sku",
    "substitutes": "sku",
}
"""The fields of `data`, and of what stands in it, that hold an identifier."""

Change = Callable[[str], str]


class _Fields(NamedTuple):
    """The fields of a model that hold identifiers, and those that hold objects with such fields."""

    texts: tuple[tuple[str, Change], ...]
    lists: tuple[tuple[str, Change], ...]
    inner: tuple[tuple[str, _Fields], ...]
    read: Callable[[Any], Any]
    """Reads them all at once."""
    nothing: object
    """What is read where none is stated."""


def _model_in(form: object) -> type[BaseModel] | None:
    if isinstance(form, type) and issubclass(form, BaseModel):
        return form
    return next((model for part in get_args(form) if (model := _model_in(part)) is not None), None)


def _listed(form: object) -> bool:
    return get_origin(form) is list or any(_listed(part) for part in get_args(form))


def _fields_of(model: type[BaseModel], identifiers: Identifiers) -> _Fields | None:
    """Those of a model; None if it has none."""
    texts: list[tuple[str, Change]] = []
    lists: list[tuple[str, Change]] = []
    inner: list[tuple[str, _Fields]] = []
    for name, form in field_types(model).items():
        kind = _KINDS.get(name)
        if kind is not None:
            change = _FORMS.get(getattr(identifiers, kind))
            if change is not None:
                (lists if _listed(form) else texts).append((name, change))
        elif (part := _model_in(form)) is not None and _listed(form):
            fields = _fields_of(part, identifiers)
            if fields is not None:
                inner.append((name, fields))
    names = [name for name, _ in (*texts, *lists, *inner)]
    if not names:
        return None
    nothing = None if len(names) == 1 else (None,) * len(names)
    return _Fields(tuple(texts), tuple(lists), tuple(inner), attrgetter(*names), nothing)


def _normalise(data: object, fields: _Fields) -> None:
    """In place: a decoded event belongs to the record that it was decoded for."""
    if fields.read(data) == fields.nothing:
        return
    for name, change in fields.texts:
        text = getattr(data, name)
        if text is not None and (new := change(text)) != text:
            force_setattr(cast("Any", data), name, new)
    for name, change in fields.lists:
        texts = getattr(data, name)
        if texts and (changed := [change(text) for text in texts]) != texts:
            force_setattr(cast("Any", data), name, list(dict.fromkeys(changed)))
    for name, within in fields.inner:
        for one in getattr(data, name) or ():
            _normalise(one, within)


def _normalise_patch(data: dict[str, Any], fields: _Fields) -> None:
    """The same for the data of `order.updated`, which is a dictionary."""
    for name, change in fields.texts:
        if isinstance(text := data.get(name), str):
            data[name] = change(text)
    for name, change in fields.lists:
        if isinstance(texts := data.get(name), list):
            data[name] = [change(text) for text in cast("list[str]", texts)]
    for name, within in fields.inner:
        if isinstance(parts := data.get(name), list):
            for one in cast("list[dict[str, Any]]", parts):
                _normalise_patch(one, within)


class Normaliser:
    """Brings the identifiers of records into their form."""

    def __init__(self, identifiers: Identifiers) -> None:
        self.code = identifiers.code
        self._order = _FORMS.get(identifiers.order)
        self._fields = {type_: fields for type_, model in DATA_MODELS.items() if (fields := _fields_of(model, identifiers)) is not None}

    def record(self, record: Record) -> None:
        """Brings a record's identifiers into their form, once."""
        if record.identifiers == self.code:
            return
        record.identifiers = self.code
        order = record.order
        # Most begin and end with what no form takes off: that is seen without a call.
        if order and self._order is not None and not (order[0] > "#" and order[-1] > " " and order.isascii()):
            bare = self._order(order)
            if bare != order:
                record.order = intern(bare)
        fields = self._fields.get(record.event.type)
        if fields is not None:  # As `event` does it, without the call and the second look.
            if type(data := record.event.data) is dict:
                _normalise_patch(data, fields)
            else:
                _normalise(data, fields)

    def event(self, event: Event) -> None:
        """Brings the identifiers in an event's data into their form."""
        fields = self._fields.get(event.type)
        if fields is not None:
            if isinstance(event.data, dict):
                _normalise_patch(event.data, fields)
            else:
                _normalise(event.data, fields)

    def order(self, order: str) -> str:
        """The form of an order's ID."""
        return self._order(order) if self._order is not None else order


@cache
def normaliser(code: int) -> Normaliser:
    """The one for these forms; building it takes a look at every type of event."""
    return Normaliser(Identifiers.of(code))
