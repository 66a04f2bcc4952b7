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
POSITION = attrgetter("log", "topic", "partition", "offset", "sub")
_LOG = attrgetter("log")


class Track(NamedTuple):
    """The watermarks of one feed that rose above all before them in their run, in log order: `ats` rises strictly."""

    logs: list[int]
    ats: list[int]
    marks: list[FeedWatermark]
    late: list[FeedWatermark]
    """Those of the feed that were late, whether they rose or not, in log order."""

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
                tracks[mark.feed] = Track([mark.log], [mark.at], [mark], [mark] if mark.late else [])
                continue
            if mark.at > track.ats[-1]:
                track.logs.append(mark.log)
                track.ats.append(mark.at)
                track.marks.append(mark)
            if mark.late:
                track.late.append(mark)

    @classmethod
    def of(cls, marks: Iterable[FeedWatermark]) -> WatermarkRun:
        """The run of watermarks in any order."""
        return cls(sorted(marks, key=POSITION))

    def since(self, log: int) -> Sequence[FeedWatermark]:
        """The watermarks whose log time is not before `log`."""
        return self.marks[bisect_left(self.marks, log, key=_LOG) :]


class Pending:
    """What a shard has been given of one feed and has not yet taken in: a track, and how many of it are behind the shard."""

    __slots__ = ("passed", "start", "track")

    def __init__(self, track: Track) -> None:
        self.track = track
        self.start = self.passed = 0

    @property
    def left(self) -> bool:
        """Whether there is any left to be taken in."""
        return self.start < len(self.track.logs) or self.passed < len(self.track.late)

    def take(self, log: int, place: Position | None) -> slice:
        """Takes those before a position (see `Track.before`): where they stand in the track."""
        start = self.start
        self.start = self.track.before(log, place, start)
        return slice(start, self.start)

    def late(self, log: int, place: Position | None) -> list[FeedWatermark]:
        """Takes the late ones before a position."""
        late, start = self.track.late, self.passed
        if not late:
            return late
        self.passed = bisect_right(late, log, start, key=_LOG) if place is None else bisect_left(late, place, start, key=POSITION)
        return late[start : self.passed]

    def passes(self, at: int) -> int | None:
        """The log time of the first of them that is later than `at`."""
        found = bisect_right(self.track.ats, at, self.start)
        return self.track.logs[found] if found < len(self.track.logs) else None
