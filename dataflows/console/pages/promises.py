"""The promise of an order and its moves, from what was said of its exceptions: nothing else in the store tells of moves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import cast

from dataflows.console.pictures.order_story import PromiseMark
from dataflows.console.text import Language, mark
from dataflows.core.clocks import deadline
from dataflows.core.policy import Policy
from schemas.instants import EPOCH, MICROSECOND
from schemas.places import country_zone
from sinks.cases.queries.past import OrderPast


def promises(past: OrderPast, policy: Policy | None, spoken: Language) -> list[PromiseMark]:
    """The promises, the first made first; each until the end of what was stated, in the zone where the order goes."""
    zone = promise_zone(past, policy)
    stated = [text for text, _ in groupby(_stated(past))]
    found: list[PromiseMark] = []
    for place, text in enumerate(stated):
        try:
            until = EPOCH + deadline(text, zone) * MICROSECOND
        except ValueError:
            continue  # the event model takes any text; one that is no date is shown in words only
        last = place == len(stated) - 1
        words = spoken.text(mark("promised by %(date)s")) if last else spoken.text(mark("was promised by %(date)s"))
        found.append(PromiseMark(f"{place:03}", until, words % {"date": text if "T" not in text else text[:16].replace("T", " ")}, last))
    return found


def promise_zone(past: OrderPast, policy: Policy | None) -> str:
    """The zone in which a promised day ends."""
    country = cast("str | None", past.order.get("country"))
    if policy is not None:
        return policy.ship_to_zone(country)
    return country_zone(country) or "UTC"


def _stated(past: OrderPast) -> Iterator[str]:
    """The promises as they were stated, in the order in which they were known."""
    if past.order.get("promise_first"):
        yield str(past.order["promise_first"])
    for event in sorted(past.events, key=lambda one: (str(one["detected_at"]), cast("int", one["sequence"]))):
        if event["promise"]:
            yield str(event["promise"])
    if past.order.get("promise"):
        yield str(past.order["promise"])
