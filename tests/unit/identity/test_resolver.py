"""Which order an event belongs to, where it does not say so itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import permutations
from operator import attrgetter
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from dataflows.core.engine.backfill import Backfill
from dataflows.core.identity import AliasLookup, AliasResolver, Ambiguous, IdentityRules, ResolvedEvent, alias_shard, sightings
from dataflows.core.identity.items import Tie
from dataflows.core.identity.sharding import CUSTOMER, READERS, STAGE_TWO_KINDS
from dataflows.core.rules.load import load_policy
from schemas.aliases import ALIAS_FIELDS, aliases
from schemas.export import example
from schemas.identifiers import DEFAULT, normaliser
from schemas.record import IdentityFinding, Orphan, Record
from schemas.wire import decode
from tests.support.logs import DAY, HOUR, MINUTE, T0, line, record

if TYPE_CHECKING:
    from collections.abc import Iterable

BACKFILL = Backfill(load_policy(None))
RULES = IdentityRules(keep=180 * DAY, orphan_after=15 * MINUTE, compare_customers=True, twins_within=10 * MINUTE, backfill=BACKFILL)
POSITION = attrgetter("log", "topic", "partition", "offset", "sub")


@dataclass
class World:
    """All stages, fed record by record: one alias shard each, of the second `shards`, by which tracking numbers are apart."""

    rules: IdentityRules = RULES
    shards: int = 1
    placed: list[ResolvedEvent] = field(default_factory=list[ResolvedEvent])

    def __post_init__(self) -> None:
        """Builds the stages."""
        self.first, self.third = AliasResolver(1, self.rules), AliasResolver(3, self.rules)
        self.seconds = [AliasResolver(2, self.rules) for _ in range(self.shards)]
        self.offset = 0

    def see(
        self,
        id_: str,
        at: int,
        type_: str,
        *,
        order: str | None = None,
        log: int | None = None,
        body: dict[str, object] | None = None,
        **data: object,
    ) -> None:
        """An event with these data, recorded at `log` (else when it happened)."""
        self.offset += 1
        item = record(line(id_, at, type_, order=order, data=data | (body or {})), at if log is None else log, self.offset)
        names = aliases(item.event)
        if order:
            one = [(item, kind, value, False) for kind, value in names if kind not in STAGE_TWO_KINDS]
            two = [(item, kind, value, False) for kind, value in names if kind in STAGE_TWO_KINDS]
            if type_ == "order.placed":
                one.append((item, CUSTOMER, "c-1", False))
            self._feed(one, two)
        else:
            self._feed(*sightings(item, names))

    def _feed(self, one: Iterable[AliasLookup], two: Iterable[AliasLookup]) -> None:
        self.first.apply(one)
        placed, onward = self.first.drain()
        seen = sorted([*two, *onward], key=lambda lookup: POSITION(lookup[0]))
        moved: list[AliasLookup] = []
        for number, second in enumerate(self.seconds):
            second.apply([lookup for lookup in seen if alias_shard(lookup[2], self.shards) == number])
            found, more = second.drain()
            placed, moved = placed + found, moved + more
        self.third.apply(sorted(moved, key=lambda lookup: POSITION(lookup[0])))
        self.placed += placed + self.third.drain()[0]

    def advance(self, to: int) -> None:
        """Lets log time pass."""
        for stage in (self.first, *self.seconds, self.third):
            stage.advance(to)
            self.placed += stage.drain()[0]

    def joined(self) -> list[tuple[str, str, int]]:
        """(event, order, log time) of all events placed, once each, in log order."""
        items = sorted((placed for placed in self.placed if isinstance(placed.item, Record)), key=POSITION)
        return list(dict.fromkeys((p.item.event.id, p.item.order, p.item.log) for p in items if isinstance(p.item, Record)))

    def orphans(self) -> list[tuple[str, int, bool]]:
        """(alias, log time, resolved) of all orphan signals."""
        return [(p.item.alias, p.item.log, p.item.resolved) for p in self.placed if isinstance(p.item, Orphan)]

    def notes(self) -> list[tuple[str, str, int]]:
        """(kind, order, start) of all notes."""
        return [(p.item.kind, p.item.order, p.item.at) for p in self.placed if isinstance(p.item, IdentityFinding)]

    def rejected(self) -> list[str]:
        """The IDs of the events that were rejected."""
        return [p.item.record.event.id for p in self.placed if isinstance(p.item, Ambiguous)]


def test_the_fast_readers_read_what_the_contract_says() -> None:
    """`READERS` is only a faster way to `aliases`."""
    for type_ in ALIAS_FIELDS:
        if type_ not in READERS:
            continue
        payload = example(type_)
        payload["data"] = cast("dict[str, object]", payload["data"]) | {"order_alias": "web-1"}
        found, reader = decode(json.dumps(payload).encode()), READERS[type_]
        fields = [(kind, value) for (kind, _), value in zip(reader.kinds, reader.read(found.data), strict=True) if value]
        names = {(kind, name) for kind, value in fields for name in (value if isinstance(value, list) else [value])}
        assert names == set(aliases(found))


def test_a_tied_alias_places_an_event_where_it_stands() -> None:
    """An event that only knows the payment belongs to the order that the payment was tied to."""
    world = World()
    world.see("auth", T0, "payment.authorized", order="A-1", payment_id="p1")
    world.see("capture", T0 + HOUR, "payment.captured", payment_id="p1")
    assert world.joined() == [("capture", "A-1", T0 + HOUR)]


def test_waiting_events_are_applied_directly_after_the_record_that_ties_them() -> None:
    """They take its log time, keep their own place as evidence, and stand in the order of their own logs."""
    world = World()
    world.see("capture", T0, "payment.captured", payment_id="p1")
    world.see("refund", T0 + 1, "payment.refunded", payment_id="p1")
    world.see("auth", T0 + 2, "payment.authorized", order="A-1", payment_id="p1")
    assert world.joined() == [("capture", "A-1", T0 + 2), ("refund", "A-1", T0 + 2)]
    first, second = world.placed
    tie = (T0 + 2, "t", 0, 3, 0)
    assert tie < POSITION(first) < POSITION(second) < (T0 + 2, "t", 0, 4, 0)
    assert isinstance(first.item, Record)
    assert (first.item.offset, first.item.at) == (1, T0)


def test_the_first_stage_supplies_ties_for_the_second() -> None:
    """A label knows the shipment and the number, the order is known by the shipment only: scans are placed all the same."""
    world = World()
    world.see("scan", T0, "carrier.scan", tracking_number="1Z", status="accepted")
    world.see("label", T0 + 1, "warehouse.label_created", shipment_id="s1", tracking_number="1Z")
    assert world.joined() == []
    world.see("packed", T0 + 2, "warehouse.packed", order="A-1", shipment_id="s1")
    assert {name for name, order, _ in world.joined() if order == "A-1"} == {"label", "scan"}


def test_aliases_are_told_apart_by_tenant_and_kind() -> None:
    """The same text is another thing elsewhere."""
    world = World()
    world.see("auth", T0, "payment.authorized", order="A-1", payment_id="x")
    world.see("invoice", T0 + 1, "invoice.issued", invoice_id="x")
    assert world.joined() == []


def test_an_event_that_nobody_claims_is_missed_after_fifteen_minutes() -> None:
    """One signal per alias, at exactly the deadline, and resolved when the alias is tied."""
    world = World()
    world.see("one", T0, "payment.captured", payment_id="p1")
    world.see("two", T0 + MINUTE, "payment.refunded", payment_id="p1")
    world.advance(T0 + 15 * MINUTE)
    assert world.orphans() == []
    world.advance(T0 + 15 * MINUTE + 1)
    assert world.orphans() == [("payment_id:p1", T0 + 15 * MINUTE, False)]
    world.see("auth", T0 + HOUR, "payment.authorized", order="A-1", payment_id="p1")
    assert world.orphans() == [("payment_id:p1", T0 + 15 * MINUTE, False), ("payment_id:p1", T0 + HOUR, True)]
    assert [name for name, _, _ in world.joined()] == ["one", "two"]


def test_a_tie_at_the_deadline_is_in_time() -> None:
    """A deadline comes after every record of its instant."""
    world = World()
    world.see("one", T0, "payment.captured", payment_id="p1")
    world.see("auth", T0 + 15 * MINUTE, "payment.authorized", order="A-1", payment_id="p1")
    world.advance(T0 + DAY)
    assert world.orphans() == []


def test_an_event_is_missed_at_one_of_its_aliases_only() -> None:
    """Where the first stage places it, the second is told; where nobody does, one signal is raised."""
    world = World()
    world.see("auth", T0, "payment.authorized", order="A-1", payment_id="p1")
    world.see("dispute", T0 + 1, "payment.disputed", payment_id="p1", dispute_id="d1")
    world.see("refund", T0 + 2, "payment.refunded", payment_id="p2", return_id="r1")
    world.see("asked", T0 + 3, "return.requested", order="A-1", return_id="r1")
    world.see("lost", T0 + 4, "payment.refunded", payment_id="p3", return_id="r3")
    world.advance(T0 + DAY)
    assert {name for name, _, _ in world.joined()} == {"dispute", "refund"}
    assert world.orphans() == [("payment_id:p3", T0 + 4 + 15 * MINUTE, False)]


def test_a_dispute_that_the_first_stage_placed_ties_its_own_number() -> None:
    """Later news of the dispute need no payment."""
    world = World()
    world.see("auth", T0, "payment.authorized", order="A-1", payment_id="p1")
    world.see("dispute", T0 + 1, "payment.disputed", payment_id="p1", dispute_id="d1")
    world.see("closed", T0 + 2, "payment.dispute_closed", dispute_id="d1")
    assert ("closed", "A-1", T0 + 2) in world.joined()


def test_without_the_rule_orphans_join_all_the_same() -> None:
    """Switching the signal off changes what is said, not what is known."""
    world = World(IdentityRules(keep=DAY, orphan_after=None, compare_customers=True, twins_within=10 * MINUTE, backfill=BACKFILL))
    world.see("one", T0, "payment.captured", payment_id="p1")
    world.advance(T0 + HOUR)
    world.see("auth", T0 + 2 * HOUR, "payment.authorized", order="A-1", payment_id="p1")
    assert world.orphans() == []
    assert world.joined() == [("one", "A-1", T0 + 2 * HOUR)]


def test_ties_and_waiting_events_expire_when_they_are_not_used() -> None:
    """They are kept for at least the horizon, and forgotten by twice that."""
    world = World(IdentityRules(keep=DAY, orphan_after=None, compare_customers=True, twins_within=10 * MINUTE, backfill=BACKFILL))
    world.see("auth", T0, "payment.authorized", order="A-1", payment_id="p1")
    world.see("waits", T0, "payment.captured", payment_id="p2")
    world.see("kept", T0 + DAY - 1, "payment.captured", payment_id="p1")
    world.see("gone", T0 + 3 * DAY, "payment.refunded", payment_id="p1")
    world.see("late", T0 + 3 * DAY, "payment.authorized", order="A-2", payment_id="p2")
    assert [name for name, _, _ in world.joined()] == ["kept"]


def test_a_withdrawal_finds_its_order_by_the_parcel() -> None:
    """A carrier that takes a scan back knows the parcel and no order."""
    world = World()
    world.see("ship", T0, "warehouse.shipped", order="A-1", tracking_number="1Z")
    world.see("scan", T0 + HOUR, "carrier.scan", status="delivered", tracking_number="1Z")
    world.see("back", T0 + 2 * HOUR, "evidence.withdrawn", event_id="scan", event_source="/test", tracking_number="1Z")
    assert [placed.order for placed in world.placed] == ["A-1", "A-1"]


def test_freight_scans_fan_out() -> None:
    """One number may carry several orders: each gets its own record of a scan."""
    world = World()
    for order in ("A-1", "A-2"):
        world.see(f"label-{order}", T0, "warehouse.label_created", order=order, tracking_number="F1")
    world.see("scan", T0 + 1, "carrier.scan", tracking_number="F1", status="in_transit")
    assert world.joined() == [("scan", "A-1", T0 + 1), ("scan", "A-2", T0 + 1)]
    assert world.notes() == []


def test_scans_that_came_before_a_tie_are_given_to_it() -> None:
    """At the place of the tie; for some days, and not to a later user of the number."""
    world = World()
    world.see("label-1", T0, "warehouse.label_created", order="A-1", tracking_number="F1")
    world.see("scan", T0 + HOUR, "carrier.scan", tracking_number="F1", status="in_transit")
    world.see("label-2", T0, "warehouse.label_created", order="A-2", log=T0 + 2 * DAY, tracking_number="F1")
    world.see("again", T0, "warehouse.shipped", order="A-2", log=T0 + 2 * DAY + 1, tracking_number="F1")
    world.see("label-3", T0, "warehouse.label_created", order="A-3", log=T0 + 20 * DAY, tracking_number="F1")
    assert world.joined() == [("scan", "A-1", T0 + HOUR), ("scan", "A-2", T0 + 2 * DAY)]
    world.see("end", T0 + 21 * DAY, "carrier.scan", tracking_number="F1", status="delivered")
    world.see("label-4", T0 + 22 * DAY, "warehouse.label_created", order="A-4", tracking_number="F1")
    assert all(order != "A-4" for _, order, _ in world.joined())


def test_a_relabelled_parcel_is_known_by_both_numbers() -> None:
    """Whichever its later scans name."""
    world = World()
    world.see("label", T0, "warehouse.label_created", order="A-1", tracking_number="F1")
    world.see("early", T0 + 1, "carrier.scan", tracking_number="F2", status="accepted")
    world.see("new", T0 + 2, "carrier.relabelled", order="A-1", tracking_number="F2", replaces_number="F1")
    world.see("late", T0 + 3, "carrier.scan", tracking_number="F2", status="in_transit")
    assert world.joined() == [("early", "A-1", T0 + 2), ("late", "A-1", T0 + 3)]


@pytest.mark.parametrize("named", ["F1", "F2", "F3"])
@pytest.mark.parametrize("shards", [1, 8])
def test_relabels_without_an_order_make_numbers_one_in_any_order_of_arrival(shards: int, named: str) -> None:
    """Whichever number the shop knows, and whichever is told first; each event is given to the order once, and nobody is missed."""
    told: list[tuple[str, str, dict[str, object]]] = [
        ("second", "carrier.relabelled", {"tracking_number": "F2", "replaces_number": "F1"}),
        ("third", "carrier.relabelled", {"tracking_number": "F3", "replaces_number": "F2"}),
        ("early", "carrier.scan", {"tracking_number": "F1", "status": "accepted"}),
        ("late", "carrier.scan", {"tracking_number": "F3", "status": "in_transit"}),
        ("label", "warehouse.label_created", {"tracking_number": named}),
    ]
    for arrival in permutations(told):
        world = World(shards=shards)
        for minute, (id_, type_, data) in enumerate(arrival):
            order = "A-1" if id_ == "label" else None
            world.see(id_, T0, type_, order=order, log=T0 + minute * HOUR, body=data)
            world.advance(T0 + minute * HOUR + 1)
        found = [(p.item.event.id, p.item.order) for p in world.placed if isinstance(p.item, Record)]
        assert sorted(found) == [("early", "A-1"), ("late", "A-1"), ("second", "A-1"), ("third", "A-1")], arrival
        standing = {alias: resolved for alias, _, resolved in world.orphans()}
        assert all(standing.values()), arrival


def test_an_orphan_moves_with_its_number() -> None:
    """It was missed before a relabel named its number, and is claimed once the order of either is known: one orphan, not two."""
    world = World(shards=8)
    world.see("scan", T0, "carrier.scan", tracking_number="F2", status="in_transit")
    world.advance(T0 + HOUR)
    world.see("new", T0 + 2 * HOUR, "carrier.relabelled", tracking_number="F2", replaces_number="F1")
    world.advance(T0 + 3 * HOUR)
    assert world.orphans() == [("tracking_number:F2", T0 + 15 * MINUTE, False)]
    world.see("label", T0 + 4 * HOUR, "warehouse.label_created", order="A-1", tracking_number="F1")
    assert world.orphans()[1:] == [("tracking_number:F2", T0 + 4 * HOUR, True)]
    assert [(name, order) for name, order, _ in world.joined()] == [("new", "A-1"), ("scan", "A-1")]


@pytest.mark.parametrize("number", ["F1", "F2"])
def test_parcels_of_two_orders_that_become_one_are_of_both(number: str) -> None:
    """Each order gets what was told of either number before, whichever of the two it was, and the relabel once."""
    world = World(shards=8)
    world.see("one", T0, "warehouse.label_created", order="A-1", tracking_number="F1")
    world.see("two", T0 + 1, "warehouse.label_created", order="A-2", tracking_number="F2")
    world.see("scan", T0 + HOUR, "carrier.scan", tracking_number=number, status="accepted")
    world.see("new", T0 + DAY, "carrier.relabelled", tracking_number="F2", replaces_number="F1")
    found = [(p.item.event.id, p.item.order) for p in world.placed if isinstance(p.item, Record)]
    assert sorted(found) == [("new", "A-1"), ("new", "A-2"), ("scan", "A-1"), ("scan", "A-2")]


def test_an_order_that_is_tied_later_hears_of_a_relabel_by_either_number() -> None:
    """The relabel came first, and one number was known to be another order's by then."""
    world = World(shards=8)
    world.see("new", T0, "carrier.relabelled", tracking_number="F2", replaces_number="F1")
    world.see("one", T0 + 1, "warehouse.shipped", order="A-1", tracking_number="F2")
    world.see("two", T0 + 2, "warehouse.label_created", order="A-2", tracking_number="F1")
    world.see("scan", T0 + HOUR, "carrier.scan", tracking_number="F2", status="accepted")
    assert sorted((name, order) for name, order, _ in world.joined()) == [(n, o) for n in ("new", "scan") for o in ("A-1", "A-2")]


