"""Payloads of the same kinds as those on which the product was once wrong, of other systems and in other forms: what they become.

A line of `kinds/*.jsonl` is a case: what is `given` (a named payload of `bases.json` `with` what differs, or a `body`), and what is
expected of it. Each line of `events` holds words of one event, and there are no others; those of `has` are among them, and no event has all
words of one of `never`. `refused` and `ignored` count. `raised` are the kinds that are raised `until` then, also what ends again.
"""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import orjson
import pytest

from schemas.values import micros
from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.histories import Remembered, settle
from sources.adapters.payments import united
from sources.adapters.translate import encoded
from sources.mapping import read_mapping
from tests.support.replays import lines, replay

if TYPE_CHECKING:
    from sources.adapters.base import Adapter
    from sources.adapters.output import Draft

Json: TypeAlias = dict[str, Any]
KINDS = Path(__file__).parent / "kinds"
POLICY = Path(__file__).resolve().parents[2] / "sources" / "examples" / "shop.policy.yaml"
BASES = cast("dict[str, Json]", json.loads((KINDS / "bases.json").read_text(encoding="utf-8")))
CASES = [cast("Json", json.loads(line)) for path in sorted(KINDS.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
GONE = "$gone"
"""Names the fields of a base that a payload does not have."""
SILENT = frozenset(("raw", "location", "customer", "ship_to", "channel", "service", "carrier", "account", "site"))
"""Fields of which these cases expect nothing."""


def patched(base: object, change: object) -> object:
    """A base with what a payload changes in it."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    known, other = cast("Json", base), cast("Json", change)
    kept = {name: value for name, value in known.items() if name not in other.get(GONE, ())}
    return kept | {name: patched(known.get(name), value) for name, value in other.items() if name != GONE}


def body_of(step: Json) -> bytes:
    """The bytes of a payload."""
    if "base64" in step:
        return b64decode(step["base64"])
    return orjson.dumps(patched(BASES[step["base"]], step.get("with", {})) if "base" in step else step["body"])


def headers_of(step: Json) -> dict[str, str]:
    """Its headers; Shopify's say when it was triggered, too."""
    headers = cast("dict[str, str]", step.get("headers", {}))
    return headers | ({"x-shopify-triggered-at": step["received"]} if "x-shopify-topic" in headers else {})


def words_of(draft: Draft) -> list[str]:
    """An event as words: its type, its time, its order, and what its data say."""
    data = cast("Json", draft["data"])
    found = [draft["type"], "@" + draft["time"].removeprefix("2026-").replace(":00Z", "Z").replace("T", " "), draft.get("subject") or "-"]
    for name, value in sorted(data.items()):
        if name == "lines":
            parts = cast("list[Json]", value)
            text = "+".join(f"{one.get('line_id', one.get('sku'))}x{one.get('quantity')}" for one in parts) or "[]"
        elif isinstance(value, dict) and "currency" in value:
            text = "".join(cast("dict[str, str]", value).values())
        else:
            text = str(cast("object", value))
        found += [] if name in SILENT else [f"{name}={text}"]
    return " ".join(found).split(" ")


class Kept:
    """What adapters remember, in memory."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


class Told:
    """What the payloads of a case became, one after the other, as a gateway that remembers tells them."""

    def __init__(self, case: Json, folder: Path) -> None:
        self.refused = self.ignored = 0
        self.events: dict[str, Draft] = {}
        memory = Kept()
        for step in case["given"]:
            stated = cast("Json", step.get("connection", {}))
            connection = AdapterConnection(
                zone=stated.get("zone", "UTC"),
                order_field=stated.get("order_field"),
                omit=tuple(stated.get("omit", ())),
                auto_capture=stated.get("auto_capture", False),
            )
            at = step.get("received")
            payload = Payload(body_of(step), headers_of(step), None if at is None else datetime.fromisoformat(at))
            found = translate(adapter_of(step, folder), payload, connection)
            self.refused += len(found.refused)
            self.ignored += len(found.ignored)
            drafts, kept = settle(found.events, found.histories, memory, connection)
            drafts, payments = united(drafts, found.steps, memory, connection)
            memory.known |= kept | payments
            for one in drafts:
                self.events.setdefault(f"{one['source']} {one['id']}", one)

    def recorded(self) -> list[bytes]:
        """The events in the order in which they were recorded."""
        stated = sorted(self.events.values(), key=lambda one: datetime.fromisoformat(one.get("recordedtime") or one["time"]))
        return [encoded(one) for one in stated]


def adapter_of(step: Json, folder: Path) -> Adapter:
    """The adapter of a system, or of a mapping."""
    if "mapping" not in step:
        return ADAPTERS[step["system"]]
    path = folder / "mapping.yaml"
    path.write_text(step["mapping"], encoding="utf-8")
    return read_mapping(path).adapter


def without(expected: list[str], events: list[list[str]]) -> list[list[str]]:
    """The events but for those that are expected, each once."""
    left = list(events)
    for text in expected:
        fitting = [event for event in left if all(any(word in one for one in event) for word in text.split())]
        assert fitting, f"{text}: none of {[' '.join(one) for one in left]}"
        left.remove(fitting[0])
    return left


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_a_payload_becomes_what_a_person_would_make_of_it(case: Json, tmp_path: Path) -> None:
    """Events, refusals, and what is raised by them."""
    told = Told(case, tmp_path)
    events = [words_of(one) for one in told.events.values()]
    left = without(cast("list[str]", case["events"] if "events" in case else case.get("has", [])), events)
    assert "events" not in case or not left
    for text in case.get("never", ()):
        assert not any(all(any(word in one for one in event) for word in text.split()) for event in events)
    assert told.refused == case.get("refused", 0)
    assert "ignored" not in case or told.ignored == case["ignored"]
    if "until" in case:
        path = tmp_path / "events.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in told.recorded()))
        replay(path, tmp_path / "out", POLICY, until=micros(datetime.fromisoformat(case["until"])))
        raised = {cast("Json", event["data"])["kind"] for event in lines(tmp_path / "out", "exceptions")}
        assert raised == set(case["raised"])
