"""Byte order marks, as editors and shells on Windows write them before a text: skipped where it is UTF-8, read where it is UTF-16 or 32."""

from __future__ import annotations

import codecs
from typing import Final

UTF8: Final = codecs.BOM_UTF8
WIDE: Final = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, with whose mark its own begins
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def wide(raw: bytes) -> str | None:
    """The encoding of wide characters that a mark before a text says; None if none does."""
    return next((name for feed_watermark, name in WIDE.items() if raw.startswith(feed_watermark)), None)


def unmarked(raw: bytes) -> bytes:
    """A text as UTF-8 without a mark. Without any mark it stays as it is.

    Raises ValueError, which names the encoding, if what follows the mark is not written in it.
    """
    name = wide(raw)
    if name is None:
        return raw.removeprefix(UTF8)
    try:
        return raw.decode(name).encode()
    except UnicodeError:
        raise ValueError(f"a byte order mark of {name}, and no {name}") from None
