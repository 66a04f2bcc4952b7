"""`v_messages`: what customers were told, will be told, or were not told after all."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from sinks.cases.expressions import Expression, between
from sinks.cases.tables import exceptions, messages
from sinks.cases.views.base import Selected, View

_M = messages.c


def _select(_now: Expression) -> Selected:
    return select(
        *(_M.tenant, _M.message_id, _M.order_id, _M.exception_id, exceptions.c.kind, _M.action_id, _M.state, _M.topic, _M.channel),
        *(_M.language, _M.promised_by, _M.by, _M.asked_at, _M.sent_at, between(_M.asked_at, _M.sent_at).label("waited_seconds")),
    ).select_from(messages.outerjoin(exceptions, exceptions.c.exception_id == _M.exception_id))


MESSAGES: Final = View(
    "v_messages",
    "Messages to customers, by us and by others: one row each, with those that wait or were withdrawn.",
    {
        "tenant": "Whose.",
        "message_id": "Which.",
        "order_id": "The order that it is about.",
        "exception_id": "The exception that it is about, where one is named.",
        "kind": "Of that exception, where the store has it.",
        "action_id": "The action that sends it; none of what others sent.",
        "state": "How that action stands (`executed`: it went out); `sent` of what others sent.",
        "topic": "What it is about.",
        "channel": "`email`, `sms`, `push`, or another word.",
        "language": "The language that it is written in.",
        "promised_by": "The date that it names, as it was stated.",
        "by": "`/orderwatch`, or the source of whoever else sent it.",
        "asked_at": "When it was first asked for (log time); none of what others sent.",
        "sent_at": "When it went out; none while it has not.",
        "waited_seconds": "How long it took from the one to the other, in seconds.",
    },
    _select,
)
