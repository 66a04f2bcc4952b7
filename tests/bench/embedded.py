"""A shop's month on the embedded system: so many orders a day, at this machine's speed, and what disk, memory and latency do meanwhile.

An order stays open until it has been silent for `retention.close_after` (120 days), and in memory: within a month none is closed.
`--close-after`, `--cache-mb` and `--store-days` make it a month in which as many are closed as are placed, unpacked orders have come to
their bound, and cases leave the store as new ones come. Nobody works on cases here, and an open one keeps its order open: what nobody has
news of is closed for age (`expire_after`) after as many days.

The log's clock is the world's here: its writer is this process, which stamps by simulated time. Engine and store are the real commands.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from contextlib import closing, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import orjson
import yaml
from sqlalchemy import select

from schemas.embedded import input_folder, output_folder
from schemas.instants import DAY as DAY_US
from schemas.instants import FAR, SECOND
from schemas.segments import segments_of
from schemas.topics import EMBEDDED_EVENTS, TOPICS
from sinks.cases.retention import purge
from sinks.cases.schema import open_store, writing
from sinks.cases.tables import offsets
from sinks.embedded.input import INPUT_LOGS, InputLog, LogEvent
from sinks.embedded.log import delete_segments
from sources.simulator import policy_text
from sources.simulator.moments import DAY, OPENING, PLACING
from sources.simulator.world import World
from tests.bench.soak import resident_of
from tests.support.embedded import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sources.embedded.outputs import EmbeddedReader

BATCH = 500
KEEP_DAYS = 7
"""How long full segments stay."""
SEGMENT_BYTES = 1 << 20
PROBE = b'{"specversion":"1.0","id":"probe-%d","source":"/probe","type":"feed.heartbeat","time":"%b","data":{}}'


class Day(NamedTuple):
    """What was seen at the end of a day: events so far, open orders, MB on the disk and of memory, ms from append to hand-over, seconds."""

    day: int
    events: int
    open: int
    log: float
    out: float
    state: float
    store: float
    engine: float
    store_process: float
    latency_ms: float
    seconds: float


HEADS = ("day", "events", "open", "log MB", "out MB", "state MB", "store MB", "engine MB", "store RSS", "ms", "s")


class _Clock:
    now = 0

    def read(self) -> int:
        """The world's time."""
        return self.now


def month(
    per_day: int, days: int, close_after: int | None = None, cache_mb: int | None = None, store_days: int | None = None
) -> Iterator[Day]:
    """Runs it; yields each day's figures.

    `close_after`: days, of all retention of orders; `cache_mb`: of unpacked orders; `store_days`: how long the store keeps what is over.
    """
    state: dict[str, object] = {"epoch_seconds": 1.0, **({} if cache_mb is None else {"cache_bytes": cache_mb << 20})}
    more: dict[str, dict[str, object]] = {"state": state, "embedded": {"segment_bytes": SEGMENT_BYTES}}
    with TemporaryDirectory(prefix="orderwatch-bench-") as folder:
        policy = Path(folder, "policy.yaml")
        policy.write_text(_policy(close_after), encoding="utf-8")
        installation = Installation(Path(folder, "installation"), policy, more)
        clock = _Clock()
        clock.now = OPENING * SECOND
        installation.data.mkdir(parents=True)
        log = InputLog(input_folder(installation.data), fsync=False, now=clock.read, segment_bytes=SEGMENT_BYTES)
        try:
            engine, store = installation.start("run"), installation.start("store")
            for part in ("run", "store"):
                installation.until(partial(_runs, installation, part), f"{part} does not start")
            yield from _days(installation, log, clock, (engine.pid, store.pid), per_day, days, store_days)
        finally:
            installation.close()
            log.close()


def _policy(close_after: int | None) -> str:
    if close_after is None:
        return policy_text()
    read, kept = yaml.safe_load(policy_text()), f"{close_after} d"
    read["retention"] = dict.fromkeys(("close_after", "dedupe", "expire_unknown"), kept)
    read.setdefault("actions", {})["remember"] = kept
    every = read.setdefault("rules", {}).setdefault("*", {})
    every["expire_after"] = kept
    return yaml.safe_dump(read, sort_keys=False)


def _runs(installation: Installation, part: str) -> bool:
    return '"running"' in installation.log(part)


