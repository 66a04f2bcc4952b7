"""The state directory: whose it is, what it was made for, and under which policy it goes on.

    state.json      what is fixed, and what the last run was      recovery/   Bytewax: offsets, and a token per shard
    policies/       the policies it ran under, by version         shards/     one directory per shard, see `store`
    clean/          who stopped gracefully                        progress/   see `advice`
    locks/          one per process of a cluster                  lock        held for a moment by whoever changes the above

It may lie on a volume that several hosts share, if that carries flock between them (NFS 4 does).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import time
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
from bytewax.recovery import init_db_dir  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from dataflows.runtime.state import recovery as recovery_store
from dataflows.runtime.state.errors import DamagedStateError, StateError, of_system
from dataflows.runtime.state.files import DIRECTORY_MODE, is_locked, lock, locked, sync_directory, write_whole
from dataflows.runtime.state.pins import (
    FORMAT,
    Pins,
    Resume,
    State,
    check_identifiers,
    check_inputs,
    check_topics,
    hold,
    policy_changes,
    upgraded,
)
from dataflows.runtime.state.segments import segments
from dataflows.runtime.state.store import Compaction
from dataflows.runtime.state.watermarks import Advice, SlotHolder, holder_of

RECOVERY_PARTS = 4
"""Files of Bytewax's recovery store, fixed when a state directory is made. An empty epoch costs 5 ms with one, 13 with eight."""
STORED_POLICY = "put the file back from a backup of the state directory"
LOCK_WAIT_S = 10.0
"""How long a process that was killed may take to die before its successor gives up."""


