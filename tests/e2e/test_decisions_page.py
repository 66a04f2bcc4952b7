"""The page of events and decisions by token: each command that it shows is run, and does what it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schemas.actions import ACTIONS
from tests.support.deciding import DecidingShop

if TYPE_CHECKING:
    from collections.abc import Generator

PAGE = Path(__file__).parents[2] / "dataflows/ingest/README.md"
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Generator[DecidingShop]:
    """A gateway that runs."""
    found = DecidingShop(tmp_path_factory.mktemp("page"))
    found.gateway.start()
    try:
        yield found
    finally:
        found.gateway.destroy()


def blocks(language: str) -> list[str]:
    """What stands on the page in a language."""
    return [text for name, text in FENCE.findall(PAGE.read_text(encoding="utf-8")) if name == language]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_every_call_of_curl_is_accepted(shop: DecidingShop, tmp_path: Path) -> None:
    """Events as JSON and as compressed lines, and a decision; the answer has the form that the page shows."""
    calls = [text for text in blocks("sh") if "curl" in text]
    assert len(calls) == 3
    event = re.search(r"-d '(\{.*?\}\})'", calls[0], re.DOTALL)
    assert event is not None
    (tmp_path / "events.jsonl").write_text(json.dumps(json.loads(event[1])) + "\n", encoding="utf-8")
    environment = {
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "URL": f"http://127.0.0.1:{shop.gateway.port}",
        "EVENTS_TOKEN": shop.token("wms", "--source", "/warehouse/*", "--event-type", "warehouse.*"),
        "DECISIONS_TOKEN": shop.token("anna", "--user", "anna", "--role", "operator"),
    }
    for call in calls:
        done = subprocess.run(["/bin/sh", "-ec", call], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        answer = json.loads(done.stdout)
        assert (answer["accepted"], answer["refused"], answer["results"][0]["status"]) == (1, 0, "accepted")
        (shown,) = map(json.loads, blocks("json"))
        assert answer.keys() == shown.keys()
    assert len(shop.decisions()) == 1


def test_every_command_of_the_page_is_one(shop: DecidingShop) -> None:
    """With the options that it has there: what is wrong with them is at most that there is no such case or token."""
    lines = [line.partition("#")[0] for text in blocks("sh") for line in text.splitlines() if line.startswith("orderwatch ")]
    assert len(lines) > 10
    for line in lines:
        words = [word.strip("\"'") for word in re.findall(r"'[^']*'|\"[^\"]*\"|\S+", line)][1:]
        arguments = [word for word in words if word not in ("--settings", "orderwatch.yaml")]
        done = shop.command(*arguments, token="ow_000000000000_" + "x" * 43)
        assert "No such" not in done.stderr, (line, done.stderr)
        assert "Got unexpected" not in done.stderr, (line, done.stderr)
        assert "Missing" not in done.stderr, (line, done.stderr)
    assert "notify_customer" in ACTIONS


def test_the_page_names_every_status_that_is_answered() -> None:
    """And no other."""
    text = PAGE.read_text(encoding="utf-8").partition("| status |")[2].partition("\n\n")[0]
    assert {int(number) for number in re.findall(r"\b[245]\d\d\b", text.partition("again\n")[0])} == {
        *(200, 207, 400, 401, 403, 412, 413, 415, 422, 429, 503)
    }
