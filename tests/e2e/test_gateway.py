"""`orderwatch gateway` over real sockets: what senders send becomes what the engine reads, and nothing of a customer gets out."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from schemas.wire import decode
from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.captured import payload_of
from tests.support.adapters import payloads
from tests.support.brokers import topic
from tests.support.gateway import Gateway
from tests.support.kafka.process import ProcessBroker
from tests.support.live import Given, committed, produce
from tests.support.replays import command
from tests.support.webhooks import SECRETS, SIGN, Sender, tracker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.brokers import Broker

pytestmark = pytest.mark.slow

PATH = "/hooks/easypost/acme"
SHARED = {"easypost/acme": {"scheme": "secret"}}


def headers(scheme: str, body: bytes, secret: str | None = None) -> dict[str, str]:
    """What a sender of now adds to a body."""
    return SIGN[scheme](secret or SECRETS[scheme], body, int(time.time())).headers


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with the embedded log and one connection, which shares a secret."""
    gateway = Gateway(tmp_path / "gateway", SHARED, gateway={"output": "log"})
    gateway.start()
    yield gateway
    gateway.destroy()


def post(gateway: Gateway, *bodies: bytes, path: str = PATH, scheme: str = "secret", secret: str | None = None) -> list[int]:
    """Sends bodies one after the other on one connection; returns how each was answered."""

    async def run() -> list[int]:
        sender = Sender(gateway.port)
        found = [(await sender.post(path, body, headers(scheme, body, secret))).status for body in bodies]
        await sender.close()
        return found

    return asyncio.run(run())


def awaited(gateway: Gateway, text: str) -> None:
    """Waits until the log says something."""
    give_up = time.monotonic() + 30
    while text not in gateway.said():
        assert time.monotonic() < give_up, gateway.said()
        time.sleep(0.05)


def test_what_was_received_is_what_a_replay_reads(running: Gateway, tmp_path: Path) -> None:
    """From webhooks to output records by the embedded log; refused requests are payloads again; SIGTERM ends it with 0."""
    assert post(running, tracker("TRK1", 3), tracker("TRK2", 2), tracker("TRK1", 3), b'{"object": "Odd"}') == [200, 200, 200, 202]
    assert running.get("/readyz") == "ok\n"
    assert '=""' not in running.get("/metrics")  # no label is empty
    assert running.stop() == 0
    events = running.events()
    assert Counter(decode(line).type for line in events) == {"carrier.scan": 5}
    log = running.state / "gateway" / "events.jsonl"
    done = command("replay", log, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "rejects.jsonl").read_bytes() == b""
    [kept] = running.kept()
    assert payload_of(kept).body == b'{"object": "Odd"}'
    assert json.loads(running.said().splitlines()[-1])["event"] == "stopped"


def test_events_are_in_kafka_before_the_answer_under_their_keys(real_broker: Broker, tmp_path: Path) -> None:
    """All of a parcel in one partition; a topic that is missing is misuse."""
    name = topic(real_broker, "hooks", partitions=3)
    kafka = {"brokers": [real_broker.bootstrap]}
    gateway = Gateway(tmp_path / "gateway", SHARED, kafka=kafka, gateway={"topic": name})
    gateway.start()
    try:
        assert post(gateway, *(tracker(f"TRK{n}", 3) for n in range(10))) == [200] * 10
        found = committed(real_broker.bootstrap, name)
        assert gateway.stop() == 0
    finally:
        gateway.destroy()
    assert Counter(record.key for record in found) == {f"TRK{n}".encode(): 3 for n in range(10)}
    assert all(decode(record.value).source == "/carrier/easypost/acme" for record in found)
    assert len({record.partition for record in found}) > 1
    missing = Gateway(tmp_path / "missing", SHARED, kafka=kafka, gateway={"topic": "nowhere"})
    missing.start(wait=False)
    assert missing.ended() == 2
    assert "orderwatch: topic nowhere does not exist: make it with `orderwatch topics create`, or set kafka.create_topics" in missing.said()


