"""`orderwatch run` and `orderwatch topics`, as far as they go without a broker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from dataflows.cli import main as cli
from dataflows.cli.run import read_settings
from tests.support.kafka.process import HOST, free_port

if TYPE_CHECKING:
    from pathlib import Path

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have settings of his own."""
    for name in list(os.environ):
        if name.startswith("ORDERWATCH_"):
            monkeypatch.delenv(name)


def test_check_prints_the_settings_that_hold_and_the_policy(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are masked, nothing is started, nothing is written."""
    (tmp_path / "key.pem").write_text("", encoding="utf-8")
    monkeypatch.setenv("ORDERWATCH_KAFKA__PROTOCOL", "ssl")
    monkeypatch.setenv("ORDERWATCH_KAFKA__CERT_FILE", str(tmp_path / "key.pem"))
    monkeypatch.setenv("ORDERWATCH_KAFKA__KEY_FILE", str(tmp_path / "key.pem"))
    monkeypatch.setenv("ORDERWATCH_KAFKA__KEY_PASSWORD", "hush")
    assert cli.run(["run", "--check", "--state", str(tmp_path / "state"), "--processes", "3"]) == 0
    said = capsys.readouterr()
    assert f"dir: {tmp_path / 'state'}" in said.out
    assert "processes: 3" in said.out
    assert "key_password: '**********'" in said.out
    assert "hush" not in said.out
    assert "# ok; policy 'default', version " in said.out
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run"], "orderwatch: state.dir: required; set it in the settings file or as ORDERWATCH_STATE__DIR\n"),
        (["run", "--state", "x", "--processes", "0"], "orderwatch: --processes: input should be greater than or equal to 1\n"),
        (["run", "--state", "x", "--policy", "nowhere"], "orderwatch: --policy: nowhere: no such file\n"),
        (["run", "--settings", "nowhere"], "orderwatch: nowhere: cannot be read: no such file or directory\n"),
        (
            ["run", "--state", "x", "--process-id", "1"],
            "orderwatch: cluster: process_id and addresses go together: one of them is missing\n",
        ),
        (["topics", "create", "--settings", "nowhere"], "orderwatch: nowhere: cannot be read: no such file or directory\n"),
    ],
)
def test_what_cannot_be_used_is_misuse_in_one_line(arguments: list[str], line: str, capsys: Captured) -> None:
    """Exit code 2."""
    assert cli.run(arguments) == 2
    assert capsys.readouterr().err == line


def test_a_bad_policy_is_refused_before_anything_starts(tmp_path: Path, capsys: Captured) -> None:
    """With its line, as everywhere."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("rulez: {}\n", encoding="utf-8")
    assert cli.run(["run", "--state", "x", "--policy", str(policy)]) == 2
    assert capsys.readouterr().err.startswith(f"orderwatch: {policy}:1:1: rulez: unknown key")


def test_a_bad_line_of_the_settings_file_is_named(tmp_path: Path, capsys: Captured) -> None:
    """File, line, name, and what was meant."""
    file = tmp_path / "settings.yaml"
    file.write_text("state:\n  dri: x\n", encoding="utf-8")
    assert cli.run(["run", "--settings", str(file)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"orderwatch: {file}:2: state.dri: no such setting; did you mean state.dir?",
        "orderwatch: state.dir: required; set it in the settings file or as ORDERWATCH_STATE__DIR",
    ]


def test_brokers_that_do_not_answer_are_a_failure_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Exit code 1: a supervisor tries again."""
    monkeypatch.setattr("sources.kafka.topics.PATIENCE", 0.5)
    monkeypatch.setenv("ORDERWATCH_KAFKA__BROKERS", f"{HOST}:{free_port()}")
    monkeypatch.setenv("ORDERWATCH_STATE__DIR", str(tmp_path))
    assert cli.run(["topics", "create"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("orderwatch: no answer from the brokers at 127.0.0.1:")
    assert said.count("\n") == 1


def test_a_taken_port_is_a_failure_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Captured) -> None:
    """A predecessor may still hold it: a supervisor tries again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("ORDERWATCH_HTTP__PORT", str(port))
        assert cli.run(["run", "--state", str(tmp_path / "state")]) == 2
    assert capfd.readouterr().err == f"orderwatch: http.port: cannot listen on 127.0.0.1:{port}: address already in use\n"


def test_options_beat_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is typed last counts."""
    monkeypatch.setenv("ORDERWATCH_STATE__DIR", "elsewhere")
    assert read_settings(None, {"--state": tmp_path, "--processes": None}).state.dir == tmp_path


WAITING = """
import sys, threading
from dataflows.cli import run
run.REMIND_S = 0.1
from dataflows.observe import Observer
from dataflows.observe.logs import logging_to_stderr
from dataflows.runtime.stop import Stop
from dataflows.settings import ClusterSettings, LogSettings
import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource
from dataflows.runtime.runner import run as run_graph
flow = Dataflow("flow")
op.output("out", op.input("in", flow, TestingSource([])), TestingSink([]))
cluster = ClusterSettings(process_id=int(sys.argv[1]), addresses=sys.argv[2:])
observer, stop = Observer(), Stop()
observer.joining()
with logging_to_stderr(LogSettings()), stop.on_signals(), run._awaiting(cluster, observer, stop):
    run_graph(flow, process_id=cluster.process_id, addresses=cluster.addresses)
"""


@pytest.mark.parametrize("process", [0, 1])
def test_a_process_that_waits_for_its_peers_says_so_and_still_heeds_a_signal(process: int) -> None:
    """Bytewax waits in native code, without end, and lets no signal handler run meanwhile; who waits for whom depends on the number."""
    command = [sys.executable, "-c", WAITING, str(process), f"{HOST}:{free_port()}", "nowhere.invalid:1"]
    if process:
        command[-1], command[-2] = command[-2], "nowhere.invalid:1"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as waiting:
        watchdog = threading.Timer(60, waiting.kill)
        watchdog.start()
        assert waiting.stderr is not None
        line = waiting.stderr.readline()
        waiting.send_signal(signal.SIGTERM)
        rest = waiting.stderr.read()
        code = waiting.wait()
        watchdog.cancel()
    assert "waiting for the other processes of the cluster" in line
    assert '"unknown_hosts": ["nowhere.invalid:1"]' in line
    assert "stopped before the cluster was complete" in rest
    assert code == 0
