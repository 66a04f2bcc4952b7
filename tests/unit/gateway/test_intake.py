"""From a request to its answer: what is written, what is remembered, what is kept, and in which order."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schemas.wire import decode
from sources.adapters.captured import payload_of
from sources.adapters.output import REASONS
from sources.adapters.translate import Adapted
from sources.gateway.hooks import Secret
from sources.gateway.intake import TRIED
from sources.gateway.request import STATUS, Reply, Request
from sources.gateway.writers import UnavailableError, UnfitEventError
from sources.mapping.check import examine_text
from tests.support.webhooks import SECRETS, SIGN, tracker
from tests.unit.gateway.parts import AT, NOW, hook, parts

if TYPE_CHECKING:
    from pathlib import Path

    from sources.gateway.hooks import Hook
    from tests.unit.gateway.parts import Parts

EASYPOST = hook()
UNREADABLE = b'{"object": "Something", "name": "Jane Customer"}'
HALF = tracker("TRK1", 2).replace(b'"2026-05-01T01:00:00Z"', b'"yesterday"')
"""One scan of two has a time that is none."""


def ids(lines: list[bytes]) -> list[str]:
    """The IDs of events."""
    return [decode(line).id for line in lines]


def test_events_are_durable_before_the_answer(tmp_path: Path) -> None:
    """A scan each; sent again, they are a duplicate and nothing is written."""
    with parts(tmp_path, EASYPOST) as gateway:
        body = tracker("TRK1", 3)
        assert asyncio.run(gateway.take(EASYPOST, body)) == Reply("accepted")
        assert len(gateway.events()) == 3
        assert asyncio.run(gateway.take(EASYPOST, body)) == Reply("duplicate")
        assert len(gateway.events()) == 3
        assert gateway.stats.events == {("easypost", "acme"): 3}
    with parts(tmp_path, EASYPOST) as again:
        assert asyncio.run(again.take(EASYPOST, body)) == Reply("duplicate")


def test_what_is_received_when_stands_in_the_events(tmp_path: Path) -> None:
    """As their recorded time, where the source says none."""
    body = tracker("TRK1", 1).replace(b'"updated_at"', b'"no_longer_at"')
    with parts(tmp_path, EASYPOST) as gateway:
        asyncio.run(gateway.take(EASYPOST, body))
        assert {decode(line).recordedtime for line in gateway.events()} == {AT}


def test_a_vanished_scan_is_withdrawn_whatever_the_restart(tmp_path: Path) -> None:
    """The history before it is in the memory."""
    whole = json.loads(tracker("TRK1", 3))
    del whole["result"]["tracking_details"][1]
    whole["result"]["updated_at"] = "2026-06-05T00:00:00Z"
    with parts(tmp_path, EASYPOST) as gateway:
        asyncio.run(gateway.take(EASYPOST, tracker("TRK1", 3)))
        before = ids(gateway.events())
    with parts(tmp_path, EASYPOST) as again:
        asyncio.run(again.take(EASYPOST, json.dumps(whole).encode()))
        new = [json.loads(line) for line in again.events()[3:]]
    assert [event["data"]["event_id"] for event in new if event["type"] == "evidence.withdrawn"] == [before[1]]


def test_a_crash_between_write_and_memory_gives_the_same_events_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender is not answered, comes again, and the engine drops what it has: the IDs are the same."""

    async def lost(note: object) -> None:
        del note
        raise sqlite3.OperationalError("disk I/O error")

    body = tracker("TRK1", 3)
    with parts(tmp_path, EASYPOST) as gateway:
        monkeypatch.setattr(gateway.memory, "save", lost)
        assert asyncio.run(gateway.take(EASYPOST, body)).outcome == "unavailable"
        assert gateway.stats.failures == ["state not written: OperationalError"]
    with parts(tmp_path, EASYPOST) as again:
        assert asyncio.run(again.take(EASYPOST, body)) == Reply("accepted")
        found = ids(again.events())
    assert found[:3] == found[3:]


def test_nothing_is_remembered_of_what_could_not_be_written(tmp_path: Path) -> None:
    """503 with a time to come again; the next try is no duplicate."""
    with parts(tmp_path, EASYPOST) as gateway:
        gateway.writer.error = UnavailableError("the broker is away")
        reply = asyncio.run(gateway.take(EASYPOST, tracker("TRK1", 1)))
        assert (reply.outcome, STATUS[reply.outcome], reply.good) == ("unavailable", 503, False)
        assert reply.retry_after
        gateway.writer.error = None
        assert asyncio.run(gateway.take(EASYPOST, tracker("TRK1", 1))) == Reply("accepted")


