"""An erased order, and an erased customer, stand nowhere in what a whole installation has written, but where it is said that they do."""

from __future__ import annotations

import io
import json
import re
import signal
import sqlite3
import subprocess
import sys
import zlib
from base64 import b64decode
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
import yaml
from zstandard import ZstdCompressionDict, ZstdDecompressor, ZstdError

from dataflows.cli.main import run
from dataflows.embedded.demo import Demo
from sinks.embedded.decisions import SocketDecisionWriter
from sinks.embedded.sink import read_all
from tests.support.embedded import PATIENCE, until
from tests.support.replays import command, written
from tests.support.running import RunningSystem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REBUILT = "made the store anew"
DICTIONARIES = [
    ZstdCompressionDict(files("dataflows.core.engine").joinpath(name).read_bytes()) for name in ("orders-1.zdict", "orders-2.zdict")
]
LOGS = ("log/", "out/")
"""The installation's own logs: what was appended before an erasure stays until its segment goes (`embedded.keep_days`)."""
SHARDS = "state/shards/"
KEEPING = ("state/dispatch/journal", "state/gateway/audit", "state/gateway/refused/refused", SHARDS, "state/store.sqlite3", *LOGS)
"""Where something stands of everybody who is not erased: a search that finds nothing there does not look."""

pytestmark = pytest.mark.slow


class Person:
    """A customer with one order, and all that events say of them. `key` is in every name, so that nothing is found by chance."""

    def __init__(self, key: str) -> None:
        self.order, self.customer = f"SO-{key}-1", f"cust-{key}"
        self.tracking, self.payment = f"TRK{key}0001", f"pay-{key}-1"
        self.address, self.postal = f"addr-{key}-hash", f"PC{key}"
        self.note = f"{key} asked for the neighbour"
        self.refused = f"{key} in a refused event"

    def events(self, begin: datetime) -> list[dict[str, object]]:
        """Placed, paid, shipped, scanned, and not there when the promise ends."""
        lines = [{"line_id": "1", "sku": "MUG-BLUE", "quantity": 1}]
        parcel = {"tracking_number": self.tracking, "carrier": "dhl"}
        money = {"payment_id": self.payment, "amount": {"amount": "24.90", "currency": "EUR"}}
        placed: dict[str, object] = {
            "total": money["amount"],
            "customer": {"id": self.customer, "consents": ["email"]},
            "promised_by": iso(begin + timedelta(seconds=2)),
            "ship_to": {"country": "NL", "timezone": "Europe/Amsterdam", "postal_code": self.postal, "address_hash": self.address},
            "lines": lines,
            "channel": "web",
            "method": "ship",
        }
        goods = {"site": "ams1", "shipment_id": "s-1", "lines": lines}
        story: list[tuple[str, str, dict[str, object]]] = [
            ("/storefront/shop", "order.placed", placed),
            ("/payments/psp", "payment.captured", {**money, "final": True}),
            ("/warehouse/wms", "warehouse.shipped", {**goods, **parcel}),
            ("/carrier/dhl", "carrier.scan", {**parcel, "status": "accepted"}),
            ("/carrier/dhl", "carrier.scan", {**parcel, "status": "in_transit"}),
        ]
        found = [event(self.order, begin + timedelta(microseconds=n), *each) for n, each in enumerate(story)]
        # A scan that names its parcel only, and the same event again, which the engine gives back.
        bare = {name: value for name, value in self.scan(begin).items() if name != "subject"}
        return [*found, bare]

    def scan(self, at: datetime) -> dict[str, object]:
        """A scan of the parcel."""
        parcel = {"tracking_number": self.tracking, "carrier": "dhl"}
        return event(self.order, at, "/carrier/dhl", "carrier.scan", {**parcel, "status": "in_transit"})

    def unfit(self, at: datetime) -> dict[str, object]:
        """What the gateway will not have."""
        return {**self.scan(at), "type": "order.unheard_of", "data": {"said": self.refused, "tracking_number": self.tracking}}

    def secrets(self) -> tuple[str, ...]:
        """Everything that must stand nowhere once it is erased."""
        return self.order, self.customer, self.tracking, self.payment, self.address, self.postal, self.note, self.refused


def iso(at: datetime) -> str:
    """An instant as events have it."""
    return at.isoformat().replace("+00:00", "Z")


def event(order: str, at: datetime, source: str, type_: str, data: dict[str, object]) -> dict[str, object]:
    """An event of the contract."""
    id_ = f"{order}:{type_}:{at.timestamp()}"
    return {"specversion": "1.0", "id": id_, "source": source, "type": type_, "subject": order, "time": iso(at), "data": data}


