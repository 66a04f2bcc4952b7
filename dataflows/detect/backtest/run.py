"""Runs a back-test: the same recorded events under one policy after the other, and what both say of them side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from dataflows.core.policy import Policy
from dataflows.detect.backtest.lines import LineDifference
from dataflows.detect.backtest.pairs import pairs
from dataflows.detect.backtest.report import Report, Side, example, report
from dataflows.detect.backtest.seen import Seen
from dataflows.detect.flow import FlowOptions, get_flow
from dataflows.detect.router import RouterCounts
from dataflows.errors import MisuseError, RunError, describe
from dataflows.runtime.runner import Stoppable, run
from dataflows.runtime.stop import Stop
from schemas.output import OutputRecord
from sinks.view import ViewSink
from sources.files import FileSource
from sources.lines import UnreadableSourceError
from sources.logclock import DEFAULT_OUT_OF_ORDER

REPORT, DIFFERENCES, BEFORE, AFTER = "report.json", "differences.jsonl", "before.jsonl", "after.jsonl"
"""The files that are written: the report, the exceptions that differ, and the lines that only the old or only the new policy says."""
OLD, NEW = "the old policy", "the new policy"
OutputTaker = Callable[[str, Sequence[OutputRecord]], None]
ReadListener = Callable[[int], None]
"""Told how many bytes have been read."""


class BacktestInput(NamedTuple):
    """What is read: files or input logs, and of them what counts.

    `since` (µs): what is said before is left out, though all is read, so that orders are known that began earlier. `until` (µs): time
    passes up to here, inclusive, and later records are left out. `out_of_order` (µs): None where nobody has said it.
    """

    events: Sequence[str]
    since: int | None = None
    until: int | None = None
    out_of_order: int | None = None


class Backtest(NamedTuple):
    """What came of a back-test: the report, and what either policy said."""

    report: Report
    old: Seen
    new: Seen


class BacktestListener(Protocol):
    """Told how a back-test goes."""

    def reading(self, side: str) -> AbstractContextManager[ReadListener | None]:
        """The events are about to be read under `OLD` or `NEW`."""
        ...

    def read(self, source: FileSource, counts: RouterCounts, rejects: Counter[str]) -> None:
        """All has been read for the first time. May raise MisuseError, where nothing of it is of any use."""
        ...


def backtest(given: BacktestInput, policies: tuple[Policy, Policy], listener: BacktestListener, stop: Stop, out: Path | None) -> Backtest:
    """What the second of two policies says of recorded events beside the first; `out`: the folder that all of it is written to.

    Raises:
        MisuseError: if the events cannot be read. RunError: if reading or writing breaks off. KeyboardInterrupt: if it was stopped.
    """
    old, new = policies
    before, after = Seen(since=given.since), Seen(since=given.since)
    replays = _Replays(given, listener, stop)
    try:
        with ExitStack() as stack:
            if out is None:
                replays.under(old, OLD, before)
                flow = replays.under(new, NEW, after)
            else:
                out.mkdir(parents=True, exist_ok=True)
                lines = stack.enter_context(LineDifference(out / BEFORE, out / AFTER, given.since))
                replays.under(old, OLD, before, lambda topic, outs: lines.take_old(topic, outs, old.version))
                flow = replays.under(new, NEW, after, lambda topic, outs: lines.take_new(topic, outs, new.version))
                lines.finish(old.version)
            sides = (Side(old.name, old.version), Side(new.name, new.version))
            orders = sum(shard.counts.orders for shard in flow.shards)
            before.settle()
            after.settle()
            found = report(before, after, sides, events=flow.counts.events, orders=orders, since=given.since, until=given.until)
            if out is not None:
                _write(out, before, after, found)
    except UnreadableSourceError as error:
        raise RunError(str(error)) from error
    except OSError as error:
        raise RunError(f"{error.filename or out}: {describe(error)}") from error
    return Backtest(found, before, after)


class _Replays:
    """Replays the same events under one policy after the other."""

    def __init__(self, given: BacktestInput, listener: BacktestListener, stop: Stop) -> None:
        self._given, self._listener, self._stop = given, listener, stop
        self._read = False

    def under(self, policy: Policy, side: str, seen: Seen, take: OutputTaker | None = None) -> FlowOptions:
        """Replays them under a policy. `take` gets the lines as well."""
        given = self._given
        allowed = DEFAULT_OUT_OF_ORDER if given.out_of_order is None else given.out_of_order
        with self._listener.reading(side) as on_read:
            try:
                with self._stop.waiting():
                    source = FileSource(given.events, until=given.until, out_of_order=allowed, on_read=on_read, feeds=policy.lateness)
            except UnreadableSourceError as error:
                raise MisuseError(str(error)) from error
            with closing(source):
                if given.out_of_order is not None and not source.taken:
                    raise MisuseError("--out-of-order: exports carry the log times of their topics; leave it out")
                flow = FlowOptions(source.channels, activations=False)
                sinks = {"seen": ViewSink(seen.take)} | ({} if take is None else {"lines": ViewSink(take)})
                run(get_flow(Stoppable(source, self._stop), sinks, policy, flow))
        if self._stop.asked:
            raise KeyboardInterrupt
        if not self._read:
            self._read = True
            self._listener.read(source, flow.counts, seen.rejects)
        return flow


def _write(out: Path, old: Seen, new: Seen, found: Report) -> None:
    """Writes the report, and a line for each exception that differs."""
    (out / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    with (out / DIFFERENCES).open("wb") as file:
        for pair in pairs(old, new):
            if pair.changes:
                file.write(msgspec.json.encode({"changes": pair.changes, **msgspec.to_builtins(example(pair, ""))}) + b"\n")
