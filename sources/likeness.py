"""What a file that holds no events looks like, for whoever gave it by mistake."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Final, cast

MAGIC: Final = (
    (b"\x1f\x8b", "gzip within gzip"),
    (b"PK\x03\x04", "a ZIP archive, such as a spreadsheet"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"PAR1", "Parquet"),
    (b"Obj\x01", "Avro"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "PDF"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
"""How files of other kinds begin (their specifications)."""
OURS: Final = ("exception.", "action.", "incident.", "feed.stale", "feed.recovered")
"""Types of what the engine writes."""


def likeness(head: bytes) -> str | None:
    """What a file that begins with `head` looks like; None if nothing is known."""
    known = next((name for magic, name in MAGIC if head.startswith(magic)), None)
    if known or not head.strip():
        return known
    if b"\x00" in head:
        return "binary data"
    text = head.decode("utf-8-sig", errors="replace").lstrip()
    for start, name in (("<", "XML"), ("ISA", "X12"), ("UNA", "EDIFACT"), ("UNB", "EDIFACT"), ("[", "a JSON array"), ("---", "YAML")):
        if text.startswith(start):
            return name
    if text.startswith("{"):
        return _object(text)
    return "CSV" if _is_csv(text) else None


def _object(text: str) -> str | None:
    line = text.partition("\n")[0]
    try:
        found = json.loads(line)
    except ValueError:
        return "one JSON document over many lines" if line.strip() in {"{", "{}"} or not line.rstrip().endswith("}") else None
    if "__connect.errors.topic" in line or "reject" in found:
        return "rejects: `orderwatch rejects replay --import` reads them"
    if str(cast("dict[str, object]", found).get("type", "")).startswith(OURS):
        return "what the engine has written, not what it reads"
    return None if "specversion" in found else "JSON of another system"


def _is_csv(text: str) -> bool:
    lines = text.splitlines()[:-1] or text.splitlines()
    for sign in ",;\t|":
        widths = {len(row) for row in csv.reader(StringIO("\n".join(lines[:10])), delimiter=sign) if row}
        if len(widths) == 1 and widths.pop() > 1:
            return True
    return False
