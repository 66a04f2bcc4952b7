"""What one policy says of a log, kept small: each exception once, what was asked for, and how many lines of each type there were."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, cast

from schemas.instants import micros
from schemas.output import OutputRecord
from schemas.topics import EXCEPTIONS

ACTIONS: Final = "actions"
SEVERITIES: Final = ("low", "medium", "high", "critical")
_TENANT: Final = re.compile(rb'"tenant":"((?:[^"\\]|\\.)*)"')
_AMOUNT: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,9})?")


class About(NamedTuple):
    """What an exception is about. Of one subject there may be several, one after the other."""

    tenant: str
    order: str
    kind: str
    scope: str


@dataclass(slots=True)
class SeenException:
    """An exception as one policy says it, in µs of log time.

    `said`: when it was said first; `began`: when it began, by its deadline or what was reported; `ended`: when it was over, None if it is
    open at the end; `gravest`: the severity that it reached (its place in `SEVERITIES`); `promised`: when the promise ended that was in
    force when it was said first; `total`: amount and currency of its order; `over`: it was over before it could be raised; `last`: when
    it was said last.
    """

    id: str
    subject: About
    said: int
    began: int
    promised: int | None
    over: bool
    ended: int | None = None
    gravest: int = 0
    status: str = ""
    owner: str = ""
    mode: str = "on"
    total: tuple[str, str] | None = None
    last: int = 0

    @property
    def severity(self) -> str:
        """The gravest that it was."""
        return SEVERITIES[self.gravest]

    @property
    def lead(self) -> int | None:
        """How long before the end of the promise it was said; negative if after it; None if nothing was promised."""
        return None if self.promised is None else self.promised - self.said


@dataclass(slots=True)
class Seen:
    """All that one policy says, from `since` (log time) on; what was over by then counts as not said."""

    exceptions: dict[str, SeenException] = field(default_factory=dict[str, SeenException])
    actions: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """Action and what was said of it (proposed, requested, withdrawn), how often."""
    types: Counter[str] = field(default_factory=Counter[str])
    rejects: Counter[str] = field(default_factory=Counter[str])
    last: int | None = None
    """The log time of the last line."""
    since: int | None = None

    def take(self, topic: str, outputs: Sequence[OutputRecord]) -> None:
        """Takes some output records of a topic, in order."""
        for out in outputs:
            self.last = out.log if self.last is None else max(self.last, out.log)
            if topic == EXCEPTIONS:
                self._exception(out)
            if self.since is not None and out.log < self.since:
                continue
            if topic == ACTIONS:
                self.actions[str(out.data["action"]), out.type.partition(".")[2]] += 1
            elif out.type == "reject":
                self.rejects[str(out.data["reason"])] += 1
                continue
            self.types[out.type] += 1

    def settle(self) -> None:
        """Leaves out the exceptions that were over before `since`, once all is said."""
        if (since := self.since) is not None:
            self.exceptions = {id_: one for id_, one in self.exceptions.items() if one.ended is None or one.last >= since}

    def _exception(self, out: OutputRecord) -> None:
        data = out.data
        id_ = str(data["exception_id"])
        known = self.exceptions.get(id_)
        began = _instant(data["due_at"] or data["occurred_at"])
        if known is None:
            scope = data["scope"]
            subject = About(_tenant_of(out.body), out.order, out.kind, "" if scope is None else str(scope))
            over = out.type != "exception.raised"
            known = self.exceptions[id_] = SeenException(id_, subject, out.log, began, out.promised, over)
        known.last = out.log
        known.status, known.owner = out.status, str(data["owner"])
        known.mode = str(cast("Mapping[str, object]", data["policy"])["mode"])
        known.gravest = max(known.gravest, SEVERITIES.index(out.severity))
        known.began = min(known.began, began)
        end = data["resolved_at"]
        known.ended = out.log if out.status == "retracted" else None if end is None else _instant(end)
        known.total = _total_of(data) or known.total


def _instant(text: object) -> int:
    return micros(datetime.fromisoformat(str(text)))


def _tenant_of(body: bytes) -> str:
    # The envelope comes before the data, and within a text of JSON no quotation mark stands alone.
    found = _TENANT.search(body)
    return "" if found is None else found[1].decode()


def _total_of(data: Mapping[str, object]) -> tuple[str, str] | None:
    total = cast("Mapping[str, object]", data.get("context") or {}).get("total")
    if not isinstance(total, dict):
        return None
    stated = cast("Mapping[str, object]", total)
    amount, currency = str(stated["amount"]), str(stated["currency"])
    return (amount, currency) if _AMOUNT.fullmatch(amount) else None
