"""What has been said while a story runs: the last word on every exception and action, and what was given back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import orjson

from dataflows.core.engine.shard import Shard
from dataflows.detect.stories.decided import ActionReference, ExceptionReference
from schemas.instants import micros
from schemas.messages import MESSAGES
from schemas.output import OutputRecord


@dataclass(frozen=True, slots=True)
class ExceptionStanding:
    """How an exception stands as of an instant; instants are µs. `start` is when its condition began, `data` all that was said."""

    order: str
    tenant: str
    kind: str
    scope: str | None
    episode: int
    status: str
    severity: str
    owner: str
    lane: str
    start: int
    due: int | None
    shadow: bool
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StoryAction:
    """How an action stands as of an instant. `kind`: of its exception; `requested`: it was, now or before."""

    order: str
    tenant: str
    kind: str | None
    requested: bool
    data: Mapping[str, object]

    def text(self, name: str) -> str:
        """One field, as a text."""
        return str(self.data.get(name))

    def called(self, name: str) -> bool:
        """Whether it is so called: by its own name, or by its rule's."""
        return name in (self.data["action"], self.data.get("step"))


@dataclass(frozen=True, slots=True)
class GivenBack:
    """An event that was given back."""

    order: str
    type: str
    reason: str
    detail: str


class Said:
    """The last word on everything."""

    def __init__(self) -> None:
        self.exceptions: dict[str, ExceptionStanding] = {}
        self.actions: dict[str, StoryAction] = {}
        self.automation: Mapping[str, object] = {}
        self.rejects: list[GivenBack] = []
        """Since they were last asked for."""

    def take(self, outs: Iterable[OutputRecord], shard: Shard) -> None:
        """Takes in what was said next."""
        for out in outs:
            if out.topic == "exceptions":
                self.exceptions[str(out.data["exception_id"])] = _exception(out, shard)
            elif out.type == "automation.state":
                self.automation = _data(out)
            elif out.topic == "actions":
                self._action(out)
            elif out.topic == "rejects":
                self.rejects.append(_reject(out))

    def exception(self, reference: ExceptionReference) -> str:
        """The ID of the exception that a decision is about: of those that fit the one that was first said last."""
        found = reference.usual
        for id_, each in self.exceptions.items():
            if (
                (each.order, each.tenant, each.kind) == (reference.order, reference.tenant, reference.kind)
                and reference.scope in (None, each.scope)
                and reference.episode in (None, each.episode)
            ):
                found = id_
        return found

    def action(self, reference: ActionReference) -> StoryAction | None:
        """The action that a decision is about: of those that are so called the one that was first said last."""
        found: StoryAction | None = None
        for each in self.actions.values():
            if (
                (each.order, each.tenant) == (reference.order, reference.tenant)
                and each.called(reference.name)
                and reference.kind in (None, each.kind)
                and reference.target in (None, each.data.get("target"))
            ):
                found = each
        return found

    def _action(self, out: OutputRecord) -> None:
        event = cast("dict[str, object]", orjson.loads(out.body))
        data = _data(out)
        id_ = str(data["action_id"])
        before = self.actions.get(id_)
        requested = data["state"] == "requested" or (before is not None and before.requested)
        exception = self.exceptions.get(str(data.get("exception_id")))
        self.actions[id_] = StoryAction(out.order, str(event["tenant"]), None if exception is None else exception.kind, requested, data)


def is_message(action: StoryAction) -> bool:
    """Whether an action is a message to the customer."""
    return str(action.data["action"]) in MESSAGES


def at_instant(text: str) -> int:
    """An instant of the contract in µs."""
    return micros(datetime.fromisoformat(text))


def _data(out: OutputRecord) -> Mapping[str, object]:
    return cast("Mapping[str, object]", orjson.loads(out.body)["data"])


def _exception(out: OutputRecord, shard: Shard) -> ExceptionStanding:
    data = out.data
    due, tenant = data["due_at"], str(orjson.loads(out.body)["tenant"])
    order = shard.find(tenant, out.order)
    scope, episode = cast("str | None", data["scope"]), cast("int", data["episode"])
    state = None if order is None else order.exceptions.states.get((out.kind, scope, episode))
    return ExceptionStanding(
        order=out.order,
        tenant=tenant,
        kind=out.kind,
        scope=scope,
        episode=episode,
        status=out.status,
        severity=out.severity,
        owner=str(data["owner"]),
        lane=str(data["lane"]),
        start=state.start if state is not None else at_instant(str(data["occurred_at"] or due)),
        due=None if due is None else at_instant(str(due)),
        shadow=cast("dict[str, object]", data["policy"])["mode"] == "shadow",
        data=_data(out),
    )


def _reject(out: OutputRecord) -> GivenBack:
    try:
        type_ = str(cast("dict[str, object]", orjson.loads(out.body)).get("type", ""))
    except ValueError:
        type_ = ""
    return GivenBack(out.order, type_, str(out.data["reason"]), str(out.data["detail"]))
