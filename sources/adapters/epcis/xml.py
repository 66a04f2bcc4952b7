"""EPCIS in XML, versions 1.0 to 2.0, as the JSON-LD form of the same document, which `adapter` reads.

The two forms say the same. In XML an event's type is its element; lists have an element for each entry; what later versions added stands
in `extension` and `baseExtension` in version 1; CBV terms are URNs or web URIs, as `gs1.term` knows. Events' own elements have no
namespace, or EPCIS's where a sender qualifies them all; elements in any other namespace are the sender's own, and are left out as fields
of others are in JSON-LD.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from sources.adapters.output import RefuseError
from sources.adapters.payload import MAX_DEPTH, Json, PayloadReader, json_payload, xml_root

_MARKERS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""Byte order marks: UTF-8, and UTF-16 in which only XML comes."""
_OURS: Final = ("urn:epcglobal:epcis", "https://ref.gs1.org/standards/epcis")
_SOAP: Final = frozenset(("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"))
_WRAPPERS: Final = frozenset(("extension", "baseExtension"))
_DOCUMENTS: Final = frozenset(("EPCISDocument", "EPCISQueryDocument", "QueryResults"))
_LISTS: Final = frozenset(("epcList", "childEPCs", "inputEPCList", "outputEPCList", "correctiveEventIDs"))
"""Lists of plain texts."""
_QUANTITIES: Final = frozenset(("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"))
_TEXTS: Final = frozenset(
    (
        "eventTime",
        "recordTime",
        "eventTimeZoneOffset",
        "eventID",
        "action",
        "bizStep",
        "disposition",
        "parentID",
        "declarationTime",
        "reason",
    )
)


def parse(body: bytes) -> PayloadReader:
    """An EPCIS payload, XML or JSON-LD by its first sign."""
    start = body.lstrip()
    if start.startswith(_MARKERS[1:]) or start.removeprefix(_MARKERS[0]).lstrip().startswith(b"<"):
        return _document(xml_root(body))
    return json_payload(body)


def _document(root: Element) -> PayloadReader:
    document = root
    if _name(root) == "Envelope":
        # A SOAP answer: its body holds the results, or says what went wrong.
        document = next((one for body in root if _name(body) == "Body" for one in body), root)
    name = _name(document)
    if name == "Fault" or name.endswith("Exception"):
        raise RefuseError("not_a_report", "an error answer")
    if name not in _DOCUMENTS:
        raise RefuseError("unknown_form", "no EPCIS document or query result")
    if any(_name(one).endswith("Exception") for body in _below(document, "EPCISBody") for one in body):
        raise RefuseError("not_a_report", "an error answer")
    lists = list(_lists(document, 1))
    events: list[Json] = [_event(one) for listed in lists for one in _events(listed, 1)]
    return PayloadReader({"type": "EPCISDocument", "epcisBody": {"eventList": events}})


def _lists(element: Element, depth: int) -> Iterator[Element]:
    """The event lists in a document or in the results of a query."""
    for child in element if depth < MAX_DEPTH else ():
        if _name(child) == "EventList":
            yield child
        elif _name(child) in ("EPCISBody", "QueryResults", "resultsBody"):
            yield from _lists(child, depth + 1)


def _events(listed: Element, depth: int) -> Iterator[Element]:
    """The events of a list; those that a version added are wrapped in its extensions."""
    if depth > MAX_DEPTH:
        raise RefuseError("too_deep", f"more than {MAX_DEPTH} levels")
    for child in listed:
        if _name(child) in _WRAPPERS:
            yield from _events(child, depth + 1)
        elif _name(child):
            yield child


def _event(element: Element) -> Json:
    """An event as an object of JSON-LD."""
    found: dict[str, Json] = {"type": _name(element)}
    counted: dict[str, Json] = {}
    for child in _fields(element, 1):
        name = _name(child)
        if name in _TEXTS:
            found[name] = _text(child)
        elif name in _LISTS:
            found[name] = [_text(one) for one in child]
        elif name in _QUANTITIES:
            found[name] = [_quantity(one) for one in child]
        elif name == "bizTransactionList":
            found[name] = [{"type": one.get("type"), "bizTransaction": _text(one)} for one in child]
        elif name in ("readPoint", "bizLocation"):
            found[name] = {"id": next((_text(one) for one in _below(child, "id")), None)}
        elif name == "errorDeclaration":
            found[name] = {_name(one): _text(one) for one in _fields(child, 1) if _name(one) in _TEXTS}
        elif name in ("epcClass", "quantity"):
            counted[name] = _number(_text(child)) if name == "quantity" else _text(child)
    if found["type"] == "QuantityEvent":
        # Of version 1.0, and deprecated since: an observation of goods by their class.
        found |= {"type": "ObjectEvent", "action": "OBSERVE", "quantityList": [counted]}
    return found


def _fields(element: Element, depth: int) -> Iterator[Element]:
    """An event's own elements, also those that a version put into extensions."""
    if depth > MAX_DEPTH:
        raise RefuseError("too_deep", f"more than {MAX_DEPTH} levels")
    for child in element:
        if _name(child) in _WRAPPERS:
            yield from _fields(child, depth + 1)
        elif _name(child):
            yield child


def _quantity(element: Element) -> Json:
    found: dict[str, Json] = {_name(one): _text(one) for one in element if _name(one) in ("epcClass", "quantity", "uom")}
    if "quantity" in found:
        found["quantity"] = _number(found["quantity"])
    return found


def _number(text: Json) -> Json:
    """A quantity as JSON writes it; what is no number stays a text, and is refused as one."""
    if not isinstance(text, str) or len(text) > 32:
        return text
    try:
        return int(text) if text.removeprefix("-").isdecimal() else float(text)
    except ValueError:
        return text


def _below(element: Element, name: str) -> Iterator[Element]:
    return (one for one in element if _name(one) == name)


def _text(element: Element) -> str | None:
    return (element.text or "").strip() or None


def _name(element: Element) -> str:
    """An element's name; nothing for one in a namespace of the sender's own, but that of SOAP, which only wraps."""
    space, _, name = element.tag.rpartition("}")
    space = space.removeprefix("{")
    return name if not space or space.startswith(_OURS) or space in _SOAP else ""
