"""Decisions of token holders and of people: checked, compared with what is expected, notes kept, written, audited, answered; in this order.

Those of one request that are accepted are written together, in their order, and answered once they are durable. Which of them count the
engine says, in its own time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

import orjson

from dataflows.ingest.decisions.checks import NewDecision, read_decision
from dataflows.ingest.decisions.expected import CaseStoreReader, DecisionsUnderWay, StandingTarget, StoreDownError
from dataflows.ingest.decisions.who import Decider, holder
from schemas.roles import DECIDERS
from sinks.decisions import DecisionWriter, RefusedDecisionError, UnwrittenError
from sources.gateway.answers import ApiReply, PieceResult, outcome_of, refused
from sources.gateway.batches import PROBLEMS, Piece
from sources.gateway.group import ClosedError
from sources.gateway.intake import RETRY_S, now_utc
from sources.gateway.tokens.book import Token

ROUTE: Final = "decisions"
AGAIN: Final = "not known to be durable: send all of it again, with the same IDs where you gave some"
NO_STORE: Final = "the gateway has no store: set store.url"
UNSEEN: Final = "there is no such exception or action among those that may be decided about"
NO_HEADERS: Final[Mapping[str, str]] = {}
T = TypeVar("T")


def allowed(token: Token) -> bool:
    """Whether a token may make decisions at all."""
    return token.scope.decisions is not None


class IntakeListener(Protocol):
    """What is told of decisions that were taken in."""

    def wrote(self, system: str, connection: str, count: int) -> None:
        """So many decisions of a request are durable; `system`: by which way they came."""
        ...

    def failed(self, what: str, error: Exception) -> None:
        """Something went wrong that is not a sender's fault."""
        ...


class AuditLines(Protocol):
    """Where the lines of the audit go."""

    async def write(self, lines: Sequence[bytes]) -> None:
        """Returns once they are written. Raises OSError."""
        ...


