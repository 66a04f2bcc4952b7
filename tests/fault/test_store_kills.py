"""The writer of the case store is killed at random, also while it rebuilds: the rows are those of a rebuild that nobody disturbed.

Run as a program, this file is the process to be killed.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.support.stores import ListReader, interleaved, rows, sqlite_url, store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sources.outputs.reader import LoggedRecord
    from tests.support.postgres import PostgresServer

KILLS = int(os.environ.get("ORDERWATCH_KILLS", "3"))
PATIENCE_S = 120
ROOT = Path(__file__).parents[2]
REBUILDING, RUNNING = "rebuild", "run"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_after_kills_are_those_of_an_undisturbed_rebuild(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Each record once: nothing lost, nothing twice, and the offsets with them."""
    from sinks.cases.writer import CaseWriter  # noqa: PLC0415 (the process to be killed starts quicker without)
    from tests.support.stored import world  # noqa: PLC0415 (likewise)

    parts, lots = world(), Random(KILLS)
    (tmp_path / "logs").write_bytes(pickle.dumps(parts))
    if kind == "sqlite":
        url = sqlite_url(tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.database()
    written = 0
    for number in range(KILLS):
        written += life(tmp_path, url, REBUILDING if number % 3 == 2 else RUNNING, lots)
    assert life(tmp_path, url, RUNNING, None) + written > 0
    with store(url) as killed, store(sqlite_url(tmp_path, "rebuilt")) as rebuilt:
        CaseWriter(rebuilt).rebuild([interleaved(parts)])
        assert rows(killed) == rows(rebuilt)
        assert rows(killed)["exceptions"]


def life(folder: Path, url: str, what: str, lots: Random | None) -> int:
    """Runs the process until it is killed in the midst of a transaction; of no `lots`, until all is written. Returns how many it began."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, __file__, folder / "logs", url, what], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    begun, most = 0, 1 << 30 if lots is None else lots.randrange(1, 12)
    try:
        for line in process.stdout:
            if line == b"done\n":
                break
            begun += 1
            if begun >= most and lots is not None:
                time.sleep(lots.random() / 50)
                break
        if lots is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        process.stdout.close()
    return begun


def work(logs: Path, url: str, what: str) -> None:
    """Keeps a store true, and says when a transaction begins and when all is written."""
    from dataflows.observe.observer import Observer  # noqa: PLC0415 (not of the test)
    from dataflows.runtime.stop import Stop  # noqa: PLC0415
    from dataflows.store.sync import StoreSync, rebuild_store, run_store  # noqa: PLC0415
    from sinks.cases.schema import open_store  # noqa: PLC0415

    class Told(ListReader):
        def poll(self, timeout: float) -> Sequence[LoggedRecord]:
            found = super().poll(timeout)
            sys.stdout.write("more\n" if found else "done\n")
            sys.stdout.flush()
            return found

    parts: dict[str, list[LoggedRecord]] = pickle.loads(logs.read_bytes())
    stop = Stop()
    with stop.on_signals():
        reader, sync = Told(parts), StoreSync(open_store(url), Observer(), stop)
        if what == REBUILDING:
            rebuild_store(reader, sync)
        run_store(reader, sync)


if __name__ == "__main__":
    work(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
