"""The rows of an `exception.*` event: the exception, its event, its case, its evidence, its order, and what these are found by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from schemas.messages import OURS
from sinks.cases.changes import Change, Logged, Put, Row, place
from sinks.cases.fields import EventFields
from sinks.cases.hashes import message_id
from sinks.cases.tables import cases, evidence, exception_events, exception_skus, exceptions, identifiers, messages, orders

RANKS: Final = {"critical": 0, "high": 1, "medium": 2, "low": 3}
UNRANKED: Final = 4
GROWING: Final = ("breach", "time_left", "lateness")
"""The terms of a score that grow with time."""
OPEN: Final = "open"
OVER: Final = frozenset(("resolved", "retracted"))
KNOWN: Final = (
    "exception_id sequence order_id kind scope episode status suppressed_by resolution case escalation severity blocking score score_terms"
    " score_clock owner lane due_at occurred_at resolved_at resolved_by changed_by detected_at summary arithmetic deadline evidence context"
    " backfilled guardrails messages recommended policy cut"
).split()
ALIASES: Final = {"payment": "payment_id", "return": "return_id", "shipment": "shipment_id"}
"""What the ID in a scope is an identifier of."""
NO_SHIPMENT: Final = "-"


def exception_changes(envelope: EventFields, record: Logged) -> Iterator[Change]:
    """The rows of an event. Raises UnprojectableError."""
    data = envelope.inner("data")
    type_, tenant = envelope.need("type"), envelope.text("tenant") or "default"
    case, sequence = data.inner("case"), data.sequence()
    key = {"exception_id": data.need("exception_id"), "tenant": tenant, "order_id": data.need("order_id")}
    row = _exception(envelope, data, case)
    yield Put(exceptions, {**key, "sequence": sequence, **row, **place(record)})
    yield Put(cases, {**key, "sequence": sequence, **_case(data, case)})
    yield Put(exception_events, {**key, "sequence": sequence, "type": type_, **_event(envelope, data, row, case), **place(record)})
    for cited in data.each("evidence"):
        yield Put(evidence, {**key, **_cited(cited), "first_sequence": sequence, "last_sequence": sequence})
    context = data.inner("context")
    for sku in dict.fromkeys(context.texts("skus")):
        yield Put(exception_skus, {**key, "sku": sku})
    if context.instant("placed_at") is not None:
        yield Put(orders, {"tenant": tenant, "order_id": key["order_id"], **_order(data, context), **place(record)})
    for kind, value in _identifiers(key["order_id"], data, context):
        yield Put(identifiers, {"tenant": tenant, "kind": kind, "value": value, "order_id": key["order_id"]})
    for message in data.each("messages"):
        if message.text("by") != OURS:  # Of ours their actions tell, which know more of them.
            yield Put(messages, _message(key, message))


def _exception(envelope: EventFields, data: EventFields, case: EventFields) -> Row:
    terms, clock, context = data.inner("score_terms"), data.inner("score_clock"), data.inner("context")
    status, kind, said = data.need("status"), data.need("kind"), data.need_instant("detected_at")
    recommended, cited, ground = data.each("recommended"), data.each("evidence"), data.inner("policy")
    sources = [source for one in cited if (source := one.text("source"))]
    severity, total = data.need("severity"), context.inner("total")
    carrier, site = _where(data, context, sources)
    sent = [at for one in data.each("messages") if (at := one.instant("sent_at")) is not None]
    growing = {term: terms.count(term) for term in GROWING}
    repeated = _repeated(data, case)
    return {
        "kind": kind,
        "domain": kind.partition(".")[0],
        "scope": data.text("scope"),
        "episode": data.count("episode", 1),
        "status": status,
        "suppressed_by": data.text("suppressed_by"),
        "resolution": data.text("resolution"),
        "mode": ground.text("mode") or "on",
        "severity": severity,
        "severity_rank": RANKS.get(severity, UNRANKED),
        "blocking": data.flag("blocking"),
        "score": data.count("score"),
        "score_terms": data.json("score_terms"),
        "score_base": _sum(terms) - sum(growing.values()),
        **{f"score_{term}": points for term, points in growing.items()},
        "clock_since": clock.instant("since"),
        "clock_until": clock.instant("until"),
        "clock_due": clock.instant("due"),
        "clock_breach": clock.number("breach"),
        "clock_time_left": clock.number("time_left"),
        "clock_lateness": clock.number("lateness"),
        "owner": data.need("owner"),
        "lane": data.need("lane"),
        "due_at": data.instant("due_at"),
        "occurred_at": data.instant("occurred_at"),
        "raised_at": said,
        "changed_at": said,
        "said_of": envelope.need_instant("time"),
        "resolved_at": data.instant("resolved_at"),
        "closed_at": said if status in OVER else None,
        "stopped_at": None,  # What was said before decides.
        "resolved_by": data.json("resolved_by"),
        "changed_by": data.json("changed_by"),
        "summary": data.text("summary") or "",
        "arithmetic": data.text("arithmetic"),
        "deadline": data.json("deadline"),
        "backfilled": data.flag("backfilled"),
        "guardrails": data.json("guardrails"),
        "recommended": data.json("recommended"),
        "next_step": recommended[0].text("action") if recommended else None,
        "messages": data.json("messages"),
        "told_at": max(sent, default=None),
        "suggestions": context.json("suggestions"),
        "context": data.json("context"),
        "customer_id": context.inner("customer").text("id"),
        "tier": context.inner("customer").text("tier"),
        "country": context.text("country"),
        "carrier": carrier,
        "site": site,
        "sku": next(iter(context.texts("skus")), None),
        "source": sources[0] if sources else None,
        "placed_at": context.instant("placed_at"),
        "promise": context.inner("promise").text("current"),
        "total": total.amount("amount"),
        "currency": total.text("currency"),
        "policy": ground.text("version") or "",
        "rule": ground.text("rule") or kind,
        **repeated,
        "clock_at": _clock_at(status, repeated),
        "cut": data.json("cut"),
        "extra": data.besides(KNOWN),
    }


def _repeated(data: EventFields, case: EventFields) -> Row:
    """What the exception's row repeats of its case."""
    return {
        "case_state": case.text("state") or "new",
        "team": case.text("team") or data.need("owner"),
        "assignee": case.text("assignee"),
        "until": case.instant("until"),
        "ack_by": case.instant("ack_by"),
        "resolve_by": case.instant("resolve_by"),
        "acknowledged_at": case.instant("acknowledged_at"),
        "paused_since": case.instant("paused_since"),
        "escalation_level": data.inner("escalation").count("level"),
    }


