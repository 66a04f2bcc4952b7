"""From the tree of a mapping file to what reads records. Everything that an expression, a table or a format gets wrong is a fault here."""

from __future__ import annotations

from typing import cast

from schemas.aliases import ALIAS_FIELDS
from schemas.envelope import HEARTBEAT
from schemas.events import DATA_MODELS
from schemas.problems import nearest
from schemas.tree import Fault, Path, Tree
from sources.adapters.scans import SCAN
from sources.adapters.tables import CodeTable
from sources.mapping.compile import Compiler, Raw, as_written, items_of, section
from sources.mapping.expressions import DIGEST, Expression
from sources.mapping.fields import Fields
from sources.mapping.files import Format
from sources.mapping.paths import PathScope, scope_of
from sources.mapping.reading import MappingReading, is_source
from sources.mapping.rule import MappingRule, RecordCondition
from sources.mapping.times import Zone
from sources.mapping.values import Coded
from sources.mapping.vocabulary import TYPES, fields_of


class Builder:
    """Builds the reading of one file; `faults` is what is wrong with it."""

    def __init__(self, tree: Tree, data: Raw, format_: Format) -> None:
        self._data = data
        self._scope = PathScope("[]" if format_ in ("csv", "jsonl") else "")
        self._compiler = Compiler(tree, data)

    @property
    def faults(self) -> list[Fault]:
        """What is wrong with the file."""
        return self._compiler.faults

    @property
    def tables(self) -> tuple[CodeTable, ...]:
        """The tables of the file, one for each use."""
        return tuple(self._compiler.tables.used.values())

    def reading(self) -> MappingReading:
        """The reading that the file states; of no use if there are faults."""
        data = self._data
        outside = self._scope
        each = self._compiler.optional(("each",), data.get("each"), outside)
        if each is not None:
            self._scope = scope_of(each.tree, outside)
        zone = self._compiler.zone(("zone",), data.get("zone"), self._scope, of_record=True)
        tenant = self._constant_or_expression(("tenant",), data.get("tenant"))
        ignored, refused = (self._conditions((name,), data.get(name), self._scope) for name in ("ignore", "refuse"))
        rules = [self._rule(("events", number), section(one), zone) for number, one in enumerate(items_of(data.get("events")))]
        kind, test = (self._compiler.optional((name,), data.get(name), self._scope) for name in ("kind", "test"))
        self._compiler.tables.unused()
        if data.get("hmac_key") is not None and not any(DIGEST in one.calls for _, one in self._compiler.expressions):
            self._compiler.fault(("hmac_key",), f"no expression uses this key: {DIGEST}(EMAIL) does", key=True)
        return MappingReading(tuple(rules), ignored, refused, each, kind, test, tenant)

    def columns(self, header: tuple[str, ...] | None) -> frozenset[str]:
        """The fields of a row that expressions read; a header that the file states must have them."""
        found: dict[str, Path] = {}
        for path, expression in self._compiler.expressions:
            for read in expression.paths:
                found.setdefault(read.removeprefix("[].").partition(".")[0].partition("[")[0], path)
        if header is not None:
            for name, path in found.items():
                if name not in header:
                    self._compiler.fault(path, f"no column {name!r} in csv.header, which has {', '.join(header)}", nearest(name, header))
        return frozenset(found)

    def _conditions(self, path: Path, stated: object, scope: PathScope) -> tuple[RecordCondition, ...]:
        return tuple(
            RecordCondition(when, str(section(one).get("why")))
            for number, one in enumerate(items_of(stated))
            if (when := self._compiler.optional((*path, number, "when"), section(one).get("when"), scope)) is not None
        )

    def _constant_or_expression(self, path: Path, stated: object) -> Expression | str | None:
        if isinstance(stated, dict):
            given = self._compiler.parts(path, cast("Raw", stated), ("value",), ("value",)).get("value")
            if not isinstance(given, str) or not given.isprintable() or not 1 <= len(given) <= 256:
                self._compiler.fault((*path, "value"), "1 to 256 printable characters are expected here")
                return None
            return given
        return self._compiler.optional(path, stated, self._scope)

    # --- events ------------------------------------------------------------------------------------

    def _rule(self, path: Path, stated: Raw, zone: Zone) -> MappingRule:
        when = self._compiler.optional((*path, "when"), stated.get("when"), self._scope)
        each = self._compiler.optional((*path, "each"), stated.get("each"), self._scope)
        scope = self._scope if each is None else scope_of(each.tree, self._scope)
        coded, types = self._types((*path, "type"), stated.get("type"), scope)
        source = self._source(path, stated, scope)
        data = section(stated.get("data"))
        scan, fields = Fields(self._compiler, scope, zone).readers((*path, "data"), data, types)
        if types:
            self._complete(path, stated, types, source)
        history = stated.get("history")
        if history is not None and (each is None or set(types) - {SCAN}):
            self._compiler.fault((*path, "history"), "a history is a parcel's: type carrier.scan, with `each` for its scans", key=True)
        if history is not None and self._data.get("tenant") is not None:
            self._compiler.fault((*path, "history"), "does not go with `tenant`: histories are kept by the connection's tenant", key=True)
        return MappingRule(
            types=coded or types,
            time=self._compiler.instant((*path, "time"), stated.get("time"), scope, zone) or (lambda _: None),
            time_text=f"time: {as_written(stated.get('time'))}",
            when=when,
            each=each,
            order=self._compiler.optional((*path, "order"), stated.get("order"), scope),
            recorded=self._compiler.instant((*path, "recorded"), stated.get("recorded"), scope, zone),
            history=self._compiler.instant((*path, "history"), history, self._scope, zone),
            id=self._id((*path, "id"), stated.get("id"), scope),
            refused=self._conditions((*path, "refuse"), stated.get("refuse"), scope),
            source=source,
            scan=scan,
            data=fields,
        )

    def _id(self, path: Path, stated: object, scope: PathScope) -> tuple[Expression, ...]:
        parts = [(path, stated)] if isinstance(stated, str) else [((*path, number), part) for number, part in enumerate(items_of(stated))]
        return tuple(found for at, part in parts if (found := self._compiler.expression(at, part, scope)) is not None)

    def _types(self, path: Path, stated: object, scope: PathScope) -> tuple[Coded | None, tuple[str, ...]]:
        if isinstance(stated, dict):
            coded = self._compiler.coded(path, cast("Raw", stated), scope, "type")
            if coded is None:
                return None, ()
            named = {term for table in coded.tables for _, meaning in table.rows for term in meaning.terms if term in TYPES}
            return coded, tuple(sorted(named))
        if stated is None:
            return None, ()
        if not isinstance(stated, str) or stated not in TYPES:
            name = stated if isinstance(stated, str) else ""
            self._compiler.fault(path, f"unknown event type {name!r}; known: {', '.join(TYPES)}", nearest(name, TYPES))
            return None, ()
        return None, (stated,)

    def _complete(self, path: Path, stated: Raw, types: tuple[str, ...], source: object) -> None:
        """Every event has what its type requires, and says of which order it is."""
        data = section(stated.get("data"))
        at: Path = (*path, "data") if "data" in stated else path
        nameless: list[str] = []
        for type_ in types:
            for name, field in fields_of(DATA_MODELS[type_]).items():
                if field.required and name not in data:
                    self._compiler.fault(at, f"`data.{name}` is required for {type_}", key=True)
            if type_ == HEARTBEAT:
                if source is None:
                    self._compiler.fault(path, f"`source` is required for {HEARTBEAT}: it says who is alive")
            elif stated.get("order") is None and not any(name in data for name in ALIAS_FIELDS[type_]):
                nameless.append(type_)
        if nameless:
            others = ", ".join(sorted({name for type_ in nameless for name in ALIAS_FIELDS[type_]}))
            other = f", or one of {others} in `data`" if others else ""
            self._compiler.fault(path, f"nothing says which order it is about ({', '.join(nameless)}): state `order`{other}")

    def _source(self, path: Path, stated: Raw, scope: PathScope) -> Expression | str | None:
        at: Path = (*path, "source") if "source" in stated else ("source",)
        text = stated.get("source") or self._data.get("source")
        if isinstance(text, str) and text.startswith("/"):
            if not is_source(text):
                self._compiler.fault(at, f"{text!r} is no source such as /warehouse/ber1")
            return text
        return self._compiler.optional(at, text, scope)
