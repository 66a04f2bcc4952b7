"""Which exceptions of two policies are about the same thing, and what is different of each.

An exception's ID counts its occurrences, so that a tighter limit may give the ID of a later occurrence to an earlier one. Of one subject
those belong together that stand open at some same instant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from dataflows.detect.backtest.seen import About, Seen, SeenException
from schemas.instants import FAR

ON: Final = "on"
GONE, ADDED, EARLIER, LATER, GRAVER, MILDER, OWNER, ENDED = "gone", "raised", "earlier", "later", "graver", "milder", "owner", "ended"
CHANGES: Final = (GONE, ADDED, EARLIER, LATER, GRAVER, MILDER, OWNER, ENDED)
"""What may be different of an exception: it is said by the old policy alone, or by the new one alone; or by both, but then at another
time, of another severity, to another owner, or it stands otherwise at the end."""


class Pair(NamedTuple):
    """An exception as both policies say it; None where one does not. `changes`: what is different, in the order of `CHANGES`."""

    old: SeenException | None
    new: SeenException | None
    changes: tuple[str, ...]

    @property
    def one(self) -> SeenException:
        """As the new policy says it; as the old one does where that alone says it."""
        one = self.new or self.old
        assert one is not None
        return one


def pairs(old: Seen, new: Seen, mode: str = ON) -> Iterator[Pair]:
    """All exceptions that are said in a mode by one of the policies or by both; those of one subject follow each other, sorted."""
    before, after = _by_subject(old, mode), _by_subject(new, mode)
    for subject in sorted(before.keys() | after.keys()):
        yield from _aligned(before.get(subject, []), after.get(subject, []))


def _by_subject(seen: Seen, mode: str) -> dict[About, list[SeenException]]:
    found: dict[About, list[SeenException]] = {}
    for exception in seen.exceptions.values():
        if exception.mode == mode:
            found.setdefault(exception.subject, []).append(exception)
    for several in found.values():
        several.sort(key=lambda exception: (_start(exception), exception.id))
    return found


def _start(exception: SeenException) -> int:
    return min(exception.said, exception.began)


def _end(exception: SeenException) -> int:
    return FAR if exception.ended is None else exception.ended


def _aligned(old: list[SeenException], new: list[SeenException]) -> Iterator[Pair]:
    """Two sorted lists side by side: what overlaps is one pair, what ends before the next of the other side begins stands alone."""
    i = j = 0
    while i < len(old) and j < len(new):
        mine, other = old[i], new[j]
        if _start(mine) <= _end(other) and _start(other) <= _end(mine):
            yield Pair(mine, other, _changes(mine, other))
            i, j = i + 1, j + 1
        elif _end(mine) < _start(other):
            yield Pair(mine, None, (GONE,))
            i += 1
        else:
            yield Pair(None, other, (ADDED,))
            j += 1
    yield from (Pair(mine, None, (GONE,)) for mine in old[i:])
    yield from (Pair(None, other, (ADDED,)) for other in new[j:])


def _changes(old: SeenException, new: SeenException) -> tuple[str, ...]:
    found = {
        EARLIER: new.said < old.said,
        LATER: new.said > old.said,
        GRAVER: new.gravest > old.gravest,
        MILDER: new.gravest < old.gravest,
        OWNER: new.owner != old.owner,
        ENDED: new.status != old.status,
    }
    return tuple(change for change, is_so in found.items() if is_so)
