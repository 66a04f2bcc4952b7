"""`POST /events` and `POST /decisions` over real sockets: who may come in, how much may come, and what is answered."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from sources.gateway.api import ApiLimits
from sources.gateway.tokens.scopes import DecisionScope, EventScope, TokenScope
from sources.gateway.writers import UnavailableError, UnfitEventError
from tests.support.webhooks import Sender
from tests.unit.gateway.api_parts import ANNA, DECISION, EVENT, LIMITS, WAREHOUSE, api, post, secret_of, served

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sources.adapters.output import Draft


def event(id_: str, **more: object) -> dict[str, Any]:
    """An event of the warehouse."""
    return {**EVENT, "id": id_, **more}


def outcomes(answer: dict[str, Any]) -> list[str]:
    """What became of each: `accepted`, or the reason."""
    return [one.get("reason", one["status"]) for one in answer["results"]]


def test_events_come_one_by_one_as_an_array_as_lines_and_compressed(tmp_path: Path) -> None:
    """What is accepted is in the log when the answer comes, in the order of the bodies."""
    lines = b"\n".join(json.dumps(event(id_)).encode() for id_ in ("4", "5"))

    async def run() -> None:
        async with served(given) as port:
            for body, more in (
                (event("1"), {}),
                ([event("2"), event("3")], {}),
                (lines, {}),
                (gzip.compress(json.dumps(event("6")).encode()), {"content_encoding": "gzip"}),
                (json.dumps(event("7"), indent=2).encode(), {}),
            ):
                status, answer, _ = await post(port, "events", token, body, **more)
                assert (status, answer["refused"]) == (200, 0)

    with api(tmp_path) as given:
        token = given.token(WAREHOUSE)
        asyncio.run(run())
        assert [one["id"] for one in given.events()] == [*"1234567"]
        assert given.gateway.stats.events == {("api", "events"): 7}
        assert given.letters() == []


def test_what_is_refused_stops_nothing_else_and_is_kept(tmp_path: Path) -> None:
    """Each has its result, in order; the refused ones become dead letters, without the token."""
    body = b"\n".join(
        json.dumps(one).encode() if one is not None else b"{nothing"
        for one in (
            event("1"),
            event("2", source="/payments/stripe"),
            None,
            ["no", "object"],
            event("3", tenant="other"),
            event("4", type="case.resolved", data={"exception_id": "x"}),
            event("5", type="warehouse.vanished"),
            event("6"),
        )
    )
    wanted = [
        "accepted",
        "source_not_allowed",
        "not_json",
        "not_an_object",
        "tenant_not_allowed",
        "not_a_decision_source",
        "unknown_type",
        "accepted",
    ]

    async def run() -> None:
        async with served(given) as port:
            status, answer, _ = await post(port, "events", token, body)
            assert (status, answer["accepted"], answer["refused"]) == (207, 2, 6)
            assert outcomes(answer) == wanted
            status, answer, _ = await post(port, "events", token, event("7", source="/elsewhere"))
            assert status == 422

    with api(tmp_path) as given:
        token = given.token(WAREHOUSE, "shop")
        asyncio.run(run())
        assert [one["id"] for one in given.events()] == ["1", "6"]
        assert [one["reason"] for one in given.letters()] == [*wanted[1:7], "source_not_allowed"]
        assert {(one["system"], one["connection"], one["url"]) for one in given.letters()} == {("api", "shop", "/events")}
        assert json.loads(given.letters()[0]["body"]) == event("2", source="/payments/stripe")
        assert given.gateway.stats.refusals["api", "events", "source_not_allowed"] == 2
        assert secret_of(token) not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_token_that_does_not_hold_is_told_nothing(tmp_path: Path) -> None:
    """None, a wrong one, an unknown one, a revoked one and one that has expired all get the same answer; the next request counts."""

    async def run() -> None:
        async with served(given) as port:
            assert (await post(port, "events", good, EVENT))[0] == 200
            wrong = good[:-1] + ("a" if good[-1] != "a" else "b")
            for token in (None, "", wrong, "ow_000000000000_" + "x" * 43, decider + "x", "Basic abc", "ow_" + "é" * 60):
                status, answer, reply = await post(port, "events", token, EVENT)
                assert (status, answer["error"]) == (401, "unauthorized")
                assert reply.headers["www-authenticate"].startswith("Bearer")
            given.now[0] += 61  # it expires
            assert (await post(port, "events", good, EVENT))[0] == 401
            given.now[0] -= 61
            fresh = str(given.book.rotate("good", grace=30))
            assert (await post(port, "events", fresh, EVENT))[0] == 200
            assert (await post(port, "events", good, EVENT))[0] == 200
            given.now[0] += 31
            assert (await post(port, "events", good, EVENT))[0] == 401
            assert (await post(port, "events", fresh, EVENT))[0] == 200
            given.book.revoke("good")
            assert (await post(port, "events", fresh, EVENT))[0] == 401

    with api(tmp_path) as given:
        good, decider = given.token(WAREHOUSE, "good", expires=given.now[0] + 60), given.token(ANNA)
        asyncio.run(run())
        assert {reply for _, _, reply in given.gateway.stats.replies} == {"accepted", "forged"}


def test_each_route_is_for_its_own_tokens(tmp_path: Path) -> None:
    """A token for events decides nothing, and one for decisions sends no events: said before the body is read."""

    async def run() -> None:
        async with served(given) as port:
            for route, token in (("events", decider), ("decisions", sender)):
                sender_ = Sender(port)
                head = f"POST /{route} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 90000\r\n\r\n"
                reply = await sender_.raw(head.encode())
                assert (reply.status, json.loads(reply.body)["error"]) == (403, "forbidden")
                await sender_.close()
            for path, method, status in (("/events", "GET", 405), ("/events/", "POST", 200), ("/events/x", "POST", 404)):
                sender_ = Sender(port)
                reply = await sender_.post(path, json.dumps(EVENT).encode(), {"authorization": f"Bearer {sender}"}, method=method)
                assert reply.status == status
                await sender_.close()

    with api(tmp_path) as given:
        sender, decider = given.token(WAREHOUSE), given.token(ANNA)
        asyncio.run(run())
        assert given.decisions() == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "error"),
    [
        (b"", {}, 400, "not_json"),
        (b"nothing", {}, 400, "not_json"),
        (b"a\nb", {}, 400, "not_json"),
        (b"[]", {}, 400, "not_json"),
        (b'[{"id":1},', {}, 400, "not_json"),
        (b"x" * 100_001, {}, 413, "too_large"),
        (gzip.compress(b" " * 200_001), {"content_encoding": "gzip"}, 413, "too_large"),
        (gzip.compress(b"{}")[:-3], {"content_encoding": "gzip"}, 400, "bad_encoding"),
        (gzip.compress(b"{}") + b"more", {"content_encoding": "gzip"}, 400, "bad_encoding"),
        (b"{}", {"content_encoding": "gzip"}, 400, "bad_encoding"),
        (b"{}", {"content_encoding": "br"}, 415, "bad_encoding"),
        (b"{}\n" * 10_001, {}, 413, "too_many"),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused_as_a_whole(
    tmp_path: Path, body: bytes, headers: dict[str, str], status: int, error: str
) -> None:
    """Too large, also when decompressed; torn; or no JSON anywhere."""

    async def run() -> None:
        async with served(given) as port:
            got, answer, _ = await post(port, "events", token, body, **headers)
            assert (got, answer["error"]) == (status, error)

    with api(tmp_path) as given:
        token = given.token(WAREHOUSE)
        asyncio.run(run())
        assert given.events() == []


def test_one_token_that_comes_too_often_waits_and_no_other_does(tmp_path: Path) -> None:
    """Two at once, then one in a thousand seconds."""

    async def run() -> None:
        async with served(given) as port:
            statuses = [(await post(port, "events", tokens[0], EVENT))[0] for _ in range(3)]
            assert statuses == [200, 200, 429]
            status, answer, reply = await post(port, "events", tokens[0], EVENT)
            assert (status, answer["error"]) == (429, "too_often")
            assert int(reply.headers["retry-after"]) > 100
            assert (await post(port, "events", tokens[1], EVENT))[0] == 200

    with api(tmp_path, of_tokens=ApiLimits(rate=0.001, burst=2)) as given:
        tokens = [given.token(WAREHOUSE) for _ in range(2)]
        asyncio.run(run())


def test_a_body_that_trickles_is_cut_off_while_others_go_on(tmp_path: Path) -> None:
    """As with webhooks: the body has the time that all bodies have."""

    async def run() -> None:
        async with served(given) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"POST /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 99\r\n\r\n{{".encode())
            assert (await post(port, "events", token, EVENT))[0] == 200
            assert (await reader.read(1_000)).startswith(b"HTTP/1.1 408")
            writer.close()

    with api(tmp_path) as given:
        token = given.token(WAREHOUSE)
        asyncio.run(run())


def test_what_is_not_known_to_be_durable_is_to_be_sent_again(tmp_path: Path) -> None:
    """All of it: also what was refused, which is not kept twice for that."""

    async def run() -> None:
        async with served(given) as port:
            given.gateway.writer.error = UnavailableError("the broker did not answer in time")
            status, answer, reply = await post(port, "events", token, [EVENT, {"id": "x"}])
            assert (status, answer["error"], reply.headers["retry-after"]) == (503, "unavailable", "5")
            given.gateway.writer.error = None
            assert (await post(port, "events", token, [EVENT, {"id": "x"}]))[0] == 207

    with api(tmp_path) as given:
        token = given.token(WAREHOUSE)
        asyncio.run(run())
        assert len(given.events()) == len(given.letters()) == 1


def test_an_event_that_the_log_never_takes_is_the_only_one_refused(tmp_path: Path) -> None:
    """The others of its body are written."""

    async def run() -> None:
        async with served(given) as port:
            _, answer, _ = await post(port, "events", token, [event(str(n)) for n in range(7)])
            assert outcomes(answer) == ["accepted"] * 3 + ["too_large"] + ["accepted"] * 3

    with api(tmp_path) as given:
        token, write = given.token(WAREHOUSE), given.gateway.writer.behind.write

        async def unfit(events: Sequence[Draft]) -> None:
            if any(one["id"] == "3" for one in events):
                raise UnfitEventError("MSG_SIZE_TOO_LARGE")
            await write(events)

        given.gateway.writer.write = unfit  # type: ignore[method-assign]
        asyncio.run(run())
        assert {one["id"] for one in given.events()} == {*"012456"}


def test_scopes_name_sources_types_and_tenants(tmp_path: Path) -> None:
    """A pattern stands for what it matches, and for nothing else."""
    scope = TokenScope(events=EventScope(("/carrier/ups", "/w/*"), ("carrier.*", "warehouse.packed"), ("acme", "bolt")))

    async def run() -> None:
        async with served(given) as port:
            for source, type_, tenant, wanted in (
                ("/carrier/ups", "warehouse.packed", "acme", "accepted"),
                ("/w/x/y", "warehouse.packed", "bolt", "accepted"),
                ("/carrier/upsilon", "warehouse.packed", "acme", "source_not_allowed"),
                ("/w/x", "warehouse.picked", "acme", "type_not_allowed"),
                ("/w/x", "warehouse.packed", "Acme", "tenant_not_allowed"),
                ("/w/x", "warehouse.packed", "default", "tenant_not_allowed"),
            ):
                _, answer, _ = await post(port, "events", token, event("1", source=source, type=type_, tenant=tenant))
                assert outcomes(answer) == [wanted]

    with api(tmp_path) as given:
        token = given.token(scope)
        asyncio.run(run())


def test_requests_beyond_what_is_answered_at_a_time_are_to_come_again(tmp_path: Path) -> None:
    """Of all token holders together."""

    async def run() -> None:
        given.gateway.writer.gate = asyncio.Event()
        async with served(given) as port:
            waiting = [asyncio.create_task(post(port, "events", token, event(str(n)))) for n in range(LIMITS.requests)]
            while len(given.gateway.writer.given) < LIMITS.requests:  # noqa: ASYNC110 - the double has no event for it
                await asyncio.sleep(0.01)
            assert (await post(port, "events", token, EVENT))[0] == 503
            given.gateway.writer.gate.set()
            assert [status for status, _, _ in await asyncio.gather(*waiting)] == [200] * LIMITS.requests

    with api(tmp_path) as given:
        token = given.token(WAREHOUSE)
        asyncio.run(run())


def test_a_token_for_both_uses_both(tmp_path: Path) -> None:
    """Its scopes stand side by side."""

    async def run() -> None:
        async with served(given) as port:
            assert (await post(port, "events", token, EVENT))[0] == 200
            assert (await post(port, "decisions", token, DECISION))[0] == 200

    with api(tmp_path) as given:
        token = given.token(TokenScope(EventScope(("*",)), DecisionScope("service:bot", ("operator",))))
        asyncio.run(run())
        assert given.decisions()[0]["data"]["by"] == "service:bot"
