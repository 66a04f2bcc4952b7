"""The simulated world's time: whole seconds since the epoch, UTC. Nothing here reads a clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from sources.simulator.topology import COUNTRIES

MINUTE = 60
HOUR = 3_600
DAY = 86_400

OPENING = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
"""When a world begins unless told: the weeks after it hold both changes to summer time, Easter and the holidays of May."""
PLACING = 56 * DAY
"""No order is placed so long after the opening, or later (but for second orders of a pair, which may follow their first by weeks)."""
LASTING = 140 * DAY
"""So long after the opening all lives are over, and no deadline that could pass is left: `until` of every world."""
END = OPENING + LASTING
"""The end of the world that begins at `OPENING`."""

PUBLIC_HOLIDAYS = frozenset(
    date.fromisoformat(day)
    for day in (
        "2026-04-02 2026-04-03 2026-04-05 2026-04-06 2026-04-25 2026-04-27 2026-05-01 2026-05-04 2026-05-05 2026-05-08 2026-05-14 "
        "2026-05-18 2026-05-25 2026-06-02 2026-06-04 2026-06-19 2026-07-01 2026-07-03 2026-07-04 2026-07-14"
    ).split()
)
"""Every day of the default world on which any of its countries may rest, weekends aside (source: what the library holidays lists).

Pinned, so that the same seed writes the same bytes whatever version of the library is there.
"""


def instant(at: int, zone: tzinfo = UTC) -> str:
    """The instant as RFC 3339 with the zone's offset."""
    return datetime.fromtimestamp(at, zone).isoformat()


def day(at: int) -> str:
    """The UTC date of an instant as `YYYY-MM-DD`."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def is_quiet(start: int, days: int) -> bool:
    """Whether no public holiday of any country lies within `days` days from `start`."""
    first = datetime.fromtimestamp(start, UTC).date()
    return not any(is_holiday(first + timedelta(days=n)) for n in range(-1, days + 2))


def is_holiday(day: date) -> bool:
    """Whether any country of the world may rest on a day, its weekends aside."""
    if OPENING <= datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() < END:
        return day in PUBLIC_HOLIDAYS
    return day in _holidays(day.year)


@cache
def _holidays(year: int) -> frozenset[date]:
    import holidays  # noqa: PLC0415 - most worlds begin at the default opening, whose holidays stand above

    found: set[date] = set()
    for country in COUNTRIES:
        known = holidays.country_holidays(country.code, years=year, expand=False)
        region = country.region if country.region in known.subdivisions else None
        for own in (None, region):
            found.update(holidays.country_holidays(country.code, subdiv=own, years=year, expand=False, observed=True))
    return frozenset(found)


def next_open(at: int, zone: tzinfo) -> int:
    """The earliest instant from `at` on within a warehouse's working hours: Monday to Friday, 08:00 to 15:00 local, no holiday."""
    local = datetime.fromtimestamp(at, zone)
    if local.hour >= 15:
        local = local.replace(hour=8, minute=0, second=0) + timedelta(days=1)
    elif local.hour < 8:
        local = local.replace(hour=8, minute=0, second=0)
    while local.weekday() >= 5 or is_holiday(local.date()):
        local = local.replace(hour=8, minute=0, second=0) + timedelta(days=1)
    return int(local.timestamp())


def next_morning(at: int, zone: str) -> int:
    """The earliest instant from `at` on between 07:00 and 11:00 local, when vans leave."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    if 7 <= local.hour < 11:
        return at
    if local.hour >= 11:
        local += timedelta(days=1)
    return int(local.replace(hour=7, minute=0, second=0).timestamp())
