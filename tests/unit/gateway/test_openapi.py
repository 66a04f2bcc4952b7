"""The OpenAPI document says what the gateway does: its routes, what they answer, what a decision may state."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from starlette.applications import Starlette

from dataflows.ingest.decisions import checks
from dataflows.ingest.openapi import openapi
from schemas.envelope import EVENT_MODELS
from schemas.export import export, schema
from schemas.roles import DECIDERS
from sources.gateway.answers import OF_PIECES
from sources.gateway.api import OF_TOKENS
from sources.gateway.app import application
from sources.gateway.request import MEANING, OUTCOMES, STATUS
from tests.support.webhooks import Sender
from tests.unit.gateway.api_parts import ANNA, EVENT, LIMITS, WAREHOUSE, api, served
from tests.unit.gateway.test_decisions_in import MINIMAL, holder, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENT = openapi()
BASE = "https://localhost/"
TARGET = {"exception_id": "x-1"}


def references(part: object) -> Iterator[str]:
    """All that a part of the document refers to."""
    if isinstance(part, dict):
        for name, value in cast("dict[str, object]", part).items():
            if name in ("$ref", "mapping"):
                yield from [cast("str", value)] if name == "$ref" else cast("dict[str, str]", value).values()
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in cast("list[object]", part):
            yield from references(value)


@cache
def validator(name: str) -> Draft202012Validator:
    """A validator by one of the document's schemas."""
    whole = DRAFT202012.create_resource({"components": DOCUMENT["components"]})
    events = [(f"{BASE}{type_}.json", DRAFT202012.create_resource(cast("Any", schema(type_)))) for type_ in EVENT_MODELS]
    registry = cast("Any", Registry)().with_resources([(f"{BASE}openapi.json", whole), *events])
    return Draft202012Validator({"$ref": f"{BASE}openapi.json#/components/schemas/{name}"}, registry=registry)


def fits(name: str, value: object) -> bool:
    """Whether a value is what a schema of the document says."""
    return validator(name).is_valid(cast("Any", value))  # pyright: ignore[reportUnknownMemberType]


def test_every_reference_leads_somewhere(tmp_path: Path) -> None:
    """Within the document, or to a schema that is exported beside it."""
    export(tmp_path)
    for one in references(DOCUMENT):
        if one.startswith("./"):
            assert (tmp_path / one).is_file()
        else:
            assert one.rpartition("/")[2] in DOCUMENT["components"]["schemas"]
            assert one.startswith("#/components/schemas/")


def test_the_paths_are_those_of_the_application(tmp_path: Path) -> None:
    """All of them, and no other."""
    with api(tmp_path) as given:
        app = application(given.gateway.hooks, lambda: None, list[str], given.routes)
        cells = [cell.cell_contents for cell in cast("Any", app).__closure__]
        routed = next(one for one in cells if isinstance(one, Starlette))
        assert {cast("Any", route).path for route in routed.routes} == DOCUMENT["paths"].keys()


def test_every_outcome_has_its_words_and_its_status() -> None:
    """And the routes of token holders name each that is no webhook's."""
    assert MEANING.keys() == STATUS.keys() == set(OUTCOMES)
    assert set(OUTCOMES) - set(OF_TOKENS) == {"accepted", "partly", "ignored", "refused", "duplicate", "ping", "stale", "unknown"}
    for route in ("/events", "/decisions"):
        said = DOCUMENT["paths"][route]["post"]["responses"].keys()
        assert said == {str(status) for status in (*OF_PIECES, *(STATUS[one] for one in OF_TOKENS))}


