"""Signatures as settings describe them: every encoding, digest and pattern, and what they refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.gateway.hmacs import Hmac
from sources.gateway.request import Request
from sources.gateway.schemes import SCHEMES
from tests.support.webhooks import SECRETS, URL

NOW = 1_790_000_000
AT = datetime.fromtimestamp(NOW, UTC)
BODY = b'{"order": "A-1", "note": "Gr\xc3\xbc\xc3\x9fe"}'
KEY = b"a key"


def signature(said: bytes, algorithm: str = "sha256", encoding: str = "hex", key: bytes = KEY) -> str:
    """As a sender makes it."""
    made = hmac.new(key, said, algorithm).digest()
    if encoding == "hex":
        return made.hex()
    return (base64.b64encode if encoding == "base64" else base64.urlsafe_b64encode)(made).decode()


def verify(recipe: Hmac, headers: dict[str, str], body: bytes = BODY, *, now: float = NOW, keys: tuple[bytes, ...] = (KEY,)) -> str | None:
    """What is wrong with a request."""
    lowered = {name.lower(): value for name, value in headers.items()}
    return recipe.verify(Request(lowered, b"", body, AT, url=URL), keys, now)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
@pytest.mark.parametrize("prefix", ["", "sha256=", "v1,"])
def test_every_encoding_digest_and_prefix(algorithm: Any, encoding: Any, prefix: str) -> None:
    """The right one holds, with any of several keys; another key, body or header, or none, does not."""
    recipe = Hmac("X-Acme-Signature", encoding=encoding, digest=algorithm, prefix=prefix)
    right = prefix + signature(BODY, algorithm, encoding)
    assert verify(recipe, {"X-ACME-SIGNATURE": right}) is None
    assert verify(recipe, {"x-acme-signature": right}, keys=(b"old", KEY)) is None
    assert verify(recipe, {"x-acme-signature": right}, keys=(b"old", b"new")) == "forged"
    assert verify(recipe, {"x-acme-signature": right}, keys=()) == "forged"
    assert verify(recipe, {"x-acme-signature": right}, BODY + b" ") == "forged"
    assert verify(recipe, {"x-other": right}) == "forged"
    assert verify(recipe, {}) == "forged"
    assert verify(recipe, {"x-acme-signature": prefix}) == "forged"
    assert verify(recipe, {"x-acme-signature": right[:-3]}) == "forged"
    if prefix:
        assert verify(recipe, {"x-acme-signature": right.removeprefix(prefix)}) == "forged"


def test_base64url_may_lack_its_padding() -> None:
    """And what is plain base64 does not pass for it."""
    recipe = Hmac("s", encoding="base64url")
    odd = next(n for n in range(100) if {"-", "_"} & set(signature(b"%d" % n, encoding="base64url")))
    right = signature(b"%d" % odd, encoding="base64url")
    assert verify(recipe, {"s": right.rstrip("=")}, b"%d" % odd) is None
    assert verify(recipe, {"s": right.replace("-", "+").replace("_", "/")}, b"%d" % odd) == "forged"


@pytest.mark.parametrize(
    ("signed", "said"),
    [
        ("{url}{body}", URL.encode() + BODY),
        ("{timestamp}.{body}", b"%d." % NOW + BODY),
        ("v0:{timestamp}:{body}", b"v0:%d:" % NOW + BODY),
        ("{method}{url}{body}{timestamp}", b"POST" + URL.encode() + BODY + b"%d" % NOW),
        ("{header:X-Id}.{timestamp}.{body}", b"id-1.%d." % NOW + BODY),
        ("{body}", BODY),
    ],
)
def test_what_is_signed_is_a_pattern(signed: str, said: bytes) -> None:
    """URL, method, time and other headers, in any order, with anything between them; each of them counts."""
    stamped = "{timestamp}" in signed
    recipe = Hmac("X-Sign", signed=signed, timestamp_header="X-Time" if stamped else None)
    headers = {"X-Sign": signature(said), "X-Time": str(NOW), "X-Id": "id-1"}
    assert verify(recipe, headers) is None
    assert verify(recipe, headers, b"{}") == "forged"
    if stamped:
        assert verify(recipe, headers | {"X-Time": str(NOW + 1)}) == "forged"
        assert verify(recipe, {"X-Sign": signature(said)}) == "forged"
    if "X-Id" in signed:
        assert verify(recipe, headers | {"X-Id": "id-2"}) == "forged"
    if "{url}" in signed:
        elsewhere = Request({"x-sign": signature(said), "x-time": str(NOW)}, b"", BODY, AT, url=f"{URL}/")
        assert recipe.verify(elsewhere, [KEY], NOW) == "forged"


@pytest.mark.parametrize("stamp", [str(NOW), str(NOW * 1_000), AT.isoformat(), AT.strftime("%a, %d %b %Y %H:%M:%S GMT")])
def test_a_timestamp_holds_for_so_long(stamp: str) -> None:
    """In seconds, milliseconds, ISO 8601 or as an HTTP date; beyond the tolerance, either way, it is stale."""
    recipe = Hmac("X-Sign", signed="{timestamp}{body}", timestamp_header="X-Time", tolerance=60)
    headers = {"X-Sign": signature(stamp.encode() + BODY), "X-Time": stamp}
    assert [verify(recipe, headers, now=NOW + off) for off in (-61, -60, 0, 60, 61)] == ["stale", None, None, None, "stale"]


def test_a_timestamp_that_is_none_is_stale() -> None:
    """Though it is signed: nobody knows how old it is."""
    recipe = Hmac("X-Sign", signed="{timestamp}{body}", timestamp_header="X-Time")
    for stamp in ("", "soon", "2026-05-01T00:00:00", "-5", "9" * 40):
        assert verify(recipe, {"X-Sign": signature(stamp.encode() + BODY), "X-Time": stamp}) == "stale"


def test_a_list_of_fields_bears_signature_and_timestamp() -> None:
    """One of several signatures is enough; another field, two times or none do not do."""
    recipe = Hmac("X-Sign", signed="{timestamp}.{body}", field="v1", timestamp_field="t")
    right, wrong = signature(b"%d." % NOW + BODY), signature(b"else")
    for value in (f"t={NOW},v1={right}", f"v1={wrong}, v1={right}, t={NOW}", f"t={NOW},v0={wrong},v1={right}"):
        assert verify(recipe, {"X-Sign": value}) is None
    for value in (f"t={NOW},v0={right}", f"t={NOW},t={NOW},v1={right}", f"v1={right}", right, f"t={NOW};v1={right}"):
        assert verify(recipe, {"X-Sign": value}) == "forged"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"signed": "{url}"}, "signed: {body} is missing"),
        ({"signed": "{body}{nonce}"}, "signed: {nonce} is none of {body}, {url}, {timestamp}, {method}, {header:NAME}"),
        ({"signed": "{body"}, "signed: '{body' has a brace without its partner"),
        ({"signed": "{header:a b}{body}"}, "signed: {header:a b} is none of"),
        ({"signed": "{timestamp}{body}"}, "signed: {timestamp} needs timestamp_header, or timestamp_field"),
        ({"timestamp_header": "X-Time"}, "signed: {timestamp} is missing"),
        ({"signed": "{timestamp}{body}", "timestamp_field": "t"}, "timestamp_field: goes with field"),
        ({"signed": "{timestamp}{body}", "field": "v1", "timestamp_field": "t", "timestamp_header": "T"}, "one of them is enough"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(parts: dict[str, Any], said: str) -> None:
    """In one line."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says is looked at
        Hmac("X-Sign", **parts)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@given(
    st.text(st.characters(max_codepoint=255), max_size=60),
    st.text(st.characters(max_codepoint=255), max_size=20),
    st.binary(max_size=50),
    st.sampled_from(["hex", "base64", "base64url"]),
    st.sampled_from([None, "v1"]),
)
def test_whatever_a_stranger_sends_is_forged(value: str, stamp: str, body: bytes, encoding: Any, field: str | None) -> None:
    """Nothing raises."""
    recipe = Hmac("X-Sign", signed="{timestamp}{header:X-Id}{body}", encoding=encoding, field=field, timestamp_header="X-Time")
    assert verify(recipe, {"X-Sign": value, "X-Time": stamp, "X-Id": stamp}, body) == "forged"


