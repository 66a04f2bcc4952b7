"""One order's whole life through the formats of real systems: the requests of `sources/examples/life`, as the guide follows them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from dataflows.cli.main import run
from schemas.values import micros, parse_instant
from tests.support.replays import Data, lines, replay, standing

if TYPE_CHECKING:
    from collections.abc import Iterable

EXAMPLES = Path(__file__).parents[2] / "sources" / "examples"
REQUESTS = sorted((EXAMPLES / "life").glob("*.json"))
UNTIL = micros(parse_instant("2026-05-12T00:00:00Z"))


def adapted(paths: Iterable[Path], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The contract events of captured requests, by the command that a person would use for each; the shop leaves payments to Stripe."""
    found: list[str] = []
    for path in paths:
        system = path.name.split("-")[1]
        omit = ["--omit", "payment.*"] if system == "shopify" else []
        assert run(["adapt", system, str(path), *omit]) == 0
        found += capsys.readouterr().out.splitlines()
    return found


def watched(events: Iterable[str], folder: Path, until: int = UNTIL) -> Path:
    """Where the output records on some events were written."""
    folder.mkdir()
    (folder / "events.jsonl").write_text("".join(f"{event}\n" for event in events), encoding="utf-8")
    replay(folder / "events.jsonl", folder / "out", EXAMPLES / "shop.policy.yaml", until=until)
    return folder / "out"


def outputs(out: Path) -> set[tuple[str, str]]:
    """Kind and status of what stands at the end."""
    return {(kind, status) for _, kind, _, status in standing(out)}


def data_of(event: Data) -> Data:
    """What an event says."""
    return cast("Data", event["data"])


def test_the_card_that_was_declined_and_the_parcel_that_stands_still(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The declined payment is raised and resolved, the silence after the last scan is raised when it is due, and nothing else is."""
    out = watched(adapted(REQUESTS, capsys), tmp_path / "life")
    said = lines(out, "exceptions")
    assert [(one["type"], data_of(one)["kind"], data_of(one)["detected_at"]) for one in said] == [
        ("exception.raised", "payment.declined_soft", "2026-05-04T14:00:30Z"),
        ("exception.resolved", "payment.declined_soft", "2026-05-04T14:04:10Z"),
        ("exception.raised", "shipment.scan_gap", "2026-05-09T06:25:00Z"),
        ("exception.raised", "shipment.eta_passed", "2026-05-10T09:00:00Z"),
    ]
    assert {one["subject"] for one in said} == {"5501234567890"}
    assert lines(out, "rejects") == []


@pytest.mark.parametrize("seed", range(12))
def test_neither_the_order_of_the_webhooks_nor_their_number_changes_the_end(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Webhooks overtake each other and come twice; a tracker's histories repeat all that was in the earlier ones.

    What came long before its order was an orphan for a while: that is said, and resolved.
    """
    rng = random.Random(seed)
    arrived = [*REQUESTS, *rng.sample(REQUESTS, 3)]
    rng.shuffle(arrived)
    out = watched(adapted(arrived, capsys), tmp_path / "shuffled")
    assert {kind for kind, status in outputs(out) if status == "open"} == {"shipment.scan_gap", "shipment.eta_passed"}
    open_ = {("shipment.scan_gap", "open"), ("shipment.eta_passed", "open")}
    assert outputs(out) <= open_ | {("payment.declined_soft", "resolved"), ("data.orphan_signal", "resolved")}


def test_without_the_last_scan_the_earlier_one_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The silence begins with what the carrier said last, whichever webhook it was in."""
    out = watched(adapted(REQUESTS[:5], capsys), tmp_path / "cut")
    gap = next(data for one in lines(out, "exceptions") if (data := data_of(one))["kind"] == "shipment.scan_gap")
    assert gap["due_at"] == "2026-05-08T23:40:00Z"


def test_a_parcel_that_never_moves_is_missed_from_its_label_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a scan there is no gap between scans: the first one is missed."""
    out = watched(adapted(REQUESTS[:4], capsys), tmp_path / "still")
    assert ("shipment.first_scan_missing", "open") in outputs(out)
