"""The simulated world's time: whole seconds since the epoch, UTC. Nothing here reads a clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

MINUTE = 60
HOUR = 3_600
DAY = 86_400

OPENING = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
"""The instant of the first possible order. The weeks after it hold both changes to summer time, Easter and the holidays of May."""
LAST_PLACED = OPENING + 56 * DAY
"""No order is placed at or after this instant (but for second orders of a pair, which may follow their first by weeks)."""
END = OPENING + 140 * DAY
"""`until` of every world: all lives are over and no deadline that could pass is left."""

PUBLIC_HOLIDAYS = frozenset(
    date.fromisoformat(day)
    for day in (
        "2026-04-02 2026-04-03 2026-04-05 2026-04-06 2026-04-25 2026-04-27 2026-05-01 2026-05-04 2026-05-05 2026-05-08 2026-05-14 "
        "2026-05-18 2026-05-25 2026-06-02 2026-06-04 2026-06-19 2026-07-01 2026-07-03 2026-07-04 2026-07-14"
    ).split()
)
"""Every day on which any country of the world may rest, weekends aside (source: what the library holidays lists)."""


def instant(at: int, zone: tzinfo = UTC) -> str:
    """The instant as RFC 3339 with the zone's offset."""
    return datetime.fromtimestamp(at, zone).isoformat()


def day(at: int) -> str:
    """The UTC date of an instant as `YYYY-MM-DD`."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def is_quiet(start: int, days: int) -> bool:
    """Whether no public holiday of any country lies within `days` days from `start`."""
    first = datetime.fromtimestamp(start, UTC).date()
    return not any(first + timedelta(days=n) in PUBLIC_HOLIDAYS for n in range(-1, days + 2))


def next_open(at: int, zone: tzinfo) -> int:
    """The earliest instant from `at` on within a warehouse's working hours: Monday to Friday, 08:00 to 15:00 local, no holiday."""
    local = datetime.fromtimestamp(at, zone)
    if local.hour >= 15:
        local = local.replace(hour=8, minute=0, second=0) + timedelta(days=1)
    elif local.hour < 8:
        local = local.replace(hour=8, minute=0, second=0)
    while local.weekday() >= 5 or local.date() in PUBLIC_HOLIDAYS:
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
