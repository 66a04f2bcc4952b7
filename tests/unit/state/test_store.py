"""A shard's store: what it refuses, what it deletes and when, and that what was once written stays readable."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import pytest

from dataflows.runtime.state import segments
from dataflows.runtime.state.errors import StateError
from dataflows.runtime.state.reader import look, newest
from dataflows.runtime.state.store import Compaction, ShardStore
from tests.support.homes import BareHome

if TYPE_CHECKING:
    from pathlib import Path

SHARD = "s07"
OLD_SEGMENT = bytes.fromhex(
    "0408402a08000000029401a3733037009058265556210000000182c4096f61636d651f412d31c4036f6e65c4096f61636d651f412d32c4037477"
    "6f63ece9701a000000029401a3733037019192af3030303030332d303030302e6c6f673b2246e2ef180000000182c4096f61636d651f412d31c0"
    "c406007368656c6cc401702024f1ae1a000000029401a3733037029192af3030303030332d303030302e6c6f677f"
)
OLD_TOKEN = bytes.fromhex("9401a3733037029192af3030303030332d303030302e6c6f677f")
"""As version 1 wrote them. Never make them anew: a test that fails on them says that nobody's state could be resumed."""


def committed(store: ShardStore, rows: dict[bytes, bytes]) -> bytes:
    """The token of an epoch that sets `rows`, which are all there is."""
    for key, value in rows.items():
        store.put(key, value)
    return store.commit(rows.items).wait()


def files(home: BareHome) -> list[str]:
    """The segments of the shard."""
    return sorted(path.name for path in (home.shards / SHARD).iterdir())


@pytest.fixture
def home(tmp_path: Path) -> BareHome:
    """A place for shards, first opening."""
    return BareHome(tmp_path)


def test_what_version_1_wrote_is_still_read(home: BareHome) -> None:
    """A segment and a token that the first version of the format wrote are resumed."""
    (home.shards / SHARD).mkdir()
    (home.shards / SHARD / "000003-0000.log").write_bytes(OLD_SEGMENT)
    home.incarnation = 4
    store = ShardStore.open(home, SHARD, OLD_TOKEN)
    assert dict(store.rows()) == {b"oacme\x1fA-2": b"two", b"\x00shell": b"p"}
    store.close()


def test_the_token_of_a_later_version_is_refused(home: BareHome) -> None:
    """A program that is older than the state says so instead of guessing."""
    token = msgspec.msgpack.encode([2, SHARD, 1, [], "more"])
    with pytest.raises(StateError, match=r"token of version 2; this program reads up to version 1"):
        ShardStore.open(home, SHARD, token)


@pytest.mark.parametrize("token", [b"", b"orderwatch/1", msgspec.msgpack.encode([1, SHARD]), msgspec.msgpack.encode([1, SHARD, 1, 5])])
def test_what_is_no_token_is_refused(home: BareHome, token: bytes) -> None:
    """Bytes that no store has written give one clear line."""
    with pytest.raises(StateError, match=r"no token of a store"):
        ShardStore.open(home, SHARD, token)


def test_the_token_of_another_shard_is_refused(home: BareHome) -> None:
    """A shard never opens the rows of another one."""
    store = ShardStore.open(home, "s01", None)
    token = committed(store, {b"a": b"1"})
    store.close()
    with pytest.raises(StateError, match=r"token of shard s01 for shard s07"):
        ShardStore.open(home, SHARD, token)


def test_a_token_pickles_to_plain_bytes(home: BareHome) -> None:
    """What Bytewax stores names no class of ours: after a rename it can still be read."""
    store = ShardStore.open(home, SHARD, None)
    store.put(b"a", b"1")
    token = store.commit(dict)
    assert b"dataflows" not in pickle.dumps(token)
    assert pickle.loads(pickle.dumps(token)) == token.wait()
    store.close()