def test_a_relabelled_number_of_two_orders_is_of_both_and_may_be_used_again() -> None:
    """What was known of it before it moved counts on: who holds it, and that its parcel has ended."""
    world = World(shards=8)
    world.see("one", T0, "warehouse.label_created", order="A-1", tracking_number="F1")
    world.see("two", T0 + 1, "warehouse.label_created", order="A-2", tracking_number="F1")
    world.see("ended", T0 + DAY, "carrier.scan", tracking_number="F1", status="delivered")
    world.see("new", T0 + DAY, "carrier.relabelled", tracking_number="F2", replaces_number="F1")
    world.see("scan", T0 + DAY, "carrier.scan", tracking_number="F2", status="delivered")
    world.see("three", T0 + 60 * DAY, "warehouse.label_created", order="A-3", tracking_number="F1")
    world.see("again", T0 + 61 * DAY, "carrier.scan", tracking_number="F1", status="accepted")
    joined = [(name, order) for name, order, _ in world.joined()]
    assert sorted(joined[:6]) == [(name, order) for name in ("ended", "new", "scan") for order in ("A-1", "A-2")]
    assert joined[6:] == [("again", "A-3")]
    assert world.notes() == [("conflict.tracking_reused", "A-3", T0 + 60 * DAY)]


def test_a_tie_that_travels_whole_is_the_record_again() -> None:
    """With its form of identifiers."""
    item = record(line("e", T0, "warehouse.shipped", order="#A", data={"tracking_number": "t-1"}), T0, 7)
    normaliser(DEFAULT.code).record(item)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(Tie.of(item, whole=True)), type=Tie).record() == item


