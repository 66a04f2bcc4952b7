"""The simulator's stream: contract events in the order of the file, the same for the same seed."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from dataflows.core.rules.load import load_policy
from schemas.deciding import is_decision
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
    """All that the contract knows is spoken, but for decisions and what others tell the customer."""
    unspoken = {name for name in DATA_MODELS if is_decision(name)} | {"message.sent"}
    assert {event.type for event in events} == set(DATA_MODELS) - unspoken


def test_lines_stand_in_the_order_in_which_they_become_known(events: list[Event]) -> None:
    """The file is sorted by `recordedtime`, else `time`."""
    known = [log(event) for event in events]
    assert known == sorted(known)


def test_only_duplicates_share_an_id_and_they_say_the_same(lines: list[bytes]) -> None:
    """A source and an ID name one event; a second line with both differs in `recordedtime` at most."""
    seen: dict[tuple[str, str], dict[str, object]] = {}
    twice = 0
    for line in lines:
        event = json.loads(line)
        event.pop("recordedtime", None)
        key = event["source"], event["id"]
        twice += key in seen
        assert seen.setdefault(key, event) == event
    assert 0.002 < twice / len(lines) < 0.02


def test_the_same_seed_gives_the_same_bytes(lines: list[bytes]) -> None:
    """A world is a function of its size and its seed."""
    assert list(stream(ORDERS, 1)) == lines
    assert list(stream(ORDERS, 2)) != lines


def test_the_feeds_misbehave_as_real_ones_do(events: list[Event]) -> None:
    """Late scans, scans and payments without subject, and outages whose events all come at their end."""
    scans = [event for event in events if event.type == "carrier.scan"]
    assert sum(log(scan) - scan.time > timedelta(hours=1) for scan in scans) > len(scans) / 100
    assert len(scans) / 4 < sum(scan.subject is None for scan in scans) < len(scans) * 3 / 4
    assert any(event.type == "payment.captured" and event.subject is None for event in events)
    for outage in OUTAGES:
        inside = [event for event in events if outage.holds(event.source, int(event.time.timestamp()), OPENING)]
        late = [event for event in inside if log(event).timestamp() >= OPENING + outage.end]
        assert late, outage
        assert len(late) > len(inside) * 0.8, "a few are fixed by a fault"


def test_all_is_over_a_day_before_the_end(events: list[Event]) -> None:
    """Nothing happens in the last day, and sources give signs of life up to it."""
    assert log(events[0]).timestamp() >= OPENING
    assert log(events[-1]).timestamp() < END - 86_400
    beats = Counter(event.source for event in events if event.type == "feed.heartbeat")
    assert min(beats.values()) > 10


def test_orders_are_placed_over_clock_changes_and_holidays(events: list[Event]) -> None:
    """The weeks hold both changes to summer time and Easter."""
    days = {event.time.astimezone(UTC).date().isoformat() for event in events if event.type == "order.placed"}
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
