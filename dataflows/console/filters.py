"""Filters of lists as they stand in URLs: read into what the store is asked, and back. What is not understood is said and ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple, get_args

from starlette.datastructures import QueryParams

from dataflows.console.text import mark
from sinks.cases.queries.conditions import STATUSES, standing
from sinks.cases.queries.wanted import ACTION_STATES, IN_HAND, SEVERITIES, STATES, Breach, ExceptionFilter, Sort

ME: Final = "me"
NOBODY: Final = "nobody"
SOMEBODY: Final = "somebody"
ANY: Final = "any"
LONGEST: Final = 200
"""How long a value may be."""
MOST_VALUES: Final = 50
"""How many values of one filter are read."""
MOST_SIGNS: Final = 1_500
"""How long all values together may be: each link of a list has them in it."""
LANES: Final = ("auto", "review", "block")
LABELS: Final = ("real", "noise", "known", "wrong_owner")
WAITING_ON: Final = ("customer", "carrier", "warehouse", "supplier", "bank", "other")
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)
BREACHES: Final[tuple[Breach, ...]] = get_args(Breach)
SPANS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
SEVERAL: Final[Mapping[str, tuple[str, Sequence[str] | None]]] = {
    "state": ("states", STATES),
    "kind": ("kinds", None),
    "severity": ("severities", SEVERITIES),
    "lane": ("lanes", LANES),
    "team": ("teams", None),
    "carrier": ("carriers", None),
    "site": ("sites", None),
    "sku": ("skus", None),
    "country": ("countries", None),
    "tier": ("tiers", None),
    "currency": ("currencies", None),
    "action": ("action_states", ACTION_STATES),
    "label": ("labels", LABELS),
    "policy": ("policies", None),
    "tenant": ("tenants", None),
    "order": ("orders", None),
    "waiting_on": ("waiting_on", WAITING_ON),
}
"""By parameter, which may stand several times: the field, and what values there are where that is known."""
FLAGS: Final = ("blocking", "reopened", "escalated")
TIMES: Final[Mapping[str, str]] = {
    "older_than": "older_than",
    "newer_than": "newer_than",
    "due_in": "due_within",
    "waking_in": "waking_within",
    "handed_in": "handed_within",
}
AMOUNTS: Final = ("worth_from", "worth_to")
OTHERS: Final = frozenset(("after", "at", "view", "columns", "bom"))
"""Parameters of lists that are no filters."""
UNKNOWN: Final = mark("There is no filter “%(name)s”: it is left out.")
NO_VALUE: Final = mark("“%(value)s” is no value of the filter “%(name)s”: it is left out.")
TOO_MUCH: Final = mark("The filter is too long: what it says of “%(name)s” is left out in part.")
TEXT_OVER: Final = mark("Text is looked for in what is open or suppressed only: it is left out. Search finds orders by their names.")
SORT_OVER: Final = mark("What is over comes by when it was last said, the newest first.")


class IgnoredFilter(NamedTuple):
    """What of a filter was not understood: an English sentence, and what is filled into it."""

    text: str
    values: Mapping[str, object]


class ReadFilter(NamedTuple):
    """A filter as a URL has it."""

    wanted: ExceptionFilter
    sort: Sort
    said: tuple[IgnoredFilter, ...] = ()


def usual_states(wanted: ExceptionFilter) -> tuple[str, ...]:
    """The states of cases that a list shows where its URL names none: those in hand.

    Not of what is over, not where what rests is asked for, and not where a clock is: that of what is snoozed runs on.
    """
    asked = (wanted.waking_within, wanted.breached, wanted.due_within)
    return IN_HAND if standing(wanted) and not wanted.waiting_on and asked == (None,) * len(asked) else ()


def read_filter(params: QueryParams, me: str) -> ReadFilter:
    """The filter of a URL. `me`: who asks, such as `user:anna`."""
    fields: dict[str, Any] = {}
    said: list[IgnoredFilter] = []
    left = MOST_SIGNS
    for name in dict.fromkeys(params):
        values = [value for value in params.getlist(name)[:MOST_VALUES] if value]
        if name in OTHERS or not values:
            continue
        read = READERS.get(name)
        if read is None:
            said.append(IgnoredFilter(UNKNOWN, {"name": name[:LONGEST]}))
            continue
        for value in values:
            if len(value) <= LONGEST and len(value) > left:
                said.append(IgnoredFilter(TOO_MUCH, {"name": name}))
                break
            if len(value) > LONGEST or not value.isprintable() or not read(fields, value, me):
                said.append(IgnoredFilter(NO_VALUE, {"name": name, "value": value[:LONGEST]}))
            else:
                left -= len(value)
    sort: Sort | None = fields.pop("sort", None)
    wanted = ExceptionFilter(**fields)
    if "states" not in fields:
        wanted = replace(wanted, states=usual_states(wanted))
    stands = standing(wanted)
    if wanted.text and not stands:
        wanted = replace(wanted, text=None)
        said.append(IgnoredFilter(TEXT_OVER, {}))
    if sort not in (None, "newest") and not stands:
        sort = None
        said.append(IgnoredFilter(SORT_OVER, {}))
    return ReadFilter(wanted, sort or ("gravity" if stands else "newest"), tuple(said))


def to_query(wanted: ExceptionFilter, sort: Sort | None = None, me: str = "") -> dict[str, list[str]]:
    """A filter as the parameters of a URL: only what differs from a list of all that is open and in hand, gravest first."""
    found: dict[str, list[str]] = {}
    if wanted.statuses != ("open",):
        found["status"] = list(wanted.statuses) or [ANY]
    if wanted.modes != ("on",):
        found["mode"] = list(wanted.modes) or [ANY]
    usual = {"states": usual_states(wanted)}
    for name, (field, _) in SEVERAL.items():
        if (values := getattr(wanted, field)) != usual.get(field, ()):
            found[name] = list(values) or [ANY]
    people = [ME if one == me else one for one in wanted.assignees]
    people += [NOBODY] * wanted.unassigned + [SOMEBODY] * wanted.assigned
    if people:
        found["assignee"] = people
    for name in FLAGS:
        if (flag := getattr(wanted, name)) is not None:
            found[name] = ["yes" if flag else "no"]
    if wanted.shipments:
        found["shipments"] = ["yes"]
    for name, field in TIMES.items():
        if (span := getattr(wanted, field)) is not None:
            found[name] = [span_text(span)]
    for name in AMOUNTS:
        if (amount := getattr(wanted, name)) is not None:
            found[name] = [f"{amount:f}"]
    if wanted.breached is not None:
        found["breached"] = [wanted.breached]
    if wanted.text:
        found["text"] = [wanted.text]
    if sort is not None and sort != ("gravity" if standing(wanted) else "newest"):
        found["sort"] = [sort]
    return found


def span_of(text: str) -> timedelta | None:
    """A span such as `90m`, `4h`, `2d`, `1w`; None of what is none."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", text)
    return None if found is None else int(found[1]) * SPANS[found[2]]


