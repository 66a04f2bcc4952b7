"""What a mapping does at run time: from a file's records to contract events, each that cannot be taken refused by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from schemas.events import DATA_MODELS
from schemas.wire import MAX_BYTES
from sources.adapters.base import EventBuilder, digest
from sources.adapters.carriers import carrier_name
from sources.adapters.output import AdapterOutput, Draft, History, Ignored, Refused, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.scans import SCAN
from sources.mapping.expressions import Around, Evaluator, Expression
from sources.mapping.files import Records
from sources.mapping.rule import MappingRule, RecordCondition
from sources.mapping.values import Coded, Here, Session, identifier, short_text
from sources.mapping.vocabulary import fields_of

RECORD: Final = "record"
"""The kind of all messages of a mapping that does not say where it stands."""
EMPTY: Final = "empty"
"""The kind of a payload without any record."""
UNREADABLE: Final = "unreadable"
"""The kind of lines and rows that are none."""
REFUND: Final = "payment.refunded"
_SOURCE: Final = re.compile(r"/[A-Za-z0-9._~:@/-]{1,200}")


class _IgnoredError(Exception):
    """A code of the record is known to say nothing."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code)
        self.ignored = Ignored(code, why)


@dataclass(frozen=True, slots=True)
class MappingReading:
    """A mapping file, ready to read: what `sources.adapters.base.Adapter.read` is for a mapping."""

    rules: tuple[MappingRule, ...]
    ignored: tuple[RecordCondition, ...] = ()
    refused: tuple[RecordCondition, ...] = ()
    each: Expression | None = None
    kind: Expression | None = None
    test: Expression | None = None
    tenant: Expression | str | None = None
    key: bytes | None = field(default=None, repr=False)
    """Of its digests."""

    def read(self, payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
        """What a file says, record by record."""
        if isinstance(payload, Records) and payload.refused:
            builder.kind(UNREADABLE)
            yield from payload.refused
        # Whether the records of a JSON file stand in a list shows only now; the paths of expressions are those within a record.
        in_list = isinstance(payload.value, list) and self.each is None and not isinstance(payload, Records)
        around = Around(builder.headers, builder.url, builder.received, self.key)
        session = Session(builder, Evaluator(around=around), payload, "[]." if in_list else "")
        written: dict[str, str] = {}
        found = isinstance(payload, Records) and bool(payload.refused)
        for here, where in self._records(payload, session):
            found = True
            try:
                yield from self._record(here, where, written)
            except RefuseError as error:
                yield _refused(error, where)
        if not found and self.each is not None:
            # Another list than was expected, perhaps: the name of it is said. That a file holds nothing at all is said for all adapters.
            builder.kind(EMPTY)
            yield Ignored(EMPTY, f"each: {self.each}: finds no record")

    def _records(self, payload: PayloadReader, session: Session) -> Iterator[tuple[Here, str]]:
        """The records of a file, each with where it stands, for messages."""
        if isinstance(payload, Records):
            for record, line in zip(payload.records, payload.lines, strict=True):
                whole = Here(session, record)
                if self.each is None:
                    yield whole, f" (line {line})"
                else:
                    yield from self._items(whole, f"line {line}, ")
        elif self.each is not None:
            if session.value(self.each, payload.value) is None:
                raise RefuseError("unknown_form", f"{self.each}: there is no such list")
            yield from self._items(Here(session, payload.value), "")
        elif isinstance(payload.value, list):
            yield from ((Here(session, record), f" (item {number})") for number, record in enumerate(payload.value))
        else:
            yield Here(session, payload.value), ""

    def _items(self, whole: Here, where: str) -> Iterator[tuple[Here, str]]:
        assert self.each is not None
        for number, item in enumerate(whole.each(self.each)):
            yield Here(item.session, item.root), f" ({where}item {number})"

    def _record(self, here: Here, where: str, written: dict[str, str]) -> Iterator[AdapterOutput]:
        builder = here.builder
        builder.kind((short_text(here.get(self.kind)) if self.kind is not None else None) or RECORD)
        if not isinstance(here.root, dict):
            raise RefuseError("unknown_form", "a record that is no object")
        for one in self.ignored:
            if here.holds(one.when):
                yield Ignored(f"when: {one.when}", one.why)
                return
        _refuse(self.refused, here)
        if self.test is not None:
            builder.test_mode(is_test=here.holds(self.test))
        tenant = self._tenant(here)
        applied = output = False
        for rule in self.rules:
            try:
                if rule.when is not None and not here.holds(rule.when):
                    continue
            except RefuseError as error:
                yield _refused(error, where)
                applied = output = True
                continue
            applied = True
            for made in _apply(rule, here, where, written, tenant):
                output = True
                yield made
        if not applied:
            raise RefuseError("unknown_form", "none of the mapping's events is for it")
        if not output:
            lists = " and ".join(str(rule.each) for rule in self.rules if rule.each is not None)
            terms = f"each: {lists}: finds nothing in it" if lists else "holds nothing to tell of"
            yield Ignored(RECORD, terms)

    def _tenant(self, here: Here) -> str:
        if self.tenant is None:
            return here.builder.connection.tenant
        found = self.tenant if isinstance(self.tenant, str) else identifier(here.get(self.tenant))
        if found is None:
            raise RefuseError("missing_field", str(self.tenant))
        return found


def _apply(rule: MappingRule, here: Here, where: str, written: dict[str, str], tenant: str) -> Iterator[AdapterOutput]:
    """What a rule tells of a record, or of each item of it."""
    scans: list[Draft] = []
    try:
        items = [here] if rule.each is None else list(here.each(rule.each))
    except RefuseError as error:
        yield _refused(error, where)
        return
    for item in items:
        try:
            for draft in _events(rule, item, tenant):
                _check(draft, written if rule.id else None)
                if draft["type"] == SCAN:
                    scans.append(draft)
                yield draft
        except RefuseError as error:
            yield _refused(error, where)
        except _IgnoredError as known:
            yield known.ignored
    if rule.history is not None:
        try:
            yield from _histories(rule.history(here), scans)
        except RefuseError as error:
            yield _refused(error, where)


def _refuse(conditions: tuple[RecordCondition, ...], here: Here) -> None:
    """Raises RefuseError if a record is one that the mapping does not take."""
    for one in conditions:
        if here.holds(one.when):
            raise RefuseError("refused_by_mapping", one.why)


def _events(rule: MappingRule, here: Here, tenant: str) -> Iterator[Draft]:
    _refuse(rule.refused, here)
    types = rule.types if isinstance(rule.types, tuple) else _types(rule.types, here)
    time = rule.time(here)
    if time is None:
        raise RefuseError("missing_field", rule.time_text)
    order = None if rule.order is None else identifier(here.get(rule.order))
    if rule.order is not None:
        here.builder.coverage.sought("order", str(rule.order), found=order is not None)
    recorded = None if rule.recorded is None else rule.recorded(here)
    source = _source(rule.source, here)
    parts = [identifier(here.get(part)) for part in rule.id]
    if rule.id and not any(parts):
        raise RefuseError("missing_field", f"id: {', '.join(map(str, rule.id))}")
    for type_ in types:
        data = _data(rule, type_, here)
        what = (*parts,) if parts else (order, time, orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode())
        id_ = f"{type_.partition('.')[2]}-{digest(type_, tenant, *what)}"
        draft = here.builder.event(type_, id_, time, data, order=order, recorded=recorded)
        draft["tenant"] = tenant
        if source is not None:
            draft["source"] = source
        yield draft


def _types(coded: Coded, here: Here) -> tuple[str, ...]:
    code, meaning = coded.look_up(here)
    if code is None:
        raise RefuseError("missing_field", str(coded.expression))
    if meaning is None:
        raise RefuseError("unmapped", f"{coded.expression}: a code that is not in table {coded.table.name}")
    if meaning.ignored:
        raise _IgnoredError(code, meaning.why)
    return meaning.terms


def _data(rule: MappingRule, type_: str, here: Here) -> dict[str, Any]:
    fields = fields_of(DATA_MODELS[type_])
    data: dict[str, Any] = {}
    if type_ == SCAN and rule.scan is not None:
        code, meaning = rule.scan.look_up(here)
        if code is None:
            raise RefuseError("missing_field", str(rule.scan.expression))
        if meaning is not None and meaning.ignored:
            raise _IgnoredError(code, meaning.why)
        data["status"] = "unknown" if meaning is None else meaning.term
        data["reason"] = "unmapped" if meaning is None else meaning.reason
        data["raw"] = {"code": code}
    for name, reader in rule.data.items():
        if name not in fields:
            continue
        found = reader(here)
        if name == "raw" and found is not None:
            found = data.get("raw", {}) | found
        if found is not None and not (name == "reason" and data.get("reason") == "unmapped"):
            data[name] = found
    for name, about in fields.items():
        if about.required and data.get(name) is None:
            raise RefuseError("missing_field", f"data.{name}")
    if type_ == REFUND and "amount" in rule.data and data.get("amount") is None and not data.get("lines"):
        # Without an amount it would read as a refund of everything.
        raise RefuseError("missing_field", "data.amount")
    return {name: value for name, value in data.items() if value is not None}


def _source(stated: Expression | str | None, here: Here) -> str | None:
    if stated is None or isinstance(stated, str):
        return stated
    found = identifier(here.get(stated))
    if found is None:
        raise RefuseError("missing_field", str(stated))
    if not _SOURCE.fullmatch(found):
        raise RefuseError("bad_value", f"{stated}: no source such as /warehouse/ber1")
    return found


def is_source(text: str) -> bool:
    """Whether a text can be the `source` of events: `/warehouse/ber1`."""
    return _SOURCE.fullmatch(text) is not None


def _check(draft: Draft, written: dict[str, str] | None) -> None:
    """An event fits into a record; and where IDs are stated, no earlier one of the file has its ID and says something else.

    The second of the two would be dropped as a repetition: an `id` that leaves out what tells items apart must not go unnoticed.
    """
    content = orjson.dumps([draft.get("subject"), draft["time"], draft["data"]], option=orjson.OPT_SORT_KEYS)
    if len(content) > MAX_BYTES - 8_192:
        raise RefuseError("too_large", f"an event of more than {MAX_BYTES} bytes")
    if written is not None:
        known = digest(content.hex())
        if written.setdefault(f"{draft['source']} {draft['id']}", known) != known:
            raise RefuseError("bad_value", "id: an earlier record of the file has the same and says something else")


def _histories(at: datetime | None, scans: list[Draft]) -> Iterator[History]:
    """The histories of the parcels that a list of scans is about, as the source told them at an instant."""
    parcels: dict[tuple[str, str], History] = {}
    for draft in scans:
        tracking = draft["data"].get("tracking_number")
        if at is not None and tracking is not None:
            key = f"{carrier_name(draft['data'].get('carrier'))}/{tracking}"
            new = History(key, draft["source"], at.astimezone(UTC), {}, tracking, draft.get("subject"))
            parcels.setdefault((new.source, key), new).events[draft["id"]] = datetime.fromisoformat(draft["time"])
    yield from parcels.values()


def _refused(error: RefuseError, where: str) -> Refused:
    return Refused(error.reason, f"{error.detail}{where}")
