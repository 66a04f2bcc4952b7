"""The guide "Connect your shop in an hour" (`sources/README.md`), followed to its last line: its own commands, in a shell, in their order.

What is changed: ports and the broker's address, for those of the guide may be taken, and the folder that it is followed in.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, expect

from dataflows.settings.gateway import GatewaySettings
from dataflows.settings.model import HttpSettings
from tests.support.browser import PATIENCE_MS, browser, decided, log_in, look_into, send, why_not, window
from tests.support.kafka.process import free_port
from tests.support.kept_pictures import keep
from tests.support.live import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.brokers import Broker

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "sources" / "README.md").read_text(encoding="utf-8").partition("## Connect your shop in an hour\n")[2].partition("\n## ")[0]
STEPS = re.split(r"^### (?=\d+\. )", GUIDE, flags=re.MULTILINE)[1:]
PICTURES = ROOT / "sources" / "pictures"
REQUESTS = [path.name for path in sorted((ROOT / "sources" / "examples" / "life").glob("*.json"))]


def blocks(step: int) -> list[str]:
    """The fenced blocks of a step, as they are written: commands, and what they print."""
    return re.findall(r"^```\n(.*?)^```$", STEPS[step - 1], flags=re.MULTILINE | re.DOTALL)


class Shell:
    """One shell that lives as long as the guide is followed, so that what it starts and exports stays."""

    def __init__(self, folder: Path) -> None:
        self.port, self.console = free_port(), free_port()
        self.folder = folder
        self.broker = ""
        (folder / "sources").symlink_to(ROOT / "sources")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        others = {name: value for name, value in os.environ.items() if not name.startswith("ORDERWATCH_")}
        # Ports of the guide's own are for its readers; the engine's and the gateway's stay apart in one file because of their defaults.
        ports = {"ORDERWATCH_HTTP__PORT": str(free_port()), "ORDERWATCH_GATEWAY__HTTP_PORT": str(free_port())}
        ports |= {f"ORDERWATCH_{name}": str(free_port()) for name in ("CONSOLE__HTTP_PORT", "STORE__HTTP_PORT")}
        ports |= {"ORDERWATCH_GATEWAY__PORT": str(self.port), "ORDERWATCH_CONSOLE__PORT": str(self.console)}
        command = ["bash", "--norc"]
        self._shell = subprocess.Popen(
            command,
            cwd=folder,
            env={**others, **ports, "PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._said(f"set -m; exec 3>{folder}/background.log")

    def run(self, block: str) -> str:
        """Runs a block of the guide; returns what it printed, background processes aside. Fails if one of its commands does."""
        block = block.replace("localhost:8080", f"localhost:{self.port}").replace("localhost:9092", self.broker or "localhost:9092")
        block = re.sub(r" &$", " >&3 2>&3 &", block, flags=re.MULTILINE)
        return self._said(block)

    def _said(self, commands: str) -> str:
        end = f"end-{time.monotonic_ns()}"
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"trap 'echo failed: $BASH_COMMAND' ERR\n{commands}\ntrap - ERR\necho; echo {end}\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.strip() == end:
                break
            lines.append(line)
        said = "".join(lines).rstrip("\n")
        assert "failed: " not in said, f"{said}\n{self.background()}"
        return said

    def background(self) -> str:
        """What the processes in the background wrote."""
        log = self.folder / "background.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def end(self) -> None:
        """Ends the shell and all that it started."""
        pids = subprocess.run(["pgrep", "-s", str(self._shell.pid)], capture_output=True, text=True, check=False).stdout.split()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        self._shell.wait(PATIENCE)
        for stream in (self._shell.stdin, self._shell.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder that holds the project's sources."""
    found = Shell(tmp_path)
    yield found
    found.end()


