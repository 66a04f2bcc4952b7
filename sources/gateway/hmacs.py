"""Signatures by HMAC as settings describe them: for any system that has no scheme of its own.

What is signed is written as a pattern: `{body}`, `{url}{body}`, `{timestamp}.{body}`, `v0:{timestamp}:{body}`. `{header:NAME}` stands for
the value of another header that is signed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sources.gateway.request import Request
from sources.gateway.signatures import (
    TOLERANCE_S,
    Fault,
    Scheme,
    digest,
    instant,
    no_ping,
    plain,
    same,
    timely,
    unbased,
    unbased_url,
    unhexed,
)

Encoding: TypeAlias = Literal["hex", "base64", "base64url"]
Digest: TypeAlias = Literal["sha1", "sha256", "sha512"]

DECODERS: Final[dict[Encoding, Callable[[str], bytes]]] = {"hex": unhexed, "base64": unbased, "base64url": unbased_url}
HOLE: Final = re.compile(r"\{([^{}]*)\}")
HEADER: Final = re.compile(r"header:([A-Za-z0-9!#$%&'*+.^_`|~-]+)")
"""A header that is signed along (RFC 9110, section 5.1: a token)."""
HOLES: Final = ("body", "url", "timestamp", "method")


@dataclass(frozen=True, slots=True)
class Hmac:
    """How a system signs. Raises ValueError when made of parts that do not go together; the message is one line."""

    header: str
    """The header with the signature."""
    signed: str = "{body}"
    encoding: Encoding = "hex"
    digest: Digest = "sha256"
    prefix: str = ""
    """What stands before the signature in its header, such as `sha256=`."""
    field: str | None = None
    """Its name, where the header is a list such as `t=…,v1=…`. It may stand there several times, once for each secret of the sender."""
    timestamp_header: str | None = None
    timestamp_field: str | None = None
    """The name of the timestamp in the same list."""
    tolerance: float = TOLERANCE_S
    """How far the timestamp may be from our clock, either way (seconds)."""

    def __post_init__(self) -> None:
        holes = HOLE.findall(self.signed)
        rest = HOLE.sub("", self.signed)
        if "{" in rest or "}" in rest:
            raise ValueError(f"signed: {self.signed!r} has a brace without its partner")
        for hole in holes:
            if hole not in HOLES and not HEADER.fullmatch(hole):
                raise ValueError(f"signed: {{{hole}}} is none of {', '.join(f'{{{one}}}' for one in HOLES)}, {{header:NAME}}")
        if "body" not in holes:
            raise ValueError("signed: {body} is missing: what is not signed proves nothing")
        stamped = self.timestamp_header is not None or self.timestamp_field is not None
        if self.timestamp_header is not None and self.timestamp_field is not None:
            raise ValueError("timestamp_header and timestamp_field: one of them is enough")
        if stamped and "timestamp" not in holes:
            raise ValueError("signed: {timestamp} is missing: a timestamp that is not signed proves nothing")
        if "timestamp" in holes and not stamped:
            raise ValueError("signed: {timestamp} needs timestamp_header, or timestamp_field")
        if self.timestamp_field is not None and self.field is None:
            raise ValueError("timestamp_field: goes with field, the name of the signature in the same header")

    @property
    def signs_url(self) -> bool:
        """Whether the URL must be known."""
        return "url" in HOLE.findall(self.signed)

    @property
    def how(self) -> str:
        """In one line, for people."""
        where = f"{self.field} of {self.header}" if self.field else self.header
        stamped = f", {self.tolerance:g} s" if "{timestamp}" in self.signed else ""
        return f"{self.encoding} HMAC-{self.digest.upper()} of {self.signed} in {where}{stamped}"

    def verify(self, request: Request, keys: Sequence[bytes], now: float) -> Fault | None:
        """What is wrong with a request."""
        given, stamp = self._sent(request)
        said = b"".join(self._parts(request, stamp))
        decode = DECODERS[self.encoding]
        expected = [digest(key, said, algorithm=self.digest) for key in keys]
        if not same((decode(one) for one in given), expected):
            return "forged"
        if stamp is None:
            return None
        at = instant(stamp)
        return None if at is not None and timely(at, now, self.tolerance) else "stale"

    def _sent(self, request: Request) -> tuple[list[str], str | None]:
        """The signatures, and the timestamp where there is one."""
        value = request.headers.get(self.header.lower(), "")
        stamp = request.headers.get(self.timestamp_header.lower(), "") if self.timestamp_header else None
        if self.field is None:
            # Whole, or one of several: a header that came twice is joined by a comma, and some list theirs with spaces.
            given = [value, *(part.strip() for part in value.split(",")), *value.split()]
        else:
            pairs = [part.strip().partition("=") for part in value.split(",")]
            given = [text for name, _, text in pairs if name == self.field]
            if self.timestamp_field is not None:
                stamps = [text for name, _, text in pairs if name == self.timestamp_field]
                stamp = stamps[0] if len(stamps) == 1 else ""
        return [one.removeprefix(self.prefix) for one in given if one.startswith(self.prefix)], stamp

    def _parts(self, request: Request, stamp: str | None) -> list[bytes]:
        """What is signed, piece by piece."""
        found: list[bytes] = []
        for number, part in enumerate(HOLE.split(self.signed)):
            if not number % 2:
                found.append(part.encode())
            elif part == "body":
                found.append(request.body)
            elif part == "url":
                found.append(request.url.encode())
            elif part == "method":
                found.append(request.method.encode())
            elif part == "timestamp":
                found.append((stamp or "").encode("latin-1", "replace"))
            else:
                found.append(request.headers.get(part.removeprefix("header:").lower(), "").encode("latin-1", "replace"))
        return found


def scheme_of(
    name: str,
    recipe: Hmac,
    source: str = "",
    key: Callable[[str], bytes] = plain,
    is_ping: Callable[[Request], bool] = no_ping,
) -> Scheme:
    """A scheme out of a recipe. `source`: who documents it."""
    how = f"{recipe.how} ({source})" if source else recipe.how
    return Scheme(name, how, key, recipe.verify, headers=(recipe.header.lower(),), signs_url=recipe.signs_url, is_ping=is_ping)
