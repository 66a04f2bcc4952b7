"""Declared templates: values stay values, and answers mean what the settings say."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from sinks.actions.executor import ActionRefused, Done, NotDone, RetryLater, Unknown
from sinks.actions.registry import actions_of, build, cannot, settings_of
from tests.support.endpoints.faults import FaultServer
from tests.support.endpoints.harness import KEY, SECRET, VARIABLE, call_of, local
from tests.support.endpoints.wire import Reply

if TYPE_CHECKING:
    from sinks.actions.executor import Observation, Outcome
    from tests.support.endpoints.wire import Received

PATH = "/orders/{order_id}/trace"


async def sent(request: dict[str, Any], reply: Reply | None = None, call: Any = None, **given: Any) -> tuple[Outcome, list[Received]]:
    """The outcome of tracing a parcel by a request, and what came."""
    async with FaultServer(reply=lambda _: reply or Reply()).running() as server:
        settings = local(server.url, base_url=f"{server.url}/v2/", actions={"trace_parcel": {"path": PATH, **request}}, **given)
        outcome = await build("rest", settings_of("rest", settings)).execute(call or call_of("trace_parcel"))
        return outcome, [each.request for each in server.taken]


async def asked(status: dict[str, Any], reply: Reply) -> Observation:
    """What a status query finds."""
    async with FaultServer(reply=lambda _: reply).running() as server:
        actions = {"trace_parcel": {"path": PATH, "status": {"path": "/traces/{action_id}", **status}}}
        executor = build("rest", settings_of("rest", local(server.url, base_url=server.url, actions=actions)))
        assert executor.can_be_asked
        return await executor.status(call_of("trace_parcel"))


def test_a_request_is_written_from_its_template() -> None:
    """Method, path, headers, body, key and secrets."""
    body = {
        "number": "{parameters.number}",
        "weight": "{parameters.weight}",
        "text": "Order {order_id}: {reason}",
        "more": ["{parameters.x?}"],
    }
    request = {"method": "PUT", "path": "/orders/{order_id}/trace?by={owner}", "headers": {"X-Kind": "{exception.kind}"}, "body": body}
    call = call_of("trace_parcel", parameters={"number": "1Z 9/9", "weight": 2.5})
    secrets = {"bearer": {"env": VARIABLE}, "secret_headers": {"X-Api-Key": {"env": VARIABLE}}, "key_header": "Idempotency-Key"}
    outcome, (came,) = asyncio.run(sent({**request, "reference": "id"}, Reply(201, {"id": 17}), call, **secrets))
    assert outcome == Done("17", "http_201")
    assert (came.method, came.target) == ("PUT", "/v2/orders/SO-1042/trace?by=carrier-desk")
    assert came.json() == {"number": "1Z 9/9", "weight": 2.5, "text": "Order SO-1042: no scan for three days", "more": [None]}
    assert (came.headers["x-kind"], came.headers["idempotency-key"], came.headers["authorization"], came.headers["x-api-key"]) == (
        *("shipment.stuck", KEY),
        *(f"Bearer {SECRET}", SECRET),
    )


@pytest.mark.parametrize(
    ("order", "target"),
    [
        ("../admin", "/v2/orders/..%2Fadmin/trace"),
        ("a?b=c&d#e", "/v2/orders/a%3Fb%3Dc%26d%23e/trace"),
        ("ä b%2f", "/v2/orders/%C3%A4%20b%252f/trace"),
        ("@evil.example", "/v2/orders/%40evil.example/trace"),
    ],
)
def test_a_value_in_a_path_stays_one_segment(order: str, target: str) -> None:
    """Whatever an order is called: it neither leaves its place nor the host."""
    _, (came,) = asyncio.run(sent({}, call=call_of("trace_parcel", order=order)))
    assert came.target == target


@pytest.mark.parametrize("order", ["..", ".", ""])
def test_what_cannot_be_a_segment_is_refused(order: str) -> None:
    """Nothing is sent."""
    outcome, came = asyncio.run(sent({}, call=call_of("trace_parcel", order=order)))
    assert isinstance(outcome, ActionRefused)
    assert (outcome.code, came) == ("no_value", [])


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "ä", "a\0b"])
def test_a_value_that_would_end_a_header_is_refused(value: str) -> None:
    """Nothing is sent, and the value is not shown."""
    outcome, came = asyncio.run(
        sent({"headers": {"X-Note": "{parameters.note}"}}, call=call_of("trace_parcel", parameters={"note": value}))
    )
    assert outcome == ActionRefused("no_value", "{parameters.note} cannot stand in a header")
    assert came == []


@pytest.mark.parametrize("request_", [{}, {"path": "/x", "body": "{order_id}"}])
def test_half_a_character_is_refused(request_: dict[str, Any]) -> None:
    """It could be written neither into a path nor into a body."""
    outcome, came = asyncio.run(sent(request_, call=call_of("trace_parcel", order="SO-\ud800")))
    assert outcome == ActionRefused("no_value", "a value is no text that can be written")
    assert came == []


def test_a_value_that_is_missing_refuses_the_action_by_its_name() -> None:
    """A request with a hole in it is worth nothing."""
    outcome, came = asyncio.run(sent({"body": {"n": "{parameters.number}"}}))
    assert (outcome, came) == (ActionRefused("no_value", "the action has no parameters.number"), [])


@pytest.mark.parametrize(
    ("request_", "reply", "outcome"),
    [
        ({}, Reply(204), Done(None, "http_204")),
        ({"done": [200], "done_when": "status == 'ok'"}, Reply(200, {"status": "ok"}), Done(None, "http_200")),
        ({"done": [200], "done_when": "status == 'ok'"}, Reply(200, {"status": "maybe"}), Unknown("unexpected_answer")),
        ({"done_when": "ok"}, Reply(200, b"no json"), Unknown("unexpected_answer")),
        ({"refused_when": "error"}, Reply(200, {"error": "closed"}), ActionRefused("http_200", "its answer refuses it")),
        ({"done": [200], "refused": [202]}, Reply(202), ActionRefused("http_202", "its answer refuses it")),
        ({"retry": [409]}, Reply(409, b"", {"retry-after": "5"}), RetryLater("http_409", 5.0)),
        ({}, Reply(404), ActionRefused("http_404")),
        ({}, Reply(500), Unknown("http_500")),
        ({}, Reply(226), Unknown("http_226")),
        ({}, Reply(429), RetryLater("http_429", throttle=True)),
    ],
)
def test_answers_mean_what_is_declared_and_otherwise_what_http_says(request_: dict[str, Any], reply: Reply, outcome: Outcome) -> None:
    """Success, refusal, later and doubt are told apart."""
    assert asyncio.run(sent(request_, reply))[0] == outcome


@pytest.mark.parametrize(
    ("reply", "observation"),
    [
        (Reply(200, {"state": "open", "id": "T1"}), Done("T1", "found done")),
        (Reply(200, {"state": "none"}), NotDone("it says so")),
        (Reply(404), NotDone("http_404")),
        (Reply(200, {"state": "?"}), Unknown("http_200", "its answer says neither")),
        (Reply(500), Unknown("http_500", "its answer says neither")),
    ],
)
def test_a_status_query_finds_one_of_three(reply: Reply, observation: Observation) -> None:
    """It is there, it is not, or nobody knows."""
    status = {"done_when": "state == 'open'", "not_done_when": "state == 'none'", "not_done": [404], "reference": "id"}
    assert asyncio.run(asked(status, reply)) == observation


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"actions": {"trace_parcel": {"path": "orders"}}}, "is no path"),
        ({"actions": {"trace_parcel": {"path": "//evil.example/x"}}}, "is no path"),
        ({"actions": {"trace_parcel": {"path": "/x/{nonsense}"}}}, "{nonsense} is none of"),
        ({"actions": {"trace_parcel": {"path": "/x/{parameters}"}}}, "{parameters} is none of"),
        ({"actions": {"trace_parcel": {"path": "/x/{"}}}, "a brace stands alone"),
        ({"actions": {"trace_parcel": {"path": "/x", "body": {"a": ["{order_id.real}"]}}}}, "is none of"),
        ({"actions": {"trace_parcel": {"path": "/x", "done_when": "a["}}}, "is no JMESPath expression"),
        ({"actions": {"trace_parcel": {"path": "/x", "refused": [200]}}}, "cannot mean two things"),
        ({"actions": {"ship_it": {"path": "/x"}}}, "there is no action 'ship_it'"),
        ({"honours_keys": True}, "neither key_header nor the request of trace_parcel names {action_id}"),
        ({"base_url": "https://{order_id}.example"}, "base_url: queries and placeholders"),
        ({"base_url": "http://erp.example"}, "base_url: not_https"),
    ],
)
def test_templates_that_cannot_work_are_refused_when_they_are_read(change: dict[str, Any], problem: str) -> None:
    """And say what is wrong."""
    given = {"base_url": "https://erp.example", "actions": {"trace_parcel": {"path": "/x"}}}
    with pytest.raises(ValueError, match=re.escape(problem)):
        settings_of("rest", {**given, **change})


def test_an_endpoint_can_do_what_it_declares() -> None:
    """A route of another action to it is refused."""
    settings = settings_of("rest", {"base_url": "https://erp.example", "actions": {"trace_parcel": {"path": "/x"}}})
    assert actions_of("rest", settings) == {"trace_parcel"}
    assert cannot("rest", settings, "hold_order") == "this endpoint's settings say nothing of hold_order"
