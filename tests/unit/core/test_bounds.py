"""However long the history of an order, a verdict fits the record of a topic."""

from __future__ import annotations

import json

from dataflows.core.engine.exceptions import event
from schemas.limits import MAX_OUTPUT_BYTES
from schemas.output_events import OrderException


def said(scans: int, shipments: int, text: int = 10) -> dict[str, object]:
    """The data of an exception that rests on so many scans of an order of so many shipments."""
    cited = [
        {"source": "/carrier/ups", "id": f"{number:0512d}", "type": "carrier.scan", "time": "2026-04-20T08:00:00Z"}
        for number in range(scans)
    ]
    context = {"shipments": [{"shipment": f"s{number}", "tracking_numbers": ["1Z" * 250] * 30} for number in range(shipments)]}
    return {
        "exception_id": "x",
        "sequence": 1,
        "order_id": "O-1",
        "kind": "shipment.stuck",
        "scope": None,
        "episode": 1,
        "status": "open",
        "case": {"state": "new"},
        "severity": "low",
        "blocking": False,
        "score": 1,
        "score_terms": {},
        "owner": "carrier-care",
        "lane": "review",
        "detected_at": "2026-04-20T08:00:00Z",
        "summary": "é" * text,
        "evidence": cited,
        "context": context,
        "recommended": [],
        "policy": {"version": "v", "rule": "shipment.stuck", "mode": "on"},
    }


def test_what_fits_is_whole() -> None:
    """And says nothing of a cut."""
    data = said(100, 10)
    body = json.loads(event("default", "O-1", "exception.raised", "x:1", 0, data))
    assert body["data"] == said(100, 10)
    assert "cut" not in data


def test_what_does_not_fit_keeps_the_beginning_of_its_lists() -> None:
    """It says how long they were, is still an exception of the contract, and the same every time."""
    for scans, shipments, text in ((60_000, 1, 10), (10, 5_000, 10), (20_000, 20_000, 500_000)):
        data = said(scans, shipments, text)
        body = event("default", "O-1", "exception.raised", "x:1", 0, data)
        assert len(body) <= MAX_OUTPUT_BYTES
        assert body == event("default", "O-1", "exception.raised", "x:1", 0, said(scans, shipments, text))
        read = json.loads(body)["data"]
        assert read == data, "what is counted and shown is what is written"
        whole = said(scans, shipments, text)
        evidence, all_evidence = read["evidence"], whole["evidence"]
        assert isinstance(all_evidence, list)
        assert evidence == all_evidence[: len(evidence)]
        assert len(evidence) > 5
        expected = {"evidence": scans} if len(evidence) < scans else {}
        assert {name: count for name, count in read["cut"].items() if name == "evidence"} == expected
        assert ("context.shipments" in read["cut"]) == (len(read["context"]["shipments"]) < shipments)
        OrderException.model_validate(read)