class DecisionIntake:
    """Takes decisions. `audit` gets a line for each; `store` is None where there is none, and then nobody can expect or note anything."""

    def __init__(
        self,
        writer: DecisionWriter,
        audit: AuditLines,
        listener: IntakeListener,
        store: CaseStoreReader | None,
        *,
        patience: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._writer, self._audit, self._listener, self._store = writer, audit, listener, store
        self._patience, self._clock = patience, clock
        self._under_way = DecisionsUnderWay()

    async def take(self, token: Token, headers: Mapping[str, str], pieces: Sequence[Piece]) -> ApiReply:
        """The decisions of a token holder's request."""
        return await self.decide(holder(token), pieces, headers)

    async def decide(self, decider: Decider, pieces: Sequence[Piece], headers: Mapping[str, str] = NO_HEADERS) -> ApiReply:
        """Writes the decisions that may be made, and says what became of each."""
        read = self._read(decider, pieces)
        wrong = _with_expectation(headers, read)
        if wrong is not None:
            return wrong
        results: list[PieceResult | None] = [one if isinstance(one, PieceResult) else None for one in read]
        new = {number: one for number, one in enumerate(read) if isinstance(one, NewDecision)}
        try:
            async with asyncio.timeout(self._patience):
                await self._compare(decider, new, results)
                reply = await self._written(decider, new, results)
                await self._note(decider, pieces, read, results)
        except (TimeoutError, UnwrittenError, StoreDownError, OSError) as error:
            self._listener.failed(_what(error), error)
            reply = ApiReply("unavailable", detail=AGAIN, retry_after=RETRY_S)
        except ClosedError:
            reply = ApiReply("unavailable", detail=AGAIN, retry_after=RETRY_S)
        if reply.outcome == "unavailable":
            for decision in new.values():
                self._under_way.drop(decision)
        return reply

    def _read(self, decider: Decider, pieces: Sequence[Piece]) -> list[NewDecision | PieceResult]:
        now = now_utc(self._clock)
        found: list[NewDecision | PieceResult] = []
        for piece in pieces:
            if piece.value is None:
                found.append(refused(piece.problem, PROBLEMS[piece.problem]))
                continue
            one = read_decision(decider, piece.value, now)
            found.append(one if isinstance(one, NewDecision) else refused(*one))
        return found

    async def _compare(self, decider: Decider, new: dict[int, NewDecision], results: list[PieceResult | None]) -> None:
        """Refuses what is expected otherwise, or names another order than the one that it is about; what is left is under way."""
        standing: Mapping[tuple[str, str], StandingTarget] = {}
        targets = {one.target for one in new.values() if one.target is not None}
        if self._store is not None and targets:
            try:
                standing = await _aside(partial(self._store.standing, targets))
            except StoreDownError as error:
                # Who expects and notes nothing can decide without it: the engine checks whose an exception is.
                self._listener.failed(_what(error), error)
                for number, decision in [*new.items()]:
                    if decider.narrowed or decision.expected is not None or decision.note is not None:
                        results[number] = refused("store_unavailable", str(error))
                        del new[number]
        for number, decision in [*new.items()]:
            known = None if decision.target is None else standing.get(decision.target)
            result = await self._objection(decider, decision, known)
            if result is None and known is not None:
                self._under_way.add(decision, known.sequence, decider.scope.by)
            if result is not None:
                results[number] = result
                del new[number]

    async def _objection(self, decider: Decider, decision: NewDecision, known: StandingTarget | None) -> PieceResult | None:
        if self._store is None and (decider.narrowed or decision.expected is not None or decision.note is not None):
            return refused("no_store", NO_STORE)
        if decider.narrowed and (known is None or not decider.may_see(known.team, known.site)):
            return refused("out_of_scope", UNSEEN)
        if known is not None and (known.tenant, known.order) != (decision.event["tenant"], decision.event["subject"]):
            return refused("wrong_subject", "it is not of this tenant and order")
        if decision.expected is None:
            return None
        if known is None:
            what = "the store knows no such exception or action" if decision.target else "nothing has a sequence here"
            return refused("changed", what, expected=decision.expected)
        if known.sequence != decision.expected:
            assert self._store is not None
            assert decision.target is not None
            changes = await _aside(partial(self._store.changed, decision.target, decision.expected))
            why = f"it stands at sequence {known.sequence}"
            return refused("changed", why, expected=decision.expected, sequence=known.sequence, changes=list(changes))
        rival = self._under_way.rival(decision, known.sequence, decider.scope.by)
        if rival is None:
            return None
        who, id_ = rival
        assert self._store is not None
        found = await _aside(partial(self._store.refusals, [id_]))
        if id_ in found:
            return None  # The engine has refused that one: it is under way no more.
        return refused("changed", f"{who} has just decided about it", expected=decision.expected, sequence=known.sequence)

    async def _written(self, decider: Decider, new: dict[int, NewDecision], results: list[PieceResult | None]) -> ApiReply:
        if new:
            noted = [one for one in new.values() if one.note is not None]
            if noted and self._store is not None:
                # Before the event that refers to them: nobody finds a reference to what is not there.
                await _aside(partial(self._store.keep_notes, noted))
            try:
                await _aside(partial(self._writer.write, [one.event for one in new.values()]))
            except RefusedDecisionError:
                await self._write_each(new, results)
            self._listener.wrote(decider.way, ROUTE, len(new))
        for number, decision in new.items():
            results[number] = PieceResult("accepted", decision.id)
        final = [one for one in results if one is not None]
        return ApiReply(outcome_of(final), final)

    async def _write_each(self, new: dict[int, NewDecision], results: list[PieceResult | None]) -> None:
        """Writes each alone: to come again with what the log refuses for good would be of no use."""
        for number, one in [*new.items()]:
            try:
                await _aside(partial(self._writer.write, [one.event]))
            except RefusedDecisionError as why:
                self._listener.failed("a decision refused by the log", why)
                results[number] = refused("refused_by_log", str(why))
                self._under_way.drop(one)
                del new[number]

    async def _note(
        self,
        decider: Decider,
        pieces: Sequence[Piece],
        read: Sequence[NewDecision | PieceResult],
        results: Sequence[PieceResult | None],
    ) -> None:
        """Writes the lines of the audit: who asked for what, and what became of it. No text that a person wrote stands in them."""
        scope = decider.scope
        who = {"at": now_utc(self._clock).isoformat(), "token": decider.name, "by": scope.by, "roles": scope.roles}
        lines: list[bytes] = []
        for piece, one, result in zip(pieces, read, results, strict=True):
            assert result is not None
            outcome = {"outcome": result.status, "id": result.id, "reason": result.reason}
            lines.append(orjson.dumps({**who, **_about(piece, one), **outcome}))
        await self._audit.write(lines)


def _with_expectation(headers: Mapping[str, str], read: list[NewDecision | PieceResult]) -> ApiReply | None:
    """Takes `If-Match` as the expectation of the one decision that there is; an answer where that cannot be."""
    given = headers.get("if-match")
    if given is None:
        return None
    text = given.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        return ApiReply("not_readable", reason="bad_value", detail='If-Match is a sequence, such as "4"')
    if len(read) != 1:
        return ApiReply("not_readable", reason="bad_value", detail="If-Match is for one decision: give each its expected_sequence")
    one = read[0]
    if isinstance(one, NewDecision):
        read[0] = one._replace(expected=int(text))
    return None


def _about(piece: Piece, one: NewDecision | PieceResult) -> dict[str, object]:
    if isinstance(one, NewDecision):
        event, target = one.event, one.target
        found: dict[str, object] = {"type": event["type"], "tenant": event["tenant"], "subject": event.get("subject")}
        return found | ({} if target is None else {target[0]: target[1]})
    type_ = None if piece.value is None else piece.value.get("type")
    return {"type": type_ if isinstance(type_, str) and type_ in DECIDERS else None}  # a client's other words stand nowhere


def _what(error: Exception) -> str:
    return "the store does not answer" if isinstance(error, StoreDownError) else "decisions not written"


async def _aside(work: Callable[[], T]) -> T:
    """Work that waits for others, on a thread; it is brought to its end also where nobody waits for it any more."""
    return await asyncio.to_thread(work)