def test_requests_that_say_the_same_at_the_same_time_share_an_outcome(tmp_path: Path) -> None:
    """Good or bad: only one of them is written."""

    async def run(error: Exception | None, event: str) -> list[str]:
        gateway.writer.gate, gateway.writer.error = asyncio.Event(), error
        takes = [asyncio.create_task(gateway.take(EASYPOST, tracker("TRK1", 1, event=event))) for _ in range(3)]
        await asyncio.sleep(0.05)
        gateway.writer.gate.set()
        return sorted(reply.outcome for reply in await asyncio.gather(*takes))

    with parts(tmp_path, EASYPOST) as gateway:
        assert asyncio.run(run(None, "evt_1")) == ["accepted", "duplicate", "duplicate"]
        assert asyncio.run(run(UnavailableError("away"), "evt_2")) == ["unavailable"] * 3
        assert len(gateway.writer.given) == 2


def test_whoever_gives_up_waiting_takes_nothing_from_the_others(tmp_path: Path) -> None:
    """A request that is cancelled while it waits for the outcome of another one."""

    async def run() -> list[str]:
        gateway.writer.gate = asyncio.Event()
        takes = [asyncio.create_task(gateway.take(EASYPOST, tracker("TRK1", 1))) for _ in range(3)]
        await asyncio.sleep(0.05)
        takes[1].cancel()
        await asyncio.sleep(0)
        gateway.writer.gate.set()
        return [(await take).outcome for take in (takes[0], takes[2])]

    with parts(tmp_path, EASYPOST) as gateway:
        assert asyncio.run(run()) == ["accepted", "duplicate"]


def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    """Neither for a disk that hangs nor behind others of the same parcel; afterwards all goes on."""

    async def run() -> None:
        gateway.writer.gate = asyncio.Event()
        takes = [asyncio.create_task(gateway.take(EASYPOST, tracker("TRK1", scans))) for scans in range(1, 5)]
        assert {(await take).outcome for take in takes} == {"unavailable"}
        gateway.writer.gate.set()
        assert (await gateway.take(EASYPOST, tracker("TRK1", 1))).outcome == "accepted"

    with parts(tmp_path, EASYPOST, patience=0.2) as gateway:
        asyncio.run(run())


def test_histories_of_a_parcel_wait_for_each_other_and_others_do_not(tmp_path: Path) -> None:
    """Otherwise two would be settled with the same past."""

    async def run() -> None:
        gateway.writer.gate = asyncio.Event()
        takes = [asyncio.create_task(gateway.take(EASYPOST, tracker(*one))) for one in (("TRK1", 1), ("TRK1", 2), ("TRK2", 1))]
        await asyncio.sleep(0.05)
        assert [given[0]["data"]["tracking_number"] for given in gateway.writer.given] == ["TRK1", "TRK2"]
        gateway.writer.gate.set()
        assert {reply.outcome for reply in await asyncio.gather(*takes)} == {"accepted"}
        assert len(gateway.writer.given) == 3

    with parts(tmp_path, EASYPOST) as gateway:
        asyncio.run(run())


@pytest.mark.parametrize("body", [UNREADABLE, b"no JSON at all", b"\xff\xfe", b""])
def test_what_is_genuine_but_not_readable_is_kept_and_answered_202(tmp_path: Path, body: bytes) -> None:
    """The sender must not try for ever; sent again it is looked at again, for by then the adapter may know it."""
    with parts(tmp_path, EASYPOST) as gateway:
        for _ in range(2):
            reply = asyncio.run(gateway.take(EASYPOST, body, {"x-topic": "t", "x-api-key": "hush"}))
            assert (reply.outcome, STATUS[reply.outcome]) == ("refused", 202)
        assert gateway.events() == []
        assert len(gateway.refused()) == 2
        dead_letters = payload_of(gateway.refused()[0])
        assert (dead_letters.body, dead_letters.received, dead_letters.headers) == (body, AT, {"x-topic": "t"})
        line = json.loads(gateway.refused()[0])
        assert (line["system"], line["connection"]) == ("easypost", "acme")
        assert line["reason"] in REASONS


def test_what_is_readable_in_part_is_written_in_part_and_kept_whole(tmp_path: Path) -> None:
    """And not remembered: it may be sent again."""
    with parts(tmp_path, EASYPOST) as gateway:
        assert asyncio.run(gateway.take(EASYPOST, HALF)).outcome == "partly"
        assert (len(gateway.events()), len(gateway.refused())) == (1, 1)
        assert gateway.stats.refusals == {("easypost", "acme", "bad_time"): 1}
        assert asyncio.run(gateway.take(EASYPOST, HALF)).outcome == "partly"


