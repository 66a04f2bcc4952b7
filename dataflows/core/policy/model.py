"""What a policy says, as light immutable values: the engine reads these once per order and rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dataflows.core.clocks.calendar import Intervals
from dataflows.core.clocks.spans import Span
from dataflows.core.policy.setting import Change
from schemas.instants import DAY, HOUR, MINUTE


class Dims(NamedTuple):
    """What an override may depend on; None where unknown. The order of the fields is their precedence: the first weighs most.

    `value` is the order's total (`129.90 EUR`); `sku`, `seller` and `tags` are those of its lines (and of the order), `hold` the open ones.
    """

    tenant: str | None = None
    site: str | None = None
    carrier: str | None = None
    service: str | None = None
    country: str | None = None
    channel: str | None = None
    tier: str | None = None
    region: str | None = None
    postal_code: str | None = None
    method: str | None = None
    terms: str | None = None
    value: str | None = None
    sku: frozenset[str] | None = None
    seller: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    hold: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """Changes for the orders that match: `when` holds the allowed values per dimension of `Dims` (None: any).

    `everything` applies to all rules, `rules` to single ones and after it.
    """

    when: tuple[frozenset[str] | None, ...]
    everything: Change
    rules: Mapping[str, Change]

    @property
    def weight(self) -> tuple[bool | int, ...]:
        """Sorts overrides by precedence, the weakest first: more dimensions beat fewer, then those that `Dims` names first."""
        named = [allowed is not None for allowed in self.when]
        return (sum(named), *named)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is and by which calendar it works; None where the policy does not say."""

    country: str | None = None
    zone: str | None = None
    calendar: str | None = None


QUIET = 15 * MINUTE
"""How long nothing late must have been told by a feed that has recovered (µs of log time); how much above its delay is late."""


@dataclass(frozen=True, slots=True)
class FeedPolicy:
    """What is expected of one monitored feed, in elapsed microseconds.

    `delay`: how much later than its mark a deadline that depends on it is decided; `silence`: how far log time may be ahead of its mark
    before it is stale; `cadence`: how often it usually speaks, for people only, like `owner`, the team that mends it.
    """

    delay: int
    silence: int
    cadence: int | None = None
    owner: str | None = None

    @property
    def late_after(self) -> int:
        """How long after it happened a record may be told before it is late: then the feed is telling what it has missed."""
        return self.delay + QUIET


@dataclass(frozen=True, slots=True)
class LadderStep:
    """One rung of a ladder: whom a case that is overdue goes to, `wait` after the rung before it.

    `team`: empty, the team that has the case; `role`: within it, such as `lead`. `hours`: the local times by weekday in which it goes out
    (None: at any), in `zone`, else the team's.
    """

    wait: Span
    team: str = ""
    role: str = ""
    hours: Mapping[int, Intervals] | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """How what is overdue escalates: its rungs, how often they are gone through again, and what happens while nobody is there.

    `off_duty`: `wait` until the rung's window opens and its team works, or `skip` to the next one; the last rung of all always waits.
    """

    steps: tuple[LadderStep, ...]
    repeat: int = 0
    off_duty: str = "wait"


MOST_EVENTS = 20_000
"""How many events an order may have, unless the policy says otherwise."""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long things are kept, in elapsed microseconds.

    `close_after`: silence after which an ended order is closed; `dedupe`: event IDs and tombstones; `expire_unknown`: an order that was
    never placed is forgotten. `most_events`: how many events an order may have; what has more is evaluated no more, so that an endless
    history costs its shard nothing. Its rules may have `WORK` times as much work with it (`engine.effort`).
    """

    close_after: int
    dedupe: int
    expire_unknown: int
    most_events: int = MOST_EVENTS


@dataclass(frozen=True, slots=True)
class BackfillPolicy:
    """When an order counts as history that is told, in elapsed microseconds.

    `after`: how much later than it happened, above its feed's delay, a record comes that is told afterwards; `settle`: how long (log time)
    none must have come before the order is judged; `max_age`: how long before that an exception must have begun to be history.
    """

    after: int = 15 * MINUTE
    settle: int = HOUR
    max_age: int = 14 * DAY


BACKFILL = BackfillPolicy()
"""Unless the policy says otherwise."""


@dataclass(frozen=True, slots=True)
class PacePolicy:
    """When a source that no feed names is silent against its own pace, and what waits for it then, in elapsed microseconds.

    `floor`: how many hours in which orders came to owe what it tells must have passed since its last word, and `factor`: how many times the
    most that it has left between two words; `catch_up`: for how long after it speaks again deadlines count as they did while it was silent;
    `longest`: how long a deadline waits for it at most.
    """

    factor: int = 2
    floor: int = 16 * HOUR
    catch_up: int = 12 * HOUR
    longest: int = 7 * DAY


PACE = PacePolicy()
"""Unless the policy says otherwise."""
