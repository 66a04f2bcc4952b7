"""Reads a mapping file and reports everything that is wrong with it at once, each with its place and what was probably meant."""

from __future__ import annotations

import os
from collections.abc import Iterator
from collections.abc import Mapping as Mapping_
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ValidationError

from schemas.plain import Data
from schemas.problems import Problem, UnreadableError, fault_of, problems_of, text_of
from schemas.tree import Fault, read
from schemas.tree import Path as At
from sources.adapters.base import Adapter
from sources.mapping import form as forms
from sources.mapping.build import Builder
from sources.mapping.files import Dialect, Format, FormatReader
from sources.mapping.keys import UnusableKeyError, key_of

WITHDRAWN = "evidence.withdrawn"
QUOTES = "; an expression with one of [ ] { } , : # & * ! @ ` in it is best written in quotes"
"""What to say of bad YAML: it is nearly always an expression."""


class MappingError(ValueError):
    """A mapping cannot be used; `problems` says why, by line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file, ready for use: the adapter that it states, and how files of its format are cut."""

    adapter: Adapter
    reader: FormatReader

    def pieces(self, content: bytes) -> Iterator[tuple[Adapter, bytes]]:
        """A file of any length as payloads, each with the adapter that knows which lines they are."""
        for before, piece in self.reader.pieces(content):
            yield replace(self.adapter, parse=partial(self.reader.parse, before=before)) if before else self.adapter, piece


def load_mapping(path: Path) -> Adapter:
    """The adapter that a mapping file states. Raises MappingError, with all problems, if it cannot be read or is wrong."""
    return read_mapping(path).adapter


def read_mapping(path: Path) -> Mapping:
    """As `load_mapping`, with what long files need."""
    mapping, problems = examine(path)
    if mapping is None:
        raise MappingError(problems)
    return mapping


def examine(path: Path, environment: Mapping_[str, str] | None = os.environ) -> tuple[Mapping | None, tuple[Problem, ...]]:
    """The mapping of a file, or None and all its problems, by line.

    The key of its digests is read from `environment`, or from a file beside the mapping; with None it is not, and such a mapping is
    checked only: it would make no digest.
    """
    try:
        text = text_of(path)
    except UnreadableError as error:
        return None, (error.problem,)
    mapping, faults = examine_text(text, environment, path.parent)
    return mapping, problems_of(str(path), faults)


def examine_text(
    text: str, environment: Mapping_[str, str] | None = os.environ, folder: Path = Path()
) -> tuple[Mapping | None, list[Fault]]:
    """The mapping that a YAML text states; None and what is wrong with it if anything is. A key's file is looked for in `folder`."""
    tree = read(text)
    faults = [
        replace(fault, message=fault.message + QUOTES) if fault.message.startswith("not valid YAML") else fault for fault in tree.faults
    ]
    if tree.data is None and faults:
        return None, faults
    data: Data = {} if tree.data is None else tree.data
    form: forms.MappingForm | None = None
    try:
        form = forms.MappingForm.model_validate(data)
    except ValidationError as error:
        faults.extend(fault_of(tree, detail, _keys_at) for detail in error.errors(include_url=False))
    if not isinstance(data, dict):
        return None, faults
    format_ = cast("Format", form.format if form is not None else data.get("format"))
    builder = Builder(tree, data, format_)
    reading = builder.reading()
    dialect = form.csv.dialect() if form is not None else Dialect()
    columns = builder.columns(dialect.header) if format_ == "csv" else frozenset[str]()
    faults += builder.faults
    if form is not None and form.hmac_key is not None and environment is not None:
        try:
            reading = replace(reading, key=key_of(form.hmac_key, environment, folder))
        except UnusableKeyError as error:
            faults.append(tree.fault(("hmac_key", error.field), str(error)))
    if form is None or faults:
        return None, faults
    reader = FormatReader(format_, dialect, columns)
    emits = {type_ for rule in reading.rules for type_ in rule.event_types}
    if any(rule.history is not None for rule in reading.rules):
        emits.add(WITHDRAWN)
    adapter = Adapter(
        system=form.name,
        title=form.title or form.name,
        forms=f"{format_}, by a mapping",
        parse=reader.parse,
        read=reading.read,
        tables=builder.tables,
        emits=tuple(sorted(emits)),
        delivery=form.delivery,
        ignores=frozenset({"order_field", "accept_test", "auto_capture", "headers", *(("zone",) if data.get("zone") else ())}),
    )
    return Mapping(adapter, reader), faults


def _keys_at(path: At) -> tuple[str, ...]:
    """The keys that a mapping at this place of the file may have."""
    match path:
        case ():
            return _keys(forms.MappingForm)
        case ("csv",):
            return _keys(forms.CsvForm)
        case ("ignore" | "refuse", _) | ("events", _, "refuse", _):
            return _keys(forms.ConditionForm)
        case ("hmac_key",):
            return _keys(forms.KeyForm)
        case _:
            return _keys(forms.EventForm)


def _keys(form: type[BaseModel]) -> tuple[str, ...]:
    return tuple(form.model_fields)
