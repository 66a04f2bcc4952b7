"""Feeds at the level of a shard: incidents, parking, delays, and which feeds a deadline depends on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from zlib import crc32

import orjson
import pytest

from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.shard import Shard
from dataflows.core.policy import FeedPolicy
from schemas.output_events import OUT_MODELS
from schemas.record import FeedWatermark
from tests.support.logs import DAY, HOUR, MINUTE, T0, iso, line, record
from tests.support.policies import listed

if TYPE_CHECKING:
    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

Data = dict[str, object]
PLACED: Data = {"total": {"amount": "80.00", "currency": "EUR"}, "ship_to": {"country": "NL"}}
LABEL: Data = {"shipment_id": "s1", "tracking_number": "t1", "carrier": "UPS", "site": "ams1"}
DUE = T0 + 24 * HOUR
"""When the capture of an order that was placed at T0 is due."""


def policy(**feeds: FeedPolicy) -> Policy:
    """The built-in policy with monitored feeds: `payments`, or `carrier_ups` for `/carrier/ups`."""
    return replace(listed(), feeds={"/" + name.replace("_", "/"): terms for name, terms in sorted(feeds.items())})


def said(shard: Shard, kind: str = "") -> list[tuple[int, str, str]]:
    """(log time, type, severity) of what the shard says of a kind of exception, or else of feeds."""
    topic = "exceptions" if kind else "incidents"
    return [(out.log, out.type, out.severity) for out in shard.drain() if out.topic == topic and kind in out.kind]


def mark(shard: Shard, feed: str, log: int, at: int | None = None) -> None:
    """Lets a feed be heard at a log time, of an instant or of that time."""
    shard.apply(FeedWatermark(log, "t", 0, 0, 1, feed, log if at is None else at))


def give(shard: Shard, id_: str, at: int, type_: str, data: Data | None = None, *, log: int | None = None, source: str = "/test") -> None:
    """An event of order A-1, logged when it happened or at `log`."""
    shard.apply(record(line(id_, at, type_, data=data or {}, source=source), at if log is None else log))


CAPTURE = "payment.capture_overdue"
LONG = FeedPolicy(0, 30 * DAY)


def test_a_deadline_waits_until_its_feed_has_spoken_past_it() -> None:
    """Not at the deadline, and not when the feed has come just up to it: at the mark that is later."""
    shard = Shard(policy(payments=LONG))
    give(shard, "1", T0, "order.placed", PLACED)
    mark(shard, "/payments", DUE + HOUR, DUE)
    shard.advance(DUE + 2 * HOUR)
    assert said(shard, CAPTURE) == []
    mark(shard, "/payments", DUE + 3 * HOUR, DUE + 1)
    shard.advance(DUE + 3 * HOUR)
    assert said(shard, CAPTURE) == [(DUE + 3 * HOUR, "exception.raised", "low")]


def test_a_feed_that_is_not_declared_holds_nothing_back() -> None:
    """Nor does one of another domain that has fallen silent."""
    shard = Shard(policy(carrier=LONG, warehouse=LONG))
    give(shard, "1", T0, "order.placed", PLACED)
    shard.advance(DUE)
    assert said(shard, CAPTURE) == [(DUE, "exception.raised", "low")]


def test_the_delay_of_a_feed_is_added_to_the_moment_when_it_spoke() -> None:
    """The mark that passed the deadline counts `delay` after it came, not a moment sooner."""
    shard = Shard(policy(payments=FeedPolicy(15 * MINUTE, 30 * DAY)))
    give(shard, "1", T0, "order.placed", PLACED)
    mark(shard, "/payments", DUE + MINUTE)
    mark(shard, "/payments", DUE + 2 * MINUTE)
    shard.advance(DUE + 16 * MINUTE, inclusive=False)
    assert said(shard, CAPTURE) == []
    shard.advance(DUE + 16 * MINUTE)
    assert said(shard, CAPTURE) == [(DUE + 16 * MINUTE, "exception.raised", "low")]


def test_an_order_that_comes_late_is_not_judged_before_its_own_history() -> None:
    """Its feed has spoken past the deadline long ago; still it has the feed's delay to bring what disproves it."""
    shard = Shard(policy(payments=FeedPolicy(15 * MINUTE, 30 * DAY)))
    mark(shard, "/payments", DUE + HOUR)
    give(shard, "1", T0, "order.placed", PLACED, log=DUE + 2 * HOUR)
    shard.advance(DUE + 2 * HOUR + 15 * MINUTE, inclusive=False)
    assert said(shard, CAPTURE) == []
    give(shard, "2", T0 + HOUR, "payment.captured", PLACED, log=DUE + 2 * HOUR + 15 * MINUTE)
    shard.advance(DUE + 9 * HOUR)
    assert said(shard, CAPTURE) == []
    give(shard, "3", T0, "evidence.withdrawn", {"event_id": "2"}, log=DUE + 10 * HOUR)
    shard.advance(DUE + 11 * HOUR)
    assert said(shard, CAPTURE) == [(DUE + 10 * HOUR + 15 * MINUTE, "exception.raised", "low")]


