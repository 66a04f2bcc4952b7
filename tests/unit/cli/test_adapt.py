"""`orderwatch adapt` as a user meets it: what goes where, what is said, and the exit codes."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dataflows.cli import main as cli
from dataflows.ingest.coverage import printable, sample
from sources.adapters import ADAPTERS

if TYPE_CHECKING:
    from collections.abc import Callable

ExceptionEvent = tuple[int, list[dict[str, Any]], str]
ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "sources" / "mapping" / "example.yaml"
STEPS = ROOT / "tests" / "unit" / "mapping" / "files" / "steps.csv"
SCAN: dict[str, Any] = {
    "status": "in_transit",
    "status_detail": "departed_facility",
    "datetime": "2026-11-20T12:00:00Z",
    "message": "Departed",
    "tracking_location": {},
}


@pytest.fixture
def adapt(capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., ExceptionEvent]:
    """Runs the command: its exit code, its events, what it says on standard error."""

    def run(*arguments: object) -> ExceptionEvent:
        capsysbinary.readouterr()
        code = cli.run(["adapt", *map(str, arguments)])
        out, err = capsysbinary.readouterr()
        return code, [json.loads(line) for line in out.splitlines() if line.startswith(b"{")], err.decode()

    return run


def tracker(*minutes: int, said: int = 30, code: str = "EZ1", mode: str = "production") -> dict[str, Any]:
    """An EasyPost tracker of one parcel with scans at some minutes."""
    scans = [{**SCAN, "datetime": f"2026-11-20T12:{minute:02}:00Z"} for minute in minutes]
    updated = f"2026-11-20T13:{said:02}:00Z"
    return {"object": "Tracker", "mode": mode, "tracking_code": code, "carrier": "UPS", "updated_at": updated, "tracking_details": scans}


def write(folder: Path, name: str, value: object) -> Path:
    """Writes JSON."""
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


# --- a system ----------------------------------------------------------------------------------------------


def test_events_go_to_standard_output_and_a_summary_to_the_other(tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """Everything read: exit code 0."""
    code, events, said = adapt("easypost", write(tmp_path, "a.json", tracker(1, 2)))
    assert (code, [event["type"] for event in events]) == (0, ["carrier.scan", "carrier.scan"])
    assert said == "2 events from 1 file\n"


def test_a_refusal_is_one_line_with_file_reason_and_detail(tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """Exit code 1, and all that could be read is written."""
    good, test = write(tmp_path, "a.json", tracker(1)), write(tmp_path, "b.json", tracker(1, mode="test"))
    (tmp_path / "c.json").write_bytes(b"\x00nonsense")
    code, events, said = adapt("easypost", good, test, tmp_path / "c.json")
    assert (code, len(events)) == (1, 1)
    lines = said.splitlines()
    assert lines[0].startswith(f"{test}: test_mode: ")
    assert lines[1].startswith(f"{tmp_path}/c.json: not_readable: ")
    assert lines[2] == "1 event from 3 files; 2 refused (not_readable 1, test_mode 1)"
    assert adapt("easypost", good, test, "--accept-test")[0] == 0


def test_a_folder_of_polls_yields_what_was_withdrawn_and_no_repetitions(tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """Its files are read by name; histories are compared over all of them."""
    for name, found in (("1", tracker(1, 2, said=1)), ("2", tracker(1, 2, said=2)), ("3", tracker(1, said=3))):
        write(tmp_path, f"{name}.json", found)
    (tmp_path / ".hidden").write_text("x")
    code, events, said = adapt("easypost", tmp_path)
    assert code == 0
    assert [event["type"] for event in events] == ["carrier.scan", "carrier.scan", "evidence.withdrawn"]
    assert events[2]["data"]["event_id"] == events[1]["id"]
    assert said == "3 events from 3 files; 3 said again\n"


def test_a_withdrawal_of_what_none_of_the_files_tells_is_counted(tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """It may name what an earlier run told; the person who reads the summary knows."""
    epcis: dict[str, Any] = {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "bizStep": "shipping",
        "eventID": "urn:uuid:1",
        "eventTime": "2026-05-04T10:00:00Z",
    }
    epcis |= {"eventTimeZoneOffset": "+00:00", "epcList": ["urn:epc:id:sscc:0614141.1234567890"]}
    error = {"declarationTime": "2026-05-05T10:00:00Z", "reason": "did_not_occur"}
    taken_back = write(tmp_path, "b.json", epcis | {"errorDeclaration": error})
    assert adapt("epcis", taken_back)[2] == "1 event from 1 file; 1 withdrawal of what none of these files told\n"
    assert adapt("epcis", write(tmp_path, "a.json", epcis), taken_back)[2] == "2 events from 2 files\n"


@pytest.mark.parametrize(
    ("system", "body"),
    [
        ("easypost", {"trackers": [], "has_more": False}),
        ("aftership", {"meta": {"code": 200}, "data": {"trackings": []}}),
        ("shippo", {"results": []}),
        ("stripe", {"object": "list", "data": []}),
        ("shopify", {"orders": []}),
        ("adyen", {"live": "true", "notificationItems": []}),
        ("epcis", {"type": "EPCISDocument", "epcisBody": {"eventList": []}}),
        ("epcis", []),
    ],
)
def test_an_answer_without_a_record_says_so(system: str, body: object, tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """Nothing is read in silence: the summary counts it."""
    code, events, said = adapt(system, write(tmp_path, "a.json", body))
    assert (code, events, said) in [(0, [], "0 events from 1 file; 1 ignored\n"), (1, [], said)]
    assert "ignored" in said or "refused" in said


def test_captured_requests_are_unwrapped_one_or_one_a_line_plain_or_gzip(tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """As the samples are captured, and as the gateway keeps what it refuses."""
    body = json.dumps(tracker(1))
    one = write(tmp_path, "one.json", {"headers": {"X": "y"}, "body": body})
    encoded = {"received": "2026-11-20T14:00:00Z", "body_base64": base64.b64encode(json.dumps(tracker(2)).encode()).decode()}
    lines = tmp_path / "refused.jsonl.gz"
    lines.write_bytes(gzip.compress("\n".join(map(json.dumps, [{"headers": {}, "body": tracker(1)}, encoded])).encode() + b"\n"))
    assert [len(adapt("easypost", path)[1]) for path in (one, lines)] == [1, 2]


def test_a_log_of_webhooks_is_read_by_line(tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """A body on each line; a refusal names the line, and one document over many lines stays one."""
    log = tmp_path / "webhooks.log"
    log.write_text("\n".join([json.dumps(tracker(1)), "", json.dumps(tracker(2, mode="test")), "{]", json.dumps(tracker(3))]))
    code, events, said = adapt("easypost", log)
    assert (code, len(events)) == (1, 2)
    assert [line.split(": ")[:2] for line in said.splitlines()[:-1]] == [[f"{log}:3", "test_mode"], [f"{log}:4", "not_readable"]]
    log.write_text(json.dumps(tracker(1), indent=1))
    assert adapt("easypost", log)[0] == 0


def test_standard_input_is_a_file_too(adapt: Callable[..., ExceptionEvent], monkeypatch: pytest.MonkeyPatch) -> None:
    """Once."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(tracker(1)).encode())))
    assert len(adapt("easypost", "-")[1]) == 1
    assert adapt("easypost", "-", "-")[0] == 2


