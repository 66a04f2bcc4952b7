"""Bytes that are no events among events: each is refused with a reason, and no event suffers."""

from __future__ import annotations

import base64
import json
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from schemas.wire import REASONS
from sources.simulator import write_world
from tests.support.logs import T0, line
from tests.support.replays import lines, replay, standing, write

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = 10_000
NO_OBJECTS: list[object] = [None, True, 3, "text", [], {}]


def broken(rng: Random, number: int) -> bytes:
    """One of many ways not to be an event."""
    event = line(f"bad-{number}", T0)
    plain = json.loads(event)
    needed = rng.choice(["id", "source", "type", "time", "specversion", "subject"])
    ways: list[bytes] = [
        bytes(rng.randrange(1, 256) for _ in range(rng.randrange(1, 60))).replace(b"\n", b"?"),
        event[: rng.randrange(1, len(event))],
        b'{"a":' * 200,
        b"[" * rng.randrange(1, 100_000),
        json.dumps([plain]).encode(),
        json.dumps(rng.choice(NO_OBJECTS)).encode(),
        json.dumps(plain | {"type": "no.such"}).encode(),
        json.dumps(plain | {"time": rng.choice(["yesterday", 5, None, "2026-04-20T08:00:00", "2026-13-40T00:00:00Z"])}).encode(),
        json.dumps({name: value for name, value in plain.items() if name != needed}).encode(),
        json.dumps(plain | {"data": {"amount": {"amount": "many", "currency": "EUR"}}}).encode(),
        json.dumps(plain | {"type": "carrier.scan", "data": {"status": "teleported"}}).encode(),
        json.dumps(plain | {"id": "x\u0000y"}).encode(),
    ]
    return rng.choice(ways)


def test_ten_thousand_malformed_lines_stop_nothing(tmp_path: Path) -> None:
    """Every one is rejected with a reason, its place and its bytes; the events between them are judged as if it was not there."""
    rng = Random(17)
    world = write_world(60, 2, tmp_path / "world.jsonl")
    good = world.path.read_bytes().splitlines()
    places = Counter(rng.randrange(len(good)) for _ in range(BROKEN))
    mixed: list[bytes] = []
    bad: dict[int, bytes] = {}
    for index, event in enumerate(good):
        for _ in range(places[index]):
            raw = broken(rng, len(bad))
            while not raw.strip():
                raw = broken(rng, len(bad))
            mixed.append(raw)
            bad[len(mixed)] = raw
        mixed.append(event)

    replay(world.path, tmp_path / "clean", world.policy_path)
    settings = replay(write(tmp_path / "mixed.jsonl", mixed), tmp_path / "out", world.policy_path)

    rejects = lines(tmp_path / "out", "rejects")
    assert {row["offset"]: base64.b64decode(str(row["base64"])) if "base64" in row else str(row["text"]).encode() for row in rejects} == bad
    assert len(rejects) == BROKEN
    reasons = Counter(str(row["reason"]) for row in rejects)
    assert set(reasons) <= set(REASONS)
    assert len(reasons) >= 9
    assert all(row["detail"] and row["topic"] == "mixed.jsonl" for row in rejects)
    assert (settings.counts.events, settings.counts.refused) == (len(good), BROKEN)
    assert standing(tmp_path / "out") == standing(tmp_path / "clean")
