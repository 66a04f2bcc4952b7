"""Payloads as a changed or broken sender would send them: JSON by structure, anything by bytes."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import orjson

if TYPE_CHECKING:
    import random

Container: TypeAlias = "dict[str, Any] | list[Any]"

ODD: tuple[Any, ...] = (
    None, "", " ", 0, -1, 1, 10**12, 10**18, 1.5, -0.0, 1e300, True, False, [], {}, [None], {"": None}, "null", "0", "-1", "1e5",
    "2026-02-30T25:61:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "2026-03-29T02:30:00", "2026-W10-1T00:00:00", "2024-02-29",
    "2024-02-29T00:00:00+23:59:59", "\u0000", "\u202e\u0000", "é" * 600, "y" * 510, "x" * 5_000, "<a/>", "]]>", "{}", "'; --", "😀",
)  # fmt: skip
"""Values that programs trip over."""


def mutated(body: bytes, rng: random.Random) -> bytes:
    """The body with one to four things wrong with it."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _bytes(body, rng)
    if not isinstance(value, dict | list) or rng.random() < 0.15:
        return _bytes(body, rng)
    for _ in range(rng.randint(1, 4)):
        _one(value, rng)
    return orjson.dumps(value)


def _containers(value: Any) -> list[Container]:
    found: list[Container] = []
    waiting: list[Any] = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict | list) and here:
            container = cast("Container", here)
            found.append(container)
            waiting += container.values() if isinstance(container, dict) else container
    return found


def _one(value: Any, rng: random.Random) -> None:
    places = _containers(value)
    if not places:
        return
    place = rng.choice(places)
    key: Any = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
    here: Any = place[key]
    match rng.randrange(7):
        case 0:
            del place[key]
        case 1:
            place[key] = deepcopy(rng.choice(ODD))  # Later mutations may change what stands here.
        case 2:  # another value of the same payload, at the wrong place
            other = rng.choice(places)
            there: Any = rng.choice(list(other.values())) if isinstance(other, dict) else rng.choice(other)
            # A copy: the value may hold the very place that it is put into.
            place[key] = orjson.loads(orjson.dumps(there))
        case 3:
            place[key] = [here, here] if not isinstance(here, dict | list) else orjson.loads(orjson.dumps([here, here]))
        case 4 if isinstance(here, str):
            cut = rng.randrange(len(here) + 1)
            place[key] = here[:cut] + rng.choice(("", "\u0007", "9", "é", " ")) + here[cut:]
        case 5 if isinstance(here, int | float) and not isinstance(here, bool):
            # Tenfold only while JSON's numbers hold it: Shopify's identifiers have eighteen digits as it is.
            place[key] = rng.choice((-here, here * 10 if abs(here) < 10**17 else here // 10, here / 3, str(here)))
        case 6 if isinstance(place, list):
            rng.shuffle(place)
        case _:
            place[key] = str(here)[:100]


def _bytes(body: bytes, rng: random.Random) -> bytes:
    found = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        if not found:
            break
        begin = rng.randrange(len(found))
        end = min(len(found), begin + rng.randint(1, 30))
        match rng.randrange(5):
            case 0:
                del found[begin:end]
            case 1:
                found[begin] = rng.randrange(256)
            case 2:
                found[begin:begin] = found[begin:end]
            case 3:
                found[begin:end] = str(rng.choice(ODD)).encode("utf-8", "replace")
            case _:
                del found[begin:]
    return bytes(found)
