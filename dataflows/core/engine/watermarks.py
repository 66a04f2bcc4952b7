"""Watermarks of feeds, many at a time.

A watermark stands in the log of every shard, and a log whose records lie seconds apart has one after nearly every record. Most say nothing
to most shards: only a deadline that waits for the feed asks when it was passed. So the watermarks of a batch are put into one object that
all shards of a process share; a shard looks up in it what it has to know, by bisection, and takes the rest in at once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from schemas.instants import NEVER
from schemas.record import FeedWatermark, Position

NOWHERE: Position = (NEVER, "", 0, 0, 0)
"""Before every position."""
_POSITION = attrgetter("log", "topic", "partition", "offset", "sub")
_LOG = attrgetter("log")


class Track(NamedTuple):
    """The watermarks of one feed that rose above all before them in their run, in log order: `ats` rises strictly."""

    logs: list[int]
    ats: list[int]
    marks: list[FeedWatermark]
    every: list[FeedWatermark]
    """All of the feed, in log order."""
    known: dict[int, list[int]]
    """What `late` has found."""

    def late(self, allowed: int) -> list[int]:
        """The log times of those that were told more than `allowed` after they had happened; found once for all shards."""
        found = self.known.get(allowed)
        if found is None:
            found = self.known[allowed] = [mark.log for mark in self.every if mark.log - mark.at > allowed]
        return found

    def before(self, log: int, place: Position | None, start: int) -> int:
        """How many of them stand before a position; `place` None: behind all records of `log`."""
        if place is None:
            return bisect_right(self.logs, log, start)
        cut = bisect_left(self.logs, log, start)
        while cut < len(self.logs) and self.logs[cut] == log and self.marks[cut].position < place:
            cut += 1
        return cut


class WatermarkRun:
    """Some watermarks in log order, immutable; `tracks` holds those of each feed that say anything new within the run."""

    __slots__ = ("last", "marks", "tracks")

    def __init__(self, marks: Sequence[FeedWatermark]) -> None:
        self.marks = marks
        self.last = marks[-1].log
        """The log time of the last of them."""
        self.tracks: dict[str, Track] = {}
        tracks = self.tracks
        for mark in marks:
            track = tracks.get(mark.feed)
            if track is None:
                tracks[mark.feed] = Track([mark.log], [mark.at], [mark], [mark], {})
                continue
            track.every.append(mark)
            if mark.at > track.ats[-1]:
                track.logs.append(mark.log)
                track.ats.append(mark.at)
                track.marks.append(mark)

    @classmethod
    def of(cls, marks: Iterable[FeedWatermark]) -> WatermarkRun:
        """The run of watermarks in any order."""
        return cls(sorted(marks, key=_POSITION))

    def since(self, log: int) -> Sequence[FeedWatermark]:
        """The watermarks whose log time is not before `log`."""
        return self.marks[bisect_left(self.marks, log, key=_LOG) :]


class Pending:
    """What a shard has been given of one feed and has not yet taken in: a track, and how many of it are behind the shard."""

    __slots__ = ("heard", "start", "track", "until")

    def __init__(self, track: Track) -> None:
        self.track = track
        self.start = self.heard = 0
        self.until = NEVER

    @property
    def left(self) -> bool:
        """Whether there is any left to be taken in."""
        return self.start < len(self.track.logs) or self.until < self.track.every[-1].log

    def take(self, log: int, place: Position | None) -> tuple[list[int], list[int]]:
        """Takes those before a position (see `Track.before`): their log times and watermarks."""
        track, start = self.track, self.start
        self.start = cut = track.before(log, place, start)
        return track.logs[start:cut], track.ats[start:cut]

    def late(self, log: int, allowed: int) -> list[int]:
        """Takes those up to a log time: the log times of those that were told more than `allowed` after they had happened."""
        late, start = self.track.late(allowed), self.heard
        self.until, self.heard = log, bisect_right(late, log, start)
        return late[start : self.heard]

    def placed(self, log: int, place: Position | None) -> list[tuple[Position, int]]:
        """The same, each with its position."""
        track, start = self.track, self.start
        self.start = cut = track.before(log, place, start)
        return [(mark.position, mark.at) for mark in track.marks[start:cut]]

    def passes(self, at: int) -> int | None:
        """The log time of the first of them that is later than `at`."""
        found = bisect_right(self.track.ats, at, self.start)
        return self.track.logs[found] if found < len(self.track.logs) else None
