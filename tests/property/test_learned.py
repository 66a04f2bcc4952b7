"""Random histories behind what feeds have shown: the engine waits for what the judge waits for, and nothing but the log decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.rules.load import load_policy
from tests.oracle.judge import judge
from tests.oracle.judging.reading import micros
from tests.oracle.judging.settings import Policy
from tests.property.histories import AFTER, History, examples, histories
from tests.property.ingredients import DAY, GRID, HOUR, MINUTE, iso
from tests.property.test_engine import standing_of
from tests.property.test_every_rule import differing
from tests.support.engine import Standing, records_of, run, standing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from hypothesis.strategies import DrawFn

LEARNING = load_policy(None)
TOLD: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("payment.authorized", "/payments/adyen", {}),
    ("payment.refunded", "/payments/adyen", {}),
    ("inventory.allocated", "/warehouse/w1", {}),
    ("inventory.allocated", "/warehouse/w1", {"site": "ams"}),
    ("warehouse.released", "/warehouse/w1", {"site": "AMS"}),
    ("warehouse.released", "/warehouse/w1", {"site": "lyon"}),
    ("warehouse.picked", "/warehouse/w1", {}),
    ("warehouse.packed", "/warehouse/w1", {"site": "ams"}),
    ("invoice.issued", "/storefront/acme", {}),
    ("return.inspected", "/warehouse/w1", {"return_id": "r"}),
    ("return.shipped", "/storefront/acme", {"return_id": "r"}),
    ("carrier.scan", "/carrier/ups", {"status": "accepted"}),
    ("carrier.scan", "/carrier/ups", {"status": "in_transit"}),
    ("carrier.scan", "/carrier/hub", {"status": "in_transit", "carrier": "DHL"}),
    ("carrier.scan", "/carrier/ups", {"status": "delivered"}),
)
"""What feeds may show: of carriers and sites that the histories name, or do not."""
BEFORE = (-DAY * 2, -DAY * 2, -DAY * 2, *GRID)


class Lesson(NamedTuple):
    """A history, and what others had shown before or while it happened."""

    history: History
    shown: tuple[tuple[int, int, timedelta], ...]
    """What (of `TOLD`), of how many orders, and how long after the base the last of them."""

    def lines(self) -> list[dict[str, object]]:
        """All events as a file, in log order."""
        told = [(str(line["recordedtime"]), 1, line) for line in self.history.lines()]
        for what, orders, last in self.shown:
            type_, source, data = TOLD[what]
            for number in range(orders):
                at = iso(self.history.base + last - MINUTE * (orders - 1 - number))
                event: dict[str, object] = {"specversion": "1.0", "id": f"p{what}-{number}", "source": source, "type": type_}
                told.append((at, 0, {**event, "time": at, "recordedtime": at, "subject": f"p{number}", "data": data}))
        return [line for _, _, line in sorted(told, key=lambda one: one[:2])]


@st.composite
def lessons(draw: DrawFn, *, chapters: int = 0, most: int = 14) -> Lesson:
    """A history with up to six lessons; each may be one order short."""
    what = draw(st.lists(st.sampled_from(range(len(TOLD))), max_size=6, unique=True))
    shown = tuple((one, draw(st.sampled_from((20, 20, 20, 21, 19))), draw(st.sampled_from(BEFORE))) for one in what)
    return Lesson(draw(histories(chapters=chapters, most=most)), shown)


def of_the_history(found: set[Standing]) -> set[Standing]:
    """What stands of the orders of the history itself."""
    return {one for one in found if one.order in ("o1", "o2", "o3")}


def agree(lesson: Lesson, after: timedelta) -> None:
    """The engine's standing verdicts are the judge's."""
    lines, until = lesson.lines(), micros(lesson.history.last + after)
    found = of_the_history(standing(run(records_of(lines), LEARNING, until)))
    assert found == of_the_history({standing_of(one) for one in judge(lines, Policy(), until)})


@examples(250)
@given(lessons(), st.sampled_from(AFTER))
def test_both_wait_for_what_was_learned(lesson: Lesson, after: timedelta) -> None:
    """At an instant at or after the last record, by whatever was known when something was waited for."""
    agree(lesson, after)


@examples(60)
@given(lessons())
def test_when_a_rule_is_judged_says_nothing(lesson: Lesson) -> None:
    """An engine that judges every rule at every event, and one that starts anew at every record, say the same."""
    assert differing(lesson.lines(), {}) == []


@examples(60)
@given(lessons(), st.lists(st.sampled_from(GRID)))
def test_the_cut_into_batches_changes_nothing(lesson: Lesson, cuts: Sequence[timedelta]) -> None:
    """What is learned comes ahead of what it is asked for, however far: every way of cutting the log says the same, byte for byte."""
    until = micros(lesson.history.last + DAY * 40)
    whole = run(records_of(lesson.lines()), LEARNING, until)
    pieces = run(records_of(lesson.lines()), LEARNING, until, [micros(lesson.history.base + cut + HOUR) for cut in cuts])
    assert sorted(one.body for one in whole) == sorted(one.body for one in pieces)
