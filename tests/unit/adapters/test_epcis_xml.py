"""EPCIS in XML says what the same document says in JSON-LD."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.epcis.codes import DISPOSITION, STEP, TRANSACTION
from tests.support.adapters import OWN
from tests.support.epcis_xml import Version, as_xml

if TYPE_CHECKING:
    from sources.adapters import Adapted

EPCIS = ADAPTERS["epcis"]
LIVE = AdapterConnection()
BOTH: tuple[Version, ...] = ("1.2", "2.0")
DOCUMENTS = ("order_life", "on_the_way", "corrections", "returns", "undone", "several_orders")


def output(body: bytes) -> Adapted:
    """What a body becomes."""
    return translate(EPCIS, Payload(body), LIVE)


def own(name: str) -> bytes:
    """One of the payloads made here."""
    return (OWN / "epcis" / name).read_bytes()


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_says_the_same_in_xml_as_in_json(name: str, version: Version) -> None:
    """Events, IDs, withdrawals, and what says nothing."""
    document = own(f"{name}.json")
    stated_at = output(document)
    assert stated_at.events
    assert output(as_xml(json.loads(document), version)) == stated_at


IDS = st.sampled_from(
    [
        "urn:epc:id:sscc:4012345.0000000417",
        "urn:epc:id:sgtin:4012345.011122.901",
        "https://id.gs1.org/00/040123450000004175",
        "urn:x:other:1",
    ]
)
TIMES = st.integers(1_000_000_000, 4_000_000_000).map(lambda one: datetime.fromtimestamp(one, UTC).isoformat())


def terms(table: Any) -> st.SearchStrategy[str]:
    """Terms of a vocabulary, and one that is in none."""
    return st.sampled_from([code for code, _ in table.rows]) | st.just("https://example.org/own/term")


def objects(needed: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects with some fields, and perhaps others."""
    return st.fixed_dictionaries(needed, optional=optional)


GOODS = objects(
    {"epcClass": st.just("urn:epc:class:lgtin:4012345.022233.L7"), "quantity": st.integers(0, 99) | st.sampled_from([2.0, 12.5])},
    {"uom": st.sampled_from(["KGM", "EA"])},
)
PAPERS = objects({"bizTransaction": st.just("urn:epcglobal:cbv:bt:4012345000009:SO-1")}, {"type": terms(TRANSACTION)})
EVENTS = objects(
    {
        "type": st.just("ObjectEvent"),
        "eventTime": TIMES,
        "eventTimeZoneOffset": st.just("+01:00"),
        "action": st.sampled_from(["ADD", "OBSERVE", "DELETE"]),
    },
    {
        "recordTime": TIMES,
        "eventID": st.uuids().map(lambda one: f"urn:uuid:{one}"),
        "bizStep": terms(STEP),
        "disposition": terms(DISPOSITION),
        "epcList": st.lists(IDS, max_size=3),
        "quantityList": st.lists(GOODS, max_size=2),
        "bizLocation": st.just({"id": "urn:epc:id:sgln:4012345.00001.0"}),
        "bizTransactionList": st.lists(PAPERS, max_size=2),
        "errorDeclaration": objects({"declarationTime": TIMES}, {"reason": st.just("did_not_occur")}),
    },
)


@settings(max_examples=200, database=None)
@given(events=st.lists(EVENTS, min_size=1, max_size=3), version=st.sampled_from(BOTH))
def test_whatever_events_a_document_has_both_forms_say_the_same(events: list[dict[str, Any]], version: Version) -> None:
    """Also of events that are refused: for the same reasons."""
    document = {"type": "EPCISDocument", "creationDate": "2026-01-01T00:00:00Z", "epcisBody": {"eventList": events}}
    assert output(as_xml(document, version)) == output(json.dumps(document).encode())


def test_an_answer_of_a_query_in_soap_says_what_the_document_says() -> None:
    """However it is wrapped, and whether or not every element has its namespace."""
    events = output(own("query_answer_in_soap.xml")).events
    assert [one["type"] for one in events] == ["warehouse.shipped"]
    assert output(own("every_element_qualified.xml")).events == events


def test_elements_of_others_say_nothing() -> None:
    """An extension may call its own fields as it likes."""
    (event,) = output(own("elements_of_others.xml")).events
    assert event["time"] == "2026-04-11T09:00:00+02:00"
    assert "Ravenscroft" not in json.dumps(event)


@pytest.mark.parametrize("marker", [b"", b"\xef\xbb\xbf", b"\n  "])
def test_the_form_is_known_by_its_first_sign(marker: bytes) -> None:
    """With a byte order mark, or blanks, before it."""
    assert output(marker + own("no_events.xml")).ignored
    assert output(marker + own("order_life_1_2.xml")).events


def test_xml_in_sixteen_bits() -> None:
    """As an encoding that its byte order mark names."""
    text = own("order_life_1_2.xml").decode().replace("utf-8", "utf-16")
    assert output(text.encode("utf-16")).events == output(own("order_life.json")).events


def test_entities_are_refused() -> None:
    """A document type may name files, and grow without end."""
    assert [one.reason for one in output(own("document_type.xml")).refused] == ["not_readable"]


def test_an_answer_that_is_an_error_says_so() -> None:
    """Of a query, or of the SOAP that carries it."""
    for name in ("query_exception.xml", "query_refused_in_soap.xml"):
        assert [one.reason for one in output(own(name)).refused] == ["not_a_report"]
