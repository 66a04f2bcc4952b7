"""`orderwatch gateway` as far as it goes without a sender: its settings, its ports, its state directory."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
import yaml

from dataflows.cli import main as cli

if TYPE_CHECKING:
    from pathlib import Path

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _a_secret_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no settings but the test's."""
    for name in list(os.environ):
        if name.startswith("ORDERWATCH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EASYPOST_SECRET", "hush")


def settings(folder: Path, **gateway: object) -> str:
    """A settings file."""
    connections = {"easypost/acme": {"secrets": {"env": "EASYPOST_SECRET"}}}
    chosen = {
        "state": {"dir": str(folder / "state")},
        "http": {"enabled": False},
        "gateway": {"output": "log", "port": 0, "connections": connections, **gateway},
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(chosen), encoding="utf-8")
    return str(path)


def test_check_prints_what_holds_and_no_secret(tmp_path: Path, capsys: Captured) -> None:
    """Each connection with its scheme; nothing is started or written."""
    assert cli.run(["gateway", "--check", "--settings", settings(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "# /hooks/easypost/acme: easypost, 1 of 1 secrets hold now" in said
    assert "env: EASYPOST_SECRET" in said
    assert "hush" not in said
    assert said.endswith("# ok; 1 connections\n")
    assert not (tmp_path / "state").exists()


def refusal(folder: Path, capsys: Captured, code: int, **gateway: object) -> str:
    """The one line with which the gateway does not start."""
    assert cli.run(["gateway", "--settings", settings(folder, **gateway)]) == code
    said = capsys.readouterr().err.splitlines()
    lines = [line for line in said if not line.startswith("{")]
    assert len(lines) == 1, said
    return lines[0].replace(f"{folder}/", "")


def test_what_cannot_be_used_is_misuse_in_one_line(tmp_path: Path, capsys: Captured) -> None:
    """Exit code 2."""
    unset = {"easypost/acme": {"secrets": {"env": "NOWHERE"}}}
    line = "orderwatch: gateway.connections.easypost/acme.secrets.0.env: NOWHERE is not set"
    assert refusal(tmp_path, capsys, 2, connections=unset) == line
    pem = tmp_path / "no.pem"
    pem.write_text("no certificate", encoding="utf-8")
    said = refusal(tmp_path, capsys, 2, cert_file=str(pem), key_file=str(pem))
    assert said.startswith("orderwatch: gateway.cert_file: no.pem and its key cannot be used: ")
    (tmp_path / "state/gateway/memory.sqlite3").write_bytes(b"no database" * 1_000)
    assert refusal(tmp_path, capsys, 2) == "orderwatch: state/gateway/memory.sqlite3: file is not a database"


def test_what_is_taken_or_in_the_way_is_misuse_in_one_line(tmp_path: Path, capsys: Captured) -> None:
    """Exit code 2: no restart mends it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = f"orderwatch: gateway.port: cannot listen on 127.0.0.1:{port}: address already in use"
        assert refusal(tmp_path, capsys, 2, port=port) == line
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert refusal(tmp_path, capsys, 2, dir=str(tmp_path / "file/below")) == "orderwatch: gateway.dir: file is not a directory"


def test_without_a_broker_it_does_not_start(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, and the line says who does not answer."""
    monkeypatch.setenv("ORDERWATCH_KAFKA__BROKERS", "127.0.0.1:1")
    monkeypatch.setattr("sources.kafka.broker.PATIENCE", 0.5)
    assert refusal(tmp_path, capsys, 1, output="kafka").startswith("orderwatch: no answer from the brokers at 127.0.0.1:1")
