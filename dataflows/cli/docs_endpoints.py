"""The tables of endpoints that documents show: what each kind promises, and its settings, written from the models that read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.actions import ACTIONS
from sinks.actions.endpoint import EndpointSettings, HttpEndpointSettings
from sinks.actions.registry import KINDS
from sinks.actions.rest import RestRequest, RestStatus

Row = tuple[str, ...]
Table = Callable[[Row, Iterable[Row]], str]


def kinds(table: Table) -> str:
    """The kinds of endpoints, what they promise, and what can go there."""
    rows = (
        (
            f"`{kind.name}`",
            kind.about,
            kind.promise,
            ", ".join(f"`{name}`" for name, spec in ACTIONS.items() if kind.name in spec.executors),
        )
        for kind in KINDS.values()
    )
    return table(("kind", "what it is", "promises", "can carry out"), rows)


def settings(table: Table) -> str:
    """What the kinds have in common, and the settings of each."""
    parts = [
        "Every kind:\n\n" + _fields(table, EndpointSettings),
        f"Kinds that speak HTTP ({_of(HttpEndpointSettings)}) besides:\n\n" + _fields(table, HttpEndpointSettings, EndpointSettings),
    ]
    for kind in KINDS.values():
        base = HttpEndpointSettings if issubclass(kind.settings, HttpEndpointSettings) else EndpointSettings
        parts.append(f"**`{kind.name}`**: {kind.about} Promises: {kind.promise}.\n\n" + _fields(table, kind.settings, base))
    parts.append("`rest`, a request of `actions`:\n\n" + _fields(table, RestRequest))
    parts.append("`rest`, the `status` of a request:\n\n" + _fields(table, RestStatus))
    return "\n".join(parts)


def _of(base: type[EndpointSettings]) -> str:
    return ", ".join(f"`{kind.name}`" for kind in KINDS.values() if issubclass(kind.settings, base))


def _fields(table: Table, model: type[BaseModel], without: type[BaseModel] | None = None) -> str:
    """The settings of a model, without those of another."""
    left_out = frozenset[str]() if without is None else without.model_fields.keys()
    fields = ((name, field) for name, field in model.model_fields.items() if name not in left_out)
    return table(("setting", "default", "meaning"), ((f"`{name}`", _default(field), field.description or "") for name, field in fields))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default: object = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, tuple):
        default = ",".join(map(str, cast("tuple[object, ...]", default)))
    if isinstance(default, bool):
        default = str(default).lower()
    return f"`{default}`" if default not in (None, "", {}) else ""
