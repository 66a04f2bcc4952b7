"""What signature schemes have in common: reading what was sent, and comparing it in constant time."""

from __future__ import annotations

import hmac
from base64 import b64decode, urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal, TypeAlias

from sources.gateway.request import Request

Fault: TypeAlias = Literal["forged", "stale"]
Verify: TypeAlias = "Callable[[Request, Sequence[bytes], float], Fault | None]"

TOLERANCE_S: Final = 300
"""How far a signed timestamp may be from our clock, either way: what Stripe and Standard Webhooks recommend."""
MOST_SIGNATURES: Final = 32
"""Signatures of one request that are looked at; senders give one for each of their own secrets."""
MILLISECONDS: Final = 13
"""Digits of a timestamp in milliseconds, from 2001 to 2286; one in seconds has ten."""


def no_ping(request: Request) -> bool:
    """The system sends nothing unsigned."""
    del request
    return False


@dataclass(frozen=True, slots=True)
class Scheme:
    """A way of signing. `key` turns a configured secret into the key and raises ValueError for one that cannot be one."""

    name: str
    how: str
    """What is signed and where the signature stands, in one line, with who documents it."""
    key: Callable[[str], bytes]
    verify: Verify
    good: bytes = b"ok\n"
    """The body of a 2xx, where the system wants to read something there."""
    headers: tuple[str, ...] = ()
    """Headers that bear the signature and are not known by their names as such: they are not kept."""
    signs_url: bool = False
    """Whether the URL is signed, and so must be known."""
    is_ping: Callable[[Request], bool] = no_ping
    """Whether a request that is not signed is the system's trial of the address, which it wants answered with 200."""


def same(signatures: Iterable[bytes], expected: Iterable[bytes]) -> bool:
    """Whether one of the signatures is one of those expected; compares each with each."""
    given, found = tuple(signatures)[:MOST_SIGNATURES], False
    for wanted in expected:
        for one in given:
            found |= hmac.compare_digest(one, wanted)
    return found


def digest(key: bytes, *parts: bytes, algorithm: str = "sha256") -> bytes:
    """HMAC of some parts, one after the other."""
    made = hmac.new(key, digestmod=algorithm)
    for part in parts:
        made.update(part)
    return made.digest()


def timely(at: float, now: float, tolerance: float = TOLERANCE_S) -> bool:
    """Whether a timestamp (seconds since the epoch) is neither too old nor too far ahead."""
    return abs(now - at) <= tolerance


def unbased(text: str) -> bytes:
    """The bytes of base64; nothing where it is none, which no digest equals."""
    try:
        return b64decode(text.strip(), validate=True)
    except (Base64Error, ValueError):
        return b""


def unbased_url(text: str) -> bytes:
    """The bytes of base64url (RFC 4648, section 5), padded or not; nothing where it is none."""
    text = text.strip().rstrip("=")
    if not all(one.isascii() and (one.isalnum() or one in "-_") for one in text):
        return b""  # the library would pass over what does not belong there
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        return b""


def unhexed(text: str) -> bytes:
    """The bytes of hexadecimal digits; nothing where it is none."""
    try:
        return bytes.fromhex(text.strip())
    except ValueError:
        return b""


def seconds(text: str) -> int | None:
    """A timestamp in whole seconds since the epoch."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 12 else None


def instant(text: str) -> float | None:
    """A timestamp (seconds since the epoch) in seconds, in milliseconds, as ISO 8601 or as an HTTP date, with its zone."""
    text = text.strip()
    if text.isascii() and text.isdecimal() and len(text) <= MILLISECONDS:
        return int(text) / 1_000 if len(text) == MILLISECONDS else int(text)
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
        except (ValueError, TypeError):
            continue
        if found.tzinfo is not None:
            return found.timestamp()
    return None


def plain(secret: str) -> bytes:
    """The key of most systems: the secret as it is written."""
    return secret.encode()
