"""What a mapping makes of records: each field by its kind, times in their zone, codes by their tables, and IDs from what is said."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sources.adapters import AdapterConnection
from sources.adapters.coverage import Coverage
from sources.adapters.histories import Remembered, settle
from tests.unit.mapping.support import PLAIN, adapted, data, events, mapping

JSON = PLAIN.format(format="json")
NOON = "2026-11-20T12:00:00Z"


def record(**fields: Any) -> str:
    """A JSON record with an order and a time."""
    return orjson.dumps({"order": "A-1", "at": NOON, **fields}).decode()


def output(rule: str, **fields: Any) -> Any:
    """The data that a rule makes of a record with these fields."""
    return data(rule, record(**fields))


# --- times ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "value", "time"),
    [
        ("at", "2026-07-01 08:00:00", "2026-07-01T08:00:00+02:00"),
        ("at", "2026-11-20T12:00:00-05:00", "2026-11-20T12:00:00-05:00"),
        ("{at: at, format: '%d.%m.%Y %H:%M'}", " 20.11.2026  14:05 ", "2026-11-20T14:05:00+01:00"),
        ("{at: at, format: '%m/%d/%y %I:%M %p', zone: America/New_York}", "11/20/26 02:05 PM", "2026-11-20T14:05:00-05:00"),
        ("{at: at, format: '%Y%m%d%H%M%S'}", 20261120140500, "2026-11-20T14:05:00+01:00"),
        ("{at: at, format: '%d.%m.%Y %H:%M %z'}", "20.11.2026 14:05 +0530", "2026-11-20T14:05:00+05:30"),
        ("{at: at, format: unix}", 1795176000, "2026-11-20T12:00:00Z"),
        ("{at: at, format: unix}", "1795176000", "2026-11-20T12:00:00Z"),
        ("{at: at, format: unix_ms}", 1795176000125, "2026-11-20T12:00:00.125000Z"),
        ("{at: at, format: [unix, iso]}", "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z"),
        ("\"join(' ', [day, hour])\"", "", "2026-11-20T14:05:00+01:00"),
        # what a clock change skips moves forward, of what it repeats the first counts
        ("at", "2026-03-29T02:30:00", "2026-03-29T03:30:00+02:00"),
        ("at", "2026-10-25T02:30:00", "2026-10-25T02:30:00+02:00"),
        ("{at: at, format: '%d.%m.%Y %H:%M'}", "29.03.2026 02:30", "2026-03-29T03:30:00+02:00"),
    ],
)
def test_a_time_is_read_in_its_format_and_zone(spec: str, value: str | int, time: str) -> None:
    """The offset that a source writes counts; without one, the zone of the entry, else of the file."""
    body = orjson.dumps({"order": "A-1", "at": value, "day": "2026-11-20", "hour": "14:05"})
    (event,) = events(JSON.replace("time: at", f"time: {spec}"), body)
    assert event["time"] == time


@pytest.mark.parametrize("value", ["", None])
def test_a_record_without_its_time_is_refused(value: str | None) -> None:
    """Nothing happened at no time."""
    assert adapted(JSON, record(at=value)).refused == (("missing_field", "time: at"),)


@pytest.mark.parametrize("value", ["20.11.2026", "2026-11-20", "0001-01-01T00:00:00Z", "2026-02-30T10:00:00Z", True, {}, 12])
def test_what_is_no_time_is_refused_and_not_quoted(value: object) -> None:
    """A date alone is no instant, and a year of the wrong millennium no time."""
    (refused,) = adapted(JSON, record(at=value)).refused
    assert refused.reason in ("bad_time", "wrong_type")
    assert "2026-" not in refused.detail
    assert "20.11" not in refused.detail


def test_the_zone_may_be_that_of_the_site_also_for_items() -> None:
    """A table of sites, looked up in the whole record."""
    text = """
    name: wms
    format: json
    zone: {code: site, table: zones}
    tables: {zones: {B: Europe/Berlin, N: America/New_York}}
    events:
      - {type: warehouse.packed, each: parcels, order: parent.order, time: at, data: {shipment_id: nr}}
    """
    for site, offset in (("B", "+01:00"), ("N", "-05:00")):
        body = record(site=site, parcels=[{"nr": 1, "at": "2026-11-20T08:00:00"}])
        (event,) = events(text, body)
        assert event["time"] == f"2026-11-20T08:00:00{offset}"
    (refused,) = adapted(text, record(site="X", parcels=[{"nr": 1, "at": "2026-11-20T08:00:00"}])).refused
    assert refused == ("unmapped", "site: no zone in table zones")


def test_without_a_zone_of_its_own_the_connection_s_counts() -> None:
    """As for any adapter."""
    text = JSON.replace("zone: Europe/Berlin\n", "")
    (event,) = events(text, record(at="2026-11-20T08:00:00"), AdapterConnection(zone="Asia/Tokyo"))
    assert event["time"] == "2026-11-20T08:00:00+09:00"


@pytest.mark.parametrize(
    ("spec", "value", "promise"),
    [
        ("by", "2026-11-25", "2026-11-25"),
        ("by", "2026-11-25T00:00:00Z", "2026-11-25"),
        ("by", "2026-11-25T18:00:00", "2026-11-25T18:00:00+01:00"),
        ("{at: by, format: '%d.%m.%Y'}", "25.11.2026", "2026-11-25"),
        ("{at: by, format: '%d.%m.%Y %H:%M'}", "25.11.2026 00:00", "2026-11-25"),
        ("{at: by, format: '%d.%m.%Y %H:%M'}", "25.11.2026 18:00", "2026-11-25T18:00:00+01:00"),
        ("{at: by, format: ['%d.%m.%Y %H:%M', '%d.%m.%Y']}", "25.11.2026", "2026-11-25"),
    ],
)
def test_a_promise_given_as_a_date_stays_one(spec: str, value: str, promise: str) -> None:
    """A date is never midnight."""
    assert output(f"type: order.placed, data: {{promised_by: {spec}}}", by=value) == {"promised_by": promise}


# --- money and numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sign", "minor", "value", "currency", "amount"),
    [
        (".", "no", "129.90", "EUR", "129.90"),
        (".", "no", 129.9, "eur", "129.9"),
        (".", "no", "1,234.50", "USD", "1234.50"),
        (",", "no", "1.234,50", "EUR", "1234.50"),
        (",", "no", "1 234,50", "EUR", "1234.50"),
        (",", "no", "1.234", "EUR", "1234"),
        (".", "yes", 12990, "EUR", "129.90"),
        (".", "yes", "500", "JPY", "500"),
        (".", "yes", 1500, "KWD", "1.500"),
    ],
)
def test_money_is_read_by_its_sign_and_unit(sign: str, minor: str, value: str | float, currency: str, amount: str) -> None:
    """Minor units by the exponents of ISO 4217; groups of thousands are told from fractions."""
    rule = f"type: payment.captured, data: {{payment_id: order, amount: {{amount: a, currency: c, minor: {minor}}}}}"
    found = data(rule, record(a=value, c=currency), more=f"decimal: '{sign}'")
    assert found["amount"] == {"amount": amount, "currency": currency.upper()}


@pytest.mark.parametrize(
    ("sign", "value"), [(",", "12.50"), (".", "12,50"), (".", "1,23,4"), (".", "12 EUR"), (".", "1e5"), (".", True), (".", "½")]
)
def test_an_amount_that_could_be_another_is_refused(sign: str, value: object) -> None:
    """12.50 where the comma is the sign would be 1,250 or 12.5."""
    text = JSON.replace("warehouse.packed", "payment.captured").replace("zone:", f"decimal: '{sign}'\nzone:")
    text += "    data: {amount: {amount: a, currency: {value: EUR}}}\n"
    (refused,) = adapted(text, record(a=value)).refused
    assert refused.reason in ("bad_value", "wrong_type")


def test_without_a_stated_sign_a_comma_could_be_either() -> None:
    """1,500 is one and a half to some, fifteen hundred to others."""
    text = JSON + "    data: {lines: {sku: {value: A}, quantity: q}}\n"
    assert adapted(text, record(q="1,500")).refused[0].reason == "bad_value"
    assert adapted(text.replace("zone:", "decimal: '.'\nzone:"), record(q="1,500")).events[0]["data"]["lines"][0]["quantity"] == 1500
    assert adapted(text.replace("zone:", "decimal: ','\nzone:"), record(q="1,000")).events[0]["data"]["lines"][0]["quantity"] == 1


def test_carriers_have_one_name_each_however_they_are_stated() -> None:
    """Policies name them."""
    rule = "type: warehouse.shipped, data: {carrier: %s}"
    for stated in ("c", "{value: Fed Ex}", "{code: d, table: t}"):
        more = "tables: {t: {'1': Fed Ex}}" if "table" in stated else ""
        assert data(rule % stated, record(c="FedEx", d=1), more=more) == {"carrier": "fedex"}


def test_an_amount_without_a_currency_is_refused_and_none_is_none() -> None:
    """Currencies are never guessed."""
    rule = "type: payment.captured, data: {payment_id: order, amount: {amount: a, currency: c}}"
    assert output(rule, c="EUR") == {"payment_id": "A-1"}
    text = f"name: wms\nformat: json\nevents:\n  - {{order: order, time: at, {rule}}}\n"
    assert adapted(text, record(a="1.00")).refused == (("missing_field", "c"),)


@pytest.mark.parametrize(("value", "pieces"), [("3", 3), (3, 3), (3.0, 3), ("3.000", 3), (0, 0)])
def test_pieces_are_whole(value: object, pieces: int) -> None:
    """Also where a source writes fractions of nothing."""
    assert output("type: warehouse.packed, data: {lines: {sku: {value: A}, quantity: q}}", q=value) == {
        "lines": [{"sku": "A", "quantity": pieces}]
    }


def test_numbers_and_texts_of_all_kinds() -> None:
    """Identifiers may be numbers, flags texts, lists single things; blanks are nothing."""
    rule = "type: inventory.short, data: {site: s, sku: k, ordered: o, available: a, substitutes: subs}"
    assert output(rule, s=17, k=" X ", o="2", a=-3, subs=["Y", "", 5]) == {
        "site": "17",
        "sku": "X",
        "ordered": 2,
        "available": -3,
        "substitutes": ["Y", "5"],
    }
    assert output("type: payment.captured, data: {payment_id: p, final: f}", p=1, f="true") == {"payment_id": "1", "final": True}
    assert output("type: inventory.short, data: {site: s, sku: k}", s="", k=None) == {}


# --- codes ---------------------------------------------------------------------------------------------

TYPES = """
name: wms
format: jsonl
tables:
  step: {PCK: warehouse.picked, PV: [warehouse.packed, warehouse.shipped], HB: {ignored: sign of life}}
