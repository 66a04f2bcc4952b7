"""What the orders of shops have in common, whichever system they stand in: whose an event is, the address, and what changed.

Small systems count their shipments, payments and invoices from 1, as others in the same tenant do: such an ID has the system's name before
it. The IDs of orders stay as they are; two shops whose orders have the same numbers need a tenant each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from schemas.places import is_region
from schemas.values import FIRST_YEAR
from sources.adapters.base import EventBuilder, digest
from sources.adapters.countries import region_code
from sources.adapters.money import Money, decimal, of_double
from sources.adapters.output import Draft, History
from sources.adapters.payload import MAX_NAME_CHARS, PayloadReader

CANCELS: Final = ("cancelled-", "deleted-")
"""How the IDs of an order's cancellations begin."""
ALWAYS: Final = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
"""A time before all others."""


@dataclass(frozen=True, slots=True)
class ShopOrderRef:
    """The order that something belongs to: its ID as the connection wants it, and another name of it that ties."""

    order: str | None
    alias: str | None = None


def owner_of(builder: EventBuilder, payload: PayloadReader, number: str, name: str | None) -> tuple[ShopOrderRef, ShopOrderRef]:
    """The owner of an order's own events, and that of its parts. `number` is the system's ID, `name` what people call the order.

    Where the connection wants another field, that is the ID, and the system's ID ties what names nothing else.
    """
    if builder.connection.order_field:
        owner = ShopOrderRef(builder.order_of(payload), number)
        return owner, owner
    return ShopOrderRef(number, None if name == number else name), ShopOrderRef(number)


def part_of(builder: EventBuilder, number: str) -> ShopOrderRef:
    """The owner of what names its order by the system's own ID, and is no order itself."""
    return ShopOrderRef(None, number) if builder.connection.order_field else ShopOrderRef(number)


def order_event(
    builder: EventBuilder, owner: ShopOrderRef, type_: str, id_: str, time: datetime, data: dict[str, Any], recorded: datetime | None = None
) -> Draft:
    """An event about an order or a part of it; `recorded` is when the system said so, if it says: never before it happened."""
    if owner.alias is not None:
        data = {**data, "order_alias": owner.alias}
    return builder.event(type_, id_, time, data, order=owner.order, recorded=None if recorded is None else max(recorded, time))


def own_id(builder: EventBuilder, number: str) -> str:
    """The ID of something else than an order (a shipment, a payment, an invoice, a hold) that its system only counts."""
    id_ = f"{builder.system}-{number}"
    return id_ if len(id_) <= MAX_NAME_CHARS else digest(id_)


def snapshot(
    builder: EventBuilder, key: str, type_: str, stated_at: datetime, ids: Iterable[str], owner: ShopOrderRef, tracking: str | None = None
) -> History:
    """All that a snapshot of a thing says, by the IDs of events of one source (that of `type_`): what the last one leaves out is withdrawn.

    A cancellation that it leaves out is not: people set orders back by hand, and what passed meanwhile did.

    A snapshot speaks of all of the thing's time, and may date its events otherwise than the one before: their times tell nothing here.
    """
    # A placing stands whatever happens, so what only says a status names it too: also where the connection leaves it to another system.
    left_out = builder.connection.omits("order.placed")
    events = {id_: ALWAYS for id_ in ids if not (left_out and id_.startswith("placed-"))}
    cancels = CANCELS if key.startswith("order/") else ()
    return History(key, builder.source(type_), stated_at, events, tracking, owner.order, since=ALWAYS, alias=owner.alias, cancels=cancels)


def updated(builder: EventBuilder, owner: ShopOrderRef, number: str, at: datetime, patch: dict[str, Any]) -> Draft:
    """The order as it stands at `at`, where it may have changed since it was placed.

    Two changes within the same second bear the same `at`: what is said tells them apart.
    """
    content = orjson.dumps(patch, option=orjson.OPT_SORT_KEYS).decode()
    return order_event(builder, owner, "order.updated", f"updated-{number}-{digest(at, content)}", at, patch, at)


def known(payload: PayloadReader, fields: Mapping[str, Any], sources: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Those fields of an order that the payload has a source for; a message with some of an order's fields changes nothing else."""
    return {name: value for name, value in fields.items() if any(payload.has(source) for source in sources[name])}


def ship_to(
    country: str | None, region: str | None, postal_code: str | None, city: str | None, *street: str | None
) -> dict[str, Any] | None:
    """Where to, without names and streets; the hash tells equal addresses. None where there is no address.

    A region that is written by its name becomes a code, since the clocks there go by codes.
    """
    if country is None and postal_code is None:
        return None
    # Without the region, which some write and others leave to the town.
    whole = [*street, city, postal_code, country]
    return {
        "country": country,
        "region": _region(country, region),
        "postal_code": postal_code,
        "address_hash": digest(*map(_plain, whole)) if any(street) else None,
    }


def _region(country: str | None, text: str | None) -> str | None:
    """A region by its code (ISO 3166-2) where it has one that is known here; else as it is written."""
    code = region_code(country, text)
    return code if code is not None and is_region(f"{country}-{code.removeprefix(f'{country}-')}") else text


def _plain(text: str | None) -> str:
    """Letters and digits only: `12, High St.` and `12 high st` are one address."""
    return "".join(character for character in (text or "").casefold() if character.isalnum())


def given_back(payload: PayloadReader, name: str, code: str) -> Money | None:
    """The amount in a field that some write with a minus sign, since it went back; None where it is absent."""
    here = payload.get(name)
    value = here.value
    if isinstance(value, float):
        text: str | None = of_double(value)
    else:
        text = repr(value) if isinstance(value, int) and not isinstance(value, bool) else payload.text(name)
    here.read.add(here.path)
    return None if text is None else decimal(text.removeprefix("-"), code, here.path)


def no_later(at: datetime, *others: datetime | None) -> datetime:
    """The first of some instants. A snapshot dates what it shows at its latest; what followed from that says more of when it was."""
    return min(one for one in (at, *others) if one is not None)
