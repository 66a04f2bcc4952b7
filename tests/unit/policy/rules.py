"""A few rules and a way to write policy files, for the tests of the policy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dataflows.core.policy import Policy
from dataflows.core.rules.forms import rule
from dataflows.core.rules.load import load_policy
from dataflows.core.rules.structs import Overdue, Silent
from dataflows.core.rules.vocabulary import ByTerms, Milestone

if TYPE_CHECKING:
    from pathlib import Path

LATE = Overdue(since=Milestone.PLACED, until=(Milestone.CAPTURED,))
BY_TERMS = Overdue(since=ByTerms(Milestone.PLACED, Milestone.SHIPPED), until=(Milestone.CAPTURED,))
made = partial(rule, source="P")

RULES = (
    made(
        "payment.auth_missing",
        "payment.auth_missing is late.",
        LATE,
        owner="FIN",
        severity="medium",
        lane="block",
        within="1 h",
        suppressed_by=("payment.capture_overdue",),
    ),
    made(
        "payment.capture_overdue",
        "payment.capture_overdue is late.",
        BY_TERMS,
        owner="FIN",
        severity="medium",
        lane="review",
        within="24 h",
        anchor="terms",
    ),
    made(
        "fulfilment.ship_overdue",
        "fulfilment.ship_overdue is late.",
        LATE,
        owner="FULF",
        severity="high",
        lane="auto",
        anchor="ship_by",
        clock="site",
        fallback=("captured", "72 h"),
    ),
    made(
        "shipment.scan_gap",
        "shipment.scan_gap is late.",
        Silent(),
        owner="CARR",
        severity="low",
        lane="auto",
        within="3 bd",
        international="5 bd",
        clock="carrier",
        steps=(("10 bd", "high"),),
        feeds=("carrier",),
    ),
    made(
        "order.master_data_incomplete",
        "order.master_data_incomplete is late.",
        LATE,
        owner="DATA",
        severity="medium",
        lane="block",
        fields=("total", "ship_to.country"),
    ),
)


def written(folder: Path, text: str) -> Path:
    """A policy file with this content."""
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str) -> Policy:
    """The policy that this content states for the rules above."""
    return load_policy(written(folder, text), RULES)
