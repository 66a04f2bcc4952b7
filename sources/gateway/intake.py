"""From a request to its answer: verified, adapted, settled, written, remembered, in this order.

A 2xx says that the events are durable and that the gateway knows the delivery from now on. Whatever happens before that, the sender comes
again, and what was written meanwhile has the same IDs. Requests that say the same at the same time share one outcome. Histories of one
parcel are settled one after the other; everything else goes on side by side.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from sources.adapters import Payload, translate
from sources.adapters.coverage import Coverage, Sought
from sources.adapters.histories import place, settle
from sources.adapters.output import FAULTS
from sources.adapters.payload import PayloadReader
from sources.adapters.payments import places, united
from sources.adapters.translate import Adapted
from sources.gateway.dead_letters import DeadLetters, captured, url_of
from sources.gateway.group import ClosedError
from sources.gateway.hooks import Hook
from sources.gateway.limits import Bucket
from sources.gateway.listener import GatewayListener
from sources.gateway.memory import DeliveryNote, GatewayMemory
from sources.gateway.probing import LATE_S, Ailing
from sources.gateway.request import Reply, Request
from sources.gateway.writers import EventWriter, UnavailableError, UnfitEventError

RETRY_S: Final = 5
"""What is told as `Retry-After` where nothing better is known."""
PATIENCE_S: Final = 10.0
MOST: Final = 256
TRIED: Final = 100
"""Payloads of which none has a configured field before that is told: it is probably misspelt, or stands elsewhere."""
FORGED_PER_S, FORGED_AT_ONCE = 1.0, 20
"""How many of the forged requests are kept."""


class _Codes(Coverage):
    """Notes no fields: that would cost more than reading the payload."""

    def looked_over(self, payload: PayloadReader) -> None:
        del payload


class Intake:
    """Takes requests for the connections in `hooks`, which may be replaced at any time; at most `most` at a time that are rightly signed.

    `patience` (s) bounds how long one may take in all, also where many of one parcel wait for each other. `clock` gives seconds since the
    epoch.
    """

    def __init__(
        self,
        hooks: Mapping[tuple[str, str], Hook],
        writer: EventWriter,
        memory: GatewayMemory,
        dead_letters: DeadLetters,
        listener: GatewayListener,
        *,
        most: int = MOST,
        patience: float = PATIENCE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.hooks = hooks
        self.under_way = 0
        """Requests, rightly signed, that are being answered."""
        self._most, self._patience = most, patience
        self._writer, self._memory, self._dead_letters, self._listener = writer, memory, dead_letters, listener
        self._clock = clock
        self._taken: dict[bytes, tuple[asyncio.Future[Reply], float]] = {}
        """Deliveries that are being taken, and since when; the oldest is the first."""
        self._state = Ailing()
        self._locks: dict[str, _Lock] = {}
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._configured: dict[tuple[str, str, str, str], Sought] = {}
        self._sample = Bucket(FORGED_PER_S, FORGED_AT_ONCE, time.monotonic)

    async def take(self, hook: Hook, request: Request) -> Reply:
        """Answers a request. Never raises."""
        fault = hook.scheme.verify(request, hook.keys(request.received), self._clock())
        if fault is not None:
            if hook.scheme.is_ping(request):
                return Reply("ping")
            await self._store_sample(hook, request, fault)
            return Reply(fault)
        if self.under_way >= self._most:
            return Reply("busy", RETRY_S)
        self.under_way += 1
        try:
            return await self._take(hook, request)
        finally:
            self.under_way -= 1

    @property
    def ailment(self) -> str | None:
        """Why requests cannot be answered at the moment: the oldest has waited for too long, or the last could not be noted."""
        _, since = next(iter(self._taken.values()), (None, None))
        waited = 0.0 if since is None else time.monotonic() - since
        if waited > LATE_S:
            return f"a request has waited for {waited:.0f} s for its events to become durable"
        return self._state.ailment

    async def _take(self, hook: Hook, request: Request) -> Reply:
        wait = self._bucket(hook).take() if hook.rate is not None else 0.0
        if wait:
            return Reply("too_often", max(1, round(wait + 0.5)))
        delivery = _delivery(hook, request)
        first = self._taken.get(delivery)
        if first is not None:
            reply = await asyncio.shield(first[0])  # whoever gives up waiting must not take the outcome from the others
            return Reply("duplicate") if reply.good else reply
        if self._memory.seen(delivery):
            return Reply("duplicate")
        outcome: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._taken[delivery] = outcome, time.monotonic()
        reply = Reply("unavailable", RETRY_S)
        try:
            async with asyncio.timeout(self._patience):
                reply = await self._process(hook, request, delivery)
        except TimeoutError as error:
            self._listener.failed("not durable in time", error)
        except UnavailableError as error:
            self._listener.failed("events not written", error)
        except ClosedError:
            pass  # the gateway is stopping
        except (OSError, sqlite3.Error) as error:
            self._state.ails("what the gateway remembers or refuses cannot be written")
            self._listener.failed("state not written", error)
        except Exception as error:  # noqa: BLE001 - one request must not stop the gateway
            self._listener.failed("request not processed", error)
            reply = Reply("failed")
        finally:
            # Also where this task is cancelled: whoever waits for the outcome must have one.
            del self._taken[delivery]
            outcome.set_result(reply)
        return reply

    async def _process(self, hook: Hook, request: Request, delivery: bytes) -> Reply:
        codes = _Codes()
        url = url_of(request, hook.system, hook.name, [secret.text for secret in hook.secrets])
        payload = Payload(request.body, request.headers, request.received, url)
        adapted = translate(hook.adapter, payload, hook.connection, codes)
        for table, _, code in codes.unmapped():
            self._listener.unmapped(hook.system, table, code)
        self._note_configured(hook, codes)
        reasons = [one.reason for one in adapted.refused]
        for reason in reasons:
            self._listener.refused(hook.system, hook.name, reason)
            if reason in FAULTS:
                self._listener.failed(f"adapter {hook.system}", RuntimeError(reason))
        async with self._alone(hook, adapted):
            events, histories = settle(adapted.events, adapted.histories, self._memory, hook.connection)
            events, payments = united(events, adapted.steps, self._memory, hook.connection)
            histories |= payments
            if events:
                try:
                    await self._writer.write(events)
                except UnfitEventError as error:
                    self._listener.failed("an event does not fit into its topic", error)
                    events, histories, reasons = [], {}, [*reasons, "too_large"]
            if reasons:
                await self._dead_letters.refused.write([_captured(hook, request, ", ".join(sorted(set(reasons))))])
            # What was refused in part or whole is read again when it is sent again: by then the adapter may know more.
            await self._memory.save(DeliveryNote(None if reasons else delivery, histories))
            self._state.well()
        if events:
            self._listener.wrote(hook.system, hook.name, len(events))
            return Reply("partly" if reasons else "accepted")
        return Reply("refused" if reasons else "ignored")

    def _note_configured(self, hook: Hook, codes: Coverage) -> None:
        """Counts the payloads in which a configured field was missing; one that none of the first hundred has is told once."""
        for (setting, name), sought in codes.configured.items():
            known = self._configured.setdefault((hook.system, hook.name, setting, name), Sought())
            known.count += sought.count
            known.found += sought.found
            if not sought.found:
                self._listener.missing(hook.system, hook.name, setting)
            if known.count == TRIED and not known.found:
                self._listener.never_found(hook.system, hook.name, setting, name)

    async def _store_sample(self, hook: Hook, request: Request, reason: str) -> None:
        if self._sample.take():
            return
        try:
            await self._dead_letters.forged.write([_captured(hook, request, reason)])
        except (OSError, ClosedError) as error:
            self._listener.failed("sample not kept", error)

    def _bucket(self, hook: Hook) -> Bucket:
        key, rate = (hook.system, hook.name), hook.rate or 0.0
        bucket = self._buckets.get(key)
        if bucket is None or (bucket.rate, bucket.burst) != (rate, hook.burst):
            bucket = self._buckets[key] = Bucket(rate, hook.burst, time.monotonic)
        return bucket

    @asynccontextmanager
    async def _alone(self, hook: Hook, adapted: Adapted) -> AsyncGenerator[None]:
        """While inside, nobody else settles a history, or follows the steps, of the same things."""
        keys = sorted({place(history, hook.connection) for history in adapted.histories} | places(adapted.steps, hook.connection))
        async with AsyncExitStack() as stack:
            for key in keys:  # in one order everywhere, so that nobody waits in a circle
                await stack.enter_async_context(self._locked(key))
            yield

    @asynccontextmanager
    async def _locked(self, key: str) -> AsyncGenerator[None]:
        lock = self._locks.setdefault(key, _Lock())
        lock.users += 1
        try:
            async with lock.lock:
                yield
        finally:
            lock.users -= 1
            if not lock.users:
                del self._locks[key]


class _Lock:
    """A lock that goes when nobody uses it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


def _captured(hook: Hook, request: Request, reason: str) -> bytes:
    return captured(request, hook.system, hook.name, reason, [secret.text for secret in hook.secrets], hook.scheme.headers)


def _delivery(hook: Hook, request: Request) -> bytes:
    """By what a delivery is known again: its connection, what the sender calls it where a header says so, and its body.

    The body counts in any case: a sender that gives one ID to two bodies has said two things.
    """
    named = hook.adapter.delivery
    id_ = request.headers.get(named.lower(), "") if named is not None and not named.startswith("$") else ""
    return _digest((hook.system.encode(), hook.name.encode(), id_.encode("latin-1"), request.body))


def _digest(parts: Iterable[bytes]) -> bytes:
    made = blake2b(digest_size=16)
    for part in parts:
        made.update(b"%d:" % len(part))
        made.update(part)
    return made.digest()


def now_utc(clock: Callable[[], float]) -> datetime:
    """A clock's time as an aware instant."""
    return datetime.fromtimestamp(clock(), UTC)
