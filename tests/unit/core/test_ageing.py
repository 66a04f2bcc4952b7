"""What stands open for too long without news of it or its order is closed, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.core.rules.load import load_policy
from tests.support.engine import records_of, run
from tests.support.logs import DAY, MINUTE, T0, iso

if TYPE_CHECKING:
    from pathlib import Path

    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

CAPTURE = "payment.capture_overdue"
ORPHAN = "data.orphan_signal"
PLAIN = load_policy(None)


def event(type_: str, at: int, data: dict[str, object] | None = None) -> dict[str, object]:
    """An event of the order o1, known when it happens."""
    return {
        "specversion": "1.0",
        "id": f"{type_} {at}",
        "source": "/shop",
        "type": type_,
        "time": iso(at),
        "subject": "o1",
        "data": data or {},
    }


PLACED = event("order.placed", T0, {"total": {"amount": "80.00", "currency": "EUR"}, "payment_terms": "prepaid", "method": "digital"})


def said(lines: list[dict[str, object]], kind: str = CAPTURE, policy: Policy = PLAIN, until: int = T0 + 400 * DAY) -> list[OutputRecord]:
    """What is said of exceptions of a kind."""
    return [out for out in run(records_of(lines), policy, until) if out.topic == "exceptions" and out.kind == kind]


def told(outs: list[OutputRecord]) -> list[tuple[str, object, object]]:
    """Of each event its type, when it was decided, and how the exception ended."""
    return [(out.type.removeprefix("exception."), out.data["detected_at"], out.data["resolution"]) for out in outs]


def test_ninety_days_without_news_close_an_exception() -> None:
    """They count from when it was last said otherwise, or from the last event of its order; what is suppressed ends with what says more."""
    raised = ("raised", iso(T0 + DAY), None)
    outs = said([PLACED])
    assert told(outs)[0] == raised
    assert told(outs)[-1] == ("resolved", iso(T0 + 92 * DAY), "expired")
    assert (outs[-1].data["resolved_at"], outs[-1].data["resolved_by"]) == (iso(T0 + 92 * DAY), None)
    assert "It was closed for age" in str(outs[-1].data["summary"])
    outs = said([PLACED, event("support.contacted", T0 + 91 * DAY, {"intent": "other"})])
    assert told(outs)[-1] == ("resolved", iso(T0 + 181 * DAY), "expired")


def test_it_is_not_raised_again_and_what_comes_late_changes_nothing() -> None:
    """Neither time nor an event of the order says anything more of it, not even what would have ended it."""
    lines = [PLACED, event("support.contacted", T0 + 100 * DAY, {"intent": "other"}), event("payment.captured", T0 + 101 * DAY)]
    outs = said(lines)
    assert [out.data["resolution"] for out in outs].count("expired") == 1
    assert told(outs)[-1] == ("resolved", iso(T0 + 92 * DAY), "expired")


def test_a_person_can_open_it_again() -> None:
    """It counts from there anew."""
    id_ = str(said([PLACED])[0].data["exception_id"])
    outs = said([PLACED, event("case.reopened", T0 + 95 * DAY, {"exception_id": id_})])
    after = told(outs)
    assert ("updated", iso(T0 + 95 * DAY), None) in after
    assert after[-1] == ("resolved", iso(T0 + 185 * DAY), "expired")
    assert {out.data["episode"] for out in outs} == {1}


@pytest.mark.parametrize(("text", "right"), [("30 d", iso(T0 + 33 * DAY)), ("off", None)])
def test_each_rule_says_how_long(text: str, right: str | None, tmp_path: Path) -> None:
    """Or that it never is. It counts from when it became medium, after three business days."""
    path = tmp_path / "policy.yaml"
    path.write_text(f"rules: {{{CAPTURE}: {{expire_after: {text}}}}}", encoding="utf-8")
    ends = [out.data["detected_at"] for out in said([PLACED], policy=load_policy(path)) if out.data["resolution"] == "expired"]
    assert ends == ([] if right is None else [right])


def test_an_order_whose_exceptions_were_closed_is_closed_as_well() -> None:
    """Its events are rejected from then on."""
    lines = [PLACED, event("support.contacted", T0 + 150 * DAY, {"intent": "other"})]
    rejects = [out.kind for out in run(records_of(lines), PLAIN, T0 + 400 * DAY) if out.topic == "rejects"]
    assert rejects == ["order_closed"]


def test_an_order_that_was_never_placed_is_forgotten_and_its_orphan_closed() -> None:
    """A placing that comes after all finds it closed."""
    paid = event("payment.captured", T0, {"payment_id": "p"})
    ends = ("resolved", iso(T0 + 30 * DAY), "expired")
    assert told(said([paid], ORPHAN)) == [("raised", iso(T0 + 15 * MINUTE), None), ends]
    assert told(said([paid, event("order.placed", T0 + 40 * DAY)], ORPHAN))[1:] == [ends]


def test_an_alias_that_nobody_claims_is_closed_ninety_days_after_its_last_event() -> None:
    """A label that comes later ties it and says nothing more."""
    scans = [event("carrier.scan", at, {"status": "in_transit", "tracking_number": "T1"}) for at in (T0, T0 + 5 * DAY)]
    for scan in scans:
        del scan["subject"]
    outs = said(scans, ORPHAN)
    ends = ("resolved", iso(T0 + 95 * DAY), "expired")
    assert told(outs) == [("raised", iso(T0 + 15 * MINUTE), None), ends]
    assert "It was closed for age" in str(outs[-1].data["summary"])
    tied = event("warehouse.label_created", T0 + 100 * DAY, {"shipment_id": "S1", "tracking_number": "T1"})
    assert told([one for one in said([*scans, tied], ORPHAN) if one.order.startswith("tracking")])[1:] == [ends]


def test_what_it_suppresses_is_closed_with_it() -> None:
    """An order that was never paid: nobody waits for it, so its promise is nothing to write to the customer about when that is closed."""
    goods = event("order.placed", T0, {"total": {"amount": "80.00", "currency": "EUR"}, "promised_by": iso(T0 + 30 * DAY)})
    outs = run(records_of([goods]), PLAIN, T0 + 400 * DAY)
    promised = [out for out in outs if out.kind == "shipment.delivery_overdue" and out.topic == "exceptions"]
    assert [(out.status, out.data["resolution"]) for out in promised] == [("suppressed", None), ("resolved", "expired")]
    pending = [out for out in outs if out.kind == "order.pending_too_long" and out.type == "exception.resolved"]
    assert [out.data["detected_at"] for out in pending] == [promised[-1].data["detected_at"]]
    assert not [out for out in outs if out.topic == "actions" and out.kind == "shipment.delivery_overdue"]
