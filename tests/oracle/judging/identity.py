"""Which order each event belongs to, found by looking over the whole log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, cast

from tests.oracle.judging.reading import ALIASES, NEVER, Event, items

if TYPE_CHECKING:
    from tests.oracle.judging.reading import Json

OrderKey = tuple[str, str]
"""Tenant and order ID."""
Alias = tuple[str, str, str]
"""Tenant, alias kind and value."""
Number = tuple[str, str]
"""Tenant and tracking number."""
Era = tuple[int, int, list[OrderKey]]
"""Since when and until when (event time) which orders hold a number."""


STEPS = ("inventory.", "warehouse.", "carrier.", "evidence.")
"""Events of a child that are also its parent's."""


@dataclass(frozen=True, slots=True)
class Member:
    """An event as part of an order, known to it from the log time `known`: its own, or that of the tie that it waited for."""

    event: Event
    known: int


@dataclass(frozen=True, slots=True)
class Waited:
    """An event without an order from its log time until `tied`."""

    tenant: str
    alias: str
    log: int
    tied: int
    at: int


@dataclass
class Placement:
    """All events by order, and what the search for their orders brought to light."""

    orders: dict[OrderKey, list[Member]] = field(default_factory=lambda: defaultdict(list))
    waited: list[Waited] = field(default_factory=list[Waited])
    unresolved: dict[OrderKey, list[Event]] = field(default_factory=lambda: defaultdict(list))
    linked: dict[OrderKey, dict[OrderKey, int]] = field(default_factory=dict[OrderKey, dict[OrderKey, int]])
    """Orders that an order was split into, and since when (log time) that is known."""
    reused: dict[OrderKey, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    """Tracking numbers that an order took over after another's parcel had ended, and when (event time)."""


@dataclass(frozen=True, slots=True)
class Tie:
    """A record that names both an alias and the order."""

    log: int
    place: int
    order: OrderKey
    event: Event


def aliases(event: Event) -> list[Alias]:
    """The aliases of an event that name one order."""
    return [(event.tenant, kind, value) for kind in ALIASES if (value := event.text(kind))]


def place(events: list[Event]) -> Placement:
    """Give every event its order or orders. `events` are in log order."""
    placement = Placement()
    ties: dict[Alias, list[Tie]] = defaultdict(list)
    loose: list[Event] = []
    known: list[tuple[Event, OrderKey, tuple[int, int]]] = []
    waiting: list[Event] = []
    sooner: dict[int, int] = {}

    def settle(event: Event, order: OrderKey, at: tuple[int, int]) -> None:
        known.append((event, order, at))
        for alias in aliases(event):
            if event.subject is not None or alias[1] == "dispute_id":
                ties[alias].append(Tie(*at, order, event))

    def attempt(event: Event, at: tuple[int, int]) -> Literal["placed", "ambiguous", "waits"]:
        """Place an event without a subject by its aliases, if they are tied by now."""
        tied = [{tie.order for tie in ties[alias]} for alias in aliases(event)]
        unique = [orders for orders in tied if len(orders) == 1]
        if unique:
            settle(event, next(iter(unique[0])), at)
            return "placed"
        ambiguous = [orders for orders in tied if len(orders) > 1]
        if ambiguous and not event.numbers:
            for order in ambiguous[0]:
                placement.unresolved[order].append(event)
            return "ambiguous"
        return "waits"

    for event in events:
        at = (event.log, event.place)
        if event.subject is not None:
            settle(event, (event.tenant, event.subject), at)
        elif not aliases(event):
            loose.append(event)
        elif attempt(event, at) == "waits":
            waiting.append(event)
        named = set(aliases(event))
        while released := [one for one in waiting if named.intersection(aliases(one)) and attempt(one, at) == "placed"]:
            waiting = [one for one in waiting if not any(one is other for other in released)]
            for one in released:
                named.update(aliases(one))
                by_number = [max(tied, one.log) for other, _, (tied, _) in known if other is not one and {*other.numbers} & {*one.numbers}]
                _note_wait(placement, one, min([at[0], *by_number]))
                # Where its number was this order's before, that had placed it.
                owner = next(owner for event, owner, _ in known if event is one)
                shared = [tied for other, holder, (tied, _) in known if holder == owner and {*other.numbers} & {*one.numbers}]
                sooner[id(one)] = max(min(shared, default=at[0]), one.log)
    _by_tracking_number(placement, known, [*waiting, *loose])
    for event, order, at in known:
        placement.orders[order].append(Member(event, min(at[0], sooner.get(id(event), at[0]))))
    _by_link(placement)
    return placement


def _by_link(placement: Placement) -> None:
    """Give the steps of an order that another was split into to that order too, from when their link is known."""
    for event in [member.event for members in placement.orders.values() for member in members if member.event.type == "order.linked"]:
        parent = (event.tenant, event.text("parent") or event.subject or "")
        for name in items(event.data, "children"):
            child = (event.tenant, str(name))
            if child != parent:
                placement.linked.setdefault(parent, {}).setdefault(child, event.log)
                placement.linked[parent][child] = min(event.log, placement.linked[parent][child])
    told = {key: list(members) for key, members in placement.orders.items()}
    for parent in list(placement.linked):
        for child, log in _parts(placement.linked, parent).items():
            steps = [member for member in told.get(child, []) if member.event.type.startswith(STEPS)]
            placement.orders[parent] += [Member(_of_part(member.event, child[1]), max(member.known, log)) for member in steps]


def _parts(linked: Mapping[OrderKey, Mapping[OrderKey, int]], parent: OrderKey) -> dict[OrderKey, int]:
    """The parts of an order, and the parts of these, each with the log time since when all links that lead to it are known."""
    found: dict[OrderKey, int] = {}
    ways = [(child, log) for child, log in linked.get(parent, {}).items()]
    while ways:
        child, log = ways.pop()
        if child != parent and log < found.get(child, NEVER):
            found[child] = log
            ways += [(part, max(log, since)) for part, since in linked.get(child, {}).items()]
    return found


def _of_part(event: Event, child: str) -> Event:
    """A step of a child as one of its parent: lines that state a SKU are meant by it, since each order numbers its lines for itself."""
    data = dict(event.data)
    lines = [cast("Json", one) for one in items(data, "lines") if isinstance(one, Mapping)]
    if lines:
        data["lines"] = [{name: value for name, value in line.items() if name != "line_id" or not line.get("sku")} for line in lines]
    return replace(event, subject=child, data=data)


def _note_wait(placement: Placement, event: Event, tied: int) -> None:
    """Tell of a wait under the alias that may be tied last: a dispute or a parcel, else the first. Several of them are not told of."""
    named = [(kind, value) for _, kind, value in aliases(event)]
    late = [alias for alias in named if alias[0] == "dispute_id"] + [("tracking_number", number) for number in event.numbers]
    if len(late) > 1:
        return
    kind, value = (late or named)[0]
    placement.waited.append(Waited(event.tenant, f"{kind}:{value}", event.log, tied, event.at))


def _by_tracking_number(placement: Placement, known: list[tuple[Event, OrderKey, tuple[int, int]]], loose: list[Event]) -> None:
    """Place what is left by tracking number: to every order tied to it, or after a reuse to the later one."""
    ties: dict[Number, list[Tie]] = defaultdict(list)
    for event, order, at in known:
        for number in event.numbers:
            ties[event.tenant, number].append(Tie(*at, order, event))
    spoken: dict[Number, list[Event]] = defaultdict(list)
    for event in [*loose, *(event for event, _, _ in known)]:
        for number in event.numbers:
            spoken[event.tenant, number].append(event)
    while _tied_by_relabels(ties, spoken, loose):
        pass
    eras = {key: _eras(placement, key[1], tied, spoken[key]) for key, tied in ties.items()}
    for event in loose:
        orders = _holders(event, ties, eras)
        at = (event.log, event.place)
        if orders:
            known.extend((event, order, max(at, tied)) for order, tied in orders.items())
        if event.numbers or aliases(event):
            tied_log = min((max(at, tied)[0] for tied in orders.values()), default=NEVER)
            _note_wait(placement, event, tied_log)


def _holders(event: Event, ties: Mapping[Number, list[Tie]], eras: Mapping[Number, list[Era]]) -> dict[OrderKey, tuple[int, int]]:
    """The orders that hold a number of an event at its instant, and since when (log) each is known to."""
    orders: dict[OrderKey, tuple[int, int]] = {}
    for number in event.numbers:
        key = (event.tenant, number)
        for start, end, owners in eras.get(key, []):
            if start <= event.at < end:
                for order in owners:
                    first = min((tie.log, tie.place) for tie in ties[key] if tie.order == order)
                    orders[order] = min(first, orders.get(order, first))
    return orders


def _tied_by_relabels(ties: dict[Number, list[Tie]], spoken: Mapping[Number, list[Event]], loose: list[Event]) -> bool:
    """Ties both numbers of a relabel without an order to whoever holds one of them; whether that told anything new."""
    eras = {key: _eras(Placement(), key[1], tied, spoken[key]) for key, tied in ties.items()}
    new = False
    for event in loose:
        if event.type != "carrier.relabelled":
            continue
        for order, tied in _holders(event, ties, eras).items():
            at = max((event.log, event.place), tied)
            for number in event.numbers:
                known = ties[event.tenant, number]
                if all((tie.log, tie.place) > at for tie in known if tie.order == order):
                    known.append(Tie(*at, order, event))
                    new = True
    return new


def _eras(placement: Placement, number: str, ties: list[Tie], events: list[Event]) -> list[Era]:
    """Who owns a tracking number from when to when, in event time: a new owner after an end begins a new era.

    The order that was known first to have it took it over from none, nor does one whose parcel it was said to be by that end.
    """
    since: dict[OrderKey, tuple[int, bool]] = {}
    said: dict[OrderKey, int] = {}
    for order in {tie.order for tie in ties}:
        mine = [tie for tie in ties if tie.order == order]
        labels = [tie for tie in mine if tie.event.type in ("warehouse.label_created", "warehouse.shipped")]
        since[order] = (min(tie.event.at for tie in labels or mine), bool(labels))
        known = min(((tie.log, tie.place) for tie in labels), default=(NEVER, 0))
        said[order] = min((tie.event.at for tie in mine if (tie.log, tie.place) < known), default=NEVER)
    since[min(ties, key=lambda tie: (tie.log, tie.place)).order] = (-NEVER, True)
    ends = [event.at for event in events if event.type == "carrier.scan" and event.text("status") in ("delivered", "returned")]
    eras: list[Era] = []
    for order, (start, labelled) in sorted(since.items(), key=lambda item: (item[1][0], item[0])):
        if eras and not (labelled and any(eras[-1][0] <= end < min(start, said[order]) for end in ends)):
            eras[-1][2].append(order)
            continue
        if eras:
            eras[-1] = (eras[-1][0], start, eras[-1][2])
            placement.reused[order].append((number, start))
        eras.append((start if eras else -NEVER, NEVER, [order]))
    return eras
