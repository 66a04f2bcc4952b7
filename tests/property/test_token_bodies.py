"""Whatever comes in one body: each event and each decision has its own result, in the order of the body, and nothing else is written."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflows.ingest.decisions.checks import NewDecision, read_decision
from dataflows.ingest.decisions.who import holder as holder_of
from schemas.deciding import is_decision
from schemas.wire import Rejected, decode
from sources.gateway.batches import MOST_PIECES, UnreadableBodyError, pieces_of, unzipped
from sources.gateway.events_in import EventIntake, checked
from sources.gateway.listener import GatewayStats
from sources.gateway.tokens.book import Token
from sources.gateway.tokens.scopes import DecisionScope, EventScope, TokenScope
from sources.gateway.writers import UnfitEventError
from tests.unit.gateway.api_parts import AT, DECISION, EVENT

if TYPE_CHECKING:
    from collections.abc import Sequence

SCOPE = TokenScope(EventScope(("/warehouse/*",)), DecisionScope("user:anna", ("operator",)))
TOKEN = Token("0" * 12, "anna", b"", None, None, SCOPE, 0.0, None, None, None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def bent(name: str, value: Any) -> dict[str, Any]:
    """An event with one attribute as it may be anything."""
    return {**EVENT, name: value}


def of_number(number: int) -> dict[str, Any]:
    """An event of the warehouse."""
    return {**EVENT, "id": f"e{number}"}


def of_source(source: str) -> dict[str, Any]:
    """An event of another source."""
    return {**EVENT, "source": source}


def claimed(name: str, value: Any) -> dict[str, Any]:
    """A decision with one attribute as it may be anything."""
    return {**DECISION, name: value}


def claimed_within(name: str, value: Any) -> dict[str, Any]:
    """A decision with one field as it may be anything."""
    return {**DECISION, "data": {"exception_id": "x", name: value}}


VALID = st.builds(of_number, st.integers(0, 99))
FOREIGN = st.builds(of_source, st.sampled_from(["/payments/stripe", "/warehouse", "/orderwatch/api"]))
PIECE = st.one_of(VALID, VALID, st.builds(bent, st.sampled_from(sorted(EVENT)), JSON), FOREIGN, JSON)
DECIDED = st.one_of(
    st.just(dict(DECISION)),
    st.builds(claimed, st.sampled_from([*DECISION, "id", "by", "source", "tenant", "x"]), JSON),
    st.builds(claimed_within, st.sampled_from(["by", "note", "until"]), JSON),
    JSON,
)
slow = settings(suppress_health_check=[HealthCheck.too_slow])


class Heap:
    """A log that takes every event but those that are unfit."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.ailment = None

    async def write(self, events: Sequence[dict[str, Any]]) -> None:
        """Takes all, or none."""
        if any(event["id"] == "e7" for event in events):
            raise UnfitEventError("too large")
        self.events += events

    def close(self) -> None:
        """Nothing to close."""


class Letters:
    """Dead letters as they are written."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.refused = self

    async def write(self, lines: Sequence[bytes]) -> None:
        """Keeps them."""
        self.lines += lines


def bodies(values: list[Any]) -> list[bytes]:
    """The same in every form that a body has."""
    found = [json.dumps(values).encode()] if values else []
    lines = [json.dumps(value).encode() for value in values]
    if len(lines) > 1:
        found.append(b"\n".join(lines) + b"\n")
    return found


@slow
@given(st.lists(PIECE, min_size=1, max_size=8))
def test_any_mixture_of_events_has_its_results_in_order(values: list[Any]) -> None:
    """As an array and as lines, compressed or not: the same results, as if each had come alone, and only the accepted are written."""
    alone = [checked(EventScope(("/warehouse/*",)), pieces_of(json.dumps([value]).encode())[0]) for value in values]
    for body in bodies(values):
        heap, letters = Heap(), Letters()
        intake = EventIntake(heap, letters, GatewayStats(), patience=10)  # type: ignore[arg-type]
        pieces = pieces_of(unzipped(gzip.compress(body), 1 << 20))
        reply = asyncio.run(intake.take(TOKEN, {}, pieces))
        assert len(reply.results) == len(values)
        for value, one, result in zip(values, alone, reply.results, strict=True):
            unfit = one.status == "accepted" and value["id"] == "e7"
            assert (result.status, result.reason) == (("refused", "too_large") if unfit else (one.status, one.reason))
        written = [value for value, one in zip(values, alone, strict=True) if one.status == "accepted" and value["id"] != "e7"]
        assert sorted(heap.events, key=str) == sorted(written, key=str)
        assert all(not is_decision(event["type"]) and event["source"].startswith("/warehouse/") for event in heap.events)
        assert len(letters.lines) == len(values) - len(written)


@slow
@given(DECIDED)
def test_no_decision_says_of_itself_who_made_it(value: Any) -> None:
    """Whatever is stated: what is written is a decision of the contract by the token's holder, at the server's time; else it is refused."""
    piece = pieces_of(json.dumps([value]).encode())[0]
    if piece.value is None:
        return
    found = read_decision(holder_of(TOKEN), piece.value, AT)
    if not isinstance(found, NewDecision):
        assert all(found)
        return
    event = decode(json.dumps(found.event).encode())
    assert is_decision(event.type)
    assert (event.source, event.time, found.event["tenant"]) == ("/orderwatch/api", AT, "default")
    data: Any = found.event["data"]
    assert (data["by"], data["by_roles"]) == ("user:anna", ["operator"])
    assert event.id.startswith("0" * 12)


@slow
@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_arbitrary_bytes_are_pieces_or_refused(body: bytes) -> None:
    """Nothing else is raised, and what is taken for an event is one."""
    try:
        pieces = pieces_of(body)
    except UnreadableBodyError as error:
        assert error.reason in ("not_json", "too_many")  # noqa: PT017 - it may be raised, and need not
        return
    assert 0 < len(pieces) <= MOST_PIECES
    for piece in pieces:
        result = checked(EventScope(("*",)), piece)
        try:
            decode(piece.text)
        except Rejected:
            assert result.status == "refused"
        else:
            assert result.status == "accepted" or result.reason in ("not_a_decision_source", "tenant_not_allowed")


@slow
@given(st.binary(max_size=200), st.integers(0, 300))
def test_arbitrary_compressed_bodies_hold_no_more_than_they_may(body: bytes, most: int) -> None:
    """However they are bent."""
    for sent in (body, gzip.compress(body), gzip.compress(body)[: len(body)]):
        try:
            content = unzipped(sent, most)
        except UnreadableBodyError as error:
            assert error.reason in ("bad_encoding", "too_large")  # noqa: PT017 - as above
        else:
            assert len(content) <= most
