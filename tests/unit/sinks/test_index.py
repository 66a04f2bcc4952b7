"""The index beside the exceptions: it finds the lines of one without reading the others, and is never wrong."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import pytest

from schemas.output import OutputRecord
from sinks.index import NAME, NotExceptionsError, SeveralError, lines_of
from sinks.jsonl import JsonlSink

if TYPE_CHECKING:
    from collections.abc import Iterable

SPACE = UUID(int=7)
IO = Path("/proc/self/io")


def line(id_: str, sequence: int, filler: int = 0) -> bytes:
    """An exception's line, without its line feed."""
    data = {"exception_id": id_, "sequence": sequence, "summary": "x" * filler}
    return json.dumps({"id": f"{id_}:{sequence}", "type": "exception.raised", "data": data}, separators=(",", ":")).encode()


def write(folder: Path, lines: Iterable[tuple[str, bytes]]) -> Path:
    """What a replay that says these lines leaves behind: a file and its index."""
    sink = JsonlSink(folder, indexed=True)
    sink.clear()
    part = sink.build_part("sink", "exceptions", None)
    part.write_batch(
        [[OutputRecord(0, "A-1", "exceptions", "exception.raised", "", body, data={"exception_id": id_})] for id_, body in lines]
    )
    part.close()
    return folder / "exceptions.jsonl"


def some(count: int, filler: int = 0) -> list[tuple[str, bytes]]:
    """Lines of `count` exceptions: each is raised, and every third is updated at the end."""
    ids = [str(uuid5(SPACE, str(number))) for number in range(count)]
    return [(id_, line(id_, 1, filler)) for id_ in ids] + [(id_, line(id_, 2, filler)) for id_ in ids[::3]]


def wanted(lines: list[tuple[str, bytes]], id_: str) -> list[bytes]:
    """The lines of an exception as a reader of the whole file would find them."""
    return [body + b"\n" for one, body in lines if one == id_]