class StateHome:
    """The state directory, as opened by one process of a cluster.

    `made` is when the directory was made (µs since the epoch, UTC). `incarnation` numbers this opening: greater than those of all
    before it, and different for each process.
    """

    def __init__(self, path: Path, process: int, processes: int, handle: int, *, fsync: bool, compaction: Compaction) -> None:
        self.path = path
        self.shards = path / "shards"
        self.recovery = path / "recovery"
        self.fsync = fsync
        self.compaction = compaction
        self.process = process
        self.processes = processes
        self._handle = handle
        self._clean = path / "clean"
        with locked(path / "lock"):
            state = _prepare(path)
            self.uuid, self.made = UUID(state.id), state.made
            self.incarnation = _next(path)
            holder = msgspec.json.encode(SlotHolder(self.incarnation, os.getpid(), socket.gethostname()))
            os.ftruncate(handle, 0)
            os.pwrite(handle, holder, 0)
        self._advice = Advice(path / "progress", path / "locks", (process, self.incarnation), processes)

    @classmethod
    def open(
        cls,
        path: Path,
        process: int = 0,
        processes: int = 1,
        *,
        fsync: bool = True,
        compaction: Compaction | None = None,
        wait: float = LOCK_WAIT_S,
    ) -> StateHome:
        """Opens the state directory as process number `process` of `processes`, and makes it if there is none.

        Waits up to `wait` seconds for a predecessor to die. Raises StateError if it is in use, damaged, or written by a later version.
        """
        try:
            path.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
            (path / "locks").mkdir(DIRECTORY_MODE, exist_ok=True)
            handle = _take(path, process, wait)
            try:
                # Of a cluster that was larger before, nobody may be left.
                for slot in (path / "locks").iterdir():
                    if slot.name.isdigit() and int(slot.name) >= processes:
                        os.close(_take(path, int(slot.name), wait))
                return cls(path, process, processes, handle, fsync=fsync, compaction=compaction or Compaction())
            except BaseException:
                os.close(handle)
                raise
        except OSError as error:
            raise of_system(error, path) from error

    def begin(self, now: Pins) -> Resume:
        """Begins a run: compares what it brings with what the state was made for, and says what it must run with.

        After a clean stop (or in a fresh directory) everything holds as it is now; after any other, the last run is finished under its
        own policy and with its own partitions, since what it wrote and did not record is written again. The first process of a cluster
        decides for all. Raises StateError if the state cannot be resumed like this.
        """
        with locked(self.path / "lock"):
            state = read_state(self.path)
            # A group that a state of before does not have begins empty.
            if any(now.shards.get(group) != count for group, count in state.shards.items()):
                raise StateError(f"{self.path} was made for other shards ({_counts(state.shards)}, now {_counts(now.shards)})")
            fresh = state.policy is None
            joined = self._is_led(state)
            clean = fresh or (self.was_clean() and not joined)
            check_inputs(state, now)
            topics = check_topics(state, now)
            identifiers = check_identifiers(state, now)
            ids = {**state.topic_ids, **now.topic_ids}
            if clean:
                state = msgspec.structs.replace(_announced(state, now, clean=True), given=now.given)
                state = msgspec.structs.replace(
                    state, shards=now.shards, inputs=now.inputs, outputs=now.outputs, policy=now.policy, policy_hash=self._store_policy(now)
                )
                resume = Resume(
                    fresh=fresh, clean=True, policy=now.policy, inputs=now.inputs, outputs=now.outputs, notes=(), first=state.first
                )
            else:
                resume = hold(state, now, clean=joined and state.clean)
                state = state if joined else _announced(state, now, clean=False)
            if not joined:
                lead = (self.process, self.incarnation)
                state = msgspec.structs.replace(state, engine=now.engine, processes=self.processes, clean=clean, lead=lead, topic_ids=ids)
                state = msgspec.structs.replace(state, identifiers=identifiers.code)
                write_whole(self.path / "state.json", msgspec.json.format(msgspec.json.encode(state)))
            if self._clean.exists():
                # From here on a power cut must not make it look as if nothing had been running.
                shutil.rmtree(self._clean)
                sync_directory(self.path)
            # By each process: none of its cluster runs before all have come here, and by then all of the run before are dead.
            recovery_store.roll_back(self.recovery, state.recovery)
            return msgspec.structs.replace(resume, topics=topics, identifiers=identifiers)

    def was_clean(self) -> bool:
        """Whether all processes of the last run stopped gracefully, or there was none. `begin` asks this and starts anew."""
        return was_clean(self.path, read_state(self.path))

    def stop_clean(self) -> None:
        """Notes that this process has stopped gracefully: its last epoch is committed. Call it last."""
        self._clean.mkdir(DIRECTORY_MODE, exist_ok=True)
        write_whole(self._clean / str(self.process), b"")

    def forget(self, part: str) -> None:
        """Forgets a part of the source that there is no more; before the run. Raises StateError."""
        recovery_store.forget(self.recovery, read_state(self.path).recovery, part)

    def why_failed(self) -> StateError | None:
        """Why native code may have failed over the recovery store, of which it does not say itself; None if that looks well."""
        return recovery_store.why(self.recovery, read_state(self.path).recovery)

    def advise(self, watermark: int) -> None:
        """Tells the other processes how far this one is (log time in µs since the epoch, UTC); cheap enough to call with every batch."""
        self._advice.publish(watermark)

    def low_watermark(self) -> int | None:
        """The low watermark that any process has told of lately, this one included; None while one has not."""
        return self._advice.least()

    def close(self) -> None:
        """Gives the state directory free for the next incarnation of this process."""
        os.close(self._handle)

    def _is_led(self, state: State) -> bool:
        """Whether another process that lives has begun this run already."""
        process, incarnation = state.lead
        if process == self.process or process >= self.processes:
            return False
        slot = self.path / "locks" / str(process)
        holder = holder_of(slot)
        return holder is not None and holder.incarnation == incarnation and is_locked(slot)

    def _store_policy(self, now: Pins) -> str:
        """Keeps the text of the policy that holds from now on; returns its hash."""
        folder = self.path / "policies"
        folder.mkdir(DIRECTORY_MODE, exist_ok=True)
        file, content = folder / f"{now.policy}.yaml", now.policy_text.encode()
        if not file.exists() or file.read_bytes() != content:
            write_whole(file, content)
        return hashed(content)


def _announced(state: State, now: Pins, *, clean: bool) -> State:
    """A state over which a run begins, once the log says what of policy or engine is another than before.

    Written before it is noted: a start that breaks off in between writes it again, under the same ID. Where there is no log for it, the
    policy holds from the start on.
    """
    changed = clean and policy_changes(state, now)
    if state.policy is not None and (changed or upgraded(state, now)):
        if now.announce is not None and now.announce(state, now, clean=clean):
            return msgspec.structs.replace(state, first=state.first or state.policy, changes=state.changes + 1)
        if changed:
            return msgspec.structs.replace(state, first="")
    return state