def span_text(span: timedelta) -> str:
    """A span as `span_of` reads it, in its largest whole unit; what is less than a minute is left out."""
    for unit in ("w", "d", "h"):
        if span >= SPANS[unit] and not span % SPANS[unit] and span // SPANS[unit] <= 99_999:
            return f"{span // SPANS[unit]}{unit}"
    return f"{max(span // SPANS['m'], 1)}m"


Reader = Callable[[dict[str, Any], str, str], bool]
"""Puts a value into fields, for somebody; returns whether it is one."""


def _among(field: str, known: Iterable[str] | None) -> Reader:
    allowed = None if known is None else frozenset(known)

    def read(fields: dict[str, Any], value: str, _: str) -> bool:
        if allowed is not None and value not in allowed:
            return False
        if value not in fields.get(field, ()):
            fields[field] = (*fields.get(field, ()), value)
        return True

    return read


def _any_of(field: str, known: Sequence[str]) -> Reader:
    among = _among(field, known)

    def read(fields: dict[str, Any], value: str, me: str) -> bool:
        if value == ANY:
            fields[field] = ()
            return True
        return among(fields, value, me)

    return read


def _assignee(fields: dict[str, Any], value: str, me: str) -> bool:
    if value in (NOBODY, SOMEBODY):
        fields["unassigned" if value == NOBODY else "assigned"] = True
        return True
    who = me if value == ME else value
    if who not in fields.get("assignees", ()):
        fields["assignees"] = (*fields.get("assignees", ()), who)
    return True


def _flag(field: str) -> Reader:
    def read(fields: dict[str, Any], value: str, _: str) -> bool:
        if value not in ("yes", "no"):
            return False
        fields[field] = value == "yes"
        return True

    return read


def _span(field: str) -> Reader:
    def read(fields: dict[str, Any], value: str, _: str) -> bool:
        fields[field] = span_of(value)
        if fields[field] is None:
            del fields[field]
            return False
        return True

    return read


def _amount(field: str) -> Reader:
    def read(fields: dict[str, Any], value: str, _: str) -> bool:
        try:
            amount = Decimal(value)
        except InvalidOperation:
            return False
        if not amount.is_finite() or abs(amount) >= Decimal(10**15) or amount != round(amount, 4):
            return False
        fields[field] = amount
        return True

    return read


def _one(field: str, known: Sequence[str]) -> Reader:
    def read(fields: dict[str, Any], value: str, _: str) -> bool:
        if value in known:
            fields[field] = value
        return value in known

    return read


def _text(fields: dict[str, Any], value: str, _: str) -> bool:
    if text := value.strip():
        fields["text"] = text
    return True


READERS: Final[Mapping[str, Reader]] = {
    "status": _any_of("statuses", STATUSES),
    "mode": _any_of("modes", ("on", "shadow")),
    **{name: _among(field, known) for name, (field, known) in SEVERAL.items()},
    "state": _any_of("states", STATES),
    "assignee": _assignee,
    **{name: _flag(name) for name in (*FLAGS, "shipments")},
    **{name: _span(field) for name, field in TIMES.items()},
    **{name: _amount(name) for name in AMOUNTS},
    "breached": _one("breached", BREACHES),
    "sort": _one("sort", SORTS),
    "text": _text,
}
"""By parameter what reads a value of it."""
FILTERS: Final = (*READERS,)
"""The parameters of lists that are filters, and the order."""
