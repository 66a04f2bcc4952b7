"""What coverage adds up: several messages in one payload, what became of each, and bounds on what senders can make it keep."""

from __future__ import annotations

from sources.adapters.coverage import MOST, UNKNOWN, Coverage
from sources.adapters.payload import PayloadReader


def test_each_message_of_a_payload_counts_by_its_kind() -> None:
    """A page of messages, and a payload that said nothing of itself."""
    coverage = Coverage()
    coverage.began()
    coverage.kind("a")
    coverage.produced("carrier.scan")
    coverage.kind("b")
    coverage.produced("ignored")
    coverage.kind("a")
    coverage.ended()
    coverage.began()
    coverage.produced("not_readable")
    coverage.ended()
    assert {name: (kind.count, kind.became) for name, kind in coverage.kinds.items()} == {
        "a": (2, {"carrier.scan": 1}),
        "b": (1, {"ignored": 1}),
        UNKNOWN: (1, {"not_readable": 1}),
    }


def test_fields_count_where_they_stand_and_where_they_were_read() -> None:
    """Empty ones are none; lists are one field."""
    coverage, payload = Coverage(), PayloadReader({"a": "x", "b": [{"c": 1}, {"c": 2}, {"c": None}], "d": "", "e": False})
    assert payload.text("a") == "x"
    coverage.looked_over(payload)
    assert {path: (field.count, field.read, field.sample) for path, field in coverage.fields.items()} == {
        "a": (1, 1, "x"),
        "b[].c": (2, 0, "1"),
        "e": (1, 0, "False"),
    }


def test_payloads_of_an_unknown_shape_cannot_fill_the_memory() -> None:
    """What is known already goes on being counted."""
    coverage = Coverage()
    for number in range(MOST + 5):
        coverage.kind(f"kind {number}")
        coverage.produced("ignored")
        coverage.code("table", "field", str(number), known=False)
    coverage.code("table", "field", "0", known=False)
    coverage.looked_over(PayloadReader({f"field {number}": 1 for number in range(MOST + 5)}))
    assert len(coverage.kinds) == len(coverage.codes) == len(coverage.fields) == MOST
    assert coverage.unmapped()["table", "field", "0"] == 2
