"""Exceptions: as they stand, every event of them, what they rest on, their cases, their orders, and what these are known by."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, Table, or_

from sinks.cases.tables.base import (
    KIND,
    METADATA,
    NAME,
    TEAM,
    WORD,
    about,
    amount,
    extra,
    flag,
    instant,
    json,
    logged,
    number,
    partial,
    place,
    small,
    text,
)

WINDOWED: Final = (
    *("tenant", "team", "site", "kind", "severity", "status", "mode", "carrier", "country", "customer_id", "order_id", "total"),
    *("currency", "case_state", "acknowledged_at", "closed_at", "stopped_at", "paused_since", "ack_by", "resolve_by"),
)
"""What is counted by windows of time, of which PostgreSQL then need not read the rows themselves."""

exceptions: Final = Table(
    "exceptions",
    METADATA,
    text("exception_id", "The same in every run and replay.", key=True),
    text("tenant", "Whose it is.", needed=True),
    text("order_id", "The order; of `data.orphan_signal` the alias as `kind:value`.", needed=True),
    text("kind", "Such as `fulfilment.ship_overdue`.", needed=True, most=KIND),
    text("domain", "The part of the kind before its dot.", needed=True),
    text("scope", "None: the order; else `line:...`, `shipment:...`, `payment:...`, `return:...`."),
    number("episode", "Rises when the condition comes back after it was resolved.", needed=True),
    number("sequence", "The number of the event that this row says: the last.", needed=True),
    text("status", "`open`, `resolved`, `retracted`, `suppressed`.", needed=True, most=WORD),
    text("suppressed_by", "The exception that makes this one not worth a page."),
    text("resolution", "How it was resolved: `milestone`, `promise_moved`, `cleared`, `lifted`, `case`, `expired`, `policy_changed`."),
    text("mode", "`on`, or `shadow`: of a rule that is tried out, to be left out of lists and reports.", needed=True, most=WORD),
    text("severity", "`low`, `medium`, `high`, `critical`.", needed=True, most=WORD),
    small("severity_rank", "The severity to sort by: 0 critical, 1 high, 2 medium, 3 low, 4 one that is not known."),
    flag("blocking", "Whether automation on the order must pause."),
    number("score", "0 to 1000, as last said: the graver the greater.", needed=True),
    json("score_terms", "What the score is the sum of, at most 1000."),
    number("score_base", "The sum of the terms that do not grow with time.", needed=True),
    number("score_breach", "The term for the probability of a breach, as last said.", needed=True),
    number("score_time_left", "The term for having little time left, as last said.", needed=True),
    number("score_lateness", "The term for being late, as last said.", needed=True),
    instant("clock_since", "From here until `clock_until` a breach becomes ever more probable (see `schemas.lateness`)."),
    instant("clock_until", "From here on a breach is certain."),
    instant("clock_due", "What time is counted to; none: to nothing."),
    number("clock_breach", "The most points for the probability of a breach; none: the score does not grow."),
    number("clock_time_left", "The most points for having no time left."),
    number("clock_lateness", "The most points for being late."),
    text("owner", "The accountable team.", needed=True),
    text("lane", "`auto`, `review`, `block`.", needed=True),
    instant("due_at", "The deadline, of a timeout."),
    instant("occurred_at", "The instant of the event that made it true, of a signal."),
    instant("raised_at", "The log time at which it was first said.", needed=True),
    instant("changed_at", "The log time at which it was last said.", needed=True),
    instant("said_of", "The instant that its last event is about.", needed=True),
    instant("resolved_at", "When it was over, by event time; none while it stands."),
    instant("closed_at", "The log time at which it was last said to be over; none while it is open or suppressed."),
    instant("stopped_at", "The log time at which it last left the status `open`; none while it is open, or if it never was."),
    json("resolved_by", "The event that resolved it; none where time alone did."),
    json("changed_by", "The event that made this be said; none where time passed."),
    text("summary", "One sentence for a person.", needed=True),
    text("arithmetic", "How the deadline came about, in words."),
    json("deadline", "The same in its parts; none of a signal, and of what was said before it was published."),
    flag("backfilled", "Whether it was found in history that was told late."),
    json("guardrails", "What about the order holds automation back: name, effect, reason of each."),
    json("recommended", "Next steps, best first: action and reason of each."),
    text("next_step", "The first of them."),
    json("messages", "What the customer was last told, the latest first."),
    instant("told_at", "When the customer was last told anything."),
    json("suggestions", "What programs suggest of it, the newest last."),
    json("context", "What was known of the order when this was said."),
    text("customer_id", "The customer, opaque."),
    text("tier", "The customer's tier."),
    text("country", "Where the order goes.", most=2 * WORD),
    text("carrier", "The carrier of the shipment that it is about, else of the order's first that has one.", most=NAME),
    text("site", "The site that it concerns: of its shipment or its events, else the last that the order's events name.", most=NAME),
    text("sku", "The first SKU that it concerns; all of them stand in `exception_skus`."),
    text("source", "The system whose word it rests on: the source of its first evidence."),
    instant("placed_at", "When the order was placed."),
    text("promise", "The promise as it stands, as it was stated."),
    amount("total", "The order's total."),
    text("currency", "Its currency.", most=WORD),
    text("policy", "The version of the policy that decided.", needed=True),
    text("rule", "The rule that decided.", needed=True),
    text("case_state", "As `cases.state`; here so that lists need no join, like the eight that follow.", needed=True, most=WORD),
    text("team", "As `cases.team`.", most=TEAM),
    text("assignee", "As `cases.assignee`."),
    instant("until", "As `cases.until`."),
    instant("ack_by", "As `cases.ack_by`."),
    instant("resolve_by", "As `cases.resolve_by`."),
    instant("acknowledged_at", "As `cases.acknowledged_at`."),
    instant("paused_since", "As `cases.paused_since`."),
    number("escalation_level", "As `cases.escalation_level`.", needed=True),
    instant("clock_at", "When the clock of its case runs out that runs out next; none where none runs, or it is not open."),
    json("cut", "Where the record was too large: which lists and texts lack their ends."),
    extra(),
    *logged(),
    info=about("Exceptions as they stand: one row each, the state of its highest sequence."),
)
_open = exceptions.c.status == "open"
partial("ix_exceptions_open_team", exceptions.c.team, exceptions.c.score, exceptions.c.exception_id, where=_open)
Index(None, exceptions.c.tenant, exceptions.c.order_id)
Index(None, exceptions.c.tenant, exceptions.c.customer_id)
Index(None, exceptions.c.kind, exceptions.c.raised_at)
Index(None, exceptions.c.raised_at, postgresql_include=WINDOWED)
partial("ix_exceptions_closed_at", exceptions.c.closed_at, where=exceptions.c.closed_at.is_not(None))
Index(None, exceptions.c.changed_at)
_stands = exceptions.c.closed_at.is_(None)
partial("ix_exceptions_standing", exceptions.c.severity_rank, where=_stands)
partial("ix_exceptions_standing_team", exceptions.c.team, where=_stands)
partial("ix_exceptions_standing_assignee", exceptions.c.assignee, where=_stands)
partial("ix_exceptions_standing_kind", exceptions.c.kind, where=_stands)
partial("ix_exceptions_by_clock", exceptions.c.clock_at, exceptions.c.exception_id, where=_stands)
partial("ix_exceptions_by_due", exceptions.c.due_at, exceptions.c.exception_id, where=_stands)
partial("ix_exceptions_by_age", exceptions.c.raised_at, exceptions.c.exception_id, where=_stands)
partial("ix_exceptions_by_value", exceptions.c.total, exceptions.c.exception_id, where=_stands)
Index(None, exceptions.c.changed_at, exceptions.c.exception_id)
Index(None, exceptions.c.kind, exceptions.c.changed_at)
Index(None, exceptions.c.team, exceptions.c.changed_at)
Index(None, exceptions.c.order_id)
Index(None, exceptions.c.log_partition, exceptions.c.log_offset)
partial("ix_exceptions_resolved_at", exceptions.c.resolved_at, where=exceptions.c.resolved_at.is_not(None))

exception_events: Final = Table(
    "exception_events",
    METADATA,
    text("exception_id", "Of which exception.", key=True),
    number("sequence", "Its number among the events of the exception, from 1.", key=True),
    text("tenant", "Whose it is.", needed=True),
    text("order_id", "As `exceptions.order_id`.", needed=True),
    text("type", "`exception.raised`, `exception.updated`, `exception.resolved`, `exception.retracted`.", needed=True),
    text("kind", "As `exceptions.kind`.", needed=True),
    instant("time", "The instant that it is about.", needed=True),
    instant("detected_at", "The log time at which it was decided.", needed=True),
    text("status", "The status from here on, and so on for what follows.", needed=True),
    text("suppressed_by", "As `exceptions.suppressed_by`."),
    text("resolution", "As `exceptions.resolution`."),
    text("severity", "As `exceptions.severity`.", needed=True),
    number("score", "As `exceptions.score`.", needed=True),
    text("owner", "As `exceptions.owner`.", needed=True),
    text("lane", "As `exceptions.lane`.", needed=True),
    instant("due_at", "As `exceptions.due_at`."),
    text("summary", "As `exceptions.summary`.", needed=True),
    text("arithmetic", "As `exceptions.arithmetic`."),
    text("promise", "As `exceptions.promise`."),
    text("case_state", "As `cases.state`.", needed=True),
    text("team", "As `cases.team`."),
    text("assignee", "As `cases.assignee`."),
    instant("until", "As `cases.until`."),
    text("waiting_on", "As `cases.waiting_on`."),
    text("outcome", "As `cases.outcome`."),
    text("label", "As `cases.label`."),
    text("by", "As `cases.by`: who decided last."),
    number("escalation_level", "As `cases.escalation_level`.", needed=True),
    text("escalation_to", "As `cases.escalation_to`."),
    text("changed_by_type", "The type of the event that made it be said; none where time passed."),
    text("changed_by_source", "Its source."),
    text("changed_by_id", "Its ID."),
    instant("changed_by_time", "Its time."),
    text("policy", "The version of the policy that decided.", needed=True),
    *logged(),
    info=about("Every event of every exception, once: how it came to stand as it does. The whole record stands in its log."),
)
Index(None, exception_events.c.tenant, exception_events.c.order_id, exception_events.c.detected_at)
Index(None, exception_events.c.detected_at)

evidence: Final = Table(
    "evidence",
    METADATA,
    text("exception_id", "Of which exception.", key=True),
    text("source", "The source of the event.", key=True),
    text("event_id", "Its ID there.", key=True),
    text("tenant", "Whose it is.", needed=True),
    text("order_id", "As `exceptions.order_id`.", needed=True),
    text("type", "Its type.", needed=True),
    instant("time", "When it happened.", needed=True),
    instant("recorded_at", "When it was appended to the log; of an event that waited for its order, when that was known."),
    text("topic", "The topic that it stands in; none of what was not read from one."),
    number("topic_partition", "Its partition there."),
    place("topic_offset", "Its offset there."),
    number("first_sequence", "The first event of the exception that cites it.", needed=True),
    number("last_sequence", "The last that does: below `exceptions.sequence` it is rested on no more.", needed=True),
    info=about("The events that exceptions rest on, or rested on: each once for each exception."),
)
Index(None, evidence.c.tenant, evidence.c.order_id)
Index(None, evidence.c.source, evidence.c.event_id)

exception_skus: Final = Table(
    "exception_skus",
    METADATA,
    text("exception_id", "Of which exception.", key=True),
    text("sku", "A SKU that it concerns, or concerned.", key=True),
    text("tenant", "Whose it is.", needed=True),
    text("order_id", "As `exceptions.order_id`.", needed=True),
    info=about("The SKUs that exceptions concern: of a shipment or an order with several lines there are several."),
)
Index(None, exception_skus.c.sku, exception_skus.c.exception_id)
Index(None, exception_skus.c.tenant, exception_skus.c.order_id)

cases: Final = Table(
    "cases",
    METADATA,
    text("exception_id", "The exception that it is the case of.", key=True),
    number("sequence", "The event of the exception that this row says: the last.", needed=True),
    text("tenant", "Whose it is.", needed=True),
    text("order_id", "As `exceptions.order_id`.", needed=True),
    text("state", "`new`, `acknowledged`, `assigned`, `snoozed`, `waiting`, `resolved`, `open` (reopened).", needed=True),
    text("team", "Who has it: the team that it was assigned to, else the owner."),
    text("assignee", "The person who has it."),
    instant("until", "When a snooze or a wait ends at the latest."),
    text("until_kind", "What else ends a snooze: `time` (nothing), `promise_moves`, `severity_rises`."),
    text("waiting_on", "`customer`, `carrier`, `warehouse`, `supplier`, `bank`, `other`."),
    instant("ack_by", "By when somebody is to take it up."),
    instant("resolve_by", "By when it is to be resolved; moves by what the case has waited."),
    instant("acknowledged_at", "When somebody took it up."),
    instant("paused_since", "Since when the resolve clock stands still."),
    number("reopenings", "How often somebody opened it again.", needed=True),
    number("reassignments", "How often it was handed on.", needed=True),
    number("flaps", "How often it was over and came back by itself.", needed=True),
    text("outcome", "Of the resolution."),
    text("label", "`real`, `noise`, `known`, `wrong_owner`."),
    text("note_ref", "The note that was added last: `notes.note_ref`."),
    text("by", "Who decided last."),
    instant("decided_at", "When: the log time of the decision."),
    text("ended_state", "The snooze or wait that last ended by itself, until the next decision."),
    text("ended_by", "By what: `time`, `promise_moves`, `severity_rises`."),
    instant("ended_at", "When."),
    number("escalation_level", "How many rungs of the ladder it has gone; 0: none.", needed=True),
    text("escalation_to", "To whom: the team, and behind a slash the role."),
    text("escalation_team", "The team."),
    text("escalation_role", "The role."),
    instant("escalated_at", "Since when."),
    text("escalation_reason", "`acknowledge_overdue` or `resolve_overdue`."),
    info=about("What people made of exceptions, and by when they are to be seen to: one row for each exception."),
)
Index(None, cases.c.team, cases.c.state)
Index(None, cases.c.assignee, cases.c.state)
_again = or_(cases.c.reopenings > 0, cases.c.flaps > 0, cases.c.reassignments > 0, cases.c.label.is_not(None))
partial("ix_cases_again", cases.c.exception_id, where=_again)
partial("ix_cases_labelled", cases.c.label, cases.c.exception_id, where=cases.c.label.is_not(None))
partial("ix_cases_waiting", cases.c.waiting_on, cases.c.exception_id, where=cases.c.waiting_on.is_not(None))
partial("ix_cases_reopened", cases.c.exception_id, where=cases.c.reopenings > 0)

orders: Final = Table(
    "orders",
    METADATA,
    text("tenant", "Whose it is.", key=True),
    text("order_id", "Its ID, unique for the tenant.", key=True),
    instant("placed_at", "When it was placed."),
    text("promise_first", "The first promise, as it was stated."),
    text("promise", "The promise as it stands."),
    text("ship_by_first", "The first date to ship by."),
    text("ship_by", "The date to ship by as it stands."),
    amount("total", "What it is worth."),
    text("currency", "The currency of all its amounts."),
    text("customer_id", "The customer, opaque."),
    text("tier", "The customer's tier."),
    text("country", "Where it goes."),
    text("carrier", "The carrier of its first shipment that has one."),
    json("shipments", "Its shipments: ID, carrier, tracking numbers, last scan, whether delivered."),
    flag("authorized", "Whether it was ever authorised.", needed=False),
    amount("captured", "What was captured."),
    amount("refunded", "What was paid back."),
    json("holds", "The holds that are open."),
    instant("known_at", "The log time as of which this is known.", needed=True),
    *logged(),
    info=about("Orders that had an exception, as they stood when one of theirs was last said. Others are not here: the engine holds them."),
)
Index(None, orders.c.tenant, orders.c.customer_id)
Index(None, orders.c.order_id)

identifiers: Final = Table(
    "identifiers",
    METADATA,
    text("tenant", "Whose it is.", key=True),
    text("kind", "`tracking_number`, `shipment_id`, `payment_id`, `return_id`, `customer_id`, or another alias.", key=True),
    text("value", "The identifier.", key=True),
    text("order_id", "The order that it leads to.", key=True),
    info=about("What orders and exceptions are found by."),
)
Index(None, identifiers.c.tenant, identifiers.c.value)
Index(None, identifiers.c.value)
Index(None, identifiers.c.tenant, identifiers.c.order_id)
