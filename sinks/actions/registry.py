"""All kinds of executors. A line here enrols one: in the settings, in the documents and in the contract suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic import ValidationError

from schemas.actions import ACTIONS
from schemas.problems import nearest
from sinks.actions import apprise_notes, chat, mail, rest, shopify, stripe, webhook
from sinks.actions.endpoint import EndpointSettings
from sinks.actions.executor import Executor
from sinks.actions.kind import ExecutorKind, secrets_of
from sinks.actions.secrets import SecretUnreadableError

KINDS: Final[dict[str, ExecutorKind]] = {
    kind.name: kind
    for kind in (
        webhook.KIND,
        mail.KIND,
        chat.KIND,
        apprise_notes.KIND,
        shopify.KIND,
        stripe.KIND,
        rest.KIND,
    )
}  # fmt: skip
"""Each kind by the name that settings call it by."""


def settings_of(kind: str, given: Mapping[str, object]) -> EndpointSettings:
    """The settings of an endpoint of a kind. Raises ValueError that says what is wrong with them, a line for each problem."""
    try:
        return _kind(kind).settings.model_validate(dict(given))
    except ValidationError as error:
        raise ValueError("\n".join(_problem(each) for each in error.errors())) from None


def build(kind: str, settings: EndpointSettings) -> Executor:
    """The executor of an endpoint. It opens nothing before it is called."""
    return _kind(kind).build(settings)


def actions_of(kind: str, settings: EndpointSettings) -> frozenset[str]:
    """The actions that an endpoint can carry out."""
    able = {name for name, spec in ACTIONS.items() if kind in spec.executors}
    stated = _kind(kind).actions(settings)
    return frozenset(able if stated is None else able.intersection(stated))


def cannot(kind: str, settings: EndpointSettings, action: str) -> str | None:
    """Why an action cannot be sent to an endpoint, for whoever reads settings; None: it can."""
    if action not in ACTIONS:
        meant = nearest(action, list(ACTIONS))
        return f"there is no action {action!r}" + (f"; did you mean {meant}?" if meant else "")
    if action in actions_of(kind, settings):
        return None
    able = ACTIONS[action].executors
    if kind in able:
        return f"this endpoint's settings say nothing of {action}"
    return f"{kind} cannot carry out {action}; {', '.join(able)} can"


def unreadable_secrets(settings: EndpointSettings) -> list[str]:
    """What is wrong with the secrets that an endpoint names, a line each: asked when a program starts, not when it is too late."""
    found: list[str] = []
    for secret in secrets_of(settings):
        try:
            secret.read()
        except SecretUnreadableError as error:
            found.append(str(error))
    return found


def _kind(name: str) -> ExecutorKind:
    if name not in KINDS:
        meant = nearest(name, list(KINDS))
        raise ValueError(f"kind: {name!r} is none of {', '.join(KINDS)}" + (f"; did you mean {meant}?" if meant else ""))
    return KINDS[name]


def _problem(error: Any) -> str:
    """A problem that pydantic found, without the value: it may be a secret that stands in the wrong place."""
    where = ".".join(str(part) for part in cast("tuple[object, ...]", error["loc"]))
    said = {"extra_forbidden": "there is no such setting", "missing": "is missing"}.get(error["type"])
    text = said or str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {text}" if where else text