def test_with_kafka_too_what_is_erased_is_erased_from_what_the_gateway_keeps(real_broker: Broker, tmp_path: Path) -> None:
    """It follows the engine's word: a refused request about a parcel of the erased order goes, one about another's stays."""
    names = {name: topic(real_broker, name) for name in ("hooks", "exceptions")}
    gateway = Gateway(
        tmp_path / "gateway",
        SHARED,
        kafka={"brokers": [real_broker.bootstrap]},
        gateway={"topic": names["hooks"]},
        outputs={"exceptions": names["exceptions"]},
    )
    gateway.start()
    try:
        odd = [b'{"object": "Odd", "about": "TRK-OF-ANNA"}', b'{"object": "Odd", "about": "TRK-OF-BERT"}']
        assert post(gateway, *odd) == [202, 202]
        shipped = {"type": "warehouse.shipped", "subject": "SO-1", "data": {"tracking_number": "TRK-OF-ANNA"}}
        produce(real_broker.bootstrap, names["hooks"], [Given(0, b"SO-1", json.dumps(shipped).encode())])
        said = {"type": "exception.forgotten", "subject": "SO-1", "data": {"order_id": "SO-1", "customer_digest": None}}
        produce(real_broker.bootstrap, names["exceptions"], [Given(0, b"SO-1", json.dumps(said).encode())])
        awaited(gateway, "erased from what the gateway keeps")
        assert [payload_of(kept).body for kept in gateway.kept()] == [odd[1]]
        assert gateway.stop() == 0
    finally:
        gateway.destroy()


def test_readiness_follows_the_broker_though_nobody_writes(own_broker: Broker, tmp_path: Path) -> None:
    """Frozen, killed, and back again, each within moments; a balancer asks the port of the webhooks, too."""
    name = topic(own_broker, "hooks")
    gateway = Gateway(tmp_path / "gateway", SHARED, kafka={"brokers": [own_broker.bootstrap]}, gateway={"topic": name})
    gateway.start()

    def becomes(*, ready: bool) -> str:
        give_up = time.monotonic() + (60 if ready else 20)
        while ((found := gateway.get("/readyz")) == "ok\n") != ready:
            assert time.monotonic() < give_up, found
            time.sleep(0.05)
        return found

    async def asked() -> int:
        sender = Sender(gateway.port)
        status = (await sender.post("/readyz", b"", method="GET")).status
        await sender.close()
        return status

    try:
        becomes(ready=True)
        if isinstance(own_broker, ProcessBroker):
            os.kill(own_broker.pid, signal.SIGSTOP)
            try:
                assert "the brokers do not answer" in becomes(ready=False)
                assert asyncio.run(asked()) == 503
            finally:
                os.kill(own_broker.pid, signal.SIGCONT)
            becomes(ready=True)
        own_broker.kill()
        becomes(ready=False)
        own_broker.restart()
        becomes(ready=True)
        assert asyncio.run(asked()) == 200
        assert post(gateway, tracker("TRK1", 1)) == [200]
        assert gateway.stop() == 0
    finally:
        gateway.destroy()


def test_an_event_that_the_topic_never_takes_spoils_no_other(real_broker: Broker, tmp_path: Path) -> None:
    """It is kept, and the sender need not come again; what came at the same time is written."""
    name = topic(real_broker, "hooks", config={"max.message.bytes": "2000"})
    gateway = Gateway(tmp_path / "gateway", SHARED, kafka={"brokers": [real_broker.bootstrap]}, gateway={"topic": name})
    gateway.start()
    large = tracker("LARGE", 1).replace(b"Arrived at USPS", b"".join(b"%x" % number for number in range(1_500)))

    async def run() -> list[int]:
        senders = [Sender(gateway.port) for _ in range(12)]
        bodies = [large if number == 5 else tracker(f"TRK{number}", 2) for number in range(12)]
        together = (sender.post(PATH, body, headers("secret", body)) for sender, body in zip(senders, bodies, strict=True))
        found = [reply.status for reply in await asyncio.gather(*together)]
        for sender in senders:
            await sender.close()
        return found

    try:
        found = asyncio.run(run())
        assert gateway.stop() == 0
    finally:
        gateway.destroy()
    assert (found.count(200), found[5]) == (11, 202)
    assert {record.key for record in committed(real_broker.bootstrap, name)} == {
        f"TRK{number}".encode() for number in range(12) if number != 5
    }
    assert [json.loads(line)["reason"] for line in gateway.kept()] == ["too_large"]


