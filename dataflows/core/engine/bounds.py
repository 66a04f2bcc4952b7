"""How large an output record may become, whatever the history of its order: it must fit the record of a topic.

A carrier that sends fifty thousand scans of one parcel, or an order of as many parcels, must not make one that no topic takes. Its
lists are then cut to their first members, and `cut` says how many there were; what it says and when is the same.
"""

from __future__ import annotations

from typing import cast

import orjson

from schemas.limits import MAX_OUTPUT_BYTES

MEMBERS = (1_000, 300, 100, 30, 10)
"""How many members a list keeps: the first of these with which the whole fits."""
MOST_TEXT = 10_000
"""How many characters a text keeps, where something is cut at all."""
ELLIPSIS = "…"


def encoded(event: dict[str, object], data: dict[str, object]) -> bytes:
    """An output record as JSON: an envelope and its data. Data that is too large is cut in place, so that it is what was said."""
    event["data"] = data
    body = orjson.dumps(event)
    if len(body) <= MAX_OUTPUT_BYTES:
        return body
    whole = dict(data)
    for most in MEMBERS:
        if len(body) <= MAX_OUTPUT_BYTES:
            break
        cut: dict[str, int] = {}
        data.update({key: _cut(value, key, most, cut) for key, value in whole.items()}, cut=cut)
        body = orjson.dumps(event)
    return body


def _cut(value: object, name: str, most: int, cut: dict[str, int]) -> object:
    """A copy without the members beyond `most` of each list; `cut` is told the greatest number that lists of a name had."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {key: _cut(inner, f"{name}.{key}", most, cut) for key, inner in fields.items()}
    if isinstance(value, list):
        members = cast("list[object]", value)
        if len(members) > most:
            cut[name] = max(cut.get(name, 0), len(members))
        return [_cut(inner, name, most, cut) for inner in members[:most]]
    if isinstance(value, str) and len(value) > MOST_TEXT:
        cut[name] = max(cut.get(name, 0), len(value))
        return value[:MOST_TEXT] + ELLIPSIS
    return value
