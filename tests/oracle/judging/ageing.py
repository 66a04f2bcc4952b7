"""Open exceptions without news are closed (contract, part 2, Calm)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.oracle.judging.reading import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EXPIRY = 90 * DAY
FORGOTTEN = 30 * DAY
"""After how long without news an order that was never placed is forgotten, and its orphan closed with it."""


def expires(opened: int, news: Iterable[int], expiry: int | None, until: int, stood: Callable[[int], bool]) -> int | None:
    """When an exception that was opened then is closed for age, as of log time `until`; None if it is not.

    `news`: when something became known of its order, or it grew graver; `stood`: whether it stood open at a log time.
    """
    if expiry is None:
        return None
    last = opened
    ahead = sorted(news)
    while (at := last + expiry) <= until:
        if heard := [each for each in ahead if last < each <= at]:
            last = heard[-1]
        elif stood(at):
            return at
        elif later := [each for each in ahead if each > at]:
            last = later[0]
        else:
            return None
    return None
