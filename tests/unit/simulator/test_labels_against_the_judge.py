"""The simulator's labels, judged by the independent judge: neither knows the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time

import orjson
import pytest

from sources.simulator import expected, stream
from sources.simulator.moments import LASTING, OPENING
from sources.simulator.policy import EMITS
from sources.simulator.topology import CARRIERS, COURIER, KEYS, SITES
from tests.oracle.judge import judge
from tests.oracle.judging.calendars import Calendar
from tests.oracle.judging.settings import DEFAULTS, Policy, Site

HOURS = dict.fromkeys(range(5), (time(8), time(18)))


def at(day: str) -> int:
    """The first second of a day, UTC."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def simulated_policy() -> Policy:
    """What `policy_text` says, in the judge's words."""
    carriers = {carrier.name: f"warehouse-{carrier.country.lower()}" for carrier in CARRIERS if carrier.country is not None}
    return Policy(
        emits=frozenset(EMITS),
        sites={
            **{site.name: Site(site.country, site.zone.key, f"warehouse-{site.country.lower()}") for site in SITES},
            KEYS.name: Site(KEYS.country, KEYS.zone.key),
        },
        calendars={f"warehouse-{site.country.lower()}": Calendar(site.zone.key, site.country, hours=HOURS) for site in SITES},
        carriers=carriers | {COURIER.name: "warehouse-nl"},
        rules={kind: replace(setting, expire_after=None) for kind, setting in DEFAULTS.items()},
    )


OPENINGS = {"spring": OPENING, "the clocks go back, Christmas": at("2025-10-11"), "a Thursday of another year": at("2028-02-10")}


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_labels_are_what_the_judge_finds(seed: int, opening: int) -> None:
    """No label without a verdict and no verdict without a label: healthy orders cause nothing, faults exactly what they say."""
    orders = 900 if opening == OPENING else 400
    lines = [orjson.loads(line) for line in stream(orders, seed, opening)]
    found = judge(lines, simulated_policy(), (opening + LASTING) * 1_000_000)
    verdicts = Counter((one.order, one.kind, one.scope, str(one.status)) for one in found)
    labels = Counter((label.order_id, label.kind, label.scope, str(label.status)) for label in expected(orders, seed, opening))
    assert verdicts - labels == Counter(), "not labelled"
    assert labels - verdicts == Counter(), "not found"