def test_a_milestone_that_comes_while_a_deadline_is_deferred_counts_by_its_own_time() -> None:
    """In time: nothing is ever said. Too late: once, as resolved, when the deadline is decided."""
    for captured, expected in ((DUE, []), (DUE + MINUTE, [(DUE + 3 * HOUR, "exception.resolved", "low")])):
        shard = Shard(policy(payments=LONG))
        give(shard, "1", T0, "order.placed", PLACED)
        give(shard, "2", captured, "payment.captured", {"amount": PLACED["total"]}, log=DUE + HOUR)
        mark(shard, "/payments", DUE + 3 * HOUR)
        shard.advance(DUE + DAY)
        assert said(shard, CAPTURE) == expected


def test_only_the_carrier_of_an_order_holds_its_parcels_back() -> None:
    """One that it names, in whatever case, or that has spoken of it; while it is not known, all declared ones."""
    feeds = policy(carrier_ups=LONG, carrier_dhl=LONG)
    gap = "shipment.first_scan_missing"
    for data, alone in ((LABEL, True), ({**LABEL, "carrier": "gls"}, False)):
        shard = Shard(feeds)
        give(shard, "1", T0, "order.placed", PLACED)
        give(shard, "2", T0 + HOUR, "warehouse.label_created", data)
        mark(shard, "/carrier/ups", T0 + 5 * DAY)
        shard.advance(T0 + 5 * DAY)
        assert bool(said(shard, gap)) is alone
        mark(shard, "/carrier/dhl", T0 + 6 * DAY)
        shard.advance(T0 + 6 * DAY)
        assert bool(said(shard, gap)) is not alone


def test_a_carrier_that_nobody_declared_waits_for_no_other_once_it_has_spoken() -> None:
    """A silent carrier that is watched must not hide what is wrong with the parcels of one that is not."""
    shard = Shard(policy(carrier_ups=LONG))
    give(shard, "1", T0, "order.placed", PLACED)
    give(shard, "2", T0, "warehouse.label_created", {**LABEL, "carrier": "gls"})
    scan = {"status": "in_transit", "tracking_number": LABEL["tracking_number"]}
    give(shard, "3", T0 + HOUR, "carrier.scan", scan, source="/carrier/gls")
    shard.advance(T0 + 10 * DAY)
    assert said(shard, "shipment.scan_gap")


def test_later_steps_of_severity_wait_as_well() -> None:
    """The warning is said when the feed has passed it, the breach when it has passed that; of signals the steps after the first."""
    shard = Shard(policy(carrier=LONG))
    give(shard, "1", T0, "order.placed", PLACED)
    give(shard, "2", T0, "warehouse.label_created", LABEL)
    give(shard, "3", T0, "carrier.scan", {"status": "held", "reason": "customs", "tracking_number": "t1"})
    customs = "shipment.customs_hold"
    assert said(shard, customs) == [(T0, "exception.raised", "medium")]
    shard.advance(T0 + 10 * DAY)
    assert said(shard, customs) == []
    mark(shard, "/carrier", T0 + 11 * DAY, T0 + 8 * DAY)
    shard.advance(T0 + 11 * DAY)
    assert said(shard, customs) == [(T0 + 11 * DAY, "exception.updated", "high")]


def test_an_override_may_take_a_rule_off_its_feed() -> None:
    """Feeds are a setting like any other: what holds is the order's own."""
    plain = policy(payments=LONG)
    base = tuple(replace(s, feeds=()) if s.kind == CAPTURE else s for s in plain.base)
    shard = Shard(replace(plain, base=base))
    give(shard, "1", T0, "order.placed", PLACED)
    shard.advance(DUE)
    assert said(shard, CAPTURE) == [(DUE, "exception.raised", "low")]


