"""How a story writes instants: `+26h` after its start, `Tue 14:00` in its first week, or `11-03 14:00` in its year."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from dataflows.core.clocks import span
from schemas.instants import iso
from schemas.values import micros

STAMP: Final = (
    r"\+\d+ ?[smhdw](?: \d+ ?[smhdw](?![\w]))*"
    r"|(?:[Mm]on|[Tt]ue|[Ww]ed|[Tt]hu|[Ff]ri|[Ss]at|[Ss]un) \d\d?:\d\d"
    r"|\d\d-\d\d \d\d:\d\d(?::\d\d)?"
)
"""Everything that is an instant."""
START: Final = datetime(2026, 11, 2, 10)  # noqa: DTZ001 (in the zone of the story)
"""When a story begins that does not say: a Monday, on which clocks do not change and Christmas is far."""
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PART: Final = re.compile(r"\d+ ?[smhdw]")


@dataclass(frozen=True, slots=True)
class Times:
    """Reads instants of a story that begins at `start` (a local time without zone) in `zone`."""

    start: datetime = START
    zone: str | None = None

    def read(self, text: str) -> int:
        """An instant in µs. Raises ValueError if it does not exist."""
        zone: tzinfo = UTC if self.zone is None else ZoneInfo(self.zone)
        if text.startswith("+"):
            return micros(self.start.replace(tzinfo=zone)) + sum(span(part).n for part in _PART.findall(text))
        day, _, time = text.partition(" ")
        if day[0].isalpha():
            monday = self.start - timedelta(days=self.start.weekday())
            at = datetime.combine(monday.date() + timedelta(days=_WEEKDAYS.index(day.lower())), datetime.strptime(time, "%H:%M").time())  # noqa: DTZ007
        else:
            at = datetime.fromisoformat(f"{self.start.year}-{day}T{time}")
        return micros(at.replace(tzinfo=zone))

    def rfc3339(self, text: str) -> str:
        """The same in the contract's words."""
        return iso(self.read(text))

    def words_of(self, text: str) -> str:
        """As `words`, for an instant in RFC 3339."""
        return self.words(micros(datetime.fromisoformat(text)))

    def words(self, at: int) -> str:
        """An instant for people: how long after the start, and when that is in the story's zone."""
        zone: tzinfo = UTC if self.zone is None else ZoneInfo(self.zone)
        since = at - micros(self.start.replace(tzinfo=zone))
        local = datetime.fromisoformat(iso(at)).astimezone(zone)
        return f"{elapsed(since)} ({local:%a} {local.day} {local:%b %H:%M}{f':{local:%S}' if local.second else ''})"


def elapsed(span_us: int) -> str:
    """A length of time in its two greatest units: `+1d 4h`."""
    sign, rest = ("-" if span_us < 0 else "+"), abs(span_us) // 1_000_000
    parts = [(rest // 86_400, "d"), (rest % 86_400 // 3_600, "h"), (rest % 3_600 // 60, "m"), (rest % 60, "s")]
    named = [f"{count}{unit}" for count, unit in parts if count] or ["0h"]
    return sign + " ".join(named)