@pytest.mark.parametrize("count", [1, 2, 3, 100, 1000])
def test_every_exception_is_found_by_its_id_and_by_its_beginning(tmp_path: Path, count: int) -> None:
    """All its lines, in order; with or without hyphens, in any case."""
    lines = some(count, filler=50)
    path = write(tmp_path, lines)
    for id_ in {id_ for id_, _ in lines[:: max(1, count // 50)]}:
        for prefix in (id_, id_[:13], id_.upper()[:18], id_.replace("-", "")[:20]):
            assert lines_of(path, prefix) == wanted(lines, id_)
    for nobody in ("", "-", "zz", "0" * 33, str(uuid5(SPACE, "nobody"))):
        assert lines_of(path, nobody) == []


def test_a_line_longer_than_what_is_read_at_once_is_whole(tmp_path: Path) -> None:
    """However much context an exception carries."""
    lines = some(5, filler=50_000)
    path = write(tmp_path, lines)
    assert lines_of(path, lines[0][0]) == wanted(lines, lines[0][0])


def test_a_beginning_of_several_is_told(tmp_path: Path) -> None:
    """How many there are, and two of them."""
    lines = some(200)
    path = write(tmp_path, lines)
    digit = lines[0][0][0]
    ids = {id_ for id_, _ in lines if id_.startswith(digit)}
    with pytest.raises(SeveralError) as error:
        lines_of(path, digit)
    assert error.value.count == len(ids)
    assert set(error.value.ids) <= ids


def test_two_runs_write_the_same_index(tmp_path: Path) -> None:
    """It holds nothing of the machine or the hour; one that is made anew is the same, byte for byte."""
    paths = [write(tmp_path / name, some(100)) for name in ("one", "two")]
    kept = [path.with_name(NAME).read_bytes() for path in paths]
    assert kept[0] == kept[1]
    paths[0].with_name(NAME).unlink()
    assert lines_of(paths[0], "nobody") == []
    lines_of(paths[0], some(1)[0][0])
    assert paths[0].with_name(NAME).read_bytes() == kept[0]


def damaged(how: str, path: Path, lines: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Makes an index unfit; the lines that the file holds then."""
    index = path.with_name(NAME)
    kept = index.read_bytes()
    swapped = [*lines[1:2], *lines[:1], *lines[2:]]
    if how == "missing":
        index.unlink()
    elif how == "empty":
        index.write_bytes(b"")
    elif how == "cut":
        index.write_bytes(kept[:-5])
    elif how == "of no lines":
        index.write_bytes(kept[:32])
    elif how == "another's":
        other = write(path.parent / "other", some(50))
        shutil.copy(other.with_name(NAME), index)
    elif how == "offsets changed":
        index.write_bytes(kept[:32] + b"".join(kept[at : at + 8] + bytes(8) for at in range(32, len(kept), 16)))
    elif how == "file longer":
        with path.open("ab") as file:
            file.write(line(lines[0][0], 3) + b"\n")
        return [*lines, (lines[0][0], line(lines[0][0], 3))]
    elif how == "file shorter":
        path.write_bytes(b"".join(body + b"\n" for _, body in lines[:-1]))
        return lines[:-1]
    elif how == "file of the same length":
        path.write_bytes(b"".join(body + b"\n" for _, body in swapped))
        return swapped
    elif how == "file of the same length and an older time":
        then = path.stat()
        path.write_bytes(b"".join(body + b"\n" for _, body in swapped))
        os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
        return swapped
    elif how == "a line being written":
        with path.open("ab") as file:
            file.write(line(lines[0][0], 3)[:40])
    return lines


HOW = (
    *("missing", "empty", "cut", "another's", "offsets changed", "file longer", "file shorter", "file of the same length"),
    *("file of the same length and an older time", "a line being written"),
)


@pytest.mark.parametrize("how", HOW)
def test_an_index_that_does_not_fit_is_made_anew(tmp_path: Path, how: str) -> None:
    """Whatever has become of it or of the file: what is found is what stands there."""
    lines = some(60, filler=500)
    path = write(tmp_path, lines)
    now = damaged(how, path, lines)
    # The first and the last are asked first: an index whose offsets are all 0 leads to the first one's own line.
    for id_ in dict.fromkeys((lines[0][0], lines[-1][0], *(id_ for id_, _ in lines))):
        assert lines_of(path, id_) == wanted(now, id_)


def test_a_folder_that_cannot_be_written_to_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index is made each time and kept nowhere."""
    lines = some(10)
    path = write(tmp_path, lines)
    path.with_name(NAME).unlink()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("sinks.index.save", refuse)
    assert lines_of(path, lines[0][0]) == wanted(lines, lines[0][0])
    assert not path.with_name(NAME).exists()


def test_a_run_that_begins_anew_leaves_no_old_index(tmp_path: Path) -> None:
    """Also one that makes none of its own."""
    path = write(tmp_path, some(10))
    JsonlSink(tmp_path).clear()
    assert not path.with_name(NAME).exists()
    assert lines_of(path, "a") == []


@pytest.mark.parametrize("text", [b"nonsense\n", b'{"data":{"exception_id":"short"}}\n', b"\xff\n"])
def test_a_file_of_something_else_is_told(tmp_path: Path, text: bytes) -> None:
    """With the first line that is no exception."""
    path = tmp_path / "exceptions.jsonl"
    id_, body = some(1)[0]
    path.write_bytes(body + b"\n" + text)
    with pytest.raises(NotExceptionsError, match="line 2 is no exception"):
        lines_of(path, id_)


@pytest.mark.skipif(not IO.exists(), reason="the kernel does not count what a process reads (/proc/self/io)")
def test_kilobytes_are_read_of_megabytes(tmp_path: Path) -> None:
    """The samples, a few entries and the exception's own lines."""
    lines = some(9_000, filler=2_000)
    path = write(tmp_path, lines)
    assert path.stat().st_size > 20_000_000

    def read() -> int:
        return int(IO.read_text().splitlines()[0].split()[1])

    before = read()
    assert lines_of(path, lines[4_500][0]) == wanted(lines, lines[4_500][0])
    assert read() - before < 100_000
