"""Cases, their clocks and their escalation, as the catalogue (3a) says: walked through instant by instant, from nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.oracle.judging.calendars import Calendar, Span
from tests.oracle.judging.reading import DAY, Event, items, mapping, text
from tests.oracle.judging.reading import instant as instant_of

GRADES = ("low", "medium", "high", "critical")
HELD = ("acknowledged", "assigned", "snoozed", "waiting")
ASIDE = ("noted", "labelled")
WAITED_FOR = ("customer", "carrier", "warehouse", "supplier", "bank")


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung: after what, to whom, on which weekdays and between which minutes of the day it goes out, in which zone."""

    wait: Span
    team: str = ""
    role: str = ""
    days: tuple[int, ...] | None = None
    minutes: tuple[int, int] | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class CaseTerms:
    """What a policy says of cases: spans by severity, the rungs, and by which calendar each team works (none: at any time)."""

    acknowledge: Mapping[str, Span | None]
    resolve: Mapping[str, Span | None]
    owner: Mapping[str, str]
    calendar: Calendar = field(default_factory=Calendar)
    teams: Mapping[str, Calendar] = field(default_factory=dict[str, Calendar])
    rungs: tuple[Rung, ...] = ()
    repeat: int = 0
    skip: bool = False
    longest: int = 14 * DAY


@dataclass(slots=True)
class CaseSheet:
    """One case on its way."""

    kind: str
    state: str = "new"
    assignee: str | None = None
    team: str | None = None
    until: int | None = None
    until_kind: str = "time"
    waiting_on: str | None = None
    taken_up: int | None = None
    reopenings: int = 0
    reassignments: int = 0
    flaps: int = 0
    ended: tuple[str, str, int] | None = None
    then: tuple[str, str] = ("", "")
    is_open: bool = False
    was: str = "never"
    grade: str = "low"
    top: str = "low"
    ack_by: int | None = None
    resolve_by: int | None = None
    paused: int | None = None
    chain: str = ""
    gone: int = 0
    passed: int = 0
    last: int = 0
    to: str | None = None
    since: int | None = None

    def shown(self, terms: CaseTerms) -> tuple[object, ...]:
        """What is published of it."""
        escalation = (self.gone, self.to, self.since, f"{self.chain}_overdue") if self.gone else None
        return (
            *(self.state, self.assignee, self.team or terms.owner[self.kind], self.until, self.waiting_on, self.taken_up),
            *(self.ack_by, self.resolve_by, self.paused, self.reopenings, self.reassignments, self.flaps, self.ended, escalation),
        )


