"""What the carriers' own answers have in common: the envelope around them, when they were given, and parcels that they do not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise

from sources.adapters.base import EventBuilder
from sources.adapters.finals import RETURNED, StatedStatus, sent_back
from sources.adapters.moments import checked
from sources.adapters.output import AdapterOutput, Draft, Ignored, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import PayloadReader
from sources.adapters.scans import estimate_event, scan_event, whole
from sources.adapters.tables import Meaning, folded

OVER = frozenset(("delivered", "returned", "cancelled", "failed_final", "lost"))
"""Statuses after which an estimate says nothing more."""
USED_AGAIN = timedelta(days=90)
"""How far apart two shipments of one number lie: no order of the earlier one is still watched (exceptions without news end then)."""
EARLIER = Ignored("an earlier shipment", "the carrier used its number again, long after")
NOT_FOUND = Meaning(("unknown", "not_found"))


def content(payload: PayloadReader, otherwise: str) -> tuple[str, PayloadReader]:
    """The name and the content of an XML document's element, out of its SOAP envelope where it has one.

    Raises RefuseError for a SOAP fault; and where there is not exactly one element, which is `otherwise`.
    """
    name, here = _only(payload, otherwise)
    if name == "Envelope":
        name, here = _only(here.get("Body"), otherwise)
    if name == "Fault":
        raise RefuseError("not_a_report", "a SOAP fault")
    return name, here


def order_of(payload: PayloadReader, builder: EventBuilder) -> str | None:
    """The order's ID at the connection's `order_field`, which may name a reference by its type.

    Carriers list references as `[{"type": "PURCHASE_ORDER", "value": ["O-1"]}]`: where the path comes to such a list, or to one of them
    alone, the rest of it is the type, with or without regard to case (`packageIdentifiers.PURCHASE_ORDER`). Of several references that
    differ, nothing says which is meant: None.
    """
    names = builder.connection.order_field.split(".") if builder.connection.order_field else []
    here = payload
    for place, name in enumerate(names):
        here = here.get(name)
        rest = ".".join(names[place + 1 :])
        if rest and (isinstance(here.value, list) or here.has("type")):
            return _reference(here, rest)
    return builder.order_of(payload)


def _reference(payload: PayloadReader, type_: str) -> str | None:
    found = {
        number
        for one in payload.each()
        if folded(one.text("type") or "") == folded(type_)
        for name in ("value", "values", "number")
        for item in one.each(name)
        if (number := item.id()) is not None
    }
    return found.pop() if len(found) == 1 else None


def latest(shipments: Mapping[str, Iterable[str]]) -> str | None:
    """The latest of several shipments of one number, each by the dates of its scans (ISO 8601); None where nothing tells which it is.

    A number that a carrier uses again has shipments that lie far apart: the latest is meant, and the others were told in their time. One
    without a scan, and those that lie closer than `USED_AGAIN`, may be anybody's.
    """
    try:
        days = {one: [date.fromisoformat(text[:10]) for text in texts] for one, texts in shipments.items()}
    except ValueError:
        return None
    if not all(days.values()):
        return None
    order = sorted(days, key=lambda one: min(days[one]))
    apart = all(min(days[after]) - max(days[before]) > USED_AGAIN for before, after in pairwise(order))
    return order[-1] if apart else None


def to_sender(drafts: list[Draft]) -> list[Draft]:
    """Makes a delivery that comes after a scan that returns the parcel `returned`: it went to the sender, whatever its code says.

    Where a return is told only after the delivery was, the delivery is corrected: another scan, so another ID.
    """
    return [returned(draft) if draft["data"]["status"] == "delivered" and sent_back(_time(draft), drafts) else draft for draft in drafts]


def returned(draft: Draft) -> Draft:
    """A delivery as one to the sender."""
    return {**draft, "id": f"{draft['id']}{RETURNED}", "data": {**draft["data"], "status": "returned"}}


def _time(draft: Draft) -> datetime:
    return datetime.fromisoformat(draft["time"])


def _only(payload: PayloadReader, otherwise: str) -> tuple[str, PayloadReader]:
    names = [name for name in payload.value if name[:1] not in ("@", "#")] if isinstance(payload.value, dict) else []
    if len(names) != 1:
        raise RefuseError("unknown_form", otherwise)
    return names[0], payload.get(names[0])


def answered_at(builder: EventBuilder) -> datetime | None:
    """When an answer was given: by its `Date` header, else when it was received; None where neither says.

    A header that is no date says nothing.
    """
    header = builder.headers.get("date")
    if header is None:
        return builder.received
    try:
        moment = parsedate_to_datetime(header)
        return checked(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC), "Date")
    except (ValueError, OverflowError, RefuseError):
        return builder.received


def not_found(builder: EventBuilder, parcel: ParcelRef, code: str | None, text: str | None) -> Iterator[AdapterOutput]:
    """The event of an answer that names a parcel and has no record of it, at the time of the answer; each answer is one of its own.

    Raises RefuseError where nothing says when that was: without it, it is not known until when the carrier had no record.
    """
    at = answered_at(builder)
    if at is None:
        raise RefuseError("missing_field", "when the answer was given: no Date header, no time of receipt")
    event = scan_event(builder, parcel, Scan(at, NOT_FOUND, code, text, ("not_found",)), at)
    if event is not None:
        yield event


def parcel_outputs(
    builder: EventBuilder,
    parcel: ParcelRef,
    scans: Iterable[PayloadReader],
    read: Callable[[PayloadReader], Iterator[AdapterOutput]],
    eta: Callable[[], str | None],
    *,
    seen_whole: Callable[[list[Draft]], list[Draft]] = list,
    stated: Callable[[], StatedStatus | None] | None = None,
    pushed: bool = False,
) -> Iterator[AdapterOutput]:
    """All that an answer says of one parcel: its scans, its history, and the estimate that stands unless the parcel's way is over.

    `seen_whole` may read scans again in the light of the others; `stated` is what is said of the parcel beside its scans. An answer that
    nothing dates has scans, but neither history nor estimate. One that is `pushed` may come late and out of order, and only its scans
    say how old it is: it was said at the latest of them.
    """
    payloads = list(scans)
    output = list(builder.each(payloads, read))
    drafts = seen_whole([one for one in output if isinstance(one, dict)])
    stated_at = max(map(_time, drafts), default=None) if pushed else answered_at(builder)
    everything = list(whole(builder, parcel, [*(one for one in output if not isinstance(one, dict)), *drafts], stated_at, stated))
    if not payloads and not everything:
        yield Ignored(builder.coverage.current, "the carrier has the parcel, and no scan of it yet")
    yield from everything
    expected = eta()
    if (
        expected is not None
        and stated_at is not None
        and not any(one["data"]["status"] in OVER for one in everything if isinstance(one, dict))
    ):
        yield estimate_event(builder, parcel, expected, stated_at)
