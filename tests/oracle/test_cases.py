"""Histories of real trade on which the engine was silent or wrong: what is right, what the judge says, what the engine says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dataflows.core.policy.check import PolicyError
from dataflows.core.rules.load import load_policy
from tests.oracle.judge import judge
from tests.oracle.judging.policies import read_policy
from tests.oracle.judging.reading import instant
from tests.oracle.judging.settings import LISTED, Policy
from tests.support.engine import Standing, records_of, run, standing

if TYPE_CHECKING:
    from tests.oracle.judging.reading import Json

CASES = Path(__file__).with_name("cases")


class Case(NamedTuple):
    """A history in `cases`, until when it is judged, which kinds are right, and what its policy lists besides what a plain shop tells.

    Where it lists nothing (`emits`), what the feeds tell of is learned: of one order, what that order itself shows.

    `only`: the kinds that are looked at, all if none are named. `policy`: whether a file beside the history has its policy. `meanwhile`:
    instants at which nothing stands at all, not even what is retracted later.
    `judge_is_wrong`, `engine_is_wrong`: why they still are, if they are.
    """

    name: str
    what: str
    until: str
    right: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    judge_is_wrong: str = ""
    engine_is_wrong: str = ""
    only: tuple[str, ...] = ()
    policy: bool = False
    meanwhile: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def policy_path(self) -> Path:
        """Where its policy stands, if it has one."""
        return CASES / f"{self.name}.policy.yaml"

    @property
    def lines(self) -> list[Json]:
        """The history."""
        return [json.loads(line) for line in (CASES / f"{self.name}.jsonl").read_bytes().splitlines()]


LATE, SHIP = "shipment.delivery_overdue", "fulfilment.ship_overdue"
UNSEEN, UNORDERED = "shipment.first_scan_missing", "conflict.unordered_item"
MISMATCH, PARTLY = "payment.amount_mismatch", "payment.partly_captured"
UNITS, PARCELS = "obligations of units are not in the engine yet", "obligations of parcels are not in the engine yet"
NAMES = "the identity step does not know it yet"
SILENT = ("shipment.scan_gap", "shipment.stuck", "shipment.lost_suspected")
M10, M20, APRIL, MAY = "2026-03-10T00:00:00Z", "2026-03-20T00:00:00Z", "2026-04-20T00:00:00Z", "2026-05-20T00:00:00Z"
TALKATIVE = ("released", "picked", "packed")
ALL = (
    Case(
        "multi_piece_t2_stuck",
        "two parcels of one shipment, each announced by a label of its own; the first is delivered, the second silent",
        "2026-05-20T00:00:00Z",
        (*SILENT, LATE),
    ),
    Case(
        "two_labels_one_shipment_t2_lost",
        "the second parcel of a shipment is never scanned, and the promise passes",
        "2026-04-20T00:00:00Z",
        (LATE, UNSEEN),
    ),
    Case(
        "label_lines_ship_nolines",
        "the label names one of two pieces, the confirmation no lines at all",
        "2026-03-20T00:00:00Z",
        (SHIP, LATE),
    ),
    Case(
        "void_then_shipconfirm",
        "a label is voided, the warehouse confirms its shipment after all, no carrier ever has it",
        "2026-03-10T00:00:00Z",
        (SHIP,),
    ),
    Case(
        "void_then_shipped",
        "the authorization is voided, then the order is shipped",
        "2026-03-30T00:00:00Z",
        ("conflict.shipped_unpaid", "payment.capture_overdue"),
        ("authorized",),
    ),
    Case(
        "same_sku_two_lines",
        "two lines of one SKU, confirmed by SKU with the quantity of both",
        "2026-03-20T00:00:00Z",
    ),
    Case(
        "freight_late_tie",
        "two orders on one freight number; the second is tied to it after the delivery was told",
        "2026-03-20T00:00:00Z",
    ),
    Case(
        "order_id_hash",
        "one system writes #1001, another 1001",
        "2026-03-20T00:00:00Z",
    ),
    # --- goods: units, waived, covering -------------------------------------------------------------------------------
    Case("kit_components", "a kit whose parts nobody told: they were not ordered", M20, (UNORDERED, SHIP, LATE)),
    Case("kit_components_told", "a kit is covered by its components", M20),
    Case("kit_lines_told", "a kit is covered by the lines that are its parts", M20),
    Case("mixed_giftcard", "nobody said that the gift card is digital", M20, (SHIP, LATE)),
    Case("mixed_giftcard_told", "a digital line owes nothing physical", M20),
    Case("refund_unshipped", "the third piece is refunded before it left", M20),
    Case("refund_net_of_shipping", "a parcel came back and was refunded by its lines", "2026-05-30T00:00:00Z"),
    Case("dup_after_return", "a line that was returned is taken off the order", M20),
    Case("locker_ready_before_promise", "a parcel that can be fetched keeps the promise", M20),
    Case("bopis_packed_shipby", "a pick-up order is ready in time", "2026-03-10T00:00:00Z", (), TALKATIVE),
    Case(
        "bopis_unclaimed",
        "nobody fetches a pick-up order",
        "2026-03-30T00:00:00Z",
        ("fulfilment.pickup_uncollected",),
        TALKATIVE,
    ),
    # --- dates of lines, kept is kept, again --------------------------------------------------------------------------
    Case("line_shipby_release", "a line with a later date of its own", APRIL, (), ("released",)),
    Case("one_line_dated_other_not", "the fallback is for the line without a date", APRIL, (SHIP,)),
    Case("preorder_no_shipby", "nothing is due before the supply is expected", APRIL),
    Case(
        "backorder_eta_passed",
        "the supply did not come",
        "2026-03-25T00:00:00Z",
        ("inventory.backorder_overdue",),
    ),
    Case("late_replacement", "a replacement breaks no promise that was kept", APRIL),
    Case("line_added_after_ship", "a line added later has a clock of its own", M20),
    Case("reinstated", "a cancelled order is placed again: its dates hold", M20, (SHIP, LATE, "shipment.scan_gap")),
    Case("retry_after_decline", "the first try was declined and cancelled", "2026-03-02T12:00:00Z"),
    Case("two_placed_sources", "the second placing brings the dates", "2026-03-05T09:00:00Z", (SHIP, LATE)),
    Case(
        "update_time_before_placed",
        "an update from a clock that is two seconds behind moves the date all the same",
        M20,
        (SHIP,),
        only=(SHIP,),
        meanwhile=("2026-03-10T23:59:59Z",),
    ),
    Case("cancel_declined", "nobody says that the cancel was refused", M10, ("order.cancel_in_flight",)),
    Case("cancel_declined_told", "the shop refuses the cancel", M10),
    Case(
        "hold_released_other_source",
        "another source ends a hold by its ID",
        M10,
        only=("payment.fraud_review_overdue",),
    ),
    Case("untracked_letter", "a letter without a number is not awaited", M20),
    Case("child_orders", "nobody says that these orders are parts of another", M20, (SHIP, LATE, "data.orphan_signal")),
    Case("child_orders_told", "the children's steps cover the parent", M20),
    # --- parcels ------------------------------------------------------------------------------------------------------
    Case(
        "double_reported_attempts",
        "two attempts, each told by two sources",
        "2026-03-09T00:00:00Z",
        only=("shipment.attempts_exhausted",),
    ),
    Case("gap_hidden_by_label_scan", "a label told after the parcel moves hides nothing", MAY, SILENT),
    Case("label_reprint_same_shipment", "a label is voided and printed again", APRIL),
    Case("last_mile_handoff", "another carrier takes the parcel over", "2026-04-30T00:00:00Z"),
    Case("last_mile_handoff_told", "two numbers are told to be one parcel", "2026-04-30T00:00:00Z"),
    Case(
        "return_number_used_outbound",
        "a number first told by a return goes out",
        APRIL,
        ("shipment.scan_gap", "shipment.stuck"),
        only=("shipment.scan_gap", "shipment.stuck"),
    ),
    Case("shopify_two_numbers", "one fulfilment with two numbers, the second stands still", MAY, (*SILENT, LATE)),
    Case("two_parcels_one_never_scanned", "the second parcel is never scanned", MAY, (UNSEEN,)),
    Case("eta_passed_no_promise", "the carrier's own estimate has passed", M20, ("shipment.eta_passed",)),
    # --- money --------------------------------------------------------------------------------------------------------
    Case("zero_total", "an order of nothing owes nothing", M20, (), ("authorized",)),
    Case("final_on_partial", "the last capture of one of two payments", M10, only=(MISMATCH, PARTLY)),
    Case("giftcard_total_final", "nobody tells what the gift card paid", M10, (PARTLY,), only=(MISMATCH, PARTLY)),
    Case("giftcard_total_final_told", "the gift card is a payment too", M10, only=(MISMATCH, PARTLY)),
    Case("partial_capture_forgotten", "the second box is never charged", "2026-03-25T00:00:00Z", (PARTLY,)),
    Case(
        "authorization_ran_out",
        "goods leave whose only authorization has run out, and nobody has learned that authorizations are told",
        "2026-03-10T12:00:00Z",
        ("conflict.shipped_unpaid", "payment.auth_expiring"),
    ),
    Case("authorization_never_told", "the same goods where no authorization was ever told", "2026-03-10T12:00:00Z"),
    Case("reauth_new_id", "authorized again under a new ID, and captured in full", "2026-03-25T00:00:00Z"),
    Case(
        "capture_after_cancel",
        "the money is taken after the cancel",
        "2026-04-10T00:00:00Z",
        ("payment.captured_after_cancel",),
    ),
    Case(
        "cancelled_never_refunded",
        "paid, cancelled, and the money stays",
        "2026-04-10T00:00:00Z",
        ("payment.cancelled_not_refunded",),
        ("refunded",),
    ),
    Case(
        "dispute_lost_then_shipped",
        "the money is gone, and the order leaves all the same",
        "2026-03-30T00:00:00Z",
        ("payment.chargeback_lost",),
    ),
    Case("refund_failed", "the refund could not be paid out", APRIL, ("payment.refund_failed",)),
    Case(
        "exchange_return",
        "nobody says that the return is an exchange",
        "2026-04-30T00:00:00Z",
        ("return.received_not_refunded",),
        ("refunded", "return_shipped"),
    ),
    Case(
        "exchange_return_told",
        "a return for exchange is owed no money",
        "2026-04-30T00:00:00Z",
        (),
        ("refunded", "return_shipped"),
    ),
    Case(
        "backfill_old_no_fulfilment",
        "twenty old orders are told eight weeks later, before the warehouse is connected",
        "2026-03-03T00:00:00Z",
    ),
    Case(
        "late_return_closed",
        "a return long after the delivery",
        "2026-06-20T00:00:00Z",
        ("return.received_not_refunded", "return.inspection_overdue"),
        ("refunded", "inspected", "return_shipped"),
    ),
    Case("shipping_paid_after_second", "paid two seconds after it left", "2026-03-03T00:00:00Z"),
    Case(
        "delivered_before_confirm_grace",
        "the confirmation is told within the grace",
        M20,
        policy=True,
        meanwhile=("2026-03-03T22:59:00Z",),
    ),
    Case(
        "pol_grace_on_signal",
        "the refund comes within the grace",
        "2026-03-13T00:00:00Z",
        policy=True,
        meanwhile=("2026-03-02T12:01:00Z",),
    ),
    # --- places -------------------------------------------------------------------------------------------------------
    Case("country_spelled", "a country code in small letters", "2026-03-09T00:00:00Z", (LATE,), policy=True),
    Case("region_spelled", "a region by its name", "2026-03-09T00:00:00Z", (LATE,), policy=True),
)


def _wrong(why: str) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.xfail(reason=why, strict=True, raises=(AssertionError, PolicyError)),) if why else ()


def judged(case: Case, until: str) -> set[Standing]:
    """What stands at an instant, by the judge."""
    policy = read_policy(case.policy_path) if case.policy else Policy()
    policy = replace(policy, emits=LISTED | set(case.emits)) if case.emits else policy
    verdicts = judge(case.lines, policy, instant(until))
    return {
        Standing(one.tenant, one.order, one.kind, one.scope, one.episode, one.status, one.severity, one.due)
        for one in verdicts
        if looked_at(one.kind, case)
    }


def looked_at(kind: str, case: Case) -> bool:
    """Whether the case is about the kind."""
    return not case.only or kind in case.only


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name, marks=_wrong(case.judge_is_wrong)) for case in ALL])
def test_the_judge_says_what_is_right(case: Case) -> None:
    """What an experienced operations person would want to see, and nothing open besides."""
    found = judged(case, case.until)
    assert set(case.right) <= {one.kind for one in found}
    assert {one.kind for one in found if one.status == "open"} <= set(case.right)
    for until in case.meanwhile:
        assert not judged(case, until), f"as of {until}"


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name, marks=_wrong(case.engine_is_wrong)) for case in ALL])
def test_the_engine_says_what_the_judge_says(case: Case) -> None:
    """The same exceptions, with episode, severity and deadline."""
    policy = load_policy(case.policy_path if case.policy else None)
    policy = replace(policy, emits=LISTED | set(case.emits), learns=False) if case.emits else policy
    for until in (*case.meanwhile, case.until):
        found = standing(run(records_of(case.lines), policy, instant(until)))
        assert {one for one in found if looked_at(one.kind, case)} == judged(case, until), f"as of {until}"
