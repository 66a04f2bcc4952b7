"""What a start says into the log of policy and engine, and what of it the state directory keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from dataflows.runtime.state.directory import StateHome, policy_file, read_state
from dataflows.runtime.state.pins import Pins

if TYPE_CHECKING:
    from pathlib import Path

    from dataflows.runtime.state.pins import Resume, State

OF_BEFORE = b"""{"id":"6f2c5a10-63f1-4c0e-9e1c-6d3f0d5b6f11","recovery":4,"format":1,"made":1767225600000000,"shards":{"orders":64},
"inputs":{"order-events":1},"outputs":{"order-exceptions":1},"engine":"0.1.0","policy":"aaaa","policy_hash":"","processes":1,"clean":true,
"lead":[0,1],"topic_ids":{},"identifiers":1}"""
"""A `state.json` as it was written before policies could be activated."""


class Log:
    """What was announced; `fails`: a broker that does not answer."""

    def __init__(self) -> None:
        self.said: list[tuple[str, int, bool]] = []
        self.fails = False

    def announce(self, state: State, pins: Pins, *, clean: bool) -> bool:
        """Notes it."""
        if self.fails:
            raise ConnectionError
        self.said.append((pins.policy, state.changes + 1, clean))
        return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a state directory may be made."""
    return tmp_path / "state"


def start(path: Path, log: Log | None, policy: str, *, engine: str = "0.1.0", given: str = "", clean: bool = True) -> Resume:
    """A run that begins with a policy, and ends."""
    home = StateHome.open(path)
    try:
        announce = None if log is None else log.announce
        resume = home.begin(
            Pins({"orders": 64}, {"order-events": 1}, {}, engine, policy, f"name: {policy}\n", given=given or policy, announce=announce)
        )
        if clean:
            home.stop_clean()
        return resume
    finally:
        home.close()


def test_a_changed_policy_is_announced_once_and_the_one_before_holds_until_then(path: Path) -> None:
    """The first one, through all changes; a start with the same one says nothing."""
    log = Log()
    resumes = [start(path, log, policy) for policy in ("aaaa", "aaaa", "bbbb", "bbbb", "cccc")]
    assert log.said == [("bbbb", 1, True), ("cccc", 2, True)]
    assert [(resume.policy, resume.first) for resume in resumes] == [
        ("aaaa", ""),
        ("aaaa", ""),
        ("bbbb", "aaaa"),
        ("bbbb", "aaaa"),
        ("cccc", "aaaa"),
    ]
    assert policy_file(path, "aaaa").read_text() == "name: aaaa\n"


def test_a_start_that_breaks_off_announces_the_same_again(path: Path) -> None:
    """Under the same number, so that nobody takes it twice."""
    log = Log()
    start(path, log, "aaaa")
    log.fails = True
    with pytest.raises(ConnectionError):
        start(path, log, "bbbb")
    assert read_state(path).policy == "aaaa"
    log.fails = False
    start(path, log, "bbbb")
    assert log.said == [("bbbb", 1, True)]


def test_without_a_log_for_it_a_changed_policy_holds_from_the_start_on(path: Path) -> None:
    """As it did before."""
    log = Log()
    start(path, log, "aaaa")
    start(path, log, "bbbb")
    assert start(path, None, "cccc").first == ""
    assert read_state(path).changes == 1


def test_an_upgrade_is_announced_also_after_an_unclean_stop(path: Path) -> None:
    """What another version makes of the same text is no changed policy; after an unclean stop that one stays anyway."""
    log = Log()
    start(path, log, "aaaa", given="text")
    assert start(path, log, "a2a2", engine="0.2.0", given="text", clean=False).policy == "a2a2"
    assert start(path, log, "bbbb", engine="0.3.0", given="other").policy == "a2a2"
    assert log.said == [("a2a2", 1, True), ("bbbb", 2, False)]
    assert start(path, log, "bbbb", engine="0.3.0", given="other").first == "aaaa"
    assert log.said[2:] == [("bbbb", 3, True)]


def test_a_state_of_before_goes_on(path: Path) -> None:
    """Its policy is the one that holds; what it does not know is as if nothing had been activated."""
    start(path, None, "aaaa")
    (path / "state.json").write_bytes(OF_BEFORE)
    (path / "policies" / "aaaa.yaml").write_text("name: aaaa\n")
    state = read_state(path)
    assert (state.given, state.first, state.changes) == ("", "", 0)
    log = Log()
    assert start(path, log, "aaaa").first == ""
    assert log.said == []
    assert start(path, log, "bbbb").first == "aaaa"
    assert log.said == [("bbbb", 1, True)]
    assert msgspec.json.decode((path / "state.json").read_bytes())["id"] == state.id
