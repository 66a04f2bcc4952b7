"""The operators that Bytewax calls."""

from __future__ import annotations

import itertools

from dataflows.core.rules.load import load_policy
from dataflows.detect.flow import FlowOptions, get_flow
from dataflows.detect.operators import TOKEN, OutputOperator
from schemas.output import OutputRecord
from sources.batch import END
from sources.files import FileSource


def out(log: int, order: str, key: str = "1", body: bytes = b"") -> OutputRecord:
    """A line out."""
    return OutputRecord(log, order, "exceptions", "exception.raised", key, body)


def test_output_comes_in_one_order_whatever_the_shards_and_batches() -> None:
    """By log time, order and key; two tenants' orders of the same ID by their content."""
    said = {
        "s00": [out(1, "B"), out(1, "A", "2"), out(3, "A")],
        "s01": [out(1, "C"), out(2, "A")],
        "s02": [out(1, "B", body=b"other tenant")],
    }
    expected = sorted(itertools.chain(*said.values()), key=lambda o: (o.log, o.order, o.key, o.body))
    for names in itertools.permutations(said):
        operator = OutputOperator(said)
        outs: list[OutputRecord] = []
        for watermark, first in ((2, True), (END, False)):
            for name in names:
                part = [one for one in said[name] if (one.log < 2) == first]
                for batch in operator.on_batch([(name, (watermark, part))])[0]:
                    outs += batch
        assert outs == expected


def test_an_operator_is_a_small_versioned_token_to_bytewax() -> None:
    """Bytes, never pickled classes; a token from elsewhere is fatal, not a silent new beginning."""
    assert OutputOperator(()).snapshot() == TOKEN == b"orderwatch/1"


def test_the_graph_takes_any_number_of_sinks() -> None:
    """Building it runs nothing."""
    source = FileSource([])
    assert get_flow(source, {}, load_policy(None), FlowOptions(source.channels)).flow_id == "orderwatch"
