"""Who takes part in the simulated world: shops, payment providers, warehouses, carriers and the countries that orders go to."""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo


class Site(NamedTuple):
    """A warehouse. `numbers_shipments` is false where its system knows parcels by their tracking numbers only."""

    name: str
    country: str
    zone: ZoneInfo
    numbers_shipments: bool = True

    @property
    def source(self) -> str:
        """The `source` of its events."""
        return f"/warehouse/{self.name}"


class Carrier(NamedTuple):
    """A carrier; `country` is where it works, none for an integrator who goes everywhere."""

    name: str
    prefix: str
    country: str | None

    @property
    def source(self) -> str:
        """The `source` of its events."""
        return f"/carrier/{self.name}"


class Country(NamedTuple):
    """A destination, with its weight in the draw and an example of its regions and postal codes."""

    code: str
    zone: str
    currency: str
    weight: int
    region: str
    postal_code: str


class Product(NamedTuple):
    """A thing that is sold; the price is in cents of whatever currency the order has."""

    sku: str
    cents: int


SHOPS = ("acme", "northwind", "lumen")
CHANNELS = ("web", "app", "marketplace", "phone")
TIERS = ("standard", "standard", "standard", "plus", "vip")
PROVIDERS = ("adyen", "stripe", "mollie")
SERVICES = ("standard", "standard", "standard", "economy", "express")

SITES = (
    Site("ams1", "NL", ZoneInfo("Europe/Amsterdam")),
    Site("fra1", "DE", ZoneInfo("Europe/Berlin"), numbers_shipments=False),
    Site("lon1", "GB", ZoneInfo("Europe/London")),
    Site("ewr1", "US", ZoneInfo("America/New_York")),
)
KEYS = Site("keys", "NL", ZoneInfo("UTC"))
"""Where digital goods come from."""

CARRIERS = (
    Carrier("postnl", "3SPNL", "NL"),
    Carrier("dhl", "JJD00", "DE"),
    Carrier("royalmail", "RM", "GB"),
    Carrier("usps", "9400", "US"),
    Carrier("ups", "1Z", None),
    Carrier("fedex", "FX", None),
)
COURIER = Carrier("citybikes", "CB", None)
"""Delivers orders of method `local`, by shipment ID and without tracking numbers."""

COUNTRIES = (
    Country("NL", "Europe/Amsterdam", "EUR", 30, "NH", "1012"),
    Country("DE", "Europe/Berlin", "EUR", 24, "BE", "10115"),
    Country("GB", "Europe/London", "GBP", 14, "ENG", "EC1A"),
    Country("US", "America/New_York", "USD", 14, "NY", "10001"),
    Country("FR", "Europe/Paris", "EUR", 6, "IDF", "75001"),
    Country("BE", "Europe/Brussels", "EUR", 5, "BRU", "1000"),
    Country("ES", "Europe/Madrid", "EUR", 3, "MD", "28001"),
    Country("IT", "Europe/Rome", "EUR", 2, "RM", "00184"),
    Country("CA", "America/Toronto", "CAD", 2, "ON", "M5H"),
)
WITH_SITE = tuple(country for country in COUNTRIES if any(site.country == country.code for site in SITES))

PRODUCTS = tuple(Product(f"SKU-{1000 + 7 * n}", 495 + 1_310 * (n * n % 23) + 35 * n) for n in range(60))
CITIES = {
    "NL": ("Hoofddorp", "Utrecht"),
    "DE": ("Köln", "Leipzig"),
    "GB": ("Coventry", "Leeds"),
    "US": ("Louisville", "Memphis"),
    "FR": ("Lyon", "Lille"),
    "BE": ("Liège", "Gent"),
    "ES": ("Zaragoza", "Getafe"),
    "IT": ("Bologna", "Milano"),
    "CA": ("Mississauga", "Laval"),
}
"""Where parcels are scanned, by country."""
