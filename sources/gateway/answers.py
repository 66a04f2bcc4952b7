"""What whoever sent events or decisions is answered: what became of each, in their order, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import orjson

from sources.gateway.request import STATUS, Outcome

OF_PIECES: Final = {
    200: "all accepted",
    207: "some accepted, some refused: see `results`",
    412: "all refused, since what they are about has changed",
    422: "all refused",
    503: "all refused, since the store does not answer: come again",
}
"""What a status says of the pieces of a body."""


@dataclass(frozen=True, slots=True)
class PieceResult:
    """What became of one event or decision. `more` stands beside it, such as what has changed meanwhile."""

    status: Literal["accepted", "refused"]
    id: str | None = None
    reason: str | None = None
    detail: str | None = None
    more: Mapping[str, object] = field(default_factory=dict[str, object])

    def plain(self) -> dict[str, object]:
        """As JSON shows it."""
        stated = {"status": self.status, "id": self.id, "reason": self.reason, "detail": self.detail}
        return {name: value for name, value in stated.items() if value is not None} | dict(self.more)


def refused(reason: str, detail: str, id_: str | None = None, **more: object) -> PieceResult:
    """A piece that was not taken."""
    return PieceResult("refused", id_, reason, detail, more)


@dataclass(frozen=True, slots=True)
class ApiReply:
    """The answer to a request: its outcome, and what became of each piece, or why the whole was not taken."""

    outcome: Outcome
    results: Sequence[PieceResult] = ()
    reason: str = ""
    detail: str = ""
    retry_after: int | None = None
    close: bool = False

    @property
    def status(self) -> int:
        """The HTTP status: of the pieces (see `OF_PIECES`), where there are any."""
        if not self.results:
            return STATUS[self.outcome]
        accepted = sum(result.status == "accepted" for result in self.results)
        if accepted == len(self.results):
            return 200
        if accepted:
            return 207
        reasons = {result.reason for result in self.results}
        return 412 if reasons == {"changed"} else 503 if reasons == {"store_unavailable"} else 422

    def body(self) -> bytes:
        """The JSON of it, with a line's end."""
        if not self.results:
            shown: dict[str, object] = {"error": self.reason or self.outcome}
            if self.detail:
                shown["detail"] = self.detail
        else:
            accepted = sum(result.status == "accepted" for result in self.results)
            shown = {
                "accepted": accepted,
                "refused": len(self.results) - accepted,
                "results": [result.plain() for result in self.results],
            }
        return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)


def outcome_of(results: Sequence[PieceResult]) -> Outcome:
    """What a request with such results is counted as."""
    accepted = sum(result.status == "accepted" for result in results)
    return "accepted" if accepted == len(results) else "partly" if accepted else "refused"
