"""What the contract's fields take: the kind of each field of an event type, and the words of those that have a list of them."""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Final, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

from schemas.events import DATA_MODELS, Hold, Money, MoneyPatch, PositiveMoney, Status
from schemas.values import Balance, Id, Instant, Quantity, ShortText, Text, When
from sources.adapters.tables import TERMS, Vocabulary

Kind: TypeAlias = Literal[
    "id", "ids", "short_text", "short_texts", "text", "quantity", "balance", "flag", "instant", "when", "money", "refund", "lines",
    "object", "free",
    "status", "hold",
]  # fmt: skip


class FieldSpec(NamedTuple):
    """A field of `data`: what it takes; `model` of `lines` and `object`."""

    kind: Kind
    required: bool
    model: type[BaseModel] | None = None


_KINDS: Final[tuple[tuple[object, Kind], ...]] = (
    (Status, "status"),
    (Hold, "hold"),
    (Id, "id"),
    (ShortText, "short_text"),
    (Text, "text"),
    (Quantity, "quantity"),
    (Balance, "balance"),
    (Instant, "instant"),
    (When, "when"),
    (bool, "flag"),
    (list[Id], "ids"),
    (list[ShortText], "short_texts"),
    (Money, "money"),
    (PositiveMoney, "refund"),
    (MoneyPatch, "money"),
)


@cache
def fields_of(model: type[BaseModel]) -> dict[str, FieldSpec]:
    """The fields of a model of the contract."""
    return {name: _field(info.annotation, required=info.is_required()) for name, info in model.model_fields.items()}


def _field(annotation: object, *, required: bool) -> FieldSpec:
    choices = (
        [one for one in get_args(annotation) if one is not type(None)] if get_origin(annotation) in (Union, UnionType) else [annotation]
    )
    if len(choices) > 1:
        return FieldSpec("free", required)
    stated = choices[0]
    for form, kind in _KINDS:
        if stated == form:
            return FieldSpec(kind, required)
    if stated is str:  # of a required identifier pydantic keeps the bounds elsewhere
        return FieldSpec("id", required)
    if get_origin(stated) is list:
        return FieldSpec("lines", required, get_args(stated)[0])
    if isinstance(stated, type) and issubclass(stated, BaseModel):
        return FieldSpec("object", required, stated)
    raise TypeError(f"a field of the contract that mappings do not know: {stated!r}")


VOCABULARIES: Final[dict[tuple[str, str], Vocabulary]] = {
    ("carrier.scan", "status"): "scan",
    ("carrier.scan", "reason"): "reason",
    ("order.hold_placed", "hold"): "hold",
    ("order.hold_released", "hold"): "hold",
    ("payment.failed", "decline"): "decline",
    ("payment.failed", "stage"): "stage",
    ("payment.disputed", "stage"): "dispute",
    ("payment.dispute_closed", "stage"): "dispute",
    ("payment.dispute_closed", "outcome"): "outcome",
    ("warehouse.rejected", "reason"): "rejection",
}
"""By type and field: the vocabulary of code tables that its words are from."""

LISTED: Final[dict[tuple[str, str], frozenset[str]]] = {
    **{key: terms for key, name in VOCABULARIES.items() if (terms := TERMS[name]) is not None},
    ("support.contacted", "intent"): frozenset(("not_received", "other")),
    **{
        (type_, name): terms
        for type_ in ("order.placed", "order.updated")
        for name, terms in (
            ("method", frozenset(("ship", "pickup", "local", "digital"))),
            ("payment_terms", frozenset(("prepaid", "on_ship", "on_delivery", "invoice", "external"))),
        )
    },
    **{
        (f"address.{step}", "risk"): frozenset(("low", "medium", "high"))
        for step in ("validated", "invalid", "change_requested")
    },
}  # fmt: skip
"""By type and field: the words of the contract, of which constants and meanings must be one. A field that is not listed takes any."""

TYPES: Final = frozenset(DATA_MODELS)
