"""`POST /decisions` over real sockets: who may decide what, that nobody claims to be another, concurrent edits, notes, the audit."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from dataflows.ingest.decisions.checks import NewDecision, read_decision
from dataflows.ingest.decisions.who import holder as holder_of
from schemas.deciding import is_decision
from schemas.events import DATA_MODELS
from schemas.roles import DECIDERS, OF_POLICY_ROLES, ROLES, may_decide
from schemas.wire import decode
from sinks.cases.schema import open_store
from sinks.cases.tables import notes
from sinks.decisions import RefusedDecisionError, UnwrittenError
from sources.gateway.tokens.book import Token
from sources.gateway.tokens.scopes import DecisionScope, TokenScope
from tests.support.webhooks import Sender
from tests.unit.gateway.api_parts import ANNA, AT, DECISION, api, post, secret_of, served

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LATER = "2100-01-01T00:00:00Z"
MINIMAL: Mapping[str, dict[str, Any]] = {
    "case.acknowledged": {"exception_id": "x-1"},
    "case.assigned": {"exception_id": "x-1", "assignee": "user:bo"},
    "case.snoozed": {"exception_id": "x-1", "until": LATER},
    "case.waiting": {"exception_id": "x-1", "on": "carrier"},
    "case.noted": {"exception_id": "x-1", "note": "called them"},
    "case.resolved": {"exception_id": "x-1", "outcome": "refunded"},
    "case.reopened": {"exception_id": "x-1"},
    "case.labelled": {"exception_id": "x-1", "label": "noise"},
    "action.initiated": {"action": "create_task"},
    "action.approved": {"action_id": "a-1", "payload_hash": "0"},
    "action.rejected": {"action_id": "a-1", "payload_hash": "0"},
    "action.observed": {"action_id": "a-1", "outcome": "executed"},
    "action.begun": {"action_id": "a-1", "attempt": 1},
    "action.executed": {"action_id": "a-1"},
    "action.failed": {"action_id": "a-1"},
    "action.in_doubt": {"action_id": "a-1"},
    "automation.paused": {"scope": "all"},
    "automation.resumed": {"scope": "all"},
    "policy.activated": {"version": "v", "text": "rules: {}"},
    "suggestion.made": {"exception_id": "x-1", "kind": "class", "value": "weather", "model": "m-1"},
}
"""Of each type the least that is a decision."""


def holder(*roles: str, tenants: tuple[str, ...] = ("*",), types: tuple[str, ...] = ("*",)) -> Token:
    """A token that decides as anna."""
    scope = TokenScope(decisions=DecisionScope("user:anna", roles, types, tenants))
    return Token("0" * 12, "anna", b"", None, None, scope, 0.0, None, None, None)


def read(token: Token, type_: str, data: Mapping[str, Any] | None = None, **more: Any) -> str:
    """`accepted`, or the reason of a refusal."""
    given = {"type": type_, "subject": "SO-1", "data": dict(MINIMAL[type_] if data is None else data), **more}
    found = read_decision(holder_of(token), given, AT)
    if not isinstance(found, NewDecision):
        return found[0]
    decode(json.dumps(found.event).encode())
    return "accepted"


def test_every_type_of_decision_stands_in_the_one_table() -> None:
    """And nothing else does: `order.forgotten` is a decision of the contract that has no model yet, or has one."""
    known = {type_ for type_ in DATA_MODELS if is_decision(type_)}
    assert known <= DECIDERS.keys()
    assert DECIDERS.keys() - known <= {"order.forgotten"}
    assert {role for roles in DECIDERS.values() for role in roles} <= ROLES.keys()
    assert MINIMAL.keys() >= known - {"order.forgotten"}


@pytest.mark.parametrize("role", [*ROLES, "finance"])
@pytest.mark.parametrize("type_", sorted(MINIMAL))
def test_a_role_decides_what_the_table_says_and_nothing_else(role: str, type_: str) -> None:
    """Every role and every type; a role of the policy's own may approve and reject."""
    wanted = role in DECIDERS[type_] if role in ROLES else type_ in OF_POLICY_ROLES
    assert may_decide([role], type_) == wanted
    assert read(holder(role), type_) == ("accepted" if wanted else "role_missing")
    assert read(holder("viewer", role), type_) == ("accepted" if wanted else "role_missing")
    assert read(holder(role, types=("nothing.*",)), type_) == "type_not_allowed"


