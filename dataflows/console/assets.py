"""The files of `static`, read and packed once: a first page asks for several of them at once, while it shows nothing."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

STATIC: Final = Path(__file__).parent / "static"
SERVED: Final = (".css", ".js", ".svg")
"""Files that pages ask for; beside them lie licences and where each was taken from."""
LEAST_PACKED: Final = 1_000


class Asset(NamedTuple):
    """A file. `packed`: by gzip; None where that is not worth it."""

    body: bytes
    packed: bytes | None
    type: str
    digest: str


@lru_cache(None)
def assets() -> Mapping[str, Asset]:
    """By name, with its folder."""
    found = sorted(path for path in STATIC.rglob("*") if path.suffix in SERVED)
    return {path.relative_to(STATIC).as_posix(): _read(path) for path in found}


def asset(name: str) -> str:
    """The name of a file with a part of its digest, so that browsers may keep it for ever."""
    return f"{name}?v={assets()[name].digest}"


async def serve_assets(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with one of them. Raises HTTPException."""
    found = assets().get(scope["path"].rpartition("/static/")[2])
    if found is None:
        raise HTTPException(404)
    if scope["method"] not in ("GET", "HEAD"):
        raise HTTPException(405)
    headers, body = {"Vary": "Accept-Encoding"}, found.body
    if found.packed is not None and "gzip" in Headers(scope=scope).get("accept-encoding", ""):
        headers["Content-Encoding"], body = "gzip", found.packed
    await Response(body, headers=headers, media_type=found.type)(scope, receive, send)


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    packed = gzip.compress(body, 9, mtime=0) if len(body) >= LEAST_PACKED else None
    return Asset(body, packed, mimetypes.guess_type(path.name)[0] or "application/octet-stream", hashlib.sha256(body).hexdigest()[:12])
