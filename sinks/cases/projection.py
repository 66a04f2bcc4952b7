"""Which record makes which rows. Pure: a record gives the same rows whenever, and in whatever company, it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from sinks.cases.changes import Change, Forget, Logged, UnprojectableError
from sinks.cases.fields import EventFields, parse
from sinks.cases.of_actions import action_changes, automation_changes
from sinks.cases.of_decisions import decision_changes
from sinks.cases.of_exceptions import exception_changes
from sinks.cases.of_incidents import incident_changes
from sinks.cases.of_rejects import reject_changes

HASH: Final = re.compile("[0-9a-f]{64}")


def forgotten_changes(envelope: EventFields, record: Logged) -> Iterator[Change]:
    """What is to be erased: the engine says so of an order, and of a customer. Raises UnprojectableError."""
    del record
    data = envelope.inner("data")
    order, customer = data.text("order_id"), data.text("customer_digest")
    if customer is not None and not HASH.fullmatch(customer):
        raise UnprojectableError("bad_field", "data.customer_digest: no hash")
    yield Forget(envelope.text("tenant") or "default", order, customer, data.need_instant("detected_at"))


_Making: TypeAlias = Callable[[EventFields, Logged], Iterator[Change]]

BY_TYPE: Final[dict[str, _Making]] = {
    "exception.raised": exception_changes,
    "exception.updated": exception_changes,
    "exception.resolved": exception_changes,
    "exception.retracted": exception_changes,
    "exception.forgotten": forgotten_changes,
    "action.proposed": action_changes,
    "action.requested": action_changes,
    "action.withdrawn": action_changes,
    "action.updated": action_changes,
    "action.forgotten": forgotten_changes,
    "automation.state": automation_changes,
    "incident.opened": incident_changes,
    "incident.updated": incident_changes,
    "incident.closed": incident_changes,
    "feed.stale": incident_changes,
    "feed.recovered": incident_changes,
    "feed.never_seen": incident_changes,
}
"""What makes rows of the types that the engine writes."""
TOPICS: Final = ("actions", "decisions", "exceptions", "incidents", "rejects")
"""What the store is made of."""


def project(record: Logged) -> list[Change]:
    """What a record changes; nothing of a record without a value (a barrier, a tombstone).

    Raises:
        UnprojectableError: if no rows can be made of it: damaged, or of a later version of the program.
    """
    if record.topic == "rejects":
        return list(reject_changes(record))
    if not record.value:
        return []
    envelope = parse(record.value)
    if record.topic == "decisions":
        return list(decision_changes(envelope, record))
    type_ = envelope.need("type")
    making = BY_TYPE.get(type_)
    if making is None:
        raise UnprojectableError("unknown_type", "the type is none that this version of the store knows")
    return list(making(envelope, record))
