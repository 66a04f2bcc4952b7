"""What a page with a list shows: its rows, how many there are, what they can be narrowed by, and which of four emptinesses it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from sqlalchemy import Connection

from dataflows.console.access import Person
from dataflows.console.columns import COLUMNS, chosen
from dataflows.console.filters import ANY, ME, NOBODY, SEVERAL, SOMEBODY, ReadFilter, to_query
from dataflows.console.kept_rows import row_writer
from dataflows.console.own_lists import columns_of
from dataflows.console.pages import words
from dataflows.console.parts import Head
from dataflows.console.standard_views import standard
from dataflows.console.text import mark
from dataflows.console.visit import Visit
from sinks.cases.queries.conditions import standing
from sinks.cases.queries.exceptions import list_exceptions
from sinks.cases.queries.facets import Facets, facets
from sinks.cases.queries.rows import ExceptionRow, Page
from sinks.cases.queries.wanted import RESTING, ExceptionFilter

Query = Mapping[str, Sequence[str]]
ROWS: Final = 40
"""How many rows a page has."""
BEHIND: Final = timedelta(minutes=1)
"""How long ago the store's writer may have looked for records."""
MOST_BEHIND: Final = 1_000
"""How many records it may lack."""
LABELS: Final[Mapping[str, str]] = {
    "status": mark("Status"),
    "severity": mark("Severity"),
    "kind": mark("Kind"),
    "state": mark("Case"),
    "team": mark("Team"),
    "assignee": mark("Assignee"),
    "lane": mark("Lane"),
    "carrier": mark("Carrier"),
    "site": mark("Site"),
    "sku": mark("SKU"),
    "country": mark("Country"),
    "tier": mark("Tier"),
    "currency": mark("Currency"),
    "action": mark("An action is"),
    "label": mark("Label"),
    "policy": mark("Policy"),
    "tenant": mark("Tenant"),
    "order": mark("Order"),
    "waiting_on": mark("Waits for"),
    "blocking": mark("Stops automation"),
    "reopened": mark("Reopened"),
    "escalated": mark("Escalated"),
    "shipments": mark("About shipping"),
    "older_than": mark("Raised before"),
    "newer_than": mark("Raised within"),
    "due_in": mark("Due within"),
    "waking_in": mark("Wakes within"),
    "handed_in": mark("Handed over within"),
    "worth_from": mark("Value from"),
    "worth_to": mark("Value to"),
    "breached": mark("Clock run out"),
    "text": mark("Text"),
    "mode": mark("Mode"),
    "sort": mark("Sorted by"),
}
"""By parameter of a list what it is called."""
FACETS: Final = ("severity", "kind", "state", "team", "assignee", "lane", "carrier", "site", "country", "tier")
"""The parameters with counts, in the order in which they stand."""

VALUES: Final[Mapping[str, str]] = {
    ME: mark("me"),
    NOBODY: mark("nobody"),
    SOMEBODY: mark("somebody"),
    "any": mark("any"),
    "yes": mark("yes"),
    "no": mark("no"),
}
"""Values that are words of this program, and not names."""

TABLES: Final[Mapping[str, dict[str, str]]] = {
    "status": words.STATUSES,
    "state": words.CASES,
    "action": words.STATES,
    "severity": {name: name for name in (mark("critical"), mark("high"), mark("medium"), mark("low"))},
    "lane": {name: name for name in (mark("auto"), mark("review"), mark("block"))},
    "label": {"real": mark("real"), "noise": mark("noise"), "known": mark("known"), "wrong_owner": mark("wrong owner")},
    "breached": {"acknowledge": mark("taken up too late"), "resolve": mark("resolved too late")},
    "waiting_on": {
        name: name for name in (mark("customer"), mark("carrier"), mark("warehouse"), mark("supplier"), mark("bank"), mark("other"))
    },
}
"""By parameter the words of its values."""


class FacetOption(NamedTuple):
    """A value that a list can be narrowed by, or is. `url`: with it, or without it where it is chosen."""

    value: str
    shown: str
    many: int | None
    is_chosen: bool
    url: str


class FacetGroup(NamedTuple):
    """The values of one filter."""

    name: str
    label: str
    options: Sequence[FacetOption]


class FilterChip(NamedTuple):
    """A part of the filter that holds, and the page without it."""

    name: str
    label: str
    value: str
    url: str


class ListHead(NamedTuple):
    """A head of a column. `url`: sorted by it; `is_sorted`: it is."""

    name: str
    label: str
    url: str | None
    is_sorted: bool


