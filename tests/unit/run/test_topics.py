"""What is checked before a run: the client's limits, and whose files an output folder holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.detect.topics import Allowed, check_whose, prepare
from dataflows.errors import MisuseError
from dataflows.runtime.state import StateHome
from dataflows.settings import Settings
from sinks.jsonl import JsonlSink
from sources.kafka.settings import KafkaInputError

if TYPE_CHECKING:
    from pathlib import Path


def settings(tmp_path: Path, **kafka: object) -> Settings:
    """Settings of a run that writes files."""
    outputs = {"kind": "files", "folder": str(tmp_path / "out")} if not kafka else {}
    return Settings.model_validate({"state": {"dir": str(tmp_path / "state")}, "outputs": outputs, "kafka": kafka})


def test_a_client_that_lets_too_little_pass_is_refused(tmp_path: Path) -> None:
    """The topics are not even asked: the largest output record would not leave this host."""
    with pytest.raises(KafkaInputError, match=r"message.max.bytes=500000, at least 1000000 is needed"):
        prepare(settings(tmp_path, options={"message.max.bytes": "500000"}))


def test_an_output_folder_belongs_to_one_state(tmp_path: Path) -> None:
    """Empty ones to anybody; those of a state that began before folders were marked to that state."""
    given, folder = settings(tmp_path), tmp_path / "out"
    home = StateHome.open(tmp_path / "state")
    file, owner = folder / "exceptions.jsonl", folder / "written-by"
    check_whose(given, home, {}, fresh=True, allowed=Allowed())
    JsonlSink(folder, state=str(home.uuid))
    assert owner.read_text() == f"{home.uuid}\n"
    check_whose(given, home, {}, fresh=True, allowed=Allowed())

    file.write_bytes(b"{}\n")
    check_whose(given, home, {}, fresh=True, allowed=Allowed())
    owner.unlink()
    check_whose(given, home, {}, fresh=False, allowed=Allowed())
    with pytest.raises(MisuseError, match=r"holds output of another state \(one that is not known\).*--new-state"):
        check_whose(given, home, {}, fresh=True, allowed=Allowed())

    owner.write_text("12345678-aaaa\n")
    with pytest.raises(MisuseError, match=r"another state \(12345678-aaaa, this one is .*give each state"):
        check_whose(given, home, {}, fresh=False, allowed=Allowed(new_state=True))
    for content in (b"{}\n", b"[]\n"):
        file.write_bytes(content)
        check_whose(given, home, {}, fresh=True, allowed=Allowed(new_state=True))
    assert not file.exists()
    assert {kept.name: kept.read_bytes() for kept in folder.glob("*.jsonl") if kept.stat().st_size} == {
        "exceptions.12345678.jsonl": b"{}\n",
        "exceptions.12345678-1.jsonl": b"[]\n",
    }
    home.close()
