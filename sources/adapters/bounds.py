"""When something happened that a source shows only as done: a snapshot's time is an upper bound, and not the time of the fact.

A contract event has one `time`. What is told must make no conflict that the payload does not show: where the snapshot shows nothing that
came after the fact, it is told at the upper bound, since the fact is then most likely the news that the snapshot was made for; where it
shows what came later (the order was paid, shipped, and tagged days after), nothing is known but that it was not before the lower bound, and
there it is told. `recordedtime` is the upper bound in either case: when the source said so. Where a payload states the fact's own time
(`processed_at` of a transaction, `cancelled_at`), that is told and nothing of this is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


def bounded(since: datetime, until: datetime, later: Iterable[datetime | None] = (), *, fresh: bool = True) -> datetime:
    """The instant to tell of a fact that was not before `since` and not after `until`; `later`: the times of what else the snapshot shows.

    `fresh`: the message was sent because something changed, as webhooks are; a resource that somebody asked for may be old news.
    """
    if not fresh or until <= since or any(one is not None and one < until for one in later):
        return min(since, until)
    return until


def latest(since: datetime, until: datetime | None, ends: Iterable[datetime | None] = ()) -> datetime:
    """As `bounded`, of a fact that accuses (an inquiry has become a chargeback): told as late as can be, but before what ended it.

    Where no upper bound is known, at the lower one.
    """
    known = [one for one in (until, *ends) if one is not None]
    return max(since, min(known)) if known else since
