"""Every line that a replay writes keeps the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from schemas.output_events import OUT_MODELS
from sources.simulator import write_world
from tests.support.replays import lines, replay

if TYPE_CHECKING:
    from pathlib import Path

Data = dict[str, object]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replayed world with every kind of fault."""
    folder = tmp_path_factory.mktemp("world")
    world = write_world(1_500, 4, folder / "world.jsonl")
    replay(world.path, folder / "out", world.policy_path)
    return folder / "out"


def test_every_event_out_fits_its_model(out: Path) -> None:
    """Exceptions and actions are what the contract's models say, envelope included."""
    events = [*lines(out, "exceptions"), *lines(out, "actions")]
    assert events
    for event in events:
        OUT_MODELS[str(event["type"])].model_validate_json(json.dumps(event))


def test_no_id_is_written_twice(out: Path) -> None:
    """Within a file every event has an ID of its own."""
    for topic in ("exceptions", "actions"):
        ids = [event["id"] for event in lines(out, topic)]
        assert len(ids) == len(set(map(str, ids)))


def test_the_sequence_of_an_exception_has_no_gap(out: Path) -> None:
    """An exception's events are numbered from 1, in the order of the file; detection never goes back in time."""
    last: dict[str, int] = {}
    detected: dict[str, str] = {}
    for event in lines(out, "exceptions"):
        data = cast("Data", event["data"])
        id_ = str(data["exception_id"])
        last[id_] = last.get(id_, 0) + 1
        assert data["sequence"] == last[id_]
        order = str(data["order_id"])
        assert str(data["detected_at"]) >= detected.get(order, "")
        detected[order] = str(data["detected_at"])


def test_an_action_lasts_as_long_as_its_exception(out: Path) -> None:
    """What is not open any more has no action that still waits, and nothing is withdrawn of what is open."""
    standing = {str(d["exception_id"]): d["status"] for d in (cast("Data", e["data"]) for e in lines(out, "exceptions"))}
    actions: dict[str, str] = {}
    for event in lines(out, "actions"):
        data = cast("Data", event["data"])
        actions[str(data["exception_id"])] = str(data["state"])
    assert {"withdrawn", "expired", "requested"} <= set(actions.values())
    for id_, state in actions.items():
        assert state in (("proposed", "requested", "blocked", "expired") if standing[id_] == "open" else ("withdrawn", "expired"))


def test_no_customer_data_gets_out(out: Path) -> None:
    """Neither texts nor address parts of the input stand in what is written."""
    for topic in ("exceptions", "actions"):
        written = (out / f"{topic}.jsonl").read_text(encoding="utf-8")
        assert not any(f'"{name}"' in written for name in ("postal_code", "address_hash", "suggestion", "text", "raw", "location"))
