"""Which exceptions of two policies are about the same thing, and what is different of each."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.detect.backtest.pairs import Pair, pairs
from dataflows.detect.backtest.report import Report, Side, report
from dataflows.detect.backtest.seen import About, Seen, SeenException
from schemas.instants import DAY, HOUR

ABOUT = About("default", "o1", "shipment.scan_gap", "shipment:S1")
SIDES = (Side("old", "1"), Side("new", "2"))


def exception(
    id_: str,
    said: int,
    ended: int | None = None,
    *,
    subject: About = ABOUT,
    status: str = "open",
    gravest: int = 1,
    owner: str = "CARR",
    promised: int | None = None,
    total: tuple[str, str] | None = None,
    mode: str = "on",
) -> SeenException:
    """An exception that was said at an hour and was over at another one."""
    over = None if ended is None else ended * HOUR
    at = said * HOUR
    return SeenException(
        id_, subject, at, at, promised, over=False, ended=over, status=status, gravest=gravest, owner=owner, total=total, mode=mode
    )


def seen(*exceptions: SeenException) -> Seen:
    """A policy that says these."""
    return Seen({one.id: one for one in exceptions})


def id_of(one: SeenException | None) -> str | None:
    """Which it is, if there is one."""
    return None if one is None else one.id


def brief(found: list[Pair]) -> list[tuple[str | None, str | None, tuple[str, ...]]]:
    """Pairs, short."""
    return [(id_of(pair.old), id_of(pair.new), pair.changes) for pair in found]


def test_the_same_thing_at_another_time() -> None:
    """A looser limit says the same gap later, under the same ID."""
    assert brief([*pairs(seen(exception("a", 10, 20)), seen(exception("a", 15, 20)))]) == [("a", "a", ("later",))]


def test_an_id_that_means_another_occurrence() -> None:
    """The old limit finds the second gap only, and calls it the first; the new one finds both."""
    old = seen(exception("first", 50, 60))
    new = seen(exception("first", 10, 20), exception("second", 45, 60))
    assert brief([*pairs(old, new)]) == [(None, "first", ("raised",)), ("first", "second", ("earlier",))]


def test_what_one_of_them_says_alone() -> None:
    """Said no more, or said only now; another order is another subject."""
    other = ABOUT._replace(order="o2")
    found = [*pairs(seen(exception("a", 1)), seen(exception("b", 1, subject=other)))]
    assert brief(found) == [("a", None, ("gone",)), (None, "b", ("raised",))]


def test_everything_else_that_may_be_different() -> None:
    """Severity, owner, and how it stands at the end."""
    old = seen(exception("a", 1), exception("b", 1, subject=ABOUT._replace(order="o2"), gravest=3))
    new = seen(
        exception("a", 1, 5, gravest=2, owner="DESK", status="resolved"),
        exception("b", 1, subject=ABOUT._replace(order="o2"), gravest=0),
    )
    assert brief([*pairs(old, new)]) == [("a", "a", ("graver", "owner", "ended")), ("b", "b", ("milder",))]


def test_shadow_is_counted_apart() -> None:
    """What is in shadow asks nobody for anything: switched on it is said only now."""
    found = compared(seen(exception("a", 1, mode="shadow")), seen(exception("a", 1)))
    assert (found.found.old, found.found.new, found.shadow.old, found.shadow.new) == (0, 1, 1, 0)
    assert found.kinds[0].changes["raised"] == 1


def compared(old: Seen, new: Seen) -> Report:
    """The report of two policies."""
    return report(old, new, SIDES, events=1, orders=1, until=None)


def test_lead_time_is_counted_to_the_end_of_the_promise() -> None:
    """Of each order its first exception counts; what is said after the promise has ended warns of nothing."""
    promised = 48 * HOUR
    late = ABOUT._replace(order="o2")
    old = seen(exception("a", 50, promised=promised), exception("b", 60, promised=promised, subject=late))
    new = seen(exception("a", 24, promised=promised), exception("b", 60, promised=promised, subject=late))
    warned = compared(old, new).warned
    assert (warned.orders.old, warned.orders.new, warned.before.old, warned.before.new) == (2, 2, 0, 1)
    assert (warned.lead.old, warned.lead.new) == (-12 * 3_600, -12 * 3_600), "the lower median"


def test_money_counts_each_order_once() -> None:
    """An order with two exceptions is worth what it is worth; what was taken back puts nothing at risk; currencies are never added."""
    other, yen = ABOUT._replace(kind="shipment.stuck"), ABOUT._replace(order="o2")
    euros = ("100.50", "EUR")
    old = seen(
        exception("a", 1, total=euros),
        exception("b", 1, total=euros, subject=other),
        exception("c", 1, total=("9", "JPY"), subject=yen, status="retracted"),
    )
    new = seen(exception("a", 1, total=euros), exception("c", 1, total=("9", "JPY"), subject=yen))
    found = compared(old, new)
    assert (found.orders_found.old, found.orders_found.new) == (1, 2)
    assert [(row.currency, row.old, row.new, row.only_old, row.only_new) for row in found.money] == [
        ("EUR", "100.50", "100.50", "0", "0"),
        ("JPY", "0", "9", "0", "9"),
    ]


def test_an_owner_s_busiest_day() -> None:
    """The most that is said on one day, of an owner that only one policy knows too."""
    many = [exception(f"a{n}", n, subject=ABOUT._replace(order=f"o{n}")) for n in range(30)]
    found = compared(seen(*many), seen(*(exception(one.id, one.said // HOUR, subject=one.subject, owner="DESK") for one in many)))
    rows = {row.owner: row for row in found.owners}
    assert (rows["CARR"].busiest.old, rows["CARR"].busiest.new, rows["DESK"].busiest.new) == (DAY // HOUR, 0, 24)


def test_examples_are_the_gravest_and_most_valuable() -> None:
    """Three of each difference at most, in an order that no hash changes."""
    some = [exception(f"a{n}", 1, subject=ABOUT._replace(order=f"o{n}"), gravest=n % 2, total=(str(n), "EUR")) for n in range(8)]
    assert [one.order_id for one in compared(seen(*some), seen()).examples] == ["o7", "o5", "o3"]


spans = st.lists(st.integers(0, 100), min_size=2, max_size=8, unique=True).map(sorted)


def drawn(cuts: list[int], name: str) -> list[SeenException]:
    """Exceptions of one subject, one after the other."""
    return [exception(f"{name}{a}", a, b) for a, b in list(pairwise(cuts))[::2]]


@given(old=spans, new=spans)
def test_every_exception_is_in_one_pair(old: list[int], new: list[int]) -> None:
    """None is lost and none counted twice; pairs keep the order of both sides; the way back says the opposite."""
    first, second = drawn(old, "a"), drawn(new, "b")
    found = [*pairs(seen(*first), seen(*second))]
    assert [pair.old for pair in found if pair.old is not None] == first
    assert [pair.new for pair in found if pair.new is not None] == second
    back = [*pairs(seen(*second), seen(*first))]
    assert {(id_of(pair.old), id_of(pair.new)) for pair in found} == {(id_of(pair.new), id_of(pair.old)) for pair in back}


@pytest.mark.parametrize("cuts", [[1, 5, 8, 9], [3, 4]])
def test_a_policy_beside_itself(cuts: list[int]) -> None:
    """Nothing is different."""
    assert all(pair.changes == () for pair in pairs(seen(*drawn(cuts, "a")), seen(*drawn(cuts, "a"))))


def test_what_was_over_before_the_window_counts_as_not_said() -> None:
    """What stands, and what was said of it within the window, stays."""
    before, within, stands = exception("a", 10, 20), exception("b", 10, 20), exception("c", 10)
    before.last, within.last, stands.last = 20 * HOUR, 40 * HOUR, 10 * HOUR
    some = Seen({one.id: one for one in (before, within, stands)}, since=30 * HOUR)
    some.settle()
    assert list(some.exceptions) == ["b", "c"]
    whole = seen(before)
    whole.settle()
    assert list(whole.exceptions) == ["a"]
