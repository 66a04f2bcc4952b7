"""The simulated world in a hurry: its 140 days pass within minutes, so that a test can see all of it live.

Every instant, every date and every span of its policy is scaled alike, as those of the demo are (`dataflows.embedded.haste`). Business time
does not survive that, so what is found is no longer what the simulator's labels say; it is a rich stream that two engines must judge alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast
from zlib import crc32

import orjson

from dataflows.embedded.haste import Haste, hasty_policy, hasty_world
from sources.simulator.moments import DAY, END, OPENING
from tests.support.live import Given

if TYPE_CHECKING:
    from pathlib import Path

FEEDS = ("/carrier", "/payments/stripe", "/warehouse")


class Told(NamedTuple):
    """An event of the world: when it is appended (µs since the epoch, UTC), the key of its record, and the event."""

    log: int
    key: bytes
    line: bytes

    def given(self, partitions: int) -> Given:
        """As a record of a topic, stamped with its time and placed by its key."""
        return Given(crc32(self.key) % partitions, self.key, self.line, self.log // 1_000)


class Pace(Haste):
    """Maps the world's time to one that begins at `begin` and takes `length` (µs)."""

    def __init__(self, begin: int, length: int) -> None:
        super().__init__(begin, length * DAY / (END - OPENING))


def hurried(orders: int, seed: int, pace: Pace) -> list[Told]:
    """The events of a world, in the order in which they are appended."""
    told: list[Told] = []
    for log, event in hasty_world(orders, seed, pace):
        key = event.get("subject") or cast("dict[str, object]", event["data"]).get("tracking_number") or event["source"]
        told.append(Told(log, str(key).encode(), orjson.dumps(event)))
    return told


def write_policy(path: Path, pace: Pace, *, feeds: tuple[str, ...] = FEEDS, steady: tuple[str, ...] = (), learns: bool = False) -> Path:
    """Writes the world's policy at that pace, with some monitored feeds; returns its path. `learns`: without a list of milestones.

    Feeds that are not `steady` fall silent again and again. A feed that recovers is waited for a quarter of an hour at any pace.
    """

    def change(policy: dict[str, object]) -> None:
        # At such a pace both come to a second, and somebody must be reminded before it is too late.
        cast("dict[str, object]", policy["actions"]).update(approve_within="1 s", approval_timeout="2 s")
        if learns:
            del policy["emits"]
        policy["feeds"] = {feed: {"delay": "1 s", "silence": pace.span("140 d" if feed in steady else "2 d")} for feed in feeds}

    return hasty_policy(path, pace, change)
