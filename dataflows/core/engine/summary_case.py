"""One exception as it stands, for what it says: its order's facts, the events that it rests on, what it is about, and its zone."""

from __future__ import annotations

from typing import cast

from dataflows.core.clocks import deadline
from dataflows.core.clocks.explain import moment
from dataflows.core.clocks.zones import EARLIEST, LATEST, local
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.history.facts import Facts
from dataflows.core.history.lazy import Attribute
from dataflows.core.history.shipments import Shipment
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.dates import date_of, zone_of
from dataflows.core.rules.model import Rule
from schemas.events import OrderPlaced
from schemas.instants import DAY, FAR, MINUTE
from schemas.places import zone as place
from schemas.record import Record


class ExceptionCase:
    """One exception of an order as it stands. `setting`: that of its rule, None where the policy no longer has it."""

    def __init__(self, facts: Facts, state: ExceptionState, rule: Rule, setting: RuleSetting | None) -> None:
        self.facts = facts
        self.state = state
        self.rule = rule
        self.setting = setting
        self.timed = False
        """Whether an instant has been said."""

    @property
    def by(self) -> int:
        """The instant of what the sentence says had come about: the deadline, of a warning before it the beginning, else `last`."""
        due = self.state.due
        if due is None:
            return self.last
        return due if due <= (self.facts.now if self.state.end is None else self.state.end) else self.state.start

    @property
    def last(self) -> int:
        """The last instant at which the exception stood; of an open one nothing that is known is later."""
        return FAR if self.state.end is None else self.state.end - 1

    @Attribute
    def fields(self) -> OrderPlaced | None:
        """What the order said of itself while the exception stood."""
        if self.facts.placed is None:
            return None
        versions = self.facts.versions
        return next((fields for fields, since, _ in reversed(versions) if since <= self.last), versions[0][0])

    def moment(self, at: int | None) -> str | None:
        """An instant in the zone of the case, to the minute."""
        if at is None:
            return None
        self.timed = True
        return moment(at - at % MINUTE, self.zone)

    def deadline(self, at: int) -> str:
        """A deadline in the zone of the case: one that a day ends with as that day, not as the first minute of the next."""
        shown = self.moment(at) or ""
        return f"the end of {moment(at - DAY // 2, self.zone)[:-6]}" if shown.endswith(" 00:00") and at % MINUTE == 0 else shown

    def day(self, at: int) -> int:
        """The day (as its ordinal) that an instant belongs to as a deadline, in the zone of the case: midnight is the end of a day."""
        return local(min(max(at - 1, EARLIEST), LATEST), place(self.zone)).toordinal()

    def date(self, text: object) -> str | None:
        """A stated date as it is, a stated instant in the zone of the case; of an interval its later end, which is what was promised."""
        if not isinstance(text, str):
            return None
        end = max(text.split("/"), key=lambda one: deadline(one, self.zone))
        return self.moment(deadline(end, self.zone)) if "T" in end else end

    @Attribute
    def zone(self) -> str:
        """The zone that the deadline was counted in; of what has none, the destination's."""
        facts = self.facts
        if facts.placed is None:
            return "UTC" if self.setting is None else facts.policy.tenant_calendar(facts.tenant).zone
        if (date := date_of(self.rule.forms)) is not None:
            return zone_of(facts, date)
        if self.state.due is None or self.setting is None:
            return facts.ship_to_zone
        return facts.calendar(self.setting, self.shipment).zone

    @Attribute
    def records(self) -> list[Record]:
        """The events that the exception rests on, as far as they are known."""
        found = (self.facts.t.find(one.source, one.id) for one in self.state.evidence)
        return [record for record in found if record is not None]

    @property
    def record(self) -> Record | None:
        """The first of them."""
        return self.records[0] if self.records else None

    def said(self, *names: str) -> object:
        """The first value that the events state of one of these fields."""
        for record in self.records:
            for name in names:
                value = cast("object", getattr(record.event.data, name, None))
                if value is not None and value != []:
                    return value
        return None

    @Attribute
    def shipment(self) -> Shipment | None:
        """The shipment that the exception is about."""
        scope, _, name = (self.state.scope or "").partition(":")
        return self.facts.shipment(name) if scope == "shipment" else None

    @property
    def line(self) -> str | None:
        """The line that it is about, by its name."""
        scope, _, name = (self.state.scope or "").partition(":")
        return name if scope == "line" else None


def called(record: Record) -> str:
    """An event in words: `scan in transit`, `payment captured`."""
    status = getattr(record.event.data, "status", None)
    return (f"scan {status}" if status is not None else record.event.type.replace(".", " ")).replace("_", " ")
