"""The demonstration: a parcel that comes too late, a simulated world in haste around it, and a receiver that shows what is sent.

All of it is real: events come by the socket into the input log, stamped by its writer; the engine judges them live; dispatch sends mails by
SMTP and tasks by signed webhooks. Only the world is made up, and passes in haste (`haste`): a day of it takes seconds, in the policy too.
"""

from __future__ import annotations

import asyncio
import csv
import json
import secrets
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from dataflows.embedded.haste import Haste, HastyEvent, hasty_policy, hasty_world
from schemas.instants import SECOND
from schemas.values import from_micros
from sinks.actions.receiver import DemoArrival, DemoReceiver
from sinks.decisions import UnwrittenError
from sinks.embedded.decisions import SocketDecisionWriter

DAY_US: Final = 2 * SECOND
"""How long a day of the world takes."""
SEED: Final = 1
LATE: Final = "DEMO-1001"
"""The order whose parcel comes too late."""
LOOPBACK: Final = "127.0.0.0/8"
SOON_S: Final = 0.02
"""What falls due within it goes together. A write that failed is tried again after it."""


def late_parcel(begin: int) -> list[HastyEvent]:
    """One order from its placing to its delivery, eight seconds after its promise; `begin`: when it is placed (µs)."""
    lines = [{"line_id": "1", "sku": "MUG-BLUE", "quantity": 1}]
    parcel: dict[str, object] = {"tracking_number": "DEMO00001001", "carrier": "dhl"}
    money: dict[str, object] = {"payment_id": "demo-pay-1001", "amount": {"amount": "24.90", "currency": "EUR"}}
    placed: dict[str, object] = {
        "total": money["amount"],
        "customer": {"id": "anna", "consents": ["email"]},
        "promised_by": _iso(begin + 9 * SECOND),
        "ship_to": {"country": "NL", "timezone": "Europe/Amsterdam"},
        "lines": lines,
        "channel": "web",
        "method": "ship",
    }
    story: list[tuple[float, str, str, dict[str, object]]] = [
        (0, "/storefront/demo", "order.placed", placed),
        (0.2, "/payments/demo", "payment.authorized", money),
        (0.4, "/payments/demo", "payment.captured", {**money, "final": True}),
        (0.6, "/warehouse/demo", "inventory.allocated", {"site": "ams1", "lines": lines}),
        (0.8, "/warehouse/demo", "warehouse.released", {"site": "ams1", "shipment_id": "demo-1", "lines": lines}),
        (1.4, "/warehouse/demo", "warehouse.picked", {"site": "ams1", "shipment_id": "demo-1", "lines": lines}),
        (1.6, "/warehouse/demo", "warehouse.packed", {"site": "ams1", "shipment_id": "demo-1", "lines": lines}),
        (2, "/warehouse/demo", "warehouse.shipped", {"site": "ams1", "shipment_id": "demo-1", "lines": lines, **parcel}),
        (3, "/carrier/dhl", "carrier.scan", {**parcel, "status": "accepted"}),
        *((after, "/carrier/dhl", "carrier.scan", {**parcel, "status": "in_transit"}) for after in (5, 7, 9, 11, 13, 15)),
        (17, "/carrier/dhl", "carrier.scan", {**parcel, "status": "delivered"}),
    ]
    return [_event(begin + int(after * SECOND), source, type_, data) for after, source, type_, data in story]


