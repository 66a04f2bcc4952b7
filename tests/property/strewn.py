"""Random histories with more in them of what changes what earlier events mean: sites, carriers, batches that come late, withdrawals."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.property.policies import Form

Lines = list[dict[str, object]]
CLOCKS: Form = {
    "sites": {"w1": {"zone": "Asia/Tokyo"}, "w2": {"country": "US", "zone": "America/Los_Angeles"}},
    "carriers": {"ups": {"calendar": "early"}},
}
"""Two sites far apart, and a carrier that works by a calendar of its own (`policies.CALENDARS`)."""
AT_SITES = ("inventory.allocated", "inventory.short", "warehouse.")
NAMING = ("carrier.scan", "warehouse.label_created", "warehouse.shipped")
DESK = "/desk/acme"


def strewn(lines: Sequence[dict[str, object]], lots: Random) -> Lines:
    """The events, in log order: by lot they name sites and carriers, are recorded together days later, and are withdrawn."""
    sites, carriers, batches, withdrawals = (lots.random() < share for share in (0.6, 0.6, 0.3, 0.2))
    found: Lines = []
    for line in lines:
        type_, data = str(line["type"]), dict(cast("dict[str, object]", line["data"]))
        one: dict[str, object] = {**line, "data": data}
        if sites and type_.startswith(AT_SITES) and type_ != "warehouse.shipment_cancelled" and lots.random() < 0.5:
            data["site"] = lots.choice(("w1", "w2"))
        if sites and type_ == "order.placed" and data.get("lines") and lots.random() < 0.4:
            data["lines"] = _of_one_sku(cast("Lines", data["lines"]), datetime.fromisoformat(str(line["time"])), lots)
        if carriers and type_ in NAMING and lots.random() < 0.5:
            data["carrier"] = lots.choice(("ups", "UPS", "dhl"))
        if carriers and type_ in NAMING[1:] and lots.random() < 0.3:
            data["service"] = lots.choice(("express", "standard"))
        if batches and lots.random() < 0.7:
            recorded = _recorded(line)
            one["recordedtime"] = (recorded.replace(hour=0, minute=0, second=0) + timedelta(days=3)).isoformat()
        found.append(one)
    if withdrawals:
        found += [_withdrawal(line, lots) for line in lots.sample(found, min(2, len(found)))]
    return sorted(found, key=_recorded)


def _recorded(line: dict[str, object]) -> datetime:
    return datetime.fromisoformat(str(line["recordedtime"]))


def _of_one_sku(lines: Lines, placed: datetime, lots: Random) -> Lines:
    """Lines of one SKU with dates of their own, of which the site's zone says which comes first."""
    day = (placed + timedelta(days=lots.choice((1, 3, 8)))).date().isoformat()
    return [{**line, "sku": "A", "ship_by": lots.choice((day, f"{day}T18:00:00+00:00", None))} for line in lines]


def _withdrawal(line: dict[str, object], lots: Random) -> dict[str, object]:
    at = (_recorded(line) + timedelta(days=lots.choice((0, 1, 5)))).isoformat()
    head = {"specversion": "1.0", "id": f"{line['id']}-w", "source": DESK, "type": "evidence.withdrawn", "time": at}
    return {**head, "subject": line.get("subject", "o1"), "data": {"event_id": line["id"]}, "recordedtime": at}
