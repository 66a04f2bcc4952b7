"""One name for each carrier, whichever system speaks of it: policies, incidents and tracking numbers name carriers.

Names are those that storefronts and trackers use, folded; SCACs are the four letters that X12 messages carry. A carrier that was
renamed has its present name.
"""

from __future__ import annotations

from typing import Final

_NAMES: Final = """
    ups: unitedparcelservice, unitedparcelserviceinc, upsn, upsdap, upsground, upsexpress, upsworldwide, upscanada
    upsmailinnovations: upsmi
    tforcefreight: upsfreight, upgf
    usps: unitedstatespostalservice, uspostalservice
    fedex: federalexpress, fedexground, fdeg, fedexhomedelivery, fedexexpress, fde, fedx, fedexdefault, fedexfreight, fxfe, fxfw, fxnl
    fedexsmartpost: fedexgroundeconomy
    dhl: dhlexpress, deutschepostdhl
    dhlecommerce: dhlglobalmail, globalmail, dhlecommerceus, dhlecommercesolutions
    canadapost: canadapostcorporation, postescanada
    royalmail: royalmailgroup
    postnl: postnlinternational
    amazonlogistics: amazon, amazonlogisticsus, amazonlogisticsuk, amazonshipping, amzl, amzlus
    ontrac: lasership, ontraclasership
    purolator: purolatorcourier, purolatorinternational
    olddominion: olddominionfreightline, odfl
    estes: estesexpress, estesexpresslines, exla
    abf: abffreight, abffreightsystem, abfs
    xpo: xpologistics, conway, conwayfreight, cnwy
    yrc: yrcfreight, yellow, yellowfreight, yfsy, roadway, rdwy
    saia: saialtlfreight
    southeasternfreight: southeasternfreightlines, sefl
    rlcarriers: rl, rlca
    aaacooper: aaacoopertransportation, aact
    averitt: averittexpress, avrt
    centraltransport: centraltransportinternational, ctii
    daytonfreight: daytonfreightlines, dafg
    aduiepyle: pyle
    pittohio: pittohioexpress, pitd
    holland: usfholland, hmes
    reddaway: usfreddaway, retl
    schneider: schneidernational, snlu
    jbhunt: jbhunttransport, hjbt
"""
"""Each carrier by its name here, then its other names and SCACs (Standard Carrier Alpha Codes), all as `carrier_name` folds them. Sources:
SCACs as the carriers state them for EDI, assigned by the National Motor Freight Traffic Association; names as EasyPost (carrier types),
AfterShip (courier slugs), Shippo (carrier tokens) and Shopify (tracking companies) publish them. Services whose parcels another carrier
delivers (`fedexsmartpost`, `upsmailinnovations`, `dhlecommerce`) stay apart."""

SAME: Final[dict[str, str]] = {
    other: name
    for name, _, others in (row.replace(" ", "").partition(":") for row in _NAMES.strip().splitlines())
    for other in others.split(",")
}
"""The carrier's name here by every other name of it."""

LONGEST_NAME: Final = 128


def carrier_name(text: str | None) -> str | None:
    """A carrier as all adapters call it: lower-case letters and digits only (`Canada Post` and `canada-post` are `canadapost`)."""
    if text is None:
        return None
    name = "".join(character for character in text.casefold() if character.isalnum())
    return SAME.get(name, name)[:LONGEST_NAME] or None