def test_square_signs_its_url() -> None:
    """The example of its libraries, made with openssl: the URL of the settings and the body, one after the other."""
    url, body = "https://example.com/webhook", b'{"hello":"world"}'
    right = base64.b64encode(hmac.new(b"asdf1234", url.encode() + body, hashlib.sha256).digest()).decode()
    sent = {"x-square-hmacsha256-signature": right}
    square = SCHEMES["square"]
    assert square.signs_url
    assert square.verify(Request(sent, b"", body, AT, url=url), [b"asdf1234"], NOW) is None
    assert square.verify(Request(sent, b"", body, AT, url=f"{url}/"), [b"asdf1234"], NOW) == "forged"
    assert square.verify(Request(sent, b"", body, AT), [b"asdf1234"], NOW) == "forged"


def test_bigcommerces_secret_is_taken_as_it_is_written_or_as_base64() -> None:
    """Those who describe its signature differ; another secret holds in neither way."""
    secret = SECRETS["bigcommerce"]
    scheme = SCHEMES["bigcommerce"]
    for key in (secret.encode(), base64.b64decode(secret)):
        made = base64.b64encode(hmac.new(key, b"msg_1.%d." % NOW + BODY, hashlib.sha256).digest()).decode()
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": f"v1,{made}"}
        assert scheme.verify(Request(headers, b"", BODY, AT), [scheme.key(secret)], NOW) is None
        assert scheme.verify(Request(headers, b"", BODY, AT), [scheme.key("another")], NOW) == "forged"
        assert scheme.verify(Request(headers, b"", BODY, AT), [scheme.key(secret)], NOW + 301) == "stale"


def test_woocommerces_ping_is_known() -> None:
    """It is not signed, and says the number of the webhook and nothing else."""
    is_ping = SCHEMES["woocommerce"].is_ping
    assert is_ping(Request({}, b"", b"webhook_id=12", AT))
    for body, headers in (
        (b"webhook_id=", {}),
        (b"webhook_id=12&a=b", {}),
        (BODY, {}),
        (b"webhook_id=12", {"x-wc-webhook-signature": "x"}),
    ):
        assert not is_ping(Request(headers, b"", body, AT))
