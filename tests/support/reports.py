"""What the views of the store must show, counted from the output of a replay in plain Python: no tables, no SQL, none of their code.

An exception's history is its events in order. Each report is a list of rows as tuples, in any order; instants are aware datetimes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil, floor
from typing import Any

from tests.support.worked import Worked

Json = dict[str, Any]
Rows = list[tuple[object, ...]]
BUCKETS = ((4, "under 4 h"), (24, "4 to 24 h"), (72, "1 to 3 d"), (168, "3 to 7 d"), (336, "7 to 14 d"), (720, "14 to 30 d"))


def instant(text: str | None) -> datetime | None:
    """An instant of an event."""
    return None if text is None else datetime.fromisoformat(text)


def seconds(begin: datetime, end: datetime) -> int:
    """How long it took, each instant in whole seconds."""
    return floor(end.timestamp()) - floor(begin.timestamp())


class Life:
    """The history of one exception."""

    def __init__(self, events: Sequence[Json]) -> None:
        self.events = [event["data"] for event in events]
        self.tenant = events[0]["tenant"]
        self.last: Json = self.events[-1]
        self.case: Json = self.last["case"]
        self.raised = datetime.fromisoformat(self.events[0]["detected_at"])
        self.counts = self.last["policy"]["mode"] == "on"
        self.team = self.case["team"]

    @property
    def over(self) -> datetime | None:
        """When it was last said to be over."""
        return self._left(("open", "suppressed"))

    @property
    def stopped(self) -> datetime | None:
        """When it last ceased to be open; None while it is, and if it never was."""
        return self._left(("open",)) if any(data["status"] == "open" for data in self.events) else None

    def _left(self, statuses: tuple[str, ...]) -> datetime | None:
        if self.last["status"] in statuses:
            return None
        at = None
        for data in reversed(self.events):
            if data["status"] in statuses:
                break
            at = datetime.fromisoformat(data["detected_at"])
        return at

    @property
    def clock_stood(self) -> datetime | None:
        """Since when its resolve clock stood still: since it waits, as the engine said when it was last open; else since it stopped."""
        opened = [data["case"]["paused_since"] for data in self.events if data["status"] == "open"]
        waits = instant(opened[-1]) if opened else None
        return waits or self.stopped

    def late(self, name: str, at: datetime | None, now: datetime) -> bool:
        """Whether a clock ran out before an instant, or before now if that has not come."""
        by = instant(self.case[name])
        return by is not None and (at or now) > by

    def acknowledge_late(self, now: datetime) -> bool:
        """Taken up too late, or not in time."""
        return self.late("ack_by", instant(self.case["acknowledged_at"]) or self.stopped, now)

    def resolve_late(self, now: datetime) -> bool:
        """Stood too long."""
        return self.late("resolve_by", self.clock_stood, now)


class Reports:
    """The reports of a replay as of an instant."""

    def __init__(self, world: Worked, now: datetime) -> None:
        self.now = now
        self.lives = [Life(events) for events in _grouped(world.exceptions, "exception_id")]
        self.by_id = {life.last["exception_id"]: life for life in self.lives}
        self.actions = _grouped(world.actions, "action_id")
        self.counted = [life for life in self.lives if life.counts]
        self.open = [life for life in self.counted if life.last["status"] == "open"]

    def v_open(self) -> Rows:
        """ID, age, who, and how its clocks stand."""
        return [
            (
                *(life.last["exception_id"], life.last["severity"], life.last["score"], life.team, life.case["assignee"]),
                *(seconds(life.raised, self.now), instant(life.case["ack_by"]), life.acknowledge_late(self.now)),
                *(instant(life.case["resolve_by"]), life.case["paused_since"] is not None, life.resolve_late(self.now)),
                *(life.case["reopenings"], life.last["summary"], _amount(life.last["context"].get("total"))),
            )
            for life in self.open
        ]

    def v_ageing(self) -> Rows:
        """By tenant, team, kind, severity and bucket."""
        groups: dict[tuple[object, ...], list[Life]] = defaultdict(list)
        for life in self.open:
            hours = seconds(life.raised, self.now) / 3_600
            rank = next((place for place, (limit, _) in enumerate(BUCKETS) if hours < limit), len(BUCKETS))
            bucket = BUCKETS[rank][1] if rank < len(BUCKETS) else "30 d and more"
            groups[(life.tenant, life.team, life.last["kind"], life.last["severity"], bucket, rank)].append(life)
        return [
            (*key, len(lives), sum(life.resolve_late(self.now) for life in lives), max(seconds(one.raised, self.now) for one in lives))
            for key, lives in groups.items()
        ]

    def v_workload(self) -> Rows:
        """By tenant, team, person and severity."""
        rank = {"critical": 0, "high": 1, "medium": 2, "low": 3}
        groups: dict[tuple[object, ...], list[Life]] = defaultdict(list)
        for life in self.open:
            severity = life.last["severity"]
            groups[(life.tenant, life.team, life.case["assignee"], severity, rank[severity])].append(life)

        def many(lives: Iterable[Life], test: Callable[[Life], object]) -> int:
            return sum(bool(test(life)) for life in lives)

        return [
            (
                *(*key, len(lives), many(lives, lambda one: one.case["state"] in ("new", "open"))),
                *(many(lives, lambda one: one.case["state"] == "snoozed"), many(lives, lambda one: one.case["state"] == "waiting")),
                *(many(lives, lambda one: one.last["blocking"]), many(lives, lambda one: one.last["escalation"])),
                many(lives, lambda one: one.case["acknowledged_at"] is None and one.acknowledge_late(self.now)),
                *(many(lives, lambda one: one.resolve_late(self.now)), min(one.raised for one in lives)),
            )
            for key, lives in groups.items()
        ]

    def v_sla(self) -> Rows:
        """By tenant, team, kind and severity: within, breached, spared, and their share."""
        groups: dict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
        for life in self.counted:
            if life.last["status"] == "retracted" or (life.case["ack_by"] is None and life.case["resolve_by"] is None):
                continue
            found = groups[(life.tenant, life.team, life.last["kind"], life.last["severity"])]
            found["all"] += 1
            if life.case["ack_by"] is not None:
                taken = life.case["acknowledged_at"] is not None
                if life.acknowledge_late(self.now):
                    found["ack late"] += 1
                elif taken:
                    found["ack kept"] += 1
                elif life.stopped is not None:
                    found["ack spared"] += 1
            if life.case["resolve_by"] is not None:
                found["late" if life.resolve_late(self.now) else "running" if life.over is None else "kept"] += 1
        return [
            (
                *(
                    *key,
                    found["all"],
                    found["ack kept"],
                    found["ack late"],
                    found["ack spared"],
                    _share(found["ack kept"], found["ack late"]),
                ),
                *(found["kept"], found["late"], found["running"], _share(found["kept"], found["late"])),
            )
            for key, found in groups.items()
        ]

    def v_time_to(self) -> Rows:
        """By all, team, kind and severity: how many, median, nine of ten, longest."""
        groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
        first = self._first_attempts()
        for life in self.counted:
            if life.last["status"] == "retracted":
                continue
            taken = instant(life.case["acknowledged_at"]) if not life.case["reopenings"] else None
            ends = {"acknowledge": taken, "act": first.get(life.last["exception_id"]), "resolve": life.over}
            values = {"all": "all", "team": life.team, "kind": life.last["kind"], "severity": life.last["severity"]}
            for measure, end in ends.items():
                for dimension, value in values.items():
                    if end is not None:
                        groups[(life.tenant, dimension, value, measure)].append(seconds(life.raised, end))
        return [(*key, len(took), _nearest(took, 0.5), _nearest(took, 0.9), max(took)) for key, took in groups.items()]

    def _first_attempts(self) -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        for events in self.actions:
            for event in events:
                if event["data"]["state"] in ("begun", "executed") and (about := event["data"]["exception_id"]):
                    at = datetime.fromisoformat(event["time"])
                    found[about] = min(at, found.get(about, at))
        return found

    def v_rework(self) -> Rows:
        """By tenant, team and kind."""
        groups: dict[tuple[object, ...], list[Life]] = defaultdict(list)
        for life in self.counted:
            groups[(life.tenant, life.team, life.last["kind"])].append(life)
        return [
            (
                *(*key, len(lives), *(sum(life.last["status"] == status for life in lives) for status in ("resolved", "retracted"))),
                *(
                    number
                    for name in ("reopenings", "flaps", "reassignments")
                    for number in (sum(life.case[name] > 0 for life in lives), sum(life.case[name] for life in lives))
                ),
                sum(life.last["episode"] > 1 for life in lives),
                *(sum(life.case["label"] == label for life in lives) for label in ("noise", "wrong_owner")),
            )
            for key, lives in groups.items()
        ]

    def v_recurrence(self) -> Rows:
        """By tenant, kind, dimension and value: the dimensions that an event states itself."""
        groups: dict[tuple[object, ...], list[Life]] = defaultdict(list)
        for life in self.counted:
            if life.last["status"] != "retracted":
                values = {"lane": life.last["lane"], "country": life.last["context"].get("country")}
                for dimension, value in values.items():
                    if value is not None:
                        groups[(life.tenant, life.last["kind"], dimension, value)].append(life)

        def within(life: Life, first: int, last: int) -> bool:
            return timedelta(days=first).total_seconds() <= seconds(life.raised, self.now) < timedelta(days=last).total_seconds()

        return [
            (
                *(*key, len(lives), len({life.last["order_id"] for life in lives}), sum(one.last["status"] == "open" for one in lives)),
                *(sum(_recent(one, self.now, 7) for one in lives), sum(within(one, 7, 14) for one in lives)),
                *(min(life.raised for life in lives), max(life.raised for life in lives)),
            )
            for key, lives in groups.items()
        ]

    def v_messages(self) -> Rows:
        """Our own: of each action that tells the customer something its state, topic, channel, date, and when it was first asked for."""
        found: Rows = []
        for events in self.actions:
            data = events[-1]["data"]
            if (said := data["message"]) is not None:
                asked = datetime.fromisoformat(events[0]["time"])
                found.append((data["action_id"], data["state"], said["topic"], said["channel"], said["promised_by"], asked))
        return found

    def others_messages(self) -> set[tuple[str, str]]:
        """Of what others sent, as far as exceptions show it: by whom and when."""
        shown = (message for life in self.lives for data in life.events for message in data["messages"] if message["action_id"] is None)
        return {(message["by"], message["sent_at"]) for message in shown}

    def v_approvals(self) -> Rows:
        """What waits for somebody to agree."""
        found: Rows = []
        for events in self.actions:
            data = events[-1]["data"]
            if data["approvals_needed"] and data["state"] in ("proposed", "blocked"):
                by, about = instant(data["needs_approval_by"]), self.by_id.get(data["exception_id"])
                found.append(
                    (
                        *(
                            data["action_id"],
                            data["action"],
                            tuple(data["approvers"]),
                            data["approvals_needed"],
                            tuple(data["approved_by"]),
                        ),
                        *(data["initiated_by"], seconds(datetime.fromisoformat(events[0]["time"]), self.now)),
                        *(by is not None and by < self.now, data["payload_hash"], about and about.last["severity"]),
                    )
                )
        return found


def _amount(money: Json | None) -> Decimal | None:
    return None if money is None else Decimal(money["amount"])


def _grouped(events: Iterable[Json], name: str) -> list[list[Json]]:
    groups: dict[str, list[Json]] = defaultdict(list)
    for event in events:
        groups[event["data"][name]].append(event)
    return [sorted(group, key=lambda event: event["data"]["sequence"]) for group in groups.values()]


def _share(kept: int, late: int) -> float | None:
    return kept / (kept + late) if kept + late else None


def _nearest(took: list[int], share: float) -> int:
    return sorted(took)[ceil(round(share * len(took), 9)) - 1]


def _recent(life: Life, now: datetime, days: int) -> bool:
    return seconds(life.raised, now) < timedelta(days=days).total_seconds()
