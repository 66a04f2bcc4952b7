"""Identifiers have one form, however a system writes them."""

from __future__ import annotations

import pytest

from dataflows.core.identity.codec import record_of_row, row_of
from schemas.identifiers import AS_SENT, DEFAULT, Identifiers, normaliser
from schemas.record import Record
from schemas.values import micros
from schemas.wire import decode
from tests.support.logs import T0, line


def read(type_: str, order: str | None, **data: object) -> Record:
    """A record as a source makes it."""
    raw = line("e1", T0, type_, order=order, data=data)
    event = decode(raw)
    return Record(T0, "events", 0, 1, 0, micros(event.time), event.subject or "", event, raw)


def normal(record: Record, forms: Identifiers = DEFAULT) -> Record:
    """The record with its identifiers in these forms."""
    normaliser(forms.code).record(record)
    return record


@pytest.mark.parametrize("order", ["1001", "#1001", " #1001", "1001 ", "# 1001"])
def test_an_order_is_one_however_it_is_written(order: str) -> None:
    """With a number sign or blanks or without; the event says what was sent."""
    record = normal(read("order.placed", order, order_alias=f"{order} "))
    assert record.order == "1001"
    assert record.event.subject == order
    assert record.event.data.order_alias == "1001"  # type: ignore[union-attr]


@pytest.mark.parametrize("number", ["1z999aa10123456784", "1Z 999 AA1 0123 4567 84", "1Z-999-AA1-0123456784", " 1Z999AA10123456784 "])
def test_a_tracking_number_is_one_however_it_is_written(number: str) -> None:
    """In small letters, in groups, with hyphens."""
    scan = normal(read("carrier.scan", None, status="in_transit", tracking_number=number))
    label = normal(read("warehouse.label_created", "1", tracking_numbers=[number, "1Z999AA10123456784"]))
    new = normal(read("carrier.relabelled", None, tracking_number="A-2", replaces_number=number))
    assert scan.event.data.tracking_number == "1Z999AA10123456784"  # type: ignore[union-attr]
    assert label.event.data.tracking_numbers == ["1Z999AA10123456784"]  # type: ignore[union-attr]
    assert new.event.data.replaces_number == "1Z999AA10123456784"  # type: ignore[union-attr]


def test_the_case_of_an_article_is_as_configured() -> None:
    """Blanks go by default, capitals only where the policy says so; also in kits and in patches."""
    kit = {"sku": " kit", "quantity": 1, "components": [{"sku": "part ", "quantity": 2}]}
    plain = normal(read("order.placed", "1", lines=[kit]))
    assert plain.event.data.lines[0].sku == "kit"  # type: ignore[union-attr]
    assert plain.event.data.lines[0].components[0].sku == "part"  # type: ignore[union-attr]
    patch = normal(read("order.updated", "1", lines=[kit]), Identifiers(sku="upper"))
    assert patch.event.data["lines"][0]["sku"] == "KIT"  # type: ignore[index]
    assert patch.event.data["lines"][0]["components"][0]["sku"] == "PART"  # type: ignore[index]


def test_what_is_nothing_but_decoration_stays_as_it_is() -> None:
    """No identifier becomes empty."""
    assert normal(read("order.placed", "#")).order == "#"
    assert normal(read("carrier.scan", "1", status="in_transit", tracking_number="--")).event.data.tracking_number == "--"  # type: ignore[union-attr]


def test_as_sent_is_as_sent() -> None:
    """A state of before goes on with what it has."""
    record = normal(read("carrier.scan", "#1", status="in_transit", tracking_number="a-1"), AS_SENT)
    assert (record.order, record.event.data.tracking_number) == ("#1", "a-1")  # type: ignore[union-attr]


@pytest.mark.parametrize("code", range(27))
def test_a_code_stands_for_its_forms(code: int) -> None:
    """Both ways; it is stored data."""
    assert Identifiers.of(code).code == code
    assert (AS_SENT.code, DEFAULT.code) == (0, 17)


def test_a_record_that_travels_or_is_kept_has_its_forms_again() -> None:
    """It goes as the bytes that were sent."""
    record = normal(read("carrier.scan", "#1", status="in_transit", tracking_number="a-1"))
    again = record_of_row(row_of(record))
    assert (again.order, again.event, again.raw, again.identifiers) == (record.order, record.event, record.raw, record.identifiers)
    before = read("carrier.scan", "#1", status="in_transit", tracking_number="a-1")
    assert len(row_of(before)) == 10
    assert record_of_row(row_of(before)) == before
