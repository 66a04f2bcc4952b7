"""Sources of payments that fall silent against their own pace: since when, until when, and what is not decided meanwhile (catalogue, 2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from tests.oracle.judging.reading import DAY, HOUR, NEVER, money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.oracle.judging.conditions import Condition
    from tests.oracle.judging.facts import Order
    from tests.oracle.judging.reading import Event

WEEKS = 28 * DAY
TWO_WEEKS = 14 * DAY
OFTEN = 20
PAYMENTS = "/payments/"
WAITING = frozenset(
    (
        *("payment.auth_missing", "payment.capture_overdue", "payment.partly_captured", "payment.cancelled_not_refunded"),
        *("order.pending_too_long", "conflict.shipped_unpaid", "return.received_not_refunded"),
    )
)
"""The kinds that wait for an authorization, a capture or a refund, and for the feeds of payments."""


@dataclass(frozen=True, slots=True)
class PaceTerms:
    """The policy's `pace`."""

    factor: int = 2
    floor: int = 16 * HOUR
    catch_up: int = 12 * HOUR
    longest: int = 7 * DAY


class Spell(NamedTuple):
    """A silence: the last word before it, since when it was known, and the next word."""

    since: int
    known: int
    ended: int


class Quiet:
    """All silences of a log, by tenant and source; of all sources together by an empty one."""

    def __init__(self, log: Iterable[Event], terms: PaceTerms | None) -> None:
        self._terms = terms or PaceTerms()
        self._spells: dict[tuple[str, str], list[Spell]] = {}
        owed: dict[str, dict[int, int]] = {}
        words: dict[str, dict[str, dict[int, int]]] = {}
        for event in log if terms else ():
            hour = event.log // HOUR
            if event.type == "order.placed" and owes(event):
                owed.setdefault(event.tenant, {}).setdefault(hour, event.log)
            elif event.type == "payment.captured":
                words.setdefault(event.tenant, {}).setdefault(event.source, {}).setdefault(hour, event.log)
        for tenant, sources in words.items():
            for source, hours in sources.items():
                self._spells[tenant, source] = self._of(sorted(hours.items()), sorted(owed.get(tenant, {}).items()))
            if all(len(hours) >= OFTEN for hours in sources.values()):  # One that hardly speaks is asked for no pace.
                self._spells[tenant, ""] = together([self._spells[tenant, source] for source in sources])

    def _of(self, words: Sequence[tuple[int, int]], owed: Sequence[tuple[int, int]]) -> list[Spell]:
        """The silences between the words of one source, each in an hour, given the hours in which something came to be owed."""
        found: list[Spell] = []
        pauses: list[tuple[int, int]] = []
        for number, (hour, at) in enumerate(words, start=1):
            next_word = words[number][1] if number < len(words) else NEVER
            between = [log for one, log in owed if one > hour and log < next_word]
            known = NEVER
            for count, log in enumerate(between, start=1):
                if number >= OFTEN and log - words[0][1] >= TWO_WEEKS and count > self._limit(pauses, log):
                    known = log
                    break
            pause = len(between)
            if known < NEVER:
                again = found and next_word - found[-1].ended < WEEKS
                found.append(Spell(at, known, next_word))
                pause = min(pause, self._limit(pauses, next_word)) if again else 0
            pauses.append((next_word, pause))
        return found

    def _limit(self, pauses: Iterable[tuple[int, int]], now: int) -> int:
        since = (now - WEEKS) // DAY
        return max(self._terms.floor // HOUR, self._terms.factor * max((n for at, n in pauses if at // DAY >= since), default=0))

    def seen(self, order: Order, one: Condition, until: int) -> Condition | None:
        """A condition as far as it is decided by a log time; None if it is not."""
        if one.kind not in WAITING or not one.waits:
            return one
        sources = {event.source for event in order.history if event.source.startswith(PAYMENTS)}
        if self._decided(order.tenant, sources, one.said_from) > until:
            return None
        steps = [step for step in one.steps if self._decided(order.tenant, sources, step[0]) <= until]
        return replace(one, steps=tuple(steps or one.steps[:1]))

    def _covering(self, tenant: str, source: str, at: int) -> Spell | None:
        spells = self._spells.get((tenant, source), ())
        return next((one for one in spells if one.known <= at < one.ended + self._terms.catch_up), None)

    def _decided(self, tenant: str, sources: Iterable[str], at: int) -> int:
        """When a deadline of an order of which these sources have spoken is decided."""
        spells = [self._covering(tenant, source, at) for source in sources]
        if not spells or None in spells:
            spells = [self._covering(tenant, "", at)]
        waits = [spell.ended + min(at - spell.since, self._terms.catch_up) for spell in spells if spell is not None]
        return max(at, min(max(waits, default=at), at + self._terms.longest))


def owes(event: Event) -> bool:
    """Whether an order owes a payment with its placing."""
    total = money(event.data, "total")
    return (event.text("payment_terms") or "prepaid") == "prepaid" and (total is None or total.amount > 0)


def together(spells: Sequence[Sequence[Spell]]) -> list[Spell]:
    """When all are silent at once."""
    first, *others = spells
    found = list(first)
    for other in others:
        both = [(a, b) for a in found for b in other]
        found = [Spell(max(a.since, b.since), max(a.known, b.known), min(a.ended, b.ended)) for a, b in both]
        found = [one for one in found if one.known < one.ended]
    return found