class CaseBook:
    """All cases under some terms, taken through decisions and through what their exceptions are at each instant."""

    def __init__(self, terms: CaseTerms) -> None:
        self.terms = terms
        self.sheets: dict[str, CaseSheet] = {}
        self._goes_out: dict[tuple[int, Rung, str], int] = {}

    def decide(self, event: Event, dates: str) -> str | None:
        """Takes a decision; why it is refused, if it is."""
        sheet = self.sheets.get(event.text("exception_id") or "")
        if sheet is None:
            return "unknown_exception"
        verb, now = event.type.removeprefix("case."), event.log
        until = event.text("until")
        end = instant_of(until) if until else None
        if sheet.was == "resolved by case" and verb not in ("reopened", "resolved", *ASIDE):
            return "case_resolved"
        if verb in ("snoozed", "waiting") and end is not None and end <= now:
            return "until_passed"
        kind = event.text("until_kind") or "time"
        if verb == "snoozed" and kind not in ("time", "promise_moves", "severity_rises"):
            return "bad_until_kind"
        if verb == "reopened" and sheet.state != "resolved":
            if event.data.get("put_back") is True and sheet.state in HELD:
                self._give_back(sheet, event)
            return None
        sheet.ended = None
        if verb in ASIDE:
            return None
        if verb == "assigned":
            named = event.text("assignee")
            sheet.reassignments += named is not None and sheet.assignee is not None and named != sheet.assignee
            sheet.team = event.text("team") or sheet.team
        self._resume(sheet, now)
        sheet.state, sheet.until, sheet.until_kind, sheet.waiting_on = verb, None, "time", None
        if verb in HELD:
            sheet.assignee = event.text("assignee") or sheet.assignee
            sheet.taken_up = now if sheet.taken_up is None else sheet.taken_up
        if verb == "reopened":
            sheet.state, sheet.taken_up = "open", None
            sheet.reopenings += 1
        if verb in ("snoozed", "waiting"):
            sheet.until = min(now + self.terms.longest, now + self.terms.longest if end is None else end)
        if verb == "waiting":
            on = event.text("on")
            sheet.waiting_on = on if on in WAITED_FOR else "other"
            sheet.paused = now if sheet.is_open else None
        if verb == "snoozed":
            sheet.until_kind, sheet.then = kind, (dates, sheet.grade)
        self._calm(sheet)
        return None

    def _give_back(self, sheet: CaseSheet, event: Event) -> None:
        """Nobody has taken it up after all: what was spent waiting is allowed again, as by any decision."""
        self._resume(sheet, event.log)
        sheet.state = "new" if sheet.reopenings == 0 else "open"
        sheet.taken_up, sheet.assignee, sheet.ended = None, event.text("assignee"), None
        sheet.until, sheet.until_kind, sheet.waiting_on = None, "time", None
        sheet.team = event.text("team") or sheet.team

    def stand(self, id_: str, kind: str, status: str, severity: str, now: int) -> None:
        """What the exception is at an instant, by its condition alone: `open`, `resolved`, `retracted`."""
        sheet = self.sheets.setdefault(id_, CaseSheet(kind))
        over = status == "open" and sheet.state == "resolved"
        name = "resolved by case" if over else status
        if name == "open" and sheet.was in ("resolved", "retracted"):
            sheet.flaps += 1
        sheet.was, sheet.grade = name, severity
        if name != "open":
            sheet.is_open, sheet.paused = False, None
        elif not sheet.is_open:
            sheet.is_open, sheet.top = True, severity
            sheet.ack_by = self._later(sheet, now, self.terms.acknowledge[severity])
            sheet.resolve_by = self._later(sheet, now, self.terms.resolve[severity])
            sheet.paused = now if sheet.state == "waiting" else None
        elif GRADES.index(severity) > GRADES.index(sheet.top):
            if sheet.paused is not None:
                self._resume(sheet, now)
                sheet.paused = now
            sheet.top = severity
            if sheet.taken_up is None:
                sheet.ack_by = _lesser(sheet.ack_by, self._later(sheet, now, self.terms.acknowledge[severity]))
            sheet.resolve_by = _lesser(sheet.resolve_by, self._later(sheet, now, self.terms.resolve[severity]))
        self._calm(sheet)

    def wake(self, now: int, dates: Callable[[str], str]) -> None:
        """Ends the snoozes and waits that are over. `dates`: those of the order of an exception."""
        for id_, sheet in self.sheets.items():
            if not sheet.is_open or sheet.state not in ("snoozed", "waiting"):
                continue
            by = "time" if sheet.until is not None and sheet.until <= now else ""
            if sheet.state == "snoozed" and not by:
                if sheet.until_kind == "promise_moves" and dates(id_) != sheet.then[0]:
                    by = "promise_moves"
                elif sheet.until_kind == "severity_rises" and GRADES.index(sheet.grade) > GRADES.index(sheet.then[1]):
                    by = "severity_rises"
            if by:
                sheet.ended = (sheet.state, by, now)
                self._resume(sheet, now)
                sheet.state = "acknowledged" if sheet.assignee is None else "assigned"
                sheet.until, sheet.until_kind, sheet.waiting_on = None, "time", None
                self._calm(sheet)

    def due(self) -> int | None:
        """The next instant at which a case changes by itself."""
        found = [sheet.until for sheet in self.sheets.values() if sheet.is_open and sheet.until is not None]
        found += [rung[0] for sheet in self.sheets.values() if (rung := self._next(sheet)) is not None]
        return min(found, default=None)

    def climb(self, now: int) -> None:
        """Lets all rungs go out that are due."""
        for sheet in self.sheets.values():
            while (rung := self._next(sheet)) is not None and rung[0] <= now:
                at, place, chain, to = rung
                sheet.gone = sheet.gone + 1 if chain == sheet.chain else 1
                sheet.chain, sheet.passed, sheet.last, sheet.to, sheet.since = chain, place + 1, at, to, now

    def _next(self, sheet: CaseSheet) -> tuple[int, int, str, str] | None:
        """When which rung goes out, what for and to whom."""
        if not sheet.is_open or not self.terms.rungs:
            return None
        found = [self._rung(sheet, "resolve", sheet.resolve_by)] if sheet.resolve_by is not None and sheet.paused is None else []
        if sheet.taken_up is None and sheet.ack_by is not None and sheet.chain != "resolve":
            found.append(self._rung(sheet, "acknowledge", sheet.ack_by))
        return min((one for one in found if one is not None), key=lambda one: one[0], default=None)

    def _rung(self, sheet: CaseSheet, chain: str, by: int) -> tuple[int, int, str, str] | None:
        terms = self.terms
        place, base = (sheet.passed, sheet.last) if sheet.chain == chain else (0, by)
        whole = len(terms.rungs) * (terms.repeat + 1)
        for number in range(place, whole):
            rung = terms.rungs[number % len(terms.rungs)]
            team = rung.team or sheet.team or terms.owner[sheet.kind]
            base = self._calendar(sheet).add(base, rung.wait)
            asked = (base, rung, team)
            at = self._goes_out[asked] = self._goes_out.get(asked) or self._first(base, rung, terms.teams.get(team))
            if at == base or not terms.skip or number == whole - 1:
                return at, number, chain, f"{team}/{rung.role}" if rung.role else team
        return None

    def _first(self, at: int, rung: Rung, duty: Calendar | None) -> int:
        """The first instant from then on at which a rung goes out: minute by minute where it is not at once."""
        for _ in range(60 * 24 * 40):
            if _within(at, rung) and (duty is None or duty.add(at, Span(0, "bh")) == at):
                return at
            at = (at // 60_000_000 + 1) * 60_000_000
        raise ValueError(f"{rung} never goes out")

    def _resume(self, sheet: CaseSheet, now: int) -> None:
        span = self.terms.resolve.get(sheet.top)
        if sheet.paused is not None and span is not None and sheet.resolve_by is not None:
            counted = self._counted(sheet, sheet.paused, now, span.unit)
            sheet.resolve_by = self._more(sheet, sheet.resolve_by, counted, span.unit)
            if sheet.chain == "resolve":
                sheet.last = self._more(sheet, sheet.last, counted, span.unit)
        sheet.paused = None

    def _calm(self, sheet: CaseSheet) -> None:
        """Takes back an escalation whose reason has gone."""
        if not sheet.is_open or (sheet.chain == "acknowledge" and sheet.taken_up is not None):
            sheet.chain, sheet.gone, sheet.passed, sheet.to, sheet.since = "", 0, 0, None, None

    def _calendar(self, sheet: CaseSheet) -> Calendar:
        return self.terms.teams.get(sheet.team or self.terms.owner[sheet.kind], self.terms.calendar)

    def _later(self, sheet: CaseSheet, at: int, span: Span | None) -> int | None:
        return None if span is None else self._calendar(sheet).add(at, span)

    def _counted(self, sheet: CaseSheet, start: int, end: int, unit: str) -> int:
        if unit == "us":
            return end - start
        return sum(max(0, min(closes, end) - max(opens, start)) for opens, closes in _hours(self._calendar(sheet), start, end, unit))

    def _more(self, sheet: CaseSheet, at: int, counted: int, unit: str) -> int:
        if unit == "us" or counted == 0:
            return at + counted
        for opens, closes in _hours(self._calendar(sheet), at, at + 60 * DAY, unit):
            room = max(0, closes - max(opens, at))
            if room >= counted:
                return max(opens, at) + counted
            counted -= room
        raise ValueError("no time is enough")


def _lesser(one: int | None, other: int | None) -> int | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _hours(calendar: Calendar, start: int, end: int, unit: str) -> list[tuple[int, int]]:
    """The hours in which business time of a unit counts, day by day."""
    zone = ZoneInfo(calendar.zone)
    day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=start)).astimezone(zone).date() - timedelta(days=1)
    found: list[tuple[int, int]] = []
    while True:
        if calendar.working(day):
            hours = calendar.hours_on(day)
            first, last = (0, 24) if unit == "bd" else (8, 18)
            opens = _wall(day, timedelta(hours=first), zone) if hours is None else _wall(day, _clock(hours[0]), zone)
            closes = _wall(day, timedelta(hours=last), zone) if hours is None else _wall(day, _clock(hours[1]), zone)
            if opens >= end:
                return found
            found.append((opens, closes))
        elif _wall(day, timedelta(0), zone) >= end:
            return found
        day += timedelta(days=1)


