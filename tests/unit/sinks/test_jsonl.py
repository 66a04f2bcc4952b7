"""Output records as JSONL files."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from schemas.output import OutputRecord
from schemas.topics import TOPICS
from sinks.jsonl import JsonlSink, UnwritableError

if TYPE_CHECKING:
    from pathlib import Path


def out(body: bytes, topic: str = "exceptions", **data: object) -> OutputRecord:
    """A line out."""
    return OutputRecord(0, "A-1", topic, "exception.raised", "", body, data=data)


def part(folder: Path, topic: str, length: int | None = None):  # type: ignore[no-untyped-def]
    """The part of a topic, at a recorded length."""
    return JsonlSink(folder).build_part("sink", topic, length)


def test_every_topic_has_its_file_from_the_start(tmp_path: Path) -> None:
    """A topic without output records has an empty file, and parts are found by topic."""
    sink = JsonlSink(tmp_path / "new" / "folder")
    assert sink.list_parts() == sorted(sink.list_parts()) == list(TOPICS)
    assert [sink.part_fn(topic) for topic in TOPICS] == [0, 1, 2, 3]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [f"{topic}.jsonl" for topic in TOPICS]


def test_a_file_is_cut_back_to_the_recorded_length(tmp_path: Path) -> None:
    """What a crash left behind the last committed epoch is written again, not twice."""
    first = part(tmp_path, "exceptions")
    first.write_batch([[out(b"1"), out(b"2")], [out(b"3")]])
    length = first.snapshot()
    first.write_batch([[out(b"lost")]])
    first.close()
    second = part(tmp_path, "exceptions", length)
    second.write_batch([[out(b"4")]])
    second.close()
    assert (tmp_path / "exceptions.jsonl").read_bytes() == b"1\n2\n3\n4\n"


def test_without_a_recorded_length_a_file_begins_empty(tmp_path: Path) -> None:
    """A run that begins anew does not append to an old one."""
    (tmp_path / "exceptions.jsonl").write_bytes(b"old\n" * 100)
    fresh = part(tmp_path, "exceptions")
    fresh.write_batch([[out(b"new")]])
    fresh.close()
    assert (tmp_path / "exceptions.jsonl").read_bytes() == b"new\n"


@pytest.mark.parametrize(("raw", "field", "text"), [(b'{"a": 1', "text", '{"a": 1'), (b"\xff\x00", "base64", "/wA=")])
def test_a_reject_keeps_its_original_bytes(tmp_path: Path, raw: bytes, field: str, text: str) -> None:
    """As text where they are text, else as base64, beside the reason and the place."""
    rejects = part(tmp_path, "rejects")
    rejects.write_batch([[out(raw, "rejects", reason="not_json", offset=7)]])
    rejects.close()
    assert json.loads((tmp_path / "rejects.jsonl").read_bytes()) == {"reason": "not_json", "offset": 7, field: text}


def test_a_reject_keeps_its_key_and_headers(tmp_path: Path) -> None:
    """Where a broker knew any: as text, else as base64, in their order."""
    reject = replace(out(b"{", "rejects", reason="not_json"), record_key=b"\xff", headers=(("a", b"1"), ("a", None)))
    rejects = part(tmp_path, "rejects")
    rejects.write_batch([[reject]])
    rejects.close()
    assert json.loads((tmp_path / "rejects.jsonl").read_bytes()) == {
        "reason": "not_json",
        "text": "{",
        "key": {"base64": "/w=="},
        "headers": [["a", "1"], ["a", None]],
    }


def test_a_live_file_shows_output_at_once(tmp_path: Path) -> None:
    """Whoever follows it does not wait for the epoch; the recorded length is what is on the disk."""
    live = JsonlSink(tmp_path, durable=True).build_part("sink", "exceptions", None)
    live.write_batch([[out(b"1")]])
    assert (tmp_path / "exceptions.jsonl").read_bytes() == b"1\n"
    assert live.snapshot() == 2
    live.close()


def test_a_file_shorter_than_recorded_is_not_padded(tmp_path: Path) -> None:
    """Lines that were said are gone: that is told, not covered with zeroes."""
    (tmp_path / "exceptions.jsonl").write_bytes(b"1\n")
    with pytest.raises(UnwritableError, match="2 bytes, but 9 were recorded"):
        part(tmp_path, "exceptions", 9)
    assert (tmp_path / "exceptions.jsonl").read_bytes() == b"1\n"


def test_both_sinks_are_asked_for_parts_alike(tmp_path: Path) -> None:
    """The part of an output record is its topic."""
    sink = JsonlSink(tmp_path)
    assert sink.part_of("rejects", "A-1", b"key") == sink.part_for("rejects", out(b"", "rejects")) == "rejects"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Before anything runs."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnwritableError, match="file"):
        JsonlSink(tmp_path / "file")
