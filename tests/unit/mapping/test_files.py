"""How files are read: what CSV in the wild looks like, JSON lines, XML, and long files in pieces."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from sources.adapters import AdapterConnection, Payload, translate
from sources.adapters.output import FAULTS, Ignored
from sources.mapping.files import Dialect, FormatReader
from tests.unit.mapping.support import adapted, events, mapping

CSV = """
name: wms
format: csv
csv: {options}
events:
  - {{type: warehouse.packed, order: ORDER, time: AT, data: {{site: SITE, shipment_id: REF}}}}
"""
PLAIN = CSV.format(options="{}")
HEAD = "ORDER,AT,SITE,REF\n"
ROW = "A-1,2026-11-20T12:00:00Z,ber1,{}\n"


def refs(options: str, body: str | bytes) -> list[str | None]:
    """What stood in REF of each row of a file that is read whole."""
    return [event["data"].get("shipment_id") for event in events(CSV.format(options=options), body)]


def refused(options: str, body: str | bytes) -> list[tuple[str, str]]:
    """What was refused of a file."""
    return [(one.reason, one.detail) for one in adapted(CSV.format(options=options), body).refused]


@pytest.mark.parametrize(
    ("options", "body", "found"),
    [
        ("{}", HEAD + ROW.format("x"), "x"),
        ("{}", "\ufeff" + HEAD + ROW.format("x"), "x"),
        ("{}", (HEAD + ROW.format("x")).replace("\n", "\r\n"), "x"),
        ("{}", (HEAD + ROW.format("x")).replace("\n", "\r"), "x"),
        ("{}", (HEAD + ROW.format("x")).rstrip("\n"), "x"),
        ("{}", HEAD + ROW.format('"a, b"'), "a, b"),
        ("{}", HEAD + ROW.format('"5"" nail"'), '5" nail'),
        ("{}", HEAD + ROW.format('5" nail'), '5" nail'),
        ("{}", HEAD + ROW.format("Größe 😀"), "Größe 😀"),
        ("{}", HEAD + ROW.format("a\x0bb\u2028c").replace("\x0b", ""), "ab\u2028c"),
        ("{}", HEAD + ROW.format("x,,"), "x"),
        ("{}", " ORDER , AT ,SITE,REF\n" + ROW.format("x"), "x"),
        ("{}", "ORDER,AT,SITE,REF,\n" + ROW.format("x,"), "x"),
        ("{}", "\n\n" + HEAD + "\n" + ROW.format("x") + ",,,\n\n", "x"),
        ("{delimiter: ';'}", (HEAD + ROW).replace(",", ";").format("a,b"), "a,b"),
        ("{delimiter: tab}", (HEAD + ROW).replace(",", "\t").format("a,b"), "a,b"),
        ("{delimiter: '|', quote: none}", (HEAD + ROW).replace(",", "|").format('"a'), '"a'),
        ('{quote: "\'"}', HEAD + ROW.format("'a,b'"), "a,b"),
        ("{header: [ORDER, AT, SITE, REF]}", ROW.format("x"), "x"),
        ("{skip: 2}", 'Export "of today\nsecond line\n' + HEAD + ROW.format("x"), "x"),
        ("{encoding: cp1252}", (HEAD + ROW.format("Größe €")).encode("cp1252"), "Größe €"),
        ("{encoding: utf-16}", (HEAD + ROW.format("Größe")).encode("utf-16"), "Größe"),
    ],
)
def test_csv_as_it_is_written(options: str, body: str | bytes, found: str) -> None:
    """Marks, line ends, quotes, delimiters, encodings, empty lines and columns."""
    assert refs(options, body) == [found]


def test_a_cell_may_hold_line_ends() -> None:
    """The row is named by the line that it ends in."""
    body = HEAD + 'A-1,2026-11-20T12:00:00Z,"ber\n1",\nA-2,x,ber1,\n'
    found = adapted(PLAIN, body)
    assert found.refused == (("bad_value", "SITE: no identifier (line 3)"), ("bad_time", found.refused[1].detail))
    assert found.refused[1].detail.endswith("(line 4)")


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ("A-1,2026-11-20T12:00:00Z,ber1\n", "bad_value", "3 cells under 4 columns (line 2)"),
        ("A-1,2026-11-20T12:00:00Z,ber1,x,y\n", "bad_value", "5 cells under 4 columns (line 2)"),
        ('A-1,2026-11-20T12:00:00Z,ber1,"x"y\n', "not_readable", "no CSV: quotes that do not fit (line 2)"),
    ],
)
def test_a_row_that_is_none_is_refused_by_itself(row: str, reason: str, detail: str) -> None:
    """A cell too many or too few may have shifted all others; reading goes on behind it."""
    found = adapted(PLAIN, HEAD + row + ROW.format("x"))
    assert found.refused == ((reason, detail),)
    assert len(found.events) == 1


def test_a_quote_that_is_never_closed_is_refused() -> None:
    """What it swallowed is not told."""
    assert refused("{}", HEAD + ROW.format('"x') + ROW.format("y")) == [("not_readable", "no CSV: quotes that do not fit (line 3)")]


@pytest.mark.parametrize(
    ("options", "body", "reason", "terms"),
    [
        ("{}", HEAD.replace(",", ";") + ROW.replace(",", ";"), "unknown_form", "another delimiter, or no heading?"),
        ("{}", ROW.format("x"), "unknown_form", "another delimiter, or no heading?"),
        ("{}", "ORDER,AT,SITE,AT\n" + ROW.format("x"), "unknown_form", "columns 2 and 4 alike"),
        ("{}", (HEAD + ROW.format("x") + ROW.format("ö")).encode("cp1252"), "not_readable", "not utf-8: line 3"),
        ("{encoding: utf-16}", HEAD + ROW.format("x") + "!", "not_readable", "not utf-16"),
        ("{encoding: utf-7}", HEAD.encode() + b"A-1,2026-11-20T12:00:00Z,ber1,+2AA-\n", "not_readable", "not utf-7"),
        ("{}", HEAD + "x" * (4 << 20), "too_large", "more than"),
    ],
)
def test_what_makes_every_row_doubtful_refuses_the_file(options: str, body: str | bytes, reason: str, terms: str) -> None:
    """Without quoting a heading that may be a customer's row."""
    ((found, detail),) = refused(options, body)
    assert found == reason
    assert terms in detail
    assert "A-1" not in detail


