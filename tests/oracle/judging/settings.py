"""What the catalogue says each kind's threshold, steps, severity and suppressors are, and which calendars judge them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tests.oracle.judging.ageing import EXPIRY
from tests.oracle.judging.backfill import Terms
from tests.oracle.judging.calendars import Calendar, Span, span
from tests.oracle.judging.identifiers import DEFAULT
from tests.oracle.judging.reading import DAY
from tests.oracle.judging.silences import PaceTerms

if TYPE_CHECKING:
    from collections.abc import Mapping


class Step(NamedTuple):
    """A further instant with its severity, counted from the anchor as the threshold is; `after`: counted from the deadline.

    `since`, `unless` and `above` are the conditions of a step that depends on the order: a date or a milestone that it is counted from, a
    milestone that rules it out, and what the difference of money, else the total, must exceed. `percent`: it comes when so much of
    the wait has passed, and `at` says nothing.
    """

    at: Span
    severity: str
    after: bool = False
    since: str = ""
    unless: str = ""
    above: tuple[tuple[str, Decimal], ...] = ()
    percent: int = 0

    @property
    def depends(self) -> bool:
        """Whether the order says if and when it comes."""
        return bool(self.since or self.unless or self.above)


@dataclass(frozen=True, slots=True)
class Setting:
    """The effective setting of one kind."""

    severity: str
    threshold: Span = field(default=Span(0, "us"))
    international: Span | None = None
    clock: str = "destination"
    grace: int = 0
    steps: tuple[Step, ...] = ()
    suppressed_by: tuple[str, ...] = ()
    mode: str = "on"
    anchor: str = ""
    fallback: Span | None = None
    fields: tuple[str, ...] = ()
    expire_after: int | None = EXPIRY
    raise_after: Span | None = None
    """From the anchor on, before when nothing is said of it."""


def _kind(
    severity: str,
    threshold: str = "0 h",
    clock: str = "destination",
    *,
    international: str | None = None,
    steps: Mapping[str, str] | None = None,
    depends: tuple[Step, ...] = (),
    supp: tuple[str, ...] = (),
    anchor: str = "",
    fallback: str | None = None,
    fields: tuple[str, ...] = (),
    grace: str = "0 s",
    raise_after: str | None = None,
) -> Setting:
    return Setting(
        severity,
        span(threshold),
        span(international) if international else None,
        clock,
        span(grace).n,
        steps=(*(Step(span(at), step) for at, step in (steps or {}).items()), *depends),
        suppressed_by=supp,
        anchor=anchor,
        fallback=span(fallback) if fallback else None,
        fields=fields,
        raise_after=span(raise_after) if raise_after else None,
    )


LISTED = frozenset({"placed", "captured", "shipped", "scans"})
"""The milestones that the feeds of a plain shop tell of."""
TOLERANCE = Decimal("0.02")
_TIMEOUTS_OF_OTHERS = (
    "order.pending_too_long",
    "payment.auth_missing",
    "payment.auth_expiring",
    "payment.capture_overdue",
    "payment.fraud_review_overdue",
    "payment.credit_hold_aged",
    "payment.invoice_overdue",
    "inventory.allocation_overdue",
    "inventory.backorder_aged",
    "fulfilment.release_overdue",
    "fulfilment.pick_overdue",
    "fulfilment.pack_overdue",
    "fulfilment.ship_overdue",
    "fulfilment.hold_aged",
    "fulfilment.split_incomplete",
)
_GONE_UNPAID = ("order.pending_too_long", "conflict.shipped_unpaid")
_UNPAID = ("payment.capture_overdue", *_GONE_UNPAID, "payment.declined_soft", "payment.declined_hard")
_SHIP = ("fulfilment.ship_overdue",)
_LOST = ("shipment.lost_confirmed",)
_MUCH = (("*", Decimal(50)), ("JPY", Decimal(5_000)), ("KRW", Decimal(50_000)))
_NEAR = Step(span("-10 d"), "high", since="promised_by")
_STILL_HERE = Step(span("0 s"), "high", unless="shipped")
_LONG_GONE = Step(span("28 d"), "high", since="shipped")


def _over(amount: int) -> tuple[tuple[str, Decimal], ...]:
    """An amount, and about as much in two currencies of small units."""
    return (("*", Decimal(amount)), ("JPY", Decimal(amount * 100)), ("KRW", Decimal(amount * 1_000)))


_WORTH_MUCH = Step(span("10 d"), "high", since="shipped", above=_over(100))
_UNPAID_YET = (
    Step(span("1 bd"), "medium", unless="captured", above=_over(200)),
    Step(span("3 bd"), "medium", unless="captured"),
)

DEFAULTS: dict[str, Setting] = {
    "order.pending_too_long": _kind("medium", "2 bd"),
    "order.validation_failed": _kind("high"),
    "order.duplicate_suspected": _kind("high"),
    "order.stalled": _kind("medium", "24 bh", "site", supp=_TIMEOUTS_OF_OTHERS),
    "order.cancel_in_flight": _kind("high"),
    "order.change_after_release": _kind("high"),
    "order.price_dispute": _kind("medium"),
    "order.master_data_incomplete": _kind("medium", fields=("total", "ship_to.country")),
    "payment.declined_soft": _kind("low", supp=("payment.declined_hard",)),
    "payment.declined_hard": _kind("high"),
    "payment.auth_missing": _kind("medium", "1 h", supp=_UNPAID),
    "payment.auth_expiring": _kind("high", steps={"-24 h": "medium"}),
    "payment.capture_failed": _kind("high"),
    "payment.capture_overdue": _kind("low", "24 h", "tenant", depends=_UNPAID_YET, supp=_GONE_UNPAID, anchor="terms", raise_after="1 bd"),
    "payment.fraud_review_overdue": _kind("high", "2 bd"),
    "payment.credit_hold_aged": _kind("high", "1 bd"),
    "payment.disputed_in_flight": _kind("critical"),
    "payment.amount_mismatch": _kind("medium", depends=(Step(span("0 s"), "high", above=_MUCH),)),
    "payment.partly_captured": _kind("medium", "3 bd", "tenant", anchor="terms"),
    "payment.refund_failed": _kind("high"),
    "payment.refund_exceeds_capture": _kind("high"),
    "payment.captured_after_cancel": _kind("high"),
    "payment.cancelled_not_refunded": _kind("medium", "3 bd", "tenant", supp=("payment.captured_after_cancel", "payment.refund_failed")),
    "payment.chargeback_lost": _kind("high"),
    "payment.invoice_overdue": _kind("medium", "2 bd", "tenant"),
    "inventory.oversold": _kind("high"),
    "inventory.out_of_stock": _kind("high"),
    "inventory.partial": _kind("medium"),
    "inventory.substitution_needed": _kind("medium"),
    "inventory.short_pick": _kind("high"),
    "inventory.sku_unknown": _kind("high"),
    "inventory.sku_inactive": _kind("high"),
    "inventory.allocation_overdue": _kind("medium", "4 bh", "site"),
    "inventory.backorder_aged": _kind("medium", "30 d", steps={"53 d": "high"}),
    "inventory.backorder_overdue": _kind("medium", grace="15 m"),
    "fulfilment.release_overdue": _kind("medium", "-24 h", supp=_SHIP),
    "fulfilment.pick_overdue": _kind("medium", "8 bh", "site", supp=_SHIP),
    "fulfilment.pack_overdue": _kind("medium", "4 bh", "site", supp=_SHIP),
    "fulfilment.ship_overdue": _kind("medium", clock="site", fallback="3 bd", depends=(_NEAR,), supp=("shipment.delivery_overdue",)),
    "fulfilment.pickup_uncollected": _kind("medium", "14 d", steps={"10 d": "low"}),
    "fulfilment.hold_aged": _kind("medium", "2 bd"),
    "fulfilment.routing_rejected": _kind("high"),
    "fulfilment.customs_data_missing": _kind("high"),
    "fulfilment.split_incomplete": _kind("medium", "3 bd", "site", supp=_SHIP),
    "address.invalid": _kind("high"),
    "address.change_late": _kind("high"),
    "address.risk": _kind("high"),
    "shipment.first_scan_missing": _kind("medium", "4 bd", "carrier", steps={"2 bd": "low"}, supp=("shipment.tracking_invalid",)),
    "shipment.tracking_invalid": _kind("medium", "24 h"),
    "shipment.pickup_failed": _kind("medium"),
    "shipment.scan_gap": _kind("low", "3 bd", "carrier", international="5 bd", supp=("shipment.stuck", "shipment.lost_suspected", *_LOST)),
    "shipment.stuck": _kind("high", "6 bd", "carrier", international="10 bd", supp=("shipment.lost_suspected", *_LOST)),
    "shipment.lost_suspected": _kind("high", "30 d", supp=_LOST),
    "shipment.lost_confirmed": _kind("critical"),
    "shipment.eta_slip": _kind("medium", supp=("shipment.delivery_overdue", "shipment.eta_passed")),
    "shipment.eta_passed": _kind("medium", grace="2 h", supp=_LOST),
    "shipment.delivery_overdue": _kind(
        "medium", "0 h", steps={"1 bd": "high"}, depends=(_STILL_HERE, _LONG_GONE, _WORTH_MUCH), supp=(*_LOST, "order.pending_too_long")
    ),
    "shipment.delay_reported": _kind("low"),
    "shipment.misrouted": _kind("low"),
    "shipment.held": _kind("medium", "1 bd", "carrier"),
    "shipment.customs_hold": _kind(
        "medium", "0 h", "carrier", steps={"3 bd": "high"}, supp=("shipment.documents_missing", "shipment.duty_unpaid")
    ),
    "shipment.documents_missing": _kind("medium", "0 h", "carrier", steps={"3 bd": "high"}),
    "shipment.duty_unpaid": _kind("medium", "0 h", "carrier", steps={"3 bd": "high"}),
    "shipment.attempt_failed": _kind("medium", supp=("shipment.attempts_exhausted",)),
    "shipment.attempts_exhausted": _kind("high"),
    "shipment.pickup_unclaimed": _kind("medium", "5 d", steps={"3 d": "low"}),
    "shipment.refused": _kind("high"),
    "shipment.damaged": _kind("high"),
    "shipment.disposed": _kind("high"),
    "shipment.prohibited": _kind("high"),
    "shipment.rejected_by_carrier": _kind("high"),
    "shipment.return_to_sender": _kind("high"),
    "shipment.rts_stalled": _kind("medium", "10 bd", "carrier"),
    "shipment.delivered_disputed": _kind("high"),
    "conflict.delivered_without_ship": _kind("high", grace="15 m"),
    "conflict.shipped_unpaid": _kind("medium", grace="15 m", depends=(Step(span("24 h"), "high", above=_over(200)),)),
    "conflict.cancelled_but_moving": _kind("high"),
    "conflict.refunded_but_moving": _kind("high"),
    "conflict.released_on_credit_hold": _kind("high"),
    "conflict.short_after_ship_confirm": _kind("high"),
    "conflict.quantity_mismatch": _kind("high"),
    "conflict.unordered_item": _kind("low"),
    "conflict.duplicate_shipment": _kind("high"),
    "conflict.status_regression": _kind("high"),
    "conflict.tracking_reused": _kind("high"),
    "return.label_unused": _kind("low", "14 d"),
    "return.transit_stalled": _kind("medium", "5 bd", "carrier"),
    "return.inspection_overdue": _kind("medium", "2 bd", "site"),
    "return.received_not_refunded": _kind("medium", "3 bd", "tenant"),
    "data.unmapped_place": _kind("low"),
    "data.unmapped_status": _kind("low"),
    "data.orphan_signal": _kind("medium", "15 m"),
    "data.clock_skew": _kind("low", "15 m"),
    "data.identity_unresolved": _kind("medium"),
    "data.rule_failed": _kind("high"),  # it speaks of the engine, so the judge never finds it
}


ZONES = {
    "BE": "Europe/Brussels",
    "CA": "America/Toronto",
    "DE": "Europe/Berlin",
    "ES": "Europe/Madrid",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "IT": "Europe/Rome",
    "NL": "Europe/Amsterdam",
    "US": "America/New_York",
    "US/CA": "America/Los_Angeles",
}
"""The zones of the places that the tests send orders to; others are at UTC."""


@dataclass(frozen=True)
class Site:
    """Where goods leave from: its country and zone, and the name of its calendar where it has one."""

    country: str | None = None
    zone: str | None = None
    calendar: str | None = None


@dataclass(frozen=True)
class Policy:
    """The effective policy: settings by kind, what the feeds emit, and whose calendar is whose."""

    rules: Mapping[str, Setting] = field(default_factory=lambda: dict(DEFAULTS))
    emits: frozenset[str] | None = None
    """The milestones that feeds tell of, where the policy lists them; none: they are learned."""
    sites: Mapping[str, Site] = field(default_factory=dict[str, Site])
    calendars: Mapping[str, Calendar] = field(default_factory=dict[str, Calendar])
    carriers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Carrier -> name of a calendar."""
    destinations: Mapping[str, str] = field(default_factory=dict[str, str])
    """`country` or `country/region` -> name of a calendar."""
    zones: Mapping[str, str] = field(default_factory=lambda: dict(ZONES))
    """`country` or `country/region` -> zone."""
    zone: str = "UTC"
    """The zone of tenants."""

    identifiers: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT))
    """In what form orders, tracking numbers and SKUs are taken."""
    tolerances: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """Currency -> how much two amounts may differ and still be the same."""
    backfill: Terms = field(default_factory=Terms)
    close_after: int = 120 * DAY
    """For how long an order that was placed is silent before it may be closed."""
    pace: PaceTerms | None = field(default_factory=PaceTerms)

    def tolerance(self, currency: str | None) -> Decimal:
        """How much two amounts of a currency may differ and still be the same."""
        return self.tolerances.get(currency or "", self.tolerances.get("*", TOLERANCE))

    def country_zone(self, country: str | None, region: str | None) -> str:
        """The policy's zone for a country and region, else UTC."""
        return self.zones.get(f"{country}/{region}") or self.zones.get(country or "") or "UTC"

    def site_zone(self, site: str | None) -> str:
        """The zone of a site, else the tenant's."""
        known = self.sites.get(site or "", Site())
        if known.zone:
            return known.zone
        if known.calendar:
            return self.calendars[known.calendar].zone
        return self.country_zone(known.country, None) if known.country else self.zone

    def site_calendar(self, site: str | None) -> Calendar:
        """The calendar mapped to the site, else working days in its zone with its country's holidays."""
        known = self.sites.get(site or "", Site())
        if known.calendar:
            return self.calendars[known.calendar]
        return Calendar(self.site_zone(site), known.country)

    def destination_calendar(self, country: str | None, region: str | None) -> Calendar:
        """The calendar mapped to the destination, else working days in its zone with its country's holidays."""
        name = self.destinations.get(f"{country}/{region}") or self.destinations.get(country or "")
        return self.calendars[name] if name else Calendar(self.country_zone(country, region), country, region)

    def carrier_calendar(self, carrier: str | None, country: str | None, region: str | None) -> Calendar:
        """The calendar mapped to the carrier, else the destination's."""
        name = {known.casefold(): name for known, name in self.carriers.items()}.get((carrier or "").casefold())
        return self.calendars[name] if name else self.destination_calendar(country, region)
