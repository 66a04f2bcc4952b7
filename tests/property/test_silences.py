"""Shops whose payments fall silent at random: the engine says what the judge says, however the log is cut and read."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from dataflows.core.rules.load import load_policy
from tests.oracle.judge import judge
from tests.oracle.judging.settings import Policy
from tests.property.test_engine import standing_of
from tests.support.engine import records_of, run, standing
from tests.support.logs import DAY, HOUR, T0
from tests.support.pace import PAYPAL, STRIPE, Line, Outage, event, hours, shop

if TYPE_CHECKING:
    from tests.support.engine import Standing

BUILT_IN = load_policy(None)


def drawn(lots: Random) -> tuple[list[Line], int, Outage]:
    """A shop that sells for some hours of most days, with one or two sources that all fail together once; some orders are never paid."""
    opens = lots.randrange(24 - 7)
    sold = hours(25, opens, opens + lots.randrange(4, 8), range(lots.randrange(7), 25, 7) if lots.random() < 0.5 else ())
    since = lots.randrange(15 * 24, 20 * 24)
    sources = [STRIPE, PAYPAL][: lots.choice((1, 1, 2))]
    out = Outage(since, since + lots.randrange(24, 24 * 9), tuple(sources))
    lines = shop(sold, [out], sources, lots.randrange(1, 20))
    never = {f"o{number}" for number in range(len(sold)) if lots.random() < 0.05}
    lines = [line for line in lines if line["type"] != "payment.captured" or line["subject"] not in never]
    lines += told_besides(lots, sold, out, sources, never)
    return sorted(lines, key=lambda line: str(line["time"])), 25, out


def told_besides(lots: Random, sold: list[int], out: Outage, sources: list[str], never: set[str]) -> list[Line]:
    """Authorizations, returns and their refunds of some of these orders; what their source tells while it is out comes after that."""
    lines: list[Line] = []
    authorizes = lots.random() < 0.7
    for number, hour in enumerate(sold):
        order, source, at = f"o{number}", sources[number % len(sources)], T0 + hour * HOUR

        def told(kind: str, told_at: int, data: Line, order: str = order, source: str = source) -> None:
            late = T0 + out.since * HOUR <= told_at < T0 + out.until * HOUR
            told_at = T0 + out.until * HOUR + lots.randrange(HOUR) if late else told_at
            lines.append(event(f"{order}-{kind}", f"payment.{kind}", told_at, order, source, data))

        if authorizes and order not in never:
            told("authorized", at + lots.randrange(HOUR // 2), {"payment_id": f"p{number}"})
        if order not in never and lots.random() < 0.4:
            back = at + lots.randrange(DAY, 4 * DAY)
            lines.append(event(f"{order}-back", "return.received", back, order, "/warehouse/w1", {"return_id": f"r{number}"}))
            if lots.random() < 0.9:
                told("refunded", back + lots.randrange(HOUR, 5 * DAY), {"payment_id": f"p{number}", "return_id": f"r{number}"})
    return lines


def by_kind(found: set[Standing]) -> set[Standing]:
    """What stands, without how twins compare: those of a shop that sells one thing all day."""
    return {one for one in found if one.kind != "order.duplicate_suspected"}


@pytest.mark.parametrize("seed", range(3))
def test_the_engine_waits_as_the_judge_does(seed: int) -> None:
    """At instants in the silence, soon after it and long after."""
    lots = Random(seed)
    lines, _, out = drawn(lots)
    for hour in (out.since + lots.randrange(20, 60), out.until + lots.randrange(14)):
        until = T0 + hour * HOUR
        right = {standing_of(one) for one in judge(lines, Policy(), until)}
        assert by_kind(standing(run(records_of(lines), BUILT_IN, until))) == by_kind(right)


@pytest.mark.parametrize("seed", range(10, 12))
def test_the_cut_into_batches_changes_nothing(seed: int) -> None:
    """Every way of cutting the log says the same, byte for byte."""
    lots = Random(seed)
    lines, days, _ = drawn(lots)
    until = T0 + (days + 10) * DAY
    whole = run(records_of(lines), BUILT_IN, until)
    cuts = sorted(T0 + lots.randrange(days * 24) * HOUR + lots.randrange(HOUR) for _ in range(30))
    pieces = run(records_of(lines), BUILT_IN, until, cuts)
    assert sorted(one.body for one in whole) == sorted(one.body for one in pieces)
    assert any(one.type == "feed.stale" for one in whole) == any(one.type == "feed.stale" for one in pieces)
