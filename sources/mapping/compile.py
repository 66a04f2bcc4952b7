"""What all parts of a mapping file are built with: its expressions, times and codes, and the faults that are found on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, TypeAlias, cast

from schemas.places import zone_names
from schemas.problems import nearest, unknown_zone
from schemas.tree import Fault, Path, Tree
from sources.mapping import times, values
from sources.mapping.codes import Tables
from sources.mapping.expressions import DIGEST, BadExpressionError, Expression, compiled
from sources.mapping.paths import PathScope
from sources.mapping.values import Coded, Sign

Stated: TypeAlias = "str | list[Any] | dict[str, Any] | None"
"""A value of the file as it was read: texts, lists, mappings and nothing."""
Raw: TypeAlias = dict[str, Any]
"""A mapping among these."""
PLACE: Final = ("country", "region", "postal_code")
"""What a place may be stated by."""


class Compiler:
    """Reads the parts of one file. What cannot be read is a fault and None; `faults` holds each once."""

    def __init__(self, tree: Tree, data: Raw) -> None:
        self._tree = tree
        self._faults: dict[Fault, None] = {}
        self._usual: tuple[str, ...] = (times.ISO,)
        self.sign: Sign | None = "," if data.get("decimal") == "," else "." if data.get("decimal") == "." else None
        self._has_key = data.get("hmac_key") is not None
        self.expressions: list[tuple[Path, Expression]] = []
        self.tables = Tables(self.fault, section(data.get("tables")))
        self._usual = self.formats(("times",), data.get("times"), date_will_do=True) or self._usual

    @property
    def faults(self) -> list[Fault]:
        """What is wrong with the file."""
        return list(self._faults)

    def fault(self, path: Path, message: str, suggestion: str | None = None, *, key: bool = False) -> None:
        """Reports a fault at a value, or at its key."""
        self._faults[self._tree.fault(path, message, suggestion, key=key)] = None

    def expression(self, path: Path, stated: object, scope: PathScope) -> Expression | None:
        """The expression that is stated, for records at `scope`."""
        if not isinstance(stated, str) or not stated:
            self.fault(path, "an expression is missing" if stated in (None, "") else "a single expression is expected here")
            return None
        try:
            found = compiled(stated, scope)
        except BadExpressionError as error:
            self.fault(path, str(error), error.suggestion)
            return None
        self.expressions.append((path, found))
        if DIGEST in found.calls and not self._has_key:
            self.fault(path, f"{DIGEST}() needs a key: state `hmac_key: {{env: NAME}}` or `{{file: PATH}}`")
        return found

    def optional(self, path: Path, stated: object, scope: PathScope) -> Expression | None:
        """As `expression`, for what may be left out."""
        return None if stated is None else self.expression(path, stated, scope)

    def parts(self, path: Path, stated: Raw, allowed: Collection[str], required: Collection[str] = ()) -> Raw:
        """The mapping itself, its keys checked."""
        for name in stated:
            if name not in allowed:
                self.fault((*path, name), f"unknown key; known here: {', '.join(allowed)}", nearest(name, allowed), key=True)
        for name in required:
            if name not in stated:
                self.fault(path, f"`{name}` is required here")
        return stated

    def coded(self, path: Path, stated: Raw, scope: PathScope, name: str, owners: Collection[str] = ()) -> Coded | None:
        """`{code: EXPRESSION, table: NAME}`, for the field `name` of the types `owners`; `else` has a coarser code and its table."""
        parts = self.parts(path, stated, ("code", "table", "else"), ("code", "table"))
        code = self.expression((*path, "code"), parts["code"], scope) if "code" in parts else None
        table = self.tables.use((*path, "table"), parts.get("table"), "" if code is None else code.text, name, owners)
        coarser = None
        if "else" in parts:
            if not isinstance(parts["else"], dict):
                self.fault((*path, "else"), "a coarser code is expected here: {code: ..., table: ...}")
                return None
            coarser = self.coded((*path, "else"), cast("Raw", parts["else"]), scope, name, owners)
            if coarser is None:
                return None
        return None if code is None or table is None else Coded(code, table, coarser)

    def instant(self, path: Path, stated: object, scope: PathScope, zone: times.Zone) -> Callable[[values.Here], Any] | None:
        """An expression that gives an instant, or `{at: EXPRESSION, format: ..., zone: ...}`."""
        found = self.time(path, stated, scope, zone, date_will_do=False)
        return None if found is None else times.instant(*found)

    def time(
        self, path: Path, stated: object, scope: PathScope, zone: times.Zone, *, date_will_do: bool
    ) -> tuple[Expression, tuple[str, ...], times.Zone] | None:
        """The parts of a time: where it stands, its formats, its zone. `date_will_do` for what may be a plain date."""
        if stated is None:
            return None
        formats = self._usual
        at: Path = path
        if isinstance(stated, dict):
            parts = self.parts(path, cast("Raw", stated), ("at", "format", "zone"), ("at",))
            formats = self.formats((*path, "format"), parts.get("format"), date_will_do=date_will_do) or formats
            if parts.get("zone") is not None:
                zone = self.zone((*path, "zone"), parts["zone"], scope)
            if "at" not in parts:
                return None
            at, stated = (*path, "at"), parts["at"]
        if not date_will_do and (dates := [name for name in formats if not times.has_hour(name)]):
            formats = tuple(name for name in formats if name not in dates)
            if not formats:
                self.fault(at, f"{dates[0]!r} has no time of day: a date alone does not say when it happened")
        found = self.expression(at, stated, scope)
        return None if found is None else (found, formats, zone)

    def formats(self, path: Path, stated: object, *, date_will_do: bool) -> tuple[str, ...]:
        """One time format or several, checked; the usual ones are stated as `times`."""
        listed: list[object] = [stated] if isinstance(stated, str) else items_of(stated)
        found: list[str] = []
        for number, one in enumerate(listed):
            at = path if isinstance(stated, str) else (*path, number)
            if not isinstance(one, str):
                self.fault(at, "a single text is expected here")
                continue
            wrong = times.format_fault(one, date_will_do=date_will_do)
            if wrong is None:
                found.append(one)
            else:
                self.fault(at, *wrong)
        return tuple(found)

    def zone(self, path: Path, stated: object, scope: PathScope, *, of_record: bool = False) -> times.Zone:
        """The zone of local times: its name, a code with its table, or a place; `of_record` as in `times.zone_at`."""
        if stated is None:
            return times.zone_of(None)
        if isinstance(stated, dict):
            parts = cast("Raw", stated)
            otherwise = None
            if isinstance(parts.get("else"), str) or set(parts) & set(PLACE):
                otherwise = self.zone((*path, "else"), parts["else"], scope, of_record=of_record) if "else" in parts else None
                parts = {name: part for name, part in parts.items() if name != "else"}
            if set(parts) & set(PLACE):
                return times.zone_at(self._place(path, parts, scope), otherwise, of_record=of_record)
            coded = self.coded(path, parts, scope, "zone")
            return times.zone_of(None) if coded is None else times.zone_at(coded, otherwise, of_record=of_record)
        if not isinstance(stated, str) or stated not in zone_names():
            name = str(stated) if isinstance(stated, str) else ""
            self.fault(path, *unknown_zone(name))
            return times.zone_of(None)
        return times.zone_of(stated)

    def _place(self, path: Path, stated: Raw, scope: PathScope) -> times.PlaceReaders:
        parts = self.parts(path, stated, (*PLACE, "else"), ("country",))
        return times.PlaceReaders(*(self._text((*path, name), parts.get(name), scope) for name in PLACE))

    def _text(self, path: Path, stated: object, scope: PathScope) -> values.Reader:
        """A text: an expression, or `{value: ...}`."""
        if isinstance(stated, dict):
            given = self.parts(path, cast("Raw", stated), ("value",), ("value",)).get("value")
            if not isinstance(given, str):
                self.fault((*path, "value"), "a single text is expected here")
            return values.constant(given)
        found = self.optional(path, stated, scope)
        return values.constant(None) if found is None else values.single(found, values.short_text)


def section(value: object) -> Raw:
    """A mapping of the file; what is none is reported by the form."""
    return cast("Raw", value) if isinstance(value, dict) else {}


def items_of(value: Any) -> list[Any]:
    """A list of the file; what is none is reported by the form."""
    return [*value] if isinstance(value, list) else []


def as_written(stated: object) -> str:
    """An expression, or the main part of a mapping of parts, for messages about records."""
    parts = section(stated)
    return str(parts.get("at") or parts.get("code") or parts.get("value") or "") if parts else str(stated)
