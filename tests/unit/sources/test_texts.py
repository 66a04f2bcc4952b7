"""Byte order marks, in every reader of texts."""

from __future__ import annotations

import codecs
from contextlib import closing
from typing import TYPE_CHECKING

import orjson
import pytest

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.captured import payloads_of
from sources.adapters.output import RefuseError
from sources.adapters.payload import json_payload, xml_payload
from sources.lines import FileLines, UnreadableSourceError
from sources.texts import unmarked
from tests.support.adapters import OWN
from tests.unit.mapping.support import adapted

if TYPE_CHECKING:
    from pathlib import Path

JSON = '{"a": "Größe", "b": [1]}'
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def marked(text: str, encoding: str) -> bytes:
    """A text as an editor saves it with a mark."""
    return MARKS[encoding] + text.encode(encoding)


@pytest.mark.parametrize("encoding", MARKS)
def test_a_marked_text_is_read_as_its_mark_says(encoding: str) -> None:
    """JSON, whole or captured, line by line, and X12."""
    assert unmarked(marked(JSON, encoding)) == JSON.encode()
    assert json_payload(marked(JSON, encoding)).value == orjson.loads(JSON)
    capture = '{"headers": {"A": "b"}, "body": "x"}'
    assert [payload.body for _, payload in payloads_of(marked(capture, encoding))] == [b"x"]
    assert [payload.headers for _, payload in payloads_of(marked(f"{capture}\n{capture}", encoding))] == [{"a": "b"}] * 2
    assert len(list(payloads_of(marked(f"{JSON}\n{JSON}", encoding), by_line=True))) == 2
    text = (OWN / "x12_214" / "zones.edi").read_text()
    freight = ADAPTERS["x12_214"]
    assert translate(freight, Payload(marked(text, encoding)), AdapterConnection()) == translate(
        freight, Payload(text.encode()), AdapterConnection()
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_marked_xml_is_read_as_its_mark_says(encoding: str) -> None:
    """With a declaration and without; blanks may stand between mark and declaration, as some senders put them."""
    assert xml_payload(marked("<a>Größe</a>", encoding)).value == {"a": "Größe"}
    declared = f'<?xml version="1.0" encoding="{encoding[:6].rstrip("-")}"?><a>Größe</a>'
    assert xml_payload(marked(declared, encoding)).value == {"a": "Größe"}
    assert xml_payload(codecs.BOM_UTF8 + b'\n<?xml version="1.0"?><a>1</a>').value == {"a": "1"}


@pytest.mark.parametrize("encoding", MARKS)
def test_marked_lines_of_a_mapping_are_read(encoding: str) -> None:
    """JSON lines; CSV says its encoding itself, and a mark of another is named."""
    mapping = "name: wms\nformat: jsonl\nevents:\n  - {type: warehouse.packed, order: o, time: t}\n"
    lines = "".join(f'{{"o": "{number}", "t": "2026-11-20T12:00:00Z"}}\n' for number in range(3))
    assert [event["subject"] for event in adapted(mapping, marked(lines, encoding)).events] == ["0", "1", "2"]
    table = "o,t\n1,2026-11-20T12:00:00Z\n"
    plain = mapping.replace("jsonl", "csv")
    found = adapted(plain, marked(table, encoding))
    if encoding == "utf-8":
        assert [event["subject"] for event in found.events] == ["1"]
    else:
        name = encoding[:6]
        assert [one.detail for one in found.refused] == [f"not utf-8: its byte order mark says {name.upper()}; `encoding: {name}` reads it"]


@pytest.mark.parametrize("encoding", WIDE)
def test_a_text_that_is_not_what_its_mark_says_is_refused(encoding: str) -> None:
    """Half a character at the end, or a lone half of a pair."""
    name = encoding[:6].upper()
    with pytest.raises(RefuseError, match=f"not_readable: a byte order mark of {name}, and no {name}"):
        json_payload(MARKS[encoding] + b"{")


def test_contract_events_are_read_with_a_mark_and_refused_in_another_encoding(tmp_path: Path) -> None:
    """What `>` of a Windows shell writes is named as what it is."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(marked('{"a": 1}\n', "utf-8"))
    with closing(FileLines(str(path))) as lines:
        assert lines.read() == [b'{"a": 1}']
    path.write_bytes(marked('{"a": 1}\n', "utf-16-le"))
    with closing(FileLines(str(path))) as lines, pytest.raises(UnreadableSourceError, match="written in UTF-16; events are read in UTF-8"):
        lines.read()


@pytest.mark.parametrize(
    ("system", "body", "detail"),
    [
        ("shopify", b"", "no JSON: empty"),
        ("shopify", b"<?xml version='1.0'?><orders/>", "no JSON: this looks like XML"),
        ("easypost", b"<!DOCTYPE html><html>", "no JSON: this looks like HTML"),
        ("aftership", b"ISA*00*", "no JSON: this looks like X12"),
        ("shippo", b"{", "no JSON: line 1, column 2"),
        ("fedex", b"ISA*00*", "no JSON: this looks like X12"),
        ("usps", b"", "no JSON: empty"),
        ("canadapost", b"<a></b>", "no XML: line 1, column 5"),
        ("x12_214", b'{"a": 1}', "no X12: this looks like JSON"),
        ("x12_214", b"UNA:+.? '", "no X12: does not begin with an ISA segment"),
    ],
)
def test_another_format_is_named_in_the_refusal(system: str, body: bytes, detail: str) -> None:
    """Whoever sent the wrong file sees at once what it is."""
    refused = translate(ADAPTERS[system], Payload(body), AdapterConnection()).refused
    assert [(one.reason, one.detail) for one in refused] == [("not_readable", detail)]