def test_pickling_a_token_waits_for_the_disk_and_tells_of_its_failure(home: BareHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch whose bytes the disk has refused is never committed."""
    home.fsync = True

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    store = ShardStore.open(home, SHARD, None)
    store.put(b"a", b"1")
    monkeypatch.setattr(os, "fsync", fail)
    token = store.commit(dict)
    with pytest.raises(StateError, match=r"000001-0000.log: input/output error"):
        pickle.dumps(token)
    with pytest.raises(StateError, match=r"input/output error"):
        store.close()


def test_a_damaged_byte_within_the_recorded_length_names_its_file(home: BareHome) -> None:
    """Whatever single byte is changed, the store is not resumed, and the message says where the damage is."""
    store = ShardStore.open(home, SHARD, None)
    token = committed(store, {b"a": b"1", b"b": b"2" * 20})
    store.close()
    path = home.shards / SHARD / "000001-0000.log"
    whole = path.read_bytes()
    home.incarnation = 2
    for place in range(dict(segments.Commit.decode(token).segments)[path.name]):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with pytest.raises(StateError, match=r"000001-0000.log is damaged at byte \d+"):
            ShardStore.open(home, SHARD, token)


def test_a_segment_shorter_than_recorded_is_fatal(home: BareHome) -> None:
    """A lost end is not taken for an earlier state."""
    store = ShardStore.open(home, SHARD, None)
    token = committed(store, {b"a": b"1"})
    store.close()
    path = home.shards / SHARD / "000001-0000.log"
    os.truncate(path, 30)
    with pytest.raises(StateError, match=r"000001-0000.log holds 30 bytes, \d+ were recorded"):
        ShardStore.open(home, SHARD, token)


def test_a_missing_segment_is_fatal(home: BareHome) -> None:
    """State that is gone is not taken for empty state."""
    store = ShardStore.open(home, SHARD, None)
    token = committed(store, {b"a": b"1"})
    store.close()
    (home.shards / SHARD / "000001-0000.log").unlink()
    with pytest.raises(StateError, match=r"000001-0000.log is missing"):
        ShardStore.open(home, SHARD, token)


def test_state_without_its_token_is_fatal(home: BareHome) -> None:
    """After a second commit the first is durable: where the recovery store knows of none, it is the wrong one."""
    store = ShardStore.open(home, SHARD, None)
    committed(store, {b"a": b"1"})
    home.incarnation = 2
    ShardStore.open(home, SHARD, None).close()
    committed(store, {b"a": b"2"})
    store.close()
    home.incarnation = 3
    with pytest.raises(StateError, match=r"holds state that the recovery store knows nothing of"):
        ShardStore.open(home, SHARD, None)


def test_an_epoch_without_changes_writes_nothing(home: BareHome) -> None:
    """An idle shard costs no frame and no wait for the disk; its token stays."""
    store = ShardStore.open(home, SHARD, None)
    token = committed(store, {b"a": b"1"})
    size = store.size
    assert store.commit(dict).wait() == token
    assert store.size == size
    store.close()


def test_a_log_written_afresh_drops_the_old_one_an_epoch_later(home: BareHome) -> None:
    """Until the epoch that wrote afresh is durable, a resume may still go to the one before it."""
    home.compaction = Compaction(least_bytes=1_000)
    store = ShardStore.open(home, SHARD, None)
    before = committed(store, {b"a": b"1" * 900})
    assert files(home) == ["000001-0000.log"]
    afresh = committed(store, {b"a": b"2" * 900})
    assert files(home) == ["000001-0000.log", "000001-0001.log"]
    home.incarnation = 2
    assert dict(ShardStore.open(home, SHARD, before).rows()) == {b"a": b"1" * 900}
    (home.shards / SHARD / "000002-0000.log").unlink()
    store.commit(dict)
    assert files(home) == ["000001-0001.log"]
    assert dict(ShardStore.open(home, SHARD, afresh).rows()) == {b"a": b"2" * 900}
    store.close()


def test_a_zombie_that_would_delete_finds_out_that_it_is_one(home: BareHome) -> None:
    """Segments that a later incarnation may have resumed from are not deleted by an earlier one."""
    home.compaction = Compaction(least_bytes=1_000)
    zombie = ShardStore.open(home, SHARD, None)
    committed(zombie, {b"a": b"1" * 900})
    token = committed(zombie, {b"a": b"2" * 900})
    later = BareHome(home.shards, 2)
    store = ShardStore.open(later, SHARD, token)
    with pytest.raises(StateError, match=r"incarnation 2 has taken over from 1"):
        zombie.commit(dict)
    assert files(home) == ["000001-0000.log", "000001-0001.log", "000002-0000.log"]
    store.close()


def test_many_restarts_are_written_into_one_segment(home: BareHome) -> None:
    """Each process adds a segment; beyond eight they are gathered, and the rows stay."""
    token = None
    for incarnation in range(1, 30):
        home.incarnation = incarnation
        store = ShardStore.open(home, SHARD, token)
        rows = dict(store.rows()) | {b"%d" % incarnation: b"x"}
        store.put(b"%d" % incarnation, b"x")
        token = store.commit(rows.items).wait()
        store.close()
        assert len(segments.Commit.decode(token).segments) <= 9
    assert len(files(home)) <= 9
    assert dict(ShardStore.open(home, SHARD, token).rows()) == {b"%d" % n: b"x" for n in range(1, 30)}


def test_logs_that_fill_evenly_are_not_all_written_afresh_at_once() -> None:
    """Sixty-four shards that are due in the same epoch take turns, in proportion to what is written anyway."""
    compaction = Compaction(burst_bytes=10 << 20)
    assert [compaction.take(20 << 20, 8 << 20, 1) for _ in range(64)].count(True) == 1
    for _ in range(16):
        compaction.earn(1 << 20)
    assert [compaction.take(20 << 20, 8 << 20, 1) for _ in range(64)].count(True) == 1


def test_rows_are_handed_over_once(home: BareHome) -> None:
    """The store keeps no second copy of what the shard holds in memory."""
    store = ShardStore.open(home, SHARD, None)
    token = committed(store, {b"a": b"1"})
    home.incarnation = 2
    again = ShardStore.open(home, SHARD, token)
    assert (dict(again.rows()), dict(again.rows())) == ({b"a": b"1"}, {})
    store.close()
    again.close()


def test_a_reader_follows_a_store_that_is_written_afresh_meanwhile(home: BareHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment that went away between finding and reading it is no error: the reader looks again."""
    home.compaction = Compaction(least_bytes=100)
    store = ShardStore.open(home, SHARD, None)
    committed(store, {b"a": b"1" * 90})
    stale = newest(home.shards / SHARD)
    committed(store, {b"a": b"2" * 90})
    committed(store, {b"a": b"3" * 90})
    answers = iter([stale])

    def outdated_at_first(directory: Path) -> segments.Commit | None:
        return next(answers, None) or newest(directory)

    monkeypatch.setattr("dataflows.runtime.state.reader.newest", outdated_at_first)
    seen = look(home.shards / SHARD)
    assert seen is not None
    assert seen[1] == {b"a": b"3" * 90}
    store.close()


def test_a_reader_sees_whole_epochs_only(home: BareHome) -> None:
    """While a store commits and is written afresh as fast as it can, whoever looks in sees all rows of one epoch, never of two."""
    home.compaction = Compaction(least_bytes=1)
    store = ShardStore.open(home, SHARD, None)
    keys = [b"%d" % n for n in range(50)]

    def write() -> None:
        for epoch in range(400):
            committed(store, dict.fromkeys(keys, b"%d" % epoch))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        seen: list[int] = []
        while not writing.done():
            found = look(home.shards / SHARD)
            assert found is not None
            assert len(set(found[1].values())) <= 1
            seen.append(found[0].number)
        writing.result()
    assert seen == sorted(seen)
    store.close()


def test_a_reader_of_damaged_segments_gets_an_error(home: BareHome) -> None:
    """Looking again does not help where the disk is at fault."""
    store = ShardStore.open(home, SHARD, None)
    committed(store, {b"a": b"1" * 90})
    store.close()
    path = home.shards / SHARD / "000001-0000.log"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"1" * 90, b"2" * 90))
    with pytest.raises(StateError, match=r"is damaged"):
        look(home.shards / SHARD)


def test_a_reader_of_a_shard_that_was_never_opened_is_told_so(tmp_path: Path) -> None:
    """A shard without a directory is named."""
    with pytest.raises(StateError, match=r"s07: no such file or directory"):
        look(tmp_path / SHARD)


def test_a_tail_of_zeros_is_no_commit(home: BareHome) -> None:
    """A file system may leave zeros behind the last write; they are not taken for a frame."""
    store = ShardStore.open(home, SHARD, None)
    committed(store, {b"a": b"1"})
    store.close()
    with (home.shards / SHARD / "000001-0000.log").open("ab") as file:
        file.write(b"\0" * 64)
    seen = look(home.shards / SHARD)
    assert seen is not None
    assert (seen[0].number, seen[1]) == (1, {b"a": b"1"})
