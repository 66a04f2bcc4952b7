"""What a sentence can say of an order's goods: its lines, shipments and parcels. A text is None where it is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dataflows.core.engine.summary_case import ExceptionCase
from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import Parcel, scan_of
from dataflows.core.history.quantities import line_key, quantity
from dataflows.core.history.shipments import Shipment
from schemas.events import Line
from schemas.instants import FAR


def what(case: ExceptionCase) -> str:
    """The parcel, shipment, line, payment or return that the exception is about."""
    carrier = case.shipment.said("carrier") if case.shipment is not None else None
    named = _named(case)
    return f"{named} ({carrier})" if carrier and named.startswith("parcel") else named


def _named(case: ExceptionCase) -> str:
    scope, _, name = (case.state.scope or "").partition(":")
    if scope != "shipment":
        return f"{scope} {name}" if scope else "the order"
    number = case.said("tracking_number")
    return _parcels([str(number)] if number is not None else sorted(case.shipment.trackings if case.shipment is not None else ()), name)


def _parcels(numbers: Sequence[str], shipment: str) -> str:
    return (("parcel " if len(numbers) == 1 else "parcels ") + ", ".join(numbers)) if numbers else f"shipment {shipment}"


def unscanned(case: ExceptionCase) -> str:
    """The parcels of a shipment that the carrier has not scanned."""
    shipment = case.shipment
    if shipment is None or len(shipment.parcels) < 2:
        return _named(case)
    unseen = [p for p in shipment.parcels if (p.first_scan is None or p.first_scan > case.by) and shipment.over_of(p) is None]
    return _parcels([p.tracking for p in unseen], shipment.key) if unseen else _named(case)


def owed(case: ExceptionCase) -> str:
    """The line, or the order, that is owed."""
    return f"line {case.line}" if case.line is not None else "the order"


def last_scan(case: ExceptionCase) -> str | None:
    """Status and instant of the last scan of the shipment, else of what the order still waits for, while the exception stood."""
    shipments = [case.shipment] if case.shipment is not None else case.facts.shipments if case.facts.placed is not None else []
    if case.shipment is None and shipments and ((whole := case.facts.delivered) is None or whole > case.last):
        shipments = [shipment for shipment in shipments if (at := shipment.delivered) is None or at > case.last]
    return _last_seen(case, shipments)


def under_way(case: ExceptionCase) -> str | None:
    """What has left and is still awaited while the exception stands: when it left, under which number, and what was last seen of it."""
    if case.facts.placed is None:
        return None
    sent = [shipment for shipment in case.facts.shipments if _awaited(case, shipment)]
    sent.sort(key=lambda shipment: (shipment.shipped or 0, shipment.key))
    words: list[str] = []
    for shipment in sent[:2]:
        carrier = shipment.said("carrier")
        parcels = [one for one in shipment.parcels if one.delivered is None or one.delivered > case.last] or shipment.parcels
        named = _parcels(sorted(one.tracking for one in parcels if one.tracking), shipment.key) + (f" ({carrier})" if carrier else "")
        seen = _last_seen(case, parcels)
        words.append(f"{named} left on {case.moment(shipment.shipped)}, {f'last seen {seen}' if seen else 'and no scan is known'}")
    if len(sent) > len(words):
        words.append(f"{len(sent) - len(words)} more left")
    seen = last_scan(case) if not sent else None
    return f"last seen {seen}" if seen else "; ".join(words) or None


def _awaited(case: ExceptionCase, shipment: Shipment) -> bool:
    """Whether a shipment had left and not arrived while the exception stood, and may hold what that is about."""
    left, arrived = shipment.shipped, shipment.delivered
    if left is None or left > case.last or not shipment.live or (arrived is not None and arrived <= case.last):
        return False
    if case.shipment is not None:
        return case.shipment is shipment
    return case.line is None or not shipment.lines or any(case.line in case.facts.book.keys_of(line) for line in shipment.lines)


def _last_seen(case: ExceptionCase, parcels: Iterable[Shipment | Parcel]) -> str | None:
    scans = [record for parcel in parcels for record in parcel.scans if record.at <= case.last]
    if not scans:
        return None
    last = max(scans, key=lambda record: record.at)
    return f"{scan_of(last).status.replace('_', ' ')} {case.moment(last.at)}"


def lines(known: Iterable[Line]) -> str | None:
    """Lines as quantities of SKUs."""
    return ", ".join(f"{quantity(one)} of {one.sku or line_key(one)}" for one in known) or None


def missing(case: ExceptionCase, covered: Callable[[Facts, list[str]], int | None], word: str = "missing") -> str | None:
    """The lines of an order of several that have not come to something, or had not when it was due."""
    facts, by = case.facts, FAR if case.state.end is None else case.by
    if facts.placed is None or len(facts.lines) < 2:
        return None
    keys = [case.line] if case.line is not None else list(facts.wanted)
    open_ = [key for key in keys if key in facts.wanted and ((at := covered(facts, [key])) is None or at > by)]
    if not open_ or len(open_) == len(facts.wanted):
        return None
    shown = ", ".join(f"{facts.wanted[key]} of {facts.lines[key].sku or key}" for key in open_[:3])
    return f"{len(open_)} of {len(facts.wanted)} lines {word}: {shown}" + (", ..." if len(open_) > 3 else "")


def progress(case: ExceptionCase) -> str | None:
    """The furthest that the warehouse came, where nothing has left."""
    facts = case.facts
    if facts.placed is None or any(shipment.left for shipment in facts.shipments):
        return None
    for word, at in (("packed", facts.packed), ("picked", facts.picked), ("released", facts.released), ("allocated", facts.allocated)):
        if at is not None:
            return f"it was {word} {case.moment(at)}"
    return "no step of the warehouse is known"


def shipped_quantity(case: ExceptionCase) -> str | None:
    """How much of the line's goods has left."""
    found = _surplus(case)
    return None if found is None else str(found[1])