@pytest.mark.parametrize("type_", sorted(MINIMAL))
def test_a_tenant_that_the_token_is_not_for_is_refused(type_: str) -> None:
    """What holds for all tenants needs a token for all."""
    token = holder(*ROLES, tenants=("acme",))
    assert read(token, type_, tenant="bolt") == "tenant_not_allowed"
    assert read(token, type_) == "tenant_not_allowed"
    of_all = type_ == "policy.activated" or type_.startswith("automation.")
    assert read(token, type_, tenant="acme") == ("tenant_not_allowed" if of_all else "accepted")
    if type_.startswith("automation."):
        assert read(token, type_, {"scope": "tenant:acme"}, tenant="acme") == "accepted"
        assert read(token, type_, {"scope": "tenant:bolt"}, tenant="acme") == "tenant_not_allowed"


@pytest.mark.parametrize("type_", sorted(MINIMAL))
@pytest.mark.parametrize(
    "claim",
    [
        {"source": "/orderwatch/dispatch"},
        {"time": "2020-01-01T00:00:00Z"},
        {"recordedtime": "2020-01-01T00:00:00Z"},
        {"topic": "order-events"},
        {"by": "user:eve"},
        {"data": {"by": "user:eve"}},
        {"data": {"by_roles": ["admin"]}},
        {"data": {"note_ref": "note-1"}},
        {"data": {"by": None}},
    ],
)
def test_what_a_client_claims_of_itself_is_refused(type_: str, claim: dict[str, Any]) -> None:
    """Who, in which roles, when, from where and to where the server says."""
    more = dict(claim)
    data = {**MINIMAL[type_], **more.pop("data", {})}
    assert read(holder(*ROLES), type_, data, **more) in ("claimed", "unknown_field")


@pytest.mark.parametrize(
    ("type_", "data", "wanted"),
    [
        ("case.assigned", {"exception_id": "x"}, "missing_field"),
        ("case.assigned", {"exception_id": "x", "assigne": "user:bo"}, "unknown_field"),
        ("case.assigned", {"assignee": "user:bo"}, "missing_field"),
        ("case.noted", {"exception_id": "x"}, "missing_field"),
        ("case.noted", {"exception_id": "x", "note": 7}, "bad_value"),
        ("case.noted", {"exception_id": "x", "note": "x" * 10_001}, "bad_value"),
        ("case.labelled", {"exception_id": "x", "label": "bad"}, "bad_value"),
        ("case.waiting", {"exception_id": "x", "on": "godot"}, "bad_value"),
        ("case.waiting", {"exception_id": "x", "on": "bank", "until": "2020-01-01T00:00:00Z"}, "until_passed"),
        ("case.snoozed", {"exception_id": "x"}, "missing_field"),
        ("case.snoozed", {"exception_id": "x", "until_kind": "promise_moves"}, "accepted"),
        ("case.snoozed", {"exception_id": "x", "until_kind": "ever"}, "bad_until_kind"),
        ("case.snoozed", {"exception_id": "x", "until": "2100-01-01"}, "bad_time"),
        ("case.snoozed", {"exception_id": "x", "until": "tomorrow"}, "bad_time"),
        ("action.approved", {"action_id": "a"}, "no_hash"),
        ("action.approved", {"payload_hash": "a"}, "missing_field"),
        ("action.observed", {"action_id": "a", "outcome": "perhaps"}, "bad_value"),
        ("action.initiated", {"action": "drop_tables"}, "illegal_action"),
        ("automation.paused", {"scope": "everything"}, "bad_scope"),
        ("automation.paused", {"scope": "rule:shipment.stuk"}, "bad_scope"),
        ("automation.paused", {}, "missing_field"),
    ],
)
def test_a_decision_that_means_nothing_is_refused_at_once(type_: str, data: dict[str, Any], wanted: str) -> None:
    """As far as that can be known without the engine."""
    assert read(holder("admin"), type_, data) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({}, "missing_field"),
        ({"type": 7}, "missing_field"),
        ({"type": "order.placed"}, "not_a_decision"),
        ({"type": "case.closed"}, "not_a_decision"),
        ({"type": "case.acknowledged", "subject": "SO-1"}, "missing_field"),
        ({"type": "case.acknowledged", "data": {"exception_id": "x"}}, "no_identity"),
        ({"type": "case.acknowledged", "subject": "SO-1", "data": []}, "wrong_type"),
        ({"type": "case.acknowledged", "subject": 1, "data": {"exception_id": "x"}}, "wrong_type"),
        ({"type": "case.acknowledged", "subject": "SO-1", "id": "", "data": {"exception_id": "x"}}, "bad_value"),
        ({"type": "case.acknowledged", "subject": "SO-1", "id": "x" * 129, "data": {"exception_id": "x"}}, "bad_value"),
        ({"type": "case.acknowledged", "subject": "SO-1", "expected_sequence": True, "data": {"exception_id": "x"}}, "bad_value"),
        ({"type": "case.acknowledged", "subject": "SO-1", "expected_sequence": -1, "data": {"exception_id": "x"}}, "bad_value"),
        ({"type": "case.acknowledged", "subject": "SO-1", "tenant": 1, "data": {"exception_id": "x"}}, "wrong_type"),
        ({"type": "case.acknowledged", "subject": "SO-1", "specversion": "2.0", "data": {"exception_id": "x"}}, "not_cloudevent"),
        ({"type": "case.acknowledged", "subject": "SO-1", "data": {"exception_id": "\ud800"}}, "not_json"),
    ],
)
def test_what_is_no_decision_is_refused(value: dict[str, Any], wanted: str) -> None:
    """With the reason that mends it."""
    found = read_decision(holder_of(holder("admin")), value, AT)
    assert not isinstance(found, NewDecision)
    assert found[0] == wanted


