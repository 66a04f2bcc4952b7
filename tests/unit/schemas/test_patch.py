"""Order updates as JSON Merge Patch."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from schemas.patch import Patch, merge_patch
from tests.support.events import event

if TYPE_CHECKING:
    from schemas.events import OrderPlaced


def after(patch: dict[str, object]) -> OrderPlaced:
    """The fields of the shipped order after an update."""
    update = event("order.updated", patch)
    return merge_patch(cast("OrderPlaced", event("order.placed").data), cast("Patch", update.data))


def test_null_removes_objects_merge_and_arrays_are_replaced_whole() -> None:
    """The three rules of RFC 7396 on one order."""
    fields = after({"ship_by": None, "ship_to": {"country": "BE", "region": None}, "lines": [{"sku": "LAMP-02"}]})
    assert fields.ship_by is None
    assert fields.promised_by == "2026-04-24"
    assert fields.ship_to is not None
    assert (fields.ship_to.country, fields.ship_to.region, fields.ship_to.timezone) == ("BE", None, "Europe/Amsterdam")
    assert fields.lines is not None
    assert [(line.sku, line.quantity) for line in fields.lines] == [("LAMP-02", None)]


def test_a_total_is_whole_or_none() -> None:
    """Half of an amount can be changed; an amount without currency is no amount."""
    changed = after({"total": {"amount": "99.00"}}).total
    assert changed is not None
    assert (changed.amount, changed.currency) == ("99.00", "EUR")
    assert after({"total": {"currency": None}}).total is None
    assert after({"total": None}).total is None


def test_an_object_that_was_removed_starts_again_from_nothing() -> None:
    """A patch into an absent object makes it."""
    fields = merge_patch(after({"ship_to": None}), {"ship_to": {"country": "FR"}})
    assert fields.ship_to is not None
    assert (fields.ship_to.country, fields.ship_to.timezone) == ("FR", None)


def test_the_order_that_was_patched_stays_as_it_was() -> None:
    """Timelines hold several versions of an order side by side."""
    before = cast("OrderPlaced", event("order.placed").data)
    merge_patch(before, {"channel": "phone"})
    assert before == event("order.placed").data
    assert merge_patch(before, {}) == before
