"""A rejected record as it is shown to whoever did not ask for all of it: its form is to be seen, and nothing of a customer.

What the contract knows stands as it is where its name and its form are those of a code; all else is shown by its shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, cast, get_args

import orjson
from pydantic import BaseModel

from dataflows.ingest.coverage import PERSONAL, sample
from schemas.envelope import Envelope
from schemas.events import DATA_MODELS

LONGEST: Final = 4_000
"""Characters of what is no JSON that are shown."""


def pretty(value: bytes) -> str:
    """A record for people to read and to edit: JSON with a line for each field; what is none, as it is."""
    try:
        return orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2).decode()
    except ValueError:
        return value.decode(errors="replace")


def masked(value: bytes) -> str:
    """A record with what may be personal shown by its shape."""
    try:
        read: object = orjson.loads(value)
    except ValueError:
        return _shape(value.decode(errors="replace")[:LONGEST])
    return orjson.dumps(_masked(read, ""), option=orjson.OPT_INDENT_2).decode()


def _masked(value: object, name: str) -> object:
    if isinstance(value, dict):
        return {_key(key): _masked(inner, key) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_masked(inner, name) for inner in cast("list[object]", value)]
    known = name in KNOWN
    if isinstance(value, str):
        return sample(name, value) if known else _shape(value)
    if value is None or isinstance(value, bool) or (known and not PERSONAL.search(name)):
        return value
    return "0"


def _key(name: str) -> str:
    """The name of a field; what the contract does not know may be a value that was put in the wrong place."""
    return name if name in KNOWN or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,39}", name) else _shape(name)


def _shape(text: str) -> str:
    return re.sub(r"\d", "0", re.sub(r"[^\W\d_]", lambda letter: "A" if letter[0].isupper() else "a", text))


def _names(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    """The names of the fields of a model and of those within it."""
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield name
        yield from (inner for found in _models(field.annotation) for inner in _names(found, seen))


def _models(form: object) -> Iterator[type[BaseModel]]:
    if isinstance(form, type) and issubclass(form, BaseModel):
        yield form
    for inner in get_args(form):
        yield from _models(inner)


def _known() -> frozenset[str]:
    seen: set[type[BaseModel]] = set()
    return frozenset((*Envelope.model_fields, "datacontenttype", *(name for model in DATA_MODELS.values() for name in _names(model, seen))))


KNOWN: Final = _known()
"""The names of fields of the contract, at whatever place they stand."""
