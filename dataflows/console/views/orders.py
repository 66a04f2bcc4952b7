"""The page of an exception, the page of an order, and a source record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from starlette.responses import RedirectResponse, Response

from dataflows.console.access import Needs
from dataflows.console.deciding.outcomes import Outcomes
from dataflows.console.pages import words
from dataflows.console.pages.arithmetic import DeadlineParts, deadline_of
from dataflows.console.pages.bars import outcome_of, silence_of, where_of
from dataflows.console.pages.calendars import calendar_of
from dataflows.console.pages.facts import ExceptionFacts, OrderFacts, exception_facts, order_facts, whole_id
from dataflows.console.pages.life import life
from dataflows.console.pages.opening import page_parts
from dataflows.console.pages.records import UnreadableRecordError
from dataflows.console.pages.story import story
from dataflows.console.pictures.shapes import icon
from dataflows.console.routes import Route
from dataflows.console.visit import BadRequestError, NotHereError, Visit
from dataflows.core.clocks.explain import length
from schemas.actions import action_of
from schemas.instants import EPOCH, MICROSECOND, micros
from schemas.lateness import as_of
from schemas.places import is_zone
from schemas.values import parse_instant
from sinks.cases.queries.exceptions import OVER
from sinks.cases.queries.rows import Data, ListedAction

ENDED: Final = frozenset(("resolved", "retracted"))
MOST_SHOWN: Final = 256 << 10
"""Bytes of a record that a page shows."""


@dataclass(frozen=True, slots=True)
class ShownDeadline:
    """A deadline's arithmetic in its parts, for the page. `added`: what was added, in words; `calendar`: its name, None if not known.

    `raised_from`: before when nothing is said of it, `raise_after` later than its anchor; None where it is said once it has passed.
    """

    label: str
    zone: str
    due: datetime
    anchor: datetime | None
    added: str | None
    back: bool
    calendar: str | None
    counted_from: datetime | None
    skipped: Sequence[str]
    grace: int
    step: str
    raise_after: str | None
    raised_from: datetime | None


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step that the rule recommends: the action that it is, and the action of the exception that stands for it already, if one does."""

    name: str
    reason: str
    action: str | None
    standing: ListedAction | None


async def show_exception(visit: Visit) -> Response:
    """An exception with all that belongs to it. A beginning of an ID that only one has leads to it."""
    name = str(visit.request.path_params["id"])
    parts = page_parts(visit.parts.more)
    facts = await visit.read(exception_facts, name, visit.person, visit.now, parts.usual)
    if facts is None:
        whole = await visit.read(whole_id, name, visit.person)
        if whole is None or whole == name:
            raise NotHereError
        return RedirectResponse(visit.url("exception", id=whole), 302)
    await visit.reads("exception", facts.detail.row.exception_id)
    shown = story(visit, facts.order.past, facts.order.policies, facts.detail.row.exception_id)
    data = cast("Mapping[str, Any]", facts.detail.data)
    return visit.page(
        "orders/exception.html",
        facts=facts,
        row=facts.detail.row,
        data=data,
        stored=facts.stored,
        case=data["case"],
        past=facts.order.past,
        story=shown,
        life=life(facts.detail.events, visit.language),
        deadline=_deadline(facts),
        outcome=None if facts.stored["due_at"] is None else outcome_of(facts.stored, visit.now),
        silence=_silence(facts),
        terms=_terms(facts, visit),
        steps=_steps(facts),
        other_zone=_other_zone(facts, visit),
        related=_related(facts),
        readable=_readable(visit, facts),
        words=words,
        icon=icon,
        at=_instant,
        undoable=await _undoable(visit),
    )


async def show_order(visit: Visit) -> Response:
    """An order: what is known of it, what is open, its timeline, actions, messages and notes."""
    tenant, order_id = (str(visit.request.path_params[name]) for name in ("tenant", "order"))
    facts = await visit.read(order_facts, tenant, order_id, visit.person, visit.now, page_parts(visit.parts.more).usual)
    if facts is None:
        if not visit.person.may_see(tenant):
            raise NotHereError
        return visit.page("orders/unknown.html", status=404, tenant=tenant, order_id=order_id)
    await visit.reads("order", f"{tenant}/{order_id}")
    return visit.page(
        "orders/order.html",
        facts=facts,
        past=facts.past,
        order=facts.past.order,
        context=_latest_context(facts),
        promises=_moves(facts),
        story=story(visit, facts.past, facts.policies),
        words=words,
        icon=icon,
        at=_instant,
        amount=_amount,
        undoable=await _undoable(visit),
    )


async def show_record(visit: Visit) -> Response:
    """A source record that an exception rests on, as it came in."""
    name, query = str(visit.request.path_params["id"]), visit.request.query_params
    try:
        place = query["topic"], int(query["partition"]), int(query["offset"])
    except (KeyError, ValueError):
        raise BadRequestError(visit.say("A record is named by its topic, partition and offset.")) from None
    parts = page_parts(visit.parts.more)
    facts = await visit.read(exception_facts, name, visit.person, visit.now, parts.usual)
    if facts is None:
        raise NotHereError
    cited = next((one for one in facts.order.past.evidence if _place(one) == place), None)
    if cited is None:
        raise NotHereError
    await visit.reads("record", facts.detail.row.exception_id)
    record, problem = None, None
    if parts.records is None:
        problem = visit.say("The console does not read the logs here; the record stands at the place that is named.")
    else:
        try:
            record = await visit.own(parts.records.record, *place)
        except UnreadableRecordError as error:
            problem = visit.say(str(error))
    return visit.page(
        "orders/record.html",
        status=200 if record else 503 if parts.records else 404,
        row=facts.detail.row,
        cited=cited,
        record=record,
        text=None if record is None else _pretty(record.value),
        cut=record is not None and len(record.value) > MOST_SHOWN,
        problem=problem,
        words=words,
    )


