"""How WooCommerce writes instants, meta data and what an object belongs to."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Final

from sources.adapters.doc import Doc
from sources.adapters.moments import at

if TYPE_CHECKING:
    from datetime import datetime

    from sources.adapters.base import Say

_ORDER: Final = re.compile(r"https?://[^?#\s]*/orders/(\d{1,20})/?(?:[?#].*)?", re.ASCII)


def moment(say: Say, doc: Doc, name: str) -> datetime | None:
    """An instant that WooCommerce writes twice: in UTC, and, in older versions only, in the shop's zone (the connection's)."""
    return at(doc, f"{name}_gmt", zone=UTC) or at(doc, name, zone=say.zone)


def meta(doc: Doc, key: str) -> Doc:
    """The place of the value that an object's meta data have under a key; a place of nothing if they have none."""
    found = next((one.get("value") for one in doc.each("meta_data") if one.get("key").value == key), None)
    return Doc(None, f"{doc.path}.meta_data[].value".removeprefix("."), doc.read) if found is None else found


def order_above(doc: Doc, *fields: str) -> str | None:
    """The order that an object belongs to: by its own field, else by the link to what is above it in the API."""
    own = next((number for name in fields if (number := doc.id(name)) not in (None, "0")), None)
    links = [_ORDER.fullmatch(link) for one in doc.get("_links").each("up") if (link := one.text("href"))]
    return own or next((link[1] for link in links if link), None)
