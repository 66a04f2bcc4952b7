"""The table of situations and exit codes in `dataflows/README.md`, row by row: each is tried by the commands that it can happen to."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dataflows.cli import main as cli
from tests.support.logs import T0, line
from tests.support.replays import write
from tests.support.terminal import CTRL_C, ROOT, terminal

if TYPE_CHECKING:
    from collections.abc import Callable

Captured = pytest.CaptureFixture[str]
PROGRAM = "import sys; from dataflows.cli.main import main; main(sys.argv[1:])"
TABLE = (ROOT / "dataflows" / "README.md").read_text(encoding="utf-8").partition("<!-- situations")[2].partition("<!-- /situations -->")[0]
ROWS = {name.replace("\\|", "|"): int(code) for name, code in re.findall(r"^\| (.+?) \| (\d+) \|$", TABLE, re.MULTILINE)}
CASES: dict[str, list[Callable[[Path], int] | list[str]]] = {}
"""By situation: the arguments of a command to be run in this process, or a function that makes it in a folder and returns the exit code."""


def case(situation: str) -> Callable[[Callable[[Path], int]], Callable[[Path], int]]:
    """Marks a function that makes a situation."""

    def mark(function: Callable[[Path], int]) -> Callable[[Path], int]:
        CASES.setdefault(situation, []).append(function)
        return function

    return mark


def cases(situation: str, *commands: str) -> None:
    """Commands to which a situation happens, in the folder that `folder` makes."""
    for words in commands:
        CASES.setdefault(situation, []).append(words.split())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: inputs of every sort."""
    events = [line(f"e{n}", T0 + n, "order.placed", order=f"A-{n}", data={"method": "digital"}) for n in range(3)]
    write(tmp_path / "events.jsonl", events)
    write(tmp_path / "some.jsonl", [events[0], b"nonsense"])
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "export.csv").write_text("order,status\n1,placed\n2,shipped\n")
    (tmp_path / "latin.jsonl").write_bytes("Müller\n".encode("latin-1"))
    packed = gzip.compress(b"\n".join(events * 2_000), mtime=0)
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "good.json").write_text(json.dumps({"id": 1, "name": "#1", "created_at": "2026-04-20T08:00:00Z", "line_items": []}))
    (tmp_path / "folder").mkdir()
    (tmp_path / "policy.yaml").write_text("name: p\n")
    (tmp_path / "wrong.yaml").write_text("rules: {x: {switch: maybe}}\nzoen: UTC\n")
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    told = "- {story: s, kind: payment.capture_overdue, events: '\n\n+0h order.placed', expect: '\n\n+30h open since %s'}\n"
    (tmp_path / "true.yaml").write_text(told % "+24h")
    (tmp_path / "untrue.yaml").write_text(told % "+25h")
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "done").mkdir()
    write(tmp_path / "done" / "exceptions.jsonl", [b"{}"])
    (tmp_path / "world.jsonl").write_text("{}\n")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "state.json").write_text("{")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORDERWATCH_HTTP__ENABLED", "false")
    monkeypatch.setattr("sources.kafka.broker.PATIENCE", 0.2)
    monkeypatch.setattr("sinks.kafka.rejects.BRIEF", 0.2)
    return tmp_path


def test_each_row_has_a_case_and_each_case_a_row() -> None:
    """The table and its tests cannot drift apart."""
    assert ROWS.keys() == CASES.keys()


# --- 0 -----------------------------------------------------------------------------------------------------------

cases(
    "it did what it was asked",
    "--version",
    "--help",
    "replay events.jsonl --out new",
    "simulate --orders 1 --out new/w.jsonl",
    "policy check policy.yaml",
    "policy test true.yaml",
    "policy show",
    "policy diff defaults policy.yaml",
    "policy activate policy.yaml --against defaults --out new.jsonl --at 2026-04-20T00:00:00Z",
    "policy explain payment.capture_overdue --policy policy.yaml --order tier=gold",
    "backtest events.jsonl --against defaults --policy policy.yaml --out new",
    "schemas export new",
    "adapt --list",
    "run --check --state new",
    "replay events.jsonl --out done --overwrite",
    "simulate --orders 1 --out world.jsonl --overwrite",
)
cases("some records were rejected, and others not", "replay some.jsonl --out new", "replay events.jsonl export.csv --out new")
cases("an input is empty", "replay empty.jsonl --out new")


