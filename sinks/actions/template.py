"""Requests from a declared template: `{order_id}`, `{parameters.tracking_number}` and so on stand for what the action says.

A value can never become more than a value. In a path and a query it is escaped whole, so that it neither ends a segment nor begins another;
in a header it is refused if it has what would end the line; in a body it is a string of JSON, or, where the placeholder is the whole text,
the very value. `{parameters.note?}` may be missing: it is null, or nothing within a text. Anything else that is missing refuses the action.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote

from pydantic import JsonValue

from sinks.actions.executor import ActionCall

PLACEHOLDER: Final = re.compile(r"\{([a-z_]+(?:\.[A-Za-z0-9_]+)*)(\?)?\}")
PLAIN: Final = ("action_id", "tenant", "order_id", "action", "step", "target", "reason", "owner", "exception_id")
NESTED: Final = ("parameters", "exception", "message", "recipient")
"""What a placeholder may begin with: fields of the action, and what has fields of its own."""


class NoValueError(Exception):
    """A template needs what the action does not say, or what cannot stand there. Names the placeholder and not its value."""


def problem_in(text: str) -> str | None:
    """What is wrong with a template, in words."""
    for name, _ in PLACEHOLDER.findall(text):
        root, dot, _rest = str(name).partition(".")
        if (root in PLAIN) == bool(dot) or root not in (*PLAIN, *NESTED):
            return f"{{{name}}} is none of {', '.join(PLAIN)}, nor one of {', '.join(f'{each}.NAME' for each in NESTED)}"
    left = PLACEHOLDER.sub("", text)
    return f"{text!r}: a brace stands alone" if "{" in left or "}" in left else None


def texts_in(body: JsonValue) -> Iterator[str]:
    """All texts of a body, names of fields too."""
    match body:
        case str():
            yield body
        case list():
            for each in body:
                yield from texts_in(each)
        case dict():
            for name, each in body.items():
                yield name
                yield from texts_in(each)
        case _:
            pass


def names_key(text: str) -> bool:
    """Whether a template names the idempotency key."""
    return any(name == "action_id" for name, _ in PLACEHOLDER.findall(text))


def values_of(call: ActionCall) -> dict[str, object]:
    """What placeholders stand for."""
    values: dict[str, object] = {name: call.action.get(name) for name in PLAIN}
    message, recipient = call.message, call.recipient
    return {
        **values,
        "action_id": call.key,
        "tenant": call.tenant,
        "parameters": call.parameters,
        "exception": call.exception or {},
        "message": {} if message is None else message._asdict(),
        "recipient": {} if recipient is None else {"channel": recipient.channel, "address": recipient.address},
    }


def path_of(template: str, values: Mapping[str, object]) -> str:
    """A path with its query. Raises NoValueError."""
    return _filled(template, values, _escaped)


def header_of(template: str, values: Mapping[str, object]) -> str:
    """The value of a header. Raises NoValueError."""
    return _filled(template, values, _of_header)


def body_of(body: JsonValue, values: Mapping[str, object]) -> JsonValue:
    """A body. Raises NoValueError."""
    match body:
        case str():
            whole = PLACEHOLDER.fullmatch(body)
            return cast("JsonValue", _value(whole, values)) if whole else _filled(body, values, lambda _, text: text)
        case list():
            return [body_of(each, values) for each in body]
        case dict():
            return {name: body_of(each, values) for name, each in body.items()}
        case _:
            return body


def _filled(template: str, values: Mapping[str, object], written: Callable[[str, str], str]) -> str:
    def put(match: re.Match[str]) -> str:
        value = _value(match, values)
        if value is None:
            return ""
        if isinstance(value, bool):
            value = "true" if value else "false"
        if not isinstance(value, str | int | float):
            raise NoValueError(f"{match[0]} is no text")
        return written(match[0], str(value))

    return PLACEHOLDER.sub(put, template)


def _value(match: re.Match[str], values: Mapping[str, object]) -> object:
    found: object = values
    for part in match[1].split("."):
        found = cast("Any", found).get(part) if isinstance(found, Mapping) else None
    if found in (None, "") and not match[2]:
        raise NoValueError(f"the action has no {match[1]}")
    return found


def _escaped(name: str, text: str) -> str:
    if text in (".", ".."):
        raise NoValueError(f"{name} is a step of a path and no value")
    return quote(text, safe="")


def _of_header(name: str, text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise NoValueError(f"{name} cannot stand in a header")
    return text