events:
  - {type: {code: step, table: step}, order: order, time: at, data: {shipment_id: s, tracking_number: t}}
"""


def test_a_code_becomes_events_or_says_nothing_or_is_refused() -> None:
    """Never a guess: a type that no table has is refused by itself and counted."""
    coverage = Coverage()
    lines = "\n".join(record(step=step, s="S1", t="T1") for step in ("pck", "PV", " HB ", "XX", "XX"))
    found = adapted(TYPES, lines, coverage=coverage)
    assert [event["type"] for event in found.events] == ["warehouse.picked", "warehouse.packed", "warehouse.shipped"]
    # a field is for those of the types that have it
    assert [set(event["data"]) for event in found.events] == [{"shipment_id"}, {"shipment_id"}, {"shipment_id", "tracking_number"}]
    assert found.ignored == (("HB", "sign of life"),)
    assert [one.reason for one in found.refused] == ["unmapped", "unmapped"]
    assert found.refused[0].detail == "step: a code that is not in table step (line 4)"
    assert coverage.unmapped() == {("step", "step", "XX"): 2}


SCANS = """
name: depot
format: json
tables:
  scan: {DLV: delivered, HLD: held customs, TST: {ignored: scanner test}}
events:
  - each: scans
    type: carrier.scan
    time: t
    data: {status: {code: c, table: scan}, tracking_number: parent.nr, carrier: parent.by, raw: {text: m}}