class Shop(RunningSystem):
    """A whole installation, and a receiver beside it that keeps nothing there."""

    def __init__(self, home: Path) -> None:
        outside = home / "outside"
        outside.mkdir()
        self.demo = Demo(outside, lambda _: None, 1)
        self.demo.listen()
        given = self.demo.settings({})
        self.policy = Path(str(given["policy"]))
        # In haste a month is a minute: on a busy machine orders would be closed, and forgotten, before they are erased.
        rules = yaml.safe_load(self.policy.read_text(encoding="utf-8"))
        del rules["retention"]
        self.policy.write_text(yaml.safe_dump(rules, sort_keys=False), encoding="utf-8")
        super().__init__(home, {**given, "state": {"epoch_seconds": 0.2}})

    def close(self) -> None:
        """Leaves nothing running."""
        super().close()
        self.demo.close()

    def run(self, *arguments: str, token: str | None = None, spare: tuple[int, ...] = ()) -> str:
        """Runs a command of the product over it, in this process; what it prints, nothing if it ends with one of `spare`."""
        said, complained = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(complained):
            patch.setattr("sys.stdin", io.StringIO())
            if token is not None:
                patch.setenv("ORDERWATCH_CLIENT__TOKEN", token)
            code = run([*arguments, "--settings", str(self.settings)])
        assert code == 0 or code in spare, said.getvalue() + complained.getvalue()
        return said.getvalue() if code == 0 else ""

    def rebuild(self) -> None:
        """Makes the store anew, alone."""
        log = self.home / "rebuild.log"
        words = [sys.executable, "-m", "dataflows.cli", "store", "--rebuild", "--settings", str(self.settings)]
        with log.open("wb") as file:
            process = subprocess.Popen(words, stdout=file, stderr=file)
        try:
            until(lambda: REBUILT in log.read_text(encoding="utf-8"), "not rebuilt")
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0, log.read_text(encoding="utf-8")
        finally:
            process.kill()
            process.wait()

    def post(self, token: str, events: Sequence[dict[str, object]]) -> int:
        """Sends events to the gateway."""
        request = Request(f"{self.url('gateway')}/events", json.dumps(events).encode(), {"authorization": f"Bearer {token}"}, method="POST")
        try:
            with urlopen(request, timeout=PATIENCE) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def decide(self, type_: str, order: str) -> None:
        """Writes a decision about an action that nobody knows, as dispatch would: the engine gives it back."""
        writer = SocketDecisionWriter(self.data, "dispatch")
        data = {"action_id": str(uuid4()), "attempt": 1, "dispatcher": "test", "endpoint": "none"}
        writer.write([{**event(order, datetime.now(UTC), "/orderwatch/dispatch", type_, {}), "id": str(uuid4()), "data": data}])
        writer.close()

    def events_of(self, topic: str, order: str) -> list[dict[str, object]]:
        """What the engine has said of an order."""
        found = [json.loads(line.content) for line in read_all(self.data)[topic]]
        return [each for each in found if each.get("data", {}).get("order_id") == order]

    def said_of(self, order: str) -> list[str]:
        """The types of what the engine has said of an order."""
        return [str(each["type"]) for topic in ("exceptions", "actions") for each in self.events_of(topic, order)]

    def has_mailed(self, order: str) -> bool:
        """Whether an action of an order was carried out."""
        return any(cast("dict[str, object]", each["data"]).get("state") == "executed" for each in self.events_of("actions", order))

    def forgotten_later(self) -> int:
        """How many records were given back since their order was erased."""
        return sum(json.loads(line.content)["reason"] == "forgotten" for line in read_all(self.data)["rejects"])

    def has_noted(self, person: Person, token: str) -> bool:
        """Notes something; whether it was taken: not where the case has moved since it was read."""
        first = json.loads(self.run("cases", "list", "--order", person.order, "--json").splitlines()[0])
        return bool(self.run("cases", "note", first["exception_id"], "--text", person.note, token=token, spare=(1,)))

    def has_erased(self, person: Person) -> bool:
        """Whether all parts have done so: engine, gateway, store and dispatch, the latter two as far as a reader sees."""
        kept = b"".join(map(contents, (self.data / "state" / "gateway").rglob("*.jsonl")))
        return (
            self.said_of(person.order)[-1:] == ["action.forgotten"]
            and not any(text.encode() in kept for text in person.secrets())
            and not rows(self.data / "state" / "store.sqlite3", "exceptions", person.order)
            and not rows(self.data / "state" / "dispatch" / "journal.sqlite3", "contexts", person.order)
        )


