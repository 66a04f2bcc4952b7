"""The shape of a mapping file: its keys, and the values that stand for themselves. What its expressions say is checked by `build`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator, model_validator

from schemas.problems import mistake, nearest
from sources.mapping.files import Dialect

FORMATS = ("json", "jsonl", "csv", "xml")
SIGNS = (".", ",")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
_NAMED_SIGNS = {"tab": "\t", "\\t": "\t", "space": " "}


def text(value: object) -> str:
    """A text that is not empty."""
    if value is None or value == "":
        raise mistake("a value is missing")
    if not isinstance(value, str):
        raise mistake("a single text is expected here")
    return value


def choice(what: str, allowed: Collection[str]) -> Callable[[object], str]:
    """A reader of a name out of a set."""

    def read(value: object) -> str:
        name = text(value).strip()
        if name not in allowed:
            raise mistake(f"unknown {what} {name!r}; known: {', '.join(allowed)}", nearest(name, allowed))
        return name

    return read


def _name(value: object) -> str:
    name = text(value)
    if not _NAME.fullmatch(name):
        slug = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")
        raise mistake(f"{name!r} is no name: lower-case letters, digits, - and _ are expected", slug or None)
    return name


def _sign(value: object) -> str:
    found = _NAMED_SIGNS.get(text(value).strip() or " ", text(value))
    if len(found) != 1 or found in '\r\n"' or found.isalnum():
        raise mistake(f"{found!r} is no delimiter: one sign is expected, or tab")
    return found


def _quote(value: object) -> str | None:
    found = text(value).strip()
    if found == "none":
        return None
    if len(found) != 1 or found.isalnum():
        raise mistake(f"{found!r} is no quote: one sign is expected, or none")
    return found


def _encoding(value: object) -> str:
    name = text(value).strip()
    try:
        b"".decode(name)
        "\n".encode(name)
    except (LookupError, UnicodeError):
        known = ("utf-8", "utf-16", "cp1252", "iso-8859-1", "iso-8859-15", "cp850", "shift_jis", "gb18030")
        raise mistake(f"unknown encoding {name!r}; for example: {', '.join(known)}", nearest(name, known)) from None
    return name


def _lines(value: object) -> int:
    found = text(value).strip()
    if not (found.isascii() and found.isdecimal() and len(found) < 4):
        raise mistake(f"{found!r} is no number of lines")
    return int(found)


def _header(value: object) -> object:
    """`yes` for a heading, or the names of the columns of a file without one."""
    if isinstance(value, str):
        if value.strip().lower() in ("yes", "true", "on"):
            return None
        raise mistake("the names of the columns are expected here as a list; left out, the first line is the heading")
    return value


def _many(value: object) -> object:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def _section(value: object) -> object:
    return {} if value is None else value


Texts = Annotated[tuple[Annotated[str, PlainValidator(text)], ...], BeforeValidator(_many)]
Stated = Any
"""An expression, or a mapping of its parts: `build` reads it."""


class StrictForm(BaseModel):
    """What all parts have in common: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CsvForm(StrictForm):
    """How CSV is written."""

    delimiter: Annotated[str, PlainValidator(_sign)] = ","
    quote: Annotated[str | None, PlainValidator(_quote)] = '"'
    header: Annotated[tuple[Annotated[str, PlainValidator(text)], ...] | None, BeforeValidator(_header)] = None
    skip: Annotated[int, PlainValidator(_lines)] = 0
    encoding: Annotated[str, PlainValidator(_encoding)] = "utf-8"

    @model_validator(mode="after")
    def _fitting(self) -> CsvForm:
        if self.delimiter == self.quote:
            raise mistake("delimiter and quote are the same sign")
        if self.header is not None and (not self.header or len(set(self.header)) < len(self.header)):
            raise mistake("`header` must name each column, and no two alike")
        return self

    def dialect(self) -> Dialect:
        """As the reader of files takes it."""
        return Dialect(self.delimiter, self.quote, self.header, self.skip, self.encoding)


class ConditionForm(StrictForm):
    """Records that say nothing about an order (`ignore`), or that cannot be taken (`refuse`), and why."""

    when: Stated
    why: Annotated[str, PlainValidator(text)]


class KeyForm(StrictForm):
    """Where the key of the digests is."""

    env: Annotated[str, PlainValidator(text)] | None = None
    file: Annotated[str, PlainValidator(text)] | None = None

    @model_validator(mode="after")
    def _one(self) -> KeyForm:
        if (self.env is None) == (self.file is None):
            raise mistake("a key has either env or file")
        return self


class EventForm(StrictForm):
    """Which records say what."""

    type: Stated
    time: Stated
    when: Stated = None
    each: Stated = None
    order: Stated = None
    recorded: Stated = None
    history: Stated = None
    id: Stated = None
    source: Stated = None
    refuse: Annotated[tuple[ConditionForm, ...], BeforeValidator(_many)] = ()
    data: Annotated[dict[str, Any], BeforeValidator(_section)] = {}


class MappingForm(StrictForm):
    """A whole mapping file."""

    name: Annotated[str, PlainValidator(_name)]
    title: Annotated[str, PlainValidator(text)] | None = None
    format: Annotated[str, PlainValidator(choice("format", FORMATS))]
    csv: Annotated[CsvForm, BeforeValidator(_section)] = CsvForm()
    each: Stated = None
    zone: Stated = None
    times: Stated = None
    decimal: Annotated[str, PlainValidator(choice("decimal sign", SIGNS))] | None = None
    tenant: Stated = None
    source: Stated = None
    kind: Stated = None
    test: Stated = None
    delivery: Annotated[str, PlainValidator(text)] | None = None
    tables: Annotated[dict[str, dict[str, Any]], BeforeValidator(_section)] = {}
    hmac_key: KeyForm | None = None
    ignore: Annotated[tuple[ConditionForm, ...], BeforeValidator(_many)] = ()
    refuse: Annotated[tuple[ConditionForm, ...], BeforeValidator(_many)] = ()
    events: tuple[EventForm, ...]

    @model_validator(mode="after")
    def _fitting(self) -> MappingForm:
        if not self.events:
            raise mistake("`events` is empty: a mapping says at least one thing")
        if "csv" in self.model_fields_set and self.format != "csv":
            raise mistake(f"`csv` goes with format csv, not {self.format}")
        return self
