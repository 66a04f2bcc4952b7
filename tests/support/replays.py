"""Runs whole replays: in this process for speed, as a command where what the user sees is tested."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, cast

from dataflows.cli.replay import replay_into
from dataflows.core.rules.load import load_policy
from sources.files import FileSource
from sources.lines import CHUNK_BYTES
from sources.logclock import DEFAULT_OUT_OF_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from dataflows.detect.flow import FlowOptions

Data = dict[str, object]
TOPICS = ("actions", "exceptions", "incidents", "rejects")


def replay(
    events: Path | Sequence[Path],
    out: Path,
    policy: Path | None = None,
    *,
    until: int | None = None,
    chunk_bytes: int = CHUNK_BYTES,
    decisions: Path | None = None,
) -> FlowOptions:
    """Replays files into `out`; `until` in µs, `decisions`: a file of what was decided."""
    paths = [str(path) for path in (events if isinstance(events, (list, tuple)) else [events])]
    rules = load_policy(policy)
    source = FileSource(
        paths,
        until=until,
        out_of_order=DEFAULT_OUT_OF_ORDER,
        chunk_bytes=chunk_bytes,
        feeds=rules.lateness,
        decisions=[] if decisions is None else [str(decisions)],
    )
    return replay_into(out, source, rules)


def written(out: Path) -> dict[str, bytes]:
    """The bytes of the four files."""
    return {topic: (out / f"{topic}.jsonl").read_bytes() for topic in TOPICS}


def lines(out: Path, topic: str) -> list[Data]:
    """What stands in a file."""
    return [cast("Data", json.loads(line)) for line in (out / f"{topic}.jsonl").read_bytes().splitlines()]


def standing(out: Path) -> Counter[tuple[str, str, str | None, str]]:
    """(order, kind, scope, status) of all exceptions as they stand at the end, without the retracted ones."""
    last: dict[object, tuple[str, str, str | None, str]] = {}
    for event in lines(out, "exceptions"):
        data = cast("Data", event["data"])
        scope = cast("str | None", data["scope"])
        last[data["exception_id"]] = (str(data["order_id"]), str(data["kind"]), scope, str(data["status"]))
    return Counter(found for found in last.values() if found[3] != "retracted")


def command(*arguments: object, given: bytes | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Runs `orderwatch` as a user does, with its output piped."""
    program = "import sys; from dataflows.cli.main import main; main(sys.argv[1:])"
    return subprocess.run([sys.executable, "-c", program, *map(str, arguments)], input=given, capture_output=True, check=False, cwd=cwd)


def write(path: Path, events: Iterable[bytes]) -> Path:
    """Writes lines of events."""
    path.write_bytes(b"".join(event + b"\n" for event in events))
    return path