def test_an_event_that_its_topic_never_takes_is_kept(tmp_path: Path) -> None:
    """To try again would not help."""
    with parts(tmp_path, EASYPOST) as gateway:
        gateway.writer.error = UnfitEventError("too large for the topic")
        assert asyncio.run(gateway.take(EASYPOST, tracker("TRK1", 1))).outcome == "refused"
        assert json.loads(gateway.refused()[0])["reason"] == "too_large"


def test_what_says_nothing_of_an_order_is_ignored(tmp_path: Path) -> None:
    """Understood, answered with 2xx, and known when it comes again."""
    with parts(tmp_path, EASYPOST) as gateway:
        body = b'{"object": "Event", "id": "evt_1", "description": "batch.created", "mode": "production"}'
        assert [asyncio.run(gateway.take(EASYPOST, body)).outcome for _ in range(2)] == ["ignored", "duplicate"]


def test_forged_and_stale_requests_are_refused_and_kept_as_a_sample(tmp_path: Path) -> None:
    """A bounded one, without what they tried."""
    timed = hook(scheme="stripe")
    with parts(tmp_path, timed) as gateway:

        async def run() -> list[str]:
            sent = SIGN["stripe"]("a wrong secret", tracker("TRK1", 1), NOW)
            old = SIGN["stripe"](SECRETS["stripe"], tracker("TRK1", 1), NOW - 4_000)
            outcomes: list[str] = []
            for one in [sent, old] * 20:
                headers = {name.lower(): value for name, value in one.headers.items()}
                outcomes.append((await gateway.intake.take(timed, Request(headers, b"key=hush", one.body, AT))).outcome)
            return outcomes

        assert asyncio.run(run()) == ["forged", "stale"] * 20
        assert gateway.events() == gateway.refused() == []
        sample = (tmp_path / "refused" / "forged.jsonl").read_text(encoding="utf-8")
        assert 0 < len(sample.splitlines()) <= 21
        assert "v1=" not in sample
        assert "hush" not in sample


def test_a_secret_holds_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    """While both hold, either is right; whoever has no valid one gets nothing in."""
    hour = timedelta(hours=1)
    old, new = Secret("old", b"old", until=AT), Secret("new", b"new", since=AT - hour)
    rotating = hook(scheme="shopify", secrets=(old, new))
    with parts(tmp_path, rotating) as gateway:

        async def take(secret: str, at: timedelta) -> str:
            sent = SIGN["shopify"](secret, tracker("TRK1", 1, event=f"{secret} {at}"), NOW)
            headers = {name.lower(): value for name, value in sent.headers.items()}
            return (await gateway.intake.take(rotating, Request(headers, b"", sent.body, AT + at))).outcome

        hours = (-2 * hour, -hour, -hour / 2, timedelta(0), hour)
        assert [asyncio.run(take("old", at)) for at in hours] == ["accepted"] * 3 + ["forged"] * 2
        assert [asyncio.run(take("new", at)) for at in hours] == ["forged"] + ["accepted"] * 4


def test_more_than_the_rate_is_told_when_to_come_again(tmp_path: Path) -> None:
    """Forged requests use nothing of it up."""
    slow = hook(scheme="secret", rate=0.5, burst=3)
    with parts(tmp_path, slow) as gateway:

        async def run() -> list[Reply]:
            for _ in range(10):
                await gateway.intake.take(slow, Request({}, b"", tracker("TRK1", 1), AT))
            return [await gateway.take(slow, tracker("TRK1", 1, event=str(number))) for number in range(4)]

        *taken, last = asyncio.run(run())
        assert {reply.outcome for reply in taken} == {"accepted"}
        assert (last.outcome, STATUS[last.outcome], last.retry_after) == ("too_often", 429, 2)


def test_one_id_for_two_bodies_is_no_duplicate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one body under two IDs, as a storefront sends it for two topics; the same twice is."""
    monkeypatch.setattr("sources.gateway.intake.translate", _echo)
    named = replace(EASYPOST, adapter=replace(EASYPOST.adapter, delivery="X-Webhook-Id"))
    with parts(tmp_path, named) as gateway:

        async def take(body: bytes, id_: str) -> str:
            return (await gateway.take(named, body, {"x-webhook-id": id_})).outcome

        pairs = [(b"1", "a"), (b"2", "a"), (b"1", "b"), (b"1", "a"), (b"2", "a")]
        assert [asyncio.run(take(*pair)) for pair in pairs] == ["ignored", "ignored", "ignored", "duplicate", "duplicate"]


def _echo(*_: Any) -> Any:
    return Adapted((), (), (), ())


def test_a_fault_of_ours_answers_500_and_is_told_without_the_payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request must not stop the gateway, and those that wait for its outcome get one."""

    def broken(*_: Any) -> Any:
        raise KeyError("Jane Customer")

    with parts(tmp_path, EASYPOST) as gateway:
        monkeypatch.setattr("sources.gateway.intake.settle", broken)
        assert asyncio.run(gateway.take(EASYPOST, tracker("TRK1", 1))).outcome == "failed"
        assert gateway.stats.failures == ["request not processed: KeyError"]


