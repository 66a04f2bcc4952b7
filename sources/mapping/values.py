"""How the single values of a record are read at run time: each reader gives what the contract's field takes, or None for nothing.

A value of another sort than its field takes raises RefuseError, which names the expression and never the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from sources.adapters.base import EventBuilder
from sources.adapters.carriers import carrier_name
from sources.adapters.money import Money, currency, decimal, is_zero, minor, of_double
from sources.adapters.output import RefuseError
from sources.adapters.payload import MAX_NAME_CHARS, MAX_TEXT_CHARS, Json, PayloadReader
from sources.adapters.tables import CodeTable, Meaning
from sources.mapping.expressions import Evaluator, Expression
from sources.mapping.paths import ITEM, PARENT

Sign: TypeAlias = Literal[".", ","]
"""The decimal sign."""

_NUMBERS: Final[dict[Sign | None, re.Pattern[str]]] = {
    None: re.compile(r"(\d+)(?:\.(\d+))?", re.ASCII),
    ".": re.compile(r"(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d+))?", re.ASCII),
    ",": re.compile(r"(\d+|\d{1,3}(?:\.\d{3})+)(?:,(\d+))?", re.ASCII),
}


class Session:
    """What all records of one payload share: what is told of it, what expressions may cost, and which fields were read."""

    def __init__(self, builder: EventBuilder, evaluator: Evaluator, payload: PayloadReader, prefix: str) -> None:
        self.builder = builder
        self.evaluator = evaluator
        self._read = payload.read
        self._prefix = prefix
        self._noted: set[int] = set()

    def value(self, expression: Expression, root: Json) -> Json:
        """What an expression gives in a record."""
        if id(expression) not in self._noted:
            self._noted.add(id(expression))
            self._read.update(f"{self._prefix}{path}" for path in expression.paths)
        return self.evaluator.value(expression, root)


@dataclass(frozen=True, slots=True)
class Here:
    """The record that is being read."""

    session: Session
    root: Json
    record: Here | None = None
    """The whole record, where this is an item of it."""

    @property
    def builder(self) -> EventBuilder:
        """What builds the events of the payload."""
        return self.session.builder

    def get(self, expression: Expression) -> PayloadReader:
        """What an expression gives here, to be read by type; its place is the expression's text."""
        return PayloadReader(self.session.value(expression, self.root), expression.text)

    def each(self, expression: Expression) -> Iterator[Here]:
        """The records of the list that an expression gives, from which this one is seen as `parent`; a single thing is a list of one."""
        found = self.session.value(expression, self.root)
        for item in found if isinstance(found, list) else [] if found in (None, "") else [found]:
            fields = item if isinstance(item, dict) else {}
            yield Here(self.session, {**fields, ITEM: item, PARENT: self.root}, self.record or self)

    def holds(self, condition: Expression) -> bool:
        """Whether a condition is true as JMESPath has it: not null, false, or empty."""
        found = self.session.value(condition, self.root)
        return found is not False and found not in (None, "", [], {})


Reader: TypeAlias = Callable[[Here], Any]
"""Reads a value; None if there is none. Raises RefuseError."""


def constant(value: object) -> Reader:
    """The same value in every record."""
    return lambda _: value


def identifier(payload: PayloadReader) -> str | None:
    """An identifier: a text or a whole number."""
    found = payload.id()
    if found is not None and len(found) > MAX_NAME_CHARS:
        raise RefuseError("bad_value", f"{payload.path}: no identifier")
    return found


def short_text(payload: PayloadReader, longest: int = MAX_NAME_CHARS) -> str | None:
    """A text, or a number as its digits."""
    if isinstance(payload.value, int | float) and not isinstance(payload.value, bool):
        return str(payload.value)[:longest]
    return payload.text(longest=longest)


def short_texts(payload: PayloadReader) -> list[str] | None:
    """A list of texts; a single one is a list of one."""
    return [found for one in payload.each() if (found := short_text(one)) is not None] or None


def identifiers(payload: PayloadReader) -> list[str] | None:
    """A list of identifiers; a single one is a list of one."""
    return [found for one in payload.each() if (found := identifier(one)) is not None] or None


def free_text(payload: PayloadReader) -> str | None:
    """A text of many words, cut to 4,096 characters."""
    return short_text(payload, MAX_TEXT_CHARS)