def words(text: str) -> list[str]:
    """The lines of a text, without how wide their columns are."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_the_guide_to_its_last_line(shell: Shell, own_broker: Broker) -> None:
    """Six requests become exceptions of a replay; with Kafka and the engine those of an order of today, in their topic."""
    shell.broker = own_broker.bootstrap
    for block in blocks(1):
        shell.run(block)
    (connect,) = blocks(3)
    said = words(shell.run(connect))
    assert [line for line in said if line[0].isdigit()] == [f"200 {name}" for name in REQUESTS]
    log = shell.folder / "gateway" / "events.jsonl"
    before = log.read_bytes()
    # "Try it with another secret in the environment: 401. Send a file twice: 200 again, and nothing is written twice."
    again = f"python sources/examples/send.py http://localhost:8080 tea sources/examples/life/{REQUESTS[1]}"
    assert words(shell.run(again)) == [f"200 {REQUESTS[1]}"]
    assert words(shell.run(f"(STRIPE_SECRET=whsec_other {again}; true)")) == [f"401 {REQUESTS[1]}"]
    assert log.read_bytes() == before
    replay, shown = blocks(4)
    said = words(shell.run(replay))
    assert [line for line in words(shown) if line in said] == words(shown), said
    shell.run("kill %1; wait %1")
    stream, look, seen = blocks(5)
    said = words(shell.run(stream))
    assert f"{len(before.splitlines())} events appended to order-events" in said
    assert [line for line in said if line[0].isdigit() and line.endswith(".json")] == [f"200 {name}" for name in REQUESTS[:3]]
    give_up = time.monotonic() + PATIENCE
    while words(shell.run(f"rm -rf seen\n{look}"))[-2:] != words(seen):
        assert time.monotonic() < give_up, shell.background()
        time.sleep(0.5)
    rejected = shell.run("orderwatch rejects list --brokers localhost:9092")
    assert "too_old" in rejected
    (work,) = blocks(8)
    assert "ada may log in, as admin" in shell.run(work)
    if why := why_not():
        pytest.skip(f"all but the console's pages: {why}")
    with browser() as chromium:
        see_it_in_the_console(chromium, shell)


def see_it_in_the_console(chromium: Browser, shell: Shell) -> None:
    """Ada finds the declined card and takes it up; what she sees stands in the guide as pictures."""
    give_up = time.monotonic() + PATIENCE
    with window(chromium, f"http://127.0.0.1:{shell.console}", size=(1280, 640)) as shown:
        shown.offline = True  # the console may not listen yet
        while not _answers(shell.console):
            assert time.monotonic() < give_up, shell.background()
            time.sleep(0.2)
        log_in(shown, "ada", "a password of mine")
        shown.page.get_by_role("navigation", name="Views").get_by_role("link", name="Exceptions").click()
        while shown.page.locator("[data-row]").count() < 2:
            assert time.monotonic() < give_up, shell.background()
            shown.page.wait_for_timeout(500)
            shown.page.reload()
        keep(shown, PICTURES / "exceptions.jpg")
        look_into(shown.page, "Declined soft")
        where = shown.page.url
        shown.page.get_by_role("group", name="Decide").get_by_role("link", name="Acknowledge", exact=True).click()
        send(shown.page, "Acknowledge")
        expect(decided(shown.page)).to_contain_text("It is acknowledged now", timeout=PATIENCE_MS)
        shown.page.goto(where)
        keep(shown, PICTURES / "exception.jpg")


def _answers(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/login", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def test_the_pictures_of_the_guide_are_all_shown() -> None:
    """Each that is kept, and none that is not."""
    assert sorted(re.findall(r"\]\(pictures/([\w-]+\.jpg)\)", GUIDE)) == sorted(path.name for path in PICTURES.glob("*.jpg"))


def test_the_guide_names_the_ports_that_are_the_defaults() -> None:
    """Of the gateway and of Kafka; engine and gateway take different ones for their metrics, so that one settings file serves both."""
    gateway = GatewaySettings()
    assert f"http://localhost:{gateway.port} tea" in GUIDE
    assert len({gateway.port, gateway.http_port, HttpSettings().port}) == 3


def test_an_example_of_today_tells_of_another_order_of_today(shell: Shell) -> None:
    """`--now`: received at present, minutes or days after the order was placed as in the original; no number is the original's."""
    script = (
        "import sys, json, pathlib, datetime; sys.path.insert(0, 'sources/examples'); import send;"
        "texts = [pathlib.Path(p).read_text() for p in sys.argv[1:]];"
        "print(json.dumps(send.moved(texts, datetime.datetime.fromisoformat('2031-11-02T06:30:00+00:00'))))"
    )
    texts = [json.loads(text) for text in json.loads(shell.run(f'python -c "{script}" sources/examples/life/*.json'))]
    assert texts[-1]["received"] == "2031-11-02T06:30:00Z"
    assert texts[0]["body"]["created_at"] == "2031-10-31T09:49:59-04:00"
    whole = json.dumps(texts)
    assert not re.search(r"2026-|1234567890|TeaLife|b54f0e8a-0001|00005555", whole)
    assert len({text["body"]["metadata"]["order_id"] for text in texts if "metadata" in text["body"]}) <= 1