def ordered_quantity(case: ExceptionCase) -> str | None:
    """How much of the line's goods the order has, less what was cancelled, while the exception stood."""
    found = _surplus(case)
    return None if found is None else str(found[2])


def line(case: ExceptionCase) -> str | None:
    """The goods by their SKU, with that of the kit that they are a part of, else the line by its ID."""
    if case.line is None:
        return None
    found = _surplus(case)
    return f"line {case.line}" if found is None else found[0]


def _surplus(case: ExceptionCase) -> tuple[str, int, int] | None:
    """The goods of a line, how much of them has left and how much the order has: of a kit the component of which there is most too much.

    All lines of one SKU are the same goods.
    """
    facts, key = case.facts, case.line
    known = facts.lines.get(key) if key is not None and facts.placed is not None else None
    if key is None or known is None:
        return None
    left = [x for x in facts.shipments if x.left and x.shipped is not None and x.shipped <= case.last]
    held = [line for shipment in left for line in shipment.lines or ()]
    due = facts.obligations.at(case.last).due
    same = [name for name, line in facts.lines.items() if name == key or (line.sku is not None and line.sku == known.sku)]
    parts = facts.obligations.shape.components.get(key, {})
    mine = [line for line in held if line.line_id in same or (known.sku is not None and line.sku == known.sku) or line.sku in same]
    whole = sum(quantity(line) for line in mine if line.sku not in parts)
    found = [(known.sku or f"line {key}", whole, sum(due.get(name, 0) for name in same))]
    found += [
        (f"{sku} (of {known.sku or key})", sum(quantity(line) for line in held if line.sku == sku), count * due.get(key, 0))
        for sku, count in parts.items()
    ]
    return max(found, key=lambda one: one[1] - one[2])


def labelled(case: ExceptionCase) -> str | None:
    """When the first label was made."""
    shipments = [case.shipment] if case.shipment is not None else case.facts.shipments
    instants = [label.at for shipment in shipments for label in shipment.labels]
    return case.moment(min(instants)) if instants else None


def ended_as(case: ExceptionCase) -> tuple[str, int] | None:
    """How the parcel had ended before it was scanned again."""
    record = case.record
    if case.shipment is None or record is None:
        return None
    ends = [scan for scan in case.shipment.scans if scan.at < record.at and scan_of(scan).status in ("delivered", "returned")]
    return (scan_of(ends[-1]).status, ends[-1].at) if ends else None


def delivered(case: ExceptionCase) -> Shipment | None:
    """The shipment that was delivered last."""
    known = [shipment for shipment in case.facts.shipments if shipment.delivered is not None]
    return max(known, key=lambda shipment: shipment.delivered or 0) if known else None


def first_eta(case: ExceptionCase) -> str | None:
    """The carrier's first estimate, where it is not the one that the case is about."""
    parcels = case.shipment.parcels if case.shipment is not None else ()
    estimates = [scan_of(record).eta for parcel in parcels for record in parcel.estimates]
    first = next((text for text in estimates if text), None)
    return None if first == case.said("eta") else case.date(first)


def attempts(case: ExceptionCase) -> str | None:
    """How many attempts to deliver failed."""
    scans = case.shipment.scans if case.shipment is not None else ()
    return str(sum(1 for record in scans if scan_of(record).status == "attempt_failed" and record.at <= case.last) or "") or None
