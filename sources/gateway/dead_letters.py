"""Requests that were refused are kept as they came, as lines that `orderwatch adapt SYSTEM FILE` reads again; without any secret.

They hold what the sender sent, customer data included: so they are bounded by size and by age.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode

import orjson

from sources.adapters.captured import is_secret
from sources.gateway.journal import Journal
from sources.gateway.request import Request

FILES: Final = 8
"""How many full files are kept beside the one that is written."""
DAYS: Final = 30
RECEIVED: Final = re.compile(rb'\{"received":"([^"]{1,40})"')
"""How every line begins."""


def captured(request: Request, system: str, connection: str, reason: str, secrets: Sequence[str], without: Sequence[str] = ()) -> bytes:
    """A request as `sources.adapters.captured` reads it, without the headers and parameters of its URL that have to do with secrets.

    `without` names further headers.
    """
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in without and not is_secret(name) and not any(secret in value for secret in secrets)
    }
    line: dict[str, object] = {
        "received": request.received.isoformat(),
        "system": system,
        "connection": connection,
        "reason": reason,
        "url": url_of(request, system, connection, secrets),
        "headers": headers,
    }
    try:
        line["body"] = request.body.decode()
    except UnicodeDecodeError:
        line["body_base64"] = b64encode(request.body).decode()
    return orjson.dumps(line)


def url_of(request: Request, system: str, connection: str, secrets: Sequence[str]) -> str:
    """The path and the query of a request, without the parameters that have to do with secrets."""
    given = parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)
    query = urlencode([(name, value) for name, value in given if not is_secret(name) and not any(secret in value for secret in secrets)])
    return f"/hooks/{system}/{connection}" + (f"?{query}" if query else "")


class DeadLetters:
    """Refused requests in `folder`: genuine ones (`refused`) durably, forged ones (`forged`) as a sample. Each at most `most_bytes`.

    What is beyond goes, oldest file first, and is counted; what is older than `days` goes with the next `purge`. Raises OSError when made
    if the folder cannot be written.
    """

    def __init__(self, folder: Path, most_bytes: int, *, days: int = DAYS, fsync: bool = True) -> None:
        self._age = timedelta(days=days)
        segment = max(1, most_bytes // (FILES + 1))
        self.refused = Journal(folder, "refused", segment_bytes=segment, keep=FILES, fsync=fsync)
        self.forged = Journal(folder, "forged", segment_bytes=max(1, segment // FILES), keep=1, fsync=False)

    @property
    def dropped(self) -> int:
        """Full files of refused requests that went to make room."""
        return self.refused.dropped

    async def purge(self, now: datetime) -> int:
        """Removes what was received too long ago, from full files and from those that are written; returns how many requests.

        A line without a time that can be read, which is none of ours, counts as old. Raises OSError.
        """
        oldest = now - self._age

        def is_old(line: bytes) -> bool:
            return bool(line) and _received(line) < oldest

        return await self.refused.purge(is_old) + await self.forged.purge(is_old)

    def close(self) -> None:
        """Writes what waits."""
        self.refused.close()
        self.forged.close()


def _received(line: bytes) -> datetime:
    match = RECEIVED.match(line)
    try:
        found = datetime.fromisoformat(match[1].decode()) if match else None
    except ValueError:
        found = None
    return found if found is not None and found.tzinfo is not None else datetime.min.replace(tzinfo=UTC)
