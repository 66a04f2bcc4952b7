"""Silence is not evidence: neither that of a feed nor that of the engine itself makes or hides an exception."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest

from tests.support.brokers import topic
from tests.support.hurried import SECOND, Pace, Told, hurried, write_policy
from tests.support.live import Engine, produce
from tests.support.logs import DAY, HOUR, MINUTE, T0, iso, line
from tests.support.replays import Data, command, lines, standing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.brokers import Broker

pytestmark = pytest.mark.slow

ORDERS = 10_000
BEGIN = T0 + DAY
"""When the feed is cut, µs."""
BACK = BEGIN + 6 * HOUR
UNTIL = BACK + 6 * HOUR
CUT = "/carrier/ups"
FEEDS = (CUT, "/carrier/dhl")
KIND = "shipment.delivery_overdue"
POLICY = "rules: {order.master_data_incomplete: off}\nfeeds:\n" + "".join(
    f"  {feed}: {{delay: 15 m, silence: 1 h, cadence: 10 m}}\n" for feed in FEEDS
)


class Fate(NamedTuple):
    """What happens to an order: who carries it, until when it is promised (µs), and whether it is delivered too late, or never."""

    carrier: str
    promised: int
    late: bool
    lost: bool


def fate(number: int) -> Fate:
    """Promises run out all through the outage; one order in ten misses its own by an hour, one in fifty is not delivered at all."""
    return Fate(FEEDS[number % 2], BEGIN + number * 6 * HOUR // ORDERS, number % 20 in (3, 4), number % 100 in (6, 7))


def tell(path: Path, *, cut: bool) -> Path:
    """Writes what is told of all orders. `cut`: one carrier's messages of six hours are recorded within a minute after them."""
    told: list[tuple[int, int, bytes]] = []

    def add(id_: str, at: int, type_: str, source: str, data: Data, order: str | None = None) -> None:
        recorded = BACK + (at - BEGIN) // 360 if cut and source == CUT and BEGIN <= at < BACK else at
        told.append((recorded, at, line(id_, at, type_, order=order, source=source, recorded=recorded, data=data)))

    for number in range(ORDERS):
        order, parcel, (carrier, promised, late, lost) = f"o{number}", {"tracking_number": f"t{number}"}, fate(number)
        name = carrier.rpartition("/")[2]
        add(f"{order}-1", T0, "order.placed", "/storefront", {"promised_by": iso(promised), "payment_terms": "external"}, order)
        add(f"{order}-2", T0 + HOUR, "warehouse.shipped", "/warehouse", {**parcel, "carrier": name}, order)
        # Carriers know parcels, not orders.
        add(f"{order}-3", T0 + 2 * HOUR, "carrier.scan", carrier, {**parcel, "status": "accepted"})
        if not lost:
            delivered = promised + HOUR if late else promised - 20 * MINUTE
            add(f"{order}-4", delivered, "carrier.scan", carrier, {**parcel, "status": "delivered"})
    for feed in FEEDS:
        for at in range(T0, UNTIL, 10 * MINUTE):
            add(f"{feed}-{at}", at, "feed.heartbeat", feed, {})
    path.write_bytes(b"".join(each + b"\n" for *_, each in sorted(told)))
    return path


def judged(folder: Path, *, cut: bool) -> Path:
    """Replays it; returns the folder of what was found."""
    folder.mkdir()
    policy = folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    out = folder / "out"
    done = command("replay", tell(folder / "told.jsonl", cut=cut), "--policy", policy, "--until", iso(UNTIL), "--out", out)
    assert done.returncode == 0, done.stderr.decode()
    return out


def of_carrier(out: Path, carrier: str) -> list[tuple[object, ...]]:
    """What was said of the orders of a carrier, and when; where its evidence stood in the file is no part of that."""
    said: list[tuple[object, ...]] = []
    for event in lines(out, "exceptions"):
        data = cast("Data", event["data"])
        if fate(int(str(data["order_id"])[1:])).carrier == carrier:
            said.append((event["id"], event["type"], data["kind"], data["status"], data["detected_at"]))
    return said