def test_while_the_broker_is_away_senders_are_told_to_come_again(own_broker: Broker, tmp_path: Path) -> None:
    """Within a bounded time; not ready meanwhile; nothing is forgotten, nothing is remembered too early."""
    name = topic(own_broker, "hooks")
    kafka = {"brokers": [own_broker.bootstrap]}
    gateway = Gateway(tmp_path / "gateway", SHARED, kafka=kafka, gateway={"topic": name, "write_timeout_seconds": 1})
    gateway.start()
    try:
        assert post(gateway, tracker("TRK1", 1)) == [200]
        own_broker.kill()
        assert post(gateway, tracker("TRK2", 1), tracker("TRK2", 1)) == [503, 503]
        assert gateway.get("/readyz") != "ok\n"
        own_broker.restart()
        give_up = time.monotonic() + 60
        while post(gateway, tracker("TRK2", 1)) != [200]:
            assert time.monotonic() < give_up
        while gateway.get("/readyz") != "ok\n":
            assert time.monotonic() < give_up
        found = {decode(record.value).id for record in committed(own_broker.bootstrap, name)}
        assert len(found) == 2
        assert gateway.stop() == 0
    finally:
        gateway.destroy()


def test_a_secret_is_changed_without_a_pause(tmp_path: Path) -> None:
    """Senders go on all the while; a secret's file is replaced, then the settings file; a mistake changes nothing."""
    secret = tmp_path / "secret"
    secret.write_text("old\n", encoding="utf-8")
    gateway = Gateway(tmp_path / "gateway", {"easypost/acme": {"scheme": "shopify"}}, gateway={"output": "log"})
    connections: dict[str, Any] = gateway.settings["gateway"]["connections"]
    connections["easypost/acme"]["secrets"] = [{"file": str(secret)}]
    gateway.start()
    try:
        assert post(gateway, tracker("A", 1), scheme="shopify", secret="old") == [200]
        assert post(gateway, tracker("A", 1), scheme="shopify", secret="new") == [401]
        (tmp_path / "next").write_text("new\n", encoding="utf-8")
        (tmp_path / "next").replace(secret)
        awaited(gateway, "connections read again")
        assert post(gateway, tracker("B", 1), scheme="shopify", secret="new") == [200]
        assert post(gateway, tracker("B", 2), scheme="shopify", secret="old") == [401]
        connections["easypost/acme"]["scheme"] = "nonsense"
        gateway.write_settings()
        awaited(gateway, "the old ones stay")
        assert post(gateway, tracker("C", 1), scheme="shopify", secret="new") == [200]
        connections["easypost/acme"]["scheme"] = "shopify"
        connections["easypost/second"] = {"scheme": "shopify", "secrets": [{"file": str(secret)}]}
        gateway.write_settings()
        os.kill(gateway.pid, signal.SIGHUP)
        awaited(gateway, '"easypost/second"')
        assert post(gateway, tracker("D", 1), path="/hooks/easypost/second", scheme="shopify", secret="new") == [200]
        assert gateway.stop() == 0
        assert "old" not in re.sub("the old ones stay", "", gateway.said())
    finally:
        gateway.destroy()


def test_one_directory_is_for_one_gateway(running: Gateway, tmp_path: Path) -> None:
    """A second one does not start over it."""
    second = Gateway(tmp_path / "second", SHARED, gateway={"output": "log", "dir": str(running.state / "gateway")})
    second.start(wait=False)
    assert second.ended() == 2
    assert "another gateway uses it; each needs a gateway.dir of its own" in second.said()