def test_an_empty_file_says_that_it_is_empty() -> None:
    """A poll without news is counted, never silent."""
    for body in ("", HEAD):
        found = adapted(PLAIN, body)
        assert (found.events, found.refused, found.ignored) == ((), (), (Ignored("unknown", "holds no record"),))


def test_json_lines_are_refused_by_line() -> None:
    """Also with a mark at the beginning, blank lines and none at the end."""
    text = PLAIN.replace("csv: {}\n", "").replace("format: csv", "format: jsonl")
    good = '{"ORDER": 1, "AT": "2026-11-20T12:00:00Z"}'
    deep = "[" * 70 + "]" * 70
    found = adapted(text, f"\ufeff{good}\r\n\n{{]\n5\n{deep}\n{good.replace('1,', '2,')}")
    assert [event["subject"] for event in found.events] == ["1", "2"]
    assert [(one.reason, one.detail[-8:]) for one in found.refused] == [
        ("not_readable", "(line 3)"),
        ("too_deep", "(line 5)"),
        ("unknown_form", "(line 4)"),
    ]


def test_xml_is_read_like_json() -> None:
    """Attributes are `@name`, the text beside them `#text`, and one element counts as a list of one."""
    text = """
    name: wms
    format: xml
    each: Steps.Step
    events:
      - {type: warehouse.packed, order: '"@order"', time: At, data: {site: 'Site."#text"'}}
    """
    step = '<Step order="{}"><At>2026-11-20T12:00:00Z</At><Site kind="w">ber1</Site></Step>'
    assert [event["subject"] for event in events(text, f"<Steps>{step.format(1)}</Steps>")] == ["1"]
    assert [event["subject"] for event in events(text, f"<a:Steps xmlns:a='x'>{step.format(1)}{step.format(2)}</a:Steps>")] == ["1", "2"]
    assert adapted(text, '<!DOCTYPE a [<!ENTITY b "c">]><Steps>&b;</Steps>').refused[0].reason == "not_readable"


# --- long files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [50, 200, 1_000, 10_000])
@pytest.mark.parametrize("options", ["{}", "{skip: 1}", "{quote: none}", "{header: [ORDER, AT, SITE, REF]}"])
def test_pieces_of_a_long_file_say_what_the_whole_says(options: str, size: int) -> None:
    """Events, refusals and their line numbers; rows with line ends in them stay whole."""
    row = "A-{n},{at},ber1,{ref}\n"
    rows = "".join(
        row.format(n=n, at="x" if n % 7 == 0 else "2026-11-20T12:00:00Z", ref='"a ""b"""' if n % 3 == 0 and "none" not in options else n)
        for n in range(60)
    )
    if options == "{}":
        rows += 'A-99,x,"ber\n1",\nA-100,x,ber1,\n'
    body = (("a line\n" if "skip" in options else "") + ("" if "header" in options else HEAD) + rows).encode()
    found = mapping(CSV.format(options=options))
    whole = translate(found.adapter, Payload(body), AdapterConnection())
    parts = [
        translate(replace(found.adapter, parse=partial(found.reader.parse, before=before)), Payload(piece), AdapterConnection())
        for before, piece in found.reader.pieces(body, size)
    ]
    assert [event for part in parts for event in part.events] == list(whole.events)
    assert [one for part in parts for one in part.refused] == list(whole.refused)
    assert len(parts) > 1 or size >= len(body)
    assert not [one for one in whole.refused if one.reason in FAULTS]


def test_pieces_of_json_lines() -> None:
    """Lines keep their numbers."""
    reader = FormatReader("jsonl", Dialect())
    body = b"".join(b'{"a": %d}\n' % n for n in range(100))
    pieces = list(reader.pieces(body, 100))
    assert b"".join(piece for _, piece in pieces).rstrip() == body.rstrip()
    assert [before for before, _ in pieces][:3] == [0, pieces[0][1].count(b"\n"), pieces[0][1].count(b"\n") + pieces[1][1].count(b"\n")]


def test_a_file_that_cannot_be_cut_comes_whole() -> None:
    """JSON, XML, and encodings in which a line feed is not one byte."""
    body = b"x" * 100 + b"\n" + b"y" * 100
    for reader in (FormatReader("json", Dialect()), FormatReader("xml", Dialect()), FormatReader("csv", Dialect(encoding="utf-16"))):
        assert list(reader.pieces(body, 10)) == [(0, body)]
