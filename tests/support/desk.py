"""A shard with one exception, and people who decide about it: for tests of cases."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from dataflows.core.engine.shard import Shard
from dataflows.core.rules.load import load_policy
from tests.support.logs import HOUR, T0, line, record

if TYPE_CHECKING:
    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

Data = dict[str, object]
PLACED: Data = {
    "total": {"amount": "80.00", "currency": "EUR"},
    "ship_to": {"country": "NL"},
    "promised_by": "2026-05-29",
    "ship_by": "2026-05-27",
}
AMOUNT: Data = {"amount": {"amount": "80.00", "currency": "EUR"}}
KIND = "payment.capture_overdue"


def policy_of(text: str) -> Policy:
    """The policy that a file with this text states."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        path.write_text(text, encoding="utf-8")
        return load_policy(path)


class Desk:
    """A shard whose order A-1 is captured too late, and people who decide about that."""

    def __init__(self, rules: str = "", more: str = "") -> None:
        usual = "" if f"{KIND}:" in rules else f"{KIND}: {{severity: medium, steps: []}}, "
        self.shard = Shard(policy_of(f"rules: {{order.pending_too_long: off, {usual}{rules}}}\n{more}"))
        self.number = 0
        self.now = T0 - 60_000_000
        self.give("order.placed", PLACED)
        self.now = T0 + 24 * HOUR
        (raised,) = self.wait(24 * HOUR)
        self.id = str(raised.data["exception_id"])

    def wait(self, hours: int) -> list[OutputRecord]:
        """What the passing of time to so many µs after the start makes be said of the exception."""
        self.now = T0 + hours
        self.shard.advance(self.now)
        return self._said()

    def give(self, type_: str, data: Data, *, at: int | None = None, topic: str | None = None) -> list[OutputRecord]:
        """What an event that is logged a minute later makes be said."""
        self.number += 1
        self.now += 60_000_000
        self.shard.apply(record(line(f"e{self.number}", self.now if at is None else at, type_, data=data), self.now, topic=topic))
        return self._said()

    def decide(self, what: str, **data: object) -> list[OutputRecord]:
        """What a decision about it makes be said."""
        return self.give(f"case.{what}", {"exception_id": self.id, **data})

    def case(self, outs: list[OutputRecord]) -> Data:
        """The case as the one event says it."""
        (out,) = outs
        assert out.type.startswith("exception."), out.data
        return cast("Data", out.data["case"])

    def _said(self) -> list[OutputRecord]:
        return [out for out in self.shard.drain() if (out.kind == KIND and out.topic == "exceptions") or out.topic == "rejects"]
