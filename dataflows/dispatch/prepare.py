"""Fourth stage: what an executor is called with. The text of a message is made here, and the address looked up; neither is kept."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, cast

import orjson

from dataflows.dispatch.contacts import Contacts, NoContactsError
from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.model import SECOND, PendingAction
from schemas.messages import CHANNELS, MESSAGES
from sinks.actions.executor import ActionCall, Contact
from sinks.actions.messages import MessageTextError, RenderedMessage, render

CONTEXT_WAIT_S: Final = 15.0
"""How long an action waits for its exception to be read; the engine publishes that first, on another topic."""
UNREAD: Final = "exception_unread"
MAIL: Final = "mail"
"""The kind of endpoint that customers' addresses go to unless its settings say otherwise."""


class Unprepared(NamedTuple):
    """It cannot be called. `final`: to try again is of no use before a person has done something."""

    code: str
    final: bool


Prepared: TypeAlias = ActionCall | Unprepared


class KnownAction(NamedTuple):
    """What the journal has of an action: its `data`, what is kept of its exception, and when its first attempt began."""

    data: dict[str, Any]
    exception: dict[str, Any] | None
    first_begun: int


class Preparation:
    """`folder`: texts of the user's own."""

    def __init__(self, journal: AttemptJournal, contacts: Contacts, folder: Path | None = None) -> None:
        self._journal, self._contacts, self._folder = journal, contacts, folder

    async def call(self, action: PendingAction, attempt: int, now: int, *, addressed: bool) -> Prepared:
        """What an attempt is called with. `addressed`: whether the endpoint is given the customer's address.

        The first attempt waits for a while for the action's exception to be read; then it goes out with what is known.
        """
        known = await self._journal.run(lambda db: read_known(db, action.id, action.exception))
        if known is None:
            return Unprepared("unknown_action", final=True)
        unread = attempt == 1 and action.exception is not None and known.exception is None
        if unread and now < action.requested_at + int(CONTEXT_WAIT_S * SECOND):
            return Unprepared(UNREAD, final=False)
        message: RenderedMessage | None = None
        recipient: Contact | None = None
        if action.action in MESSAGES and action.channel in CHANNELS:
            try:
                message = text_of(known, self._folder)
            except MessageTextError:
                return Unprepared("no_text", final=True)
            if addressed:
                customer = customer_of(known.exception)
                if customer is None:
                    return Unprepared("no_customer", final=True)
                try:
                    recipient = await self._contacts.find(action, customer, action.channel)
                except NoContactsError as error:
                    return Unprepared(str(error), final=False)
                if recipient is None:
                    return Unprepared("no_address", final=True)
        return ActionCall(
            action=known.data,
            tenant=action.tenant,
            key=str(known.data.get("idempotency_key") or action.id),
            attempt=attempt,
            first_begun=known.first_begun / SECOND if known.first_begun else None,
            exception=known.exception,
            message=message,
            recipient=recipient,
        )


def read_known(db: sqlite3.Connection, id_: str, exception: str | None) -> KnownAction | None:
    """What the journal has of an action; None if it has nothing."""
    row = db.execute("SELECT data FROM actions WHERE id = ?", (id_,)).fetchone()
    if row is None:
        return None
    context = None if exception is None else db.execute("SELECT data FROM contexts WHERE exception_id = ?", (exception,)).fetchone()
    began = db.execute("SELECT min(began_at) FROM attempts WHERE action_id = ?", (id_,)).fetchone()[0]
    return KnownAction(_read(row[0]), None if context is None else _read(context[0]), int(began or 0))


def text_of(known: KnownAction, folder: Path | None) -> RenderedMessage:
    """The text of a message. Raises MessageTextError."""
    context = cast("Mapping[str, object]", (known.exception or {}).get("context") or {})
    return render(known.data, context, folder=folder)


def customer_of(exception: Mapping[str, Any] | None) -> str | None:
    """The ID of the customer whom an exception's order is for."""
    context = cast("Mapping[str, Any]", (exception or {}).get("context") or {})
    customer = cast("Mapping[str, Any]", context.get("customer") or {}).get("id")
    return customer if isinstance(customer, str) and customer else None


def _read(packed: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", orjson.loads(zlib.decompress(packed)))
