"""Quiet hours: when customers are told nothing, by the clock where they are."""

from __future__ import annotations

from dataflows.core.clocks.zones import instant, local
from schemas.instants import MINUTE
from schemas.places import zone


def quiet_until(now: int, zone_name: str, quiet: tuple[int, int]) -> int:
    """When the quiet hours end in which an instant lies in a zone (µs); 0 if it lies in none."""
    tz = zone(zone_name)
    moment = local(now, tz)
    minute = moment.hour * 60 + moment.minute
    begins, ends = quiet
    inside = begins <= minute < ends if begins < ends else minute >= begins or minute < ends
    if not inside:
        return 0
    day = moment.toordinal() + (1 if begins > ends and minute >= begins else 0)
    return instant(day, ends * MINUTE, tz)
