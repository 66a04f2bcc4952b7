"""The simulated world in a hurry: its 140 days pass within minutes, so that a test can see all of it live.

Every instant, every date and every span of its policy is scaled alike. Business time does not survive that, so what is found is no longer
what the simulator's labels say; it is a rich stream that two engines must judge alike.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, cast
from zlib import crc32

import orjson
import yaml

from dataflows.core.policy.effective import effective
from dataflows.core.rules.load import load_policy
from dataflows.embedded.haste import instants_turned, texts_turned
from sources.simulator import policy_text, stream
from sources.simulator.moments import DAY, END, OPENING
from tests.support.live import Given
from tests.support.logs import iso

if TYPE_CHECKING:
    from pathlib import Path

_Rules = dict[str, dict[str, object]]
SECOND = 1_000_000
SPAN = re.compile(r"(-?)(\d+) (s|m|h|d|w|bd|bh)")
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": DAY, "w": 7 * DAY, "bd": DAY, "bh": 3_600}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")
DATE = re.compile(r"\d{4}-\d\d-\d\d")
FEEDS = ("/carrier", "/payments/stripe", "/warehouse")


class Told(NamedTuple):
    """An event of the world: when it is appended (µs since the epoch, UTC), the key of its record, and the event."""

    log: int
    key: bytes
    line: bytes

    def given(self, partitions: int) -> Given:
        """As a record of a topic, stamped with its time and placed by its key."""
        return Given(crc32(self.key) % partitions, self.key, self.line, self.log // 1_000)


DAY_LATER = timedelta(days=1)


class Pace:
    """Maps the world's time to one that begins at `begin` and takes `length` (µs)."""

    def __init__(self, begin: int, length: int) -> None:
        self.begin = begin
        self._per_second = length / (END - OPENING)

    def at(self, seconds: float) -> int:
        """The instant (µs) that an instant of the world (seconds since the epoch) becomes."""
        return self.begin + int((seconds - OPENING) * self._per_second)

    def span(self, text: str) -> str:
        """A span of the policy: at least a second, unless it is none."""
        found = SPAN.fullmatch(text)
        if found is None or found[2] == "0":
            return text
        return f"{found[1]}{max(1, round(int(found[2]) * UNITS[found[3]] * self._per_second / SECOND))} s"

    def instants(self, text: str) -> str:
        """An instant, a range or a date (which then is the instant at which it ends in UTC)."""
        if INSTANT.search(text):
            return INSTANT.sub(lambda found: iso(self.at(datetime.fromisoformat(found[0]).timestamp())), text)
        return DATE.sub(lambda found: iso(self.at((datetime.fromisoformat(found[0]).replace(tzinfo=UTC) + DAY_LATER).timestamp())), text)


def hurried(orders: int, seed: int, pace: Pace) -> list[Told]:
    """The events of a world, in the order in which they are appended."""
    told: list[Told] = []
    for line in stream(orders, seed):
        event = cast("dict[str, object]", instants_turned(orjson.loads(line), pace.instants))
        log = str(event.get("recordedtime", event["time"]))
        key = event.get("subject") or cast("dict[str, object]", event["data"]).get("tracking_number") or event["source"]
        at = datetime.fromisoformat(log)
        told.append(Told(int(at.timestamp() * SECOND), str(key).encode(), orjson.dumps(event)))
    return sorted(told, key=lambda each: each.log)


def write_policy(path: Path, pace: Pace, *, feeds: tuple[str, ...] = FEEDS, steady: tuple[str, ...] = (), learns: bool = False) -> Path:
    """Writes the world's policy at that pace, with some monitored feeds; returns its path. `learns`: without a list of milestones.

    Feeds that are not `steady` fall silent again and again. A feed that recovers is waited for a quarter of an hour at any pace.
    """
    plain = path.with_suffix(".plain.yaml")
    plain.write_text(policy_text(), encoding="utf-8")
    policy = cast("dict[str, object]", effective(load_policy(plain)))
    margins = {kind: one["margin"] for kind, one in cast("_Rules", policy["rules"]).items() if "margin" in one}
    for section in ("rules", "retention", "actions"):
        policy[section] = texts_turned(policy[section], pace.span)
    # At such a pace both come to a second, and somebody must be reminded before it is too late.
    cast("dict[str, object]", policy["actions"]).update(approve_within="1 s", approval_timeout="2 s")
    for kind, margin in margins.items():  # They have bounds, which no haste brings down.
        cast("_Rules", policy["rules"])[kind]["margin"] = margin
    if learns:
        del policy["emits"]
    policy["feeds"] = {feed: {"delay": "1 s", "silence": pace.span("140 d" if feed in steady else "2 d")} for feed in feeds}
    path.write_text(yaml.safe_dump(policy), encoding="utf-8")
    return path