def test_a_number_is_reused_only_after_its_parcel_has_ended() -> None:
    """Then the second order is flagged from the tie on, and later scans are its alone."""
    world = World()
    world.see("label-1", T0, "warehouse.label_created", order="A-1", tracking_number="1Z")
    world.see("delivered", T0 + DAY, "carrier.scan", tracking_number="1Z", status="delivered")
    world.see("label-2", T0 + 30 * DAY, "warehouse.label_created", order="A-2", tracking_number="1Z")
    world.see("scan", T0 + 31 * DAY, "carrier.scan", tracking_number="1Z", status="accepted")
    assert world.notes() == [("conflict.tracking_reused", "A-2", T0 + 30 * DAY)]
    assert [(name, order) for name, order, _ in world.joined()] == [("delivered", "A-1"), ("scan", "A-2")]


def test_a_label_takes_over_no_number_whose_parcel_was_its_own() -> None:
    """Said to be of both orders by its end, or at that instant, it was freight: scans go to both, before the label and after it."""
    for said, labelled in ((T0 + HOUR, T0 + 3 * DAY), (T0 + DAY, T0 + 3 * DAY), (T0 + 2 * DAY, T0 + HOUR), (None, T0 + DAY)):
        world = World()
        world.see("label-1", T0, "warehouse.label_created", order="A-1", tracking_number="F1")
        if said is not None:
            world.see("own", said, "carrier.scan", order="A-2", log=T0 + DAY, tracking_number="F1", status="in_transit")
        world.see("delivered", T0 + DAY, "carrier.scan", tracking_number="F1", status="delivered")
        world.see("between", T0 + 2 * DAY, "carrier.scan", tracking_number="F1", status="in_transit")
        world.see("label-2", labelled, "warehouse.label_created", order="A-2", log=T0 + 3 * DAY, tracking_number="F1")
        world.see("after", T0 + 4 * DAY, "carrier.scan", tracking_number="F1", status="in_transit")
        assert world.notes() == []
        assert {(name, order) for name, order, _ in world.joined()} == {
            (name, order) for name in ("delivered", "between", "after") for order in ("A-1", "A-2")
        }


