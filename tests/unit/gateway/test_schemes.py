"""Signatures: what holds, what does not, and that the systems' own examples do."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from sources.gateway.request import Request
from sources.gateway.schemes import SCHEMES
from sources.gateway.signatures import TOLERANCE_S
from tests.support.webhooks import SECRETS, SIGN, URL, Sent, adyen_body, b64, mac, usps_body

NOW = 1_790_000_000
AT = datetime.fromtimestamp(NOW, UTC)
BODY = json.dumps({"order": "A-1", "note": "Grüße"}).encode()
TIMED = ("stripe", "standard", "shippo", "bigcommerce")
"""Schemes whose signatures bear a time."""


def body(scheme: str) -> bytes:
    """A body as the scheme's system sends it."""
    match scheme:
        case "adyen":
            return adyen_body("7914073381342284", "7914073381342285")
        case "usps":
            return usps_body("9400100000000000000011")
        case _:
            return BODY


def verify(scheme: str, sent: Sent, *secrets: str, now: float = NOW) -> str | None:
    """What is wrong with what was sent; with the scheme's own secret where none is given."""
    headers = {name.lower(): value for name, value in sent.headers.items()}
    keys = [SCHEMES[scheme].key(secret) for secret in secrets or (SECRETS[scheme],)]
    return SCHEMES[scheme].verify(Request(headers, sent.query.encode(), sent.body, AT, url=URL), keys, now)


def signed(scheme: str, at: int = NOW, secret: str | None = None) -> Sent:
    """A body as the scheme's system signs it."""
    return SIGN[scheme](secret or SECRETS[scheme], body(scheme), at)


def other(scheme: str) -> str:
    """Another secret of the form that the scheme demands."""
    return {"adyen": "00" * 32, "standard": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"}.get(scheme, "another")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_rightly_signed_holds(scheme: str) -> None:
    """With the one secret, and with any of several while they change over."""
    assert verify(scheme, signed(scheme)) is None
    assert verify(scheme, signed(scheme), other(scheme), SECRETS[scheme]) is None
    assert verify(scheme, signed(scheme), SECRETS[scheme], other(scheme)) is None


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_signed_with_another_secret_or_not_at_all_is_forged(scheme: str) -> None:
    """Also where no secret holds at the moment."""
    assert verify(scheme, signed(scheme), other(scheme)) == "forged"
    assert verify(scheme, signed(scheme, secret=other(scheme))) == "forged"
    assert verify(scheme, Sent({}, body(scheme))) == "forged"
    assert SCHEMES[scheme].verify(Request({}, b"", signed(scheme).body, AT), [], NOW) == "forged"


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme != "secret"])
def test_a_tampered_body_is_forged(scheme: str) -> None:
    """One changed byte of what is signed is enough."""
    sent = signed(scheme)
    assert verify(scheme, sent._replace(body=sent.body.replace(b"1", b"2", 1))) == "forged"
    assert verify(scheme, sent._replace(body=b"")) == "forged"


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme not in ("adyen", "secret")])
def test_a_truncated_or_odd_signature_is_forged(scheme: str) -> None:
    """Half of it, none of it, and what is neither base64 nor hexadecimal."""
    sent = signed(scheme)
    for keep, end in ((-6, ""), (0, ""), (12, "€é\x00"), (None, "zz")):
        headers = {name: value[:keep] + end for name, value in sent.headers.items()}
        assert verify(scheme, sent._replace(headers=headers)) == "forged"


@pytest.mark.parametrize("scheme", TIMED)
def test_a_signature_that_is_too_old_or_ahead_of_time_is_stale(scheme: str) -> None:
    """Either way beyond the tolerance; at the tolerance it holds."""
    assert verify(scheme, signed(scheme), now=NOW + TOLERANCE_S) is None
    assert verify(scheme, signed(scheme), now=NOW - TOLERANCE_S) is None
    assert verify(scheme, signed(scheme), now=NOW + TOLERANCE_S + 1) == "stale"
    assert verify(scheme, signed(scheme), now=NOW - TOLERANCE_S - 1) == "stale"


@pytest.mark.parametrize("scheme", TIMED)
def test_another_time_than_the_signed_one_is_forged(scheme: str) -> None:
    """An old request does not become a new one by saying so."""
    sent = signed(scheme, NOW - 3_600)
    fresh = {name: value.replace(str(NOW - 3_600), str(NOW)) for name, value in sent.headers.items()}
    assert fresh != sent.headers
    assert verify(scheme, sent._replace(headers=fresh)) == "forged"
    for odd in ("", "now", "-5", "1" * 30, "1e9", "١٧٩٠"):
        headers = {name: value.replace(str(NOW - 3_600), odd) for name, value in sent.headers.items()}
        assert verify(scheme, sent._replace(headers=headers)) == "forged"


