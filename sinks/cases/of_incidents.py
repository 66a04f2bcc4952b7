"""The rows of `incident.*` and `feed.*` events: the incident, its members, the feed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sinks.cases.changes import Change, Logged, Put, Row, UnprojectableError, place
from sinks.cases.fields import EventFields
from sinks.cases.tables import feeds, incident_members, incidents

STALE, RECOVERED, NEVER_SEEN = "feed.stale", "feed.recovered", "feed.never_seen"
OVER: Final = frozenset(("resolved", "closed"))
KNOWN: Final = (
    "incident_id dimension value member_count members added status summary owner milestone carrier site owed_since orders feed mark"
    " stale_since silence cadence parked"
).split()


def incident_changes(envelope: EventFields, record: Logged) -> Iterator[Change]:
    """The rows of an event. Raises UnprojectableError."""
    data, time, type_ = envelope.inner("data"), envelope.need_instant("time"), envelope.need("type")
    tenant, (named, sequence) = envelope.text("tenant") or "default", _numbered(envelope)
    exceptions, orders = list[str](), list[str]()
    if type_ in {STALE, RECOVERED}:
        row = _of_feed(data, stale=type_ == STALE)
        yield Put(feeds, {"tenant": tenant, **_feed(data, stale=type_ == STALE), "time": time, **place(record)})
    elif type_ == NEVER_SEEN:
        row, orders = _of_milestone(data), data.texts("orders")
    else:
        # `members` is a sample of them, `added` are those that joined since the event before.
        row, exceptions = _of_members(data), [*data.texts("members"), *data.texts("added")]
    incident = data.text("incident_id") or named
    yield Put(
        incidents,
        {
            "incident_id": incident,
            "tenant": tenant,
            "sequence": sequence,
            **row,
            "owner": data.text("owner"),
            "summary": data.text("summary"),
            "opened_at": time,
            "changed_at": time,
            "closed_at": time if row["status"] in OVER else None,
            "extra": data.besides(KNOWN),
            **place(record),
        },
    )
    for member, ids in (("exception", exceptions), ("order", orders)):
        for id_ in ids:
            yield Put(incident_members, {"incident_id": incident, "member": member, "member_id": id_, "tenant": tenant})


def _numbered(envelope: EventFields) -> tuple[str, int]:
    """The incident and the number that the event's ID consists of."""
    name, _, number = envelope.need("id").rpartition(":")
    if not name or not (number.isascii() and number.isdecimal()) or len(number) > 9:
        raise UnprojectableError("bad_field", "id: not an incident and a number")
    return name, int(number)


def _of_members(data: EventFields) -> Row:
    return {
        "kind": "incident",
        "status": data.need("status"),
        "dimension": data.need("dimension"),
        "value": data.need("value"),
        "milestone": None,
        "member_count": data.number("member_count"),
        "since": None,
    }


def _of_feed(data: EventFields, *, stale: bool) -> Row:
    return {
        "kind": STALE,
        "status": "open" if stale else "resolved",
        "dimension": "feed",
        "value": data.need("feed"),
        "milestone": None,
        "member_count": data.number("parked"),
        "since": data.instant("stale_since"),
    }


def _of_milestone(data: EventFields) -> Row:
    carrier, site = data.text("carrier"), data.text("site")
    return {
        "kind": NEVER_SEEN,
        "status": data.need("status"),
        "dimension": "carrier" if carrier else "site" if site else "tenant",
        "value": carrier or site or "",
        "milestone": data.need("milestone"),
        "member_count": len(data.texts("orders")),
        "since": data.instant("owed_since"),
    }


def _feed(data: EventFields, *, stale: bool) -> Row:
    return {
        "feed": data.need("feed"),
        "stale": stale,
        "mark": data.instant("mark"),
        "stale_since": data.instant("stale_since"),
        **{name: data.text(name) for name in ("silence", "cadence", "owner")},
    }
