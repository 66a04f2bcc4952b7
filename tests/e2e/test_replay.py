"""Whole replays: the same bytes whatever the way of reading, and what the words of the summary are worth."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dataflows.cli.main import run
from schemas.values import micros
from sources.paced import recorded
from sources.simulator import Summary, write_world
from tests.support.logs import HOUR, T0, iso, line
from tests.support.replays import command, lines, replay, standing, write, written

if TYPE_CHECKING:
    from pathlib import Path


class Written(NamedTuple):
    """A world on disk, and what a replay of it wrote."""

    summary: Summary
    until: int
    out: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A world of 120 orders, replayed once."""
    folder = tmp_path_factory.mktemp("world")
    summary = write_world(120, 4, folder / "world.jsonl")
    until = micros(datetime.fromisoformat(summary.until))
    replay(summary.path, folder / "out", summary.policy_path, until=until)
    return Written(summary, until, folder / "out")


def test_a_world_is_judged_as_its_labels_say(world: Written) -> None:
    """Every injected exception stands at the end as it was labelled, and no other."""
    labels = [json.loads(text) for text in world.summary.expected_path.read_bytes().splitlines()[1:]]
    wanted = {(row["order_id"], row["kind"], row["scope"], row["status"]) for row in labels}
    assert wanted
    assert set(standing(world.out)) == wanted


def test_two_replays_write_the_same_bytes(world: Written, tmp_path: Path) -> None:
    """Nothing in an output record depends on the run."""
    replay(world.summary.path, tmp_path, world.summary.policy_path, until=world.until)
    assert written(tmp_path) == written(world.out)


@pytest.mark.parametrize("chunk_bytes", [3_000, 70_000])
def test_the_size_of_batches_changes_nothing(world: Written, tmp_path: Path, chunk_bytes: int) -> None:
    """A replay that reads a few events at a time writes what one that reads all at once writes."""
    replay(world.summary.path, tmp_path, world.summary.policy_path, until=world.until, chunk_bytes=chunk_bytes)
    assert written(tmp_path) == written(world.out)


def test_a_folder_is_written_anew(world: Written, tmp_path: Path) -> None:
    """What an earlier run left behind is gone."""
    (tmp_path / "incidents.jsonl").write_text("old\n")
    (tmp_path / "exceptions.jsonl").write_text("old\n" * 100_000)
    replay(world.summary.path, tmp_path, world.summary.policy_path, until=world.until)
    assert written(tmp_path) == written(world.out)


def test_compressed_events_write_the_same_bytes(world: Written, tmp_path: Path) -> None:
    """Even the evidence names the same place."""
    packed = tmp_path / f"{world.summary.path.name}.gz"
    packed.write_bytes(gzip.compress(world.summary.path.read_bytes()))
    replay(packed, tmp_path / "out", world.summary.policy_path, until=world.until)
    assert written(tmp_path / "out") == written(world.out)


def test_standard_input_and_several_files_say_the_same(world: Written, tmp_path: Path) -> None:
    """Only the places in the evidence differ."""
    raw = world.summary.path.read_bytes()
    found = command(
        "replay", "-", "--policy", world.summary.policy_path, "--until", world.summary.until, "--out", tmp_path / "stdin", given=raw
    )
    assert found.returncode == 0, found.stderr
    events = raw.splitlines()
    parts = [write(tmp_path / f"{n}.jsonl", events[n::3]) for n in range(3)]
    replay(parts, tmp_path / "parts", world.summary.policy_path, until=world.until)
    expected = _unplaced(world.out)
    assert _unplaced(tmp_path / "stdin") == expected
    assert _unplaced(tmp_path / "parts") == expected


def _unplaced(out: Path) -> list[bytes]:
    """The exceptions without the places of their evidence."""
    text = written(out)["exceptions"]
    return re.sub(rb'"topic":"[^"]*","partition":\d+,"offset":\d+', b"", text).splitlines()


def test_duplicates_have_no_effect(world: Written, tmp_path: Path) -> None:
    """Any line again, anywhere later: the same exceptions, because the first one wins."""
    rng = Random(8)
    events = world.summary.path.read_bytes().splitlines()
    doubled: list[bytes] = []
    for event in events:
        doubled.append(event)
        if rng.random() < 0.3:
            doubled.append(rng.choice(doubled[-40:]))
    path = write(tmp_path / "doubled.jsonl", doubled)
    replay(path, tmp_path / "out", world.summary.policy_path, until=world.until)
    assert _unplaced(tmp_path / "out") == _unplaced(world.out)
    replay([world.summary.path, world.summary.path], tmp_path / "twice", world.summary.policy_path, until=world.until)
    assert standing(tmp_path / "twice") == standing(world.out)


