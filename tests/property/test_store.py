"""A store over random lives: whatever is put, committed, written afresh and killed, it resumes with what its token stands for."""

from __future__ import annotations

import pickle
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dataflows.runtime.state.errors import StateError
from dataflows.runtime.state.reader import look
from dataflows.runtime.state.segments import Commit
from dataflows.runtime.state.store import Compaction, ShardStore
from tests.property.histories import examples
from tests.support.homes import BareHome

if TYPE_CHECKING:
    from unittest import TestCase

SHARD = "s07"
KEYS = st.sampled_from([b"a", b"b", b"o\x1forder", b"\x00shell", b""])


def value_of(byte: int, size: int) -> bytes:
    """A value that is long without being slow to draw."""
    return bytes([byte]) * size


VALUES = st.one_of(st.none(), st.builds(value_of, st.integers(0, 255), st.sampled_from([0, 1, 40, 90_000, 300_000])))
Standing = tuple[bytes | None, dict[bytes, bytes]]
"""A token, and the rows that it stands for."""


class Lives(RuleBasedStateMachine):
    """A shard's store beside a dict, through any number of processes; `durable` and `latest` are the commits that a resume may go to."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.home = BareHome(Path(self.folder.name), 1, compaction=self.thrifty())
        self.store = ShardStore.open(self.home, SHARD, None)
        self.zombies: list[ShardStore] = []
        self.ending: set[int] = set()
        """Zombies (by their place) that may end one more epoch: those whose last one was durable before they were given up."""
        self.rows: dict[bytes, bytes] = {}
        self.durable: Standing = (None, {})
        self.latest: Standing = self.durable

    @staticmethod
    def thrifty() -> Compaction:
        """Writes afresh as often as can be."""
        return Compaction(least_bytes=100, most_segments=3, burst_bytes=1 << 20)

    @rule(key=KEYS, value=VALUES)
    def put(self, key: bytes, value: bytes | None) -> None:
        """A row is set or removed."""
        self.store.put(key, value)
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value

    @rule()
    def commit(self) -> None:
        """An epoch ends; so the one before it is durable and nothing earlier will be asked for again."""
        self.durable = self.latest
        token = self.store.commit(self.rows.items)
        self.latest = (pickle.loads(pickle.dumps(token)), dict(self.rows))

    @rule(durable=st.booleans(), kept=st.integers(0, 1 << 20), garbage=st.binary(max_size=40), zombie=st.booleans())
    def crash(self, durable: bool, kept: int, garbage: bytes, zombie: bool) -> None:
        """The process dies, with or without its last epoch being durable; the next one goes on from there."""
        token, rows = self.latest if durable else self.durable
        self.tear(token, kept, garbage)
        if zombie:
            if durable or self.latest is self.durable:
                self.ending.add(len(self.zombies))
            self.zombies.append(self.store)
        else:
            self.store.close()
        self.home = BareHome(self.home.shards, self.home.incarnation + 1, compaction=self.thrifty())
        self.store = ShardStore.open(self.home, SHARD, token)
        assert dict(self.store.rows()) == rows
        self.rows = dict(rows)
        self.durable = self.latest = (token, dict(rows))

    def tear(self, token: bytes | None, kept: int, garbage: bytes) -> None:
        """What the token does not name of the last segment may have reached the disk in part, or not as it was written."""
        recorded = dict(Commit.decode(token).segments) if token is not None else {}
        last = max((self.home.shards / SHARD).iterdir())
        with last.open("r+b") as file:
            file.truncate(max(recorded.get(last.name, 0), min(kept, last.stat().st_size)))
            file.seek(0, 2)
            file.write(garbage)

    @precondition(lambda self: self.zombies)
    @rule(key=KEYS, value=VALUES)
    def haunt(self, key: bytes, value: bytes | None) -> None:
        """A process that should be dead writes on, until it notices; a second epoch would have to wait for the first to be durable."""
        zombie = self.zombies[-1]
        with suppress(StateError):
            zombie.put(key, value)
            if len(self.zombies) - 1 in self.ending:
                self.ending.discard(len(self.zombies) - 1)
                pickle.dumps(zombie.commit(lambda: [(key, value or b"")]))

    @invariant()
    def what_is_seen_from_outside_is_the_last_commit(self) -> None:
        """Somebody who looks in without a lock sees the rows of the last commit, or those that were resumed from."""
        seen = look(self.home.shards / SHARD)
        assert seen is not None
        assert seen[1] == self.latest[1]

    def teardown(self) -> None:
        """All files are closed and removed."""
        for store in (*self.zombies, self.store):
            with suppress(OSError):  # one that could not be opened again was closed already
                store.close()
        self.folder.cleanup()


Lives.TestCase.settings = settings(examples(100), stateful_step_count=40)
TestStore: type[TestCase] = Lives.TestCase
