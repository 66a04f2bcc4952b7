"""Time as the policy counts it: spans, zones, `*_by` dates, and calendars with business time.

Reading order: `spans`, `zones`, `days` (public holidays), `calendar` (what business time means), `words`, `places` (where a country's
clocks stand).
"""

from dataflows.core.clocks.calendar import Calendar, CalendarSpec
from dataflows.core.clocks.places import country_zone, is_country, is_region
from dataflows.core.clocks.spans import DAY, HOUR, MINUTE, SECOND, ZERO, Span, Unit, span
from dataflows.core.clocks.words import moment
from dataflows.core.clocks.zones import deadline, end_of_day, is_zone, zone_names

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "ZERO",
    "Calendar",
    "CalendarSpec",
    "Span",
    "Unit",
    "country_zone",
    "deadline",
    "end_of_day",
    "is_country",
    "is_region",
    "is_zone",
    "moment",
    "span",
    "zone_names",
]
