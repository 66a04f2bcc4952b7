"""The audit: who decided what, when and why, and whether the engine took it; and what happened in the console itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from starlette.responses import Response, StreamingResponse

from dataflows.console.access import EVERY, Needs
from dataflows.console.govern.entries import READ, ROWS, ConsoleEntry, EntryFilter, list_entries
from dataflows.console.govern.links import Links
from dataflows.console.routes import Route
from dataflows.console.spreadsheet import csv_lines
from dataflows.console.visit import Visit
from schemas.roles import DECIDERS
from sinks.cases.queries.audited import MOST_ROWS, AuditFilter, AuditRow, list_audit
from sinks.cases.queries.wanted import FilterError

PAGE: Final = 100
NAMES: Final = ("by", "type", "outcome", "order", "exception", "since", "until", "programs")
ENTRY_NAMES: Final = ("by", "what", "subject", "since", "before")
OUTCOMES: Final = ("applied", "refused")
COLUMNS: Final = (
    *("logged_at", "time", "by", "by_roles", "type", "tenant", "subject", "exception_id", "action_id", "result", "note"),
    *("outcome", "reason", "detail", "source", "event_id"),
)


def wanted_of(visit: Visit) -> AuditFilter:
    """The filter of the URL, cut down to the person's scope. Raises FilterError."""
    query, scope = visit.request.query_params, visit.person.scope

    def several(name: str) -> tuple[str, ...]:
        return tuple(one.strip() for one in query.getlist(name) if one.strip())

    return AuditFilter(
        by=tuple(one if ":" in one else f"user:{one}" for one in several("by")),
        types=several("type"),
        outcomes=several("outcome"),
        orders=several("order"),
        exceptions=several("exception"),
        tenants=() if EVERY in scope.tenants else scope.tenants,
        teams=() if EVERY in scope.teams else scope.teams,
        sites=() if EVERY in scope.sites else scope.sites,
        since=_day(visit, query.get("since")),
        until=_day(visit, query.get("until"), 1),
        programs=bool(query.get("programs")),
    )


def _day(visit: Visit, text: str | None, more: int = 0) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=visit.zone) + timedelta(days=more)
    except (ValueError, OverflowError):
        raise FilterError(f"{text!r} is no day; write it like 2026-04-24") from None


async def show_audit(visit: Visit) -> Response:
    """Decisions, the newest first."""
    wanted = wanted_of(visit)
    page = await visit.read(list_audit, wanted, limit=PAGE, after=visit.request.query_params.get("after"))
    query = [(name, value) for name, value in visit.request.query_params.multi_items() if name in NAMES and value]
    return visit.page(
        "audit/decisions.html",
        rows=page.rows,
        after=page.after,
        query=query,
        given={name: visit.request.query_params.get(name, "") for name in NAMES},
        types=sorted(DECIDERS),
        outcomes=OUTCOMES,
        links=Links(visit),
        unknown=sorted(set(visit.request.query_params) - {*NAMES, "after"}),
    )


async def export_audit(visit: Visit) -> Response:
    """Decisions as CSV, with the filter of the list, the newest so many."""
    page = await visit.read(list_audit, wanted_of(visit), limit=MOST_ROWS)
    await visit.reads("export", "audit", len(page.rows))
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(_lines(page.rows), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(rows: Sequence[AuditRow]) -> Iterator[str]:
    yield csv_lines([COLUMNS])
    for row in rows:
        yield csv_lines([[_cell(getattr(row, name)) for name in COLUMNS]])


def _cell(value: object) -> object:
    return " ".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value


async def show_entries(visit: Visit) -> Response:
    """What happened in the console: log-ins, people, tokens, policies and rejects, reads of personal data."""
    query = visit.request.query_params
    wanted = _entries_of(visit)
    rows = await visit.own(list_entries, visit.parts.own, wanted)
    kept = [(name, value) for name, value in query.multi_items() if name in ENTRY_NAMES and name != "before" and value]
    before = rows[-1].at.isoformat() if len(rows) == ROWS else None
    given = {name: query.get(name, "") for name in ENTRY_NAMES}
    return visit.page("audit/entries.html", rows=rows, before=before, query=kept, given=given, read=READ)


def _entries_of(visit: Visit) -> EntryFilter:
    query = visit.request.query_params
    by, before = query.get("by", "").strip(), query.get("before")
    try:
        until = datetime.fromisoformat(before) if before else None
    except ValueError:
        until = None
    return EntryFilter(
        by=by or None,
        what=query.get("what", "").strip() or None,
        subject=query.get("subject", "").strip() or None,
        since=_day(visit, query.get("since")),
        before=until if until is None or until.tzinfo is not None else None,
    )


async def export_entries(visit: Visit) -> Response:
    """The same as CSV, the newest so many."""
    rows = await visit.own(list_entries, visit.parts.own, _entries_of(visit), MOST_ROWS)
    await visit.reads("export", "audit of the console", len(rows))
    headers = {"Content-Disposition": 'attachment; filename="console-audit.csv"'}
    return StreamingResponse(_entry_lines(rows), media_type="text/csv; charset=utf-8", headers=headers)


def _entry_lines(rows: Sequence[ConsoleEntry]) -> Iterator[str]:
    yield csv_lines([("at", "by", "what", "subject", "detail")])
    for row in rows:
        detail = "; ".join(f"{name}={value}" for name, value in row.detail.items())
        yield csv_lines([(row.at, row.by, row.what, row.subject, detail)])


ROUTES: Final = (
    Route("audit", "/audit", show_audit, Needs.READ),
    Route("audit_export", "/audit.csv", export_audit, Needs.READ),
    Route("audit_entries", "/audit/console", show_entries, Needs.ADMIN),
    Route("audit_entries_export", "/audit/console.csv", export_entries, Needs.ADMIN),
)