@dataclass
class Demo:
    """A demonstration in a data directory. `show` is told what came to the receiver; `orders`: how many the world has."""

    data: Path
    show: Callable[[DemoArrival], None]
    orders: int
    receiver: DemoReceiver = field(init=False)
    haste: Haste = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.data / "demo"
        self._secret = f"whsec_{b64encode(secrets.token_bytes(24)).decode()}"
        self.receiver = DemoReceiver(secret=self._secret, on_arrival=self.show)
        self.haste = Haste(0, DAY_US)
        self._ended = threading.Event()
        self._listening = threading.Event()
        self.failure: str | None = None
        """Why events cannot be sent at the moment."""

    def settings(self, ports: Mapping[tuple[str, str], int]) -> dict[str, object]:
        """The settings of the installation, with a policy in haste and endpoints at the receiver, which must listen. Raises OSError."""
        self.folder.mkdir(0o750, parents=True, exist_ok=True)
        secret = self.folder / "webhook.secret"
        secret.touch(0o600)
        secret.write_text(self._secret, encoding="utf-8")
        policy = hasty_policy(self.folder / "policy.yaml", self.haste, _unhindered)
        self._contacts()
        receiver = self.receiver
        mail = {"kind": "mail", "host": receiver.host, "port": receiver.smtp_port, "security": "none", "sender": "Demo <shop@example.com>"}
        tasks = {"kind": "webhook", "url": f"http://{receiver.host}:{receiver.http_port}/tasks", "secrets": {"file": str(secret)}}
        document: dict[str, dict[str, object]] = {
            "console": {"cookie": "plain"},  # it is reached on this host without HTTPS, by any browser
            "dispatch": {
                "endpoints": {
                    "mail": {**mail, "allow_networks": [LOOPBACK]},
                    "tasks": {**tasks, "allow_http": True, "allow_networks": [LOOPBACK]},
                },
                "routes": [{"endpoint": "mail", "actions": ["notify_customer"]}, {"endpoint": "tasks"}],
                "contacts": [{"kind": "csv", "file": str(self.folder / "contacts.csv")}],
            },
        }
        for (section, name), port in ports.items():
            document.setdefault(section, {})[name] = port
        return {"policy": str(policy), **document}

    def listen(self) -> None:
        """Begins to receive, on a thread of its own. Raises OSError if it cannot."""
        failure: list[OSError] = []

        async def serve() -> None:
            async with self.receiver.running():
                self._listening.set()
                await asyncio.to_thread(self._ended.wait)

        def work() -> None:
            try:
                asyncio.run(serve())
            except OSError as error:
                failure.append(error)
                self._listening.set()

        threading.Thread(target=work, name="demo receiver", daemon=True).start()
        self._listening.wait()
        if failure:
            raise failure[0]

    def begin(self) -> None:
        """The world begins now: its events are sent as their time comes, on a thread of its own."""
        begin = time.time_ns() // 1_000 + SECOND
        self.haste = Haste(begin, DAY_US)
        events = sorted((*late_parcel(begin), *hasty_world(self.orders, SEED, self.haste)), key=lambda each: each.log)
        threading.Thread(target=self._send, args=(events,), name="demo world", daemon=True).start()

    def close(self) -> None:
        """Ends world and receiver."""
        self._ended.set()

    def _send(self, events: Sequence[HastyEvent]) -> None:
        writer, sent = SocketDecisionWriter(self.data, "load"), 0
        while sent < len(events):
            # Each in its time: what comes late would be missed first, in a world whose hours are a twelfth of a second.
            ahead = (events[sent].log - time.time_ns() // 1_000) / SECOND
            if self._ended.wait(max(ahead, SOON_S)):
                break
            now = time.time_ns() // 1_000
            due = sent
            while due < len(events) and events[due].log <= now:
                due += 1
            if due == sent:
                continue
            try:
                writer.send("events", [each.event for each in events[sent:due]])
            except UnwrittenError as error:
                # Written again with the same IDs: the engine knows what it has had.
                self.failure = str(error)
                continue
            self.failure, sent = None, due
        writer.close()

    def _contacts(self) -> None:
        """Addresses for all customers of the world: no event has them."""
        customers = {"anna"} | set(_customers(hasty_world(self.orders, SEED, self.haste)))
        with (self.folder / "contacts.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("customer_id", "email"))
            rows.writerows((customer, f"{customer.lower()}@example.com") for customer in sorted(customers))


def _customers(world: Iterable[HastyEvent]) -> Iterable[str]:
    for each in world:
        with suppress(KeyError, TypeError):
            yield str(cast("dict[str, dict[str, object]]", each.event["data"])["customer"]["id"])


def _unhindered(policy: dict[str, object]) -> None:
    """A customer in haste is never asleep, and is told about each parcel."""
    cast("dict[str, object]", policy["actions"])["quiet_hours"] = "off"
    messages = cast("dict[str, object]", policy["messages"])
    messages["cap"] = "off"


def _event(at: int, source: str, type_: str, data: dict[str, object]) -> HastyEvent:
    event: dict[str, object] = {"specversion": "1.0", "id": f"{LATE}:{type_}:{at}", "source": source, "type": type_, "subject": LATE}
    return HastyEvent(at, {**event, "time": _iso(at), "data": data})


def _iso(at: int) -> str:
    return from_micros(at).isoformat().replace("+00:00", "Z")


def output_line(topic: str, value: bytes) -> str:
    """An output record in a line for people; empty for one that says nothing new to them."""
    event = cast("dict[str, object]", json.loads(value))
    type_, data = str(event.get("type", "")), cast("dict[str, object]", event.get("data") or {})
    if topic == "exceptions":
        if type_ not in {"exception.raised", "exception.resolved", "exception.retracted"}:
            return ""
        said = f": {data.get('summary')}" if type_ == "exception.raised" else f" ({data.get('resolution') or 'never was'})"
        return f"{type_.partition('.')[2]:9} {data.get('kind')} {data.get('order_id')}{said}"
    state = str(data.get("state", ""))
    if state not in {"requested", "executed", "failed", "in_doubt"}:
        return ""
    return f"{state:9} {data.get('action')} {data.get('order_id')}: {data.get('reason') if state == 'requested' else 'as dispatch says'}"