async def _undoable(visit: Visit) -> bool:
    """Whether somebody has decided anything here lately that is not undone."""
    return visit.may("decide") and await visit.own(Outcomes(visit.parts.own).latest, visit.person.by, visit.now) is not None


def _deadline(facts: ExceptionFacts) -> ShownDeadline | None:
    """The arithmetic in its parts; None where there is no deadline, or where its words alone tell it."""
    parts = deadline_of(facts.stored)
    if parts is None or facts.stored["due_at"] is None:
        return None
    policy = facts.policy
    calendar = None if policy is None else calendar_of(policy, where_of(facts.stored), parts)
    return ShownDeadline(
        label=parts.label,
        zone=parts.zone,
        due=_aware(parts.due, parts),
        anchor=None if parts.anchor is None else _aware(parts.anchor, parts),
        added=None if parts.length is None else length(parts.length),
        back=parts.back,
        calendar=None if calendar is None else calendar.name,
        counted_from=None if parts.counted_from is None else _aware(parts.counted_from, parts),
        skipped=parts.skipped,
        grace=parts.grace,
        step=parts.step,
        raise_after=None if parts.raise_after is None else length(parts.raise_after),
        raised_from=None if parts.raised_from is None else _aware(parts.raised_from, parts),
    )


def _aware(at: int, parts: DeadlineParts) -> datetime:
    return (EPOCH + at * MICROSECOND).astimezone(ZoneInfo(parts.zone))


def _silence(facts: ExceptionFacts) -> str | None:
    """The feed that held the deadline back."""
    row = facts.stored
    return None if row["due_at"] is None else silence_of(row, facts.order.past.silences, deadline_of(row))


def _other_zone(facts: ExceptionFacts, visit: Visit) -> str | None:
    """The zone of the sentence, where it shows another time than the reader's does."""
    _, found, rest = str(facts.stored["summary"]).rpartition("(Times: ")
    zone = rest.partition(".)")[0]
    if not found or not is_zone(zone):
        return None
    return None if visit.now.astimezone(ZoneInfo(zone)).utcoffset() == visit.now.astimezone(visit.zone).utcoffset() else zone


def _steps(facts: ExceptionFacts) -> list[NextStep]:
    """What the rule recommends, best first; what is asked for already is not asked for again."""
    found: list[NextStep] = []
    for one in cast("Sequence[Mapping[str, str]]", facts.stored["recommended"] or ()):
        name, action = one["action"], action_of(one["action"])
        rows = [act.row for act in facts.detail.actions if act.row.state not in OVER and name in (act.row.step, act.row.action)]
        found.append(NextStep(name, one["reason"], action, rows[-1] if rows else None))
    return found


def _terms(facts: ExceptionFacts, visit: Visit) -> list[tuple[str, int]]:
    """What the score is the sum of, as of the instant of looking; what counts most first."""
    found = as_of(facts.detail.data, micros(visit.now)).terms
    named = [(visit.say(words.words_of(words.TERMS, name)), points) for name, points in found.items() if points]
    return sorted(named, key=lambda one: (-one[1], one[0]))


def _related(facts: ExceptionFacts) -> Sequence[str]:
    """The other orders that it is about."""
    context = cast("Mapping[str, Any]", facts.stored["context"] or {})
    return [str(one) for one in context.get("related") or ()]


def _readable(visit: Visit, facts: ExceptionFacts) -> frozenset[str]:
    """The topics of its evidence that can be read here."""
    records = page_parts(visit.parts.more).records
    topics = {str(one["topic"]) for one in facts.order.past.evidence if one["topic"] is not None}
    return frozenset() if records is None else frozenset(topic for topic in topics if records.reads(topic))


def _latest_context(facts: OrderFacts) -> Mapping[str, Any]:
    """What the exception that was said last knew of the order."""
    latest = max(facts.past.exceptions, key=lambda one: cast("datetime", one["changed_at"]), default=None)
    return {} if latest is None else cast("Mapping[str, Any]", latest["context"] or {})


def _moves(facts: OrderFacts) -> Sequence[str]:
    """The promises as they were stated, each once, the first made first."""
    stated = [str(facts.past.order.get("promise_first") or "")]
    stated += [str(event["promise"] or "") for event in sorted(facts.past.events, key=lambda one: cast("datetime", one["detected_at"]))]
    stated.append(str(facts.past.order.get("promise") or ""))
    known = [one for one in stated if one]
    return known[:1] + [after for before, after in pairwise(known) if before != after]


def _place(row: Data) -> tuple[str, int, int] | None:
    return None if row["topic"] is None else (str(row["topic"]), cast("int", row["topic_partition"]), cast("int", row["topic_offset"]))


def _instant(value: object) -> datetime | None:
    """An instant of a row, or of JSON."""
    return parse_instant(value) if isinstance(value, str) else cast("datetime | None", value)


def _amount(value: object) -> Decimal | None:
    """An amount of a row, or of JSON."""
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


def _pretty(value: bytes) -> str:
    """A record as text: JSON with its indents, else as it is."""
    text = value[:MOST_SHOWN].decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


ROUTES: Final = (
    Route("exception", "/exceptions/{id}", show_exception, Needs.READ),
    Route("exception_record", "/exceptions/{id}/record", show_record, Needs.READ),
    Route("order", "/orders/{tenant}/{order}", show_order, Needs.READ),
)
