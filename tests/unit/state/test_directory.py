"""The state directory: whose it is, what it is pinned to, and how a run goes on from the one before."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from dataflows.runtime.state import Pins, StateError, StateHome
from dataflows.runtime.state import watermarks as advice
from dataflows.runtime.state.directory import policy_file, read_state
from dataflows.runtime.state.errors import DamagedStateError
from schemas.identifiers import AS_SENT, DEFAULT

if TYPE_CHECKING:
    from pathlib import Path

HERE = Pins(
    shards={"orders": 64, "first": 8},
    inputs={"order-events": 6},
    outputs={"order-exceptions": 3},
    engine="0.1.0",
    policy="aaaa",
    policy_text="name: a\n",
)


def changed(**fields: object) -> Pins:
    """`HERE` with some fields changed."""
    return msgspec.structs.replace(HERE, **fields)


def stopped(path: Path, process: int = 0, processes: int = 1, *, clean: bool, pins: Pins = HERE) -> None:
    """One run of one process that stopped, cleanly or not."""
    home = StateHome.open(path, process, processes)
    home.begin(pins)
    if clean:
        home.stop_clean()
    home.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a state directory may be made."""
    return tmp_path / "state"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every advice is fresh, so that a test need not wait."""
    monkeypatch.setattr(advice, "INTERVAL_S", 0.0)


def test_a_fresh_directory_takes_everything_as_it_is(path: Path) -> None:
    """The first run fixes shards and partitions, keeps its policy, and has a recovery store to give to Bytewax."""
    home = StateHome.open(path)
    resume = home.begin(HERE)
    assert (resume.fresh, resume.clean, resume.policy, resume.notes) == (True, True, "aaaa", ())
    assert sorted(file.name for file in home.recovery.iterdir()) == [f"part-{n}.sqlite3" for n in range(4)]
    assert policy_file(path).read_text() == "name: a\n"
    state = read_state(path)
    assert (state.shards, state.outputs, state.processes) == (HERE.shards, HERE.outputs, 1)
    home.close()


def test_the_uuid_stays_and_the_incarnation_rises(path: Path) -> None:
    """Output records carry the UUID of the directory for ever; what a process writes carries which opening it was."""
    seen: list[tuple[str, int]] = []
    for _ in range(3):
        home = StateHome.open(path)
        seen.append((str(home.uuid), home.incarnation))
        home.close()
    assert len({uuid for uuid, _ in seen}) == 1
    assert [incarnation for _, incarnation in seen] == [1, 2, 3]


def test_processes_that_create_it_together_agree(path: Path) -> None:
    """Eight processes that start at once make one directory and draw eight incarnations."""
    with ThreadPoolExecutor(8) as pool:
        homes = [opening.result() for opening in [pool.submit(StateHome.open, path, process, 8) for process in range(8)]]
    assert len({home.uuid for home in homes}) == 1
    assert sorted(home.incarnation for home in homes) == list(range(1, 9))
    for home in homes:
        home.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"name: a", "is not as it was stored"), (b"name: b\n", "is not as it was stored"), (None, "is missing")],
)
def test_a_kept_policy_that_is_not_as_it_was_kept_is_refused(path: Path, content: bytes | None, words: str) -> None:
    """Cut, changed or gone: a run is never finished under another policy than its own, least of all under the built-in one."""
    stopped(path, clean=False)
    file = path / "policies" / "aaaa.yaml"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(DamagedStateError, match=rf"aaaa.yaml {words}: the last run cannot be finished .*; put the file back from a backup"):
        policy_file(path)


def test_a_policy_that_was_kept_before_there_were_hashes_is_still_read(path: Path) -> None:
    """A state directory of an earlier version has no hash in its state.json; an empty file is refused all the same."""
    stopped(path, clean=False)
    state = path / "state.json"
    state.write_bytes(msgspec.json.encode(msgspec.structs.replace(read_state(path), policy_hash="")))
    assert policy_file(path).read_text() == "name: a\n"
    policy_file(path).write_bytes(b"")
    with pytest.raises(DamagedStateError, match=r"aaaa.yaml is empty"):
        policy_file(path)


def test_after_a_clean_stop_a_damaged_copy_of_the_policy_is_written_afresh(path: Path) -> None:
    """Where the policy is at hand nobody depends on the copy."""
    stopped(path, clean=True)
    (path / "policies" / "aaaa.yaml").write_bytes(b"")
    stopped(path, clean=False)
    assert policy_file(path).read_text() == "name: a\n"


@pytest.mark.parametrize("content", [b"", b"\0\0", b"seven"])
def test_an_incarnation_that_is_no_number_is_refused_and_the_way_on_is_said(path: Path, content: bytes) -> None:
    """A number that is too small would let this run take its own segments for another's; so the least one is named."""
    stopped(path, clean=True)
    (path / "shards" / "s00").mkdir()
    (path / "shards" / "s00" / "000007-0000.log").touch()
    (path / "incarnation").write_bytes(content)
    with pytest.raises(DamagedStateError, match=r"incarnation is damaged: it holds no number; write one of at least 7 into it"):
        StateHome.open(path)
    (path / "incarnation").write_bytes(b"7")
    home = StateHome.open(path)
    assert home.incarnation == 8
    home.close()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"id": 3}'])