def test_what_is_answered_is_what_the_document_says(tmp_path: Path) -> None:
    """Over a real socket: everything from accepted to too large."""
    note: dict[str, object] = {"type": "case.noted", "subject": "SO-1", "data": {**TARGET, "note": "seen"}}
    other = {**EVENT, "id": "e-2", "source": "/payments/x"}
    seen: set[int] = set()

    async def run() -> None:
        async with served(given) as port:
            asked: list[tuple[str, str, object, dict[str, str], int]] = [
                ("events", sender, EVENT, {}, 200),
                ("events", sender, [EVENT, other], {}, 207),
                ("events", sender, other, {}, 422),
                ("events", "", EVENT, {}, 401),
                ("events", decider, EVENT, {}, 403),
                ("events", sender, [], {}, 400),
                ("events", sender, "x" * 100_001, {}, 413),
                ("events", sender, EVENT, {"content-encoding": "br"}, 415),
                ("events", sender, EVENT, {"x-long": "x" * 5_000}, 431),
                ("decisions", decider, note, {}, 200),
                ("decisions", decider, note, {"if-match": '"3"'}, 412),
                ("decisions", decider, note, {"if-match": "three"}, 400),
                ("decisions", decider, {**note, "by": "user:eve"}, {}, 422),
            ]
            for route, token, body, headers, status in asked:
                one = Sender(port)
                reply = await one.post(f"/{route}", json.dumps(body).encode(), {"authorization": f"Bearer {token}", **headers})
                await one.close()
                assert reply.status == status, (route, body, reply.body)
                answer = DOCUMENT["paths"][f"/{route}"]["post"]["responses"][str(status)]["content"]["application/json"]["schema"]
                forms = [each["$ref"].rpartition("/")[2] for each in answer.get("anyOf", [answer])]
                assert any(fits(form, json.loads(reply.body)) for form in forms), (status, reply.body)
                seen.add(reply.status)

    with api(tmp_path) as given:
        given.make_store(("x-1", "default", "SO-1", 5))
        sender, decider = given.token(WAREHOUSE), given.token(ANNA)
        asyncio.run(run())
    assert len(seen) == 10
    assert LIMITS.head < 5_000


@pytest.mark.parametrize("type_", sorted(MINIMAL))
def test_a_decision_that_fits_is_taken_and_one_that_does_not_is_refused(type_: str) -> None:
    """By the reading of decisions itself: each claim and each misspelt field is refused by both."""
    role = next(iter(DECIDERS[type_]))
    token = holder(role)
    good: dict[str, Any] = {"type": type_, "subject": "SO-1", "data": dict(MINIMAL[type_])}
    assert fits("Decision", good)
    assert read(token, type_) == "accepted"
    of_event: tuple[dict[str, Any], ...] = (
        {"source": "/x"}, {"time": "2026-04-22T12:00:00Z"}, {"speling": 1}, {"expected_sequence": -1}, {"id": ""},
    )  # fmt: skip
    for claim in of_event:
        assert not fits("Decision", {**good, **claim})
        assert read(token, type_, **claim) != "accepted"
    of_data: tuple[dict[str, object], ...] = ({"by": "user:eve"}, {"by_roles": ["admin"]}, {"note_ref": "n"}, {"speling": 1}, {"note": ""})
    for claim in of_data:
        wrong: dict[str, Any] = {**MINIMAL[type_], **claim}
        assert not fits("Decision", {**good, "data": wrong})
        assert read(token, type_, wrong) != "accepted"


def test_what_may_be_stated_of_a_decision_is_said_whole() -> None:
    """No attribute is taken that the document does not know, and none is refused that it does."""
    for ref in DOCUMENT["components"]["schemas"]["Decision"]["oneOf"]:
        one = DOCUMENT["components"]["schemas"][ref["$ref"].rpartition("/")[2]]
        assert one["properties"].keys() == checks.STATED


def test_every_event_that_may_be_sent_fits() -> None:
    """The example of a type is an event by the document; a decision is none."""
    for type_ in ("order.placed", "carrier.scan", "payment.captured"):
        assert fits("Event", cast("Any", schema(type_))["examples"][0])
    assert not fits("Event", cast("Any", schema("case.acknowledged"))["examples"][0])