def note(text: str) -> None:
    """Prints a figure into the report of the run."""
    sys.stderr.write(f"\n{text}\n")


def test_a_feed_that_is_cut_is_one_incident_and_costs_no_false_exception(tmp_path: Path) -> None:
    """10,000 open orders, one carrier cut off for six hours: `feed.stale` once, and in the end just the exceptions there would have been.

    The orders of the other carrier are judged as if nothing had happened; those of this one after it has caught up, and none before.
    """
    plain, cut = (judged(tmp_path / name, cut=name == "cut") for name in ("plain", "cut"))
    incidents = [(event["type"], event["subject"]) for event in lines(cut, "incidents")]
    assert incidents == [("feed.stale", CUT), ("feed.recovered", CUT)]
    assert not lines(plain, "incidents")

    true = {f"o{n}" for n in range(ORDERS) if fate(n).late or fate(n).lost}
    for out in (plain, cut):
        assert {order for order, *_ in standing(out)} == true
        assert {kind for _, kind, *_ in standing(out)} == {KIND}
        assert not any(event["type"] == "exception.retracted" for event in lines(out, "exceptions"))
    assert standing(cut) == standing(plain)

    assert of_carrier(cut, FEEDS[1]) == of_carrier(plain, FEEDS[1])
    late = of_carrier(cut, CUT)
    assert len({id_ for id_, *_ in late}) == len(late)
    assert all(str(detected) >= iso(BACK) for *_, detected in late)
    kinds = Counter(str(type_) for _, type_, *_ in late)
    note(f"feed cut for 6 h: {ORDERS} orders, {len(incidents)} incident events, {len(true)} true exceptions, 0 false, {dict(kinds)}")


def test_an_engine_that_was_down_says_what_it_would_have_said(real_broker: Broker, tmp_path: Path) -> None:
    """Six hours of log time pass while the engine is down and its backlog grows; restarted, it writes the same bytes as one that ran on."""
    name = topic(real_broker, "events", 3, {"message.timestamp.type": "CreateTime", "retention.ms": "-1"})
    pace = Pace(T0, 24 * HOUR)
    down, up, end = T0 + 5 * HOUR, T0 + 11 * HOUR, T0 + 24 * HOUR
    policy = write_policy(tmp_path / "policy.yaml", pace)
    world = hurried(400, 5, pace)
    inputs = {"allow_create_time": True}

    def appended(since: int, until: int) -> list[Told]:
        chosen = [told for told in world if since < told.log <= until]
        produce(real_broker.bootstrap, name, (told.given(3) for told in chosen))
        return chosen

    stopped = Engine(tmp_path / "stopped", real_broker.bootstrap, f"{name}-stopped", (name,), policy, inputs=inputs)
    appended(0, down)
    stopped.run(until=iso(down))
    before = stopped.values("exceptions")
    backlog = appended(down, up)
    stopped.run(until=iso(up), processes=2)
    appended(up, end)
    stopped.run(until=iso(end))
    steady = Engine(tmp_path / "steady", real_broker.bootstrap, f"{name}-steady", (name,), policy, inputs=inputs)
    steady.run(until=iso(end))
    for output in ("exceptions", "actions", "incidents", "rejects"):
        assert sorted(stopped.values(output)) == sorted(steady.values(output)), output
    after = stopped.values("exceptions")
    assert before
    missed = [said for said in after if iso(down) < json.loads(said)["data"]["detected_at"] <= iso(up)]
    assert missed
    words = (
        f"{len(backlog)} records of backlog, {len(missed)} exception events in it, {len(after)} in all, none lost, none twice, none other"
    )
    note(f"engine down for {(up - down) // (3600 * SECOND)} h: {words}")