def test_an_order_with_a_deferred_deadline_is_not_closed() -> None:
    """However long the feed is silent: what it might disprove is still to be decided."""
    shard = Shard(policy(payments=FeedPolicy(0, 300 * DAY)))
    give(shard, "1", T0, "order.placed", PLACED | {"method": "pickup"})
    shard.advance(T0 + 200 * DAY)
    assert len(shard) == 1
    assert said(shard, CAPTURE) == []


def test_a_silent_feed_is_one_incident_that_ends_when_it_has_caught_up() -> None:
    """Stale once log time is further ahead of the mark than allowed; recovered by the mark that is near enough again."""
    shard = Shard(policy(carrier=FeedPolicy(0, 2 * HOUR, 10 * MINUTE, "CARR")))
    mark(shard, "/carrier", T0)
    shard.advance(T0 + 2 * HOUR, inclusive=False)
    assert said(shard) == []
    shard.advance(T0 + 2 * HOUR)
    (stale,) = shard.drain()
    mark(shard, "/carrier", T0 + 6 * HOUR, T0 + 4 * HOUR)
    shard.advance(T0 + 7 * HOUR)
    assert said(shard) == []
    mark(shard, "/carrier", T0 + 7 * HOUR, T0 + 5 * HOUR + 1)
    (recovered,) = shard.drain()
    for out, type_ in ((stale, "feed.stale"), (recovered, "feed.recovered")):
        OUT_MODELS[type_].model_validate_json(out.body)
        assert (out.topic, out.type) == ("incidents", type_)
    first, second = orjson.loads(stale.body), orjson.loads(recovered.body)
    assert (first["id"].removesuffix(":1"), first["subject"], first["time"]) == (
        second["id"].removesuffix(":2"),
        "/carrier",
        iso(T0 + 2 * HOUR),
    )
    assert first["data"] == {
        "feed": "/carrier",
        "mark": iso(T0),
        "stale_since": iso(T0 + 2 * HOUR),
        "silence": "2 h",
        "cadence": "10 m",
        "owner": "CARR",
    }
    assert (second["data"]["stale_since"], second["data"]["mark"]) == (iso(T0 + 2 * HOUR), iso(T0 + 5 * HOUR + 1))


def test_a_feed_that_was_never_heard_is_missed_from_the_beginning_of_the_log() -> None:
    """It is as silent as one that has stopped."""
    shard = Shard(policy(carrier=FeedPolicy(0, 2 * HOUR)))
    give(shard, "1", T0, "order.placed", PLACED)
    shard.advance(T0 + DAY)
    assert said(shard) == [(T0 + 2 * HOUR, "feed.stale", "")]


def test_one_shard_alone_speaks_for_a_feed() -> None:
    """The one that the feed's name falls on; all of them know."""
    speakers: list[int] = []
    for number in range(64):
        shard = Shard(policy(carrier_ups=FeedPolicy(0, HOUR)), place=(number, 64))
        mark(shard, "/carrier/ups", T0)
        shard.advance(T0 + DAY)
        assert shard.feeds.view() == [("/carrier/ups", T0, True, 0)]
        speakers += [number for _ in shard.drain()]
    assert speakers == [crc32(b"/carrier/ups") % 64]


def test_orders_count_as_deferred_once_their_feed_is_stale() -> None:
    """Waiting for the next mark of a feed that is alive is nothing to worry about."""
    shard = Shard(policy(payments=FeedPolicy(0, 2 * HOUR)))
    give(shard, "1", T0, "order.placed", PLACED)
    mark(shard, "/payments", DUE - MINUTE)
    shard.advance(DUE)
    assert shard.feeds.view() == [("/payments", DUE - MINUTE, False, 0)]
    shard.advance(DUE + 2 * HOUR)
    assert shard.feeds.view() == [("/payments", DUE - MINUTE, True, 1)]
    mark(shard, "/payments", DUE + 3 * HOUR)
    shard.advance(DUE + 3 * HOUR)
    assert shard.feeds.view() == [("/payments", DUE + 3 * HOUR, False, 0)]


