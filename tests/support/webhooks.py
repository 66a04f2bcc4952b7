"""Senders of webhooks as real systems are: they sign in their own ways, keep connections open, and come again until they get a 2xx.

The ways of signing are written down here a second time, from what the systems publish, and share no code with the gateway.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECRETS = {
    "shopify": "shpss_0f3c",
    "stripe": "whsec_stripe-secret",
    "easypost": "sécret ½",
    "aftership": "aftership-secret",
    "fedex": "fedex-secret",
    "usps": "usps-secret",
    "adyen": "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
    "standard": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "secret": "a shared secret",
    "woocommerce": "woo ¾ secret",
    "shippo": "shippo-secret",
    "square": "square-signature-key",
    "bigcommerce": "5bf62d3f8f5c0e1bd2a7",
}
"""A secret for each scheme."""


URL = "https://hooks.example.com/hooks/square/acme"
"""The URL under which the gateway is known to senders that sign it."""


class Sent(NamedTuple):
    """What a sender adds to a body: headers, the query, and for Adyen the body with its signatures."""

    headers: dict[str, str]
    body: bytes
    query: str = ""


def mac(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def b64(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


def _shopify(secret: str, body: bytes, at: int) -> Sent:
    del at
    return Sent({"X-Shopify-Hmac-Sha256": b64(mac(secret.encode(), body))}, body)


def _stripe(secret: str, body: bytes, at: int) -> Sent:
    return Sent({"Stripe-Signature": f"t={at},v0=aa,v1={mac(secret.encode(), b'%d.' % at, body).hex()}"}, body)


def _easypost(secret: str, body: bytes, at: int) -> Sent:
    del at
    key = unicodedata.normalize("NFKD", secret).encode()
    return Sent({"X-Hmac-Signature": f"hmac-sha256-hex={mac(key, body).hex()}"}, body)


def _aftership(secret: str, body: bytes, at: int) -> Sent:
    del at
    return Sent({"aftership-hmac-sha256": b64(mac(secret.encode(), body))}, body)


def _fedex(secret: str, body: bytes, at: int) -> Sent:
    del at
    return Sent({"fdx-signature": b64(mac(secret.encode(), body))}, body)


def _usps(secret: str, body: bytes, at: int) -> Sent:
    del at
    message = json.loads(body)
    return Sent({"X-HMAC": b64(mac(secret.encode(), message["timestamp"].encode(), message["payload"].encode()))}, body)


def _adyen(secret: str, body: bytes, at: int) -> Sent:
    del at
    message = json.loads(body)
    for item in message["notificationItems"]:
        one = item["NotificationRequestItem"]
        fields = (
            one["pspReference"],
            one.get("originalReference", ""),
            one["merchantAccountCode"],
            one["merchantReference"],
            one["amount"]["value"],
            one["amount"]["currency"],
            one["eventCode"],
            one["success"],
        )
        one["additionalData"] = {"hmacSignature": b64(mac(bytes.fromhex(secret), ":".join(map(str, fields)).encode()))}
    return Sent({}, json.dumps(message).encode())


def _standard(secret: str, body: bytes, at: int) -> Sent:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = b64(mac(key, b"msg_1.%d." % at, body))
    return Sent({"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": f"v1,{signature}"}, body)


def _secret(secret: str, body: bytes, at: int) -> Sent:
    del at
    return Sent({"X-Orderwatch-Secret": secret}, body)


def _woocommerce(secret: str, body: bytes, at: int) -> Sent:
    del at
    return Sent({"X-WC-Webhook-Signature": b64(mac(secret.encode(), body)), "X-WC-Webhook-Topic": "order.updated"}, body)


def _shippo(secret: str, body: bytes, at: int) -> Sent:
    return Sent({"Shippo-Auth-Signature": f"t={at},v1={mac(secret.encode(), b'%d.' % at, body).hex()}"}, body)


def _square(secret: str, body: bytes, at: int) -> Sent:
    del at
    return Sent({"x-square-hmacsha256-signature": b64(mac(secret.encode(), URL.encode(), body))}, body)


def _bigcommerce(secret: str, body: bytes, at: int) -> Sent:
    signature = b64(mac(secret.encode(), b"msg_1.%d." % at, body))
    return Sent({"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": f"v1,{signature}"}, body)


SIGN: Mapping[str, Callable[[str, bytes, int], Sent]] = {
    "shopify": _shopify,
    "stripe": _stripe,
    "easypost": _easypost,
    "aftership": _aftership,
    "fedex": _fedex,
    "usps": _usps,
    "adyen": _adyen,
    "standard": _standard,
    "secret": _secret,
    "woocommerce": _woocommerce,
    "shippo": _shippo,
    "square": _square,
    "bigcommerce": _bigcommerce,
}
"""By scheme: signs a body with a secret at a time (seconds since the epoch)."""


def adyen_body(*references: str) -> bytes:
    """A notification of Adyen's, unsigned, with an item for each reference."""
    items = [
        {
            "NotificationRequestItem": {
                "amount": {"currency": "EUR", "value": 1130},
                "eventCode": "AUTHORISATION",
                "eventDate": "2026-05-01T10:00:00+02:00",
                "merchantAccountCode": "TestMerchant",
                "merchantReference": f"order:{reference}",
                "pspReference": reference,
                "success": "true",
            }
        }
        for reference in references
    ]
    return json.dumps({"live": "true", "notificationItems": items}).encode()


