"""What became of decisions, for an hour: the page that shows it can be linked and opened again, and undoing begins at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct, field
from sqlalchemy import Connection, Engine, Index, Row, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from dataflows.console.tables import METADATA
from sinks.cases.schema import writing
from sinks.cases.tables.base import about, instant, json, text

KEPT: Final = timedelta(hours=1)

outcomes: Final = Table(
    "outcomes",
    METADATA,
    text("key", "The key of the form, which made it: sent twice, it counts once.", key=True),
    text("by", "Who decided, such as `user:anna`.", needed=True),
    text("verb", "What was decided, such as `acknowledge`.", needed=True),
    instant("at", "When.", needed=True),
    json("items", "About what, and what became of each. No text of a person stands in it."),
    json("data", "What was decided, without texts: such as the assignee."),
    text("back", "The page that it was decided on."),
    text("undoes", "The key of the decision that it undoes."),
    text("undone_by", "The key of the decision that undid it."),
    Index("ix_outcomes_by_at", "by", "at"),
    info=about("What became of decisions made here, for an hour."),
)


class DecidedItem(Struct):
    """One thing that was decided about. `sequence`: as it was read then; `before`: how it stood, for undoing.

    `status`: `waiting` (not sent yet), `accepted` (in the log), `refused` (not in the log, `reason` and `detail` say why).
    """

    sort: str
    id: str
    tenant: str
    order: str
    sequence: int
    decision: str
    name: str = ""
    status: str = "waiting"
    reason: str | None = None
    detail: str | None = None
    before: dict[str, Any] = field(default_factory=dict[str, Any])


class Outcome(Struct):
    """A decision about one or many things, and what became of it."""

    key: str
    by: str
    verb: str
    at: datetime
    items: list[DecidedItem]
    data: dict[str, Any]
    back: str | None = None
    undoes: str | None = None
    undone_by: str | None = None

    @property
    def accepted(self) -> list[DecidedItem]:
        """Those that are in the log."""
        return [item for item in self.items if item.status == "accepted"]

    @property
    def waiting(self) -> list[DecidedItem]:
        """Those that are not sent yet."""
        return [item for item in self.items if item.status == "waiting"]


class Outcomes:
    """The outcomes in the console's own database. Blocking: call it on a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, outcome: Outcome) -> bool:
        """Keeps a new one; False if there is one of its key already. What is older than an hour goes."""
        row = {**_row(outcome), "key": outcome.key, "by": outcome.by, "verb": outcome.verb, "at": outcome.at}
        try:
            with writing(self._engine).begin() as connection:
                connection.execute(delete(outcomes).where(outcomes.c.at < outcome.at - KEPT))
                connection.execute(insert(outcomes).values(**row))
        except IntegrityError:
            return False
        return True

    def change(self, outcome: Outcome) -> None:
        """Keeps what has become of it since."""
        with writing(self._engine).begin() as connection:
            connection.execute(update(outcomes).where(outcomes.c.key == outcome.key).values(**_row(outcome)))

    def undone(self, key: str, by_key: str) -> None:
        """Notes that one was undone."""
        with writing(self._engine).begin() as connection:
            connection.execute(update(outcomes).where(outcomes.c.key == key).values(undone_by=by_key))

    def find(self, key: str, by: str, now: datetime) -> Outcome | None:
        """The outcome of a key, if it is this person's and not older than an hour."""
        chosen = select(outcomes).where(outcomes.c.key == key, outcomes.c.by == by, outcomes.c.at >= now - KEPT)
        return self._one(chosen)

    def latest(self, by: str, now: datetime) -> Outcome | None:
        """The last one of a person that is neither undone nor undoes another."""
        chosen = select(outcomes).where(
            outcomes.c.by == by, outcomes.c.at >= now - KEPT, outcomes.c.undone_by.is_(None), outcomes.c.undoes.is_(None)
        )
        return self._one(chosen.order_by(outcomes.c.at.desc()).limit(1))

    def _one(self, chosen: Any) -> Outcome | None:
        with self._engine.connect() as connection:
            row = _first(connection, chosen)
        if row is None:
            return None
        items = msgspec.convert(row.items or [], list[DecidedItem])
        return Outcome(row.key, row.by, row.verb, row.at, items, row.data or {}, row.back, row.undoes, row.undone_by)


def _first(connection: Connection, chosen: Any) -> Row[Any] | None:
    found: Sequence[Row[Any]] = connection.execute(chosen).all()
    return found[0] if found else None


def _row(outcome: Outcome) -> Mapping[str, object]:
    items = [msgspec.to_builtins(item) for item in outcome.items]
    return {"items": items, "data": outcome.data, "back": outcome.back, "undoes": outcome.undoes, "undone_by": outcome.undone_by}
