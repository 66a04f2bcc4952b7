"""Requests that were refused are kept as they came, as lines that `orderwatch adapt SYSTEM FILE` reads again; without any secret."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Final

import orjson

from sources.gateway.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sources.gateway.request import Request

SECRET: Final = re.compile(r"secret|token|signature|hmac|auth|passw|credential|cookie|api-?key|-sig$", re.IGNORECASE)
"""Names of headers that are left out. No adapter reads one of them."""
FILES: Final = 8
"""How many full files are kept beside the one that is written."""


def captured(request: Request, system: str, connection: str, reason: str, secrets: Sequence[str]) -> bytes:
    """A request as `sources.adapters.captured` reads it. The URL's query is left out, and every header that has to do with secrets."""
    headers = {
        name: value for name, value in request.headers.items() if not SECRET.search(name) and not any(secret in value for secret in secrets)
    }
    line: dict[str, object] = {
        "received": request.received.isoformat(),
        "system": system,
        "connection": connection,
        "reason": reason,
        "headers": headers,
    }
    try:
        line["body"] = request.body.decode()
    except UnicodeDecodeError:
        line["body_base64"] = b64encode(request.body).decode()
    return orjson.dumps(line)


class Kept:
    """Refused requests in `folder`: genuine ones (`refused`) durably, forged ones (`forged`) as a sample. Each at most `most_bytes`.

    What is beyond goes, oldest file first, and is counted. Raises OSError when made if the folder cannot be written.
    """

    def __init__(self, folder: Path, most_bytes: int, *, fsync: bool = True) -> None:
        segment = max(1, most_bytes // (FILES + 1))
        self.refused = Journal(folder, "refused", segment_bytes=segment, keep=FILES, fsync=fsync)
        self.forged = Journal(folder, "forged", segment_bytes=max(1, segment // FILES), keep=1, fsync=False)

    @property
    def dropped(self) -> int:
        """Full files of refused requests that went to make room."""
        return self.refused.dropped

    def close(self) -> None:
        """Writes what waits."""
        self.refused.close()
        self.forged.close()