@case("whoever reads the output has seen enough (`| head`)")
def _(folder: Path) -> int:
    program = f"'{sys.executable}' -c '{PROGRAM}' policy show | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False, cwd=folder)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
    return done.returncode


# --- 1 -----------------------------------------------------------------------------------------------------------

cases(
    "no broker answers",
    "export --brokers 127.0.0.1:1 --topic t --out new",
    "rejects list --brokers 127.0.0.1:1",
    "rejects replay --brokers 127.0.0.1:1 --all",
    "load events.jsonl --brokers 127.0.0.1:1",
)
cases("an input breaks off while it is read", "replay cut.jsonl.gz --out new", "adapt shopify cut.jsonl.gz")
cases("`adapt` refused some of the payloads", "adapt shopify good.json latin.jsonl")
cases("a story of `policy test` does not hold", "policy test untrue.yaml", "policy test true.yaml untrue.yaml")


@case("no broker answers")
def _(folder: Path) -> int:
    environment = {**os.environ, "ORDERWATCH_KAFKA__BROKERS": "127.0.0.1:1", "ORDERWATCH_STATE__DIR": str(folder / "new")}
    program = f"import sources.kafka.broker as b; b.PATIENCE = 0.2; {PROGRAM}"
    codes = [
        subprocess.run([sys.executable, "-c", program, *words], env=environment, capture_output=True, check=False).returncode
        for words in (["run"], ["topics", "create"])
    ]
    assert codes[0] == codes[1]
    return codes[0]


@case("the disk is full")
def _(folder: Path) -> int:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "policy", "show"], stdout=full, stderr=subprocess.PIPE, check=False, cwd=folder
        )
    assert done.stderr.startswith(b"orderwatch: standard output: ")
    return done.returncode


@case("the disk is full")
def _(folder: Path) -> int:
    # Stands for a full disk: no file may be longer than this.
    events = [line(f"o{n}", T0, "order.placed", order=f"B-{n}", data={}) + b"x" for n in range(3_000)]
    write(folder / "many.jsonl", [line("e", T0, "order.placed", data={}), *events])
    # No compiled module may be cut off either: Python would keep it, and stumble over it in every later process.
    limit = f"import resource, sys; sys.dont_write_bytecode = True; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)); {PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-c", limit, "replay", "many.jsonl", "--out", "new"], capture_output=True, check=False, cwd=folder
    )
    assert done.stderr.decode().splitlines() == ["orderwatch: new: file too large"]
    return done.returncode


cases("the disk is full", "simulate --orders 1 --out /dev/full --overwrite")

# --- 130 ---------------------------------------------------------------------------------------------------------


@case("Ctrl-C, or SIGTERM to a command that has an end")
def _(folder: Path) -> int:
    return terminal("demo", "--orders", "3", cwd=folder, keys=[("hours pass per second", CTRL_C)]).code


@case("Ctrl-C, or SIGTERM to a command that has an end")
def _(folder: Path) -> int:
    words = [sys.executable, "-c", PROGRAM, "replay", "-", "--out", "new"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, cwd=folder) as process:
        assert process.stdin is not None
        process.stdin.write(b"nonsense\n")
        process.stdin.flush()
        while process.poll() is None and not (folder / "new" / "rejects.jsonl").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)  # it waits for more, and nobody closes its input
        return process.wait()


@case("Ctrl-C, or SIGTERM to a command that has an end")
def _(folder: Path) -> int:
    shown = terminal("replay", "-", "--out", "new", cwd=folder, keys=[("", b"x"), ("x", CTRL_C)])
    assert not (folder / "new").exists()
    return shown.code


# --- 2 -----------------------------------------------------------------------------------------------------------

