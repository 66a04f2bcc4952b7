"""JSON answers of FedEx, UPS, USPS and DHL about one parcel, in a few words."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]

MAY_6 = "2026-05-06T09:00:00-05:00"


def fedex_event(type_: str, exception: str = "", at: str = MAY_6, derived: str | None = None, **place: str) -> Object:
    """A scan of FedEx, in Illinois where no place is given."""
    where = place or {"postalCode": "60607", "stateOrProvinceCode": "IL", "countryCode": "US"}
    found: Object = {"date": at, "eventType": type_, "exceptionCode": exception, "scanLocation": where}
    return found if derived is None else found | {"derivedStatusCode": derived}


def fedex_result(*events: Object, number: str = "771", **more: object) -> Object:
    """What the Track API says of one parcel."""
    return {"trackingNumberInfo": {"trackingNumber": number}, "scanEvents": list(events), **more}


def fedex(*results: Object) -> str:
    """An answer of the Track API."""
    groups = [{"trackingNumber": one["trackingNumberInfo"]["trackingNumber"], "trackResults": [one]} for one in results]
    return json.dumps({"transactionId": "1", "output": {"completeTrackResults": groups}})


def ups_activity(type_: str | None, status: str | None, code: str | None, time: str = "090000", **more: object) -> Object:
    """An activity of UPS, in Oregon."""
    place = {"address": {"city": "PORTLAND", "stateProvince": "OR", "countryCode": "US"}}
    return {"location": place, "status": {"type": type_, "statusCode": status, "code": code}, "date": "20260506", "time": time} | more


def ups(*activities: Object, **more: object) -> str:
    """An answer of the Tracking API about one parcel."""
    package = {"trackingNumber": "1Z1", "activity": list(activities), **more}
    return json.dumps({"trackResponse": {"shipment": [{"inquiryNumber": "1Z1", "package": [package]}]}})


def usps_event(code: str | None, text: str | None, at: str = "2026-05-06T09:00:00", **more: object) -> Object:
    """An event of USPS, in Illinois."""
    return {"eventCode": code, "eventType": text, "eventTimestamp": at, "eventState": "IL", "eventCity": "CHICAGO"} | more


def usps(*events: Object, **more: object) -> str:
    """An answer of the Tracking API v3."""
    return json.dumps({"trackingNumber": "940", "trackingEvents": list(events), **more})


def dhl_event(status_code: str | None, status: str | None = None, at: str = "2026-05-06T09:00:00+02:00", **more: object) -> Object:
    """An event of DHL, nowhere."""
    return {"timestamp": at, "statusCode": status_code, "status": status} | more


def dhl(service: str, *events: Object, **more: object) -> str:
    """An answer of the Unified API about one shipment."""
    return json.dumps({"shipments": [{"id": "003", "service": service, "events": list(events), **more}]})