def test_until_is_inclusive(tmp_path: Path) -> None:
    """A deadline at the instant fires, one a microsecond later does not; without --until time ends with the last record."""
    placed = line(
        "o", T0, "order.placed", data={"payment_terms": "prepaid", "method": "digital", "total": {"amount": "1.00", "currency": "EUR"}}
    )
    path = write(tmp_path / "e.jsonl", [placed])
    kinds: dict[int | None, set[str]] = {}
    for until in (None, T0 + 24 * HOUR - 1, T0 + 24 * HOUR):
        replay(path, tmp_path / "out", until=until)
        kinds[until] = {kind for _, kind, _, _ in standing(tmp_path / "out")}
    assert kinds[None] == set()
    assert "payment.capture_overdue" not in kinds[T0 + 24 * HOUR - 1]
    assert "payment.capture_overdue" in kinds[T0 + 24 * HOUR]


def test_a_replay_ends_at_until_however_far_the_events_go_on(world: Written, tmp_path: Path) -> None:
    """Cut in the middle of the world: the same as if nothing had been recorded after it, whatever the batches."""
    lines_ = [(recorded(event), event) for event in world.summary.path.read_bytes().splitlines()]
    until = lines_[len(lines_) // 3][0]
    path = write(tmp_path / world.summary.path.name, [event for at, event in lines_ if at <= until])
    replay(path, tmp_path / "cut", world.summary.policy_path, until=until)
    expected = written(tmp_path / "cut")
    assert expected["exceptions"]
    for chunk_bytes in (3_000, 70_000, 1 << 22):
        replay(world.summary.path, tmp_path / "out", world.summary.policy_path, until=until, chunk_bytes=chunk_bytes)
        assert _unplaced(tmp_path / "out") == _unplaced(tmp_path / "cut")


def test_records_after_until_are_not_applied(tmp_path: Path) -> None:
    """A capture after the end of the replay does not clear what stands at its end."""
    placed = line("o", T0, "order.placed", data={"method": "digital", "total": {"amount": "1.00", "currency": "EUR"}})
    captured = line("c", T0 + 25 * HOUR, data={"amount": {"amount": "1.00", "currency": "EUR"}})
    path = write(tmp_path / "e.jsonl", [placed, captured])
    replay(path, tmp_path / "early", until=T0 + 24 * HOUR)
    replay(path, tmp_path / "late")
    assert ("A-1", "payment.capture_overdue", None, "open") in standing(tmp_path / "early")
    assert ("A-1", "payment.capture_overdue", None, "resolved") in standing(tmp_path / "late")


def test_an_orphan_is_an_exception_with_its_alias_as_subject(tmp_path: Path) -> None:
    """Raised after fifteen minutes of log time, resolved when the alias is tied; one exception, two events."""
    events = [
        line("c", T0, order=None, data={"payment_id": "p1"}),
        line("a", T0 + HOUR, "payment.authorized", data={"payment_id": "p1"}),
    ]
    replay(write(tmp_path / "e.jsonl", events), tmp_path / "out", until=T0 + 2 * HOUR)
    said = [event for event in lines(tmp_path / "out", "exceptions") if event["subject"] == "payment_id:p1"]
    assert [(event["type"], event["time"]) for event in said] == [
        ("exception.raised", iso(T0 + HOUR // 4)),
        ("exception.resolved", iso(T0 + HOUR)),
    ]
    assert len({str(event["id"]).split(":")[0] for event in said}) == 1


def test_the_figures_of_the_summary_are_true(world: Written, tmp_path: Path) -> None:
    """Events, orders, exceptions and rejects are counted from what was written."""
    path = write(tmp_path / "e.jsonl", [*world.summary.path.read_bytes().splitlines(), b"nonsense"])
    found = command("replay", path, "--policy", world.summary.policy_path, "--until", world.summary.until, "--out", tmp_path / "out")
    assert (found.returncode, found.stderr) == (0, b"")
    text = found.stdout.decode()
    assert f"{world.summary.events:,} events of {world.summary.orders} orders" in text
    assert "1 record rejected: not_json 1" in text
    stands = standing(tmp_path / "out")
    total = text.splitlines()[[line.split()[:1] for line in text.splitlines()].index(["all"])].split()
    said = {str(event["data"]["exception_id"]) for event in lines(tmp_path / "out", "exceptions")}  # type: ignore[index]
    states = [sum(n for (_, _, _, status), n in stands.items() if status == name) for name in ("resolved", "suppressed", "open")]
    assert [int(total[n]) for n in (1, 2, 5, 6)] == [len(said), *states]


def told(text: str, file: str) -> dict[str, int]:
    """What the summary says of a file: how many lines, and how many of each type."""
    line_ = next(line for line in text.splitlines() if line.startswith(f"{file}.jsonl: "))
    first, _, rest = line_.partition(": ")[2].partition(": ")
    counts = {"lines": int(first.split()[0].replace(",", ""))}
    return counts | {word.split()[1]: int(word.split()[0].replace(",", "")) for word in rest.split(", ") if word}


def test_the_summary_counts_what_the_files_hold(world: Written, tmp_path: Path) -> None:
    """Lines by type as they stand in each file, and in words why not every exception was raised."""
    end = micros(datetime.fromisoformat(world.summary.until))
    parcel: dict[str, object] = {"tracking_number": "1ZLATE"}
    early = [
        line("o", end - 24 * HOUR, "order.placed", order="LATE", data={"payment_terms": "external"}),
        line("s", end - 20 * HOUR, "warehouse.shipped", order="LATE", data=parcel),
        line("d", end - 10 * HOUR, "carrier.scan", order="LATE", data={**parcel, "status": "delivered"}),
        # Hours late, when it has arrived: it is over by the time that it is heard of.
        line("x", end - 12 * HOUR, "carrier.scan", order="LATE", recorded=end - 9 * HOUR, data={**parcel, "status": "damaged"}),
    ]
    path = write(tmp_path / "e.jsonl", [*world.summary.path.read_bytes().splitlines(), *early, b"nonsense"])
    found = command("replay", path, "--policy", world.summary.policy_path, "--until", world.summary.until, "--out", tmp_path / "out")
    assert (found.returncode, found.stderr) == (0, b"")
    text = found.stdout.decode()
    for file in ("exceptions", "actions", "incidents"):
        events = lines(tmp_path / "out", file)
        types = Counter(str(event["type"]).partition(".")[2] for event in events)
        assert {word: n for word, n in told(text, file).items() if n} == ({"lines": len(events)} if events else {}) | dict(types)
    assert {"requested", "proposed", "withdrawn"} <= set(told(text, "actions"))
    first: dict[object, object] = {}
    for event in lines(tmp_path / "out", "exceptions"):
        first.setdefault(event["data"]["exception_id"], event["type"])  # type: ignore[index]
    over = sum(type_ != "exception.raised" for type_ in first.values())
    assert over
    assert f"{'1 exception was' if over == 1 else f'{over} exceptions were'} over before" in text
    total = text.splitlines()[[line.split()[:1] for line in text.splitlines()].index(["all"])].split()
    assert int(total[1]) == len(first) == told(text, "exceptions")["raised"] + over


def test_misuse_is_one_line_and_exit_code_two(world: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is wrong with the arguments: what to mend, on standard error, and nothing else."""
    events, bad = world.summary.path, write(tmp_path / "bad.gz", [b"not gzip"])
    wrong = write(tmp_path / "wrong.yaml", [b"rules: {no.such_rule: {switch: on}}"])
    blocked = write(tmp_path / "file", [])
    for arguments, words in (
        ((tmp_path / "missing.jsonl",), "missing.jsonl: no such file"),
        ((bad,), "bad.gz: not a gzip file"),
        ((events, "--until", "tomorrow"), "--until tomorrow: not an instant"),
        ((events, "--until", "2026-04-20T08:00:00"), "--until 2026-04-20T08:00:00: not an instant"),
        ((events, "--out-of-order", "2 bd"), "--out-of-order 2 bd: not a span"),
        ((events, "--policy", wrong), "wrong.yaml:1"),
        ((events, "--policy", tmp_path / "none.yaml"), "none.yaml"),
        ((events, "--out", blocked / "x"), "file"),
        (("-", "-"), "once only"),
        ((), "EVENTS"),
    ):
        extra = () if "--out" in arguments else ("--out", tmp_path / "out")
        code = run(["replay", *map(str, arguments), *map(str, extra)])
        said = capsys.readouterr()
        assert (code, said.out, said.err.count("\n")) == (2, "", 1), (arguments, said)
        assert words in said.err


def test_a_file_that_breaks_off_is_a_failure_while_running(world: Written, tmp_path: Path) -> None:
    """Exit code 1 and one line, not the engine's stack."""
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(world.summary.path.read_bytes())[:-2_000])
    found = command("replay", cut, "--out", tmp_path / "out")
    said = found.stderr.decode()
    assert (found.returncode, said.count("\n")) == (1, 1), said
    assert "cut.jsonl.gz" in said
