"""How WooCommerce writes instants, meta data and what an object belongs to."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from sources.adapters.base import EventBuilder
from sources.adapters.moments import at
from sources.adapters.payload import PayloadReader

_MEXICO: Final[dict[str, str]] = {
    pair[:2]: pair[3:]
    for pair in """
    AG=AGU BC=BCN BS=BCS CH=CHH CL=COL CM=CAM CO=COA CS=CHP DF=CMX DG=DUR GR=GRO GT=GUA HG=HID JA=JAL MI=MIC MO=MOR
    MX=MEX NA=NAY NL=NLE OA=OAX PU=PUE QR=ROO QT=QUE SI=SIN SL=SLP SO=SON TB=TAB TL=TLA TM=TAM VE=VER YU=YUC ZA=ZAC
    """.split()
}
"""Mexico's states by WooCommerce's own codes (woocommerce/i18n/states.php), and ISO 3166-2's."""
_ORDER: Final = re.compile(r"https?://[^?#\s]*/orders/(\d{1,20})/?(?:[?#].*)?", re.ASCII)


def moment(builder: EventBuilder, payload: PayloadReader, name: str) -> datetime | None:
    """An instant that WooCommerce writes twice: in UTC, and, in older versions only, in the shop's zone (the connection's)."""
    return at(payload, f"{name}_gmt", zone=UTC) or at(payload, name, zone=builder.zone)


def region(to: PayloadReader) -> str | None:
    """An address's state by ISO 3166-2: WooCommerce has codes of its own for Mexico, and writes those of Japan and Turkey as `JP13`."""
    country, code = to.text("country"), to.text("state")
    if code is None:
        return None
    if country == "MX":
        return _MEXICO.get(code, code)
    return f"{country}-{code[2:]}" if country in ("JP", "TR") and code[:2] == country and code[2:].isdecimal() else code


def meta(payload: PayloadReader, key: str) -> PayloadReader:
    """The place of the value that an object's meta data have under a key; a place of nothing if they have none."""
    found = next((one.get("value") for one in payload.each("meta_data") if one.get("key").value == key), None)
    return PayloadReader(None, f"{payload.path}.meta_data[].value".removeprefix("."), payload.read) if found is None else found


def order_above(payload: PayloadReader, *fields: str) -> str | None:
    """The order that an object belongs to: by its own field, else by the link to what is above it in the API."""
    own = next((number for name in fields if (number := payload.id(name)) not in (None, "0")), None)
    links = [_ORDER.fullmatch(link) for one in payload.get("_links").each("up") if (link := one.text("href"))]
    return own or next((link[1] for link in links if link), None)
