"""Contract events that come by `POST /events`: each is checked, those that may are written together, the others become dead letters.

An answer says of each what became of it, and comes once the accepted ones are durable. The same event again does no harm: whoever reads
the log drops it by tenant, source and ID.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import orjson

from schemas.envelope import DEFAULT_TENANT
from schemas.wire import Rejected, decode
from sources.adapters.output import Draft
from sources.adapters.translate import encoded
from sources.gateway.answers import ApiReply, PieceResult, outcome_of, refused
from sources.gateway.batches import PROBLEMS, Piece
from sources.gateway.dead_letters import DeadLetters
from sources.gateway.group import ClosedError
from sources.gateway.intake import RETRY_S, now_utc
from sources.gateway.listener import GatewayListener
from sources.gateway.tokens.book import Token
from sources.gateway.tokens.scopes import EventScope
from sources.gateway.writers import EventWriter, UnavailableError, UnfitEventError

ROUTE: Final = "events"
AT_ONCE: Final = 200
"""So many events are checked before other requests have their turn."""


def allowed(token: Token) -> bool:
    """Whether a token may send events at all."""
    return token.scope.events is not None


class EventIntake:
    """Takes events of token holders. `patience` (s) bounds how long they may take to become durable."""

    def __init__(
        self,
        writer: EventWriter,
        dead_letters: DeadLetters,
        listener: GatewayListener,
        *,
        patience: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._writer, self._dead_letters, self._listener = writer, dead_letters, listener
        self._patience, self._clock = patience, clock

    async def take(self, token: Token, headers: Mapping[str, str], pieces: Sequence[Piece]) -> ApiReply:
        """Writes the events that may be written, and says what became of each."""
        del headers
        scope = token.scope.events
        assert scope is not None, "the route asks whether a token may"
        results: list[PieceResult] = []
        good: list[tuple[int, Draft]] = []
        for number, piece in enumerate(pieces):
            result = checked(scope, piece)
            results.append(result)
            if result.status == "accepted" and piece.value is not None:
                good.append((number, piece.value))
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
        try:
            async with asyncio.timeout(self._patience):
                await self._write(good, results)
                await self._keep(token, pieces, results)
        except (TimeoutError, UnavailableError, OSError) as error:
            self._listener.failed("events not written", error)
            return ApiReply("unavailable", detail="not known to be durable: send all of it again", retry_after=RETRY_S)
        except ClosedError:
            return ApiReply("unavailable", detail="the gateway is stopping: send all of it again", retry_after=RETRY_S)
        if accepted := sum(result.status == "accepted" for result in results):
            self._listener.wrote("api", ROUTE, accepted)
        return ApiReply(outcome_of(results), results)

    async def _write(self, good: Sequence[tuple[int, Draft]], results: list[PieceResult]) -> None:
        """Writes events; where the log will not have one of them, each by itself, so that only that one is refused."""
        if not good:
            return
        try:
            await self._writer.write([event for _, event in good])
        except UnfitEventError as error:
            if len(good) == 1:
                number = good[0][0]
                results[number] = refused("too_large", str(error), results[number].id)
                return
            half = len(good) // 2
            await self._write(good[:half], results)
            await self._write(good[half:], results)

    async def _keep(self, token: Token, pieces: Sequence[Piece], results: Sequence[PieceResult]) -> None:
        received = now_utc(self._clock).isoformat()
        lines = [
            _letter(received, token.name, piece, result)
            for piece, result in zip(pieces, results, strict=True)
            if result.status == "refused"
        ]
        if lines:
            await self._dead_letters.refused.write(lines)


def checked(scope: EventScope, piece: Piece) -> PieceResult:
    """Whether a piece is an event that may be written by whoever has this scope."""
    if piece.value is None:
        return refused(piece.problem, PROBLEMS[piece.problem])
    given = piece.value.get("id")
    id_ = given if isinstance(given, str) and len(given) <= 256 else None
    try:
        event = decode(encoded(piece.value))
    except Rejected as why:
        return refused(why.reason, why.detail, id_)
    except orjson.JSONEncodeError:
        return refused("not_json", "cannot be written as JSON", id_)
    wrong = scope.refused(event.tenant or DEFAULT_TENANT, event.source, event.type)
    return PieceResult("accepted", event.id) if wrong is None else refused(*wrong, event.id)


def _letter(received: str, token: str, piece: Piece, result: PieceResult) -> bytes:
    """A refused event as it came, in a line such as a refused request has."""
    return orjson.dumps(
        {
            "received": received,
            "system": "api",
            "connection": token,
            "reason": result.reason,
            "detail": result.detail,
            "url": f"/{ROUTE}",
            "headers": {},
            "body": piece.text.decode("utf-8", "replace"),
        }
    )
