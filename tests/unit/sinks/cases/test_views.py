"""The views of the contract show what the output of a replay says, counted from it in another way; on both databases."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, literal_column, select, text

from sinks.cases import views
from sinks.cases.expressions import Clock, at
from tests.support.reports import Life, Reports
from tests.support.worked import UNTIL, worked

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime.fromtimestamp(UNTIL, UTC) + timedelta(hours=7, seconds=3)


@pytest.fixture(scope="module")
def reports() -> Reports:
    """What the replay says."""
    return Reports(worked(), NOW)


def shown(worked_store: Engine, view: views.View, columns: Sequence[str], where: str = "1 = 1") -> list[tuple[Any, ...]]:
    """Columns of the rows of a view as of the instant of the test."""
    rows = view.at(at(NOW)).subquery()
    with worked_store.connect() as connection:
        found = connection.execute(select(*(rows.c[name] for name in columns)).where(literal_column(where)))
        return sorted((tuple(row) for row in found), key=repr)


def everything(view: views.View) -> list[str]:
    """All columns."""
    return list(view.columns)


def same(found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> None:
    """Asserts that rows are the same and that there are some."""
    assert expected
    assert found == sorted(expected, key=repr)


def test_open(worked_store: Engine, reports: Reports) -> None:
    """Age, who has it, and how both clocks stand, pauses as the engine says them."""
    names = "exception_id severity score team assignee age_seconds ack_by acknowledge_breached resolve_by paused resolve_breached"
    found = shown(worked_store, views.OPEN, [*names.split(), "reopenings", "summary", "total"])
    same(found, reports.v_open())


def test_ageing(worked_store: Engine, reports: Reports) -> None:
    """Buckets of elapsed time."""
    same(shown(worked_store, views.AGEING, everything(views.AGEING)), reports.v_ageing())


def test_workload(worked_store: Engine, reports: Reports) -> None:
    """By team, person and severity."""
    same(shown(worked_store, views.WORKLOAD, everything(views.WORKLOAD)), reports.v_workload())


def test_sla(worked_store: Engine, reports: Reports) -> None:
    """Within, breached, spared, running; a case that waited when it ended counts until it began to wait."""
    same(shown(worked_store, views.SLA, everything(views.SLA)), reports.v_sla())
    assert [life for life in reports.lives if life.case["state"] == "waiting" and life.over]


def test_time_to(worked_store: Engine, reports: Reports) -> None:
    """Median and nine of ten by nearest rank; all three measures occur."""
    found = shown(worked_store, views.TIME_TO, everything(views.TIME_TO))
    same(found, reports.v_time_to())
    assert {row[3] for row in found} == {"acknowledge", "act", "resolve"}


def test_rework(worked_store: Engine, reports: Reports) -> None:
    """What was opened again, handed on, labelled, retracted."""
    found = shown(worked_store, views.REWORK, everything(views.REWORK))
    same(found, reports.v_rework())
    assert all(sum(row[place] for row in found) for place in (4, 6, 10, 11, 13))  # resolved, reopened, handed on, reassignments, noise


def test_recurrence(worked_store: Engine, reports: Reports) -> None:
    """By lane and country, which events state themselves."""
    found = shown(worked_store, views.RECURRENCE, everything(views.RECURRENCE), "dimension IN ('lane', 'country')")
    same(found, reports.v_recurrence())


def test_recurrence_by_carrier(worked_store: Engine, reports: Reports) -> None:
    """That of the parcel that an exception is about, else of the order's first; else the carrier whose word it rests on."""
    merged: Counter[str] = Counter()
    for carrier, many in shown(worked_store, views.RECURRENCE, ["value", "exceptions"], "dimension = 'carrier'"):
        merged[carrier] += many
    expected = Counter(carrier for life in reports.counted if (carrier := carrier_of(life)) and life.last["status"] != "retracted")
    assert expected
    assert merged == expected