"""


def test_an_unknown_scan_is_told_as_unmapped_with_the_source_s_own_words() -> None:
    """So that `data.unmapped_status` can count it."""
    body = record(nr="Z1", by="Canada Post", scans=[{"c": c, "t": NOON, "m": "so it says"} for c in ("DLV", "HLD", "TST", "QQ")])
    found = adapted(SCANS, body)
    common = {"tracking_number": "Z1", "carrier": "canadapost"}
    assert [event["data"] for event in found.events] == [
        {"status": "delivered", "raw": {"code": "DLV", "text": "so it says"}, **common},
        {"status": "held", "reason": "customs", "raw": {"code": "HLD", "text": "so it says"}, **common},
        {"status": "unknown", "reason": "unmapped", "raw": {"code": "QQ", "text": "so it says"}, **common},
    ]
    assert found.ignored == (("TST", "scanner test"),)


def test_other_unknown_codes_are_left_out_or_other() -> None:
    """A hold without a name is still a hold; a decline that nobody knows is neither soft nor hard."""
    rule = "type: order.hold_placed, data: {hold: {code: h, table: t}}"
    for code, hold in (("FR", "fraud"), ("??", "other")):
        assert data(rule, record(h=code), more="tables: {t: {FR: fraud}}") == {"hold": hold}
    rule = "type: payment.failed, data: {payment_id: order, decline: {code: d, table: d}}"
    for code, found in (("05", {"decline": "hard"}), ("5", {})):
        assert data(rule, record(d=code), more="tables: {d: {'05': hard}}") == {"payment_id": "A-1", **found}


# --- records, items, several events ----------------------------------------------------------------------


def test_records_stand_in_a_list_and_items_see_what_is_around_them() -> None:
    """`each` for the file and for an event; a single thing counts as a list of one; lists within lists keep their parents."""
    text = """
    name: wms
    format: json
    each: page.orders
    events:
      - type: warehouse.shipped
        each: boxes
        order: parent.no
        time: parent.parent.page.at
        data: {shipment_id: nr, tracking_numbers: codes, lines: {each: items, sku: sku, line_id: item.sku, quantity: parent.each_has}}
    """
    body = {
        "page": {
            "at": NOON,
            "orders": [
                {"no": 1, "boxes": [{"nr": "a", "each_has": 2, "items": [{"sku": "X"}, {"sku": "Y"}], "codes": ["T1", "T2"]}]},
                {"no": 2, "boxes": {"nr": "b", "codes": "T3"}},
                {"no": 3, "boxes": None},
            ],
        }
    }
    first, second = events(text, orjson.dumps(body))
    assert (first["subject"], first["time"]) == ("1", NOON)
    assert first["data"] == {
        "shipment_id": "a",
        "tracking_numbers": ["T1", "T2"],
        "lines": [{"sku": "X", "line_id": "X", "quantity": 2}, {"sku": "Y", "line_id": "Y", "quantity": 2}],
    }
    assert (second["subject"], second["data"]) == ("2", {"shipment_id": "b", "tracking_numbers": ["T3"]})


def test_a_list_without_its_list_is_another_form() -> None:
    """An answer of another kind is not an empty one."""
    text = JSON.replace("zone:", "each: orders\nzone:")
    assert adapted(text, '{"orders": []}').refused == ()
    assert adapted(text, '{"error": "x"}').refused == (("unknown_form", "orders: there is no such list"),)


def test_a_record_that_fails_is_refused_by_itself() -> None:
    """With the place where it stands; the others are told."""
    found = adapted(JSON, f"[{record()}, {record(at='x')}, 5, {record(order='A-2')}]")
    assert [event["subject"] for event in found.events] == ["A-1", "A-2"]
    assert [(one.reason, one.detail[-8:]) for one in found.refused] == [("bad_time", "(item 1)"), ("unknown_form", "(item 2)")]


def test_a_record_that_no_event_is_for_is_refused_or_ignored_with_a_reason() -> None:
    """Nothing is dropped in silence."""
    text = JSON + "    when: step == 'PCK'\nignore:\n  - {when: step == 'HB', why: sign of life}\n"
    assert events(text, record(step="PCK"))
    assert adapted(text, record(step="XX")).refused == (("unknown_form", "none of the mapping's events is for it"),)
    assert adapted(text, record(step="HB")).ignored == (("when: step == 'HB'", "sign of life"),)


@pytest.mark.parametrize(
    ("when", "holds"), [("a", True), ("b", False), ("e", False), ("!b", True), ("to_number(n) > `2`", True), ("z", True)]
)
def test_conditions_hold_as_jmespath_has_it(when: str, holds: bool) -> None:
    """Empty, null and false do not hold; 0 does."""
    found = adapted(f"{JSON}    when: '{when}'\n", record(a="x", b=None, e=[], n="10", z=0))
    assert bool(found.events) is holds


def test_an_event_of_no_order_is_refused() -> None:
    """Neither an order nor an alias."""
    assert adapted(JSON, record(order="")).refused[0].reason == "no_identity"


# --- identities and sources ------------------------------------------------------------------------------


def test_an_id_is_made_from_what_is_said() -> None:
    """Order of records, unmapped fields and how an instant is written change nothing; anything said does."""
    one = events(JSON, record())[0]["id"]
    assert one.startswith("packed-")
    assert events(JSON, record(other="x", at="2026-11-20T13:00:00+01:00"))[0]["id"] == one
    assert events(JSON, f"[{record(order='B')}, {record()}]")[1]["id"] == one
    assert events(JSON, record(order="B"))[0]["id"] != one
    assert events(JSON.replace("warehouse.packed", "warehouse.picked"), record())[0]["id"] != one


def test_an_id_of_stated_fields_stays_when_what_is_said_changes() -> None:
    """A source that corrects a row in place says the same fact again: the first counts."""
    text = JSON + "    id: [order, no]\n"
    assert events(text, record(no=1))[0]["id"] == events(text, record(no=1, at="2026-11-20T15:00:00Z"))[0]["id"]
    assert events(text, record(no=1))[0]["id"] != events(text, record(no=2))[0]["id"]
    assert adapted(JSON + "    id: no\n", record()).refused == (("missing_field", "id: no"),)


def test_two_records_of_one_id_that_differ_do_not_pass_unnoticed() -> None:
    """The second would be dropped as a repetition of the first."""
    text = JSON + "    id: order\n    data: {shipment_id: s}\n"
    found = adapted(text, f"[{record(s=1)}, {record(s=1)}, {record(s=2)}]")
    assert len(found.events) == 1
    assert [one.reason for one in found.refused] == ["bad_value"]
    assert "id: an earlier record" in found.refused[0].detail


def test_source_tenant_and_alias_are_the_file_s_or_the_connection_s() -> None:
    """`source` also of each record; a tenant that the record names."""
    connection = AdapterConnection("eu", "acme", order_is_alias=True)
    (event,) = events(JSON, record(), connection)
    assert (event["source"], event["tenant"], event.get("subject"), event["data"]) == (
        "/warehouse/wms/eu",
        "acme",
        None,
        {"order_alias": "A-1"},
    )
    text = JSON.replace("zone:", "tenant: shop\nzone:") + "    source: \"join('/', ['', 'warehouse', site])\"\n"
    (event,) = events(text, record(shop="t2", site="ber1"), connection)
    assert (event["source"], event["tenant"]) == ("/warehouse/ber1", "t2")
    assert adapted(text, record(shop="t2", site="a b")).refused[0].reason == "bad_value"
    assert adapted(text, record(site="ber1")).refused == (("missing_field", "shop"),)


def test_the_same_fact_of_two_tenants_is_two_facts() -> None:
    """Their orders may have the same numbers."""
    text = JSON.replace("zone:", "tenant: shop\nzone:")
    found = events(text, f"[{record(shop='a')}, {record(shop='b')}]")
    assert [event["tenant"] for event in found] == ["a", "b"]


def test_a_heartbeat_says_who_is_alive() -> None:
    """It has no order."""
    text = JSON.replace("warehouse.packed", "feed.heartbeat").replace("    order: order\n", "    source: /warehouse/ber1\n")
    (event,) = events(text, record())
    assert (event["source"], event["data"], "subject" in event) == ("/warehouse/ber1", {}, False)


def test_test_mode_is_refused_unless_it_is_taken() -> None:
    """As for any adapter."""
    text = JSON.replace("zone:", "test: env == 'stage'\nzone:")
    assert adapted(text, record(env="stage")).refused[0].reason == "test_mode"
    assert events(text, record(env="stage"), AdapterConnection(accept_test=True))
    assert events(text, record(env="live"))


def test_an_update_names_only_what_it_changes() -> None:
    """A merge patch: what is absent stays as it is."""
    assert output("type: order.updated, data: {promised_by: by, channel: c}", by="2026-12-01") == {"promised_by": "2026-12-01"}


# --- histories and coverage ------------------------------------------------------------------------------


class Kept:
    """A memory."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known."""
        return self.known.get(key)


