"""However the histories of a source arrive, late, twice, in any order, with memory lost in between: what they end in.

The first part is about `settle` alone, over made-up histories of one thing; the second sends real payloads and the project's own through
every adapter that tells histories.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.adapters import ADAPTERS, translate
from sources.adapters.base import AdapterConnection
from sources.adapters.captured import payload_of
from sources.adapters.histories import Remembered, settle
from sources.adapters.output import History
from tests.support.adapters import CONNECTION as SAMPLED
from tests.support.adapters import payloads
from tests.support.prefixes import CUTTERS, prefixes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sources.adapters.base import Payload
    from sources.adapters.output import Draft

START = datetime(2026, 5, 4, 8, tzinfo=UTC)
SOURCE = "/carrier/tracker"
CONNECTION = AdapterConnection()


class Kept:
    """A memory in a dictionary, as a gateway would keep it."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)

    def put(self, key: str, value: Remembered) -> None:
        """Remembers it."""
        self.known[key] = value


class Log:
    """Events as they were written: the first of an identity counts, and what is withdrawn does not."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, str], Draft] = {}

    def write(self, drafts: Iterable[Draft]) -> None:
        """Appends."""
        for draft in drafts:
            self.events.setdefault((draft["source"], draft["id"]), draft)

    def standing(self) -> dict[str, Draft]:
        """What counts, by source and the ID that it has before it was ever withdrawn. A cancellation counts until the reinstatement."""
        gone = {(e["data"]["event_source"], e["data"]["event_id"]) for e in self.events.values() if e["type"] == "evidence.withdrawn"}
        gone |= {(e["source"], e["id"].removeprefix("reinstated-")) for e in self.events.values() if e["type"] == "order.reinstated"}
        found: dict[str, Draft] = {}
        for (source, id_), event in self.events.items():
            if event["type"] not in ("evidence.withdrawn", "order.reinstated") and (source, id_) not in gone:
                plain = f"{source} {id_.partition('~')[0]}"
                assert plain not in found, "one event stands twice"
                found[plain] = event
        return found


class Version(NamedTuple):
    """What a source says of a thing at `said` minutes: its scans by name, with their minutes."""

    said: int
    scans: dict[str, int]


def at(minutes: int) -> datetime:
    """An instant."""
    return START + timedelta(minutes=minutes)


def deliver(version: Version, memory: Kept, log: Log, *, saved: bool = True, thing: str = "ups/1Z") -> None:
    """One history comes in, as adapter and gateway handle it."""
    drafts: list[Draft] = [
        {"id": f"{thing}-{name}", "source": SOURCE, "type": "carrier.scan", "time": at(minute).isoformat(), "data": {}}
        for name, minute in version.scans.items()
    ]
    events = {f"{thing}-{name}": at(minute) for name, minute in version.scans.items()}
    found, keep = settle(drafts, [History(thing, SOURCE, at(version.said), events, "1Z")], memory, CONNECTION)
    log.write(found)
    if saved:
        for key, value in keep.items():
            memory.put(key, value)


def right(versions: Iterable[Version]) -> set[str]:
    """What did occur: of the versions whose first scan is not after a scan, the one said last decides on it (several: each of them)."""
    told = [version for version in versions if version.scans]
    found: set[str] = set()
    for name, minute in {item for version in told for item in version.scans.items()}:
        speaking = [version for version in told if min(version.scans.values()) <= minute]
        last = max(version.said for version in speaking)
        if any(version.said == last and name in version.scans for version in speaking):
            found.add(name)
    return found


def standing(log: Log) -> set[str]:
    """The names of the scans that count."""
    return {key.rpartition("-")[2] for key in log.standing()}


@st.composite
def stories(draw: st.DrawFn, *, back: bool = True, apart: bool = True) -> list[Version]:
    """What a source says of a parcel, version by version: scans are added, corrected, withdrawn, (`back`) said again, and cut off.

    `apart`: no two versions are said at the same instant.
    """
    scans: dict[str, int] = {}
    gone: dict[str, int] = {}
    versions: list[Version] = []
    said, number = 0, 0
    for step in draw(st.lists(st.sampled_from("added added added corrected moved withdrawn back cut".split()), min_size=1, max_size=9)):
        names = sorted(scans)
        if step == "added" or not names:
            number += 1
            scans = scans | {f"s{number}": number * 10}
        elif step in ("corrected", "moved"):
            number += 1
            old = draw(st.sampled_from(names))
            moved = draw(st.integers(-15, 15)) if step == "moved" else 0
            gone[old] = scans[old]
            scans = {name: minute for name, minute in scans.items() if name != old} | {f"s{number}": scans[old] + moved}
        elif step == "withdrawn":
            old = draw(st.sampled_from(names))
            gone[old] = scans[old]
            scans = {name: minute for name, minute in scans.items() if name != old}
        elif step == "back" and gone and back:
            old = draw(st.sampled_from(sorted(gone)))
            scans = scans | {old: gone.pop(old)}
        elif step == "cut":
            first = min(scans.values())
            scans = {name: minute for name, minute in scans.items() if minute > first}
        said += 1 if apart or draw(st.booleans()) else 0
        versions.append(Version(said, scans))
    return versions


@st.composite
def deliveries(draw: st.DrawFn, *, back: bool = True, apart: bool = True) -> list[Version]:
    """Versions of one parcel in any order, each at least once."""
    versions = draw(stories(back=back, apart=apart))
    again = draw(st.lists(st.sampled_from(versions), max_size=4))
    return draw(st.permutations([*versions, *again]))


MANY = settings(max_examples=400)


@MANY
@given(arriving=deliveries(apart=False))
def test_in_whatever_order_histories_arrive_they_end_in_what_the_source_last_said(arriving: list[Version]) -> None:
    """Late, twice, shuffled; corrected, withdrawn, said again, cut off, and two said at the same instant."""
    memory, log = Kept(), Log()
    for position, version in enumerate(arriving):
        deliver(version, memory, log)
        assert standing(log) == right(arriving[: position + 1])


@MANY
@given(arriving=deliveries(), other=deliveries())
def test_parcels_do_not_touch_each_other(arriving: list[Version], other: list[Version]) -> None:
    """Each has its own history."""
    memory, log = Kept(), Log()
    for position in range(max(len(arriving), len(other))):
        if position < len(arriving):
            deliver(arriving[position], memory, log)
        if position < len(other):
            deliver(other[position], memory, log, thing="dhl/00")
    names = {thing: {key.rpartition("-")[2] for key in log.standing() if f" {thing}-" in key} for thing in ("ups/1Z", "dhl/00")}
    assert names == {"ups/1Z": right(arriving), "dhl/00": right(other)}


@MANY
@given(arriving=deliveries(), lots=st.randoms(use_true_random=False))
def test_a_history_whose_memory_was_not_saved_says_the_same_when_it_comes_again(arriving: list[Version], lots: random.Random) -> None:
    """The gateway dies between writing and remembering; the sender tries again."""
    memory, log = Kept(), Log()
    for version in arriving:
        if lots.random() < 0.4:
            deliver(version, memory, log, saved=False)
        deliver(version, memory, log)
    assert standing(log) == right(arriving)


@MANY
@given(arriving=deliveries(back=False), lots=st.randoms(use_true_random=False))
def test_what_holds_when_the_memory_is_lost(arriving: list[Version], lots: random.Random) -> None:
    """Histories told since are judged among themselves as ever; the rest stays as it was, and what was withdrawn stays withdrawn."""
    log, memory = Log(), Kept()
    before: set[str] = set()
    withdrawn: set[str] = set()
    since: list[Version] = []
    told: set[str] = set()
    for version in arriving:
        if lots.random() < 0.3:
            memory, before, since = Kept(), standing(log), []
            withdrawn = told - before
        deliver(version, memory, log)
        since.append(version)
        told |= set(version.scans)
        said_since = {name for one in since for name in one.scans}
        assert standing(log) == (right(since) - withdrawn) | (before - said_since)


@MANY
@given(arriving=deliveries(), lots=st.randoms(use_true_random=False))
def test_nothing_is_told_that_no_history_said_whatever_is_lost(arriving: list[Version], lots: random.Random) -> None:
    """Also where the source takes back and says again what was withdrawn before the loss."""
    log, memory = Log(), Kept()
    said: set[str] = set()
    for version in arriving:
        if lots.random() < 0.3:
            memory = Kept()
        deliver(version, memory, log)
        said |= set(version.scans)
        assert standing(log) <= said


# --- through the adapters ------------------------------------------------------------------------

SNAPSHOTS = {"shopify", "woocommerce", "magento", "bigcommerce"}
"""Systems whose histories are no lists of scans: there is nothing to cut, and an event is dated by the first message that tells it."""
TOLD = {
    (system, name): payload_of(path.read_bytes())
    for system in ADAPTERS
    for name, path in payloads(system)
    if any(translate(ADAPTERS[system], one, SAMPLED).histories for one in prefixes(system, payload_of(path.read_bytes())))
}


def sent(system: str, arriving: Iterable[Payload]) -> Log:
    """What stands in the log when these have come in."""
    memory, log = Kept(), Log()
    for payload in arriving:
        adapted = translate(ADAPTERS[system], payload, SAMPLED)
        found, keep = settle(adapted.events, adapted.histories, memory, SAMPLED)
        log.write(found)
        memory.known |= keep
    return log


def timeline(log: Log, *, dated: bool = True) -> set[tuple[str, str, str, str]]:
    """What counts: (source and ID, type, time, status), without what is dated by the asking.

    That are estimates, "there is no such number", and another number of a parcel.
    """
    return {
        (key, event["type"], event["time"] if dated else "", f"{event['data'].get('status')} {event['data'].get('reason')}")
        for key, event in log.standing().items()
        if "eta" not in event["data"] and event["data"].get("reason") != "not_found" and event["type"] != "carrier.relabelled"
    }


def estimates(log: Log) -> dict[str, tuple[str, Any]]:
    """The latest estimate of each parcel, and when it was made."""
    found: dict[str, tuple[str, Any]] = {}
    for event in log.standing().values():
        if "eta" in event["data"]:
            number = event["data"]["tracking_number"]
            found[number] = max(found.get(number, ("", "")), (event["time"], event["data"]["eta"]))
    return found


def test_every_system_that_tells_histories_is_cut() -> None:
    """A new one needs a cutter here."""
    assert {system for system, _ in TOLD} - SNAPSHOTS == set(CUTTERS) & set(ADAPTERS)


@pytest.mark.parametrize(("system", "name"), TOLD, ids=[name for _, name in TOLD])
def test_a_history_sent_once_twice_shuffled_or_in_growing_prefixes_ends_in_the_same_timeline(system: str, name: str) -> None:
    """Any interleaving of these, too; of estimates the latest counts."""
    growing = prefixes(system, TOLD[system, name])
    whole = growing[-1]
    once = sent(system, [whole])
    lots = random.Random(name)
    runs: list[Sequence[Payload]] = [[whole, whole], growing, [*growing, *growing], growing[::-1]]
    for _ in range(6):
        some = [*growing, *lots.choices(growing, k=3)]
        lots.shuffle(some)
        runs.append(some)
    latest = estimates(once)
    for run in runs:
        log = sent(system, run)
        assert timeline(log) == timeline(once)
        found = estimates(log)
        assert {number: found[number] for number in latest} == latest


@pytest.mark.parametrize("system", sorted({system for system, _ in TOLD}))
def test_all_payloads_of_a_system_end_in_the_same_timeline_in_any_order(system: str) -> None:
    """Several say something of one parcel, some take it back."""
    every = [prefixes(system, payload)[-1] for (one, _), payload in TOLD.items() if one == system]
    lots = random.Random(system)
    dated = system not in SNAPSHOTS
    first = timeline(sent(system, every), dated=dated)
    for _ in range(20):
        lots.shuffle(every)
        assert timeline(sent(system, [*every, *lots.choices(every, k=3)]), dated=dated) == first
