"""What `orderwatch adapt` does with each payload: adapts it, settles histories, writes events, counts the rest."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from dataflows.ingest import coverage as reports
from schemas.counts import counted
from sources.adapters import Adapter, AdapterConnection, Payload, translate
from sources.adapters.coverage import Coverage
from sources.adapters.histories import Remembered, settle
from sources.adapters.output import Refused
from sources.adapters.payments import united
from sources.adapters.translate import encoded
from sources.mapping import Mapping


class RunHistories:
    """The histories of the run, in memory."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


@dataclass(slots=True)
class Run:
    """What was read so far."""

    adapter: Adapter
    mapping: Mapping | None
    connection: AdapterConnection
    coverage: Coverage = field(default_factory=Coverage)
    memory: RunHistories = field(default_factory=RunHistories)
    written: set[bytes] = field(default_factory=set[bytes])
    withdrawn: set[bytes] = field(default_factory=set[bytes])
    repeated: int = 0
    ignored: int = 0
    refused: list[Refused] = field(default_factory=list["Refused"])

    def take(self, label: str, payload: Payload) -> None:
        """Writes the events of a payload; says what was refused of it."""
        pieces = [(self.adapter, payload.body)] if self.mapping is None else self.mapping.pieces(payload.body)
        for adapter, body in pieces:
            adapted = translate(adapter, replace(payload, body=body), self.connection, self.coverage)
            events, keep = settle(adapted.events, adapted.histories, self.memory, self.connection)
            events, payments = united(events, adapted.steps, self.memory, self.connection)
            self.memory.known.update(keep | payments)
            for event in events:
                self._write(encoded(event), _key(event["tenant"], event["source"], event["id"]))
                if event["type"] == "evidence.withdrawn" and "event_source" in event["data"]:
                    self.withdrawn.add(_key(event["tenant"], event["data"]["event_source"], event["data"]["event_id"]))
            for one in adapted.refused:
                print(reports.printable(f"{label}: {one.reason}: {one.detail}"), file=sys.stderr)  # noqa: T201
            self.refused += adapted.refused
            self.ignored += len(adapted.ignored)

    def _write(self, line: bytes, key: bytes) -> None:
        """Writes an event, unless it was written already: a tracker's poll repeats all that the last one said."""
        if key in self.written:
            self.repeated += 1
            return
        self.written.add(key)
        sys.stdout.buffer.write(line + b"\n")

    def summary(self, files: int) -> str:
        """The closing line."""
        parts = [f"{counted(len(self.written), 'event')} from {counted(files, 'file')}"]
        if self.repeated:
            parts.append(f"{self.repeated:,} said again")
        if missed := self.withdrawn - self.written:
            parts.append(f"{counted(len(missed), 'withdrawal')} of what none of these files told")
        if self.ignored:
            parts.append(f"{self.ignored:,} ignored")
        if self.refused:
            reasons = Counter(one.reason for one in self.refused)
            parts.append(f"{len(self.refused):,} refused ({', '.join(f'{reason} {count:,}' for reason, count in sorted(reasons.items()))})")
        if unmapped := self.coverage.unmapped():
            parts.append(f"{counted(len(unmapped), 'code')} not mapped (--report shows them)")
        parts += [f"{setting} {name}: in none of {counted(count, 'payload')}" for (setting, name), count in self.coverage.missing().items()]
        return "; ".join(parts)


def _key(*identity: str) -> bytes:
    """Tenant, source and ID of an event, in few bytes."""
    return blake2b(" ".join(identity).encode(), digest_size=16).digest()