def test_what_a_history_no_longer_says_is_withdrawn() -> None:
    """A source that repeats all scans of a parcel each time."""
    text = SCANS.replace("    time: t\n", "    time: t\n    history: said\n")
    connection, memory = AdapterConnection(), Kept()
    found: list[str] = []
    for said, codes in ((13, ("HLD", "DLV")), (14, ("HLD",)), (14, ("HLD",))):
        body = record(
            nr="Z1", said=f"2026-11-20T{said}:00:00Z", scans=[{"c": c, "t": f"2026-11-20T1{n}:00:00Z"} for n, c in enumerate(codes)]
        )
        result = adapted(text, body, connection)
        drafts, keep = settle(result.events, result.histories, memory, connection)
        memory.known.update(keep)
        found += [draft["type"] for draft in drafts]
    assert found.count("evidence.withdrawn") == 1
    assert "evidence.withdrawn" in mapping(text).adapter.emits


def test_coverage_knows_which_fields_were_read_and_which_codes_occurred() -> None:
    """Also through conditions, functions, lists and parents; what a rule that was not for the record reads was not read."""
    text = """
    name: wms
    format: json
    each: orders
    kind: step
    tables: {step: {PCK: warehouse.picked}}
    events:
      - type: {code: step, table: step}
        order: join('-', [shop, no])
        time: parent.at
        data: {lines: {each: "items[?qty > `0`]", sku: sku}}
      - {type: warehouse.packed, when: step == 'XX', order: secret, time: parent.at}
    """
    orders = [
        {"step": "PCK", "shop": "s", "no": "1", "note": "ring twice", "secret": "x", "items": [{"sku": "A", "qty": 1, "name": "hat"}]}
    ]
    coverage = Coverage()
    adapted(text, orjson.dumps({"at": NOON, "page": 3, "orders": orders}), coverage=coverage)
    assert {path for path, field in coverage.fields.items() if not field.read} == {
        "orders[].note",
        "orders[].secret",
        "orders[].items[].name",
        "page",
    }
    assert coverage.kinds["PCK"].became == {"warehouse.picked": 1}
    assert coverage.codes["step", "step", "PCK"].known
