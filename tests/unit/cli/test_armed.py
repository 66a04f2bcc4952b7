"""`orderwatch policy armed`: for what anybody waits, of whom, and why not of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import orjson
import pytest

from dataflows.cli import main as cli
from dataflows.core.engine.shard import Shard
from dataflows.core.rules.load import load_policy
from dataflows.detect.names import ORDER_SHARDS
from dataflows.runtime.state import Pins, ShardStore, StateHome
from schemas.learned import Showing
from tests.support.logs import MINUTE, T0, iso

if TYPE_CHECKING:
    from pathlib import Path

Captured = pytest.CaptureFixture[str]


def scans(path: Path, orders: int, carrier: str = "ups") -> Path:
    """A file in which so many parcels are accepted, a minute after each other."""
    events = (
        {
            "specversion": "1.0",
            "id": f"{carrier}{n}",
            "source": f"/carrier/{carrier}",
            "type": "carrier.scan",
            "time": iso(T0 + n * MINUTE),
            "data": {"status": "accepted", "tracking_number": f"{carrier}{n}"},
        }
        for n in range(orders)
    )
    path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    return path


def told(capsys: Captured, *arguments: object) -> dict[str, dict[str, object]]:
    """What it says as JSON, by milestone."""
    assert cli.run(["policy", "armed", *map(str, arguments), "--json"]) == 0
    report = orjson.loads(capsys.readouterr().out)
    return {str(one["milestone"]): one for one in report["milestones"]}


def test_events_show_who_tells_what(tmp_path: Path, capsys: Captured) -> None:
    """A carrier that scanned twenty orders is waited for from there on, one that scanned nineteen is not, and says how far it is."""
    found = told(capsys, scans(tmp_path / "a.jsonl", 21), scans(tmp_path / "b.jsonl", 19, "dhl"))
    first = found["first_scan"]
    assert (first["armed"], first["why"], first["kinds"]) == (True, "learned", ["shipment.first_scan_missing"])
    tellers = [(one["place"], one["orders"], one["since"]) for one in cast("list[dict[str, object]]", first["tellers"])]
    assert tellers == [("dhl", 19, None), ("ups", 20, iso(T0 + 19 * MINUTE))]
    assert (found["progress"]["armed"], found["progress"]["why"]) == (False, "never shown")
    assert (found["delivered"]["armed"], found["delivered"]["why"]) == (True, "waited for from the start")


def test_it_reads_well(tmp_path: Path, capsys: Captured) -> None:
    """For a person: the milestone, whether it is armed and why, who told of it, and what waits for it."""
    assert cli.run(["policy", "armed", str(scans(tmp_path / "a.jsonl", 19))]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "first_scan not armed, shown by fewer than 20 orders default /carrier/ups ups: 19 of 20 orders" in said
    assert "waited for by shipment.first_scan_missing" in said


def test_a_list_replaces_what_was_learned(tmp_path: Path, capsys: Captured) -> None:
    """What the policy lists is armed, what it does not list is not, whatever was shown."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("emits: [placed, packed, scans]")
    found = told(capsys, scans(tmp_path / "a.jsonl", 21), "--policy", policy)
    assert {name for name, one in found.items() if one["armed"]} == {"placed", "packed", "first_scan", "progress", "delivered"}
    assert found["picked"]["why"] == "the policy's `emits` does not list it"


def test_a_state_says_what_its_engine_waits_for(tmp_path: Path, capsys: Captured) -> None:
    """Of all its shards together, though one was kept before another."""
    home = StateHome.open(tmp_path / "state")
    policy = load_policy(None)
    home.begin(Pins({"orders": 64}, {"order-events": 1}, {"order-exceptions": 1}, "0.1.0", policy.version, "name: default\n"))
    showings = [Showing((T0 + n, "t", 0, n, 0), "default", "picked", "/warehouse/w", "ams1", f"o{n}") for n in range(25)]
    for name, some in ((ORDER_SHARDS[0], showings[3:]), (ORDER_SHARDS[7], showings[:15])):
        shard, store = Shard(policy), ShardStore.open(home, name, None)
        shard.learn(some)
        for key, value in shard.changes():
            store.put(key, value)
        store.commit(shard.rows).wait()
        store.close()
    home.close()
    [teller] = cast("list[dict[str, object]]", told(capsys, "--state", tmp_path / "state")["picked"]["tellers"])
    assert (teller["place"], teller["orders"], teller["since"]) == ("ams1", 20, iso(T0 + 19))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["events.jsonl", "--state", "state"],
        ["--state", "."],
        ["--state", "state", "--policy", "policy.yaml"],
        ["absent.jsonl"],
        ["events.jsonl", "--policy", "absent.yaml"],
    ],
)
def test_what_it_cannot_use_is_refused(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """In one line, with exit code 2."""
    monkeypatch.chdir(tmp_path)
    scans(tmp_path / "events.jsonl", 1)
    assert cli.run(["policy", "armed", *arguments]) == 2
    assert capsys.readouterr().err.startswith("orderwatch") or arguments[-1] == "absent.yaml"
