"""Histories of real trade on which the engine was silent or wrong: what is right, what the judge says, what the engine says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dataflows.core.rules.load import load_policy
from tests.oracle.judge import judge
from tests.oracle.judging.reading import instant
from tests.oracle.judging.settings import Policy
from tests.support.engine import Standing, records_of, run, standing

if TYPE_CHECKING:
    from tests.oracle.judging.reading import Json

CASES = Path(__file__).with_name("cases")


class Case(NamedTuple):
    """A history in `cases`, until when it is judged, which kinds are right, and what the feeds emit besides the built-in milestones.

    `judge_is_wrong`, `engine_is_wrong`: why they still are, if they are.
    """

    name: str
    what: str
    until: str
    right: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    judge_is_wrong: str = ""
    engine_is_wrong: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def lines(self) -> list[Json]:
        """The history."""
        return [json.loads(line) for line in (CASES / f"{self.name}.jsonl").read_bytes().splitlines()]


LATE, SHIP = "shipment.delivery_overdue", "fulfilment.ship_overdue"
SILENT = ("shipment.scan_gap", "shipment.stuck", "shipment.lost_suspected")
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
        (LATE,),
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
        judge_is_wrong="what a voided authorization still secures is a question of what the rule means",
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
        engine_is_wrong="scans that came before a later order was tied to their number are not given to it",
    ),
)


def _wrong(why: str) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.xfail(reason=why, strict=True, raises=AssertionError),) if why else ()


def judged(case: Case) -> set[Standing]:
    """What stands at the end, by the judge."""
    verdicts = judge(case.lines, Policy(emits=Policy().emits | set(case.emits)), instant(case.until))
    return {Standing(one.tenant, one.order, one.kind, one.scope, one.episode, one.status, one.severity, one.due) for one in verdicts}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name, marks=_wrong(case.judge_is_wrong)) for case in ALL])
def test_the_judge_says_what_is_right(case: Case) -> None:
    """What an experienced operations person would want to see, and nothing open besides."""
    found = judged(case)
    assert set(case.right) <= {one.kind for one in found}
    assert {one.kind for one in found if one.status == "open"} <= set(case.right)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name, marks=_wrong(case.engine_is_wrong)) for case in ALL])
def test_the_engine_says_what_the_judge_says(case: Case) -> None:
    """The same exceptions, with episode, severity and deadline."""
    policy = load_policy(None)
    # One history teaches nothing, so what the feeds emit is listed.
    policy = replace(policy, emits=Policy().emits | set(case.emits), learns=False)
    assert standing(run(records_of(case.lines), policy, instant(case.until))) == judged(case)
