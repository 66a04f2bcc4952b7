"""The contract for those who do not read Python: JSON Schema 2020-12 per type, and an AsyncAPI 3.0 document of the channels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from schemas.aliases import ALIAS_FIELDS, KINDS
from schemas.deciding import is_decision
from schemas.envelope import EVENT_MODELS, OF_NO_ORDER
from schemas.output_events import OUT_MODELS, TOPICS
from schemas.topics import DECISIONS

BASE = "https://orderwatch.dev/schemas/v1/"
"""What `$id` and `dataschema` of version 1 begin with. A name, not a place to fetch from."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXAMPLES = Path(__file__).with_name("examples")
EVENTS, REJECTS = "order-events", "order-rejects"
DESCRIPTIONS = {
    EVENTS: "What storefronts, payment providers, warehouses and carriers say about orders. Key: the order ID where known, else the alias.",
    DECISIONS: "What people and programs that may decide say about cases, actions, policies and automation. Nobody else may write there. "
    "Key: the order ID, else the source.",
    "order-exceptions": "Every change of an exception, with its full state. Never compacted. Key: the order ID.",
    "order-actions": "Steps proposed, requested or withdrawn. Key: the order ID.",
    "order-incidents": "Many exceptions with one cause, and feeds that fell silent. Key: the incident ID or the feed.",
    REJECTS: "Records that are no event of the contract, untouched, with the reason in headers. Key: the original one.",
}


def export(directory: Path, kinds: Iterable[str] = ()) -> list[Path]:
    """Write `<type>.json` for every type in and out and `asyncapi.json` into `directory`, which is made if it is not there.

    `kinds`: the built-in kinds of exceptions, which the schemas of exceptions then enumerate beside `custom.NAME`.

    Returns:
        The files written, sorted. The same program writes the same bytes.
    """
    directory.mkdir(parents=True, exist_ok=True)
    documents = {f"{type_}.json": schema(type_) for type_ in (*EVENT_MODELS, *OUT_MODELS)} | {"asyncapi.json": asyncapi()}
    for document in documents.values() if (known := sorted(kinds)) else ():
        enumerate_kinds(document, known)
    for name, document in documents.items():
        write(directory / name, document)
    return sorted(directory / name for name in documents)


def write(file: Path, document: Mapping[str, object]) -> None:
    """Writes a document for machines, so that people can read it as well."""
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def enumerate_kinds(document: dict[str, Any], kinds: list[str]) -> None:
    """States the kinds of exceptions in a schema that has some, in place."""
    models = cast("dict[str, dict[str, Any]]", document.get("$defs") or {})
    exceptions = models.get("OrderException")
    if exceptions is not None:
        exceptions["properties"]["kind"]["anyOf"] = [{"enum": kinds}, {"pattern": r"^custom\.[a-z_]+$"}]


def schema(type_: str) -> dict[str, object]:
    """The JSON Schema of a whole event of `type_`, envelope included.

    Raises:
        KeyError: if the contract has no such type.
    """
    inbound = type_ in EVENT_MODELS
    model: type[BaseModel] = EVENT_MODELS[type_] if inbound else OUT_MODELS[type_]
    document: dict[str, object] = {"$schema": DIALECT, "$id": f"{BASE}{type_}"}
    document |= model.model_json_schema(mode="validation")
    if inbound and type_ not in OF_NO_ORDER:
        document["anyOf"] = [{"required": ["subject"], "properties": {"subject": {"type": "string"}}}, *map(_carries, ALIAS_FIELDS[type_])]
    document["title"] = type_
    document["examples"] = [example(type_)]
    return document


def _carries(alias: str) -> dict[str, object]:
    present: dict[str, object] = {"type": "string"} if alias in KINDS else {"type": "array", "minItems": 1}
    return {"required": ["data"], "properties": {"data": {"required": [alias], "properties": {alias: present}}}}


def example(type_: str) -> dict[str, object]:
    """The shipped example of an event of `type_`.

    Raises:
        KeyError: if the contract has no such type.
    """
    if type_ not in EVENT_MODELS and type_ not in OUT_MODELS:
        raise KeyError(type_)
    document: dict[str, object] = json.loads((_EXAMPLES / f"{type_}.json").read_bytes())
    return document


def asyncapi() -> dict[str, object]:
    """The AsyncAPI 3.0 document. Its messages refer to the JSON Schemas beside it, by relative reference."""
    messages = {_name(type_): _message(type_) for type_ in (*EVENT_MODELS, *OUT_MODELS)} | {"reject": _REJECT}
    members: dict[str, list[str]] = {
        EVENTS: [_name(type_) for type_ in EVENT_MODELS if not is_decision(type_)],
        DECISIONS: [_name(type_) for type_ in EVENT_MODELS if is_decision(type_)],
    }
    for type_ in OUT_MODELS:
        members.setdefault(TOPICS[type_.partition(".")[0]], []).append(_name(type_))
    members[REJECTS] = ["reject"]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Orderwatch",
            "version": "1.0.0",
            "description": "Order events in; exceptions, actions and incidents out.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            topic: {
                "address": topic,
                "description": DESCRIPTIONS[topic],
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "bindings": {"kafka": {"topic": topic, "bindingVersion": "0.5.0"}},
            }
            for topic, names in members.items()
        },
        "operations": {
            _name(topic): {
                "action": "receive" if topic in {EVENTS, DECISIONS} else "send",
                "channel": {"$ref": f"#/channels/{topic}"},
                "summary": DESCRIPTIONS[topic].partition(".")[0] + ".",
                "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in names],
            }
            for topic, names in members.items()
        },
        "components": {"messages": messages},
    }


def _name(text: str) -> str:
    first, *rest = text.replace(".", "_").replace("-", "_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def _message(type_: str) -> dict[str, object]:
    model = EVENT_MODELS[type_] if type_ in EVENT_MODELS else OUT_MODELS[type_]
    return {
        "name": type_,
        "title": type_,
        "summary": (model.__doc__ or "").partition("\n")[0],
        "contentType": "application/cloudevents+json",
        "payload": {"schemaFormat": "application/schema+json;version=2020-12", "schema": {"$ref": f"./{type_}.json"}},
        "bindings": _KEY,
        "examples": [{"name": "example", "payload": example(type_)}],
    }


_KEY = {"kafka": {"key": {"type": "string", "description": "The order ID where known."}, "bindingVersion": "0.5.0"}}
_REJECT: dict[str, object] = {
    "name": "reject",
    "title": "reject",
    "summary": "The original record, untouched.",
    "headers": {
        "type": "object",
        "properties": {
            f"__connect.errors.{name}": {"type": "string", "description": text}
            for name, text in {
                "topic": "Topic of the original record.",
                "partition": "Its partition.",
                "offset": "Its offset.",
                "stage": "Where it failed.",
                "exception.class.name": "The reason, a word of the contract.",
                "exception.message": "The detail; names fields, never their values.",
            }.items()
        },
    },
    "payload": {},
    "bindings": _KEY,
}