def test_https_is_served_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    """As uvicorn does; a client that checks the certificate is content."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2", *names]
    if subprocess.run(made, capture_output=True, check=False).returncode:
        pytest.skip("no openssl to make a certificate with")
    files = {"cert_file": str(cert), "key_file": str(key)}
    gateway = Gateway(tmp_path / "gateway", SHARED, gateway={"output": "log", **files})
    gateway.start()
    try:
        body = tracker("TRK1", 1)
        url = f"https://127.0.0.1:{gateway.port}{PATH}"
        with httpx.Client(verify=ssl.create_default_context(cafile=str(cert))) as client:
            assert client.post(url, content=body, headers=headers("secret", body)).status_code == 200
        assert gateway.stop() == 0
    finally:
        gateway.destroy()


def test_neither_logs_nor_metrics_show_a_customer_an_order_or_a_secret(tmp_path: Path) -> None:
    """Every payload of every system goes through; what is kept of them holds no secret either."""
    connections = {f"{system}/acme": {"scheme": "secret"} for system in ADAPTERS}
    gateway = Gateway(tmp_path / "gateway", connections, gateway={"output": "log"}, log={"level": "debug"})
    gateway.start()
    texts: set[str] = set()
    outcomes: Counter[int] = Counter()

    async def run() -> None:
        sender = Sender(gateway.port)
        for system in ADAPTERS:
            path = f"/hooks/{system}/acme?key=a%20shared%20secret"
            for _, file in payloads(system):
                payload = payload_of(file.read_bytes())
                texts.update(_texts(payload))
                carried = {name: value for name, value in payload.headers.items() if name.startswith("x-") and value.isascii()}
                for given in ({"authorization": f"Bearer {SECRETS['secret']}"}, {"X-Orderwatch-Secret": "a wrong one"}):
                    target = path if "authorization" in given else path.replace("shared", "wrong")
                    outcomes[(await sender.post(target, payload.body, carried | given)).status] += 1
        await sender.close()

    try:
        asyncio.run(run())
        metrics = gateway.get("/metrics")
        assert gateway.stop() == 0
    finally:
        gateway.destroy()
    assert outcomes[200] + outcomes[202] == outcomes[401] > 0
    assert "orderwatch_gateway_requests_total" in metrics
    told = gateway.said() + metrics
    # Whole: the digits of a duration may contain a number by chance.
    leaked = [text for text in texts if re.search(rf"(?<![\w.]){re.escape(text)}(?!\w)", told)]
    assert leaked == []
    kept = b"\n".join([*gateway.kept(), *gateway.kept("forged"), *gateway.events()]).decode()
    for text in (told, kept):
        assert not [secret for secret in (*SECRETS.values(), "a%20shared", "a%20wrong", "a wrong one") if secret in text]


def _texts(payload: Payload) -> set[str]:
    """What of a payload is of a customer or an order: names, addresses, contacts, identifiers; not what a code could be."""
    fields = rb"first_name|last_name|name|email|phone|address1|street1|tracking_number|tracking_code|signed_by"
    words = re.findall(rb'"(?:' + fields + rb')"\s*:\s*"([^"]{6,})"', payload.body)
    numbers = re.findall(rb'"(?:id|order_number|pspReference|payment_intent)"\s*:\s*"?([\w-]{8,})', payload.body)
    return {word.decode() for word in [*words, *numbers]}


def test_a_connection_means_the_same_here_as_in_a_file(running: Gateway) -> None:
    """The gateway writes what the adapter makes of the payload, under the connection's name."""
    body = tracker("TRK1", 2)
    assert post(running, body) == [200]
    adapted = translate(ADAPTERS["easypost"], Payload(body), AdapterConnection(name="acme"))
    assert [json.loads(line) for line in running.events()] == list(adapted.events)
