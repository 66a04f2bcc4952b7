"""Order updates: JSON Merge Patch (RFC 7396) over the fields of `order.placed`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

import msgspec

from schemas.events import OrderPlaced
from schemas.structs import struct_of

Patch: TypeAlias = dict[str, object]
"""`data` of an `order.updated`, as `schemas.wire.decode` returns it: only known fields, each checked; null removes."""

_FIELDS = struct_of(OrderPlaced)


def merge_patch(fields: OrderPlaced, patch: Mapping[str, object]) -> OrderPlaced:
    """`fields` (of a decoded `order.placed`, or of an earlier merge) after `patch`: objects merge, arrays are replaced whole, null removes.

    A total that is left without amount or without currency is no total.
    """
    known = {name: msgspec.to_builtins(getattr(fields, name)) for name, value in patch.items() if isinstance(value, dict)}
    merged = _merged(known, patch)
    total = cast("dict[str, object] | None", merged.get("total"))
    if total is not None and (total.get("amount") is None or total.get("currency") is None):
        merged["total"] = None
    changed = msgspec.convert(merged, _FIELDS)
    return cast("OrderPlaced", msgspec.structs.replace(cast("msgspec.Struct", fields), **{name: getattr(changed, name) for name in merged}))


def _merged(target: dict[str, object], patch: Mapping[str, object]) -> dict[str, object]:
    for name, value in patch.items():
        if isinstance(value, dict):
            inner = cast("dict[str, object] | None", target.get(name))
            target[name] = _merged(inner or {}, cast("dict[str, object]", value))
        else:
            target[name] = value
    return target