cases(
    "an unknown command, an unknown option, a missing argument, a value out of range",
    "nonsense",
    "replay events.jsonl --nonsense",
    "replay",
    "policy",
    "simulate --orders 0 --out new/w.jsonl",
    "simulate --orders -5 --out new/w.jsonl",
    "policy explain payment.nonsense",
    "policy explain payment.capture_overdue --order teir=gold",
    "demo --seconds -1",
    "demo --seconds inf",
    "replay events.jsonl --out new --until yesterday",
    "replay events.jsonl --out new --out-of-order -5m",
    "export --brokers 127.0.0.1:1 --topic t --out new --until-offset -4",
    "run --state new --processes 0",
    "adapt nonsense events.jsonl",
)
cases(
    "options that contradict each other",
    "demo --speed 5 --seconds 3",
    "run --state new --process-id 1",
    "policy activate policy.yaml",
    "policy activate policy.yaml --brokers 127.0.0.1:1 --at 2026-04-20T00:00:00Z",
    "policy activate policy.yaml --brokers 127.0.0.1:1 --settings policy.yaml",
    "rejects replay --brokers 127.0.0.1:1 --all --reason not_json",
    "rejects replay --brokers 127.0.0.1:1 --import some.jsonl --topic t",
    "rejects replay --brokers 127.0.0.1:1 --all --export new.jsonl --force",
    "adapt --list --zone UTC",
)
cases(
    "an option or a setting that would have no effect",
    "adapt shopify good.json --auto-capture",
    "adapt easypost good.json --zone Europe/Berlin",
    "adapt easypost good.json --omit payment.*",
    "adapt shopify good.json --overwrite",
)
cases(
    "an input that is not there, cannot be read, or is a folder",
    "replay absent.jsonl --out new",
    "replay folder --out new",
    "backtest absent.jsonl --against defaults --policy policy.yaml",
    "load absent.jsonl --brokers 127.0.0.1:1",
    "load folder --brokers 127.0.0.1:1",
    "adapt shopify absent.json",
    "explain x --in nowhere",
    "state show --state nowhere",
    "rejects replay --brokers 127.0.0.1:1 --import absent.jsonl",
    "rejects replay --brokers 127.0.0.1:1 --import folder",
)
cases(
    "an input that is given twice",
    "policy test true.yaml true.yaml",
    "replay events.jsonl ./events.jsonl --out new",
    "replay - - --out new",
    "backtest - --against defaults --policy policy.yaml",
    "backtest events.jsonl ./events.jsonl --against defaults --policy policy.yaml",
    "adapt shopify - -",
    "load - - --brokers 127.0.0.1:1",
)
cases(
    "no record of the input is an event",
    "backtest export.csv --against defaults --policy policy.yaml",
    "replay export.csv --out new",
    "replay latin.jsonl --out new",
    "replay good.json --out new",
)
cases(
    "a result that is there already, without `--overwrite`",
    "replay events.jsonl --out done",
    "simulate --orders 1 --out world.jsonl",
    "adapt shopify good.json --report-to policy.yaml",
    "rejects replay --brokers 127.0.0.1:1 --all --export world.jsonl",
    "load events.jsonl --brokers 127.0.0.1:1 --refused world.jsonl",
)
cases(
    "an output that is also an input, even with `--overwrite`",
    "replay done/exceptions.jsonl --out done --overwrite",
    "adapt shopify good.json --report-to good.json --overwrite",
    "load events.jsonl --brokers 127.0.0.1:1 --refused events.jsonl --overwrite",
)
cases(
    "a file where a folder is meant, or a folder where a file is meant",
    "replay events.jsonl --out world.jsonl",
    "replay events.jsonl --out world.jsonl/below",
    "simulate --orders 1 --out folder",
    "export --brokers 127.0.0.1:1 --topic t --out world.jsonl",
    "export --brokers 127.0.0.1:1 --topic t --out new --client-config folder",
    "schemas export world.jsonl",
    "adapt shopify good.json --report-to folder",
    "rejects replay --brokers 127.0.0.1:1 --all --export folder",
    "run --state world.jsonl",
    "run --check --state world.jsonl",
    "explain x --in world.jsonl",
)
cases(
    "settings, a policy, a mapping or stories that are not there, not text, or wrong",
    "run --settings absent.yaml",
    "run --settings folder",
    "run --settings binary.yaml",
    "gateway --settings wrong.yaml",
    "topics create --settings wrong.yaml",
    "run",
    "gateway",
    "replay events.jsonl --out new --policy absent.yaml",
    "replay events.jsonl --out new --policy folder",
    "replay events.jsonl --out new --policy latin.yaml",
    "replay events.jsonl --out new --policy wrong.yaml",
    "policy check wrong.yaml",
    "policy show wrong.yaml",
    "policy diff policy.yaml wrong.yaml",
    "policy activate wrong.yaml --out new.jsonl",
    "policy explain payment.capture_overdue --policy wrong.yaml",
    "backtest events.jsonl --against policy.yaml --policy wrong.yaml",
    "policy diff absent.yaml policy.yaml",
    "policy diff folder policy.yaml",
    "policy test absent.yaml",
    "policy test folder",
    "policy test latin.yaml",
    "policy test policy.yaml",
    "policy test untrue.yaml --policy wrong.yaml",
    "adapt --mapping absent.yaml good.json",
    "adapt --mapping wrong.yaml good.json",
)
cases(
    "a state directory that is none, or damaged",
    "state show --state folder",
    "state inspect A-1 --state broken",
    "state show --state broken",
)


