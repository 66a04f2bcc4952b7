"""What a file of an executor declares beside it, so that a line in the registry is all that it takes to enrol it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel

from sinks.actions.endpoint import EndpointSettings
from sinks.actions.executor import Executor
from sinks.actions.secrets import SecretSource


def every_action(_: Any) -> Collection[str] | None:
    """What an endpoint can do where its settings say nothing of it: all that its kind can."""
    return None


class ExecutorKind(NamedTuple):
    """A kind of endpoint. Which actions it can do stands in one table, `schemas.actions`, by its name."""

    name: str
    about: str
    promise: str
    """What it promises of each effect, in a few words."""
    settings: type[EndpointSettings]
    build: Callable[[Any], Executor]
    """The executor of an endpoint, from its settings; opens nothing."""
    actions: Callable[[Any], Collection[str] | None] = every_action
    """Of what its kind can do, what one endpoint can by its settings; None: all of it."""


def secrets_of(settings: BaseModel) -> Iterator[SecretSource]:
    """All secrets that settings name, wherever they stand in them."""
    values: list[Any] = [getattr(settings, name) for name in type(settings).model_fields]
    while values:
        value = values.pop()
        match value:
            case SecretSource():
                yield value
            case BaseModel():
                yield from secrets_of(value)
            case dict():
                values += value.values()
            case tuple() | list():
                values += value
            case _:
                pass
