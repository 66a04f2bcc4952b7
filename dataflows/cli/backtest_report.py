"""The report of a back-test for a person: the same at every width, so that two runs write the same bytes."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from schemas.counts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from dataflows.detect.backtest.report import Both, Example, KindRow, Leads, Report

HEADS = {
    "gone": "gone",
    "raised": "more",
    "earlier": "sooner",
    "later": "later",
    "graver": "up",
    "milder": "down",
    "owner": "owner",
    "ended": "end",
}
"""The columns of differences; those with nothing in them are left out."""
ABOUT = {
    "gone": "said no more",
    "raised": "said only now",
    "earlier": "said sooner",
    "later": "said later",
    "graver": "graver",
    "milder": "milder",
    "owner": "another owner",
    "ended": "stands otherwise at the end",
}
NOTHING = "·"
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def render(found: Report) -> Iterator[RenderableType]:
    """The parts of a report, in order."""
    yield Text(f"{found.old.name}, version {found.old.version} → {found.new.name}, version {found.new.version}", style="bold")
    yield Text(
        f"{found.events:,} events of {found.orders:,} orders"
        + (f", since {found.since}" if found.since else "")
        + (f", until {found.until}" if found.until else "")
    )
    yield Text(f"{_both(found.found)} exceptions, {found.differ:,} of them otherwise; in shadow {_both(found.shadow)}")
    differ = [row for row in found.kinds if any(row.changes.values())]
    if differ:
        yield Text()
        yield _kinds(differ)
    same = [row for row in found.kinds if not any(row.changes.values())]
    if same:
        yield Text(f"the same: {sum(row.found.new for row in same):,} exceptions of {counted(len(same), 'kind')}", style="dim")
    yield Text()
    warned = found.warned
    yield Text(f"orders with a promise and an exception: {_both(warned.orders)}")
    yield Text(f"  first one before the promise ends: of {_both(warned.before)}; median of all {_leads(warned.lead)}")
    for row in differ:
        if row.lead.old != row.lead.new:
            yield Text(f"  {row.kind}: {_leads(row.lead)}")
    yield Text()
    yield from _tables(found)
    orders, money = found.orders_found, found.money
    yield Text(f"money at risk: {_both(orders)} orders with an exception that was not retracted")
    for coins in money:
        only = "" if coins.only_old == coins.only_new == "0" else f"; no longer found {coins.only_old}, only now {coins.only_new}"
        yield Text(
            f"  {coins.currency} {coins.old} → {coins.new}{only}" if coins.old != coins.new else f"  {coins.currency} {coins.new}{only}"
        )
    for what, counts in (("lines", found.lines), ("rejected", found.rejects)):
        changed = [f"  {name} {_both(count)}" for name, count in counts.items() if count.old != count.new]
        if changed:
            yield Text(f"{what}:")
            yield from map(Text, changed)
    yield from _examples(found.examples)


def _both(numbers: Both) -> str:
    return f"{numbers.old:,} → {numbers.new:,}" if numbers.old != numbers.new else f"{numbers.new:,}"


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", no_wrap=True)
    return table


def _kinds(rows: Iterable[KindRow]) -> Table:
    rows = list(rows)
    shown = {name: head for name, head in HEADS.items() if any(row.changes[name] for row in rows)}
    retracted = any(row.retracted.old or row.retracted.new for row in rows)
    table = _table("exception", "old", "new", *shown.values(), *(("retracted",) if retracted else ()))
    for row in rows:
        counts = (f"{row.changes[name]:,}" if row.changes[name] else NOTHING for name in shown)
        table.add_row(row.kind, f"{row.found.old:,}", f"{row.found.new:,}", *counts, *((_both(row.retracted),) if retracted else ()))
    return table


def _tables(found: Report) -> Iterator[RenderableType]:
    """The load of owners and the actions, as far as they change."""
    owners = [row for row in found.owners if any(both.old != both.new for both in (row.found, row.open, row.busiest))]
    if owners:
        table = _table("owner", "exceptions", "open at the end", "busiest day")
        for row in owners:
            table.add_row(row.owner, _both(row.found), _both(row.open), _both(row.busiest))
        yield table
    else:
        yield Text("every owner's load stays as it was")
    actions = [row for row in found.actions if any(both.old != both.new for both in (row.proposed, row.requested, row.withdrawn))]
    yield Text()
    if actions:
        table = _table("action", "proposed", "requested", "withdrawn")
        for asked in actions:
            table.add_row(asked.action.replace("_", " "), _both(asked.proposed), _both(asked.requested), _both(asked.withdrawn))
        yield table
    else:
        yield Text("every action is proposed and requested as often as it was")
    yield Text()


def _leads(leads: Leads) -> str:
    return f"{_lead(leads.old)} → {_lead(leads.new)}" if leads.old != leads.new else _lead(leads.new)


def _lead(seconds: int | None) -> str:
    """How long before (or after) the end of the promise, in the two largest units."""
    if seconds is None:
        return "nothing"
    days, rest = divmod(abs(seconds), DAY)
    hours, minutes = divmod(rest // MINUTE, HOUR // MINUTE)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} m" if minutes and not days else ""]
    text = " ".join(part for part in parts if part) or "0 m"
    return f"{text} after" if seconds < 0 else text


def _examples(examples: Iterable[Example]) -> Iterator[Text]:
    for (kind, change), mine in groupby(examples, key=lambda one: (one.kind, one.change)):
        yield Text()
        yield Text(f"{kind}, {ABOUT[change]}", style="bold")
        for one in mine:
            head = f"  {one.order_id}" + (f" {one.scope}" if one.scope else "") + (f" of {one.tenant}" if one.tenant != "default" else "")
            yield Text(f"{head}: {_said(one, change)}")


def _said(one: Example, change: str) -> str:
    old, new = one.old, one.new
    if old is None or new is None:
        said = old or new or {}
        value = f", {said['value']}" if said["value"] else ""
        return f"{said['detected_at']} {said['severity']} {said['owner']}, {said['status']}{value}"
    name = {"graver": "severity", "milder": "severity", "owner": "owner", "ended": "status"}.get(change, "detected_at")
    return f"{old[name]} → {new[name]}" + (f", {new['value']}" if new["value"] else "")