class ReadList(NamedTuple):
    """A page of a list with its counts; `facets` None where none were asked for."""

    page: Page[ExceptionRow]
    facets: Facets | None = None


def read_rows(connection: Connection, visit: Visit, read: ReadFilter, *, after: str | None = None, limit: int = ROWS) -> Page[ExceptionRow]:
    """A page of what a filter leaves of what somebody may see. Raises FilterError."""
    return list_exceptions(connection, visit.person.narrow(read.wanted), now=visit.now, limit=limit, after=after, sort=read.sort)


async def read_facets(visit: Visit, wanted: ExceptionFilter) -> Facets:
    """How many rows a filter leaves of what somebody may see, and of what; as of some seconds ago if asked then. Raises FilterError."""
    bounds = visit.person.narrow(ExceptionFilter())
    return await visit.shared(("facets", wanted, bounds), facets, wanted, bounds, now=visit.now)


class ShownList:
    """A list as a template shows it. `route`: the page that it stands on."""

    def __init__(self, visit: Visit, read: ReadFilter, found: ReadList, columns: Sequence[str], *, defaults: Query | None = None) -> None:
        self._visit, self._read, self._defaults = visit, read, dict(defaults or {})
        self.rows, self.after, self.facets = found.page.rows, found.page.after, found.facets
        self.query: dict[str, Sequence[str]] = dict(to_query(read.wanted, read.sort, visit.person.by))
        visit.asked = {name: values for name, values in self.query.items() if self._defaults.get(name) != values}
        self.columns = columns
        self.said = [visit.say(one.text, **one.values) for one in read.said]
        self.first = _place(visit.request.query_params.get("at"))

    @property
    def total(self) -> int | None:
        """How many rows there are, as far as they were counted."""
        return None if self.facets is None else self.facets.total

    @property
    def is_capped(self) -> bool:
        """Whether there are more than were counted."""
        return self.facets is not None and self.facets.capped

    @property
    def next(self) -> str | None:
        """The next page."""
        if self.after is None:
            return None
        return self.url({**self.query, "after": [self.after], "at": [str(self.first + len(self.rows))]})

    @property
    def start(self) -> str | None:
        """The first page, where this is another one."""
        return self.url(self.query) if "after" in self._visit.request.query_params else None

    @property
    def is_narrowed(self) -> bool:
        """Whether the filter leaves anything out that the page would show without one."""
        return any(name != "sort" and self._defaults.get(name) != values for name, values in self.query.items())

    @property
    def cleared(self) -> str:
        """The page without a filter."""
        return self.url({"sort": self.query["sort"]} if "sort" in self.query else {})

    def url(self, query: Query) -> str:
        """This page with other parameters."""
        return self._visit.url(self._visit.route, {name: list(values) for name, values in query.items()})

    def heads(self) -> Iterator[ListHead]:
        """The heads of the columns."""
        stands = standing(self._read.wanted)
        for name in self.columns:
            column = COLUMNS[name]
            sorts = column.sort is not None and (stands or column.sort == "newest")
            url = self.url({**self.query, "sort": [str(column.sort)]}) if sorts else None
            yield ListHead(name, self._visit.say(column.label), url, sorts and column.sort == self._read.sort)

    def chips(self) -> Iterator[FilterChip]:
        """The parts of the filter that hold."""
        for name, values in self.query.items():
            if name == "sort" or self._defaults.get(name) == values:
                continue
            for value in values:
                rest = {**self.query, name: [one for one in values if one != value]}
                yield FilterChip(name, self._visit.say(LABELS[name]), self.value(value, name), self.url({**rest, "after": []}))

    def resting(self) -> Iterator[FacetOption]:
        """What is out of sight for being snoozed or waiting, where the list shows what is in hand; behind it the list with all of it."""
        if self.facets is None or "state" in self.query or not self._read.wanted.states:
            return
        counts = dict(self.facets.values.get("states", ()))
        hidden = [(state, many) for state in RESTING if (many := counts.get(state))]
        yield from (self._option("state", state, many) for state, many in hidden)
        if hidden:
            yield self._option("state", ANY, None)

    def groups(self) -> Iterator[FacetGroup]:
        """What the list can be narrowed by, with counts."""
        if self.facets is None:
            return
        for name in FACETS:
            if name in self._defaults:
                continue
            field = "assignees" if name == "assignee" else SEVERAL[name][0]
            counts = {NOBODY if value is None else value: many for value, many in self.facets.values.get(field, ())}
            if name != "assignee":
                counts.pop(NOBODY, None)
            elif self._visit.person.by in counts:
                counts = {ME: counts.pop(self._visit.person.by), **counts}
            chosen_ones = self.query.get(name, ())
            if name == "state" and ANY in chosen_ones:
                counts = {ANY: sum(counts.values()), **counts}
            counts |= {value: 0 for value in chosen_ones if value not in counts and not (name == "kind" and "." not in value)}
            domains = [value for value in chosen_ones if name == "kind" and "." not in value]
            options = [self._option(name, value, None) for value in domains]
            options += [self._option(name, value, many) for value, many in counts.items()]
            if options:
                yield FacetGroup(name, self._visit.say(LABELS[name]), options)

    def others(self) -> Iterator[tuple[str, str]]:
        """The parameters that a form about some of them must keep: all that it has no field for."""
        for name in ("status", *FACETS, "policy", "tenant", "order", "mode", "shipments", "handed_in", "currency", "sort"):
            yield from ((name, value) for value in self.query.get(name, ()))

    def choices(self, name: str, values: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Values of a parameter and how they are shown."""
        return [(value, self.value(value, name)) for value in values]

    def one(self, name: str) -> str:
        """The value of a parameter that has one; empty if it has none."""
        return next(iter(self.query.get(name, ())), "")

    def value(self, value: str, name: str) -> str:
        """A value of a parameter as it is shown."""
        if value in VALUES:
            return self._visit.say(VALUES[value])
        if name in TABLES:
            return self._visit.say(words.words_of(TABLES[name], value))
        if name == "kind":
            domain, _, rest = value.partition(".")
            return f"{self._visit.say(domain)}: {self._visit.language.kind(value)}" if rest else self._visit.say(domain)
        return value.removeprefix("user:") if name == "assignee" else value

    def _option(self, name: str, value: str, count: int | None) -> FacetOption:
        values = self.query.get(name, ())
        is_chosen = value in values
        changed = (
            [one for one in values if one != value] if is_chosen else [*(one for one in values if (name, one) != ("state", ANY)), value]
        )
        return FacetOption(value, self.value(value, name), count, is_chosen, self.url({**self.query, name: changed}))


def helpers(visit: Visit, handed: Collection[str] = ()) -> dict[str, Any]:
    """What all templates of lists use. `handed`: IDs of rows that are to be marked as handed over."""

    def export_url(query: Query, bom: bool) -> str:
        return visit.url("exceptions_csv", {**query, **({"bom": ["yes"]} if bom else {})})

    def query_of(query: Query) -> str:
        return urlencode(query, doseq=True)

    def names_of(columns: Sequence[str]) -> dict[str, str]:
        return {name: visit.say(COLUMNS[name].label) for name in columns}

    def with_sort(query: Query, sort: str) -> Query:
        return {**query, "sort": [sort]}

    return {
        "heads_of": {name: column.label for name, column in COLUMNS.items()},
        "names_of": names_of,
        "query_of": query_of,
        "export_url": export_url,
        "with_sort": with_sort,
        "instant_of": datetime.fromisoformat,
        "standard": standard(visit),
        "words": words,
        "words_of": words.words_of,
        "handed": handed,
        "written": row_writer(visit, handed),
    }


def emptiness(visit: Visit, *, narrowed: bool) -> str:
    """Why a list is empty: `filtered`, `unconnected`, `behind` or `nothing`, as the page's macro calls it."""
    head = visit.head
    if head is not None and head.standing.last_at is None and not head.counts.open:
        return "unconnected"
    if narrowed and head is not None and head.counts.open:
        return "filtered"
    if head is not None and is_behind(head, visit):
        return "behind"
    return "filtered" if narrowed else "nothing"


def is_behind(head: Head, visit: Visit) -> bool:
    """Whether the store lacks so much, or was written so long ago, that an empty list may be empty for it."""
    seen = head.standing.seen_at
    return (seen is not None and visit.now - seen > BEHIND) or (head.standing.behind or 0) > MOST_BEHIND


def seen_columns(visit: Visit, person: Person) -> tuple[str, ...]:
    """The columns that a list shows: of the URL, else as the person has chosen. Blocking."""
    asked = visit.request.query_params.getlist("columns")
    return chosen(asked or columns_of(visit.parts.own, person))


def matching(connection: Connection, visit: Visit, wanted: ExceptionFilter, most: int) -> tuple[list[ExceptionRow], bool]:
    """Up to so many of all that a filter leaves of what somebody may see, and whether there are more. Raises FilterError."""
    page = list_exceptions(connection, visit.person.narrow(wanted), now=visit.now, limit=most)
    return list(page.rows), page.after is not None


def _place(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 0
