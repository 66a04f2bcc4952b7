"""CloudEvents 1.0 around `data`: one pydantic model per event type, `EVENT_MODELS`."""

from __future__ import annotations

from typing import Any, Literal, Self, cast

from pydantic import ConfigDict, Field, create_model, field_validator, model_validator

from schemas.aliases import ALIAS_FIELDS, aliases_of
from schemas.events import DATA_MODELS, Model
from schemas.values import Id, Instant, ShortText

DEFAULT_TENANT = "default"
HEARTBEAT = "feed.heartbeat"
ACTIVATED = "policy.activated"
OF_NO_ORDER = frozenset((HEARTBEAT, ACTIVATED, "order.forgotten"))
"""The types that may be about no order."""


def schema_suffix(type_: str) -> str:
    """What `dataschema`, where given, ends in for version 1 of `type_`."""
    return f"/v1/{type_}"


class Envelope(Model):
    """The attributes that every event in has; `type` and `data` are narrowed by the models in `EVENT_MODELS`."""

    specversion: Literal["1.0"]
    id: Id
    """Unique within `source`; (tenant, source, id) is the identity that duplicates are dropped by."""
    source: Id
    """URI-reference of the system of record, such as `/warehouse/ams1`."""
    type: str
    subject: Id | None = None
    """The order ID. May be absent where `data` carries an alias."""
    time: Instant
    """When it happened."""
    recordedtime: Instant | None = None
    """When the source recorded it; late evidence has it well after `time`."""
    tenant: Id = DEFAULT_TENANT
    """Order IDs are unique within a tenant."""
    dataschema: ShortText | None = None
    """Ends in `/v1/<type>`."""
    data: Model

    @field_validator("tenant", mode="before")
    @classmethod
    def _null_tenant(cls, value: object) -> object:
        """CloudEvents lets null stand for an attribute that is not set."""
        return DEFAULT_TENANT if value is None else value

    @field_validator("data", mode="before")
    @classmethod
    def _null_data(cls, value: object) -> object:
        return {} if value is None else value

    @model_validator(mode="after")
    def _version_one_of_a_known_order(self) -> Self:
        if self.dataschema is not None and not self.dataschema.endswith(schema_suffix(self.type)):
            raise ValueError("dataschema is not version 1 of this type")
        if self.subject is None and self.type not in OF_NO_ORDER and not aliases_of(self.type, self.data):
            raise ValueError("neither subject nor alias")
        return self


class _Narrowed(Envelope):
    """Base of the models that are made below: for docstrings of their attributes pydantic would search all sources for each of them."""

    model_config = ConfigDict(use_attribute_docstrings=False)


def _event_model(type_: str, data: type[Model]) -> type[Envelope]:
    name = "".join(word.capitalize() for word in type_.replace(".", "_").split("_"))
    optional = not any(field.is_required() for field in data.model_fields.values())
    return create_model(
        name,
        __base__=_Narrowed,
        __module__=__name__,
        __doc__=data.__doc__,
        type=(cast("Any", Literal)[type_], ...),
        data=(data, Field(default_factory=data) if optional else ...),
    )


EVENT_MODELS: dict[str, type[Envelope]] = {type_: _event_model(type_, data) for type_, data in DATA_MODELS.items()}
"""The model of a whole event by type."""

assert ALIAS_FIELDS.keys() == EVENT_MODELS.keys()
