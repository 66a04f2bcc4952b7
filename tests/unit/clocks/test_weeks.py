"""Weeks that are not Monday to Friday, and cut-offs per weekday."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dataflows.core.clocks import Calendar, CalendarSpec, moment, span
from dataflows.core.rules.load import check_policy, load_policy

if TYPE_CHECKING:
    from pathlib import Path

WEEK = {**dict.fromkeys(range(5), ((480, 1080),)), 5: ((480, 720),)}
CUTOFFS = {**dict.fromkeys(range(5), 960), 5: 660}


def due(spec: CalendarSpec, start: str, text: str) -> str:
    """When a span has passed, in local time."""
    at = int(datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()) * 1_000_000
    return moment(Calendar("c", spec).add(at, span(text)), spec.zone)


@pytest.mark.parametrize(
    ("country", "zone", "start", "end"),
    [
        ("SA", "Asia/Riyadh", "2026-03-05 08:00", "Sun 2026-03-08 11:00"),  # Friday and Saturday
        ("SA", "Asia/Riyadh", "2013-03-06 08:00", "Sat 2013-03-09 11:00"),  # until June 2013 Thursday and Friday
        ("IL", "Asia/Jerusalem", "2026-02-05 08:00", "Sun 2026-02-08 10:00"),
        ("AE", "Asia/Dubai", "2026-02-05 08:00", "Fri 2026-02-06 12:00"),  # Saturday and Sunday since 2022
        ("DE", "Europe/Berlin", "2026-02-05 08:00", "Fri 2026-02-06 09:00"),
    ],
)
def test_the_weekend_is_the_country_s(country: str, zone: str, start: str, end: str) -> None:
    """Of a calendar without hours of its own; by the year in which it falls."""
    assert due(CalendarSpec(zone, holidays=country), start, "1 bd") == end
    assert due(CalendarSpec(zone, WEEK, holidays=country), start, "0 bd") is not None


def test_own_hours_are_the_week() -> None:
    """Whatever the country's weekend is: who states hours works then."""
    saturdays = CalendarSpec("Asia/Riyadh", {5: ((480, 1080),)}, holidays="SA")
    assert due(saturdays, "2026-03-05 08:00", "0 bd") == "Sat 2026-03-07 08:00"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-06 16:00", "Sat 2026-03-07 16:00"),  # Friday at its cut-off, which is not after it
        ("2026-03-06 16:01", "Mon 2026-03-09 08:00"),  # after it: counted from Saturday's opening
        ("2026-03-07 11:00", "Mon 2026-03-09 11:00"),
        ("2026-03-07 11:01", "Tue 2026-03-10 08:00"),
    ],
)
def test_each_weekday_has_its_cut_off(start: str, end: str) -> None:
    """Saturday ends sooner than Friday."""
    assert due(CalendarSpec("UTC", WEEK, cutoff=CUTOFFS), start, "1 bd") == end


def test_a_policy_states_cut_offs_by_weekday(tmp_path: Path) -> None:
    """And what is shown of it reads back; mistakes are told where they are."""
    from dataflows.core.policy.show import render  # noqa: PLC0415

    path = tmp_path / "policy.yaml"
    path.write_text("calendars: {de: {hours: {mon-fri: '08:00-18:00', sat: '08:00-12:00'}, cutoff: {mon-fri: '16:00', sat: '11:00'}}}")
    policy = load_policy(path)
    assert policy.calendars["de"].cutoff == CUTOFFS
    path.write_text(render(policy))
    assert load_policy(path).version == policy.version
    path.write_text("calendars: {de: {cutoff: {mon-fri: '16:00', fri: '11:00'}}}")
    assert [problem.message for problem in check_policy(path)] == ["stated twice: fri"]
    path.write_text("calendars: {de: {cutoff: {satt: '16:00'}}}")
    assert [problem.suggestion for problem in check_policy(path)] == ["sat"]
