"""Tracking answers of FedEx, USPS and Canada Post in a few words, and what is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate

if TYPE_CHECKING:
    from datetime import datetime

    from sources.adapters import Adapted

NEW_YORK = AdapterConnection(zone="America/New_York")
NOON = {"date": "Thu, 07 May 2026 12:00:00 GMT"}


def output(system: str, body: str, headers: dict[str, str] | None = None, received: datetime | None = None) -> Adapted:
    """What a system's adapter makes of an answer."""
    return translate(ADAPTERS[system], Payload(body.encode(), headers or {}, received), NEW_YORK)


def statuses(adapted: Adapted) -> list[str]:
    """Status and reason of each event."""
    return [" ".join(filter(None, (event["data"]["status"], event["data"].get("reason")))) for event in adapted.events]


def reasons(adapted: Adapted) -> list[str]:
    """Why parts were refused."""
    return [one.reason for one in adapted.refused]


def event(type_: str, at: str, exception: str = "", place: str = "<CountryCode>US</CountryCode>") -> str:
    """An event of FedEx."""
    code = f"<StatusExceptionCode>{exception}</StatusExceptionCode>" if exception else ""
    return f"<Events><Timestamp>{at}</Timestamp><EventType>{type_}</EventType>{code}<Address>{place}</Address></Events>"


def fedex(*events: str, more: str = "", number: str = "771") -> str:
    """A FedEx reply about one parcel, as version 7 writes it."""
    details = f"<TrackDetails><TrackingNumber>{number}</TrackingNumber>{more}{''.join(events)}</TrackDetails>"
    return f'<TrackReply xmlns="http://fedex.com/ws/track/v7"><CompletedTrackDetails>{details}</CompletedTrackDetails></TrackReply>'


def detail(code: str, text: str, time: str = "9:00 am", date: str = "May 6, 2026", place: str = "<EventState>IL</EventState>") -> str:
    """A scan of USPS."""
    when = f"<EventTime>{time}</EventTime><EventDate>{date}</EventDate>"
    return f"<TrackDetail>{when}<Event>{text}</Event>{place}<EventCode>{code}</EventCode></TrackDetail>"


def usps(*details: str, more: str = "") -> str:
    """A USPS answer about one parcel."""
    return f'<TrackResponse><TrackInfo ID="940">{more}{"".join(details)}</TrackInfo></TrackResponse>'


def occurrence(id_: str, at: str = "2026-05-06 09:00:00", zone: str = "EDT", province: str = "ON", text: str = "") -> str:
    """A scan of Canada Post."""
    date, _, time = at.partition(" ")
    fields = {"identifier": id_, "date": date, "time": time, "time-zone": zone, "description": text, "province": province}
    return f"<occurrence>{''.join(f'<event-{name}>{value}</event-{name}>' for name, value in fields.items())}</occurrence>"


def canadapost(*occurrences: str, more: str = "") -> str:
    """A Canada Post answer about one parcel."""
    scans = f"<significant-events>{''.join(occurrences)}</significant-events>"
    return f'<tracking-detail xmlns="http://www.canadapost.ca/ws/track"><pin>702</pin>{more}{scans}</tracking-detail>'