def test_unmapped_codes_are_told(tmp_path: Path) -> None:
    """By table; the event is written all the same."""
    with parts(tmp_path, EASYPOST) as gateway:
        body = tracker("TRK1", 2).replace(b'"arrived_at_facility"', b'"beamed_up"')
        assert asyncio.run(gateway.take(EASYPOST, body)).outcome == "accepted"
        assert gateway.stats.codes == {("easypost", "status_detail", "beamed_up"): 1}


def _failed_charge(number: int, **metadata: str) -> bytes:
    """A webhook of Stripe's about a card that was declined."""
    charge: dict[str, Any] = {
        "id": f"ch_{number}",
        "object": "charge",
        "status": "failed",
        "amount": 500,
        "currency": "eur",
        "created": NOW,
    }
    charge["metadata"] = metadata
    return json.dumps({"object": "event", "type": "charge.failed", "created": NOW, "livemode": True, "data": {"object": charge}}).encode()


def test_a_configured_field_that_none_of_the_first_hundred_has_is_told_once(tmp_path: Path) -> None:
    """Misspelt, it would leave every payment to its own ID; one that is missing now and then is only counted."""
    misspelt, right = (hook("stripe", order_field=f"metadata.{name}") for name in ("oder", "order"))
    for one, warnings, missing in ((misspelt, ["stripe/acme: order_field metadata.oder"], TRIED + 2), (right, [], TRIED + 1)):
        folder = tmp_path / str(missing)
        folder.mkdir()
        with parts(folder, one) as gateway:

            async def send(to: Hook = one, gateway: Parts = gateway) -> None:
                for number in range(TRIED + 2):
                    reply = await gateway.take(to, _failed_charge(number, **({} if number else {"order": "7"})))
                    assert reply.good

            asyncio.run(send())
            assert gateway.stats.warnings == warnings
            assert gateway.stats.absences == {("stripe", "acme", "order_field"): missing}


def test_steps_of_a_payment_are_one_payment_whatever_the_restart(tmp_path: Path) -> None:
    """A refund names its capture, the capture its authorization: what they were called is remembered."""
    shop = hook("shopify")
    steps = [("authorization", None), ("capture", 900), ("refund", 901)]
    told: list[dict[str, Any]] = []
    for number, (kind, parent) in enumerate(steps, 900):
        body = {"id": number, "order_id": 1, "kind": kind, "status": "success", "parent_id": parent, "amount": "5.00", "currency": "EUR"}
        body["processed_at"] = AT.isoformat()
        with parts(tmp_path, shop) as gateway:
            assert asyncio.run(gateway.take(shop, json.dumps(body).encode(), {"x-shopify-topic": "order_transactions/create"})).good
            told = [json.loads(line) for line in gateway.events()]
    assert [event["type"] for event in told] == ["payment.authorized", "payment.captured", "payment.refunded"]
    assert {event["data"]["payment_id"] for event in told} == {"900"}


def test_mappings_know_the_url_and_no_secret_of_it(tmp_path: Path) -> None:
    """Nor is one kept with what is refused."""
    text = "name: wms\nformat: json\nevents: [{type: warehouse.packed, order: no, time: received(), data: {site: url()}}]"
    found, faults = examine_text(text)
    assert found is not None, faults
    own = replace(hook("easypost", scheme="secret"), system="wms", adapter=found.adapter)
    with parts(tmp_path, own) as gateway:
        query = f"key={SECRETS['secret']}&site=ber1&token=x".encode()
        for body in (b'{"no": "1"}', b'{"no": ["1"]}'):
            request = Request({}, query, body, AT)
            assert asyncio.run(gateway.intake.take(own, request)).good
        (event,) = [json.loads(line) for line in gateway.events()]
        assert event["data"]["site"] == "/hooks/wms/acme?site=ber1"
        (dead_letters,) = gateway.refused()
        assert SECRETS["secret"] not in dead_letters.decode()
        assert payload_of(dead_letters).url == "/hooks/wms/acme?site=ber1"
