"""What compiled predicates are made of: functions of an order's facts and a part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias, cast

from dataflows.core.history.facts import Facts
from dataflows.core.predicates.types import Amount, Getter, Value

Ask: TypeAlias = Callable[[Facts, object], bool]


def all_of(asks: tuple[Ask, ...]) -> Ask:
    """Whether all hold."""
    if len(asks) == 2:
        first, second = asks
        return lambda facts, part: first(facts, part) and second(facts, part)

    def ask(facts: Facts, part: object) -> bool:
        for each in asks:  # noqa: SIM110 (a generator would cost as much as the tests)
            if not each(facts, part):
                return False
        return True

    return ask


def any_of(asks: tuple[Ask, ...]) -> Ask:
    """Whether one holds."""
    if len(asks) == 2:
        first, second = asks
        return lambda facts, part: first(facts, part) or second(facts, part)

    def ask(facts: Facts, part: object) -> bool:
        for each in asks:  # noqa: SIM110 (as above)
            if each(facts, part):
                return True
        return False

    return ask


def one_of(body: Ask, parts: Callable[[Facts], Iterable[object]]) -> Ask:
    """Whether one of the parts fits."""

    def ask(facts: Facts, _: object) -> bool:
        for each in parts(facts):  # noqa: SIM110 (as above)
            if body(facts, each):
                return True
        return False

    return ask


def each_of(body: Ask, parts: Callable[[Facts], Iterable[object]], *, empty: bool) -> Ask:
    """Whether all of the parts fit; `empty`: the answer where there are none."""

    def ask(facts: Facts, _: object) -> bool:
        found = empty
        for each in parts(facts):
            if not body(facts, each):
                return False
            found = True
        return found

    return ask


def money_test(left: Getter, right: Getter, compare: Callable[[object, object], bool]) -> Ask:
    """Compares amounts of one currency; of two nothing is known."""

    def ask(facts: Facts, part: object) -> bool:
        one, two = cast("Amount | None", left(facts, part)), cast("Amount | None", right(facts, part))
        return one is not None and two is not None and one.currency == two.currency and compare(one.amount, two.amount)

    return ask


def added(left: Getter, right: Getter, sign: int) -> Getter:
    """The sum or, with `sign` -1, the difference of two numbers of one kind; unknown if one of them is."""

    def get(facts: Facts, part: object) -> Value:
        one, two = cast("int | None", left(facts, part)), cast("int | None", right(facts, part))
        return None if one is None or two is None else one + sign * two

    return get
