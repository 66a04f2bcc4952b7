"""`python -m tests.bench growth`: what an order's n-th event costs, for every sort of event that an order can have many of.

Each cell is a process of its own: n events of a sort (or one event of n lines) go through identity stages and one shard, time passes to a
month after the last, and the CPU time is divided by n. A cell that needs more than the limit is stopped, and larger ones are left out.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from dataflows.core.rules.load import load_policy
from schemas.instants import DAY, HOUR, MINUTE, SECOND
from tests.property.policies import MILESTONES, policy_of
from tests.support.engine import records_of, run
from tests.support.logs import T0, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dataflows.core.policy import Policy

SIZES = (500, 1_000, 2_000, 4_000, 10_000)
LIMIT = 120
"""Seconds of CPU after which a cell is given up."""
Data = dict[str, object]
Event = dict[str, object]
EUR: Data = {"amount": "1.00", "currency": "EUR"}
SORTS: dict[str, Callable[[int], Iterator[Event]]] = {}
POLICIES: dict[str, Callable[[int], Policy]] = {}
"""The policy of sorts that are about one; the others have the built-in one, with every milestone emitted."""


class Cell(NamedTuple):
    """Microseconds of CPU per event; None if the limit was reached."""

    sort: str
    size: int
    micros: float | None


def sort(write: Callable[[int], Iterator[Event]]) -> Callable[[int], Iterator[Event]]:
    """Registers a sort by the name of its function."""
    SORTS[write.__name__] = write
    return write


class Teller:
    """Writes events, a minute after each other unless told otherwise."""

    def __init__(self) -> None:
        self.number = 0
        self.at = T0

    def tell(self, type_: str, data: Mapping[str, object], *, order: str | None = "A", at: int | None = None, tenant: str = "") -> Event:
        """The next event."""
        self.number += 1
        self.at += MINUTE
        domain = type_.split(".", maxsplit=1)[0]
        source = {"carrier": "/carrier/ups", "payment": "/payments/p", "order": "/storefront/s"}.get(domain, "/warehouse/w1")
        event: Event = {"specversion": "1.0", "id": f"e{self.number}", "source": source, "type": type_, "data": dict(data)}
        event |= {"time": iso(self.at if at is None else at), "recordedtime": iso(self.at)}
        return event | ({"subject": order} if order else {}) | ({"tenant": tenant} if tenant else {})

    def placed(self, lines: int = 1, order: str = "A", tenant: str = "", **more: object) -> Event:
        """An order of so many lines."""
        told = [{"line_id": str(n), "sku": f"SKU-{n}", "quantity": 1} for n in range(lines)]
        data: Data = {"total": {"amount": "100.00", "currency": "EUR"}, "ship_to": {"country": "DE"}, "lines": told, **more}
        return self.tell("order.placed", data, order=order, tenant=tenant)

    def scan(self, number: str, status: str = "in_transit", *, order: str | None = "A", at: int | None = None, **more: object) -> Event:
        """A scan."""
        return self.tell("carrier.scan", {"status": status, "tracking_number": number, **more}, order=order, at=at)

    def shipped(self, shipment: str, number: str, order: str = "A", **more: object) -> Event:
        """A hand-over."""
        return self.tell("warehouse.shipped", {"shipment_id": shipment, "tracking_number": number, "carrier": "ups", **more}, order=order)


@sort
def scans_one_order(n: int) -> Iterator[Event]:
    """Scans of one parcel."""
    to = Teller()
    yield to.placed()
    yield to.shipped("S", "T")
    yield from (to.scan("T") for _ in range(n))


@sort
def scan_by_alias(n: int) -> Iterator[Event]:
    """The same, without the order."""
    to = Teller()
    yield to.placed()
    yield to.shipped("S", "T")
    yield from (to.scan("T", order=None) for _ in range(n))


@sort
def scans_arriving_backwards(n: int) -> Iterator[Event]:
    """The last scan is told first."""
    to = Teller()
    yield to.placed()
    yield to.shipped("S", "T")
    yield from (to.scan("T", at=T0 + DAY + (n - k) * SECOND) for k in range(n))


@sort
def scans_same_instant(n: int) -> Iterator[Event]:
    """All scans of one instant."""
    to = Teller()
    yield to.placed()
    yield to.shipped("S", "T")
    yield from (to.scan("T", at=T0 + HOUR) for _ in range(n))


@sort
def scans_exceptions_each(n: int) -> Iterator[Event]:
    """Each scan says of a parcel of its own that it was damaged."""
    to = Teller()
    yield to.placed()
    yield from (to.scan(f"T{k}", "damaged") for k in range(n))


@sort
def shipments_one_order(n: int) -> Iterator[Event]:
    """Hand-overs of one order."""
    to = Teller()
    yield to.placed()
    yield from (to.shipped(f"S{k}", f"T{k}") for k in range(n))


@sort
def shipments_and_scans(n: int) -> Iterator[Event]:
    """Hand-overs, each with a scan."""
    to = Teller()
    yield to.placed()
    for k in range(n // 2):
        yield to.shipped(f"S{k}", f"T{k}")
        yield to.scan(f"T{k}")


@sort
def parcels_one_shipment(n: int) -> Iterator[Event]:
    """Parcels of one shipment, each announced by a label of its own."""
    to = Teller()
    yield to.placed()
    for k in range(n):
        yield to.tell("warehouse.label_created", {"shipment_id": "S", "tracking_number": f"T{k}", "carrier": "ups"})


@sort
def replaces_chain(n: int) -> Iterator[Event]:
    """Each shipment replaces the one before it."""
    to = Teller()
    yield to.placed()
    yield to.shipped("S0", "T0")
    yield from (to.shipped(f"S{k}", f"T{k}", replaces=f"S{k - 1}") for k in range(1, n))


@sort
def updates(n: int) -> Iterator[Event]:
    """Updates of the promise."""
    to = Teller()
    yield to.placed()
    yield from (to.tell("order.updated", {"promised_by": iso(T0 + 30 * DAY + k * MINUTE)}) for k in range(n))


@sort
def holds(n: int) -> Iterator[Event]:
    """Holds, each released."""
    to = Teller()
    yield to.placed()
    for k in range(n // 2):
        yield to.tell("order.hold_placed", {"hold": "manual", "hold_id": f"h{k}"})
        yield to.tell("order.hold_released", {"hold": "manual", "hold_id": f"h{k}"})


@sort
def holds_open(n: int) -> Iterator[Event]:
    """Holds that stay."""
    to = Teller()
    yield to.placed()
    yield from (to.tell("order.hold_placed", {"hold": "manual", "hold_id": f"h{k}"}) for k in range(n))


@sort
def payments(n: int) -> Iterator[Event]:
    """Captures of a part."""
    to = Teller()
    yield to.placed()
    yield from (to.tell("payment.captured", {"payment_id": f"p{k}", "amount": EUR}) for k in range(n))


@sort
def refunds(n: int) -> Iterator[Event]:
    """Refunds of a part."""
    to = Teller()
    yield to.placed()
    yield to.tell("payment.captured", {"payment_id": "p", "amount": {"amount": "100.00", "currency": "EUR"}})
    yield from (to.tell("payment.refunded", {"payment_id": "p", "amount": {"amount": "0.01", "currency": "EUR"}}) for _ in range(n))


@sort
def declines(n: int) -> Iterator[Event]:
    """Declined authorizations."""
    to = Teller()
    yield to.placed()
    yield from (to.tell("payment.failed", {"payment_id": f"p{k}", "stage": "authorization", "decline": "soft"}) for k in range(n))


@sort
def rejects_warehouse(n: int) -> Iterator[Event]:
    """Refusals by the warehouse."""
    to = Teller()
    yield to.placed()
    yield from (to.tell("warehouse.rejected", {"reason": "validation", "detail": str(k)}) for k in range(n))


@sort
def returns(n: int) -> Iterator[Event]:
    """Returns, each with an ID of its own."""
    to = Teller()
    yield to.placed()
    yield from (to.tell("return.authorized", {"return_id": f"r{k}"}) for k in range(n))


@sort
def cases(n: int) -> Iterator[Event]:
    """Who works on an exception that stands."""
    to = Teller()
    before = [to.placed(), to.tell("address.invalid", {})]
    (invalid,) = (out for out in run(records_of(before), load_policy(None), to.at) if out.topic == "exceptions")
    yield from before
    yield from (to.tell("case.assigned", {"exception_id": invalid.data["exception_id"], "assignee": f"a{k}"}) for k in range(n))


@sort
def withdrawals(n: int) -> Iterator[Event]:
    """Scans, each taken back."""
    to = Teller()
    yield to.placed()
    yield to.shipped("S", "T")
    for _ in range(n // 2):
        scan = to.scan("T")
        yield scan
        yield to.tell("evidence.withdrawn", {"event_id": scan["id"], "event_source": scan["source"]})


@sort
def withdrawals_unknown(n: int) -> Iterator[Event]:
    """What nobody has said is taken back."""
    to = Teller()
    yield to.placed()
    yield from (to.tell("evidence.withdrawn", {"event_id": f"none-{k}"}) for k in range(n))


@sort
def open_exceptions_lines(n: int) -> Iterator[Event]:
    """Each line of an order is short: an exception of each stands open."""
    to = Teller()
    yield to.placed(n)
    yield from (to.tell("inventory.short", {"sku": f"SKU-{k}", "available": 0}) for k in range(n))


@sort
def lines_cancelled_each(n: int) -> Iterator[Event]:
    """Each line is cancelled by an event of its own."""
    to = Teller()
    yield to.placed(n)
    yield from (to.tell("order.cancelled", {"lines": [{"line_id": str(k)}]}) for k in range(n))


@sort
def lines_partial_steps(n: int) -> Iterator[Event]:
    """Each line is picked by an event of its own."""
    to = Teller()
    yield to.placed(n)
    yield from (to.tell("warehouse.picked", {"lines": [{"line_id": str(k), "quantity": 1}]}) for k in range(n))


@sort
def lines_by_sku(n: int) -> Iterator[Event]:
    """Each line leaves by an event of its own that names the SKU."""
    to = Teller()
    yield to.placed(n)
    yield from (to.tell("inventory.allocated", {"lines": [{"sku": f"SKU-{k}", "quantity": 1}]}) for k in range(n))


@sort
def lines_by_sku_one_event(n: int) -> Iterator[Event]:
    """All lines leave by one event that names SKUs; per line."""
    to = Teller()
    yield to.placed(n)
    yield to.shipped("S", "T", lines=[{"sku": f"SKU-{k}", "quantity": 1} for k in range(n)])


@sort
def lines_own_promise(n: int) -> Iterator[Event]:
    """Each line has a promise of its own; per line."""
    to = Teller()
    lines = [{"line_id": str(k), "sku": f"SKU-{k}", "quantity": 1, "promised_by": iso(T0 + 9 * DAY + k * MINUTE)} for k in range(n)]
    yield to.placed(lines=0) | {"data": {"total": EUR, "lines": lines}}


@sort
def lines_updates(n: int) -> Iterator[Event]:
    """An order of 500 lines, and updates of its promise."""
    to = Teller()
    yield to.placed(500)
    yield from (to.tell("order.updated", {"promised_by": iso(T0 + 30 * DAY + k * MINUTE)}) for k in range(n))


@sort
def orphans_then_tie(n: int) -> Iterator[Event]:
    """Scans of a number that nobody has announced, until somebody does."""
    to = Teller()
    yield to.placed()
    yield from (to.scan("T", order=None) for _ in range(n))
    yield to.shipped("S", "T")


@sort
def orphans_one_alias(n: int) -> Iterator[Event]:
    """Scans of a number that nobody announces."""
    to = Teller()
    yield from (to.scan("T", order=None) for _ in range(n))


@sort
def tracking_shared_by_orders(n: int) -> Iterator[Event]:
    """Orders on one freight number, which is then scanned; per order."""
    to = Teller()
    for k in range(n):
        yield to.placed(order=f"A{k}")
        yield to.shipped(f"S{k}", "T", order=f"A{k}")
    yield to.scan("T", order=None)


@sort
def payment_shared_by_orders(n: int) -> Iterator[Event]:
    """Orders paid by one payment; per order."""
    to = Teller()
    for k in range(n):
        yield to.placed(order=f"A{k}")
        yield to.tell("payment.authorized", {"payment_id": "p", "amount": EUR}, order=f"A{k}")


@sort
def customer_many_orders(n: int) -> Iterator[Event]:
    """Orders of one customer; per order."""
    to = Teller()
    yield from (to.placed(order=f"A{k}", customer={"id": "c"}) for k in range(n))


@sort
def fresh_orders(n: int) -> Iterator[Event]:
    """Orders of nobody in particular; per order."""
    to = Teller()
    yield from (to.placed(order=f"A{k}") for k in range(n))


@sort
def tenants(n: int) -> Iterator[Event]:
    """A tenant per order, the first 1,000 of them in the policy; per order."""
    to = Teller()
    yield from (to.placed(order=f"A{k}", tenant=f"tenant-{k}") for k in range(n))


@sort
def overrides(n: int) -> Iterator[Event]:
    """Orders of the first 500 tenants, of n that have an override of their own; per event."""
    to = Teller()
    for k in range(min(n, 500)):
        yield to.placed(order=f"A{k}", tenant=f"tenant-{k}")
        yield to.tell("payment.authorized", {"payment_id": f"p{k}", "amount": EUR}, order=f"A{k}", tenant=f"tenant-{k}")


@sort
def scans_under_1000_overrides(n: int) -> Iterator[Event]:
    """Scans of one parcel under a policy of 1,000 overrides and 1,000 tenants."""
    yield from scans_one_order(n)


def _with(tenants_: int, overrides_: int) -> Policy:
    rules = {"shipment.scan_gap": {"threshold": "2 d"}}
    return policy_of(
        {
            "emits": list(MILESTONES),
            "tenants": {f"tenant-{k}": {"zone": "Europe/Berlin"} for k in range(tenants_)},
            "overrides": [{"when": {"tenant": f"tenant-{k}"}, "rules": rules} for k in range(overrides_)],
        }
    )


POLICIES["tenants"] = lambda n: _with(min(n, 1_000), 0)
POLICIES["overrides"] = lambda n: _with(0, n)
POLICIES["scans_under_1000_overrides"] = lambda _: _with(1_000, 1_000)
MOST = {"overrides": 2_000}
"""Where a policy file cannot be larger."""
PER = {"overrides": 1_000}
"""By what the time of a sort is divided if not by its size."""


def cost(sort_: str, size: int) -> float:
    """Microseconds of CPU per event, however much work one order is."""
    policy = POLICIES[sort_](size) if sort_ in POLICIES else policy_of({"emits": list(MILESTONES)})
    policy = replace(policy, retention=replace(policy.retention, most_events=1 << 62))
    warm = records_of(SORTS[sort_](10))
    run(warm, policy, warm[-1].log + 30 * DAY)
    records = records_of(SORTS[sort_](size))
    until = records[-1].log + 30 * DAY
    began = time.process_time()
    run(records, policy, until)
    return (time.process_time() - began) * 1e6 / PER.get(sort_, size)


def growth(sorts: Sequence[str] = (), sizes: Sequence[int] = SIZES, limit: int = LIMIT) -> Iterator[Cell]:
    """Measures cell by cell; no `sorts` are all of them."""
    for name in sorts or sorted(SORTS):
        for size in (size for size in sizes if size <= MOST.get(name, size)):
            cell = _cell(name, size, limit)
            yield cell
            if cell.micros is None:
                break


def _cell(name: str, size: int, limit: int) -> Cell:
    command = [sys.executable, "-m", "tests.bench.growth", name, str(size), str(limit)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return Cell(name, size, float(json.loads(found.stdout)))
    if found.returncode < 0:  # by the signal that the limit sends
        return Cell(name, size, None)
    raise RuntimeError(f"{name} {size}: {found.stderr[-2_000:]}")


def _measure() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sort", choices=sorted(SORTS))
    parser.add_argument("size", type=int)
    parser.add_argument("limit", type=int)
    chosen = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CPU, (chosen.limit, chosen.limit))
    print(json.dumps(cost(chosen.sort, chosen.size)))  # noqa: T201


if __name__ == "__main__":
    _measure()
