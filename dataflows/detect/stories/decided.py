"""The short form of decisions: `+26h case.acknowledged payment.capture_overdue by: user:anna`, `+27h action.approved approve_refund`.

A decision names what it is about by words; the IDs that the contract asks for follow from them. An exception is `KIND [on SCOPE] [episode
N]`, or left out where the story is about one kind; an action is `NAME [of KIND] [on TARGET]`. Where that fits several it is the last one
that had been said of the order by then; so IDs, and the `payload_hash` of an approval, are known only while the story is run.
`policy.activated NAME` is one of the story's `policies`. Who decides has every role unless the line says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from dataflows.core.engine.exceptions import exception_id
from schemas.events import DATA_MODELS
from schemas.problems import nearest

KIND: Final = r"[a-z_]+\.[a-z_]+"
UNSAID: Final = "not-said-yet"
"""Stands for the ID of an action in the events of a story, until it is run."""
HASHED: Final = ("action.approved", "action.rejected")
"""Decisions that name the `payload_hash` of what was read."""
CARRIED_OUT: Final = ("action.begun", "action.executed", "action.failed", "action.in_doubt", "action.observed")
PERSON: Final[Mapping[str, object]] = {"by": "user:anna", "by_roles": ["admin", "approver"]}
DISPATCH: Final[Mapping[str, object]] = {"by": "service:dispatch"}
_EXCEPTION: Final = re.compile(rf"(?:(?:of )?({KIND})(?: on ([^\s:]+:\S+))?(?: episode (\d+))?)(?= |$)")
_ACTION: Final = re.compile(rf"([a-z_]+)(?: of ({KIND}))?(?: on (\S+))?(?= |$)")
_NAME: Final = re.compile(r"([\w-]+)(?= |$)")


@dataclass(frozen=True, slots=True)
class ActionReference:
    """An action that a decision is about. `kind`: of the exception that it is for, `target`: what it changes; None: any.

    `hashed`: its `payload_hash` belongs into the decision, too.
    """

    order: str
    tenant: str
    name: str
    kind: str | None = None
    target: str | None = None
    hashed: bool = False

    def __str__(self) -> str:
        return self.name + (f" of {self.kind}" if self.kind else "") + (f" on {self.target}" if self.target else "")


@dataclass(frozen=True, slots=True)
class ExceptionReference:
    """An exception that a decision is about; `scope`, `episode`: None for any. `usual` is its ID if nothing like it was ever said."""

    order: str
    tenant: str
    kind: str
    scope: str | None
    episode: int | None

    @property
    def usual(self) -> str:
        """The ID of the first that there can be."""
        return exception_id(self.tenant, self.order, self.kind, self.scope, self.episode or 1)


Reference: TypeAlias = ActionReference | ExceptionReference


@dataclass(frozen=True, slots=True)
class Scene:
    """What decisions of a story may refer to: the kinds that it is about, and the policies by name, each as version and text."""

    kinds: Sequence[str] = ()
    policies: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])


class UnclearError(ValueError):
    """What a decision is about cannot be told; `suggestion` is what was probably meant."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class StoryDecision:
    """What a line of decision says before its fields: the fields that follow from it, what it is about, and the rest."""

    data: Mapping[str, object]
    about: Reference | None
    rest: str


def names_by_words(type_: str) -> bool:
    """Whether an event of a type names an exception, an action or a policy by words."""
    return type_ == "policy.activated" or bool({"exception_id", "action_id"} & set(_fields(type_)))


def decision_of(type_: str, rest: str, order: str, tenant: str, scene: Scene) -> StoryDecision:
    """What stands before the fields of a line. Raises UnclearError."""
    if type_ == "policy.activated":
        return _policy(rest, scene)
    if "action_id" in _fields(type_):
        return _about_action(type_, rest, order, tenant)
    if type_ == "action.initiated":
        return _initiated(rest, order, tenant)
    match = _EXCEPTION.match(rest)
    if match is not None:
        about = ExceptionReference(order, tenant, match[1], match[2], None if match[3] is None else int(match[3]))
        return StoryDecision({"exception_id": about.usual}, about, rest[match.end() :].strip())
    if type_.startswith("case.") and "exception_id" not in rest:
        if len(scene.kinds) != 1:
            raise UnclearError(f"{type_} must say of which exception: `{type_} payment.capture_overdue by: user:anna`")
        about = ExceptionReference(order, tenant, scene.kinds[0], None, None)
        return StoryDecision({"exception_id": about.usual}, about, rest)
    return StoryDecision({}, None, rest)


def usual(type_: str) -> Mapping[str, object]:
    """Who decides where a line does not say."""
    if type_ in CARRIED_OUT:
        return DISPATCH
    known = _fields(type_)
    return {name: value for name, value in PERSON.items() if name in known and not type_.startswith("suggestion.")}


def _fields(type_: str) -> Sequence[str]:
    model = DATA_MODELS.get(type_)
    return () if model is None else tuple(model.model_fields)


def _policy(rest: str, scene: Scene) -> StoryDecision:
    match = _NAME.match(rest)
    if match is None:
        return StoryDecision({}, None, rest)
    if match[1] not in scene.policies:
        raise UnclearError(f"no policy {match[1]!r} under `policies` of this story", nearest(match[1], scene.policies))
    version, text = scene.policies[match[1]]
    return StoryDecision({"version": version, "text": text}, None, rest[match.end() :].strip())


def _about_action(type_: str, rest: str, order: str, tenant: str) -> StoryDecision:
    match = _ACTION.match(rest)
    if match is not None:
        about = ActionReference(order, tenant, match[1], match[2], match[3], type_ in HASHED and "payload_hash" not in rest)
        return StoryDecision({"action_id": UNSAID}, about, rest[match.end() :].strip())
    if "action_id" not in rest:
        raise UnclearError(f"{type_} must say of which action: `{type_} approve_refund`")
    return StoryDecision({}, None, rest)


def _initiated(rest: str, order: str, tenant: str) -> StoryDecision:
    match = _ACTION.match(rest)
    if match is None:
        return StoryDecision({}, None, rest)
    data: dict[str, object] = {"action": match[1]}
    about = ExceptionReference(order, tenant, match[2], match[3], None) if match[2] else None
    if about is not None:
        data["exception_id"] = about.usual
    return StoryDecision(data, about, rest[match.end() :].strip())
