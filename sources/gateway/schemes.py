"""How each system signs its webhooks: one table, `SCHEMES`.

A scheme is handed the request, the keys that hold now (several while a secret is being rotated) and the time, and says what is wrong, or
None. Every key is tried, whichever fits, and digests are compared in constant time: how long an answer takes tells nothing of a secret.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, cast
from urllib.parse import parse_qsl

import orjson

from sources.gateway.hmacs import Hmac, scheme_of
from sources.gateway.request import Request
from sources.gateway.signatures import Fault, Scheme, Verify, digest, instant, plain, same, seconds, timely, unbased, unhexed

# --- the body alone, in base64 -------------------------------------------------------------------


def _based_body(*names: str) -> Verify:
    def verify(request: Request, keys: Sequence[bytes], now: float) -> Fault | None:
        del now
        given = [unbased(value) for name in names if (value := request.headers.get(name))]
        return None if same(given, [digest(key, request.body) for key in keys]) else "forged"

    return verify


# --- USPS ----------------------------------------------------------------------------------------


USPS_HEADERS: Final = ("x-hmac", "hmac-header")


def _usps(request: Request, keys: Sequence[bytes], now: float) -> Fault | None:
    del now  # What is sent again keeps its first timestamp: it would be lost if its age counted.
    try:
        value: object = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return "forged"
    parts = [_at(value, name) for name in ("timestamp", "payload")]
    if not all(isinstance(part, str) for part in parts):
        return "forged"
    text = "".join(str(part) for part in parts).encode("utf-8", "replace")
    given = [unbased(sent) for name in USPS_HEADERS if (sent := request.headers.get(name))]
    return None if same(given, [digest(key, text) for key in keys]) else "forged"


# --- Stripe --------------------------------------------------------------------------------------


def _stripe(request: Request, keys: Sequence[bytes], now: float) -> Fault | None:
    pairs = [part.strip().partition("=") for part in request.headers.get("stripe-signature", "").split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    at = seconds(stamps[0]) if len(stamps) == 1 else None
    if at is None:
        return "forged"
    stamp = stamps[0].encode()
    expected = [digest(key, stamp, b".", request.body) for key in keys]
    if not same((unhexed(value) for name, _, value in pairs if name == "v1"), expected):
        return "forged"
    return None if timely(at, now) else "stale"


# --- EasyPost ------------------------------------------------------------------------------------

EASYPOST_PREFIX: Final = "hmac-sha256-hex="


def _normalised(secret: str) -> bytes:
    return unicodedata.normalize("NFKD", secret).encode()


def _easypost(request: Request, keys: Sequence[bytes], now: float) -> Fault | None:
    headers, body = request.headers, request.body
    second = headers.get("x-hmac-signature-v2")
    if second is not None:
        # Signed with its time: beyond that of the body alone it shows how old the request is. EasyPost's libraries know the first only.
        stamp, path = headers.get("x-timestamp", ""), headers.get("x-path", "")
        said = (stamp.encode("latin-1"), request.method.encode(), path.encode("latin-1"), body)
        if same([unhexed(second.removeprefix(EASYPOST_PREFIX))], [digest(key, *said) for key in keys]):
            at = instant(stamp)
            return None if at is not None and timely(at, now) else "stale"
    first = headers.get("x-hmac-signature", "")
    return None if same([unhexed(first.removeprefix(EASYPOST_PREFIX))], [digest(key, body) for key in keys]) else "forged"


# --- Adyen ---------------------------------------------------------------------------------------

ADYEN_FIELDS: Final = (
    ("pspReference",),
    ("originalReference",),
    ("merchantAccountCode",),
    ("merchantReference",),
    ("amount", "value"),
    ("amount", "currency"),
    ("eventCode",),
    ("success",),
)


def _hex_key(secret: str) -> bytes:
    key = unhexed(secret)
    if not key:
        raise ValueError("is not written in hexadecimal digits, as Adyen shows it")
    return key


def _adyen(request: Request, keys: Sequence[bytes], now: float) -> Fault | None:
    del now
    try:
        value: object = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return "forged"
    items = _at(value, "notificationItems")
    if not isinstance(items, list) or not items:
        return "forged"
    signed = [_adyen_item(item, keys) for item in cast("list[object]", items)]
    return None if all(signed) else "forged"


def _adyen_item(item: object, keys: Sequence[bytes]) -> bool:
    inner = _at(item, "NotificationRequestItem")
    signature = _at(inner, "additionalData", "hmacSignature")
    if not isinstance(signature, str):
        return False
    text = ":".join(_adyen_text(_at(inner, *path)) for path in ADYEN_FIELDS).encode("utf-8", "replace")
    return same([unbased(signature)], [digest(key, text) for key in keys])


def _at(value: object, *names: str) -> object:
    for name in names:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, object]", value).get(name)
    return value


def _adyen_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


# --- Standard Webhooks ---------------------------------------------------------------------------

STANDARD_PREFIX: Final = "whsec_"


def _standard_key(secret: str) -> bytes:
    text = secret.removeprefix(STANDARD_PREFIX)
    key = unbased(text + "=" * (-len(text) % 4))
    if not key:
        raise ValueError("is not base64, with or without whsec_ before it")
    return key


def _standard(request: Request, keys: Sequence[bytes], now: float) -> Fault | None:
    headers = request.headers
    id_, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    at = seconds(stamp)
    if not id_ or at is None:
        return "forged"
    expected = [digest(key, id_.encode("latin-1"), b".", stamp.strip().encode(), b".", request.body) for key in keys]
    parts = (one.partition(",") for one in headers.get("webhook-signature", "").split(" "))
    if not same((unbased(value) for version, _, value in parts if version == "v1"), expected):
        return "forged"
    return None if timely(at, now) else "stale"


# --- a secret that is sent along -----------------------------------------------------------------

SECRET_HEADER: Final = "x-orderwatch-secret"  # noqa: S105 - a name
CREDENTIAL_HEADER: Final = "credential"
"""Where UPS Track Alert sends what the subscription registered (developer.ups.com, Track Alert)."""
SECRET_PARAMETER: Final = "key"  # noqa: S105 - a name


def _secret(request: Request, keys: Sequence[bytes], now: float) -> Fault | None:
    del now
    # Digests have one length: comparing them does not tell how long the secret is.
    given = [sha256(one).digest() for one in _sent(request)]
    return None if same(given, [sha256(key).digest() for key in keys]) else "forged"


def _sent(request: Request) -> list[bytes]:
    """The secrets that a request brings: in a header of their own, as a bearer token, as the password of Basic, in the URL."""
    named = (request.headers.get(name) for name in (SECRET_HEADER, CREDENTIAL_HEADER))
    found = [own.strip().encode("latin-1") for own in named if own is not None]
    kind, _, rest = request.headers.get("authorization", "").partition(" ")
    match kind.lower():
        case "bearer":
            found.append(rest.strip().encode("latin-1"))
        case "basic":
            found.append(unbased(rest).partition(b":")[2])
        case _:
            pass
    if request.query:
        pairs = parse_qsl(request.query.decode("latin-1"), encoding="utf-8", errors="replace", max_num_fields=None)
        found += [value.encode() for name, value in pairs if name == SECRET_PARAMETER]
    return [one for one in found if one]


def _signed_or_secret(verify: Verify, *names: str) -> Verify:
    """As `verify` has it where one of these headers is there; else a shared secret: of who polls the system and passes its answers on."""

    def either(request: Request, keys: Sequence[bytes], now: float) -> Fault | None:
        signed = any(name in request.headers for name in names)
        return verify(request, keys, now) if signed else _secret(request, keys, now)

    return either


# --- WooCommerce ---------------------------------------------------------------------------------

WOO: Final = Hmac(header="X-WC-Webhook-Signature", encoding="base64")
WOO_PING: Final = re.compile(rb"webhook_id=\d{1,20}")


def _woo_ping(request: Request) -> bool:
    """What WooCommerce sends, unsigned, when a webhook is saved: it says that the address is wrong unless that is answered with 200."""
    return WOO.header.lower() not in request.headers and WOO_PING.fullmatch(request.body) is not None


# --- BigCommerce ---------------------------------------------------------------------------------


def _bigcommerce(request: Request, keys: Sequence[bytes], now: float) -> Fault | None:
    """Standard Webhooks with the app's client secret. Whether as it is written or read as base64, those who describe it differ on."""
    read = [unbased(key.decode() + "=" * (-len(key) % 4)) for key in keys]
    return _standard(request, [*keys, *(one for one in read if one)], now)


