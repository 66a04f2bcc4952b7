"""How the fields of `data` are built: what the contract says of a field decides how its part of the file is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from schemas.events import DATA_MODELS
from schemas.problems import nearest
from schemas.tree import Path
from sources.adapters.carriers import carrier_name
from sources.adapters.moments import stamp
from sources.adapters.money import currency
from sources.adapters.output import RefuseError
from sources.adapters.payload import PayloadReader
from sources.mapping import times, values
from sources.mapping.compile import Compiler, Raw, Stated, as_written
from sources.mapping.paths import PathScope, scope_of
from sources.mapping.values import Coded, Reader
from sources.mapping.vocabulary import LISTED, VOCABULARIES, FieldSpec, fields_of

OTHERWISE: Final = {"hold": "other", "reason": "other"}
"""What a code that is in no table becomes where the contract has a word for it; elsewhere the field is left out."""
_NOTHING: Final = values.constant(None)
"""Stands for a reader that could not be built: the file is refused."""


_FLAGS: Final = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


class Fields:
    """Builds the readers of the fields of one event of the file, for the types that it may give; `owners` are those that have a field."""

    def __init__(self, compiler: Compiler, scope: PathScope, zone: times.Zone) -> None:
        self._compiler = compiler
        self._scope = scope
        self._zone = zone

    def readers(self, path: Path, data: Raw, types: tuple[str, ...]) -> tuple[Coded | None, dict[str, Reader]]:
        """The code of a scan, and the readers of all other fields. A field is for those of the types that have it."""
        scan: Coded | None = None
        readers: dict[str, Reader] = {}
        having = {type_: fields_of(DATA_MODELS[type_]) for type_ in types}
        known = {name for fields in having.values() for name in fields}
        for name, value in data.items():
            stated: Stated = value
            at = (*path, name)
            owners = [type_ for type_, fields in having.items() if name in fields]
            if not owners:
                if types:
                    self._compiler.fault(at, f"unknown field; {_none_of(types)}", nearest(name, known), key=True)
                continue
            field = having[owners[0]][name]
            if field.kind == "status" and isinstance(stated, dict) and "value" not in stated:
                scan = self._compiler.coded(at, stated, self._scope, "status", owners)
            else:
                readers[name] = self._reader(at, stated, field, name, owners)
        return scan, readers

    def _reader(self, path: Path, stated: Stated, field: FieldSpec, name: str, owners: list[str]) -> Reader:
        match field.kind:
            case "money" | "refund":
                return self._money(path, stated, is_refund=field.kind == "refund")
            case "lines" | "object":
                return self._structure(path, stated, field)
            case "instant":
                found = self._compiler.instant(path, stated, self._scope, self._zone)
                return _NOTHING if found is None else lambda here: None if (at := found(here)) is None else stamp(at)
            case "when":
                return self._promise(path, stated)
            case "free" if isinstance(stated, dict) and "value" not in stated:
                terms = FieldSpec("short_text", required=False)
                parts = stated.items()
                return values.structure({part: self._reader((*path, part), one, terms, part, []) for part, one in parts})
            case _:
                return self._plain(path, stated, field, name, owners)

    def _plain(self, path: Path, stated: Stated, field: FieldSpec, name: str, owners: list[str]) -> Reader:
        """A text, an identifier, a number: an expression, a constant, or a code with its table."""
        if isinstance(stated, dict):
            parts = stated
            if "value" in parts:
                return self._constant((*path, "value"), self._compiler.parts(path, parts, ("value",)).get("value"), field, name, owners)
            coded = self._compiler.coded(path, parts, self._scope, name, owners)
            if coded is None:
                return _NOTHING
            looked_up = values.coded(coded, self._otherwise(name, owners))
            return (lambda here: carrier_name(looked_up(here))) if name == "carrier" else looked_up
        found = self._compiler.expression(path, stated, self._scope)
        if found is None:
            return _NOTHING
        if found.is_literal:
            return self._constant(path, found.literal, field, name, owners)
        if field.kind in ("status", "hold"):
            terms = LISTED[owners[0], name]
            hint = f"; for the constant write {{value: {stated}}}" if stated in terms else ""
            self._compiler.fault(path, f"the contract has a fixed list of words here: write {{code: {stated}, table: ...}}{hint}")
        if name == "carrier":
            return values.carrier(found)
        return values.single(found, self._read_as(field))

    def _promise(self, path: Path, stated: Stated) -> Reader:
        found = self._compiler.time(path, stated, self._scope, self._zone, date_will_do=True)
        return _NOTHING if found is None else times.promise(*found)

    @staticmethod
    def _otherwise(name: str, owners: list[str]) -> str | None:
        return OTHERWISE.get(name) if any((type_, name) in VOCABULARIES for type_ in owners) else None

    def _read_as(self, field: FieldSpec) -> Callable[[PayloadReader], Any]:
        match field.kind:
            case "id":
                return values.identifier
            case "ids":
                return values.identifiers
            case "short_texts":
                return values.short_texts
            case "text" | "free":
                return values.free_text
            case "quantity":
                return lambda payload: values.pieces(payload, self._compiler.sign, 0)
            case "balance":
                return lambda payload: values.pieces(payload, self._compiler.sign, -1_000_000_000)
            case "flag":
                return PayloadReader.flag
            case _:
                return values.short_text

    def _constant(self, path: Path, value: object, field: FieldSpec, name: str, owners: list[str]) -> Reader:
        try:
            found = self._read_as(field)(PayloadReader(cast("Any", value), "the constant"))
            if name == "currency":
                currency(found, "the constant")
        except RefuseError as error:
            self._compiler.fault(path, error.detail)
            return _NOTHING
        if found is None:
            self._compiler.fault(path, "a value is missing")
        for type_ in owners:
            terms = LISTED.get((type_, name))
            if terms is not None and found not in terms:
                self._compiler.fault(path, f"{found!r} is no {name} of {type_}; known: {', '.join(terms)}", nearest(str(found), terms))
        return values.constant(carrier_name(found) if name == "carrier" else found)

    def _money(self, path: Path, stated: Stated, *, is_refund: bool) -> Reader:
        if not isinstance(stated, dict):
            self._compiler.fault(path, "an amount needs its currency: {amount: ..., currency: ...}, and `minor: yes` if it counts cents")
            return _NOTHING
        parts = self._compiler.parts(path, stated, ("amount", "currency", "minor"), ("amount", "currency"))
        if "amount" not in parts or "currency" not in parts:
            return _NOTHING
        amount = self._compiler.expression((*path, "amount"), parts["amount"], self._scope)
        code = self._plain((*path, "currency"), parts["currency"], FieldSpec("short_text", required=False), "currency", [])
        is_minor = _FLAGS.get(str(parts.get("minor", "no")).lower())
        if is_minor is None:
            self._compiler.fault((*path, "minor"), "yes or no is expected here")
        if amount is None:
            return _NOTHING
        where, sign = as_written(parts["currency"]), self._compiler.sign
        return values.money(amount, code, where, sign, is_minor=bool(is_minor), is_refund=is_refund)

    def _structure(self, path: Path, stated: Stated, field: FieldSpec) -> Reader:
        assert field.model is not None
        is_list = field.kind == "lines"
        inner = fields_of(field.model)
        if not isinstance(stated, dict):
            example = ", ".join(f"{name}: ..." for name in list(inner)[:3])
            self._compiler.fault(path, f"its fields are expected here: {{{'each: ..., ' if is_list else ''}{example}}}")
            return _NOTHING
        parts = self._compiler.parts(path, stated, (*(("each",) if is_list else ()), *inner))
        each = self._compiler.optional((*path, "each"), parts.get("each"), self._scope) if is_list else None
        below = self if each is None else Fields(self._compiler, scope_of(each.tree, self._scope), self._zone)
        readers = {name: below._reader((*path, name), one, inner[name], name, []) for name, one in parts.items() if name in inner}
        if not set(parts) - {"each"}:
            self._compiler.fault(path, "no field is stated")
        found = values.structure(readers)
        return values.listed(each, found) if is_list else found


def _none_of(types: tuple[str, ...]) -> str:
    if len(types) == 1:
        return f"{types[0]} has none of that name"
    return f"none of {', '.join(types)} has one of that name" if len(types) < 5 else f"none of the {len(types)} types has one of that name"
