"""How many of a list have which severity, kind, team and so on: what a reader can narrow it by, and what would be left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CTE, Column, Connection, Integer, Select, String, and_, func, literal_column, null, select, true, tuple_, union_all

from sinks.cases.expressions import Expression
from sinks.cases.queries.conditions import at_instant, of_exceptions, shape, standing, values_of
from sinks.cases.queries.prepared import prepared
from sinks.cases.queries.wanted import ExceptionFilter
from sinks.cases.tables import exceptions

_E = exceptions.c
COLUMNS: Final[Mapping[str, Column[str]]] = {
    "severities": _E.severity,
    "kinds": _E.kind,
    "states": _E.case_state,
    "teams": _E.team,
    "assignees": _E.assignee,
    "lanes": _E.lane,
    "carriers": _E.carrier,
    "sites": _E.site,
    "countries": _E.country,
    "tiers": _E.tier,
}
"""By field of the filter the column that is counted."""
MOST_STANDING: Final = 50_000
"""Of how many rows at most is counted, of what is not over."""
MOST_OVER: Final = 5_000
"""Of how many where what is over is among it: of those that were last said."""
MOST_VALUES: Final = 40
"""How many values of a facet are answered with, those with the most rows."""
BOUNDS: Final = "bounds_"
"""What the parameters of the bounds begin with."""
WHOLE: Final = ""
"""The name under which all rows are counted."""
FacetCount = tuple[str, str | None, int, int]
"""A facet, one of its values, how many rows have it, and of how many it was counted."""


@dataclass(frozen=True, slots=True)
class Facets:
    """How many rows fit a filter, and by field of it what values they have.

    `values`: of each field those with the most rows, counted in what fits the rest of the filter; None is for having none. `capped`: there
    are more rows than were counted.
    """

    total: int
    capped: bool
    values: Mapping[str, Sequence[tuple[str | None, int]]]


def facets(connection: Connection, wanted: ExceptionFilter, bounds: ExceptionFilter | None = None, *, now: datetime) -> Facets:
    """Counts what a filter leaves. `bounds`: tenants, teams and sites outside of which nothing is counted. Raises FilterError."""
    bounds = replace(bounds or ExceptionFilter(), statuses=(), modes=())
    most = MOST_STANDING if standing(wanted) else MOST_OVER
    asks = {**at_instant(wanted, now), **values_of(bounds, BOUNDS)}
    values: dict[str, list[tuple[str | None, int]]] = defaultdict(list)
    total = looked = 0
    statement, read = (counting_sets, _of_sets) if connection.dialect.name == "postgresql" else (counting_values, _of_values)
    for facet, value, many, of in read(connection.execute(prepared(connection, statement, shape(wanted), shape(bounds), most), asks)):
        if facet == WHOLE:
            looked, total = of, many
        elif many:
            values[facet].append((value, many))
    for found in values.values():
        found.sort(key=lambda one: (-one[1], one[0] or ""))
        del found[MOST_VALUES:]
    return Facets(min(total, most), looked > most, values)


def count_rows(connection: Connection, wanted: ExceptionFilter, *, now: datetime, most: int) -> int:
    """How many rows fit a filter; beyond `most` none is counted. Raises FilterError."""
    return int(connection.execute(prepared(connection, counting_rows, shape(wanted), most), at_instant(wanted, now)).scalar_one())


def counting_rows(wanted: ExceptionFilter, most: int) -> Select[*tuple[Any, ...]]:
    """The statement, as of `now`."""
    rows = select(_E.exception_id).where(*of_exceptions(wanted)).limit(literal_column(str(most), Integer())).subquery("counted")
    return select(func.count().label("many")).select_from(rows)


def counting_values(wanted: ExceptionFilter, bounds: ExceptionFilter, most: int) -> Select[*tuple[Any, ...]]:
    """The statement, as of `now`. Rows are read once, and counted for each facet by all of the filter but what it says of that facet."""
    hits, chosen = _hits(wanted, bounds, most)
    whole = select(
        _named(WHOLE).label("facet"),
        null().cast(String).label("value"),
        func.count().filter(_others(hits, chosen)).label("many"),
        func.count().label("looked"),
    ).select_from(hits)
    each = [
        select(_named(name), hits.c[column.name], func.count(), literal_column("0", Integer()))
        .where(_others(hits, chosen, name))
        .group_by(hits.c[column.name])
        for name, column in COLUMNS.items()
    ]
    every = union_all(whole, *each).subquery("counted")
    return select(every.c.facet, every.c.value, every.c.many, every.c.looked)


def counting_sets(wanted: ExceptionFilter, bounds: ExceptionFilter, most: int) -> Select[*tuple[Any, ...]]:
    """The same for PostgreSQL, which counts all facets in one pass, in half the time; SQLite has no grouping sets."""
    hits, chosen = _hits(wanted, bounds, most)
    columns = [hits.c[column.name] for column in COLUMNS.values()]
    besides = [func.count().filter(_others(hits, chosen, name)).label(f"besides_{name}") for name in chosen]
    return select(
        func.grouping(*columns).label("outside"),
        *columns,
        func.count().filter(_others(hits, chosen)).label("many"),
        *besides,
        func.count().label("looked"),
    ).group_by(func.grouping_sets(*(tuple_(column) for column in columns), literal_column("()")))


def _of_sets(rows: Iterable[Any]) -> Iterator[FacetCount]:
    """A row groups by the column whose bit is not set in `outside`, the first column's being the highest; all are: by none."""
    bits = {((1 << len(COLUMNS)) - 1) ^ (1 << place): name for place, name in enumerate(reversed([*COLUMNS]))}
    for row in rows:
        name = bits.get(row.outside)
        if name is None:
            yield WHOLE, None, row.many, row.looked
        else:
            yield name, getattr(row, COLUMNS[name].name), getattr(row, f"besides_{name}", row.many), row.looked


def _of_values(rows: Iterable[Any]) -> Iterator[FacetCount]:
    yield from ((row.facet, row.value, row.many, row.looked) for row in rows)


def _hits(wanted: ExceptionFilter, bounds: ExceptionFilter, most: int) -> tuple[CTE, Mapping[str, object]]:
    """The rows that fit what is said of no facet, with whether they fit what is said of each; and which facets something is said of."""
    chosen = {name: own for name in COLUMNS if (own := _own(wanted, name))}
    without: dict[str, Any] = dict.fromkeys(chosen, ())
    if "assignees" in chosen:
        without |= {"unassigned": False, "assigned": False}
    rest = replace(wanted, **without)
    fits = [and_(*own).label(f"fits_{name}") for name, own in chosen.items()]
    rows = select(*COLUMNS.values(), *fits).where(*of_exceptions(rest), *of_exceptions(bounds, BOUNDS))
    if not standing(wanted):
        rows = rows.order_by(_E.changed_at.desc(), _E.exception_id.desc())
    return rows.limit(literal_column(str(most + 1), Integer())).cte("hits"), chosen


def _named(name: str) -> Expression:
    return literal_column(f"'{name}'", String())


def _own(wanted: ExceptionFilter, name: str) -> list[Expression]:
    """What a filter says of one field."""
    alone = replace(ExceptionFilter(statuses=(), modes=()), **{name: getattr(wanted, name)})
    if name == "assignees":
        alone = replace(alone, unassigned=wanted.unassigned, assigned=wanted.assigned)
    return of_exceptions(alone)


def _others(hits: CTE, chosen: Mapping[str, object], besides: str | None = None) -> Expression:
    """What must hold of a row for a facet: all that is chosen of others."""
    return and_(true(), *(hits.c[f"fits_{name}"] for name in chosen if name != besides))
