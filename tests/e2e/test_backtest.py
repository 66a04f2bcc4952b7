"""Back-tests of a simulated world: what is counted is what two replays say, and two runs write the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from dataflows.core.rules.load import load_policy
from tests.support.replays import TOPICS, command, replay
from tests.support.terminal import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

UNTIL = "2026-07-20T00:00:00Z"
KIND, HIDDEN, GRAVER = "payment.capture_overdue", "shipment.eta_slip", "order.pending_too_long"


class Tried(NamedTuple):
    """A folder with a world, two policies, and what a back-test of them has written."""

    folder: Path
    report: dict[str, Any]

    def lines(self, name: str) -> list[bytes]:
        """The lines of one of the files that it wrote."""
        return (self.folder / "found" / name).read_bytes().splitlines()


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """A looser limit, another owner, a rule in shadow and one that is graver."""
    folder = tmp_path_factory.mktemp("world")
    made = command("simulate", "--orders", "60", "--seed", "1", "--out", str(folder / "world.jsonl"))
    assert made.returncode == 0, made.stderr
    old = (folder / "world.policy.yaml").read_text()
    assert old.count("\nrules:\n") == 1
    own = f"  {KIND}: {{grace: 30 h, owner: DESK}}\n  {HIDDEN}: shadow\n  {GRAVER}: {{severity: critical}}\n"
    (folder / "new.yaml").write_text(old.replace("\nrules:\n", f"\nrules:\n{own}"))
    done = command(*arguments("world.policy.yaml", "new.yaml"), "--out", "found", cwd=folder)
    assert (done.returncode, done.stderr) == (0, b"")
    return Tried(folder, json.loads((folder / "found" / "report.json").read_bytes()))


def arguments(old: str, new: str) -> list[str]:
    """Of a back-test of the world."""
    return ["backtest", "world.jsonl", "--against", old, "--policy", new, "--until", UNTIL]


def written(folder: Path, version: str) -> Counter[bytes]:
    """The lines of a replay, whatever policy they name."""
    return Counter(
        line.replace(version.encode(), b"") for topic in TOPICS for line in (folder / f"{topic}.jsonl").read_bytes().splitlines()
    )


def test_the_lines_that_differ_are_those_of_two_replays(tried: Tried, tmp_path: Path) -> None:
    """What only one policy says, no more and no less."""
    until = 1_784_505_600_000_000
    said: list[Counter[bytes]] = []
    names = [tried.folder / "world.policy.yaml", tried.folder / "new.yaml"]
    for path in names:
        replay(tried.folder / "world.jsonl", tmp_path / path.stem, path, until=until)
        said.append(written(tmp_path / path.stem, load_policy(path).version))
    versions = [load_policy(path).version.encode() for path in names]
    for name, version, mine, other in zip(("before.jsonl", "after.jsonl"), versions, said, reversed(said), strict=True):
        assert Counter(line.replace(version, b"") for line in tried.lines(name)) == mine - other
        assert tried.lines(name)


def test_what_is_counted_adds_up(tried: Tried) -> None:
    """Of each kind: what the new policy says is what the old one said, less what is gone, and what it says alone."""
    found = tried.report
    rows = {row["kind"]: row for row in found["kinds"]}
    for row in rows.values():
        assert row["found"]["new"] == row["found"]["old"] - row["changes"]["gone"] + row["changes"]["raised"]
    assert found["found"] == {side: sum(row["found"][side] for row in rows.values()) for side in ("old", "new")}
    assert found["found"] == {side: sum(owner["found"][side] for owner in found["owners"]) for side in ("old", "new")}
    assert rows[KIND]["changes"]["later"] + rows[KIND]["changes"]["gone"] == rows[KIND]["found"]["old"] > 0
    assert rows[GRAVER]["changes"]["graver"] == rows[GRAVER]["found"]["old"] > 0
    assert found["shadow"]["new"] == rows[HIDDEN]["changes"]["gone"] > 0 == found["shadow"]["old"]
    assert len(tried.lines("differences.jsonl")) == found["differ"]


def test_each_difference_names_its_order(tried: Tried) -> None:
    """Examples are among the differences, and both name orders of the world."""
    differences = [json.loads(line) for line in tried.lines("differences.jsonl")]
    known = {(one["order_id"], one["kind"], one["scope"]) for one in differences}
    assert {(one["order_id"], one["kind"], one["scope"]) for one in tried.report["examples"]} <= known
    orders = {json.loads(line).get("subject") for line in (tried.folder / "world.jsonl").read_bytes().splitlines()}
    assert {order for order, kind, _ in known if kind == KIND} <= orders


def runs(tried: Tried) -> Iterator[bytes]:
    """What two processes with other hashes print and write."""
    for seed in ("1", "2"):
        out = tried.folder / f"again{seed}"
        program = "import sys; from dataflows.cli.main import main; main(sys.argv[1:])"
        line = [sys.executable, "-c", program, *arguments("world.policy.yaml", "new.yaml"), "--json", "--out", str(out)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(line, capture_output=True, check=True, cwd=tried.folder, env=environment)
        yield done.stdout + b"".join(path.read_bytes() for path in sorted(out.iterdir()))


def test_two_runs_write_the_same_bytes(tried: Tried) -> None:
    """The report and all that differs."""
    one, other = runs(tried)
    assert one == other
    assert json.loads(one[: one.index(b"\n}\n") + 3]) == tried.report


def test_a_policy_changes_nothing_of_itself(tried: Tried) -> None:
    """Nothing is different, and nothing is written but that; a terminal says what a pipe is told."""
    line = arguments("world.policy.yaml", "world.policy.yaml")
    piped = command(*line, "--out", "same", cwd=tried.folder)
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert [(tried.folder / "same" / name).read_bytes() for name in ("before.jsonl", "after.jsonl", "differences.jsonl")] == [b""] * 3
    shown = terminal(*line, cwd=tried.folder, columns=80)
    assert shown.code == 0
    assert "0 of them otherwise" in shown.text


def test_what_cannot_be_done(tried: Tried) -> None:
    """Standard input cannot be read twice; a policy must be one; nothing is overwritten unasked."""
    both = ["--against", "world.policy.yaml", "--policy", "new.yaml"]
    for line, why in (
        (["backtest", "-", *both], b"can be read once only"),
        (["backtest", "world.jsonl", "--against", "absent.yaml", "--policy", "new.yaml"], b"absent.yaml"),
        (["backtest", "world.jsonl", *both, "--out", "found"], b"is there already"),
        (["backtest", "world.jsonl", "--policy", "new.yaml"], b"--against"),
    ):
        done = command(*line, cwd=tried.folder)
        assert (done.returncode, why in done.stderr) == (2, True), done.stderr


def test_a_window_leaves_out_what_was_said_before_it(tried: Tried) -> None:
    """All is read; of what is written every line was said in the window, and nothing more is counted than over the whole."""
    since = "2026-05-10T00:00:00Z"
    done = command(*arguments("world.policy.yaml", "new.yaml"), "--since", since, "--out", "window", "--json", cwd=tried.folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["since"], found["events"], found["orders"]) == (since, tried.report["events"], tried.report["orders"])
    assert 0 < found["found"]["new"] < tried.report["found"]["new"]
    inside = (tried.folder / "window" / "after.jsonl").read_bytes().splitlines()
    assert set(inside) < set(tried.lines("after.jsonl"))
    late = command(*arguments("world.policy.yaml", "new.yaml"), "--since", "2027-01-01T00:00:00Z", cwd=tried.folder)
    assert (late.returncode, b"is after --until" in late.stderr) == (2, True)
