"""A payload as a tree that is read by paths: typed, strict, and remembering what was read.

What is read shows in the coverage report; what has another type than expected is refused and never guessed. XML reads like JSON: an
element is an object of its children, an attribute `a` is the field `@a`, and the text of an element that has either is `#text`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias, cast
from xml.etree.ElementTree import Element

import orjson
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from sources.adapters.output import RefuseError
from sources.texts import UTF8, unmarked

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

MAX_BYTES = 4 << 20
"""Longest payload that is read. Webhooks are tens of kilobytes; pages of an API some hundreds."""
MAX_DEPTH = 64
"""Deepest nesting that is read; the deepest of the systems known here has 12."""
MAX_NAME_CHARS, MAX_TEXT_CHARS = 512, 4_096
"""Longest code or name, and longest free text, that is passed on; what is longer is cut (an identifier: refused)."""


class PayloadReader:
    """One place in a payload. `path` is where it is (`shipment.parcels[].code`), for messages and for coverage."""

    __slots__ = ("path", "read", "value")

    def __init__(self, value: Json, path: str = "", read: set[str] | None = None) -> None:
        self.value = value
        self.path = path
        self.read: set[str] = set() if read is None else read
        """The paths that were read so far, shared by all places of one payload."""

    def __bool__(self) -> bool:
        """Whether there is anything: absent, null, "" and empty structures count as nothing."""
        self.read.add(self.path)
        return self.value not in (None, "", [], {})

    def get(self, *names: str) -> PayloadReader:
        """The place below, by names; a place of nothing where it is absent. Raises RefuseError where the way leads through a non-object."""
        here = self
        for name in names:
            below: Json = None
            if isinstance(here.value, dict):
                below = here.value.get(name)
            elif here.value not in (None, ""):
                raise RefuseError("wrong_type", f"{here.path or 'the payload'}: expected an object")
            here = PayloadReader(below, f"{here.path}.{name}" if here.path else name, self.read)
        return here

    def at(self, path: str) -> PayloadReader:
        """The place below, by a path whose dots may also be part of a field's name: Adyen's `additionalData` has one `metadata.order_id`.

        Of several readings of the path the first that leads to something counts, from the shortest names on; a way through a non-object
        leads to nothing.
        """
        whole = PayloadReader(None, f"{self.path}.{path}" if self.path else path, self.read)
        if not isinstance(self.value, dict):
            return whole
        names = path.split(".")
        for count in range(1, len(names) + 1):
            name, rest = ".".join(names[:count]), ".".join(names[count:])
            if name in self.value:
                found = self.get(name).at(rest) if rest else self.get(name)
                if found:
                    return found
        return whole

    def each(self, *names: str) -> Iterator[PayloadReader]:
        """The places in a list; a single value counts as a list of one, as XML does not tell the two apart."""
        here = self.get(*names)
        if here.value in (None, ""):
            return
        values = here.value if isinstance(here.value, list) else [here.value]
        path = f"{here.path}[]"
        for value in values:
            yield PayloadReader(value, path, self.read)

    def has(self, name: str) -> bool:
        """Whether this is an object with a field of that name, null or not."""
        return isinstance(self.value, dict) and name in self.value

    def text(self, *names: str, longest: int = MAX_NAME_CHARS) -> str | None:
        """A text without surrounding blanks, cut to `longest`; None where it is absent, null or blank. Numbers are no texts."""
        here = self.get(*names)
        self.read.add(here.path)
        if here.value is None:
            return None
        if not isinstance(here.value, str):
            raise RefuseError("wrong_type", f"{here.path}: expected a text")
        return here.value.strip()[:longest] or None

    def id(self, *names: str) -> str | None:
        """An identifier: a text or a whole number. Raises RefuseError if it is longer than 512 characters or has control characters."""
        here = self.get(*names)
        self.read.add(here.path)
        value = here.value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is None:
            return None
        if not isinstance(value, str):
            raise RefuseError("wrong_type", f"{here.path}: expected an identifier")
        return identifier(value.strip(), here.path) or None

    def number(self, *names: str) -> int | None:
        """A whole number; also one written as text, or as a fraction of nothing (`3.0`)."""
        here = self.get(*names)
        self.read.add(here.path)
        value = here.value
        if isinstance(value, str):
            value = value.strip() or None
            if value is not None and value.removeprefix("-").isdecimal() and value.isascii() and len(value) < 20:
                value = int(value)
        elif isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            value = int(value)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise RefuseError("wrong_type", f"{here.path}: expected a whole number")
        return value

    def quantity(self, *names: str) -> int | None:
        """A number of pieces, 0 to 1,000,000,000."""
        value = self.number(*names)
        if value is not None and not 0 <= value <= 1_000_000_000:
            raise RefuseError("bad_value", f"{self.get(*names).path}: no number of pieces")
        return value

    def flag(self, *names: str) -> bool | None:
        """True or false; also written as text, as XML and some webhooks do."""
        here = self.get(*names)
        self.read.add(here.path)
        value = here.value.strip().lower() if isinstance(here.value, str) else here.value
        if value in (None, ""):
            return None
        if value is True or value == "true":
            return True
        if value is False or value == "false":
            return False
        raise RefuseError("wrong_type", f"{here.path}: expected true or false")

    def need(self, *names: str) -> PayloadReader:
        """As `get`, but it must be there. Raises RefuseError if it is not."""
        here = self.get(*names)
        if here.value in (None, "", [], {}):
            raise RefuseError("missing_field", here.path)
        return here

    def need_id(self, *names: str) -> str:
        """As `id`, but it must be there."""
        value = self.id(*names)
        if value is None:
            raise RefuseError("missing_field", self.get(*names).path)
        return value

    def need_text(self, *names: str) -> str:
        """As `text`, but it must be there."""
        value = self.text(*names)
        if value is None:
            raise RefuseError("missing_field", self.get(*names).path)
        return value


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def identifier(text: str, where: str) -> str:
    """A text that can be an identifier of the contract. Raises RefuseError if it is too long or has control characters."""
    if len(text) > MAX_NAME_CHARS or _CONTROL.search(text):
        raise RefuseError("bad_value", f"{where}: no identifier")
    return text


def json_payload(body: bytes) -> PayloadReader:
    """A JSON payload. Raises RefuseError if it is none, is no object or array, or is too large or nested too deeply."""
    _check_size(body)
    body = text_of(body)
    try:
        value = cast("Json", orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise RefuseError("not_readable", f"no JSON: {instead_of_json(body, error)}") from None
    if not isinstance(value, dict | list):
        raise RefuseError("unknown_form", "neither an object nor an array")
    check_depth(value)
    return PayloadReader(value)


def xml_payload(body: bytes) -> PayloadReader:
    """An XML payload as an object with one field, the root element; namespaces are left out. Raises RefuseError as `json_payload` does."""
    root = xml_root(body)
    return PayloadReader({_tag(root.tag): _element(root, 1)})


def xml_root(body: bytes) -> Element:
    """The root element of an XML payload. Raises RefuseError if it is none, or too large.

    Entities, external references and document types are refused (defusedxml).
    """
    _check_size(body)
    try:
        # Some senders put a blank before the declaration, where the standard allows none.
        return fromstring(body.removeprefix(UTF8).lstrip(), forbid_dtd=True)
    except ParseError as error:
        line, column = error.position
        what = looks_like(body)
        found = f"line {line}, column {column}" if what in (None, "XML") else f"this looks like {what}"
        raise RefuseError("not_readable", f"no XML: {found}") from None
    except DefusedXmlException:
        raise RefuseError("not_readable", "XML with a document type or entities of its own") from None
    except (ValueError, LookupError):
        raise RefuseError("not_readable", "no XML: an encoding that is not known") from None


def text_of(body: bytes) -> bytes:
    """A text as UTF-8 without a byte order mark. Raises RefuseError if it is not written as its mark says."""
    try:
        return unmarked(body)
    except ValueError as error:
        raise RefuseError("not_readable", str(error)) from None


def looks_like(body: bytes) -> str | None:
    """What a text is by its beginning, where that shows: XML, HTML, JSON or X12."""
    head = body.removeprefix(UTF8).lstrip()[:64].lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    known = {b"<": "XML", b"{": "JSON", b"[": "JSON", b"isa": "X12"}
    return next((name for first, name in known.items() if head.startswith(first)), None)


def instead_of_json(body: bytes, error: orjson.JSONDecodeError) -> str:
    """Why a text is no JSON: what it is instead, else where the fault is."""
    if not body.strip():
        return "empty"
    what = looks_like(body)
    return f"line {error.lineno}, column {error.colno}" if what in (None, "JSON") else f"this looks like {what}"


def json_or_xml_payload(body: bytes) -> PayloadReader:
    """A payload of a system that speaks both, told apart by how it begins. Raises RefuseError as `json_payload` and `xml_payload` do."""
    _check_size(body)
    return xml_payload(body) if looks_like(text_of(body)) == "XML" else json_payload(body)


def _check_size(body: bytes) -> None:
    if len(body) > MAX_BYTES:
        raise RefuseError("too_large", f"more than {MAX_BYTES} bytes")


def check_depth(value: Json) -> None:
    """Raises RefuseError if a value is nested too deeply to walk through."""
    level: list[Json] = [value]
    for _ in range(MAX_DEPTH):
        level = [below for here in level if isinstance(here, dict | list) for below in _below(here)]
        if not level:
            return
    raise RefuseError("too_deep", f"more than {MAX_DEPTH} levels")


def _below(value: dict[str, Json] | list[Json]) -> Iterable[Json]:
    return value.values() if isinstance(value, dict) else value


def _tag(name: str) -> str:
    return name.rpartition("}")[2]


def _element(element: Element, depth: int) -> Json:
    if depth > MAX_DEPTH:
        raise RefuseError("too_deep", f"more than {MAX_DEPTH} levels")
    text = (element.text or "").strip() or None
    if not len(element) and not element.attrib:
        return text
    found: dict[str, Json] = {f"@{_tag(name)}": value for name, value in element.attrib.items()}
    if text is not None:
        found["#text"] = text
    for child in element:
        name, value = _tag(child.tag), _element(child, depth + 1)
        if name not in found:
            found[name] = value
        elif isinstance(earlier := found[name], list):
            earlier.append(value)
        else:
            found[name] = [earlier, value]
    return found
