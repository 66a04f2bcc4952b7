"""`orderwatch policy activate`: the event that it writes, and what it refuses."""

from __future__ import annotations

import hashlib
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
        line += ["--against", "defaults"]
        assert cli.run(line) == 0
    version = load_policy(file).version
    assert capsys.readouterr().out.splitlines()[0] == f"policy 'ours', version {version}: its activation is appended to {out}"
    events = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    assert [event["data"] for event in events] == [
        {
            "version": version,
            "text": file.read_text(encoding="utf-8"),
            "text_hash": hashlib.sha256(file.read_bytes()).hexdigest(),
            "by": "user:anna",
            "by_roles": ["policy_author"],
            "note": f"try {number}",
        }
        for number in range(2)
    ]
    assert {(event["type"], event["time"], event["source"]) for event in events} == {("policy.activated", AT, "/orderwatch/cli")}
    decode(out.read_bytes().splitlines()[0])


def test_who_is_whoever_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --by, the login."""
    monkeypatch.setenv("LOGNAME", "bert")
    (tmp_path / "p.yaml").write_text("name: p\n")
    line = ["policy", "activate", str(tmp_path / "p.yaml"), "--out", str(tmp_path / "d.jsonl")]
    assert cli.run([*line, "--against", "defaults"]) == 0
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
    line = ["policy", "activate", str(tmp_path / "p.yaml"), "--against", "defaults", "--brokers", "127.0.0.1:1", "--topic", "order-events"]
    assert cli.run(line) == 2
    assert "decisions are taken only from order-decisions" in capsys.readouterr().err


OLD = """name: old
emits: [placed, captured, shipped, delivered]
rules: {'*': off, custom.late: on}
custom_rules:
  late: {says: It is late., form: overdue, since: placed, within: 1 h, until: shipped, actions: {notify_customer: tell}, LANE}
"""
PLACED = {
    "specversion": "1.0",
    "id": "p",
    "source": "/shop",
    "type": "order.placed",
    "subject": "A-1",
    "time": "2026-04-20T08:00:00Z",
    "data": {"total": {"amount": "10.00", "currency": "EUR"}},
}


def test_what_cannot_be_undone_is_not_made_automatic_before_a_back_test_has_covered_it(tmp_path: Path, capsys: Captured) -> None:
    """The report of another policy does not count, nor one in which the rule said nothing; the engine takes what was tested."""
    old, new, events, decisions = (tmp_path / name for name in ("old.yaml", "new.yaml", "events.jsonl", "decisions.jsonl"))
    old.write_text(OLD.replace("LANE", "lane: review"))
    new.write_text(OLD.replace("LANE", "lane: auto"))
    events.write_bytes(orjson.dumps(PLACED) + b"\n")
    activate = ["policy", "activate", str(new), "--against", str(old), "--out", str(decisions), "--at", "2026-04-20T08:01:00Z"]
    assert cli.run(activate) == 2
    wrong = "no back-test covers what it makes automatic and cannot be undone: custom.late (notify_customer)"
    (said,) = capsys.readouterr().err.splitlines()
    assert said == f"orderwatch: {wrong}; give the folder that `orderwatch backtest --out` wrote (--backtest)"
    tried = {name: ["backtest", str(events), "--out", str(tmp_path / name)] for name in ("nothing", "other", "right")}
    right = ["--policy", str(new), "--against", str(old)]
    assert cli.run([*tried["nothing"], *right]) == 0
    assert cli.run([*tried["other"], "--policy", str(old), "--against", str(new), "--until", "2026-04-20T10:00:00Z"]) == 0
    assert cli.run([*tried["right"], *right, "--until", "2026-04-20T10:00:00Z"]) == 0
    assert cli.run([*activate, "--backtest", str(tmp_path / "nothing")]) == 2
    assert "no back-test covers" in capsys.readouterr().err
    assert cli.run([*activate, "--backtest", str(tmp_path / "other")]) == 2
    assert f"and the policy to activate is version {load_policy(new).version}" in capsys.readouterr().err
    assert cli.run([*activate, "--backtest", str(tmp_path)]) == 2
    assert not decisions.exists()
    assert cli.run([*activate, "--backtest", str(tmp_path / "right")]) == 0
    data = orjson.loads(decisions.read_bytes())["data"]
    assert (data["covered"], data["against"]) == (["custom.late"], load_policy(old).version)
    for policy, requested in ((old, ["action.requested"]), (new, ["action.requested"])):
        # Under the new policy from the start on the activation says that it was compared with what does not hold; nothing is new in it.
        line = ["replay", str(events), "--decisions", str(decisions), "--policy", str(policy), "--until", "2026-04-20T10:00:00Z"]
        assert cli.run([*line, "--out", str(tmp_path / "out"), "--overwrite"]) == 0
        assert [orjson.loads(line)["type"] for line in (tmp_path / "out" / "actions.jsonl").read_bytes().splitlines()] == requested
        assert not (tmp_path / "out" / "rejects.jsonl").read_bytes()
