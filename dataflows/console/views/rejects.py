"""Rejected records: why and where, what they were, and the way back for what is mended.

All who read see them masked; whoever decides sees them whole, which is noted; administrators send them again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import FormData
from starlette.responses import Response

from dataflows.console.access import EVERY, Needs
from dataflows.console.govern.links import Links
from dataflows.console.govern.masking import masked, pretty
from dataflows.console.govern.mending import DECISION, EDITED, UNCHANGED, ContractFault, edited, faults_of, why_not
from dataflows.console.govern.opening import parts_for
from dataflows.console.govern.records import UnreadableRejectError
from dataflows.console.people.directory import enter
from dataflows.console.routes import Route
from dataflows.console.visit import BadRequestError, NotHereError, Visit
from schemas.wire import MAX_BYTES, Rejected, event_of
from sinks.cases.queries.rejected import RejectFilter, RejectRow, is_erased, list_rejects, reject_at, reject_counts, rejected_again
from sinks.cases.queries.rows import Page
from sinks.cases.schema import writing
from sinks.decisions import UnwrittenError
from sinks.rejected import Reject

ROWS: Final = 50
MOST: Final = 500
"""So many are sent again at once."""
FILTERS: Final = {"reason": "reasons", "source": "sources", "topic": "topics", "type": "types", "order": "orders"}
ERASED: Final = "erased"


def wanted_of(visit: Visit) -> RejectFilter | None:
    """The filter of the URL, cut down to what the person may see; None if that is nothing: rejects have a tenant and no more."""
    scope = visit.person.scope
    if EVERY not in scope.teams or EVERY not in scope.sites:
        return None
    given = {field: tuple(filter(None, visit.request.query_params.getlist(name))) for name, field in FILTERS.items()}
    return RejectFilter(**given, tenants=() if EVERY in scope.tenants else scope.tenants)


async def show_rejects(visit: Visit) -> Response:
    """The list, the newest first."""
    wanted = wanted_of(visit)
    unknown = sorted(set(visit.request.query_params) - {*FILTERS, "after"})
    after = visit.request.query_params.get("after")
    page: Page[RejectRow] = Page((), None) if wanted is None else await visit.read(list_rejects, wanted, limit=ROWS, after=after)
    facets: Mapping[str, Mapping[str, int]] = {} if wanted is None else await visit.read(reject_counts, wanted.tenants)
    noted = await visit.own(parts_for(visit).sender.noted, page.rows)
    query = [(name, value) for name, value in visit.request.query_params.multi_items() if name in FILTERS]
    return visit.page(
        "rejects/list.html",
        rows=page.rows,
        noted=noted,
        facets=facets,
        query=query,
        chosen={name: visit.request.query_params.getlist(name) for name in FILTERS},
        after=page.after,
        unknown=unknown,
        most=MOST,
        decision=DECISION,
    )


async def _row(visit: Visit) -> RejectRow:
    """The one that the URL names. Raises NotHereError."""
    path = visit.request.path_params
    row = await visit.read(reject_at, str(path["partition"]), int(path["offset"]))
    scope = visit.person.scope
    whole = EVERY in scope.teams and EVERY in scope.sites
    if row is None or not whole or not (EVERY in scope.tenants or row.tenant in scope.tenants):
        raise NotHereError
    return row


async def _record(visit: Visit, row: RejectRow) -> Reject | str:
    """Its record, or why there is none to be shown."""
    try:
        reject = await visit.own(parts_for(visit).rejects, row)
    except UnreadableRejectError as error:
        return str(error)
    try:
        event = event_of(reject.headers, reject.value or b"")
        tenant, order = event.tenant, event.subject
    except Rejected:
        tenant, order = row.tenant or "default", row.order_id
    if order is not None and await visit.read(is_erased, tenant, order):
        return ERASED
    return reject


async def show_reject(visit: Visit) -> Response:
    """One of them, masked."""
    row = await _row(visit)
    return await _reject(visit, row, await _record(visit, row))


async def show_whole(visit: Visit) -> Response:
    """One of them as it was sent: who looked is noted."""
    row = await _row(visit)
    record = await _record(visit, row)
    if isinstance(record, Reject):
        await visit.reads("reject", f"{row.log_partition}/{row.log_offset}")
    return await _reject(visit, row, record, whole=True)


async def _reject(
    visit: Visit,
    row: RejectRow,
    record: Reject | str,
    *,
    whole: bool = False,
    text: str | None = None,
    problem: str | None = None,
    faults: list[ContractFault] | None = None,
) -> Response:
    found = record if isinstance(record, Reject) else None
    looked = found if found is None or text is None else edited(found, text.encode())
    value = b"" if found is None else found.value or b""
    noted = (await visit.own(parts_for(visit).sender.noted, [row])).get(row.place)
    again = None
    if noted is not None and noted.source and noted.event_id:
        again = await visit.read(rejected_again, noted.source, noted.event_id, row.logged_at)
    return visit.page(
        "rejects/reject.html",
        status=200 if problem is None else 400,
        row=row,
        missing=record if isinstance(record, str) else None,
        found=found,
        whole=whole or text is not None,
        shown_text=text if text is not None else (pretty(value) if whole else masked(value)) if found is not None else "",
        size=len(value),
        faults=(await visit.own(faults_of, looked) if looked is not None else []) if faults is None else faults,
        why=None if looked is None else why_not(looked),
        noted=noted,
        again=again,
        problem=problem,
        checked=faults is not None,
        erased=ERASED,
        decision=DECISION,
        links=Links(visit),
    )


async def mend(visit: Visit) -> Response:
    """Looks at an edited record, or sends it; `do` says which."""
    row = await _row(visit)
    record = await _record(visit, row)
    if not isinstance(record, Reject):
        raise BadRequestError(visit.say("There is no record to be mended."))
    await visit.reads("reject", f"{row.log_partition}/{row.log_offset}")
    form = await visit.form()
    text = str(form.get("text", "")).replace("\r\n", "\n")
    if len(text.encode()) > MAX_BYTES:
        raise BadRequestError(visit.say("A record has at most 1 MiB."))
    changed = edited(record, text.encode())
    faults = await visit.own(faults_of, changed)
    mistakes = [fault for fault in faults if not fault.warning]
    if form.get("do") != "send" or mistakes:
        problem = visit.say("It was not sent: it has mistakes.") if form.get("do") == "send" else None
        return await _reject(visit, row, record, text=text, faults=faults, problem=problem)
    if why_not(changed) is not None:
        problem = visit.say("A decision is not sent again: make it anew, where it can be seen what it is about.")
        return await _reject(visit, row, record, text=text, faults=faults, problem=problem)
    how = UNCHANGED if text.encode() == (record.value or b"") or text == pretty(record.value or b"") else EDITED
    try:
        await visit.own(parts_for(visit).sender.send, [(row, changed)], visit.person.by, visit.now, how)
    except UnwrittenError as error:
        problem = visit.say("It is not known to be taken in: %(why)s", why=error)
        return await _reject(visit, row, record, text=text, faults=faults, problem=problem)
    await visit.own(_entered, visit, f"{row.log_partition}/{row.log_offset}", {"how": how, "count": 1})
    url = visit.url("reject", partition=row.log_partition, offset=row.log_offset)
    return visit.done(url, visit.say("It was sent as a new event. If it is rejected again, this page says so."))


async def replay(visit: Visit) -> Response:
    """Sends many again as they are: those that are chosen, or all that the filter finds; what would be rejected for its form stays."""
    wanted = wanted_of(visit)
    form = await visit.form()
    if wanted is None:
        raise NotHereError
    rows = await _chosen(visit, form, wanted)
    if not rows:
        raise BadRequestError(visit.say("Nothing is chosen."))
    ready: list[tuple[RejectRow, Reject]] = []
    left: Counter[str] = Counter()
    noted = await visit.own(parts_for(visit).sender.noted, rows)
    for row in rows:
        record = "sent already" if row.place in noted else await _record(visit, row)
        why = record if isinstance(record, str) else why_not(record)
        if why is None and isinstance(record, Reject):
            ready.append((row, record))
        else:
            left[str(why)] += 1
    problem: str | None = None
    if ready:
        try:
            await visit.own(parts_for(visit).sender.send, ready, visit.person.by, visit.now, UNCHANGED)
            await visit.own(_entered, visit, None, {"how": UNCHANGED, "count": len(ready)})
        except UnwrittenError as error:
            problem = str(error)
    return visit.page("rejects/replayed.html", status=200 if problem is None else 502, sent=ready, left=left.most_common(), problem=problem)


async def _chosen(visit: Visit, form: FormData, wanted: RejectFilter) -> list[RejectRow]:
    """The rows that were ticked, or all that the filter of the URL finds, up to a bound. Raises BadRequestError."""
    if form.get("all"):
        return [*(await visit.read(list_rejects, wanted, limit=MOST)).rows]
    found: list[RejectRow] = []
    for one in form.getlist("x")[:MOST]:
        partition, _, offset = str(one).rpartition("/")
        row = await visit.read(reject_at, partition, int(offset)) if offset.isdecimal() and len(offset) < 19 else None
        if row is not None and (not wanted.tenants or row.tenant in wanted.tenants):
            found.append(row)
    return found


def _entered(visit: Visit, subject: str | None, detail: dict[str, object]) -> None:
    with writing(visit.parts.own).begin() as connection:
        enter(connection, visit.now, visit.person.by, "rejects_sent_again", subject, detail)


ROUTES: Final = (
    Route("rejects", "/rejects", show_rejects, Needs.READ),
    Route("reject", "/rejects/{partition}/{offset:int}", show_reject, Needs.READ),
    Route("reject_whole", "/rejects/{partition}/{offset:int}/whole", show_whole, Needs.DECIDE, ("POST",)),
    Route("reject_mend", "/rejects/{partition}/{offset:int}/mend", mend, Needs.ADMIN, ("POST",)),
    Route("rejects_replay", "/rejects/replay", replay, Needs.ADMIN, ("POST",)),
)