def test_a_reuse_is_found_when_the_end_of_the_first_parcel_comes_in_late() -> None:
    """What is true does not depend on the order of arrival; a late scan of the first parcel goes to the first order."""
    world = World()
    world.see("label-1", T0, "warehouse.label_created", order="A-1", tracking_number="1Z")
    world.see("label-2", T0 + 30 * DAY, "warehouse.label_created", order="A-2", tracking_number="1Z")
    world.see("delivered", T0 + DAY, "carrier.scan", log=T0 + 31 * DAY, tracking_number="1Z", status="delivered")
    world.see("transit", T0 + HOUR, "carrier.scan", log=T0 + 32 * DAY, tracking_number="1Z", status="in_transit")
    assert world.notes() == [("conflict.tracking_reused", "A-2", T0 + 30 * DAY)]
    assert ("transit", "A-1", T0 + 32 * DAY) in world.joined()
    assert ("transit", "A-2", T0 + 32 * DAY) not in world.joined()


def test_an_alias_of_two_orders_places_nothing() -> None:
    """An event that has nothing else is rejected, and both orders are told."""
    world = World()
    world.see("auth-1", T0, "payment.authorized", order="A-1", payment_id="p1")
    world.see("auth-2", T0 + 1, "payment.authorized", order="A-2", payment_id="p1")
    world.see("capture", T0 + 2, "payment.captured", payment_id="p1")
    assert world.rejected() == ["capture"]
    assert world.notes() == [("data.identity_unresolved", "A-1", T0 + 2), ("data.identity_unresolved", "A-2", T0 + 2)]


