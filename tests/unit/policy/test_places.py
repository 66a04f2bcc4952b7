"""Zones and calendars of tenants, sites, carriers and destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.core.clocks import deadline, span
from dataflows.core.policy import RetentionPolicy
from dataflows.core.rules.load import load_policy
from schemas.instants import HOUR, SECOND
from tests.unit.policy.rules import RULES, loaded

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
zone: Europe/London
zones: {US-CA: America/Tijuana}
calendars:
  nl-warehouse:
    zone: Europe/Amsterdam
    hours: {mon-fri: 08:00-18:00, sat: "09:00-13:00"}
    holidays: NL
    closed: [2026-12-24]
    cutoff: 16:00
  ups: {hours: {mon-sat: "00:00-24:00"}}
sites:
  ams1: {country: NL, zone: Europe/Berlin, calendar: nl-warehouse}
  ams2: {country: NL}
  ams3: {calendar: nl-warehouse}
  ams4:
carriers: {ups: {calendar: ups}}
countries:
  NO: {zone: Arctic/Longyearbyen}
  NL: {calendar: nl-warehouse}
tenants: {acme: {zone: Asia/Tokyo}, desk: {calendar: ups}}
retention: {close_after: 1 d, expire_unknown: 90 s}
"""


def test_the_zone_of_a_destination_is_the_most_particular_one_known(tmp_path: Path) -> None:
    """The policy's region, the policy's country, the tables' region, the tables' country, UTC."""
    policy = loaded(tmp_path, FILE)
    assert policy.ship_to_zone("US", "CA") == policy.ship_to_zone("US", "US-CA") == "America/Tijuana"
    assert policy.ship_to_zone("NO") == policy.ship_to_zone("NO", "03") == "Arctic/Longyearbyen"
    assert policy.ship_to_zone("US", "TX") == "America/Chicago"
    assert policy.ship_to_zone("US", None) == "America/New_York"
    assert policy.ship_to_zone("XX") == policy.ship_to_zone(None) == "UTC"


def test_the_zone_of_a_site_is_its_own_its_calendars_its_countrys_or_the_tenants(tmp_path: Path) -> None:
    """In this order."""
    policy = loaded(tmp_path, FILE)
    assert policy.site_zone("ams1") == "Europe/Berlin"
    assert policy.site_zone("ams2") == policy.site_zone("ams3") == "Europe/Amsterdam"
    assert policy.site_zone("ams4", "acme") == policy.site_zone("lon1", "acme") == "Asia/Tokyo"
    assert policy.site_zone("ams4") == policy.site_zone(None, "other") == "Europe/London"
    assert load_policy(None, RULES).site_zone("ams1", "acme") == "UTC"
    assert (policy.site_country("ams2"), policy.site_country("ams3"), policy.site_country(None)) == ("NL", None, None)


def test_a_site_works_by_its_calendar_its_countrys_holidays_or_its_tenant(tmp_path: Path) -> None:
    """In this order."""
    policy = loaded(tmp_path, FILE)
    assert policy.site_calendar("ams1") is policy.calendar("nl-warehouse")
    assert policy.site_calendar("ams2").name == "default, Europe/Amsterdam, holidays of NL"
    assert policy.site_calendar("lon1", "acme") is policy.tenant_calendar("acme")
    assert policy.site_calendar(None, "desk") is policy.calendar("ups")


def test_a_carrier_works_by_its_calendar_or_the_destinations(tmp_path: Path) -> None:
    """An unknown carrier too."""
    policy = loaded(tmp_path, FILE)
    assert policy.carrier_calendar("ups", "NL") is policy.calendar("ups")
    assert policy.carrier_calendar("dhl", "NL") is policy.carrier_calendar(None, "NL") is policy.calendar("nl-warehouse")
    assert policy.carrier_calendar("dhl", "US", "CA") is policy.destination_calendar("US", "US-CA")


def test_a_destination_works_by_its_calendar_or_its_public_holidays(tmp_path: Path) -> None:
    """Those of the region where they are known; an unknown country has none."""
    policy = loaded(tmp_path, FILE)
    assert policy.destination_calendar("DE", "BY").name == "default, Europe/Berlin, holidays of DE-BY"
    assert policy.destination_calendar("XX").name == policy.destination_calendar(None).name == "default, UTC"
    assert policy.destination_calendar("DE", "BY") is policy.destination_calendar("DE", "BY")
    assert policy.tenant_calendar("acme").name == "default, Asia/Tokyo"
    assert policy.tenant_calendar(None).name == "default, Europe/London"


def test_a_calendar_has_the_hours_holidays_and_dates_of_the_file(tmp_path: Path) -> None:
    """After the cut-off (unquoted, yet no number to the base of sixty) of 23 December come a closed day, two holidays and a Sunday."""
    calendar = loaded(tmp_path, FILE).calendar("nl-warehouse")
    late = deadline("2026-12-23T16:30:00+01:00", "UTC")
    assert calendar.add(late, span("0 bd")) == deadline("2026-12-28T08:00:00+01:00", "UTC")
    assert calendar.add(deadline("2026-12-19T12:00:00+01:00", "UTC"), span("2 bh")) == deadline("2026-12-21T09:00:00+01:00", "UTC")


def test_a_calendar_without_a_zone_has_the_policys(tmp_path: Path) -> None:
    """The tenant zone of the file."""
    assert loaded(tmp_path, FILE).calendar("ups").zone == "Europe/London"


def test_a_calendar_that_the_policy_does_not_name_is_a_key_error(tmp_path: Path) -> None:
    """Checked policies name all that they use."""
    with pytest.raises(KeyError):
        loaded(tmp_path, FILE).calendar("dhl")


def test_a_zone_of_an_event_is_taken_only_if_it_is_one(tmp_path: Path) -> None:
    """Producers write all kinds of things."""
    policy = loaded(tmp_path, FILE)
    assert policy.valid_zone("Europe/Amsterdam") == "Europe/Amsterdam"
    assert policy.valid_zone("CET+1") is policy.valid_zone(None) is None


def test_retention_is_in_microseconds(tmp_path: Path) -> None:
    """What the file does not say has its default."""
    day = 24 * HOUR
    assert load_policy(None, RULES).retention.most_events == 20_000
    assert load_policy(None, RULES).retention == RetentionPolicy(120 * day, 180 * day, 30 * day)
    assert loaded(tmp_path, FILE).retention == RetentionPolicy(day, 180 * day, 90 * SECOND)


def test_norway_is_a_country(tmp_path: Path) -> None:
    """YAML 1.1 would read NO as false."""
    text = "countries: {NO: {zone: Europe/Oslo}}\noverrides:\n- {when: {country: [NO, SE]}, rules: {shipment.scan_gap: off}}"
    assert loaded(tmp_path, text).overrides[0].when[4] == frozenset(("NO", "SE"))