def _clock_at(status: str, case: Row) -> datetime | None:
    """When the clock of the case runs out that runs out next: the same as `ExceptionRow.clock_at`."""
    name: str | None = None
    if case["acknowledged_at"] is None and case["ack_by"] is not None:
        name = "ack_by"
    elif case["paused_since"] is None:
        name = "resolve_by"
    at: datetime | None = case[name] if name is not None and status == OPEN else None
    return at


def _case(data: EventFields, case: EventFields) -> Row:
    repeated, ended, escalation = _repeated(data, case), case.inner("ended"), data.inner("escalation")
    return {
        "state": repeated.pop("case_state"),
        **repeated,
        "until_kind": case.text("until_kind"),
        "waiting_on": case.text("waiting_on"),
        "reopenings": case.count("reopenings"),
        "reassignments": case.count("reassignments"),
        "flaps": case.count("flaps"),
        "outcome": case.text("outcome"),
        "label": case.text("label"),
        "note_ref": case.text("note_ref"),
        "by": case.text("by"),
        "decided_at": case.instant("decided_at"),
        "ended_state": ended.text("state"),
        "ended_by": ended.text("by"),
        "ended_at": ended.instant("at"),
        "escalation_to": escalation.text("to"),
        "escalation_team": escalation.text("team"),
        "escalation_role": escalation.text("role"),
        "escalated_at": escalation.instant("since"),
        "escalation_reason": escalation.text("reason"),
    }


_SAME: Final = (
    "kind status suppressed_by resolution severity score owner lane due_at summary arithmetic promise case_state team assignee until"
    " escalation_level policy"
).split()
"""What an event's row says in the same words as the exception's."""


def _event(envelope: EventFields, data: EventFields, row: Row, case: EventFields) -> Row:
    changed = data.inner("changed_by")
    return {
        "time": envelope.need_instant("time"),
        "detected_at": row["changed_at"],
        **{name: row[name] for name in _SAME},
        **{name: case.text(name) for name in ("waiting_on", "outcome", "label", "by")},
        "escalation_to": data.inner("escalation").text("to"),
        "changed_by_type": changed.text("type"),
        "changed_by_source": changed.text("source"),
        "changed_by_id": changed.text("id"),
        "changed_by_time": changed.instant("time"),
    }


