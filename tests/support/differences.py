"""What two runs said differently: lines of exceptions, actions and rejects by order and kind."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOPICS = ("exceptions", "actions", "incidents", "rejects")
"""What a replay writes, by the names of its files."""


class About(NamedTuple):
    """What a line speaks of: the exception, order and kind; of a reject the order and the reason."""

    topic: str
    tenant: str
    order: str
    kind: str
    exception: str


class Difference(NamedTuple):
    """What was said of one thing before and after; the lines that both said in the same order are left out."""

    about: About
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]

    @property
    def sort(self) -> str:
        """`missing` (no longer said), `new` (only said now) or `changed`."""
        if not self.after:
            return "missing"
        return "changed" if self.before else "new"


def without_words(said: Mapping[str, bytes]) -> dict[str, bytes]:
    """What was said, without what newer releases say in other words or besides.

    The sentence, the instant of the change, related orders, and whether it began in history that was told.
    """
    plain = b"".join(_plain(line) + b"\n" for line in said["exceptions"].splitlines())
    return {**said, "exceptions": plain}


def _plain(line: bytes) -> bytes:
    event = cast("dict[str, Any]", orjson.loads(line))
    del event["time"], event["data"]["summary"]
    event["data"]["context"].pop("related", None)
    event["data"].pop("backfilled", None)
    return orjson.dumps(event)


def about(topic: str, line: bytes) -> About:
    """What a line of this topic speaks of."""
    event = cast("dict[str, object]", orjson.loads(line))
    data = cast("dict[str, object]", event.get("data") or {})
    kind = data.get("kind") or data.get("reason") or event.get("type")
    order = data.get("order_id") or event.get("subject") or ""
    return About(topic, str(event.get("tenant") or ""), str(order), str(kind), str(data.get("exception_id") or ""))


def differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Difference]:
    """What differs between the files of two runs (topic to bytes), by topic and order; empty if they are the same bytes.

    Lines that both runs say of all their orders alike, in another order among the orders, are one difference of the whole topic.
    """
    found: list[Difference] = []
    for topic in TOPICS:
        one, two = before.get(topic, b""), after.get(topic, b"")
        if one == two:
            continue
        by_thing = _grouped(topic, one.splitlines()), _grouped(topic, two.splitlines())
        own: list[Difference] = []
        for thing in sorted(by_thing[0].keys() | by_thing[1].keys()):
            told, telling = by_thing[0].get(thing, []), by_thing[1].get(thing, [])
            if told != telling:
                own.append(Difference(thing, *_trimmed(told, telling)))
        found += own or [_moved(topic, one.splitlines(), two.splitlines())]
    return found


def counts(found: Iterable[Difference]) -> Counter[tuple[str, str, str]]:
    """How many differences there are by topic, kind and sort."""
    return Counter((one.about.topic, one.about.kind, one.sort) for one in found)


def _grouped(topic: str, lines: Iterable[bytes]) -> dict[About, list[bytes]]:
    grouped: dict[About, list[bytes]] = {}
    for line in lines:
        grouped.setdefault(about(topic, line), []).append(line)
    return grouped


def _trimmed(one: list[bytes], two: list[bytes]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Without the lines that both begin with and both end with."""
    start = 0
    while start < min(len(one), len(two)) and one[start] == two[start]:
        start += 1
    end = 0
    while end < min(len(one), len(two)) - start and one[-1 - end] == two[-1 - end]:
        end += 1
    return tuple(one[start : len(one) - end]), tuple(two[start : len(two) - end])


def _moved(topic: str, one: list[bytes], two: list[bytes]) -> Difference:
    """Everything is the same but the order of the lines (or an end of a line): the first that stands elsewhere."""
    at = next((n for n, (left, right) in enumerate(zip(one, two, strict=False)) if left != right), None)
    if at is None:
        return Difference(About(topic, "", "", "(line ends)", ""), (b"",), (b"",))
    return Difference(About(topic, "", "", "(order of lines)", ""), (one[at],), (two[at],))
