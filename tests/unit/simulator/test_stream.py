"""The simulator's stream: contract events in the order of the file, the same for the same seed."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from dataflows.core.rules.load import load_policy
from schemas.events import DATA_MODELS
from schemas.wire import Event, decode
from sources.simulator import policy_text, stream, write_world
from sources.simulator.feeds import OUTAGES
from sources.simulator.moments import END, OPENING, PLACING, instant, is_quiet, next_open
from sources.simulator.topology import SITES

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = 3_000


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    """A world of some size."""
    return list(stream(ORDERS, 1))


@pytest.fixture(scope="module")
def events(lines: list[bytes]) -> list[Event]:
    """The same, decoded: every line is an event of the contract."""
    return [decode(line) for line in lines]


def log(event: Event) -> datetime:
    """When it became known."""
    return event.recordedtime or event.time


def test_every_line_is_an_event_of_the_contract(events: list[Event]) -> None:
    """All that the contract knows is spoken, but for what people and other engines say."""
    unspoken = {name for name in DATA_MODELS if name.startswith(("case.", "action."))}
    assert {"2026-03-08", "2026-03-29", "2026-04-03", "2026-04-06"} <= days
    assert not is_quiet(OPENING, 56)
    assert OPENING + PLACING < END


def test_events_of_a_warehouse_carry_its_local_offset(events: list[Event]) -> None:
    """Offsets change with summer time."""
    offsets = {event.time.utcoffset() for event in events if event.source == "/warehouse/ams1"}
    assert offsets == {timedelta(hours=1), timedelta(hours=2)}


def test_a_file_and_its_compressed_twin_hold_the_same(tmp_path: Path) -> None:
    """Writing twice gives the same bytes; the expected file and the policy lie beside it."""
    plain = write_world(60, 3, tmp_path / "world.jsonl")
    packed = write_world(60, 3, tmp_path / "packed.jsonl.gz")
    again = write_world(60, 3, tmp_path / "again.jsonl.gz")
    assert gzip.decompress(packed.path.read_bytes()) == plain.path.read_bytes() == b"".join(line + b"\n" for line in stream(60, 3))
    assert packed.path.read_bytes() == again.path.read_bytes()
    assert packed.expected_path == tmp_path / "packed.expected.jsonl"
    assert packed.expected_path.read_bytes() == plain.expected_path.read_bytes()
    header = json.loads(plain.expected_path.read_bytes().splitlines()[0])
    assert header == {"until": instant(END), "orders": 60, "seed": 3, "events": plain.events}
    assert plain.events == len(plain.path.read_bytes().splitlines())


def test_the_policy_is_valid_and_knows_the_sites(tmp_path: Path) -> None:
    """The file beside a world is a policy that the engine takes."""
    path = tmp_path / "p.yaml"
    path.write_text(policy_text(), encoding="utf-8")
    policy = load_policy(path)
    assert {"picked", "return_shipped"} <= policy.emits
    assert [policy.site_country(site.name) for site in SITES] == [site.country for site in SITES]


def test_a_world_without_orders_has_heartbeats_only() -> None:
    """The smallest world."""
    assert {decode(line).type for line in stream(0, 1)} == {"feed.heartbeat"}


@pytest.mark.parametrize(
    ("local", "opens"),
    [
        ("2026-03-04 11:20", "2026-03-04 11:20"),
        ("2026-03-04 06:00", "2026-03-04 08:00"),
        ("2026-03-27 16:00", "2026-03-30 08:00"),
        ("2026-04-01 15:00", "2026-04-07 08:00"),
    ],
)
def test_a_warehouse_rests_at_night_at_weekends_and_on_holidays(local: str, opens: str) -> None:
    """The next open instant, over the change to summer time and over Easter."""
    zone = SITES[0].zone
    at = int(datetime.fromisoformat(local).replace(tzinfo=zone).timestamp())
    assert datetime.fromtimestamp(next_open(at, zone), zone).strftime("%Y-%m-%d %H:%M") == opens
