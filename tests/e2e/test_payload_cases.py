"""Payloads of real trade on which the product was once wrong: from what a system sends to the exceptions that follow, and no others."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.values import micros
from sources.adapters import ADAPTERS, AdapterConnection, translate
from sources.adapters.captured import payload_of
from sources.adapters.histories import Remembered, settle
from sources.adapters.payments import united
from sources.adapters.translate import encoded
from tests.support.replays import lines, replay

CASES = Path(__file__).parent / "cases"
POLICY = Path(__file__).resolve().parents[2] / "sources" / "examples" / "shop.policy.yaml"


class Case(NamedTuple):
    """Until when a case is looked at, the kinds raised by then (also what ends again), and the system of which payments are left out."""

    name: str
    until: str
    raised: set[str]
    omit: str | None = None


EXPECTED = (
    # 30 of 100 was paid, and given back when the rest never came: it is told as not paid, and nobody is pushed to ship it.
    Case("partial_payment_counts_as_paid", "2026-05-30T00:00:00Z", {"payment.declined_soft"}, "shopify"),
    # 120 in cash and 20 change for 100.
    Case("pos_cash_change", "2026-05-05T00:00:00Z", set()),
    # The first snapshot of an order that was paid, shipped and tagged: neither late nor shipped unpaid. Its parcel was never scanned.
    Case("shopify_capture_time_of_snapshot", "2026-05-08T14:00:00Z", {"shipment.first_scan_missing"}),
    # Edited from 100 to 60, paid, and refunded: nothing is due.
    Case("shopify_edit_down_total", "2026-06-30T00:00:00Z", set()),
    # Marked as completed in AfterShip, as delivered: no scan says so.
    Case("aftership_marked_completed", "2026-06-13T00:00:00Z", set()),
    # Paid and cancelled; nobody gave the money back.
    Case("cancelled_never_refunded", "2026-06-20T00:00:00Z", {"payment.cancelled_not_refunded"}, "shopify"),
    # The label was paid back, so the parcel that the shop called shipped never left. Its label was scanned before the shop told of it.
    Case("easypost_label_refunded", "2026-05-20T00:00:00Z", {"fulfilment.ship_overdue", "order.stalled", "data.orphan_signal"}),
    # Refused, cancelled, and then paid after all.
    Case(
        "paid_after_cancel",
        "2026-05-20T00:00:00Z",
        {"payment.declined_soft", "payment.captured_after_cancel", "payment.cancelled_not_refunded"},
        "shopify",
    ),
    # The refund of a cancelled order failed: the customer has no money.
    Case("refund_failed_unseen", "2026-06-20T00:00:00Z", {"payment.refund_failed", "payment.cancelled_not_refunded"}, "shopify"),
    # Of two parcels one was delivered and the other never scanned.
    Case("second_parcel_never_scanned", "2026-07-30T00:00:00Z", {"shipment.first_scan_missing"}),
    # A number that another parcel had sixteen months before delivers nothing.
    Case("tracking_reuse_old_delivery", "2026-06-20T00:00:00Z", {"shipment.first_scan_missing"}),
    # Scheduled for 15 June: not due before, due then.
    Case("shopify_preorder_scheduled", "2026-06-15T12:00:00Z", set()),
    Case("shopify_preorder_scheduled", "2026-06-17T12:00:00Z", {"fulfilment.ship_overdue"}),
)


class Kept:
    """What adapters remember, in memory."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


def adapted(case: Case) -> list[bytes]:
    """The events of a case's payloads in the order in which they were recorded, each once."""
    memory, events = Kept(), dict[str, tuple[datetime, bytes]]()
    for path in sorted((CASES / case.name).glob("*.json")):
        system = path.stem.partition("-")[2]
        connection = AdapterConnection(omit=("payment.*",) if system == case.omit else ())
        found = translate(ADAPTERS[system], payload_of(path.read_bytes()), connection)
        assert found.refused == ()
        drafts, keep = settle(found.events, found.histories, memory, connection)
        drafts, payments = united(drafts, found.steps, memory, connection)
        memory.known |= keep | payments
        for one in drafts:
            events.setdefault(
                f"{one['source']} {one['id']}", (datetime.fromisoformat(one.get("recordedtime") or one["time"]), encoded(one))
            )
    return [line for _, line in sorted(events.values(), key=lambda event: event[0])]


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: f"{case.name}-{case.until[5:10]}")
def test_a_case_raises_what_a_person_would_raise(case: Case, tmp_path: Path) -> None:
    """No other exception, not even one that is taken back."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in adapted(case)))
    replay(path, tmp_path / "out", POLICY, until=micros(datetime.fromisoformat(case.until)))
    raised = {str(event["data"]["kind"]) for event in lines(tmp_path / "out", "exceptions")}  # type: ignore[index]
    assert raised == case.raised
