"""A simulated world that passes within minutes: its instants, its dates and the spans of its policy are all brought to one pace.

The input log's time is that of its writer, also here; so nothing is pretended to the engine. It is the world that is in haste: a day of it
takes seconds, and the policy counts alike. What is counted in business days is counted in days, since no pace keeps office hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple, cast

import orjson
import yaml

from dataflows.core.policy.effective import effective
from dataflows.core.rules.load import load_policy
from schemas.instants import SECOND
from schemas.values import from_micros
from sources.simulator import policy_text, stream
from sources.simulator.moments import DAY, END, OPENING

SPAN: Final = re.compile(r"(-?)(\d+) (s|m|h|d|w|bd|bh)")
UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": DAY, "w": 7 * DAY, "bd": DAY, "bh": 3_600}
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")
DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
TIMES: Final = frozenset(("time", "recordedtime", "eta", "expected_at", "expires_at", "promised_by", "ship_by", "until"))
SECTIONS: Final = ("rules", "retention", "actions")
"""Parts of a policy that hold spans."""


class HastyEvent(NamedTuple):
    """An event of the world, and when it is to be appended (µs since the epoch, UTC)."""

    log: int
    event: dict[str, object]


class Haste:
    """Maps the world's time to one that begins at `begin` (µs) and in which a day takes `day` (µs)."""

    def __init__(self, begin: int, day: int) -> None:
        self.begin = begin
        self._per_second = day / DAY
        self.end = begin + int((END - OPENING) * self._per_second)
        """When the world ends (µs)."""

    def at(self, seconds: float) -> int:
        """The instant (µs) that an instant of the world (seconds since the epoch) becomes."""
        return self.begin + int((seconds - OPENING) * self._per_second)

    def world(self, now: int) -> float:
        """The instant of the world (seconds since the epoch) that an instant (µs) is."""
        return OPENING + (now - self.begin) / self._per_second

    def span(self, text: str) -> str:
        """A span of the policy: at least a second, unless it is none."""
        found = SPAN.fullmatch(text)
        if found is None or found[2] == "0":
            return text
        return f"{found[1]}{max(1, round(int(found[2]) * UNITS[found[3]] * self._per_second / SECOND))} s"

    def instants(self, text: str) -> str:
        """An instant, a range or a date (which then is the instant at which it ends in UTC)."""
        if INSTANT.search(text):
            return INSTANT.sub(lambda found: _iso(self.at(datetime.fromisoformat(found[0]).timestamp())), text)
        later = timedelta(days=1)
        return DATE.sub(lambda found: _iso(self.at((datetime.fromisoformat(found[0]).replace(tzinfo=UTC) + later).timestamp())), text)


def hasty_world(orders: int, seed: int, haste: Haste) -> list[HastyEvent]:
    """The events of a world, in the order in which they are appended."""
    found: list[HastyEvent] = []
    for line in stream(orders, seed):
        event = cast("dict[str, object]", instants_turned(orjson.loads(line), haste.instants))
        at = datetime.fromisoformat(str(event.get("recordedtime", event["time"])))
        found.append(HastyEvent(int(at.timestamp() * SECOND), event))
    return sorted(found, key=lambda each: each.log)


def hasty_policy(path: Path, haste: Haste, change: Callable[[dict[str, object]], None] = lambda _: None) -> Path:
    """Writes the policy of a world in haste; returns its path. `change` may alter it before."""
    plain = path.with_suffix(".plain.yaml")
    plain.write_text(policy_text(), encoding="utf-8")
    policy = cast("dict[str, object]", effective(load_policy(plain)))
    plain.unlink()
    rules = cast("dict[str, dict[str, object]]", policy["rules"])
    margins = {kind: rule["margin"] for kind, rule in rules.items() if "margin" in rule}
    for section in SECTIONS:
        policy[section] = texts_turned(policy[section], haste.span)
    for kind, margin in margins.items():  # They have bounds, which no haste brings down.
        cast("dict[str, dict[str, object]]", policy["rules"])[kind]["margin"] = margin
    change(policy)
    path.write_text(yaml.safe_dump(policy, sort_keys=False), encoding="utf-8")
    return path


def _iso(at: int) -> str:
    return from_micros(at).isoformat().replace("+00:00", "Z")


def instants_turned(value: object, turn: Callable[[str], str], name: str = "") -> object:
    """The same with all instants turned."""
    if isinstance(value, dict):
        return {key: instants_turned(inner, turn, key) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [instants_turned(inner, turn, name) for inner in cast("list[object]", value)]
    return turn(value) if name in TIMES and isinstance(value, str) else value


def texts_turned(value: object, turn: Callable[[str], str]) -> object:
    """The same with all texts turned."""
    if isinstance(value, dict):
        return {key: texts_turned(inner, turn) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [texts_turned(inner, turn) for inner in cast("list[object]", value)]
    return turn(value) if isinstance(value, str) else value
