"""What one body holds: a JSON object, an array of them, or JSON Lines; compressed or not. One piece that is wrong stops no other.

The form is seen by the body itself: what is said of its type is often wrong (`curl -d` says that it is a form).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final, cast

import orjson

GZIP_WBITS: Final = 31
PROBLEMS: Final = {"not_json": "not JSON", "not_an_object": "not a JSON object", "too_deep": "nested too deep"}
"""Why a piece is no object, in words."""
MOST_PIECES: Final = 10_000
"""Events or decisions in one body."""


class UnreadableBodyError(Exception):
    """The body as a whole cannot be taken: a reason and a detail, without any of its content."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Piece:
    """What should be one event or decision: an object, or why it is none. `text` is what came, for whoever keeps what was refused."""

    value: dict[str, object] | None
    text: bytes
    problem: str = ""


def unzipped(body: bytes, most: int) -> bytes:
    """The content of a gzip body. Raises UnreadableBodyError if it is none, or holds more than `most` bytes."""
    inflate = zlib.decompressobj(GZIP_WBITS)
    try:
        content = inflate.decompress(body, most + 1)
    except zlib.error:
        raise UnreadableBodyError("bad_encoding", "the body is not gzip") from None
    if len(content) > most:
        raise UnreadableBodyError("too_large", f"more than {most} bytes when decompressed")
    if not inflate.eof or inflate.unused_data:
        raise UnreadableBodyError("bad_encoding", "the gzip body is torn, or something follows it")
    return content


def pieces_of(body: bytes) -> list[Piece]:
    """What a body holds, in its order. Raises UnreadableBodyError for none at all, too many, or an array that is no JSON."""
    stripped = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not stripped:
        raise UnreadableBodyError("not_json", "the body is empty")
    try:
        whole: object = orjson.loads(stripped)
    except orjson.JSONDecodeError as error:
        lines = [line for line in stripped.splitlines() if line.strip()]
        # An array that is torn has lines that are JSON, too: it is lines only if already its first one is.
        if len(lines) == 1 or (stripped.startswith(b"[") and _line(lines[0]).problem == "not_json"):
            raise UnreadableBodyError("not_json", f"line {error.lineno}, column {error.colno}") from None
        if len(lines) > MOST_PIECES:
            raise UnreadableBodyError("too_many", f"more than {MOST_PIECES:,} in one body") from None
        found = [_line(line) for line in lines]
        if all(piece.problem == "not_json" for piece in found):
            raise UnreadableBodyError("not_json", f"line {error.lineno}, column {error.colno}") from None
        return found
    if not isinstance(whole, list):
        return [_piece(whole, stripped)]
    parts = cast("list[object]", whole)
    if not parts:
        raise UnreadableBodyError("not_json", "the array is empty")
    if len(parts) > MOST_PIECES:
        raise UnreadableBodyError("too_many", f"more than {MOST_PIECES:,} in one body")
    return [_piece(part, None) for part in parts]


def _line(line: bytes) -> Piece:
    try:
        return _piece(orjson.loads(line), line)
    except orjson.JSONDecodeError:
        return Piece(None, line, "not_json")


def _piece(value: object, text: bytes | None) -> Piece:
    try:
        raw = orjson.dumps(value) if text is None else text
    except orjson.JSONEncodeError:
        return Piece(None, b"", "too_deep")
    return Piece(cast("dict[str, object]", value), raw) if isinstance(value, dict) else Piece(None, raw, "not_an_object")
