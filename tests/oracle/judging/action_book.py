"""What becomes of actions by what orders say and by time, as the contract, the design and the page about actions say.

It counts budgets by looking at all actions again each time, and knows no rows, timers or indexes. IDs of actions are names: those that are
made of other actions are looked up by what they stand for, in `names`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.oracle.judging.action_terms import (
    GOOD,
    LANES,
    NEEDS,
    PERSONS,
    SHARD,
    TASKS,
    Cap,
    Decided,
    Demand,
    Key,
    Known,
    Saying,
    Terms,
)


class ActionBook:
    """Takes demands and decisions in order. `said`: what is to be said of actions, `refused`: the decisions that may not count, and why."""

    def __init__(self, terms: Terms, names: Mapping[Key, str]) -> None:
        self.terms = terms
        self.names = names
        self.all: dict[str, Known] = {}
        self.of_key: dict[Key, Known] = {}
        self.paused: set[str] = set()
        self.said: list[Saying] = []
        self.refused: list[tuple[str, str]] = []

    def judge(self, items: Iterable[Demand | Decided], until: int) -> None:
        """Goes through a log, and lets time pass to its end."""
        for item in items:
            self._time(item.log, inclusive=False)
            if isinstance(item, Demand):
                self._demand(item)
            else:
                self._decision(item)
        self._time(until, inclusive=True)

    def _decision(self, decided: Decided) -> None:
        raise NotImplementedError

    # --- time ---

    def _due(self, each: Known) -> int | None:
        if each.state != "proposed":
            return None
        if each.missing and each.waits_since is not None:
            return each.waits_since + (self.terms.timeout if each.gone_up else self.terms.within)
        return each.quiet_until or None

    def _time(self, until: int, *, inclusive: bool) -> None:
        while True:
            due = sorted((at, each.id) for each in self.all.values() if (at := self._due(each)) is not None)
            if not due or due[0][0] > until or (due[0][0] == until and not inclusive):
                return
            at, id_ = due[0]
            each = self.all[id_]
            if each.missing and each.gone_up:
                each.state = "expired"
                self._say(each, at)
            elif each.missing:
                each.gone_up = True
                self._say(each, at)
            else:
                self._settle(each, at)
                self._say(each, at)

    # --- what orders say ---

    def _demand(self, demand: Demand) -> None:
        known = self.of_key.get(demand.key)
        if demand.sort == "asked":
            if known is None:
                self._asked(demand, demand.id, "", "auto")
        elif known is None:
            return
        elif demand.sort == "guarded":
            self._guarded(known, demand)
        else:
            known.wanted = False
            if known.state in ("proposed", "blocked", "requested"):
                self._withdraw(known, demand.log)
            elif known.state in ("begun", "in_doubt"):
                self._amend(known, demand.log)
            elif known.state == "failed" and known.again:
                known.again = False
                self._say(known, demand.log)

    def _asked(self, demand: Demand, id_: str, before: str, least: str) -> None:
        each = Known(
            id_,
            demand.tenant,
            demand.order,
            demand.exception,
            demand.kind,
            demand.action,
            demand.target,
            demand.parameters,
            demand.customer,
            demand.amount,
            f"rule:{demand.kind}",
            lane=max(demand.lane, least, key=LANES.index),
            spoken=list(demand.spoken),
            quiet_until=demand.quiet_until,
            before=before,
        )
        if demand.action in PERSONS or each.lane != "auto":
            each.wanted_persons = self._persons(each)
        self.of_key[demand.key] = each
        self._begin(each, demand.log)

    def _guarded(self, known: Known, demand: Demand) -> None:
        if known.state not in ("proposed", "blocked", "requested"):
            return
        if _done(demand.parameters) != _done(known.parameters) or demand.target != known.target:
            self._anew(known, demand)
            return
        lasting = [each for each in demand.spoken if each[1] != "hold"]
        new = [each for each in lasting if each[0] not in {name for name, _, _ in known.spoken}]
        worse = LANES.index(demand.lane) > LANES.index(known.lane)
        if known.state == "requested":
            if any(effect == "block" for _, effect, _ in new) or (worse and demand.lane == "block") or (worse and not known.agreed):
                self._anew(known, demand)
            return
        own = [each for each in known.spoken if each[0] in SHARD or each[1] == "hold"]
        spoken, lane = [*own, *lasting], known.lane
        if worse:
            lane = demand.lane
        elif lane == "block" and demand.lane != "block" and not any(effect == "block" for _, effect, _ in spoken):
            lane = "review"
        if spoken == known.spoken and lane == known.lane:
            return
        known.spoken, known.lane = spoken, lane
        if lane != "auto" and not known.missing:
            known.wanted_persons = max(self._persons(known), len(known.agreed) + 1)
            known.waits_since, known.gone_up = demand.log, False
        self._say(known, demand.log)

    def _anew(self, known: Known, demand: Demand) -> None:
        """It is withdrawn, and asked for under another name, by which nobody has agreed to anything."""
        known.stood = False
        self._withdraw(known, demand.log)
        known.wanted = False
        self._asked(demand, self._name("again", known.id), known.id, "review")

    def _begin(self, each: Known, now: int) -> None:
        self.all[each.id] = each
        needed = NEEDS.get(each.action)
        if needed is not None and each.parameters.get(needed) is None:
            each.spoken = [*each.spoken, ("parameters", "block", "")]
            each.lane = "block"
            each.wanted_persons = max(1, each.wanted_persons)
        if each.action in PERSONS and each.lane == "auto":
            each.lane = "review"
        self._settle(each, now)
        self._say(each, now)

    def _persons(self, each: Known) -> int:
        limits = self.terms.second_above
        if each.action not in PERSONS or not limits:
            return 1
        if each.amount is None:
            return 2
        limit = limits.get(each.amount[1], limits.get("*"))
        return 1 if limit is not None and Decimal(each.amount[0]) <= limit else 2

    # --- whether it may be requested ---

    def _settle(self, each: Known, now: int) -> None:
        rival = self._rival(each)
        if rival is not None:
            each.state, each.rival, each.lane, each.waits_since, each.gone_up = "blocked", rival, "block", None, False
            self._speak(each, "one_irreversible_action", "block")
            return
        if not each.missing:
            stopped = self._stopped(each, now)
            if stopped is not None:
                self._speak(each, *stopped)
                each.lane = "block" if "block" in (stopped[1], each.lane) else "review"
                each.wanted_persons = len(each.agreed) + 1
            elif each.quiet_until <= now:
                each.state, each.waits_since, each.gone_up, each.counted = "requested", None, False, self._day(now)
                return
        each.state, each.gone_up = "proposed", False
        each.waits_since = now if each.missing else None

    def _speak(self, each: Known, name: str, effect: str) -> None:
        each.spoken = [*(one for one in each.spoken if one[0] != name), (name, effect, "")]

    def _rival(self, each: Known) -> str | None:
        found = [
            other.id
            for other in self.all.values()
            if (other.tenant, other.order) == (each.tenant, each.order)
            and other.id != each.id
            and self._same(each.target, other.target)
            and (
                (each.final_way and other.final_way and not other.over and other.state != "blocked")
                or (other.state == "in_doubt" and each.target != "task")
            )
        ]
        return min(found, default=None)

    def _same(self, one: str, other: str) -> bool:
        if one == other:
            return True
        return "order" in (one, other) and not {"customer", "task"} & {one, other}

    def _stopped(self, each: Known, now: int) -> tuple[str, str] | None:
        if (needed := NEEDS.get(each.action)) is not None and each.parameters.get(needed) is None:
            return ("parameters", "block")
        if {"all", f"action:{each.action}", f"rule:{each.kind}", f"tenant:{each.tenant}"} & self.paused:
            return ("automation_paused", "review")
        if any(self._counts(cap, each) and self._used(cap, each, now) >= cap.most for cap in self.terms.caps):
            return ("budget", "review")
        return None

    def _counts(self, cap: Cap, each: Known) -> bool:
        return cap.rule in (None, each.kind) and cap.action in (None, each.action) and cap.tenant in (None, each.tenant)

    def _used(self, cap: Cap, each: Known, now: int) -> int:
        day = self._day(now)
        mine = [one for one in self.all.values() if one.counted == day and one.tenant == each.tenant and self._counts(cap, one)]
        return sum(not cap.each or self._whose(one) == self._whose(each) for one in mine)

    def _whose(self, each: Known) -> str:
        return f"customer {each.customer}" if each.customer else f"order {each.order}"

    def _day(self, now: int) -> str:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)
        return at.astimezone(ZoneInfo(self.terms.zone)).date().isoformat()

    # --- how it goes on ---

    def _withdraw(self, each: Known, now: int) -> None:
        each.was_requested = each.state == "requested"
        each.state, each.rival, each.counted = "withdrawn", "", None
        self._say(each, now)

    def _amend(self, each: Known, now: int) -> None:
        name = GOOD.get(each.action) or (None if each.action in TASKS else "create_task")
        if name is None or each.amended or each.amends:
            return
        each.amended = True
        target = "task" if name in TASKS else each.target
        good = Known(
            *(self._name("compensation", each.id), each.tenant, each.order, each.exception, each.kind, name, target),
            {"compensates": each.id, "action": each.action, "target": each.target},
            *(each.customer, each.amount, each.asker),
            lane="review",
            wanted_persons=1,
            amends=True,
        )
        self._begin(good, now)

    def _nothing_done(self, each: Known, now: int) -> None:
        good = self.all.get(self._name("compensation", each.id))
        if good is not None and good.state in ("proposed", "blocked", "requested"):
            self._withdraw(good, now)

    def _say(self, each: Known, now: int) -> None:
        spoken = tuple(sorted(name for name, _, _ in each.spoken))
        self.said.append((now, each.id, each.state, each.lane, tuple(each.agreed), spoken, each.missing))
        if not each.over:
            return
        for other in sorted(self.all.values(), key=lambda one: one.id):
            if other.state == "blocked" and other.rival == each.id and (other.tenant, other.order) == (each.tenant, each.order):
                rival = self._rival(other)
                if rival is not None:
                    other.rival = rival
                else:
                    blocked = any(
                        effect == "block" and name not in ("one_irreversible_action", "automation_paused")
                        for name, effect, _ in other.spoken
                    )
                    other.state, other.rival = "proposed", ""
                    other.lane = "block" if blocked else "review"
                    other.wanted_persons = max(other.wanted_persons, len(other.agreed) + 1)
                    other.waits_since, other.gone_up = now, False
                self._say(other, now)

    def _name(self, sort: str, of: str) -> str:
        return self.names.get((sort, of), f"{sort} of {of}")


def _done(parameters: Mapping[str, object]) -> dict[str, object]:
    """What would be done: the lane of the exception is no part of it."""
    return {name: value for name, value in parameters.items() if name != "lane"}