def test_an_event_with_another_alias_is_placed_by_that() -> None:
    """Ambiguity of one alias is no matter where another one knows."""
    world = World()
    world.see("auth-1", T0, "payment.authorized", order="A-1", payment_id="p1")
    world.see("auth-2", T0 + 1, "payment.authorized", order="A-2", payment_id="p1")
    world.see("asked", T0 + 2, "return.requested", order="A-2", return_id="r1")
    world.see("refund", T0 + 3, "payment.refunded", payment_id="p1", return_id="r1")
    world.advance(T0 + DAY)
    assert world.joined() == [("refund", "A-2", T0 + 3)]
    assert (world.rejected(), world.orphans()) == ([], [])


PURCHASE: dict[str, object] = {
    "total": {"amount": "20.00", "currency": "EUR"},
    "customer": {"id": "c-1"},
    "ship_to": {"country": "NL", "address_hash": "h1"},
    "lines": [{"line_id": "1", "sku": "X", "quantity": 1}, {"line_id": "2", "sku": "Y", "quantity": 2}],
}


def test_the_same_purchase_twice_within_minutes_flags_the_later() -> None:
    """By when they were placed, not by when they came in; the order of the lines is no matter."""
    turned: dict[str, object] = PURCHASE | {"lines": [{"sku": "Y", "quantity": 2}, {"sku": "X", "quantity": 1}]}
    for later_first in (False, True):
        world = World()
        world.see("a", T0 + 10 * MINUTE if later_first else T0, "order.placed", order="A-1", log=T0 + HOUR, body=PURCHASE)
        world.see("b", T0 if later_first else T0 + 10 * MINUTE, "order.placed", order="A-2", log=T0 + HOUR, body=turned)
        assert world.notes() == [("order.duplicate_suspected", "A-1" if later_first else "A-2", T0 + 10 * MINUTE)]


