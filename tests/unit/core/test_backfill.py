"""History that is told: when an order is judged whose placing comes long after it happened, and what is said of it then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dataflows.core.engine.shard import Shard
from dataflows.core.policy import BackfillPolicy, FeedPolicy
from dataflows.core.rules.load import load_policy
from schemas.output import OutputRecord
from tests.support.engine import records_of, run
from tests.support.logs import DAY, HOUR, MINUTE, T0, iso

if TYPE_CHECKING:
    from dataflows.core.policy import Policy

CAPTURE = "payment.capture_overdue"
PROMISED = "shipment.delivery_overdue"
PLAIN = load_policy(None)
SHOP = "/storefront/acme"


def event(type_: str, at: int, log: int, data: dict[str, object] | None = None) -> dict[str, object]:
    """An event of the order o1."""
    plain = {"specversion": "1.0", "id": f"{type_} {at}", "source": SHOP, "type": type_, "subject": "o1", "data": data or {}}
    return {**plain, "time": iso(at), "recordedtime": iso(log)}


def placed(log: int) -> dict[str, object]:
    """An order of T0 that becomes known at `log`, promised for the tenth day."""
    ship_to = {"country": "NL", "timezone": "UTC"}
    return event(
        "order.placed", T0, log, {"total": {"amount": "80.00", "currency": "EUR"}, "ship_to": ship_to, "promised_by": iso(T0 + 10 * DAY)}
    )


def said(lines: list[dict[str, object]], policy: Policy = PLAIN, until: int = T0 + 20 * DAY) -> list[OutputRecord]:
    """What is said of the order."""
    return run(records_of(lines), policy, until)


def raised(outs: list[OutputRecord], kind: str = CAPTURE) -> list[str]:
    """When exceptions of a kind were raised."""
    return [str(out.data["detected_at"]) for out in outs if out.type == "exception.raised" and out.kind == kind]


def asked(log: int) -> dict[str, tuple[object, str]]:
    """By kind whether it says that it began in history, and what became of its action."""
    outs = said([placed(log), event("payment.authorized", T0, log)])
    actions = {out.kind: out.type for out in outs if out.topic == "actions" and out.type != "action.withdrawn"}
    began = {out.kind: out.data["backfilled"] for out in outs if out.type == "exception.raised"}
    return {kind: (began[kind], actions.get(kind, "nothing")) for kind in (CAPTURE, PROMISED) if kind in began}


def test_what_began_in_history_is_proposed_and_what_begins_later_is_requested() -> None:
    """The capture was overdue before the order was told; the promise broke days afterwards."""
    found = asked(T0 + 5 * DAY)
    assert found[CAPTURE][0] is True
    assert found[CAPTURE][1] != "action.requested"
    assert found[PROMISED] == (False, "action.requested")
    assert asked(T0 + 12 * DAY)[PROMISED] == (True, "action.proposed")
    assert not any(backfilled for backfilled, _ in asked(T0 + HOUR // 6).values())


def test_an_order_that_is_told_in_time_is_judged_at_once() -> None:
    """A late record of an order that is known already changes nothing about that."""
    lines = [placed(T0 + 15 * MINUTE), event("address.validated", T0, T0 + DAY - MINUTE)]
    assert raised(said(lines)) == [iso(T0 + DAY)]


def test_what_a_feed_declares_that_it_takes_is_not_late() -> None:
    """A batch import of a day's orders at night."""
    policy = replace(PLAIN, feeds={SHOP: FeedPolicy(2 * DAY, 3 * DAY)}, base=tuple(replace(s, feeds=()) for s in PLAIN.base))
    late = T0 + 2 * DAY + 10 * MINUTE
    assert raised(said([placed(late)], policy)) == [iso(late)]
    assert raised(said([placed(late)])) == [iso(late + HOUR)]


def test_the_policy_says_what_is_late_how_long_is_waited_and_what_is_history() -> None:
    """Each of its three settings."""
    late = T0 + 2 * DAY
    for terms, right in (
        (BackfillPolicy(after=2 * DAY), [iso(late)]),
        (BackfillPolicy(settle=3 * HOUR), [iso(late + 3 * HOUR)]),
        (BackfillPolicy(settle=9 * HOUR), [iso(late + 6 * HOUR)]),
        (BackfillPolicy(max_age=DAY), []),
        (BackfillPolicy(max_age=DAY + 2 * HOUR), [iso(late + HOUR)]),
    ):
        assert raised(said([placed(late)], replace(PLAIN, backfill=terms))) == right


def test_orders_placed_before_the_watch_began_are_history_only() -> None:
    """Whenever they are told; those placed at that instant are watched."""
    for watch_from, right in ((T0, [iso(T0 + DAY)]), (T0 + 1, [])):
        outs = said([placed(T0)], replace(PLAIN, watch_from=watch_from))
        assert raised(outs) == right
        assert bool(outs) == bool(right)


def test_an_orphan_that_is_placed_before_the_watch_began_is_none_any_more() -> None:
    """What was said of it ends as ever."""
    lines = [event("address.validated", T0 + HOUR, T0 + HOUR), placed(T0 + 2 * HOUR)]
    outs = said(lines, replace(PLAIN, watch_from=T0 + DAY))
    assert [(out.kind, out.type) for out in outs if out.topic == "exceptions"] == [
        ("data.orphan_signal", "exception.raised"),
        ("data.orphan_signal", "exception.resolved"),
    ]


def test_what_is_said_already_goes_on_while_history_is_told() -> None:
    """An orphan's placing that comes late ends it at once, before the order is judged."""
    late = T0 + 5 * DAY
    outs = said([event("address.validated", T0 + DAY, T0 + DAY), placed(late)])
    ends = [out.data["detected_at"] for out in outs if out.type == "exception.resolved" and out.kind == "data.orphan_signal"]
    assert ends == [iso(late)]
    assert raised(outs) == [iso(late + HOUR)]


@pytest.mark.parametrize("stop", [0, 29, 30, 60, 90])
def test_a_restart_while_history_is_told_changes_nothing(stop: int) -> None:
    """The wait stands in the order's state."""
    late = T0 + 5 * DAY
    lines = [placed(late), event("address.validated", T0, late + 30 * MINUTE)]
    shard, said_before = Shard(PLAIN), list[OutputRecord]()
    for record in records_of(lines):
        if late + stop * MINUTE < record.log:
            shard = restarted(shard, late + stop * MINUTE, said_before)
        shard.apply(record)
    shard = restarted(shard, late + stop * MINUTE, said_before)
    shard.advance(T0 + 20 * DAY)
    outs = [*said_before, *shard.drain()]
    assert [out.body for out in outs] == [out.body for out in said(lines)]
    assert raised(outs) == [iso(late + 90 * MINUTE)]


def restarted(shard: Shard, at: int, outs: list[OutputRecord]) -> Shard:
    """A shard that goes on from what another one kept at a log time; what that had said is put to `outs`."""
    shard.advance(at)
    outs += shard.drain()
    found = Shard(PLAIN)
    found.restore(shard.rows())
    return found
