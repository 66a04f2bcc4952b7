"""A rejected record outside the engine: as a line of JSON for people and their tools, byte for byte restorable.

Bytes stand as text where they are UTF-8, else as `{"base64": ...}`; the value stands in `text` or in `base64`.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast

import orjson

from schemas.record import Headers

UNKNOWN: Final = -1
HEADERS: Final = "headers: not a list of [name, value]"
Json: TypeAlias = "str | dict[str, str] | None"


@dataclass(frozen=True, slots=True)
class Reject:
    """A rejected record: where it stood, why it was rejected, and the original untouched. `value` is None of a tombstone.

    `cut` says what of the original is not there, by its part: `value`, `key`, `headers`.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    cut: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def place(self) -> str:
        """Where the original stood, as `topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def fields(self) -> dict[str, object]:
        """Why it was rejected and where it stood, as a line has it."""
        return {
            "reason": self.reason,
            "detail": self.detail,
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            **({"cut": dict(self.cut)} if self.cut else {}),
        }


def line(data: Mapping[str, object], value: bytes | None, key: bytes | None, headers: Headers) -> bytes:
    """A reject as a line: `data` (why and where), then the original: `text` or `base64`, and `key` and `headers` where it had any."""
    fields = dict(data)
    if value is not None:
        text = _json(value)
        if isinstance(text, str):
            fields["text"] = text
        else:
            fields["base64"] = b64encode(value).decode()
    if key is not None:
        fields["key"] = _json(key)
    if headers:
        fields["headers"] = [[name, _json(content)] for name, content in headers]
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def parse(raw: bytes) -> Reject:
    """Reads a line back. Raises `ValueError` (one line, without content) if it is none."""
    try:
        read: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValueError("not JSON") from error
    match read:
        case {"topic": str(topic), "partition": int(partition), "offset": int(offset)}:
            fields = cast("dict[str, object]", read)
        case _:
            raise ValueError("needs topic, partition and offset of the original")
    headers = fields.get("headers", [])
    if not isinstance(headers, list):
        raise ValueError(HEADERS)  # noqa: TRY004 (what is wrong is the line)
    value = _bytes({"base64": fields["base64"]}, "base64") if "base64" in fields else _bytes(fields.get("text"), "text")
    return Reject(
        topic,
        partition,
        offset,
        str(fields.get("reason", "")),
        str(fields.get("detail", "")),
        value,
        _bytes(fields.get("key"), "key"),
        tuple(_header(header) for header in cast("list[object]", headers)),
        _cut(fields),
    )


def _cut(fields: Mapping[str, object]) -> dict[str, object]:
    """What of the original is not there; of a line that a replay of files has written, `size` says so of the value."""
    cut = fields.get("cut", {"value": {"bytes": fields["size"]}} if "size" in fields else {})
    if not isinstance(cut, dict):
        raise ValueError("cut: not an object")  # noqa: TRY004 (what is wrong is the line)
    return cast("dict[str, object]", cut)


def _json(content: bytes | None) -> Json:
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(content).decode()}


def _bytes(content: object, field: str) -> bytes | None:
    match content:
        case None:
            return None
        case str():
            return content.encode()
        case {"base64": str(encoded)}:
            try:
                return b64decode(encoded, validate=True)
            except ValueError as error:
                raise ValueError(f"{field}: not base64") from error
        case _:
            raise ValueError(f'{field}: neither text nor {{"base64": ...}}')


def _header(header: object) -> tuple[str, bytes | None]:
    pair = cast("list[object]", header) if isinstance(header, list) else []
    if len(pair) != 2 or not isinstance(pair[0], str):
        raise ValueError(HEADERS)
    return pair[0], _bytes(pair[1], "headers")