def plain_number(payload: PayloadReader, sign: Sign | None) -> str | None:
    """A number as plain decimal text: `-1234.50` of `1.234,50-` where the decimal sign is a comma. Groups must be of three digits.

    Where no sign is stated it is a point, and there are no groups: `1,500` could be either.
    """
    value = payload.value
    if isinstance(value, float):
        return of_double(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return repr(value)
    text = payload.text()
    if text is None:
        return None
    text = re.sub(r"[\s']", "", text)
    negative = text.startswith("-") or text.endswith("-")
    found = _NUMBERS[sign].fullmatch(text.removeprefix("-").removeprefix("+") if text[0] in "+-" else text.removesuffix("-"))
    if found is None:
        expected = f"with {sign!r} as its decimal sign" if sign else "of digits and a point; `decimal` allows for others"
        raise RefuseError("bad_value", f"{payload.path}: no number {expected}")
    whole = re.sub(r"[.,]", "", found[1])
    return f"{'-' if negative else ''}{whole}{'.' + found[2] if found[2] else ''}"


def pieces(payload: PayloadReader, sign: Sign | None, least: int) -> int | None:
    """A whole number from `least` to 1,000,000,000; a fraction must be of zeros."""
    text = plain_number(payload, sign)
    if text is None:
        return None
    whole, _, fraction = text.partition(".")
    if fraction.strip("0") and whole.removeprefix("-").isdecimal():
        raise RefuseError(
            "bad_value", f"{payload.path}: a quantity counts whole pieces; of goods by weight or length round it, as by ceil()"
        )
    if fraction.strip("0") or not whole.removeprefix("-").isdecimal() or len(whole) > 18:
        raise RefuseError("wrong_type", f"{payload.path}: expected a whole number")
    if not least <= int(whole) <= 1_000_000_000:
        raise RefuseError("bad_value", f"{payload.path}: no number of pieces")
    return int(whole)


def money(amount: Expression, code: Reader, where: str, sign: Sign | None, *, is_minor: bool, is_refund: bool) -> Reader:
    """An amount with its currency; `is_minor` counts cents, or whatever the currency's smallest unit is. A refund is more than zero."""

    def read(here: Here) -> dict[str, str] | None:
        payload = here.get(amount)
        text = plain_number(payload, sign)
        if text is None:
            return None
        found = _amount(text, currency(code(here), where), payload.path)
        if is_refund and is_zero(found):
            raise RefuseError("bad_value", f"{payload.path}: a refund is more than zero")
        return found

    def _amount(text: str, unit: str, where: str) -> Money:
        if not is_minor:
            return decimal(text, unit, where)
        whole, _, fraction = text.partition(".")
        if fraction.strip("0") or not whole.removeprefix("-").isdecimal() or len(whole) > 18:
            raise RefuseError("wrong_type", f"{where}: expected a whole number of the smallest unit")
        return minor(int(whole), unit, where)

    return read


@dataclass(frozen=True, slots=True)
class Coded:
    """A value that is looked up in a code table; a code that is absent or not in it leaves it to `coarser`, another code and its table."""

    expression: Expression
    table: CodeTable
    coarser: Coded | None = None

    @property
    def tables(self) -> tuple[CodeTable, ...]:
        """The table, then those that it is left to."""
        return (self.table, *(self.coarser.tables if self.coarser is not None else ()))

    def look_up(self, here: Here) -> tuple[str | None, Meaning | None]:
        """The code as the source writes it, and its meaning; None for what is absent or in no table."""
        code = short_text(here.get(self.expression))
        if self.coarser is None or self.table.get(code) is not None:
            return code, here.builder.code(self.table, code)
        other, meaning = self.coarser.look_up(here)
        if code is None:
            return other, meaning
        here.builder.coverage.code(self.table.name, self.table.field, code, known=meaning is not None)
        return code, meaning


def coded(found: Coded, otherwise: str | None) -> Reader:
    """The word that a code means; `otherwise` where it is in no table, None where the table says that it says nothing."""

    def read(here: Here) -> str | None:
        code, meaning = found.look_up(here)
        if code is None:
            return None
        if meaning is None:
            return otherwise
        return " ".join(meaning.terms) or None

    return read


def single(expression: Expression, read: Callable[[PayloadReader], Any]) -> Reader:
    """What an expression gives, read as `read` does."""
    return lambda here: read(here.get(expression))


def carrier(expression: Expression) -> Reader:
    """A carrier by the name that all adapters call it."""
    return lambda here: carrier_name(short_text(here.get(expression)))


def structure(fields: dict[str, Reader]) -> Reader:
    """An object of the fields that have a value; None if none has."""

    def read(here: Here) -> dict[str, Any] | None:
        found = {name: value for name, field in fields.items() if (value := field(here)) is not None}
        return found or None

    return read


def listed(each: Expression | None, item: Reader) -> Reader:
    """A list of objects, one for each record of a list, or of this record alone; None if there is none."""

    def read(here: Here) -> list[Any] | None:
        records = [here] if each is None else here.each(each)
        return [found for record in records if (found := item(record)) is not None] or None

    return read