def usps_body(number: str) -> bytes:
    """What a tracking subscription of USPS sends: its payload is a text."""
    payload = json.dumps({"trackingNumber": number, "statusCategory": "In Transit", "trackingEvents": []})
    return json.dumps({"subscriptionType": "TRACKING", "timestamp": "2026-05-01T10:00:00Z", "payload": payload}).encode()


def tracker(code: str, scans: int, *, event: str | None = None, mode: str = "production") -> bytes:
    """A webhook of EasyPost's: a tracker with its first so many scans, an hour apart. `event`: the ID of the message."""
    details: list[dict[str, Any]] = [
        {
            "object": "TrackingDetail",
            "message": "Arrived at USPS Regional Facility",
            "status": "in_transit",
            "status_detail": "arrived_at_facility",
            "datetime": f"2026-05-{1 + number // 24:02d}T{number % 24:02d}:00:00Z",
            "tracking_location": {"city": "CHICAGO", "state": "IL", "country": "US", "zip": "60601"},
        }
        for number in range(scans)
    ]
    result = {
        "object": "Tracker",
        "id": f"trk_{code}",
        "mode": mode,
        "tracking_code": code,
        "status": "in_transit",
        "carrier": "USPS",
        "created_at": "2026-05-01T00:00:00Z",
        "updated_at": f"2026-06-{1 + scans // 24:02d}T{scans % 24:02d}:00:00Z",
        "tracking_details": details,
    }
    message = {
        "object": "Event",
        "id": event or f"evt_{code}_{scans}",
        "mode": mode,
        "description": "tracker.updated",
        "created_at": result["updated_at"],
        "result": result,
    }
    return json.dumps(message).encode()


class Reply(NamedTuple):
    """An answer: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Sender:
    """One keep-alive connection over a real socket, opened when it is needed. Raises OSError or EOFError where it breaks."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> Reply:
        """Sends a request and reads its answer."""
        head = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        start = f"{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        return await self.raw(f"{start}{head}\r\n".encode("latin-1") + body)

    async def raw(self, data: bytes) -> Reply:
        """Sends bytes as they are, and reads an answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        try:
            writer.write(data)
            await writer.drain()
            return await self._reply(reader)
        except BaseException:
            await self.close()
            raise

    async def _reply(self, reader: asyncio.StreamReader) -> Reply:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            await self.close()
        return Reply(int(head[0].split(" ")[1]), headers, body)

    async def close(self) -> None:
        """Ends the connection."""
        if self._streams is not None:
            (_, writer), self._streams = self._streams, None
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
