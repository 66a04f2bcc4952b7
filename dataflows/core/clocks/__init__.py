"""Time as the policy counts it: spans, zones, `*_by` dates, and calendars with business time.

Reading order: `spans`, `zones`, `days` (public holidays), `calendar` (what business time means), `explain`. Where a country's clocks
stand is in `schemas.places`, since adapters of real systems need it too.
"""

from dataflows.core.clocks.calendar import Calendar, CalendarSpec
from dataflows.core.clocks.explain import moment
from dataflows.core.clocks.spans import ZERO, Span, Unit, span
from dataflows.core.clocks.zones import deadline, end_of_day

__all__ = [
    "ZERO",
    "Calendar",
    "CalendarSpec",
    "Span",
    "Unit",
    "deadline",
    "end_of_day",
    "moment",
    "span",
]
