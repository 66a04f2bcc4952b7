"""How a mapped file is read: JSON, JSON lines, CSV or XML, as a tree of records with the line that each stands in.

A line or row that cannot be read is refused by itself. What makes all rows doubtful (another encoding, a heading that is none) refuses the
whole. CSV is read as RFC 4180 has it: quoted cells may hold delimiters, quotes (doubled) and line ends; all cells are texts.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

import orjson

from sources.adapters.output import Reason, Refused, RefuseError
from sources.adapters.payload import MAX_BYTES, Json, PayloadReader, check_depth, json_payload, text_of, xml_payload
from sources.texts import unmarked, wide

Format: TypeAlias = Literal["json", "jsonl", "csv", "xml"]

PIECE_BYTES: Final = 1 << 20
"""How much of a long file of lines is read at a time."""
BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written. `header` names the columns of a file without a heading; `skip` lines stand before the heading."""

    delimiter: str = ","
    quote: str | None = '"'
    header: tuple[str, ...] | None = None
    skip: int = 0
    encoding: str = "utf-8"


class Records(PayloadReader):
    """A list of records, each with the line that it ends in, and what was refused of the file."""

    __slots__ = ("lines", "records", "refused")

    def __init__(self) -> None:
        self.records: list[Json] = []
        super().__init__(self.records)
        self.lines: list[int] = []
        self.refused: list[Refused] = []

    def add(self, record: Json, line: int) -> None:
        """Adds a record."""
        self.records.append(record)
        self.lines.append(line)

    def refuse(self, reason: Reason, detail: str, line: int) -> None:
        """Refuses what stands in a line."""
        self.refused.append(Refused(reason, f"{detail} (line {line})"))


@dataclass(frozen=True, slots=True)
class FormatReader:
    """Parses files of one format; `columns` are the fields that the mapping reads, by which a wrong heading is told."""

    format: Format
    dialect: Dialect
    columns: frozenset[str] = frozenset()

    def parse(self, body: bytes, before: int = 0) -> PayloadReader:
        """The payload in some bytes; `before` is how many lines of its file stand before it. Raises RefuseError if it cannot be read."""
        match self.format:
            case "json":
                return json_payload(body)
            case "xml":
                return xml_payload(body)
            case "jsonl":
                return _json_lines(body, before)
            case "csv":
                return self._rows(body, before)

    def pieces(self, content: bytes, size: int = PIECE_BYTES) -> Iterator[tuple[int, bytes]]:
        """A file of lines in pieces that are files themselves, each with the `before` to parse it with; other formats come whole.

        Rows are kept whole, and each piece of a CSV file has the heading.
        """
        if len(content) <= size or self.format not in ("jsonl", "csv") or not _is_ascii_based(self.dialect.encoding):
            yield 0, content
            return
        if self.format == "jsonl" and wide(content) is not None:
            try:
                content = unmarked(content)
            except ValueError:  # refused when it is parsed
                yield 0, content
                return
        lines = content.splitlines(keepends=True) if b"\n" not in content else [line + b"\n" for line in content.split(b"\n")]
        quote = (self.dialect.quote or "").encode() if self.format == "csv" else b""
        heading = self._heading_lines(lines, quote)
        start, held, quotes = heading, 0, 0
        for number in range(heading, len(lines)):
            held += len(lines[number])
            quotes += lines[number].count(quote) if quote else 0
            if held >= size and quotes % 2 == 0:
                yield start - heading, b"".join((*lines[:heading], *lines[start : number + 1]))
                start, held = number + 1, 0
        if start < len(lines):
            yield start - heading, b"".join((*lines[:heading], *lines[start:]))

    def _heading_lines(self, lines: list[bytes], quote: bytes) -> int:
        """How many lines stand before the first row; names of columns may hold line ends."""
        if self.format == "jsonl":
            return 0
        count = self.dialect.skip
        if self.dialect.header is None:
            quotes = 0
            while count < len(lines):
                quotes += lines[count].count(quote) if quote else 0
                count += 1
                if quotes % 2 == 0:
                    break
        return count

    def _rows(self, body: bytes, before: int) -> Records:
        _check_size(body)
        dialect = self.dialect
        physical = list(_physical_lines(decoded(body, dialect.encoding)))
        found = csv.reader(
            physical[dialect.skip :],
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
            strict=True,
        )
        before += dialect.skip
        rows = Records()
        names = list(dialect.header or ())
        while True:
            try:
                cells = next(found)
            except StopIteration:
                return rows
            except csv.Error:  # reading goes on behind it
                rows.refuse("not_readable", "no CSV: quotes that do not fit", before + found.line_num)
                continue
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = self._names(cells)
            elif len(cells) < len(names) or any(cell.strip() for cell in cells[len(names) :]):
                rows.refuse("bad_value", f"{len(cells)} cells under {len(names)} columns", before + found.line_num)
            else:
                rows.add({name: cell for name, cell in zip(names, cells, strict=False) if name}, before + found.line_num)

    def _names(self, cells: list[str]) -> list[str]:
        """The columns that a heading names. It may be no heading at all, but a row with somebody's data: its cells are not quoted."""
        names = [cell.strip() for cell in cells]
        for position, name in enumerate(names):
            if name and name in names[:position]:
                raise RefuseError("unknown_form", f"the heading names columns {names.index(name) + 1} and {position + 1} alike")
        if self.columns and not self.columns & set(names):
            raise RefuseError("unknown_form", "the heading has no column that the mapping reads: another delimiter, or no heading?")
        return names


def decoded(body: bytes, encoding: str) -> str:
    """The text of a file, without a byte order mark. Raises RefuseError if it is not written in that encoding."""
    try:
        text = body.decode(encoding)
        text.encode()  # some encodings can write halves of characters, which no event may hold
    except UnicodeError as error:
        line = body[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
        if (marked := wide(body)) is not None:
            detail = f"not {encoding}: its byte order mark says {marked}; `encoding: {marked.lower()}` reads it"
            raise RefuseError("not_readable", detail) from None
        raise RefuseError("not_readable", f"not {encoding}: line {line}; `encoding` says another") from None
    return text.removeprefix(BOM)


def _check_size(body: bytes) -> None:
    if len(body) > MAX_BYTES:
        raise RefuseError("too_large", f"more than {MAX_BYTES} bytes")


def _json_lines(body: bytes, before: int) -> Records:
    _check_size(body)
    found = Records()
    for number, line in enumerate(text_of(body).split(b"\n"), before + 1):
        if not line.strip():
            continue
        try:
            value = cast("Json", orjson.loads(line))
            check_depth(value)
        except orjson.JSONDecodeError as error:
            found.refuse("not_readable", f"no JSON: column {error.colno}", number)
        except RefuseError as error:
            found.refuse(error.reason, error.detail, number)
        else:
            found.add(value, number)
    return found


def _physical_lines(text: str) -> Iterator[str]:
    """Lines by line feeds, or by carriage returns where there are none; what else Python takes for a line's end may stand in a cell."""
    end_of_line = "\n" if "\n" in text else "\r"
    begin = 0
    while begin < len(text):
        end = text.find(end_of_line, begin) + 1 or len(text)
        yield text[begin:end]
        begin = end


def _is_ascii_based(encoding: str) -> bool:
    """Whether line feeds and quotes are the bytes of ASCII, so that a file can be cut before it is decoded."""
    return '\n"'.encode(encoding).removeprefix(BOM.encode()) == b'\n"'
