"""Back-tests and dry runs that people ask for: each a process of its own, one at a time per person, kept in the console's own database."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock, Timer
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Engine, Row, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from dataflows.console.govern.tables import trials
from dataflows.console.govern.trial import NEW_FILE, OLD_FILE, TrialLine, TrialSpec
from dataflows.runtime.launcher import PARENT
from schemas.instants import micros
from sinks.cases.queries.rows import values
from sinks.cases.schema import writing

BACKTEST, DRY_RUN = "backtest", "dry_run"
WAITING, RUNNING, DONE, FAILED, CANCELLED, LOST = "waiting", "running", "done", "failed", "cancelled", "lost"
UNDER_WAY: Final = (WAITING, RUNNING)
COMMAND: Final = (sys.executable, "-P", "-m", "dataflows.console.govern.trial")
TOO_LONG: Final = "it took longer than `console.trial_seconds` allows"


class TrialError(ValueError):
    """A trial that is not begun; the message is one line."""


class TrialInput(NamedTuple):
    """What is read: files and logs, or topics by a client."""

    events: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    client: Mapping[str, str] = {}


class TrialLimits(NamedTuple):
    """How long one may take (s, of the clock and of the processor), how much memory, how many run at once, how long results stay (days)."""

    seconds: int
    memory: int
    at_once: int
    days: int


@dataclass(frozen=True, slots=True)
class NewTrial:
    """A trial that is asked for. `old`, `new`: version and text of the policies."""

    kind: str
    draft_id: str
    by: str
    old: tuple[str, str]
    new: tuple[str, str]
    new_name: str
    since: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class PolicyTrial:
    """A trial, as `policy_trials` has it."""

    trial_id: str
    kind: str
    draft_id: str
    by: str
    at: datetime
    old_version: str
    new_version: str
    new_name: str
    since: datetime | None
    until: datetime
    state: str
    percent: int
    began_at: datetime | None
    ended_at: datetime | None
    problem: str | None
    covered: Sequence[str] = field(default=())

    @property
    def under_way(self) -> bool:
        """Whether it is not over."""
        return self.state in UNDER_WAY


class Trials:
    """Runs them. Blocking, but `start` returns at once. `given`: what they read; `spawn`: another command, for tests."""

    def __init__(
        self,
        own: Engine,
        folder: Path,
        given: Callable[[], TrialInput],
        limits: TrialLimits,
        clock: Callable[[], datetime],
        *,
        spawn: Sequence[str] | None = None,
    ) -> None:
        self.limits, self._clock = limits, clock
        self._own, self._folder = own, folder
        self.given = given
        """What they read, asked anew for each."""
        self._command = tuple(spawn or COMMAND)
        self._lock = Lock()
        self._mine: dict[str, subprocess.Popen[bytes] | None] = {}
        """Those under way in this process; None while one waits."""
        self._threads = ThreadPoolExecutor(limits.at_once, "trial")

    def folder_of(self, trial_id: str) -> Path:
        """Where its results stand."""
        return self._folder / trial_id

    def start(self, wanted: NewTrial, at: datetime) -> str:
        """Begins one as soon as there is a place; returns its ID. Raises TrialError if one of this person's is under way."""
        trial_id = secrets.token_hex(12)
        with self._lock:
            self._settle(at)
            with writing(self._own).begin() as connection:
                busy = select(trials.c.trial_id).where(trials.c.by == wanted.by, trials.c.state.in_(UNDER_WAY)).limit(1)
                if connection.execute(busy).one_or_none() is not None:
                    raise TrialError("one of yours is under way: wait for it, or cancel it")
                row = {
                    **{name: getattr(wanted, name) for name in ("kind", "draft_id", "by", "new_name", "since", "until")},
                    "trial_id": trial_id,
                    "at": at,
                    "old_version": wanted.old[0],
                    "new_version": wanted.new[0],
                    "state": WAITING,
                    "percent": 0,
                }
                connection.execute(insert(trials).values(**row))
            self._mine[trial_id] = None
        try:
            self._write(trial_id, wanted)
        except OSError as error:
            self._end(trial_id, FAILED, at, f"its folder cannot be written: {(error.strerror or str(error)).lower()}")
            return trial_id
        self._threads.submit(self._run, trial_id, wanted)
        return trial_id

    def cancel(self, trial_id: str, at: datetime) -> None:
        """Ends one that is under way."""
        with self._lock:
            process = self._mine.pop(trial_id, None)
        self._end(trial_id, CANCELLED, at)
        if process is not None:
            _kill(process)

    def find(self, trial_id: str, at: datetime) -> PolicyTrial | None:
        """One of them."""
        with self._lock:
            self._settle(at)
        with self._own.connect() as connection:
            row = connection.execute(select(trials).where(trials.c.trial_id == trial_id)).one_or_none()
        return None if row is None else _trial(row)

    def latest(self, at: datetime, limit: int = 50) -> list[PolicyTrial]:
        """The newest first."""
        with self._lock:
            self._settle(at)
        with self._own.connect() as connection:
            return [_trial(row) for row in connection.execute(select(trials).order_by(trials.c.at.desc()).limit(limit))]

    def covering(self, old: str, new: str) -> PolicyTrial | None:
        """The last back-test of one version beside another one."""
        chosen = select(trials).where(
            trials.c.old_version == old, trials.c.new_version == new, trials.c.state == DONE, trials.c.kind == BACKTEST
        )
        with self._own.connect() as connection:
            row = connection.execute(chosen.order_by(trials.c.ended_at.desc()).limit(1)).one_or_none()
        return None if row is None else _trial(row)

    def drop(self, before: datetime) -> None:
        """Drops the trials that were over before an instant, with their results."""
        with writing(self._own).begin() as connection:
            gone = trials.c.ended_at < before
            ids = connection.scalars(select(trials.c.trial_id).where(gone)).all()
            connection.execute(delete(trials).where(gone))
        for id_ in ids:
            shutil.rmtree(self.folder_of(id_), ignore_errors=True)

    def close(self) -> None:
        """Ends those that are under way; they are found as lost."""
        with self._lock:
            processes, self._mine = [one for one in self._mine.values() if one is not None], {}
        for process in processes:
            _kill(process)
        self._threads.shutdown(cancel_futures=True)

    # the process

    def _write(self, trial_id: str, wanted: NewTrial) -> None:
        folder = self.folder_of(trial_id)
        folder.mkdir(mode=0o700, parents=True)
        (folder / OLD_FILE).write_text(wanted.old[1], encoding="utf-8")
        (folder / NEW_FILE).write_text(wanted.new[1], encoding="utf-8")

    def _run(self, trial_id: str, wanted: NewTrial) -> None:
        """On a thread of its own, which its process does not outlive."""
        began = self._clock()
        try:
            given = self.given()
            spec = TrialSpec(
                folder=str(self.folder_of(trial_id)),
                until=micros(wanted.until),
                memory=self.limits.memory,
                cpu_seconds=self.limits.seconds,
                since=None if wanted.since is None else micros(wanted.since),
                events=given.events,
                topics=given.topics,
                client=dict(given.client),
                standing=wanted.kind == DRY_RUN,
            )
            with self._lock:
                if trial_id not in self._mine:
                    return  # it was cancelled while it waited
                process = self._mine[trial_id] = self._spawn()
            self._note(trial_id, state=RUNNING, began_at=began)
            self._follow(trial_id, process, msgspec.json.encode(spec))
        except (OSError, SQLAlchemyError) as error:
            self._end(trial_id, FAILED, self._clock(), f"it could not be run: {type(error).__name__}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, PARENT: str(os.getpid())}
        return subprocess.Popen(  # noqa: S603 - our own command
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            process_group=0,
        )

    def _follow(self, trial_id: str, process: subprocess.Popen[bytes], spec: bytes) -> None:
        """Takes what the process says, until it is over."""
        late = Timer(self.limits.seconds, process.kill)
        late.start()
        last: TrialLine | None = None
        try:
            with process:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(spec)
                process.stdin.close()
                for line in process.stdout:
                    last = msgspec.json.decode(line, type=TrialLine)
                    if last.percent is not None:
                        self._note(trial_id, percent=last.percent)
        except (BrokenPipeError, msgspec.DecodeError):
            pass  # how it ended says why
        finally:
            timed_out = not late.is_alive()
            late.cancel()
        if process.returncode == 0 and last is not None and last.covered is not None:
            self._end(trial_id, DONE, self._clock(), covered=last.covered)
        else:
            said = None if last is None else last.problem
            self._end(trial_id, FAILED, self._clock(), said or (TOO_LONG if timed_out else _ending(process.returncode)))

    # the database

    def _note(self, trial_id: str, **changes: object) -> None:
        with writing(self._own).begin() as connection:
            connection.execute(update(trials).where(trials.c.trial_id == trial_id, trials.c.state.in_(UNDER_WAY)).values(**changes))

    def _end(self, trial_id: str, state: str, at: datetime, problem: str | None = None, covered: Sequence[str] | None = None) -> None:
        with self._lock:
            self._mine.pop(trial_id, None)
        self._note(trial_id, state=state, ended_at=at, problem=problem, covered=None if covered is None else list(covered))

    def _settle(self, at: datetime) -> None:
        """Those of a console that was stopped are lost; those that are too old go."""
        lost = trials.c.state.in_(UNDER_WAY) & trials.c.trial_id.not_in(list(self._mine))
        with writing(self._own).begin() as connection:
            connection.execute(update(trials).where(lost).values(state=LOST, ended_at=at))
        self.drop(at - timedelta(days=self.limits.days))


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()


def _ending(code: int) -> str:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return TOO_LONG
    if code == -signal.SIGABRT:
        return "it was broken off, as by too little memory (`console.trial_memory_bytes`)"
    return f"it was killed by {signal.Signals(-code).name}" if code < 0 else "it ended without a result"


def _trial(row: Row[Any]) -> PolicyTrial:
    found: dict[str, Any] = {**values(row), "covered": tuple(row.covered or ())}
    return PolicyTrial(**found)