def rows(file: Path, table: str, order: str) -> int:
    """How many rows a table has of an order."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        return int(db.execute(f"SELECT count(*) FROM {table} WHERE order_id = ?", (order,)).fetchone()[0])


def contents(path: Path) -> bytes:
    """A file, and behind it what stands compressed or encoded in it: in journals zlib, in the engine's state zstd, in records base64."""
    raw = path.read_bytes()
    found = [raw]
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", raw):
        with suppress(zlib.error):
            found.append(zlib.decompressobj().decompress(raw[match.start() :]))
    for match in re.finditer(rb"\x28\xb5\x2f\xfd", raw):
        for dictionary in DICTIONARIES:
            with suppress(ZstdError):
                found.append(ZstdDecompressor(dict_data=dictionary).decompressobj().decompress(raw[match.start() :]))
    for match in re.finditer(rb"[A-Za-z0-9+/]{24,}={0,2}", raw):
        with suppress(ValueError):
            found.append(b64decode(match[0][: len(match[0]) // 4 * 4]))
    return b"\n".join(found)


def found_in(data: Path, texts: Sequence[str]) -> dict[str, set[str]]:
    """By file below a directory, which of the texts stand in it."""
    found: dict[str, set[str]] = {}
    for path in sorted(data.rglob("*")):
        if path.is_file():
            content = contents(path)
            if hits := {text for text in texts if text.encode() in content}:
                found[str(path.relative_to(data))] = hits
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """An installation that runs."""
    found = Shop(tmp_path)
    try:
        found.start()
        found.await_ready()
        yield found
    finally:
        found.close()


def allowed(path: str, person: Person, *, scans: bool) -> set[str]:
    """What of an erased person may stand in a file: what dataflows/STATE.md lists, and nothing else."""
    if path.startswith(LOGS):
        return set(person.secrets()) - {person.note, person.refused}
    if path.startswith(SHARDS):
        # The name of the order, so that it stays erased; of a customer, and of what came later, the last scans, for six days.
        return {person.order} | ({person.tracking} if scans and path.startswith(f"{SHARDS}b") else set())
    return set()


def check(shop: Shop, anna: Person, bert: Person, carl: Person, *, late: bool = False) -> None:
    """Looks through everything for everybody."""
    for person, scans in ((anna, True), (bert, late)):
        beyond = {path: hits - allowed(path, person, scans=scans) for path, hits in found_in(shop.data, person.secrets()).items()}
        assert not {path: hits for path, hits in beyond.items() if hits}
    there = found_in(shop.data, carl.secrets())
    assert set().union(*there.values()) == set(carl.secrets())
    for place in KEEPING:
        assert any(path.startswith(place) for path in there), place


def test_who_is_erased_stands_nowhere(shop: Shop, tmp_path: Path) -> None:
    """Everything that the installation wrote is looked through, what is compressed too; nothing brings anything back."""
    anna, bert, carl = people = [Person(key) for key in ("QXANNA7", "QXBERT8", "QXCARL9")]
    sender = shop.run("tokens", "create", "shop", "--source", "*").strip()
    clerk = shop.run("tokens", "create", "clerk", "--user", "clerk", "--role", "operator").strip()
    rows = "".join(f"{one.customer},{one.customer}@example.com\n" for one in people)
    (tmp_path / "outside" / "demo" / "contacts.csv").write_text(f"customer_id,email\n{rows}", encoding="utf-8")
    now = datetime.now(UTC)
    for one in people:
        assert shop.post(sender, one.events(now)) == 200
        assert shop.post(sender, [one.unfit(now)]) != 200
        shop.decide("action.executed", one.order)
    for one in people:
        shop.until(partial(shop.has_mailed, one.order), "no mail was sent")
        shop.until(partial(shop.has_noted, one, clerk), "no note is taken")
    before = found_in(shop.data, anna.secrets())
    assert set().union(*before.values()) == set(anna.secrets())
    assert any(path.startswith("out/embedded.order-rejects/") for path in before)
    for place in KEEPING:
        assert any(path.startswith(place) for path in before), place

    shop.run("forget", "--customer", anna.customer, "--yes")
    assert "nobody knows" not in shop.run("forget", "--order", bert.order, "--yes")
    assert "nobody knows order QXNOBODY of tenant default" in shop.run("forget", "--order", "QXNOBODY", "--yes")
    for one in (anna, bert):
        shop.until(partial(shop.has_erased, one), "not erased")
    shop.stop()
    check(shop, anna, bert, carl)

    # Whoever speaks of them later brings nothing back.
    said = {one.order: shop.said_of(one.order) for one in (anna, bert)}
    shop.start()
    shop.await_ready()
    later = datetime.now(UTC)
    bare = [
        {name: value for name, value in one.scan(later).items() if name != "subject"} | {"id": f"bare-{one.order}"} for one in (anna, bert)
    ]
    assert shop.post(sender, [*(one.scan(later) for one in (anna, bert)), *bare]) == 200
    shop.until(lambda: shop.forgotten_later() >= 4, "late scans are not given back")
    shop.stop()
    assert {one.order: shop.said_of(one.order) for one in (anna, bert)} == said
    check(shop, anna, bert, carl, late=True)

    # Nor does a store that is made anew, or a replay, from logs that still have it.
    shop.rebuild()
    check(shop, anna, bert, carl, late=True)
    replayed = command("replay", shop.data / "log", "--policy", shop.policy, "--out", tmp_path / "replayed")
    assert replayed.returncode == 0, replayed.stderr.decode()
    for topic, last in (("exceptions", "exception.forgotten"), ("actions", "action.forgotten")):
        lines = [json.loads(line) for line in written(tmp_path / "replayed")[topic].splitlines()]
        for one in (anna, bert):
            assert [each["type"] for each in lines if each["data"].get("order_id") == one.order][-1] == last