def test_who_decides_and_when_is_what_the_server_knows(tmp_path: Path) -> None:
    """The event has the token's name and roles, the server's time, and an ID that another token cannot take."""

    async def run() -> None:
        async with served(given) as port:
            status, answer, _ = await post(port, "decisions", token, {**DECISION, "id": "key-1"})
            assert (status, answer["results"][0]["id"]) == (200, given.decisions()[0]["id"])
            again = await post(port, "decisions", token, {**DECISION, "id": "key-1"})
            assert again[1]["results"][0]["id"] == answer["results"][0]["id"]
            other = await post(port, "decisions", second, {**DECISION, "id": "key-1"})
            assert other[1]["results"][0]["id"] != answer["results"][0]["id"]

    with api(tmp_path) as given:
        token, second = given.token(ANNA, "anna"), given.token(ANNA)
        asyncio.run(run())
        event = given.decisions()[0]
        assert event["source"] == "/orderwatch/api"
        assert event["data"] == {"exception_id": "x-1", "by": "user:anna", "by_roles": ["operator"]}
        assert datetime.fromisoformat(event["time"]) == AT
        assert {"token": "anna", "by": "user:anna", "type": "case.acknowledged", "outcome": "accepted"}.items() <= given.audit()[0].items()


def test_the_refused_of_a_body_stop_no_other_and_each_has_its_line_in_the_audit(tmp_path: Path) -> None:
    """In the order of the body."""
    body = [DECISION, {**DECISION, "type": "action.approved", "data": MINIMAL["action.approved"]}, {"type": "order.placed"}, 7, DECISION]
    wanted = ["accepted", "role_missing", "not_a_decision", "not_an_object", "accepted"]

    async def run() -> None:
        async with served(given) as port:
            status, answer, _ = await post(port, "decisions", token, body)
            assert (status, [one.get("reason", one["status"]) for one in answer["results"]]) == (207, wanted)

    with api(tmp_path) as given:
        token = given.token(ANNA)
        asyncio.run(run())
        assert len(given.decisions()) == 2
        assert [one["reason"] or one["outcome"] for one in given.audit()] == wanted


