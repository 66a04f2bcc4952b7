"""How deep JSON may be nested: a bound of our own, since the interpreter's would depend on who calls, and the encoder's is narrower."""

from __future__ import annotations

import re

MAX_DEPTH = 256
"""Deepest nesting of objects and arrays."""
_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]}]', re.DOTALL)


def too_deep(raw: bytes) -> bool:
    """Whether a JSON text is nested deeper than that."""
    # A level takes two bytes at least, so that short records need no look.
    if len(raw) <= 2 * MAX_DEPTH or raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for token in _TOKENS.findall(raw):
        if token in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif token in b"}]":
            depth -= 1
    return False