SCHEMES: Final[dict[str, Scheme]] = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            "shopify",
            "base64 HMAC-SHA256 of the body in X-Shopify-Hmac-Sha256 (shopify.dev, Verify webhooks)",
            plain,
            _based_body("x-shopify-hmac-sha256"),
        ),
        Scheme(
            "stripe",
            "HMAC-SHA256 of time and body in Stripe-Signature, 300 s (docs.stripe.com/webhooks/signature)",
            plain,
            _stripe,
        ),
        Scheme(
            "easypost",
            "HMAC-SHA256 of the body in X-Hmac-Signature; with time and path in X-Hmac-Signature-V2, 300 s (EasyPost's libraries and docs)",
            _normalised,
            _easypost,
        ),
        Scheme(
            "aftership",
            "base64 HMAC-SHA256 of the body in aftership-hmac-sha256 or as-signature-hmac-sha256 (aftership.com/docs, Webhook signature)",
            plain,
            _based_body("aftership-hmac-sha256", "as-signature-hmac-sha256"),
        ),
        Scheme(
            "fedex",
            "base64 HMAC-SHA256 of the body in fdx-signature (developer.fedex.com, Advanced Integrated Visibility); else as `secret`",
            str.encode,
            _signed_or_secret(_based_body("fdx-signature"), "fdx-signature"),
        ),
        Scheme(
            "usps",
            "base64 HMAC-SHA256 of the body's timestamp and payload in X-HMAC (developers.usps.com, Subscriptions); else as `secret`",
            str.encode,
            _signed_or_secret(_usps, *USPS_HEADERS),
        ),
        Scheme(
            "adyen",
            "base64 HMAC-SHA256 of eight fields in additionalData.hmacSignature of every item (docs.adyen.com, Verify HMAC signatures)",
            _hex_key,
            _adyen,
            good=b"[accepted]",
        ),
        Scheme(
            "standard",
            "Standard Webhooks: HMAC-SHA256 of ID, time and body in webhook-signature, 300 s (standardwebhooks.com)",
            _standard_key,
            _standard,
        ),
        Scheme(
            "secret",
            "a shared secret in X-Orderwatch-Secret or credential, as bearer token, as the password of Basic, or as ?key= of the URL",
            plain,
            _secret,
        ),
        scheme_of(
            "woocommerce",
            WOO,
            "woocommerce.github.io, REST API, Webhooks; the unsigned ping of a new webhook is answered with 200",
            is_ping=_woo_ping,
        ),
        scheme_of(
            "shippo",
            Hmac(header="Shippo-Auth-Signature", signed="{timestamp}.{body}", field="v1", timestamp_field="t"),
            "docs.goshippo.com, Webhook security: HMAC",
        ),
        scheme_of(
            "square",
            Hmac(header="x-square-hmacsha256-signature", signed="{url}{body}", encoding="base64"),
            "developer.squareup.com, Validate that the notification is from Square",
        ),
        Scheme(
            "bigcommerce",
            "Standard Webhooks, as `standard`; the secret is the client secret of the app that made the webhook (docs.bigcommerce.com)",
            plain,
            _bigcommerce,
        ),
    )
}
"""By name, as adapters and connections name it."""
