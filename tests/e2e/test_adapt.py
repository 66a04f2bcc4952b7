"""A home-grown warehouse, watched after a morning's work: its file through a mapping into a replay gives the right exceptions."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.replays import command, standing

if TYPE_CHECKING:
    from pathlib import Path

MAPPING = """
name: stockroom
format: csv
csv: {delimiter: ";"}
zone: Europe/Berlin
times: ["%d.%m.%Y %H:%M", "%d.%m.%Y"]
decimal: ","
tables:
  step: {NEU: order.placed, BEZ: payment.captured, FRG: warehouse.released, PCK: warehouse.packed, VER: warehouse.shipped}
events:
  - type: {code: STEP, table: step}
    order: trim_left(ORDER, '0')
    time: AT
    data:
      total: {amount: AMOUNT, currency: {value: EUR}}
      amount: {amount: AMOUNT, currency: {value: EUR}}
      payment_id: join('-', ['P', ORDER])
      final: {value: true}
      payment_terms: {value: prepaid}
      ship_by: SHIP_BY
      ship_to: {country: {value: DE}}
      site: {value: ber1}
      shipment_id: PARCEL
      carrier: CARRIER
      tracking_number: TRACKING
"""

HEAD = "ORDER;STEP;AT;AMOUNT;SHIP_BY;PARCEL;CARRIER;TRACKING\n"
ROWS = """
0001;NEU;16.11.2026 09:00;129,90;17.11.2026;;;
0001;BEZ;16.11.2026 09:01;129,90;;;;
0001;FRG;16.11.2026 09:30;;;;;
0001;PCK;16.11.2026 15:00;;;S1;;
0001;VER;16.11.2026 17:00;;;S1;DHL;T1
0002;NEU;16.11.2026 09:00;1.029,00;17.11.2026;;;
0002;BEZ;16.11.2026 09:01;1.029,00;;;;
0002;FRG;16.11.2026 09:30;;;;;
"""
"""Order 2 is released and never packed nor shipped."""

POLICY = """
emits: [placed, captured, shipped]
sites: {ber1: {zone: Europe/Berlin}}
rules:
  '*': off
  fulfilment.ship_overdue: on
  payment.capture_overdue: on
"""


def test_an_order_that_the_warehouse_never_ships_is_reported(tmp_path: Path) -> None:
    """`orderwatch adapt --mapping FILE ... | orderwatch replay - ...`, as typed; the order that was shipped is left alone."""
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    (tmp_path / "policy.yaml").write_text(POLICY)
    # Two exports overlap: the second repeats all of the first.
    rows = ROWS.strip().splitlines(keepends=True)
    (tmp_path / "1.csv").write_text(HEAD + "".join(rows[:4]))
    (tmp_path / "2.csv").write_text(HEAD + "".join(rows))
    made = command("adapt", "--mapping", tmp_path / "mapping.yaml", tmp_path / "1.csv", tmp_path / "2.csv")
    assert made.returncode == 0, made.stderr
    assert made.stderr.decode() == "8 events from 2 files; 4 said again\n"
    done = command(
        "replay", "-", "--policy", tmp_path / "policy.yaml", "--out", tmp_path / "out", "--until", "2026-11-20T00:00:00Z", given=made.stdout
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(standing(tmp_path / "out")) == {("2", "fulfilment.ship_overdue", None, "open")}
    assert (tmp_path / "out" / "rejects.jsonl").read_bytes() == b""
    raised = json.loads((tmp_path / "out" / "exceptions.jsonl").read_bytes().splitlines()[0])
    assert raised["data"]["due_at"] == "2026-11-17T23:00:00Z"  # the promised day ends at midnight in Berlin


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path) -> None:
    """`orderwatch adapt ... | head -1`: the pipe is closed early."""
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    rows = "".join(f"{number};FRG;16.11.2026 09:30;;;;;\n" for number in range(1, 5_000))
    (tmp_path / "1.csv").write_text(HEAD + rows)
    program = "import sys; from dataflows.cli.main import main; main(sys.argv[1:])"
    arguments = [sys.executable, "-c", program, "adapt", "--mapping", str(tmp_path / "mapping.yaml"), str(tmp_path / "1.csv")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert json.loads(running.stdout.readline())["subject"] == "1"
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0