def test_of_two_who_decide_about_what_both_read_one_is_refused(tmp_path: Path) -> None:
    """With what changed, where the store knows it; and with who was quicker, where the engine has not read that yet."""
    boris = TokenScope(decisions=DecisionScope("user:boris", ("operator",)))

    async def run() -> None:
        async with served(given) as port:
            status, answer, _ = await post(port, "decisions", anna, DECISION, if_match='"2"')
            result = answer["results"][0]
            assert (status, result["reason"], result["sequence"]) == (412, "changed", 4)
            assert [one["sequence"] for one in result["changes"]] == [3, 4]
            both = [post(port, "decisions", token, {**DECISION, "expected_sequence": 4}) for token in (anna, other)]
            statuses = sorted(status for status, _, _ in await asyncio.gather(*both))
            assert statuses == [200, 412]
            # Whoever expects nothing may decide; and another exception has its own sequence.
            assert (await post(port, "decisions", other, DECISION))[0] == 200
            elsewhere = {**DECISION, "subject": "SO-2", "data": {"exception_id": "x-2"}}
            assert (await post(port, "decisions", other, elsewhere, if_match="1"))[0] == 200
            unknown = {**DECISION, "data": {"exception_id": "x-9"}}
            assert (await post(port, "decisions", other, unknown, if_match="1"))[0] == 412

    with api(tmp_path) as given:
        given.make_store(("x-1", "default", "SO-1", 4), ("x-2", "default", "SO-2", 1))
        anna, other = given.token(ANNA), given.token(boris)
        asyncio.run(run())
        assert len(given.decisions()) == 3


def test_the_order_that_is_named_must_be_the_exceptions(tmp_path: Path) -> None:
    """Nor can a token reach another tenant's exception by its ID."""
    acme = TokenScope(decisions=DecisionScope("user:anna", ("operator",), tenants=("acme",)))

    async def run() -> None:
        async with served(given) as port:
            for subject, tenant, wanted in (("SO-1", "acme", "wrong_subject"), ("SO-3", "acme", "wrong_subject"), ("SO-2", "acme", None)):
                id_ = "x-2" if wanted is None else "x-1"
                body = {**DECISION, "subject": subject, "tenant": tenant, "data": {"exception_id": id_}}
                _, answer, _ = await post(port, "decisions", token, body)
                assert answer["results"][0].get("reason") == wanted

    with api(tmp_path) as given:
        given.make_store(("x-1", "bolt", "SO-1", 1), ("x-2", "acme", "SO-2", 1))
        token = given.token(acme)
        asyncio.run(run())


@pytest.mark.parametrize("value", ["x", "", "-1", "4, 5", "*", "9" * 10])
def test_an_expectation_that_is_none_is_refused_as_a_whole(tmp_path: Path, value: str) -> None:
    """And one header is for one decision."""

    async def run() -> None:
        async with served(given) as port:
            assert (await post(port, "decisions", token, DECISION, if_match=value))[0] == 400
            assert (await post(port, "decisions", token, [DECISION, DECISION], if_match="1"))[0] == 400

    with api(tmp_path) as given:
        token = given.token(ANNA)
        asyncio.run(run())
        assert given.decisions() == []


def test_the_text_of_a_note_is_in_the_store_and_nowhere_else(tmp_path: Path) -> None:
    """The event bears its reference; of an action the decision's own ID is it."""
    approver = TokenScope(decisions=DecisionScope("user:anna", ("approver",)))
    bodies: Sequence[dict[str, Any]] = (
        {"id": "n", "type": "case.noted", "subject": "SO-1", "data": {"exception_id": "x-1", "note": "Jane is at +49 1"}},
        {"id": "r", "type": "case.resolved", "subject": "SO-1", "data": {"exception_id": "x-1", "note": "Jane was paid"}},
        {"id": "a", "type": "action.approved", "subject": "SO-1", "data": {**MINIMAL["action.approved"], "note": "Jane agreed"}},
    )

    async def run() -> None:
        async with served(given) as port:
            for _ in range(2):  # Sent again, it is the same note.
                assert (await post(port, "decisions", token, list(bodies)))[0] == 200

    with api(tmp_path) as given:
        given.make_store(("x-1", "default", "SO-1", 1))
        token = given.token(approver)
        asyncio.run(run())
        engine = open_store(given.store)
        with engine.connect() as connection:
            rows = connection.execute(select(notes.c.note_ref, notes.c.text, notes.c.by, notes.c.at, notes.c.action_id)).all()
        engine.dispose()
        assert {row.note_ref: row.text for row in rows} == {
            event["id"]: body["data"]["note"] for event, body in zip(given.decisions(), bodies, strict=False)
        }
        assert {(row.by, row.at) for row in rows} == {("user:anna", AT)}
        assert [event["data"].get("note_ref") for event in given.decisions()[:3]] == [*(one["id"] for one in given.decisions()[:2]), None]
        written = b"".join((tmp_path / name).read_bytes() for name in ("order-decisions.jsonl", "audit.jsonl"))
        assert b"Jane" not in written