def test_what_is_stored_of_feeds_reads_back_and_a_later_version_is_refused() -> None:
    """Marks, those that do not count yet, and silence; feeds that are declared no more are left out."""
    feeds = Feeds(policy(payments=FeedPolicy(HOUR, 2 * HOUR), carrier=LONG))
    feeds.begin(T0)
    feeds.hear(FeedWatermark(T0, "t", 0, 0, 1, "/payments", T0))
    feeds.reach(T0 + HOUR)
    feeds.hear(FeedWatermark(T0 + 2 * HOUR, "t", 0, 0, 1, "/payments", T0 + HOUR))
    again = Feeds(policy(payments=FeedPolicy(HOUR, 2 * HOUR), carrier=LONG))
    again.restore(feeds.row())
    assert (again.row(), again.view()) == (feeds.row(), feeds.view())
    fewer = Feeds(policy(payments=FeedPolicy(HOUR, 2 * HOUR)))
    fewer.restore(feeds.row())
    assert fewer.view() == [("/payments", T0 + HOUR, False, 0)]
    with pytest.raises(ValueError, match="version 2"):
        again.restore(b"\x93\x02" + feeds.row()[2:])


def outs_of_an_outage(orders: int, *, cut: bool) -> list[OutputRecord]:
    """Six hours of a carrier, over which the promises of `orders` run out, told in time or (`cut`) all at once afterwards.

    A fifth of them is delivered too late. The carrier says of every order when it was delivered, and of itself every ten minutes.
    """
    shard = Shard(policy(carrier_ups=FeedPolicy(15 * MINUTE, HOUR, 10 * MINUTE)))
    begin = T0 + DAY
    log: list[tuple[int, int, str, str, str, Data]] = []
    for number in range(orders):
        promised = begin + number * 6 * HOUR // orders
        data = PLACED | {"promised_by": iso(promised), "payment_terms": "external"}
        late = number % 5 == 0
        log.append((T0, T0, "order.placed", f"o{number}", "/storefront", data))
        log.append((T0 + HOUR, T0 + HOUR, "warehouse.shipped", f"o{number}", "/wms", {"tracking_number": f"t{number}", "carrier": "ups"}))
        delivered = promised + 30 * MINUTE if late else promised - 30 * MINUTE
        log.append(
            (delivered, delivered, "carrier.scan", f"o{number}", "/carrier/ups", {"status": "delivered", "tracking_number": f"t{number}"})
        )
    log += [(at, at, "feed.heartbeat", "", "/carrier/ups", {}) for at in range(T0, begin + 8 * HOUR, 10 * MINUTE)]
    if cut:
        back = begin + 6 * HOUR
        # The backlog comes within a minute, in the order in which it happened.
        log = [
            (at if s != "/carrier/ups" or not begin <= at < back else back + (at - begin) // 360, at, t, o, s, d)
            for _, at, t, o, s, d in log
        ]
    outs: list[OutputRecord] = []
    second = -1
    for offset, (logged, at, type_, order, source, data) in enumerate(sorted(log, key=lambda entry: entry[:2])):
        if order:
            shard.apply(record(line(f"{order}{type_}", at, type_, order=order, source=source, data=data), logged, offset))
        if source == "/carrier/ups" and logged // 1_000_000 != second:
            second = logged // 1_000_000
            shard.apply(FeedWatermark(logged, "t", 0, offset, 1, source, at))
        outs += shard.drain()
    shard.advance(begin + 8 * HOUR)
    return outs + shard.drain()


def test_an_outage_of_a_feed_is_one_incident_and_no_false_exception() -> None:
    """2,000 open orders, the carrier cut off for six hours, then caught up: what is said of orders is what is said without the outage."""
    plain, cut = (outs_of_an_outage(2_000, cut=cut) for cut in (False, True))
    kind = "shipment.delivery_overdue"
    incidents = [out.type for out in cut if out.topic == "incidents"]
    assert incidents == ["feed.stale", "feed.recovered"]
    assert not [out for out in plain if out.topic == "incidents"]
    overdue = [{(out.order, out.status) for out in outs if out.kind == kind and out.topic == "exceptions"} for outs in (plain, cut)]
    late = {f"o{number}" for number in range(0, 2_000, 5)}
    assert {order for order, _ in overdue[0]} == {order for order, _ in overdue[1]} == late
    told_open = {int(order[1:]) for order, status in overdue[1] if status == "open"}
    assert all(number * 6 / 2_000 > 5.5 for number in told_open), "what had been delivered meanwhile is told once, as resolved"
    assert not any(out.status == "retracted" for out in cut)
    first = min(out.log for out in cut if out.kind == kind)
    assert first >= T0 + DAY + 6 * HOUR