def _days(
    installation: Installation, log: InputLog, clock: _Clock, pids: tuple[int, int], per_day: int, days: int, store_days: int | None
) -> Iterator[Day]:
    sent, day, began = 0, 1, time.monotonic()
    waiting: list[LogEvent] = []
    outputs: deque[dict[str, int]] = deque(maxlen=KEEP_DAYS + 1)
    for line in World(per_day * PLACING // DAY, 1).lines():
        at = _recorded(line)
        while at >= (OPENING + day * DAY) * SECOND:
            _send(log, waiting)
            sent += len(waiting)
            waiting = []
            clock.now = max(clock.now, (OPENING + day * DAY) * SECOND)
            _await_readers(installation, sent + day - 1, clock.now)
            outputs.append(_ends(installation))
            _purge(installation.data, clock.now, store_days, outputs[0] if len(outputs) > KEEP_DAYS else {})
            yield _measure(installation, log, clock, pids, (day, sent, time.monotonic() - began))
            day, began = day + 1, time.monotonic()
            if day > days:
                return
        clock.now = max(clock.now, at)
        waiting.append(LogEvent(line))
        if len(waiting) >= BATCH:
            _send(log, waiting)
            sent += len(waiting)
            waiting = []


def _send(log: InputLog, events: list[LogEvent]) -> None:
    if events:
        log.submit(EMBEDDED_EVENTS, events).result()


def _await_readers(installation: Installation, appended: int, now: int) -> None:
    """Waits for the engine, and for the store behind it, as long as they get on: on a busy machine a day takes longer.

    `appended`: how many records the log has, of which each day's probe is one; `now`: the log's time.
    """
    with closing(installation.reader(*TOPICS)) as reader:
        for behind, who in (
            (partial(_behind, installation, appended, now), "engine"),
            (partial(_unstored, installation.data, reader), "store"),
        ):
            while left := behind():
                installation.until(lambda: behind() < left, f"the {who} stands still")  # noqa: B023 - it is called before they change


def _behind(installation: Installation, appended: int, now: int) -> float:
    """Records that the engine has to read, and seconds that are to pass for it: what it says of its lag may be older than the records."""
    unread = appended - _metric(installation, "orderwatch_records_total")
    return max(0.0, unread) + max(0.0, now / SECOND - 1 - _metric(installation, "orderwatch_low_watermark_timestamp_seconds"))


def _unstored(data: Path, reader: EmbeddedReader) -> float:
    """Records of the engine that the store has to read."""
    past = _past_of_store(data)
    return float(sum(max(0, end - past.get(partition, 0)) for partition, end in reader.ends().items()))


def _measure(installation: Installation, log: InputLog, clock: _Clock, pids: tuple[int, int], standing: tuple[int, int, float]) -> Day:
    probe = time.monotonic()
    before = _metric(installation, "orderwatch_records_total")
    instant = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.now // SECOND)).encode()
    _send(log, [LogEvent(PROBE % (standing[0], instant))])
    while _metric(installation, "orderwatch_records_total") <= before:
        pass
    latency = time.monotonic() - probe
    state = installation.data / "state"
    database = sum(path.stat().st_size for path in state.glob("store.sqlite3*"))
    return Day(
        standing[0],
        standing[1],
        int(_metric(installation, "orderwatch_open_orders")),
        _size(input_folder(installation.data)) / 1e6,
        _size(output_folder(installation.data)) / 1e6,
        (_size(state) - database) / 1e6,
        database / 1e6,
        resident_of(pids[0]) / 1e6,
        resident_of(pids[1]) / 1e6,
        latency * 1_000,
        standing[2],
    )


def _past_of_store(data: Path) -> dict[str, int]:
    engine = open_store(f"sqlite:///{data / 'state' / 'store.sqlite3'}")
    with engine.connect() as connection:
        past = {str(row[0]): int(row[1]) for row in connection.execute(select(offsets.c.log_partition, offsets.c.next_offset))}
    engine.dispose()
    return past


def _ends(installation: Installation) -> dict[str, int]:
    """Where the output logs end, by partition."""
    with closing(installation.reader(*TOPICS)) as reader:
        return dict(reader.ends())


def _purge(data: Path, now: int, store_days: int | None, old: dict[str, int]) -> None:
    """As `dataflows.embedded.retention` and the store do it, by the world's time; there is no dispatch here.

    `old`: where the output logs ended before the days that are kept, since the host's clock stamps them.
    """
    past = _past_of_store(data)
    if store_days is not None:
        engine = open_store(f"sqlite:///{data / 'state' / 'store.sqlite3'}")
        ahead = (time.time_ns() // 1_000 - now) // DAY_US  # Ages are counted from the newest record, which bears the host's time.
        gone = True
        while gone:
            with writing(engine).begin() as connection:
                gone = purge(connection, ahead + store_days) > 0
        engine.dispose()
    for name in INPUT_LOGS:
        segments = segments_of(input_folder(data) / name)
        delete_segments(input_folder(data) / name, segments[-1][0], older_than=now - KEEP_DAYS * DAY_US, keep_bytes=1 << 40)
    for folder in output_folder(data).iterdir():
        partition = f"{folder.name}:00000"
        delete_segments(folder, min(past.get(partition, 0), old.get(partition, 0)), older_than=FAR, keep_bytes=1 << 40)


def _metric(installation: Installation, name: str) -> float:
    return sum(float(line.rsplit(" ", 1)[1]) for line in installation.metrics("run").splitlines() if line.startswith(name))


def _size(folder: Path) -> int:
    """Bytes of the files below a folder; one that goes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _recorded(line: bytes) -> int:
    event = orjson.loads(line)
    return int(datetime.fromisoformat(event.get("recordedtime", event["time"])).timestamp() * SECOND)


def main() -> None:
    """Runs it and prints each day."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.embedded", description=__doc__)
    parser.add_argument("per_day", type=int, help="orders a day")
    parser.add_argument("days", type=int)
    parser.add_argument("--close-after", type=int, help="days of silence after which an order is closed, and then remembered")
    parser.add_argument("--cache-mb", type=int, help="MiB of orders that are kept unpacked")
    parser.add_argument("--store-days", type=int, help="days for which the store keeps cases that are over")
    chosen = parser.parse_args()
    print(*(f"{head:>9}" for head in HEADS))  # noqa: T201 - the figures are what it is for
    for found in month(chosen.per_day, chosen.days, chosen.close_after, chosen.cache_mb, chosen.store_days):
        print(*(f"{each:>9,.1f}" if isinstance(each, float) else f"{each:>9,}" for each in found), flush=True)  # noqa: T201 - likewise


if __name__ == "__main__":
    main()