def carrier_of(life: Life) -> str | None:
    """The carrier that an exception is about, as its last event shows it."""
    shipments = [one for one in life.last["context"].get("shipments", ()) if one["carrier"]]
    scope = (life.last["scope"] or "").removeprefix("shipment:")
    own = [one["carrier"] for one in shipments if scope in (one["shipment"], *one["tracking_numbers"])]
    sources = [piece["source"] for piece in life.last["evidence"] if piece["source"].startswith("/carrier/")]
    return next(iter([*own, *(one["carrier"] for one in shipments), *(source.split("/")[2] for source in sources)]), None)


def site_of(life: Life) -> str | None:
    """The site that an exception concerns, as its last event shows it: its order's, else its parcels', else that whose word it rests on."""
    context = life.last["context"]
    parcels = [one["site"] for one in context.get("shipments", ()) if one.get("site")]
    sources = [piece["source"].split("/")[2] for piece in life.last["evidence"] if piece["source"].startswith("/warehouse/")]
    return next(iter([*filter(None, [context["site"]]), *parcels, *sources]), None)


def test_recurrence_by_site_and_sku(worked_store: Engine, reports: Reports) -> None:
    """The site that an exception concerns, and each of its SKUs, as far as any of its events named them."""
    lives = [life for life in reports.counted if life.last["status"] != "retracted"]
    expected = {
        "site": Counter(site for life in lives if (site := site_of(life))),
        "sku": Counter(sku for life in lives for sku in {sku for data in life.events for sku in data["context"]["skus"]}),
    }
    for dimension, counted in expected.items():
        found: Counter[str] = Counter()
        for value, many in shown(worked_store, views.RECURRENCE, ["value", "exceptions"], f"dimension = '{dimension}'"):
            found[value] += many
        assert found == counted
    assert expected["sku"].total() > len(lives) / 3 > 0
    assert len(expected["site"]) > 1


def test_messages(worked_store: Engine, reports: Reports) -> None:
    """Ours by their actions; those of others that exceptions show."""
    names = ["message_id", "state", "topic", "channel", "promised_by", "asked_at"]
    ours = shown(worked_store, views.MESSAGES, names, "action_id IS NOT NULL")
    same(ours, reports.v_messages())
    others = shown(worked_store, views.MESSAGES, ["by", "sent_at"], "action_id IS NULL")
    found = {(by, sent.isoformat().replace("+00:00", "Z")) for by, sent in others}
    assert found == reports.others_messages()
    assert found


def test_approvals(worked_store: Engine, reports: Reports) -> None:
    """Who may agree, how many must, and whether it is overdue."""
    names = "action_id action approvers approvals_needed approved_by initiated_by waiting_seconds overdue payload_hash severity"
    found = shown(worked_store, views.APPROVALS, names.split())
    same([(*row[:2], tuple(row[2]), row[3], tuple(row[4]), *row[5:]) for row in found], reports.v_approvals())


@pytest.mark.parametrize("view", views.VIEWS, ids=lambda view: view.name)
def test_the_view_in_the_database_is_the_same_by_its_clock(worked_store: Engine, view: views.View) -> None:
    """All its columns, in their order; what does not depend on the instant of looking is equal row by row."""
    still = [name for name in view.columns if "seconds" not in name and "breach" not in name and "7_days" not in name]
    still = [name for name in still if name not in ("bucket", "bucket_rank", "overdue", "open", "running") and "share" not in name]
    with worked_store.connect() as connection:
        kept = connection.execute(text(f"SELECT * FROM {view.name}"))
        assert list(kept.keys()) == list(view.columns)
        many = len(kept.all())
        rows = view.at(Clock()).subquery()
        assert many == len(connection.execute(select(*(rows.c[name] for name in still))).all())
        assert many


def test_the_clock_of_the_database_is_the_time(worked_store: Engine) -> None:
    """An age that a view counts by it lies between two readings of ours."""
    before = datetime.now(UTC)
    with worked_store.connect() as connection:
        clock = connection.scalar(select(Clock()))
        assert clock is not None
        assert before - timedelta(seconds=1) <= clock <= datetime.now(UTC) + timedelta(seconds=1)