def test_without_the_store_only_what_needs_it_is_refused(tmp_path: Path) -> None:
    """Notes and expectations do; what is refused alone is to be tried again."""
    note = {"type": "case.noted", "subject": "SO-1", "data": {"exception_id": "x-1", "note": "later"}}

    async def run() -> None:
        async with served(given) as port:
            status, answer, _ = await post(port, "decisions", token, [DECISION, note, {**DECISION, "expected_sequence": 1}])
            assert status == 207
            assert [one.get("reason") for one in answer["results"]] == [None, "store_unavailable", "store_unavailable"]
            assert (await post(port, "decisions", token, note))[0] == 503

    with api(tmp_path) as given:
        token = given.token(ANNA)
        asyncio.run(run())
        assert len(given.decisions()) == 1


def test_what_is_not_written_is_not_said_to_be(tmp_path: Path) -> None:
    """Nor does it keep anybody from deciding the same at the same sequence."""
    boris = TokenScope(decisions=DecisionScope("user:boris", ("operator",)))

    class Failing:
        """A writer that fails once."""

        def __init__(self) -> None:
            self.given: list[Mapping[str, object]] = []

        def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
            """Fails the first time."""
            self.given += decisions
            if len(self.given) == 1:
                raise UnwrittenError("the broker did not answer in time")

        def close(self) -> None:
            """Nothing to close."""

    async def run() -> None:
        async with served(given) as port:
            body = {**DECISION, "expected_sequence": 1}
            assert (await post(port, "decisions", anna, body))[0] == 503
            assert (await post(port, "decisions", other, body))[0] == 200

    writer = Failing()
    with api(tmp_path, writer=writer) as given:
        given.make_store(("x-1", "default", "SO-1", 1))
        anna, other = given.token(ANNA), given.token(boris)
        asyncio.run(run())
        assert [one["outcome"] for one in given.audit()] == ["accepted"]
        assert given.gateway.stats.failures == ["decisions not written: UnwrittenError"]


def test_a_decision_that_the_log_will_never_take_is_refused_and_the_others_are_written(tmp_path: Path) -> None:
    """To come again with it would be of no use, as 503 asks for; and nobody is kept from deciding something else there."""
    long, short = ({**DECISION, "id": id_, "expected_sequence": 1} for id_ in ("long", "short"))

    class Choosy:
        """A writer whose log does not take one decision."""

        def __init__(self) -> None:
            self.ids: list[object] = []

        def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
            """Takes all, or none."""
            if any(str(each["id"]).endswith("long") for each in decisions):
                raise RefusedDecisionError("larger than the topic allows")
            self.ids += [each["id"] for each in decisions]

        def close(self) -> None:
            """Nothing to close."""

    async def run() -> None:
        async with served(given) as port:
            status, answer, _ = await post(port, "decisions", anna, [long])
            assert (status, [one["reason"] for one in answer["results"]]) == (422, ["refused_by_log"])
            status, answer, _ = await post(port, "decisions", anna, [{**DECISION, "id": "long"}, short])
            assert (status, [one.get("reason") for one in answer["results"]]) == (207, ["refused_by_log", None])

    writer = Choosy()
    with api(tmp_path, writer=writer) as given:
        given.make_store(("x-1", "default", "SO-1", 1))
        anna = given.token(ANNA)
        asyncio.run(run())
        assert [one["outcome"] for one in given.audit()] == ["refused", "refused", "accepted"]
    assert len(writer.ids) == 1


def test_nothing_of_a_token_stands_in_what_is_written(tmp_path: Path) -> None:
    """Neither in logs nor in the audit, also where the request repeats it all over."""

    async def run() -> None:
        async with served(given) as port:
            sender = Sender(port)
            headers = {"authorization": f"Bearer {token}", "x-note": token}
            body = json.dumps([{**DECISION, "id": "x"}, {"type": token}, {token: token}]).encode()
            reply = await sender.post(f"/decisions?token={token}", body, headers)
            await sender.close()
            assert reply.status == 207

    with api(tmp_path) as given:
        token = given.token(ANNA)
        asyncio.run(run())
        secret = secret_of(token)
        assert [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_bytes()] == []
        assert secret not in json.dumps([*given.gateway.stats.refusals], default=str).encode()
        assert datetime.fromisoformat(given.audit()[0]["at"]).tzinfo == UTC
