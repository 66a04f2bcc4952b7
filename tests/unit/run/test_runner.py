"""The runner: what a graph raises comes out, alone or in a cluster; a stop closes the epoch; state is gone on from."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bytewax.recovery import init_db_dir  # pyright: ignore[reportUnknownVariableType]

from tests.support.kafka.process import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]

GRAPH = r"""
import os, sys, threading, time
from datetime import timedelta
from pathlib import Path
import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from dataflows.runtime.runner import Noted, PeerError, Stoppable, run
from dataflows.runtime.stop import Stop

out = os.fdopen(os.dup(1), "w", buffering=1)

def say(*words):
    out.write(" ".join(map(str, words)) + "\n")

process, fails, recovery, *cluster = sys.argv[1:]

class Part(StatefulSourcePartition):
    def __init__(self, name, at):
        self.name, self.at = name, at or 0
    def next_batch(self):
        time.sleep(0.01)
        self.at += 1
        if fails == "source" and self.name == "a" and self.at > 20:
            raise ValueError("source a fails")
        return [(self.name, self.at)]
    def snapshot(self):
        return self.at

class Source(FixedPartitionedSource):
    def list_parts(self):
        return ["a", "b"]
    def build_part(self, step, name, at):
        say("build", name, at)
        return Part(name, at)

class Said(StatefulSinkPartition):
    def __init__(self):
        self.count = 0
    def write_batch(self, values):
        self.count += len(values)
        if fails == "sink" and self.count > 20:
            raise ValueError("the sink fails")
    def snapshot(self):
        return b""
    def close(self):
        if fails == "sink":
            raise RuntimeError("and cannot be closed")

class Sink(FixedPartitionedSink):
    def list_parts(self):
        return ["p"]
    def part_fn(self, key):
        return 0
    def build_part(self, step, name, at):
        return Said()

stop = Stop()
flow = Dataflow("flow")
op.output("out", op.input("in", flow, Stoppable(Source(), stop)), Noted(Sink()))
folder = Path(recovery) if recovery != "-" else None
code = 0
with stop.on_signals():
    try:
        run(flow, recovery=folder, epoch=timedelta(seconds=60), process_id=int(process) if cluster else None, addresses=cluster)
        say("stopped")
    except (ValueError, PeerError) as error:
        say(type(error).__name__, error)
        code = 1
os._exit(code)
"""


class Graphs:
    """Runs the graph above, in as many processes as it is told to."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "graph.py"
        self._file.write_text(GRAPH, encoding="utf-8")
        self.running: list[subprocess.Popen[str]] = []

    def start(self, processes: int = 1, *, fails: str = "nothing", recovery: str = "-") -> None:
        """Starts the processes."""
        first = free_port(processes)
        where = [f"{HOST}:{port}" for port in range(first, first + processes)] if processes > 1 else []
        for number in range(processes):
            command = [sys.executable, str(self._file), str(number), fails, recovery, *where]
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            self.running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment))

    def await_parts(self) -> list[str]:
        """Reads from each process what part of the source it has built first; kills those that take a minute to."""
        watchdog = threading.Timer(60, self.signal, [signal.SIGKILL])
        watchdog.start()
        lines = [process.stdout.readline() for process in self.running if process.stdout]
        watchdog.cancel()
        return lines

    def signal(self, number: int) -> None:
        """Sends all of them a signal."""
        for process in self.running:
            process.send_signal(number)

    def end(self) -> list[tuple[int, str, str]]:
        """Waits for all: exit code, last line, and what was said on standard error."""
        found: list[tuple[int, str, str]] = []
        for process in self.running:
            out, err = process.communicate(timeout=60)
            found.append((process.returncode, (out.splitlines() or [""])[-1], err))
        self.running.clear()
        return found


@pytest.fixture
def graphs(tmp_path: Path) -> Iterator[Graphs]:
    """Graphs that do not outlive the test."""
    graphs = Graphs(tmp_path)
    yield graphs
    for process in graphs.running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("where", ["source", "sink"])
def test_what_a_graph_raises_comes_out_as_it_was(graphs: Graphs, where: str) -> None:
    """Alone, and nothing of the engine's own stack is printed; even if what failed cannot be closed, at which Bytewax would abort."""
    graphs.start(fails=where)
    [(code, said, err)] = graphs.end()
    assert (code, said) == (1, {"source": "ValueError source a fails", "sink": "ValueError the sink fails"}[where])
    assert err == ""


@pytest.mark.parametrize("where", ["source", "sink"])
def test_in_a_cluster_the_process_that_failed_says_why_and_the_others_that_a_peer_is_gone(graphs: Graphs, where: str) -> None:
    """Bytewax itself says `Send thread panic` in each of them."""
    graphs.start(2, fails=where)
    ended = graphs.end()
    assert [code for code, _, _ in ended] == [1, 1]
    cause = {"source": "ValueError source a fails", "sink": "ValueError the sink fails"}[where]
    assert sorted(said for _, said, _ in ended) == ["PeerError another process of the cluster is gone", cause]


def test_a_killed_process_takes_its_cluster_down(graphs: Graphs) -> None:
    """The others end by themselves, with an error."""
    graphs.start(2)
    graphs.await_parts()
    graphs.running[0].kill()
    (killed, _, _), (code, said, _) = graphs.end()
    assert (killed, code, said) == (-signal.SIGKILL, 1, "PeerError another process of the cluster is gone")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_stop_closes_the_epoch_and_the_next_run_goes_on_from_there(graphs: Graphs, tmp_path: Path, processes: int) -> None:
    """The epoch would have lasted a minute; the next run may have another number of processes."""
    recovery = str(tmp_path)
    init_db_dir(tmp_path, 1)  # type: ignore[no-untyped-call]  # native code, without annotations
    graphs.start(processes, recovery=recovery)
    graphs.await_parts()
    graphs.signal(signal.SIGTERM)
    assert [(code, said) for code, said, _ in graphs.end()] == [(0, "stopped")] * processes
    graphs.start(3 - processes, recovery=recovery)
    resumed = graphs.await_parts()
    graphs.signal(signal.SIGTERM)
    ended = graphs.end()
    assert all(re.fullmatch(r"build [ab] \d+\n", line) for line in resumed), (resumed, ended)
