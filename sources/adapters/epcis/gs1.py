"""GS1 identifiers as EPCIS writes them, EPC URNs and GS1 Digital Links alike, as the keys that labels and systems show.

GS1 EPC Tag Data Standard 2.0 (URNs), GS1 Digital Link: URI syntax 1.3, Core Business Vocabulary 2.0 (terms, business transactions).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

from sources.adapters.output import RefuseError

_TERM: Final = re.compile(
    r"(?:urn:epcglobal:cbv:(?:bizstep|disp|btt|er):|https?://(?:ref|ns)\.gs1\.org/cbv/(?:BizStep|Disp|BTT|ER)-|cbv:(?:BizStep|Disp|BTT|ER)-)(\w+)",
    re.IGNORECASE,
)
_URN: Final = re.compile(r"urn:epc:(?:id|class|idpat):(sscc|sgtin|lgtin|sgln|pgln|gsin|gdti):(\d+)\.(\d*)(?:\.(.*))?", re.ASCII)
_LINK: Final = re.compile(r"https?://[^/?#]+/(?:[^?#]*?/)?(00|01|253|402|414|sscc|gtin|gln)/([^/?#]+)(?:/(?:10|21|254)/([^/?#]+))?")
_LINK_KINDS: Final = {"00": "sscc", "01": "gtin", "253": "gdti", "402": "gsin", "414": "gln", "sscc": "sscc", "gtin": "gtin", "gln": "gln"}
_URN_KINDS: Final = {"sscc": "sscc", "sgtin": "gtin", "lgtin": "gtin", "sgln": "gln", "pgln": "gln", "gsin": "gsin", "gdti": "gdti"}
_DIGITS: Final = {"sscc": 18, "gtin": 14, "gln": 13, "gsin": 17}
_TRANSACTION: Final = re.compile(r"urn:epcglobal:cbv:bt:[^:]*:(.+)")
_URL: Final = re.compile(r"https?://[^?#]*/([^/?#]+)/?(?:[?#].*)?")


class Key(NamedTuple):
    """What an identifier names: a parcel (`sscc`, 18 digits), goods (`gtin`, 14), a place (`gln`, 13), a shipment (`gsin`, 17), or `other`.

    `serial` tells one piece, lot or spot of it from another. An `other` value is the identifier as it was written.
    """

    kind: str
    value: str
    serial: str | None = None


def term(text: str | None) -> str | None:
    """A CBV term by its bare name (`shipping`), however it is written; a term of somebody else's stays whole."""
    if text is None:
        return None
    found = _TERM.fullmatch(text)
    return found[1] if found else text


def key_of(uri: str) -> Key:
    """What an identifier names. Two that differ only by the way of writing give the same key."""
    urn = _URN.fullmatch(uri)
    if urn is not None:
        return _of_urn(urn[1], urn[2], urn[3], urn[4]) or Key("other", uri)
    link = _LINK.match(uri)
    if link is not None:
        kind, value = _LINK_KINDS[link[1]], unquote(link[2])
        if kind == "gdti" and value[:13].isdecimal() and len(value) >= 13:
            return Key(kind, value[:13], value[13:] or None)
        if kind in _DIGITS and _is_digits(value, _DIGITS[kind]):
            return Key(kind, value, None if link[3] is None else unquote(link[3]))
    return Key("other", uri)


def transaction(uri: str, where: str) -> str:
    """The number of a business transaction: what its issuer calls it, without the issuer; of a URL the last part of the path.

    Raises RefuseError if that is no identifier.
    """
    found = _TRANSACTION.fullmatch(uri)
    key = key_of(uri)
    if found is not None:
        number = unquote(found[1])
    elif key.kind == "gdti":
        number = key.serial or key.value
    else:
        link = _URL.fullmatch(uri)
        number = unquote(link[1]) if link else uri
    return _checked(number.strip(), where)


def place(uri: str, where: str) -> str:
    """A place by its GLN, without the spot in it; of another URL the last part of the path. Raises RefuseError if that is no identifier."""
    key = key_of(uri)
    if key.kind == "gln":
        return key.value
    link = _URL.fullmatch(uri)
    return _checked(unquote(link[1]) if link else uri, where)


def _of_urn(scheme: str, company: str, reference: str, rest: str | None) -> Key | None:
    kind = _URN_KINDS[scheme]
    serial = None if rest in (None, "", "*") else unquote(rest or "")
    if kind == "gdti":
        return Key(kind, company + reference + _check_digit(company + reference), serial)
    # A serial reference or item reference begins with the extension or indicator digit, which stands before the company in the number.
    body = reference[:1] + company + reference[1:] if kind in ("sscc", "gtin") else company + reference
    if len(body) != _DIGITS[kind] - 1:
        return None
    if kind == "gln" and serial == "0":
        serial = None  # Extension 0 is the place as a whole.
    return Key(kind, body + _check_digit(body), serial)


def _check_digit(body: str) -> str:
    """The last digit of a GS1 key: modulo 10, weights 3 and 1 from the right."""
    return str(-sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(body))) % 10)


def _is_digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdecimal()


def _checked(text: str, where: str) -> str:
    if not 0 < len(text) <= 512 or any(character < " " or character == "\x7f" for character in text):
        raise RefuseError("bad_value", f"{where}: no identifier")
    return text