def test_stripe_signs_with_several_secrets_while_one_is_rolled() -> None:
    """One v1 that holds is enough, wherever it stands; v0 is Stripe's test signature, and two times are none."""
    right, wrong = mac(SECRETS["stripe"].encode(), b"%d." % NOW, BODY).hex(), mac(b"old", b"%d." % NOW, BODY).hex()
    for header in (f"t={NOW},v1={wrong},v1={right}", f"t={NOW}, v1={right}, v1={wrong}", f"v1={right},t={NOW}"):
        assert verify("stripe", Sent({"stripe-signature": header}, BODY)) is None
    for header in (f"t={NOW},v0={right}", f"t={NOW},t={NOW},v1={right}", f"v1={right}", f"t={NOW}"):
        assert verify("stripe", Sent({"stripe-signature": header}, BODY)) == "forged"


def test_standard_webhooks_own_example_holds_and_its_library_agrees() -> None:
    """The specification's example, and whatever the reference library signs; what it refuses is refused here."""
    payload, at = b'{"test": 2432232314}', 1614265330
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": str(at)}
    example = headers | {"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
    assert verify("standard", Sent(example, payload), now=at) is None
    library = Webhook(SECRETS["standard"])
    now = datetime.now(UTC)
    theirs = library.sign("msg_2", now, BODY.decode())
    given = {"webhook-id": "msg_2", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": f"v2,AAAA v1,AAAA {theirs}"}
    assert verify("standard", Sent(given, BODY), now=now.timestamp()) is None
    ours = signed("standard", int(now.timestamp()))
    library.verify(ours.body, ours.headers)
    with pytest.raises(WebhookVerificationError):
        library.verify(b"{}", ours.headers)
    assert verify("standard", ours._replace(body=b"{}"), now=now.timestamp()) == "forged"


def test_standard_secrets_may_lack_prefix_and_padding() -> None:
    """As senders show them."""
    for secret in ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"):
        assert verify("standard", signed("standard"), secret) is None
    with pytest.raises(ValueError, match="base64"):
        SCHEMES["standard"].key("not base64!")


def test_easypost_normalises_its_secret_and_knows_a_second_header() -> None:
    """The example of its libraries; the second signature shows when it was made, and the first one still holds where it does not fit."""
    text = b'{"id":"evt_1","object":"Event"}'
    composed, decomposed = "s\u00e9cret", "se\u0301cret"
    first = {"x-hmac-signature": f"hmac-sha256-hex={mac(decomposed.encode(), text).hex()}"}
    assert verify("easypost", Sent(first, text), composed) is None
    for stamp in (AT.isoformat(), AT.strftime("%a, %d %b %Y %H:%M:%S +0000"), str(NOW)):
        path = "/hooks/easypost/acme"
        second = mac(decomposed.encode(), stamp.encode(), b"POST", path.encode(), text).hex()
        headers = {"x-hmac-signature-v2": f"hmac-sha256-hex={second}", "x-timestamp": stamp, "x-path": path}
        assert verify("easypost", Sent(headers, text), composed) is None
        assert verify("easypost", Sent(headers, text), composed, now=NOW + 400) == "stale"
        assert verify("easypost", Sent(headers | {"x-path": "/other"}, text), composed) == "forged"
        assert verify("easypost", Sent(headers | {"x-path": "/other"} | first, text), composed) is None


def test_aftership_has_two_names_for_its_header() -> None:
    """Tracking signs under one, returns and warranty under another."""
    signature = b64(mac(SECRETS["aftership"].encode(), BODY))
    assert verify("aftership", Sent({"as-signature-hmac-sha256": signature}, BODY)) is None


def test_adyens_own_example_holds_and_every_item_must() -> None:
    """The example of its libraries; one item that is not signed, or wrongly, spoils the request."""
    key = "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00"
    item = {
        "pspReference": "7914073381342284",
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704",
        "amount": {"value": 1130, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
        "additionalData": {"hmacSignature": "Ny9gS2veKo5E4w8/OL6xz1/wvT/hYkAXy1xNc/QvO4I="},
    }
    for success in ("true", True):
        request = {"notificationItems": [{"NotificationRequestItem": {**item, "success": success}}]}
        assert verify("adyen", Sent({}, json.dumps(request).encode()), key) is None
    sent = json.loads(signed("adyen").body)
    del sent["notificationItems"][1]["NotificationRequestItem"]["additionalData"]
    assert verify("adyen", Sent({}, json.dumps(sent).encode())) == "forged"
    for odd in (b"", b"[]", b"{}", b'{"notificationItems": []}', b'{"notificationItems": [1, null]}', b'{"notificationItems": {"a": 1}}'):
        assert verify("adyen", Sent({}, odd)) == "forged"
    assert SCHEMES["adyen"].good == b"[accepted]"


def test_usps_signs_the_payload_as_it_reads_not_as_it_is_written() -> None:
    """An escape more or less changes nothing; another time, another payload or none is forged."""
    sent = signed("usps")
    message = json.loads(sent.body)
    assert verify("usps", sent._replace(body=json.dumps(message, indent=2).encode())) is None
    assert verify("usps", Sent({"hmac-header": sent.headers["X-HMAC"]}, sent.body)) is None
    others: list[dict[str, object]] = [{"timestamp": "2026-05-01T10:00:01Z"}, {"payload": "{}"}, {"payload": {}}, {"timestamp": None}]
    for changed in others:
        assert verify("usps", sent._replace(body=json.dumps(message | changed).encode())) == "forged"
    for odd in (b"", b"[]", b"null", b"no json"):
        assert verify("usps", sent._replace(body=odd)) == "forged"


@pytest.mark.parametrize("scheme", ["fedex", "usps"])
def test_who_polls_a_carrier_passes_its_answers_on_with_the_secret(scheme: str) -> None:
    """Where there is no signature; one that does not hold is forged, whatever stands beside it."""
    beside = {"X-Orderwatch-Secret": SECRETS[scheme]}
    assert verify(scheme, Sent({"Authorization": f"Bearer {SECRETS[scheme]}"}, b"<TrackReply/>"), SECRETS[scheme]) is None
    assert verify(scheme, Sent({"X-Orderwatch-Secret": "another"}, b"<TrackReply/>")) == "forged"
    unsound = {name: b64(b"0" * 32) for name in signed(scheme).headers}
    assert verify(scheme, signed(scheme)._replace(headers=unsound)) == "forged"
    assert verify(scheme, signed(scheme)._replace(headers=unsound | beside)) == "forged"


def test_ups_sends_the_registered_credential_in_a_header() -> None:
    """Track Alert sends it as it is."""
    assert verify("secret", Sent({"credential": SECRETS["secret"]}, BODY)) is None
    assert verify("secret", Sent({"credential": "another"}, BODY)) == "forged"


def test_a_shared_secret_may_come_in_four_ways() -> None:
    """Its own header, a bearer token, the password of Basic, the URL; an empty one is none."""
    secret = "pass:wörd & more"
    basic = b64(f"orderwatch:{secret}".encode())
    ways = (
        Sent({"authorization": f"Bearer {SECRETS['secret']}"}, BODY),
        Sent({"authorization": f"bearer  {SECRETS['secret']} "}, BODY),
        Sent({}, BODY, "a=b&key=a+shared%20secret"),
    )
    for sent in ways:
        assert verify("secret", sent) is None
        assert verify("secret", sent, "another") == "forged"
    assert verify("secret", Sent({"authorization": f"Basic {basic}"}, BODY), secret) is None
    assert verify("secret", Sent({}, BODY, "key=pass%3Aw%C3%B6rd+%26+more"), secret) is None
    for odd in ({"authorization": "Basic !!"}, {"authorization": "Basic"}, {"authorization": "Digest x"}, {"x-orderwatch-secret": ""}):
        assert verify("secret", Sent(odd, BODY, "key=")) == "forged"


@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data())
def test_whatever_a_stranger_sends_is_forged(scheme: str, data: st.DataObject) -> None:
    """Headers as they come over the wire, each of those that schemes read; nothing raises."""
    value = st.text(st.characters(max_codepoint=255), max_size=60) | st.sampled_from(
        [f"t={NOW},v1=", "v1,", "hmac-sha256-hex=", "Basic Og==", "Bearer ", str(NOW), "t=1,v1=zz", "=" * 9, "Basic " + b64(b"a:b")]
    )
    names = ["x-shopify-hmac-sha256", "stripe-signature", "x-hmac-signature", "x-hmac-signature-v2", "x-timestamp", "x-path"]
    names += ["aftership-hmac-sha256", "webhook-id", "webhook-timestamp", "webhook-signature", "x-orderwatch-secret", "authorization"]
    names += ["x-wc-webhook-signature", "shippo-auth-signature", "x-square-hmacsha256-signature"]
    headers = data.draw(st.dictionaries(st.sampled_from(names), value))
    items = st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
    sent = data.draw(st.binary(max_size=50) | items.map(lambda item: json.dumps({"notificationItems": [item]}).encode()))
    request = Request(headers, data.draw(st.binary(max_size=40) | st.just(b"key=x")), sent, AT)
    assert SCHEMES[scheme].verify(request, [SCHEMES[scheme].key(SECRETS[scheme])], NOW) == "forged"


def test_a_secret_that_cannot_be_one_is_refused_without_being_shown() -> None:
    """Adyen's are hexadecimal."""
    with pytest.raises(ValueError, match="hexadecimal") as caught:
        SCHEMES["adyen"].key("topsecret")
    assert "topsecret" not in str(caught.value)