def test_a_state_json_that_cannot_be_read_is_damaged(path: Path, content: bytes) -> None:
    """Empty is no value either."""
    stopped(path, clean=True)
    (path / "state.json").write_bytes(content)
    with pytest.raises(DamagedStateError, match=r"state.json is damaged: .*; restore the state directory from a backup"):
        StateHome.open(path)


def test_what_is_made_is_for_the_user_and_the_group_alone(path: Path) -> None:
    """State holds addresses and customer IDs: files 0640, directories 0750, whatever the umask of whoever starts the engine."""
    code = (
        "import os, sys, pathlib; os.umask(0); from dataflows.runtime.state import Pins, StateHome, ShardStore;"
        "from dataflows.runtime.state.files import keep_private; keep_private();"
        "h = StateHome.open(pathlib.Path(sys.argv[1])); h.begin(Pins({}, {}, {}, '', 'aaaa', 'x')); h.advise(1);"
        "s = ShardStore.open(h, 's00', None); s.put(b'o1', b'x'); s.commit(lambda: ()).wait(); s.close(); h.stop_clean(); h.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    modes = {file: file.stat().st_mode & 0o777 for file in (path, *path.rglob("*"))}
    assert {oct(mode) for file, mode in modes.items() if file.is_dir()} == {"0o750"}
    assert {oct(mode) for file, mode in modes.items() if file.is_file()} == {"0o640"}


def test_a_living_process_keeps_others_out(path: Path) -> None:
    """Two processes never write for the same place in the cluster; the refusal says who is there."""
    home = StateHome.open(path)
    with pytest.raises(StateError, match=rf"is in use by process 0 \(pid {os.getpid()} on "):
        StateHome.open(path, wait=0)
    home.close()
    StateHome.open(path, wait=0).close()


def test_a_process_of_a_larger_cluster_keeps_others_out(path: Path) -> None:
    """After the number of processes was lowered, none of the old ones may still be at work."""
    last = StateHome.open(path, 2, 3)
    with pytest.raises(StateError, match=r"is in use by process 2 "):
        StateHome.open(path, 0, 2, wait=0)
    last.close()
    StateHome.open(path, 0, 2, wait=0).close()


def test_a_killed_process_leaves_no_lock(path: Path) -> None:
    """SIGKILL gives the directory free, and what it left does not look like a clean stop."""
    code = (
        "import sys, pathlib; from dataflows.runtime.state import Pins, StateHome;"
        "h = StateHome.open(pathlib.Path(sys.argv[1])); h.begin(Pins({}, {}, {}, '', 'aaaa', ''));"
        "print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(StateError, match=rf"pid {process.pid} "):
            StateHome.open(path, wait=0)
        process.kill()
    home = StateHome.open(path)
    assert not home.was_clean()
    home.close()


def test_after_a_clean_stop_everything_may_change(path: Path) -> None:
    """Another policy, more partitions and another topic hold at once."""
    stopped(path, clean=True)
    home = StateHome.open(path)
    now = changed(policy="bbbb", policy_text="name: b\n", inputs={"order-events": 8, "more": 1}, outputs={"order-exceptions": 6})
    resume = home.begin(now)
    assert (resume.fresh, resume.clean, resume.policy, resume.inputs, resume.outputs) == (False, True, "bbbb", now.inputs, now.outputs)
    assert read_state(path).policy == "bbbb"
    home.close()


def test_an_unclean_stop_is_finished_as_it_was_begun(path: Path) -> None:
    """The old policy and the old partitions stay until a clean stop; what waits for one is said in one line each."""
    stopped(path, clean=False)
    home = StateHome.open(path)
    now = changed(policy="bbbb", policy_text="name: b\n", inputs={"order-events": 8}, outputs={"order-exceptions": 6}, engine="0.2.0")
    resume = home.begin(now)
    assert (resume.clean, resume.policy, resume.inputs, resume.outputs) == (False, "aaaa", HERE.inputs, HERE.outputs)
    assert resume.notes == (
        "new partitions of order-events are not read before a clean stop and restart",
        "new partitions of order-exceptions are not written before a clean stop and restart",
        "the last run is finished under its own policy aaaa; bbbb holds after a clean stop and restart",
        "the last run was one of version 0.1.0, this is version 0.2.0",
    )
    home.stop_clean()
    home.close()
    home = StateHome.open(path)
    assert home.begin(now).policy == "bbbb"
    home.close()


def test_a_stop_is_clean_only_if_all_processes_say_so(path: Path) -> None:
    """One process that was killed makes the whole run unclean."""
    homes = [StateHome.open(path, process, 2) for process in range(2)]
    for home in homes:
        home.begin(HERE)
    homes[0].stop_clean()
    assert not homes[0].was_clean()
    homes[1].stop_clean()
    assert homes[0].was_clean()
    for home in homes:
        home.close()


def test_the_first_process_of_a_cluster_decides_for_all(path: Path) -> None:
    """After a clean stop of three processes, two go on under the new policy, whichever of them comes first."""
    homes = [StateHome.open(path, process, 3) for process in range(3)]
    for home in homes:
        home.begin(HERE)
    for home in homes:
        home.stop_clean()
        home.close()
    now = changed(policy="bbbb")
    homes = [StateHome.open(path, process, 2) for process in range(2)]
    resumes = [homes[process].begin(now) for process in (1, 0)]
    assert [(resume.clean, resume.policy, resume.notes) for resume in resumes] == [(True, "bbbb", ())] * 2
    for home in homes:
        home.close()
    home = StateHome.open(path)
    resume = home.begin(HERE)
    assert (resume.clean, resume.policy) == (False, "bbbb")
    home.close()


@pytest.mark.parametrize("clean", [True, False])
def test_a_group_of_shards_that_an_earlier_version_did_not_have_begins_empty(path: Path, clean: bool) -> None:
    """As the action shards of a state that was made before there were any; an earlier program does not go back."""
    stopped(path, clean=clean)
    later = {**HERE.shards, "actions": 4}
    stopped(path, clean=True, pins=changed(shards=later))
    stopped(path, clean=True, pins=changed(shards=later))
    home = StateHome.open(path)
    with pytest.raises(StateError, match="was made for other shards"):
        home.begin(HERE)
    home.close()


@pytest.mark.parametrize("clean", [True, False])
def test_other_shards_are_refused(path: Path, clean: bool) -> None:
    """Orders cannot move between shards."""
    stopped(path, clean=clean)
    home = StateHome.open(path)
    with pytest.raises(StateError, match=r"was made for other shards \(8 first, 64 orders, now 32 orders\)"):
        home.begin(changed(shards={"orders": 32}))
    home.close()


@pytest.mark.parametrize("clean", [True, False])
def test_an_input_topic_that_lost_partitions_is_refused(path: Path, clean: bool) -> None:
    """A topic never shrinks: this one is another, and our offsets mean nothing in it."""
    stopped(path, clean=clean)
    home = StateHome.open(path)
    with pytest.raises(StateError, match=r"topic order-events has 4 partitions, 6 were read: was it deleted and made again\?"):
        home.begin(changed(inputs={"order-events": 4}))
    home.close()


@pytest.mark.parametrize("lost", [{"inputs": {}}, {"outputs": {"order-exceptions": 2}}])
def test_after_an_unclean_stop_nothing_may_be_missing(path: Path, lost: dict[str, object]) -> None:
    """What the last run read and wrote must be there to finish it."""
    stopped(path, clean=False)
    home = StateHome.open(path)
    with pytest.raises(StateError, match=r"did not stop cleanly; now there are \d: start it as it was, stop it, then change it"):
        home.begin(changed(**lost))
    home.close()


def test_the_directory_of_a_later_version_is_refused(path: Path) -> None:
    """An older program does not touch what it cannot know."""
    StateHome.open(path).close()
    file = path / "state.json"
    file.write_bytes(file.read_bytes().replace(b'"format":1', b'"format":2'))
    with pytest.raises(StateError, match=r"state.json: format 2 was written by a later version"):
        StateHome.open(path)


def test_a_directory_of_the_first_format_is_still_read(path: Path) -> None:
    """`state.json` as version 1 wrote it."""
    path.mkdir()
    (path / "state.json").write_text(
        '{"id": "b6e3b153-16e5-43e5-b2cd-339a3cd63a7a", "recovery": 4, "format": 1, "shards": {"orders": 64}, "inputs": {"e": 6},'
        ' "outputs": {"x": 3}, "engine": "0.1.0", "policy": "abc", "processes": 1, "clean": false, "lead": [0, 4]}'
    )
    state = read_state(path)
    assert (state.shards, state.policy, state.lead) == ({"orders": 64}, "abc", (0, 4))


@pytest.mark.parametrize("damage", ["", "{", '{"format": 1}', "[]"])
def test_a_damaged_directory_is_refused(path: Path, damage: str) -> None:
    """What is not ours to read gives one line that names the file."""
    StateHome.open(path).close()
    (path / "state.json").write_text(damage)
    with pytest.raises(StateError, match=r"state.json is damaged"):
        StateHome.open(path)


def test_a_lost_recovery_store_is_refused(path: Path) -> None:
    """Shards without their tokens are not begun anew in silence."""
    StateHome.open(path).close()
    (path / "recovery" / "part-2.sqlite3").unlink()
    with pytest.raises(StateError, match=r"part-2.sqlite3 is missing"):
        StateHome.open(path)


def test_lost_pins_are_refused(path: Path) -> None:
    """Shards without a `state.json` are nobody's."""
    StateHome.open(path).close()
    (path / "state.json").unlink()
    with pytest.raises(
        StateError, match=r"state.json is missing, but .* is there.*; restore the state directory from a backup.* --new-state"
    ):
        StateHome.open(path)


@pytest.mark.parametrize("lost", ["recovery", "recovery/part-0.sqlite3", "shards"])
def test_a_lost_part_is_refused_with_a_remedy(path: Path, lost: str) -> None:
    """Also of a state that was never used: nobody takes it for a new one."""
    stopped(path, clean=True)
    part = path / lost
    shutil.rmtree(part) if part.is_dir() else part.unlink()
    with pytest.raises(DamagedStateError, match=rf"{lost}.* is missing.*; restore the state directory from a backup.* --new-state"):
        StateHome.open(path)


@pytest.mark.parametrize("left", ["shards", "policies", "incarnation", "clean"])
def test_whatever_is_left_without_its_pins_is_no_new_state(path: Path, left: str) -> None:
    """Each of what a run leaves behind is enough to know that there was one."""
    stopped(path, clean=True)
    (path / "shards" / "orders-00").mkdir()
    for other in path.iterdir():
        if other.name not in {left, "locks", "lock"}:
            shutil.rmtree(other) if other.is_dir() else other.unlink()
    with pytest.raises(DamagedStateError, match=rf"state.json is missing, but .*/{left}.* is there"):
        StateHome.open(path)


IDS = {"order-events": "A", "order-exceptions": "B"}


def test_topics_are_known_by_their_ids(path: Path) -> None:
    """One that was made again is refused, whatever else is as it was, until somebody accepts it; then its new ID holds."""
    stopped(path, clean=True, pins=changed(topic_ids=IDS))
    home = StateHome.open(path)
    for topic, what in (("order-events", "offsets mean other records"), ("order-exceptions", "has written there is gone")):
        now = changed(topic_ids={**IDS, topic: "C"})
        with pytest.raises(StateError, match=rf"topic {topic} was deleted and made again .*{what}.*--new-state.*--accept-topic {topic}"):
            home.begin(now)
        assert read_state(path).topic_ids == IDS
    resume = home.begin(changed(topic_ids={**IDS, "order-events": "C"}, accepted=frozenset({"order-events"})))
    assert [note.split(";")[0] for note in resume.topics] == ["accepted as made again: order-events"]
    home.close()
    home = StateHome.open(path)
    assert home.begin(changed(topic_ids={**IDS, "order-events": "C"})).topics == ()
    home.close()


def test_ids_are_adopted_by_a_state_that_knew_none_and_missed_where_nobody_tells_them(path: Path) -> None:
    """Both is said; a topic that is not read for a while is not forgotten, as its offsets are not either."""
    stopped(path, clean=True)
    home = StateHome.open(path)
    [note] = home.begin(changed(topic_ids=IDS)).topics
    assert note == "the state did not know the IDs of order-events, order-exceptions; from now on it does"
    home.stop_clean()
    home.close()
    home = StateHome.open(path)
    [note] = home.begin(changed(inputs={"others": 1}, topic_ids={"order-exceptions": "B"})).topics
    assert note.startswith("the brokers give no ID of others: ")
    home.stop_clean()
    home.close()
    home = StateHome.open(path)
    with pytest.raises(StateError, match=r"topic order-events was deleted and made again"):
        home.begin(changed(topic_ids={**IDS, "order-events": "C"}))
    home.close()


def test_a_creation_that_was_cut_short_is_begun_again(path: Path) -> None:
    """Killed between its recovery store and `state.json`, the directory was never in use."""
    (path / "recovery").mkdir(parents=True)
    (path / "recovery" / "part-0.sqlite3").touch()
    StateHome.open(path).close()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """A file in the way is named."""
    (tmp_path / "state").touch()
    with pytest.raises(StateError, match=r"state(/locks)?: (not a directory|file exists)"):
        StateHome.open(tmp_path / "state")


@pytest.mark.usefixtures("impatient")
def test_the_low_watermark_is_that_of_all_living_processes(path: Path) -> None:
    """Nobody is ahead of a process that has not spoken; one that was restarted has not spoken yet."""
    homes = [StateHome.open(path, process, 2) for process in range(2)]
    homes[0].advise(50)
    assert homes[0].low_watermark() is None
    homes[1].advise(30)
    assert [home.low_watermark() for home in homes] == [30, 30]
    homes[1].advise(70)
    assert [home.low_watermark() for home in homes] == [50, 50]
    homes[1].close()
    homes[1] = StateHome.open(path, 1, 2)
    assert homes[0].low_watermark() is None
    for home in homes:
        home.close()


def test_a_process_alone_hears_itself_at_once(path: Path) -> None:
    """Without others there is nobody to wait for."""
    home = StateHome.open(path)
    home.advise(5)
    assert home.low_watermark() == 5
    home.advise(6)
    assert home.low_watermark() == 6
    home.close()


def test_identifiers_belong_to_the_state(path: Path) -> None:
    """A new state takes the policy's, else the defaults; afterwards another statement is refused, none goes on with what the state has."""
    home = StateHome.open(path)
    assert home.begin(HERE).identifiers == DEFAULT
    home.stop_clean()
    home.close()
    home = StateHome.open(path)
    with pytest.raises(StateError, match="identifiers") as refused:
        home.begin(changed(policy="bbbb", identifiers=AS_SENT))
    assert "\n" not in str(refused.value)
    assert home.begin(changed(policy="bbbb", identifiers=DEFAULT)).identifiers == DEFAULT
    home.close()


def test_a_state_of_before_identifiers_had_forms_keeps_them_as_sent(path: Path) -> None:
    """Whether it was stopped cleanly or not."""
    stopped(path, clean=True)
    file = path / "state.json"
    state = msgspec.json.decode(file.read_bytes())
    del state["identifiers"]
    file.write_bytes(msgspec.json.encode(state))
    home = StateHome.open(path)
    assert home.begin(HERE).identifiers == AS_SENT
    home.close()
    home = StateHome.open(path)
    assert home.begin(HERE).identifiers == AS_SENT
    home.close()


@pytest.mark.parametrize("process", [0, 1], ids=["the first process", "one that joins"])
def test_what_a_kill_broke_off_is_gone_before_a_run_begins(path: Path, process: int) -> None:
    """Every process sees to it: whichever comes last, all of the run before are dead by then."""
    stopped(path, clean=False)
    file = path / "recovery" / "part-1.sqlite3"
    with closing(sqlite3.connect(file)) as store, store:
        store.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, 7)")
        rows = [("orders", "s00", epoch, b"") for epoch in (6, 7)]
        store.executemany("INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, ?, ?)", rows)
    first = StateHome.open(path, 0, 2)
    if process:
        first.begin(HERE)
        with closing(sqlite3.connect(file)) as store, store:
            store.execute("INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES ('orders', 's00', 8, x'00')")
    home = StateHome.open(path, 1, 2) if process else first
    home.begin(HERE)
    with closing(sqlite3.connect(file)) as store:
        assert store.execute("SELECT snap_epoch FROM snaps").fetchall() == [(6,)]
    for one in {first, home}:
        one.close()