def test_the_connection_is_stated_by_options(tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """Name, tenant, where the order stands, what is left out."""
    path = write(tmp_path, "a.json", tracker(1))
    _, (event,), _ = adapt("easypost", path, "--name", "eu", "--tenant", "acme", "--order-field", "carrier")
    assert (event["source"], event["tenant"], event["subject"]) == ("/carrier/easypost/eu", "acme", "UPS")
    _, (event,), _ = adapt("easypost", path, "--order-field", "carrier", "--order-is-alias")
    assert (event.get("subject"), event["data"]["order_alias"]) == (None, "UPS")
    assert adapt("easypost", path, "--omit", "carrier.*")[1] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say which SYSTEM"),
        (["easypots", "x"], 'did you mean "easypost"?'),
        (["easypost"], "no FILES"),
        (["easypost", "absent.json"], "absent.json: no such file"),
        (["easypost", "-", "--zone", "Mars"], "--zone Mars"),
        (["easypost", "-", "--name", "a/b"], "--name a/b"),
        (["easypost", "-", "--tenant", ""], "--tenant"),
        (["easypost", "-", "--omit", "payments.*"], "--omit payments.*"),
        (["shopify", "-", "--header", "nonsense"], "'Name: value'"),
        (["--check"], "--check goes with --mapping"),
        (["--mapping", "absent.yaml", "-"], "cannot be read"),
        (["--mapping", str(EXAMPLE)], "no FILES"),
        (["--mapping", str(EXAMPLE), "--order-field", "a", str(STEPS)], "--order-field: goes with an adapter"),
        (["shopify", "-", "--auto-capture"], "--auto-capture: shopify says itself what is captured"),
        (["easypost", "-", "--zone", "Europe/Berlin"], "--zone: every time in what easypost sends says where it is"),
        (["easypost", "-", "--order-is-alias"], "--order-is-alias: goes with order_field"),
        (["easypost", "-", "--omit", "payment.*"], "--omit: payment.*: easypost tells no such events"),
        (["easypost", "-", "--header", "a: b"], "--header: easypost says nothing in headers"),
        (["fedex", "-", "--accept-test"], "--accept-test: fedex marks nothing as a test"),
        (["--list", "--tenant", "x"], "--list takes nothing else: leave out --tenant"),
        (["--mapping", str(EXAMPLE), "--check", str(STEPS)], "--check takes nothing else: leave out FILES"),
        (["easypost", "-", "--overwrite"], "--overwrite goes with --report-to"),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(arguments: list[str], words: str, adapt: Callable[..., ExceptionEvent]) -> None:
    """Before anything is written."""
    code, events, said = adapt(*arguments)
    assert (code, events, said.count("\n")) == (2, [], 1)
    assert words in said


def test_a_cut_off_archive_ends_the_run(tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """Exit code 1, in one line."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x" * 10_000)[:30])
    code, _, said = adapt("easypost", tmp_path / "a.gz")
    assert (code, said.count("\n")) == (1, 1)


def test_the_list_names_every_system_with_its_types_and_its_signature(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is cut."""
    assert cli.run(["adapt", "--list"]) == 0
    said = capsys.readouterr().out
    for system, adapter in ADAPTERS.items():
        assert f"\n{system} " in said
        assert all(type_ in said for type_ in adapter.emits)
        assert f"\n{adapter.scheme} " in said


# --- a mapping -----------------------------------------------------------------------------------------------


def test_the_example_mapping_reads_its_example(adapt: Callable[..., ExceptionEvent]) -> None:
    """The file that the guide shows, on a file with every trap that its comments name."""
    code, events, said = adapt("--mapping", EXAMPLE, STEPS)
    assert code == 1
    assert [(event["subject"], event["type"], event["time"]) for event in events] == [
        ("104711", "warehouse.released", "2026-11-20T13:40:00+01:00"),
        ("104711", "warehouse.picked", "2026-11-20T14:05:00+01:00"),
        ("104711", "warehouse.packed", "2026-11-20T14:20:00+01:00"),
        ("104711", "warehouse.shipped", "2026-11-20T17:02:00+01:00"),
        ("104712", "warehouse.released", "2026-11-20T13:41:00Z"),
        ("104712", "order.hold_placed", "2026-11-20T13:44:00Z"),
        ("104712", "order.hold_released", "2026-11-20T15:44:00Z"),
        ("104712", "warehouse.pick_short", "2026-11-20T16:10:00Z"),
    ]
    assert events[3]["data"] == {
        "site": "ber1",
        "shipment_id": "S-9001",
        "carrier": "dhl",
        "tracking_number": "00340434161094042557",
        "lines": [{"line_id": "10", "sku": "SOCKE-42", "quantity": 2}],
    }
    assert events[5]["data"] == {"hold": "address", "hold_id": "0000104712-ADR"}
    assert {event["source"] for event in events} == {"/warehouse/lagermeister"}
    assert [line.partition(": ")[2] for line in said.splitlines()[:-1]] == [
        "bad_value: 3 cells under 12 columns (line 14)",
        "unmapped: STATUS: a code that is not in table step (line 11)",
        "bad_time: ZEITPUNKT: no time in the format %d.%m.%Y %H:%M, or none of the years 2000 to 2100 (line 12)",
        "bad_value: MENGE: a quantity counts whole pieces; of goods by weight or length round it, as by ceil() (line 13)",
    ]
    assert said.splitlines()[-1] == (
        "8 events from 1 file; 1 ignored; 4 refused (bad_time 1, bad_value 2, unmapped 1); 1 code not mapped (--report shows them)"
    )


def test_a_mapping_can_be_checked_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 or 2; each mistake on a line of its own."""
    assert cli.run(["adapt", "--mapping", str(EXAMPLE), "--check"]) == 0
    assert capsys.readouterr().out.startswith(f"ok: {EXAMPLE} is mapping 'lagermeister' (codes: 15; becomes: order.hold_placed, ")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: wms\nformat: cvs\nzone: Berln\nevents: []\n")
    assert cli.run(["adapt", "--mapping", str(wrong), "--check"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 2
    assert f"{wrong}:2:9: format: " in said
    assert cli.run(["adapt", "--mapping", str(wrong), str(STEPS)]) == 2
    assert capsys.readouterr().err == "".join(f"orderwatch: {line}\n" for line in said.splitlines())


def test_a_file_longer_than_a_payload_is_read_in_pieces(tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """An export of a year; lines keep their numbers."""
    head, row, *_ = STEPS.read_bytes().split(b"\r\n")
    rows = [row.replace(b"104711", b"%06d" % number).replace(b";K. M", b";K. " + b"M" * 500) for number in range(8_000)]
    long = tmp_path / "long.csv"
    long.write_bytes(b"\r\n".join([head, *rows, b"short;row"]))
    assert long.stat().st_size > 4 << 20
    code, events, said = adapt("--mapping", EXAMPLE, long)
    assert (code, len(events)) == (1, 7_999)  # order 000000 has no name left
    assert "cells under 12 columns (line 8002)" in said


# --- the report ------------------------------------------------------------------------------------------------


def test_the_report_shows_what_was_mapped_and_what_was_not(tmp_path: Path, adapt: Callable[..., ExceptionEvent]) -> None:
    """On standard error, or as Markdown; a code that is not mapped and a field that is not read stand first."""
    _, _, said = adapt("--mapping", EXAMPLE, STEPS, "--report", "--report-to", tmp_path / "report.md")
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    for text in (said, markdown):
        assert "BEDIENER" in text
        assert "Müller" not in text
        assert "Codes: 1 of 8 not mapped" in text
        assert "Fields: 1 of 12 not read" in text
    assert "| not mapped | step | STATUS | QS9 | 1 |  |" in markdown
    assert "| not read | [].BEDIENER | 4 | A. Aaaaaa |" in markdown
    assert "|  | step | STATUS | VER | 1 | warehouse.shipped |" in markdown
    assert "|  | [].AUFTRAG | 11 | 0000104711 |" in markdown


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("a.status", "in_transit", "in_transit"),
        ("a.updated_at", "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z"),
        ("a.quantity", "12", "12"),
        ("customer.first_name", "Ada", "Aaa"),
        ("customer.email", "ada@example.org", "aaa@aaaaaaa.aaa"),
        ("contact", "ada@example.org", "aaa@aaaaaaa.aaa"),
        ("x", "ada@example.org", "aaa@aaaaaaa.aaa"),
        ("x", "+49 30 1234567", "+00 00 0000000"),
        ("x", "0049 30/1234567", "0000 00/0000000"),
        ("x", "0000104711", "0000104711"),
        ("x", "Ada Lovelace", "Aaa Aaaaaaaa"),
        ("note", "Ring", "Aaaa"),
        ("to.zip", "10115", "00000"),
        ("[].BEDIENER", "MUELLER", "AAAAAAA"),
        ("plz", "10115", "00000"),
    ],
)
def test_samples_of_what_may_be_personal_are_shown_by_their_shape(path: str, value: str, shown: str) -> None:
    """A report is passed on to whoever mends the mapping."""
    assert sample(path, value) == shown


def test_nothing_that_a_terminal_acts_upon_is_printed() -> None:
    """Codes and fields are the sender's."""
    assert printable("a\x1b[31mb\nc") == "a�[31mb�c"


def test_a_configured_field_that_no_payload_has_is_told(adapt: Callable[..., ExceptionEvent], tmp_path: Path) -> None:
    """In the closing line, and in the report; a field that is there is not."""
    item: dict[str, Any] = {"eventCode": "AUTHORISATION", "success": "true", "eventDate": "2026-05-04T14:01:00Z", "pspReference": "P1"}
    item |= {"amount": {"value": 100, "currency": "USD"}, "additionalData": {"metadata.order_id": "5501"}}
    path = tmp_path / "adyen.json"
    path.write_text(json.dumps({"live": "true", "notificationItems": [{"NotificationRequestItem": item}]}), encoding="utf-8")
    _, events, said = adapt("adyen", path, "--order-field", "additionalData.metadata.order_id")
    assert [event["subject"] for event in events] == ["5501"]
    assert "order_field" not in said
    _, events, said = adapt("adyen", path, "--order-field", "additionalData.order", "--report")
    assert "subject" not in events[0]
    assert said.splitlines()[-1] == "1 event from 1 file; order_field additionalData.order: in none of 1 payload"
    assert "Configured fields: 1 of 1 found in no payload" in said
