"""EPCIS documents in JSON-LD as the XML that GS1's schemas 1.2 and 2.0 demand: a test can compare both forms of one document."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, cast
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

Version: TypeAlias = Literal["1.2", "2.0"]
Object: TypeAlias = dict[str, Any]

EPCIS: Final[dict[Version, str]] = {"1.2": "urn:epcglobal:epcis:xsd:1", "2.0": "urn:epcglobal:epcis:xsd:2"}
QUERY: Final[dict[Version, str]] = {"1.2": "urn:epcglobal:epcis-query:xsd:1", "2.0": "urn:epcglobal:epcis-query:xsd:2"}
TERMS: Final = {"bizStep": "bizstep", "disposition": "disp", "type": "btt", "reason": "er"}
"""By field of JSON-LD, where CBV terms stand bare: what stands before them in a URN."""
FIRST: Final = ("eventTime", "recordTime", "eventTimeZoneOffset")
LISTS: Final = {"epcList": "epc", "childEPCs": "epc", "quantityList": "quantityElement", "childQuantityList": "quantityElement"}
EXTENDED: Final = ("quantityList", "childQuantityList")
"""What version 1.2 puts into an event's `extension`."""
OUTSIDE: Final = ("TransformationEvent", "AssociationEvent")
"""Events that version 1.2 puts into an `extension` of their own (AssociationEvent came with 2.0, and stands here for what is not known)."""


def as_xml(document: Object, version: Version) -> bytes:
    """The XML of an `EPCISDocument` or `EPCISQueryDocument`."""
    kind: str = document["type"]
    space = EPCIS[version] if kind == "EPCISDocument" else QUERY[version]
    register_namespace("epcis" if kind == "EPCISDocument" else "epcisq", space)
    root = Element(f"{{{space}}}{kind}", {"schemaVersion": version, "creationDate": document["creationDate"]})
    body = SubElement(root, "EPCISBody")
    if kind == "EPCISQueryDocument":
        results = SubElement(body, f"{{{space}}}QueryResults")
        SubElement(results, "queryName").text = document["epcisBody"]["queryResults"]["queryName"]
        body, events = SubElement(results, "resultsBody"), document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    else:
        events = document["epcisBody"].get("eventList", [])
    listed = SubElement(body, "EventList")
    for event in events:
        outside = version == "1.2" and event["type"] in OUTSIDE
        _event(SubElement(listed, "extension") if outside else listed, event, version)
    indent(root, " ")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode").encode()


def _event(parent: Element, event: Object, version: Version) -> None:
    element = SubElement(parent, event["type"])
    for name in FIRST:
        _text(element, name, event.get(name))
    own = {name: event[name] for name in ("eventID", "errorDeclaration") if name in event}
    base = SubElement(element, "baseExtension") if own and version == "1.2" else element
    _text(base, "eventID", own.get("eventID"))
    if "errorDeclaration" in own:
        _error(SubElement(base, "errorDeclaration"), own["errorDeclaration"], version)
    later: list[tuple[str, Any]] = []
    for name, value in event.items():
        if name in ("type", *FIRST, "eventID", "errorDeclaration"):
            continue
        if version == "1.2" and name in EXTENDED:
            later.append((name, value))
        else:
            _field(element, name, value, version)
    if later:
        extension = SubElement(element, "extension")
        for name, value in later:
            _field(extension, name, value, version)


def _field(element: Element, name: str, value: Any, version: Version) -> None:
    if name in LISTS:
        listed = SubElement(element, name)
        for one in value:
            below = SubElement(listed, LISTS[name])
            if isinstance(one, dict):
                for key, item in cast("Object", one).items():
                    _text(below, key, item)
            else:
                below.text = str(one)
    elif name == "bizTransactionList":
        listed = SubElement(element, name)
        for one in value:
            below = SubElement(listed, "bizTransaction", {"type": _term("type", one["type"], version)} if "type" in one else {})
            below.text = one["bizTransaction"]
    elif isinstance(value, dict):
        _text(SubElement(element, name), "id", cast("Object", value).get("id"))
    elif isinstance(value, str):
        _text(element, name, _term(name, value, version) if name in TERMS else value)


def _error(element: Element, error: Object, version: Version) -> None:
    _text(element, "declarationTime", error.get("declarationTime"))
    if "reason" in error:
        _text(element, "reason", _term("reason", error["reason"], version))
    if "correctiveEventIDs" in error:
        listed = SubElement(element, "correctiveEventIDs")
        for one in error["correctiveEventIDs"]:
            _text(listed, "correctiveEventID", one)


def _term(name: str, value: str, version: Version) -> str:
    """A bare term as XML writes it: a URN, in 2.0 also a web URI; any other stays."""
    if ":" in value:
        return value
    web = {"bizStep": "BizStep", "disposition": "Disp", "type": "BTT", "reason": "ER"}[name]
    return f"urn:epcglobal:cbv:{TERMS[name]}:{value}" if version == "1.2" else f"https://ref.gs1.org/cbv/{web}-{value}"


def _text(element: Element, name: str, value: object) -> None:
    if value is not None:
        SubElement(element, name).text = str(value)