@case("a folder that cannot be written to")
def _(folder: Path) -> int:
    (folder / "folder").chmod(0o555)
    commands = (
        "replay events.jsonl --out folder/new",
        "replay events.jsonl --out folder",
        "simulate --orders 1 --out folder/w.jsonl",
        "export --brokers 127.0.0.1:1 --topic t --out folder",
        "schemas export folder",
        "adapt shopify good.json --report-to folder/report.md",
        "run --state folder/state",
    )
    codes = {
        subprocess.run([sys.executable, "-c", MERE, *words.split()], capture_output=True, check=False).returncode for words in commands
    }
    assert len(codes) == 1
    return codes.pop()


def _nothing(*_: object) -> dict[str, int]:
    return {}


def _no_topics(client: object, options: object, topics: list[str]) -> dict[str, None]:
    del client, options
    return dict.fromkeys(topics)


@case("a topic that is not there, or does not fit")
def _(folder: Path) -> int:
    del folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sources.kafka.export.admin", _nothing)
        patch.setattr("sources.kafka.export.describe_topics", _no_topics)
        return cli.run("export --brokers 127.0.0.1:1 --topic t --out new".split())


@case("a topic that is not there, or does not fit")
def _(folder: Path) -> int:
    del folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sinks.kafka.rejects.partitions_of", _nothing)
        return cli.run("rejects list --brokers 127.0.0.1:1".split())


@case("a port that is taken")
def _(folder: Path) -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORDERWATCH_HTTP__ENABLED", "true")
        patch.setenv("ORDERWATCH_HTTP__PORT", str(taken.getsockname()[1]))
        return cli.run(["run", "--state", str(folder / "new")])


def _mere() -> str:
    """A program that runs a command without the privilege to write everywhere, which tests that run as root have."""
    # prctl(2): PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    drop = "import ctypes, os, sys; [ctypes.CDLL(None).prctl(24, n, 0, 0, 0) for n in (1, 2)]; "
    return f"{drop}os.execv(sys.executable, [sys.executable, '-c', {PROGRAM!r}, *sys.argv[1:]])"


MERE = _mere()


@pytest.mark.parametrize(
    ("situation", "number"), [(situation, number) for situation, made in CASES.items() for number in range(len(made))], ids=str
)
def test_a_situation_ends_with_its_code(situation: str, number: int, folder: Path, capsys: Captured) -> None:
    """And with lines that a person can use: never a traceback, always `orderwatch: ...`."""
    made = CASES[situation][number]
    code = made(folder) if callable(made) else cli.run(made)
    said = capsys.readouterr()
    assert code == ROWS[situation], said.err
    assert "Traceback" not in said.err