def _clock(at: object) -> timedelta:
    hour, minute = str(at).split(":")[:2]
    return timedelta(hours=int(hour), minutes=int(minute))


def _wall(day: object, since: timedelta, zone: ZoneInfo) -> int:
    moment = datetime.fromisoformat(f"{day}T00:00:00") + since
    return (moment.replace(tzinfo=zone).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _within(at: int, rung: Rung) -> bool:
    if rung.days is None and rung.minutes is None:
        return True
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(ZoneInfo(rung.zone))
    first, last = rung.minutes or (0, 24 * 60)
    minute = local.hour * 60 + local.minute
    return (rung.days is None or local.weekday() in rung.days) and first <= minute < last


def dates_of(history: Sequence[Event]) -> str:
    """The promises of an order and its lines, in the order of the history: what a snooze may wait for."""
    fields: dict[str, object] = {}
    for event in history:
        if event.type in ("order.placed", "order.updated"):
            for name, value in event.data.items():
                if event.type == "order.updated" or name not in fields:
                    fields[name] = value
    lines = sorted(
        (text(line, "line_id") or "", text(line, "sku") or "", text(line, "promised_by") or "", text(line, "ship_by") or "")
        for one in items(fields, "lines")
        if (line := mapping({"line": one}, "line"))
    )
    return repr((text(fields, "promised_by"), text(fields, "ship_by"), [line for line in lines if line[2] or line[3]]))
