"""`orderwatch policy activate`: the event that it writes, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from dataflows.cli import main as cli
from dataflows.core.rules.load import load_policy
from schemas.wire import decode

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    Captured = pytest.CaptureFixture[str]

AT = "2026-04-20T08:00:00Z"


def test_the_event_says_who_when_why_and_all_of_the_policy(tmp_path: Path, capsys: Captured) -> None:
    """It is an event of the contract; further ones are appended."""
    file, out = tmp_path / "p.yaml", tmp_path / "decisions.jsonl"
    file.write_text("name: ours  # ä\nrules: {payment.auth_missing: shadow}\n", encoding="utf-8")
    for number in range(2):
        line = ["policy", "activate", str(file), "--out", str(out), "--at", AT, "--by", "user:anna", "--note", f"try {number}"]
        assert cli.run(line) == 0
    version = load_policy(file).version
    assert capsys.readouterr().out.splitlines()[0] == f"policy 'ours', version {version}: its activation is appended to {out}"
    events = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    assert [event["data"] for event in events] == [
        {"version": version, "text": file.read_text(encoding="utf-8"), "by": "user:anna", "note": f"try {number}"} for number in range(2)
    ]
    assert {(event["type"], event["time"], event["source"]) for event in events} == {("policy.activated", AT, "/orderwatch/cli")}
    decode(out.read_bytes().splitlines()[0])


def test_who_is_whoever_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --by, the login."""
    monkeypatch.setenv("LOGNAME", "bert")
    (tmp_path / "p.yaml").write_text("name: p\n")
    assert cli.run(["policy", "activate", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "d.jsonl")]) == 0
    assert orjson.loads((tmp_path / "d.jsonl").read_bytes())["data"]["by"] == "user:bert"


def test_what_the_engine_would_refuse_is_refused(tmp_path: Path, capsys: Captured) -> None:
    """What belongs to the state, where it is known; a policy that is none; one that is too long. Nothing is written."""
    old, new, out = tmp_path / "old.yaml", tmp_path / "new.yaml", tmp_path / "d.jsonl"
    old.write_text("name: p\n")
    for text, why in (
        ("feeds: {/payments: {silence: 2 h}}\n", "feeds: changed by a clean stop and a restart only"),
        ("rules: {payment.auth_missing: maybe}\n", "maybe"),
        ("name: p\n# " + "x" * 262_144 + "\n", "262,144"),
    ):
        new.write_text(text)
        assert cli.run(["policy", "activate", str(new), "--against", str(old), "--out", str(out)]) == 2
        assert why in capsys.readouterr().err.replace("256 KiB", "262,144")
    assert not out.exists()


def test_decisions_go_to_their_own_topic(tmp_path: Path, capsys: Captured) -> None:
    """No other topic is taken for one."""
    (tmp_path / "p.yaml").write_text("name: p\n")
    assert cli.run(["policy", "activate", str(tmp_path / "p.yaml"), "--brokers", "127.0.0.1:1", "--topic", "order-events"]) == 2
    assert "decisions are taken only from order-decisions" in capsys.readouterr().err
