"""What an earlier release said of a recorded world is still said, but for the differences that are listed with a reason.

Not compared is the wording, which that release did not choose by the case: see `without_words`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import pytest
import yaml

from tests.support.differences import Difference, differences, without_words
from tests.support.recording import EVENTS, FOLDER, POLICIES, UNTIL, events, recorded
from tests.support.replays import command, written

if TYPE_CHECKING:
    from pathlib import Path


class Listed(NamedTuple):
    """A difference that is right, and why."""

    reason: str
    exception: str = ""
    tenant: str = "default"
    order: str = ""
    kind: str = ""
    policy: str = ""

    def explains(self, found: Difference, policy: str) -> bool:
        """Whether a difference is this one."""
        about = found.about
        if self.policy not in ("", policy):
            return False
        if self.exception:
            return about.exception == self.exception
        return (about.tenant or "default", about.order) == (self.tenant, self.order) and self.kind in ("", about.kind)


def listed() -> list[Listed]:
    """The listed differences. Raises TypeError for one that is not written as it should be."""
    entries = cast("list[dict[str, str]]", yaml.safe_load((FOLDER / "differences.yaml").read_text(encoding="utf-8")))
    return [Listed(**entry) for entry in entries]


def found(policy: str, folder: Path) -> list[Difference]:
    """What differs from the recorded output under one of the recorded policies."""
    path = folder / EVENTS
    path.write_bytes(events())
    out = folder / policy
    result = command("replay", path, "--policy", FOLDER / f"{policy}.policy.yaml", "--until", UNTIL, "--out", out)
    assert result.returncode == 0, result.stderr.decode()
    return differences(without_words(recorded(policy)), without_words(written(out)))


@pytest.mark.slow
def test_the_recorded_world_is_judged_as_it_was(tmp_path: Path) -> None:
    """Every difference is listed, and every listed one is one."""
    entries = listed()
    told: list[str] = []
    used: set[Listed] = set()
    for policy in POLICIES:
        for one in found(policy, tmp_path):
            explaining = [entry for entry in entries if entry.explains(one, policy)]
            used.update(explaining)
            if not explaining:
                before, after = (b"".join(lines[:1]).decode(errors="replace")[:600] for lines in (one.before, one.after))
                told.append(f"{policy} {one.about} {one.sort}\n  - {before}\n  + {after}")
    assert told == []
    assert [entry for entry in entries if entry not in used] == []


def test_every_listed_difference_says_what_it_is_about_and_why() -> None:
    """By the ID of an exception or by order, and with a reason."""
    for entry in listed():
        assert entry.reason.strip()
        assert entry.exception or entry.order


def test_a_changed_a_missing_and_a_new_line_are_seen() -> None:
    """Whatever changes is one difference, which an entry about its order and kind explains; others do not."""
    said = recorded("world")
    lines = said["exceptions"].splitlines(keepends=True)
    changed = {**said, "exceptions": b"".join([lines[0].replace(b"high", b"low").replace(b"medium", b"low"), *lines[1:]])}
    (one,) = differences(said, changed)
    assert one.sort == "changed"
    entry = Listed("a test", tenant=one.about.tenant or "default", order=one.about.order, kind=one.about.kind)
    assert entry.explains(one, "world")
    assert entry._replace(policy="world").explains(one, "world")
    assert Listed("a test", exception=one.about.exception).explains(one, "world")
    assert not entry._replace(policy="tuned").explains(one, "world")
    assert not entry._replace(order="another").explains(one, "world")
    last = said["actions"].splitlines(keepends=True)[-1]
    (lost,) = differences(said, {**said, "actions": said["actions"].removesuffix(last)})
    (more,) = differences({**said, "actions": said["actions"].removesuffix(last)}, said)
    assert (lost.before, more.after) == ((last.rstrip(b"\n"),), (last.rstrip(b"\n"),))
    moved = [*lines[1:], lines[0]]
    assert differences(said, {**said, "exceptions": b"".join(moved)}) != []
    assert differences(said, dict(said)) == []
