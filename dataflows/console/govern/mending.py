"""Rejected records sent again: looked at as the contract does, sent the way that `orderwatch rejects replay` sends them, and noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, cast

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import Engine, Row, select

from dataflows.console.govern.tables import mended
from dataflows.console.own import upsert
from dataflows.console.taking import ROLE
from schemas.deciding import decides, is_decision
from schemas.envelope import EVENT_MODELS
from schemas.events import DATA_MODELS
from schemas.problems import nearest
from schemas.wire import Rejected, event_of, structured
from sinks.cases.queries.rejected import RejectRow
from sinks.cases.schema import writing
from sinks.decisions import UnwrittenError
from sinks.embedded.decisions import SocketDecisionWriter
from sinks.kafka.errors import KafkaOutputError
from sinks.kafka.rejects import RejectReplay, feed_back, partitions_of
from sinks.rejected import Reject

EDITED, UNCHANGED = "edited", "unchanged"
DECISION: Final = "decision"
"""Why a decision is not sent again: it is made anew, where it can be seen what it is about."""
CUT: Final = "cut"
QUOTED: Final = re.compile(r"'([^']*)'")
EventSender: TypeAlias = Callable[[Sequence[Reject]], None]
"""Sends records to where events come in. Blocking. Raises UnwrittenError."""


class ContractFault(NamedTuple):
    """What is wrong with a record: where (`data.status`), what, and what was probably meant. `warning`: it is taken as it is."""

    place: str
    message: str
    suggestion: str | None = None
    warning: bool = False


@dataclass(frozen=True, slots=True)
class MendedReject:
    """That a reject was sent again."""

    at: datetime
    by: str
    how: str
    source: str | None
    event_id: str | None


def faults_of(reject: Reject) -> list[ContractFault]:
    """Everything that is wrong with a record by the contract; warnings last. None but warnings: it would be taken."""
    try:
        event_of(reject.headers, reject.value or b"")
        first: ContractFault | None = None
    except Rejected as why:
        first = ContractFault(why.reason, why.detail)
    try:
        read: object = orjson.loads(structured(reject.headers, reject.value) if _is_binary(reject) else reject.value or b"")
    except (orjson.JSONDecodeError, Rejected):
        return [first] if first else []
    if not isinstance(read, dict):
        return [first] if first else []
    event = cast("dict[str, object]", read)
    found = [] if first is None else _by_model(event) or [first]
    return [*found, *_unknown(event)]


def _is_binary(reject: Reject) -> bool:
    return any(name == "ce_specversion" for name, _ in reject.headers)


def _by_model(event: Mapping[str, object]) -> list[ContractFault]:
    """All that the model of its type finds."""
    type_ = event.get("type")
    model = EVENT_MODELS.get(type_) if isinstance(type_, str) else None
    if model is None:
        near = nearest(type_, [*EVENT_MODELS]) if isinstance(type_, str) else None
        return [ContractFault("type", "no type of the contract", near)]
    try:
        model.model_validate(event)
    except ValidationError as error:
        return [_fault(one) for one in error.errors(include_url=False)]
    return []


def _fault(detail: ErrorDetails) -> ContractFault:
    """What a model finds; of a word that is none of a few, the nearest one."""
    given, known = detail["input"], QUOTED.findall(str(detail.get("ctx", {}).get("expected", "")))
    return ContractFault(".".join(map(str, detail["loc"])), detail["msg"], nearest(given, known) if isinstance(given, str) else None)


def _unknown(event: Mapping[str, object]) -> list[ContractFault]:
    """Fields that nobody reads, where one is near that somebody does."""
    type_, data = event.get("type"), event.get("data")
    model = DATA_MODELS.get(type_) if isinstance(type_, str) else None
    if model is None or not isinstance(data, dict):
        return []
    known: Collection[str] = model.model_fields
    names = (name for name in cast("dict[str, object]", data) if name not in known)
    pairs = ((name, nearest(name, known)) for name in names)
    return [ContractFault(f"data.{name}", "no field of this type: it is ignored", near, warning=True) for name, near in pairs if near]


def why_not(reject: Reject) -> str | None:
    """Why a record is not sent again, in a word; None if it can be."""
    if decides(reject.topic) or _is_decision(reject):
        return DECISION
    if reject.cut:
        return CUT
    try:
        event_of(reject.headers, reject.value or b"")
    except Rejected as why:
        return why.reason
    return None


def _is_decision(reject: Reject) -> bool:
    try:
        return is_decision(event_of(reject.headers, reject.value or b"").type)
    except Rejected:
        return False


def edited(reject: Reject, value: bytes) -> Reject:
    """A record with another value; where its attributes stood in headers, the value has them all now."""
    headers = tuple((name, content) for name, content in reject.headers if not name.startswith("ce_"))
    return replace(reject, value=value, headers=headers, cut={part: cut for part, cut in reject.cut.items() if part != "value"})


class SenderOfRejects:
    """Sends rejects again and notes who did. Blocking."""

    def __init__(self, own: Engine, send: EventSender) -> None:
        self._own, self._send = own, send

    def send(self, records: Sequence[tuple[RejectRow, Reject]], by: str, at: datetime, how: str) -> None:
        """Sends records that `why_not` has nothing against. To send one twice does no harm: an event counts once, by its ID.

        Raises UnwrittenError.
        """
        self._send([reject for _, reject in records])
        with writing(self._own).begin() as connection:
            for row, reject in records:
                event = event_of(reject.headers, reject.value or b"")
                place = {"log_partition": row.log_partition, "log_offset": row.log_offset}
                noted = {**place, "at": at, "by": by, "how": how, "source": event.source, "event_id": event.id}
                connection.execute(upsert(connection, mended, noted))

    def noted(self, rows: Sequence[RejectRow]) -> Mapping[tuple[str, int], MendedReject]:
        """Which of some rows were sent again, by their places."""
        if not rows:
            return {}
        chosen = select(mended).where(
            mended.c.log_partition.in_({row.log_partition for row in rows}), mended.c.log_offset.in_({row.log_offset for row in rows})
        )
        with self._own.connect() as connection:
            return {(row.log_partition, row.log_offset): _noted(row) for row in connection.execute(chosen)}


def _noted(row: Row[*tuple[object, ...]]) -> MendedReject:
    return MendedReject(row.at, row.by, row.how, row.source, row.event_id)


def embedded_sender(data: Path) -> EventSender:
    """Sends to the input log of an embedded installation, by its socket."""

    def send(records: Sequence[Reject]) -> None:
        writer = SocketDecisionWriter(data, ROLE)
        try:
            writer.send(
                "events", [orjson.loads(structured(one.headers, one.value) if _is_binary(one) else one.value or b"") for one in records]
            )
        finally:
            writer.close()

    return send


def kafka_sender(client: Mapping[str, object], topics: Sequence[str]) -> EventSender:
    """Sends each to the topic that it came from, under its key and with its headers; `topics`: those that the engine reads."""

    def send(records: Sequence[Reject]) -> None:
        if foreign := sorted({one.topic for one in records if one.topic not in topics}):
            raise UnwrittenError(f"the engine does not read {foreign[0] or 'where it came from'}")
        try:
            feed_back(client, [RejectReplay(one, one.topic) for one in records], partitions_of(client))
        except KafkaOutputError as error:
            raise UnwrittenError(str(error)) from error

    return send
