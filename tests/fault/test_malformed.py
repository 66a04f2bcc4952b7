"""Ten thousand records that are no events: each is refused with a known reason, and nothing else ever leaves `decode`."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from schemas.events import DATA_MODELS
from schemas.wire import REASONS, Rejected, decode, decode_binary
from tests.support.events import payload, raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.wire import Reason

WRONG_TYPES: list[object] = [[1], {"a": [{}]}, 5, 1.5, True, [[None]], -(10**40)]
ABSURD = [
    "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1969-12-31T23:59:59Z",
    "275760-09-13T00:00:00Z",
    "now",
]
HUGE = ["1e400", "-1e400", "9" * 400, "-" + "9" * 5000, "1" + "0" * 30, "0." + "1" * 4000]


def cut(rng: random.Random, type_: str) -> bytes:
    """A record that ends too early."""
    whole = raw(type_)
    return whole[: rng.randrange(len(whole) - 1)]


def noise(rng: random.Random, _: str) -> bytes:
    """Bytes without meaning."""
    return rng.randbytes(rng.randrange(1, 300))


def broken_text(rng: random.Random, type_: str) -> bytes:
    """A byte that is no UTF-8, or a sequence that is overlong, a surrogate or beyond Unicode, somewhere."""
    whole = raw(type_)
    at = rng.randrange(len(whole))
    return whole[:at] + rng.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"]) + whole[at:]


def wrong_type(rng: random.Random, type_: str) -> bytes:
    """A required attribute that is something else altogether."""
    return raw(type_, **{rng.choice(["id", "source", "type", "time", "specversion"]): rng.choice(WRONG_TYPES)})


def missing(rng: random.Random, type_: str) -> bytes:
    """A required attribute that is not there."""
    return raw(type_, **{rng.choice(["id", "source", "type", "time", "specversion"]): ...})


def absurd_date(rng: random.Random, type_: str) -> bytes:
    """An instant that no order lived to see."""
    return raw(type_, **{rng.choice(["time", "recordedtime"]): rng.choice(ABSURD)})


def huge_number(rng: random.Random, _: str) -> bytes:
    """A quantity without end."""
    return raw("inventory.short", {"ordered": "N"}).replace(b'"N"', rng.choice(HUGE).encode())


def deep(rng: random.Random, type_: str) -> bytes:
    """Nesting that would overrun a stack, closed or not."""
    levels = rng.choice([300, 1000, 5000, 50_000])
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
    return raw(type_)[:-1] + f',"x":{opening * levels}1{closing * rng.choice([0, levels])}}}'.encode()


def unknown_type(rng: random.Random, type_: str) -> bytes:
    """A type that the contract does not have."""
    return raw(type_, type=type_ + rng.choice(["x", ".v2", " ", "\u0000", "\n"]))


def unknown_status(rng: random.Random, _: str) -> bytes:
    """A status or a hold that the contract does not have."""
    word = rng.choice(["DELIVERED", "", "delivered ", "null", "x" * 10_000])
    return rng.choice([raw("carrier.scan", {"status": word}), raw("order.hold_placed", {"hold": word})])


def trailing(rng: random.Random, type_: str) -> bytes:
    """A record and then something."""
    return raw(type_) + rng.choice([b"}", b"{}", b",", b"\x00", b"null", b"//"])


FAULTS: list[Callable[[random.Random, str], bytes]] = [
    cut, noise, broken_text, wrong_type, missing, absurd_date, huge_number, deep, unknown_type, unknown_status, trailing,
]  # fmt: skip
TYPES = sorted(DATA_MODELS)


def refused(record: bytes) -> Reason:
    """The reason for which a record is refused; fails if it is not."""
    with pytest.raises(Rejected) as caught:
        decode(record)
    assert len(caught.value.detail) < 300
    return caught.value.reason


def test_ten_thousand_malformed_records_are_each_refused_with_a_known_reason() -> None:
    """Eleven kinds of fault over all types; every reason but the size and the identity occurs."""
    rng = random.Random(20260424)
    seen = Counter(refused(FAULTS[number % len(FAULTS)](rng, rng.choice(TYPES))) for number in range(10_000))
    assert set(seen) <= set(REASONS)
    assert set(REASONS) - set(seen) == {"too_large", "no_identity"}


def test_bytes_changed_at_random_are_read_or_refused_and_never_anything_else() -> None:
    """What a flipped, lost or doubled byte does cannot be said beforehand; that it does no harm can."""
    rng = random.Random(7)
    read, reasons = 0, set[str]()
    for _ in range(10_000):
        record = bytearray(raw(rng.choice(TYPES)))
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(record))
            match rng.randrange(3):
                case 0:
                    record[at] = rng.randrange(256)
                case 1:
                    del record[at]
                case _:
                    record.insert(at, record[at])
        try:
            decode(bytes(record))
            read += 1
        except Rejected as refusal:
            reasons.add(refusal.reason)
    assert 0 < read < 10_000
    assert reasons <= set(REASONS)


def test_a_line_of_ten_megabytes_is_refused_without_being_parsed() -> None:
    """Even if it is a whole event."""
    event = payload("support.contacted", {"text": "x" * 10_000_000})
    assert refused(json.dumps(event).encode()) == "too_large"
    assert refused(b"[" * 10_000_000) == "too_large"


def test_a_mebibyte_of_escapes_or_of_brackets_takes_no_more_than_one_look() -> None:
    """The depth check is linear: quotes that never close, escapes without end."""
    size = (1 << 20) - 10
    for filler in (b'"', b'\\"', b"[", b"{", b"[]", b'"\\'):
        record = (b'{"a":"' + filler * (size // len(filler)))[: 1 << 20]
        assert refused(record) in {"not_json", "too_deep"}


def test_binary_mode_refuses_noise_too() -> None:
    """Headers and values of any bytes."""
    rng = random.Random(3)
    for _ in range(1000):
        headers = [(rng.choice(["ce_id", "ce_type", "ce_data", "ce_", "ce_time", "x"]), rng.randbytes(8)) for _ in range(4)]
        with pytest.raises(Rejected):
            decode_binary(headers, rng.randbytes(20))
