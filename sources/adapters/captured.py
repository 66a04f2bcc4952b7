"""A request as it was captured: a JSON object of `headers` and `body`, as request inspectors and the gateway's own rejects write it.

`body` is the text of the body, or the value it held where the capture parsed it; `body_base64` holds bytes that are no text. `received`
(RFC 3339), `url` (path and query) and a `status` of an API's answer may stand beside.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from datetime import datetime
from typing import Final, cast

import orjson

from sources.adapters.base import Payload
from sources.texts import unmarked

SECRET: Final = re.compile(r"secret|token|signature|hmac|auth|passw|credential|cookie|api-?key|-sig$|^key$", re.IGNORECASE)
"""Names of headers and of parameters of a URL that have to do with secrets: no adapter or mapping reads one, and none is kept."""


def is_secret(name: str) -> bool:
    """Whether a header or a parameter of a URL has to do with secrets, by its name."""
    return SECRET.search(name) is not None


_MARKERS = ("headers", "request", "status", "received")
"""Of a capture, besides its body: at least one of them. What a system itself sends has none of these beside a `body`."""


def payload_of(raw: bytes, headers: dict[str, str] | None = None) -> Payload:
    """The payload in some bytes: what they capture if they are a captured request, else the bytes themselves.

    `headers` are added, and beat captured ones. Never raises: what is no capture is a payload, which its adapter then judges.
    """
    extra = {name.lower(): value for name, value in (headers or {}).items()}
    found = _capture(_plain(raw))
    if found is None:
        return Payload(raw, extra)
    body = found.get("body")
    if isinstance(found.get("body_base64"), str):
        try:
            content = b64decode(cast("str", found["body_base64"]), validate=True)
        except Base64Error:
            return Payload(raw, extra)
    elif isinstance(body, str):
        content = body.encode("utf-8", "replace")
    else:
        content = orjson.dumps(body)
    given = found.get("headers")
    named: dict[str, object] = cast("dict[str, object]", given) if isinstance(given, dict) else {}
    lowered = {name.lower(): _joined(value) for name, value in named.items()}
    url = found.get("url")
    return Payload(content, lowered | extra, _received(found.get("received")), url if isinstance(url, str) else None)


def payloads_of(raw: bytes, headers: dict[str, str] | None = None, *, by_line: bool = False) -> Iterator[tuple[int | None, Payload]]:
    """The payloads in a file, each with its line where a file has one in each: captured requests, as the gateway keeps them.

    `by_line`: also where its lines are JSON values and the whole is none, as logs of webhooks are.
    """
    text = _plain(raw)
    first, _, rest = text.lstrip().partition(b"\n")
    if rest.strip() and (_capture(first) is not None or (by_line and _is_json(first) and not _is_json(text))):
        for number, line in enumerate(text.split(b"\n"), 1):
            if line.strip():
                yield number, payload_of(line, headers)
    else:
        yield None, payload_of(raw, headers)


def _plain(raw: bytes) -> bytes:
    """The text without a byte order mark; what its mark belies is no capture, and stays as it is."""
    try:
        return unmarked(raw)
    except ValueError:
        return raw


def _is_json(raw: bytes) -> bool:
    """Whether this is a JSON object or array."""
    try:
        return isinstance(orjson.loads(raw), dict | list)
    except orjson.JSONDecodeError:
        return False


def _capture(raw: bytes) -> dict[str, object] | None:
    if raw.lstrip()[:1] != b"{":
        return None
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    found = cast("dict[str, object]", value)
    has_body = "body" in found or "body_base64" in found
    return found if has_body and any(marker in found for marker in _MARKERS) else None


def _joined(value: object) -> str:
    return ", ".join(str(item) for item in cast("list[object]", value)) if isinstance(value, list) else str(value)


def _received(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None and 2000 <= moment.year <= 2100 else None