def test_other_purchases_are_no_twins() -> None:
    """Another address, another basket, or more than ten minutes apart."""
    world = World()
    world.see("a", T0, "order.placed", order="A-1", body=PURCHASE)
    world.see("b", T0 + 1, "order.placed", order="A-2", body=PURCHASE | {"ship_to": {"country": "NL", "address_hash": "h2"}})
    world.see("c", T0 + 2, "order.placed", order="A-3", body=PURCHASE | {"lines": [{"sku": "X", "quantity": 2}]})
    world.see("d", T0 + 10 * MINUTE + 1, "order.placed", order="A-4", body=PURCHASE)
    world.see("a-again", T0 + 5, "order.placed", order="A-1", body=PURCHASE)
    assert world.notes() == []


def test_nothing_is_left_of_what_has_been_answered() -> None:
    """No waiting event and no deadline stays behind."""
    world = World()
    world.see("capture", T0, "payment.captured", payment_id="p1")
    world.see("dispute", T0 + 1, "payment.disputed", payment_id="p1", dispute_id="d1")
    world.see("auth", T0 + 2, "payment.authorized", order="A-1", payment_id="p1")
    world.advance(T0 + DAY)
    assert (world.first.waiting, world.seconds[0].waiting) == (0, 0)


def test_a_waiting_event_keeps_its_key_and_headers() -> None:
    """What is rejected later must be the original untouched, and in binary mode the headers are half of the event."""
    stage = AliasResolver(1, RULES)
    waiting = record(line("1", T0, "payment.captured", order=None, data={"payment_id": "p"}), T0)
    waiting.key, waiting.headers = b"p", (("trace", b"1"),)
    tie = record(line("2", T0, "payment.authorized", order="A", data={"payment_id": "p"}), T0 + 1)
    stage.apply([(waiting, "payment_id", "p", False), (tie, "payment_id", "p", False)])
    (placed,) = stage.drain()[0]
    assert isinstance(placed.item, Record)
    assert (placed.item.raw, placed.item.key, placed.item.headers) == (waiting.raw, b"p", (("trace", b"1"),))
