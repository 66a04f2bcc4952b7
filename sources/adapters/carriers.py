"""One name for each carrier, whichever system speaks of it: policies and tracking numbers name carriers."""

from __future__ import annotations

from typing import Final

SAME: Final[dict[str, str]] = {
    "unitedparcelservice": "ups",
    "upsn": "ups",
    "unitedstatespostalservice": "usps",
    "federalexpress": "fedex",
    "fedexground": "fedex",
    "fdeg": "fedex",
    "fedexexpress": "fedex",
    "canadapostcorporation": "canadapost",
    "postescanada": "canadapost",
    "royalmailgroup": "royalmail",
    "deutschepostdhl": "dhl",
    "dhlexpress": "dhl",
    "postnlinternational": "postnl",
    "upsdap": "ups",
    "fedexdefault": "fedex",
}
"""Names and SCACs (Standard Carrier Alpha Codes) that mean the same carrier as another, both as `carrier_name` folds them. Services with
numbers of their own (`fedexsmartpost`, `dhlglobalmail`) stay apart."""

LONGEST_NAME: Final = 128


def carrier_name(text: str | None) -> str | None:
    """A carrier as all adapters call it: lower-case letters and digits only (`Canada Post` and `canada-post` are `canadapost`)."""
    if text is None:
        return None
    name = "".join(character for character in text.casefold() if character.isalnum())
    return SAME.get(name, name)[:LONGEST_NAME] or None
