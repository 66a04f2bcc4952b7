"""HTTP/1.1 as a server of tests speaks it: by hand, so that it can also be spoken wrongly."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path of the URL, as it was sent."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """What stands behind the question mark."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Reply:
    """An answer: `body` is written as JSON unless it is bytes."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def encoded(self) -> bytes:
        """All bytes of it."""
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        head = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close", **self.headers}
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", *(f"{name}: {value}" for name, value in head.items())]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


async def read_request(reader: asyncio.StreamReader, first: bytes = b"") -> Received | None:
    """The next request, of which `first` has been read; None if the connection ends before its head does."""
    try:
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    line, *lines = head.strip().split("\r\n")
    method, target, _ = line.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    length = int(headers.get("content-length", 0))
    return Received(method, target, headers, await reader.readexactly(length) if length else b"")


def certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path, Path]:
    """An own CA, and a certificate of it for a name: the files of CA, certificate and key."""
    ca, ca_key, request, leaf, key = (folder / each for each in ("ca.pem", "ca.key", "leaf.csr", f"{name}.pem", f"{name}.key"))
    extensions = folder / "leaf.ext"
    extensions.write_text(f"subjectAltName=DNS:{name}\nauthorityKeyIdentifier=keyid\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    ca_ends = ("-addext", "keyUsage=critical,keyCertSign", "-subj", "/CN=tests")
    for command in (
        ("req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "3650", *ca_ends),
        ("req", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={name}"),
        ("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-out", leaf, "-days", "3650", "-extfile", extensions),
    ):
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    return ca, leaf, key
