"""How BigCommerce writes instants: RFC 2822 in V2 (`Tue, 20 Nov 2012 00:00:00 +0000`), ISO 8601 in V3."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sources.adapters.moments import at, checked, zoned
from sources.adapters.output import RefuseError
from sources.adapters.payload import PayloadReader


def moment(payload: PayloadReader, name: str) -> datetime | None:
    """The instant in a field, in either form; None where it is absent or blank."""
    text, where = payload.text(name), payload.get(name).path
    if text is None or not text[:1].isalpha():
        return at(payload, name)
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        raise RefuseError("bad_time", f"{where}: no date with a time") from None
    return checked(zoned(found, UTC), where)


def need_moment(payload: PayloadReader, name: str) -> datetime:
    """As `moment`, but it must be there."""
    found = moment(payload, name)
    if found is None:
        raise RefuseError("missing_field", payload.get(name).path)
    return found
