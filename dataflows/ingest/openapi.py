"""What the gateway answers over HTTP, for those who do not read Python: an OpenAPI 3.1 document, made of what the routes go by.

Events are described by the JSON Schemas beside it, which it refers to by relative reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from dataflows.ingest.decisions import checks, intake
from dataflows.settings.gateway import GatewaySettings
from schemas.deciding import is_decision
from schemas.envelope import EVENT_MODELS
from schemas.events import DATA_MODELS
from schemas.roles import DECIDERS
from sources.gateway import events_in
from sources.gateway.answers import OF_PIECES
from sources.gateway.api import OF_TOKENS
from sources.gateway.batches import MOST_PIECES
from sources.gateway.request import MEANING, STATUS, Outcome

FILE: Final = "openapi.json"
JSON, LINES, TEXT = "application/json", "application/x-ndjson", "text/plain"
OF_HOOKS: Final[tuple[Outcome, ...]] = tuple(one for one in STATUS if one not in ("not_readable", "forbidden"))
"""How a webhook may be answered."""
AGAIN: Final = frozenset((429, 503))
"""Statuses that say after how many seconds to come again."""
Document = dict[str, Any]


def openapi() -> Document:
    """The document. The same program gives the same one."""
    schemas = _schemas()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Orderwatch gateway",
            "version": "1.0.0",
            "description": "Order events and decisions in. What they lead to comes out by the topics of asyncapi.json.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {
                "url": "http://{host}:{port}",
                "description": "The gateway. In front of others it belongs behind TLS.",
                "variables": {
                    "host": {"default": str(_default("host"))},
                    "port": {"default": str(_default("port")), "description": "`gateway.port` of the settings."},
                },
            }
        ],
        "paths": {
            f"/{events_in.ROUTE}": {"post": _of_tokens("sendEvents", "Send contract events.", "Event", _EVENTS)},
            f"/{intake.ROUTE}": {"post": _of_tokens("decide", "Decide about cases, actions, automation and policy.", "Decision", _DECIDE)},
            "/hooks/{system}/{name}": {"post": _hook()},
            "/healthz": {"get": _probe("isAlive", "Whether the process is to be restarted.")},
            "/readyz": {"get": _probe("isReady", "Whether it takes events.")},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Of `orderwatch tokens create`."}},
            "schemas": schemas,
        },
    }


_EVENTS: Final = (
    "One event, an array of events, or JSON Lines; the body itself says which. The answer comes once the accepted ones are durable. "
    "Sending one again does no harm: it is known by tenant, source and id."
)
_DECIDE: Final = (
    "One decision, an array, or JSON Lines. The server sets `source`, `time`, `by` and `by_roles`. An accepted one is durable; whether it "
    "counts, the engine says."
)


def _of_tokens(name: str, summary: str, piece: str, description: str) -> Document:
    one: Document = {"$ref": f"#/components/schemas/{piece}"}
    whole: Document = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_PIECES}]}
    limits = (
        f"At most {MOST_PIECES:,} in a body of {_default('max_body_bytes'):,} bytes ({_default('max_content_bytes'):,} when decompressed), "
        f"and {_default('token_rate'):g} requests a second for each token, unless the settings say otherwise."
    )
    parameters: list[Document] = [
        {"name": "Content-Encoding", "in": "header", "schema": {"enum": ["gzip", "identity"]}, "description": "How the body is compressed."}
    ]
    if piece == "Decision":
        parameters.append(
            {
                "name": "If-Match",
                "in": "header",
                "schema": {"type": "string", "pattern": r'^(W/)?"?[0-9]{1,9}"?$'},
                "description": "The sequence that what a single decision is about must have.",
            }
        )
    return {
        "operationId": name,
        "summary": summary,
        "description": f"{description} {limits}",
        "security": [{"token": []}],
        "parameters": parameters,
        "requestBody": {"required": True, "content": {JSON: {"schema": whole}, LINES: {"schema": {"type": "string"}}}},
        "responses": _answers(OF_TOKENS, JSON, {status: (words, "Answer") for status, words in OF_PIECES.items()}, "Problem"),
    }


def _hook() -> Document:
    named = [("system", "A system of `orderwatch adapt --list`."), ("name", "The connection's name in `gateway.connections`.")]
    return {
        "operationId": "receiveWebhook",
        "summary": "Take a webhook of a connected system.",
        "description": "Its signature is checked as the system documents it. What is good is answered once its events are durable.",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": words} for name, words in named
        ],
        "requestBody": {"required": True, "content": {"*/*": {}}},
        "responses": _answers(OF_HOOKS, TEXT, {}, None),
    }


def _probe(name: str, summary: str) -> Document:
    body = {"content": {TEXT: {"schema": {"type": "string"}}}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": "`ok`", **body}, "503": {"description": "Why not, a line for each reason.", **body}},
    }


def _answers(outcomes: Iterable[Outcome], kind: str, pieces: Mapping[int, tuple[str, str]], problem: str | None) -> Document:
    """What a route may answer, by status; one that says several things says so."""
    words: dict[int, list[str]] = {status: [said] for status, (said, _) in pieces.items()}
    forms: dict[int, list[str]] = {status: [form] for status, (_, form) in pieces.items()}
    for one in outcomes:
        words.setdefault(STATUS[one], []).append(f"{MEANING[one]} (`{one}`)")
        if problem is not None and problem not in forms.setdefault(STATUS[one], []):
            forms[STATUS[one]].append(problem)
    found: Document = {}
    for status in sorted(words):
        shown = [{"$ref": f"#/components/schemas/{form}"} for form in forms.get(status, [])]
        schema: Document = {"type": "string"} if not shown else shown[0] if len(shown) == 1 else {"anyOf": shown}
        answer: Document = {"description": "; ".join(words[status]), "content": {kind: {"schema": schema}}}
        if status in AGAIN:
            answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds after which to come again."}}
        found[str(status)] = answer
    return found


def _schemas() -> Document:
    found: Document = {}
    events = [type_ for type_ in EVENT_MODELS if not is_decision(type_)]
    found["Event"] = {
        "oneOf": [{"$ref": f"./{type_}.json"} for type_ in events],
        "discriminator": {"propertyName": "type", "mapping": {type_: f"./{type_}.json" for type_ in events}},
    }
    decisions = [type_ for type_ in DATA_MODELS if is_decision(type_) or type_ in DECIDERS]
    names = {type_: "".join(word.capitalize() for word in type_.replace(".", "_").split("_")) for type_ in decisions}
    found["Decision"] = {
        "oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in names.values()],
        "discriminator": {"propertyName": "type", "mapping": {type_: f"#/components/schemas/{name}" for type_, name in names.items()}},
    }
    found |= {name: _decision(type_, found) for type_, name in names.items()}
    found["Answer"] = {
        "type": "object",
        "description": "What became of each, in the order of the body.",
        "required": ["accepted", "refused", "results"],
        "properties": {
            "accepted": {"type": "integer"},
            "refused": {"type": "integer"},
            "results": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["status"],
                    "properties": {
                        "status": {"enum": ["accepted", "refused"]},
                        "id": {"type": "string", "description": "Of the event that is written."},
                        "reason": {"type": "string", "description": "Why it is refused, in a word."},
                        "detail": {"type": "string"},
                        "expected": {"type": "integer", "description": "The sequence that was expected."},
                        "sequence": {"type": "integer", "description": "The one that it has."},
                        "changes": {"type": "array", "items": {"type": "object"}, "description": "What was said of it since."},
                    },
                },
            },
        },
    }
    found["Problem"] = {
        "type": "object",
        "description": "Why the body as a whole is not taken.",
        "required": ["error"],
        "properties": {"error": {"type": "string", "description": "The reason, in a word."}, "detail": {"type": "string"}},
    }
    return found


def _decision(type_: str, found: Document) -> Document:
    """What may be stated of a decision of a type; what its data refers to goes into `found`."""
    data = DATA_MODELS[type_].model_json_schema(ref_template="#/components/schemas/{model}")
    found |= data.pop("$defs", {})
    properties = cast("Document", data.get("properties") or {})
    stated = {name: value for name, value in properties.items() if name not in checks.CLAIMED_DATA}
    stated["note"] = {"type": "string", "minLength": 1, "maxLength": checks.LONGEST_NOTE}
    required = [name for name in cast("list[str]", data.get("required") or []) if name in stated]
    of_data: Document = {"type": "object", "properties": stated, "required": required, "additionalProperties": False}
    return {
        "type": "object",
        "description": str(data.get("description") or "").partition("\n")[0],
        "properties": {
            "type": {"const": type_},
            "subject": {"type": "string", "description": "The order."},
            "tenant": {"type": "string"},
            "id": {"type": "string", "minLength": 1, "maxLength": checks.LONGEST_ID, "description": "The same one again counts once."},
            "expected_sequence": {"type": "integer", "minimum": 0, "description": "What it is about must stand there."},
            "specversion": {"const": "1.0"},
            "dataschema": {"type": "string"},
            "datacontenttype": {"type": "string"},
            "data": of_data,
        },
        "required": ["type", "data"] if required else ["type"],
        "additionalProperties": False,
    }


def _default(name: str) -> Any:
    return GatewaySettings.model_fields[name].default