def read_state(path: Path) -> State:
    """What `state.json` says. Raises StateError if there is none, or if it is of a later version or damaged."""
    file = path / "state.json"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise of_system(error, file) from error
    try:
        version = msgspec.json.decode(content, type=dict[str, object]).get("format")
        if isinstance(version, int) and version > FORMAT:
            raise StateError(f"{file}: format {version} was written by a later version of the program, this one reads up to {FORMAT}")
        return msgspec.json.decode(content, type=State)
    except msgspec.DecodeError as error:
        raise DamagedStateError(f"{file} is damaged: {error}") from error


def policy_file(path: Path, version: str = "") -> Path:
    """The file of the policy that the state directory `path` last ran under. Raises StateError if it is not there as it was kept.

    `version`: that of an earlier one, of which no hash is kept.
    """
    state = read_state(path)
    file = path / "policies" / f"{version or state.policy}.yaml"
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise DamagedStateError(f"{file} is missing: the last run cannot be finished under its own policy", STORED_POLICY) from None
    except OSError as error:
        raise of_system(error, file) from error
    if not content or (not version and state.policy_hash and hashed(content) != state.policy_hash):
        text = "is not as it was stored" if content else "is empty"
        raise DamagedStateError(f"{file} {text}: the last run cannot be finished under its own policy", STORED_POLICY)
    return file


def note_begins(path: Path, begins: dict[str, int]) -> None:
    """Notes where the sink of a state that stopped cleanly begins to write. Raises StateError."""
    with locked(path / "lock"):
        state = read_state(path)
        if not was_clean(path, state):
            raise StateError(f"{path}: its last run did not stop cleanly: start it as it was, stop it, then move it")
        write_whole(path / "state.json", msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(state, begins=begins))))


def hashed(content: bytes) -> str:
    """What a kept text is known by."""
    return hashlib.sha256(content).hexdigest()


def was_clean(path: Path, state: State) -> bool:
    """As `StateHome.was_clean`, for somebody who only reads."""
    return state.policy is None or all((path / "clean" / str(process)).exists() for process in range(state.processes))


def _prepare(path: Path) -> State:
    """The state of a directory that may have to be made first."""
    recovery = path / "recovery"
    if not (path / "state.json").exists():
        # A start that broke off may have left an empty recovery store and no shards; whatever else is there, a run has left.
        for left in ("incarnation", "policies", "clean", "progress"):
            if (path / left).exists():
                raise DamagedStateError(
                    f"{path / 'state.json'} is missing, but {path / left} is there: this is the state of an earlier run"
                )
        for store in (path / "shards").glob("*"):
            raise DamagedStateError(f"{path / 'state.json'} is missing, but {store} is there: this is the state of an earlier run")
        shutil.rmtree(recovery, ignore_errors=True)
        recovery.mkdir(DIRECTORY_MODE)
        init_db_dir(recovery, RECOVERY_PARTS)  # type: ignore[no-untyped-call]
        sync_directory(recovery)
        (path / "shards").mkdir(DIRECTORY_MODE, exist_ok=True)
        write_whole(path / "state.json", msgspec.json.encode(State(id=str(uuid4()), recovery=RECOVERY_PARTS, made=time.time_ns() // 1_000)))
    state = read_state(path)
    recovery_store.check(recovery, state.recovery)
    if not (path / "shards").exists():
        raise DamagedStateError(f"{path / 'shards'} is missing")
    return state


def _next(path: Path) -> int:
    """The next incarnation, which must be greater than all before it: shards name theirs in the files that they write."""
    file = path / "incarnation"
    content = file.read_bytes() if file.exists() else b"0"
    if not content.isdigit():
        least = max((name.incarnation for shard in (path / "shards").iterdir() for name in segments(shard)), default=0)
        raise DamagedStateError(f"{file} is damaged: it holds no number", f"write one of at least {least} into it")
    write_whole(file, str(int(content) + 1).encode())
    return int(content) + 1


def _take(path: Path, process: int, wait: float) -> int:
    slot = path / "locks" / str(process)
    handle = lock(slot, wait)
    if handle is None:
        holder = holder_of(slot)
        who = "" if holder is None else f" (pid {holder.pid} on {holder.host})"
        raise StateError(f"state directory {path} is in use by process {process}{who}")
    return handle


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