def _cited(cited: EventFields) -> Row:
    return {
        "source": cited.need("source"),
        "event_id": cited.need("id"),
        "type": cited.need("type"),
        "time": cited.need_instant("time"),
        "recorded_at": cited.instant("recorded_at"),
        "topic": cited.text("topic"),
        "topic_partition": cited.number("partition"),
        "topic_offset": cited.place("offset"),
    }


def _order(data: EventFields, context: EventFields) -> Row:
    promise, ship_by, total, payment = (context.inner(name) for name in ("promise", "ship_by", "total", "payment"))
    customer, carriers = context.inner("customer"), (one.text("carrier") for one in context.each("shipments"))
    return {
        "placed_at": context.instant("placed_at"),
        "promise_first": promise.text("first"),
        "promise": promise.text("current"),
        "ship_by_first": ship_by.text("first"),
        "ship_by": ship_by.text("current"),
        "total": total.amount("amount"),
        "currency": total.text("currency"),
        "customer_id": customer.text("id"),
        "tier": customer.text("tier"),
        "country": context.text("country"),
        "carrier": next((carrier for carrier in carriers if carrier), None),
        "shipments": context.json("shipments"),
        "authorized": payment.flag("authorized") if payment else None,
        "captured": payment.amount("captured"),
        "refunded": payment.amount("refunded"),
        "holds": context.json("holds"),
        "known_at": data.need_instant("detected_at"),
    }


def _where(data: EventFields, context: EventFields, sources: list[str]) -> tuple[str | None, str | None]:
    """The carrier and the site that an exception is about."""
    shipments, (about, _, name) = context.each("shipments"), (data.text("scope") or "").partition(":")
    if about == "shipment":
        own = [one for one in shipments if one.text("shipment") == name or name in one.texts("tracking_numbers")]
        shipments = own or shipments
    carriers = [carrier for one in shipments if (carrier := one.text("carrier"))]
    sites = [site for one in shipments if (site := one.text("site"))]
    said = {domain: name for source in reversed(sources) for domain, name in [_system(source)] if name}
    site = context.text("site") or (sites[0] if sites else said.get("warehouse"))
    return (carriers[0] if carriers else said.get("carrier")), site


def _system(source: str) -> tuple[str, str | None]:
    """The domain of a source and its name there: `/warehouse/ams1` is the warehouse `ams1`."""
    domain, _, name = source.strip("/").partition("/")
    return domain, name.partition("/")[0] or None


def _identifiers(order_id: str, data: EventFields, context: EventFields) -> Iterator[tuple[str, str]]:
    customer = context.inner("customer").text("id")
    if customer:
        yield "customer_id", customer
    for shipment in context.each("shipments"):
        numbers = shipment.texts("tracking_numbers")
        yield from (("tracking_number", number) for number in numbers if number)
        name = shipment.text("shipment")
        if name and name != NO_SHIPMENT and name not in numbers:
            yield "shipment_id", name
    yield from (("payment_id", payment) for payment in context.inner("payment").texts("payment_ids") if payment)
    yield from scoped(data.text("scope"))
    if data.text("kind") == "data.orphan_signal":
        alias, _, value = order_id.partition(":")
        if alias and value:
            yield alias, value


def scoped(scope: str | None) -> Iterator[tuple[str, str]]:
    """The identifier that a scope or a target names."""
    about, _, name = (scope or "").partition(":")
    if about in ALIASES and name:
        yield ALIASES[about], name


def _message(key: Row, message: EventFields) -> Row:
    said: dict[str, str | None] = {name: message.text(name) for name in ("topic", "channel", "promised_by")}
    sent: datetime = message.need_instant("sent_at")
    by = message.need("by")
    return {
        "message_id": message_id(key["tenant"], key["order_id"], by, sent, said["topic"], said["channel"]),
        "tenant": key["tenant"],
        "order_id": key["order_id"],
        "exception_id": message.text("exception_id"),
        "action_id": None,
        "sequence": 0,
        "state": "sent",
        **said,
        "language": None,
        "by": by,
        "asked_at": None,
        "sent_at": sent,
    }


def _sum(terms: EventFields) -> int:
    return sum(terms.count(name) for name in terms.names())
