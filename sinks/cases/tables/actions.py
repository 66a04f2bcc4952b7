"""Actions: as they stand, every event of them, the messages among them, and where automation is paused."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, Table

from sinks.cases.tables.base import METADATA, about, amount, extra, flag, instant, json, logged, number, partial, text

actions: Final = Table(
    "actions",
    METADATA,
    text("action_id", "The same in every run and replay.", key=True),
    text("tenant", "Whose it is.", needed=True),
    text("exception_id", "The exception that it is for; none where a person asked for it and named none."),
    text("order_id", "As `exceptions.order_id`.", needed=True),
    number("sequence", "The number of the event that this row says: the last.", needed=True),
    text("action", "Such as `notify_customer`.", needed=True),
    text("step", "The rule's own word for it, which may be finer."),
    text("target", "What it changes: `order`, `customer`, `task`, `shipment:...`, `payment:...`, `return:...`."),
    text(
        "state",
        "`proposed`, `requested`, `begun`, `executed`, `failed`, `in_doubt`, `rejected`, `expired`, `withdrawn`, `blocked`.",
        needed=True,
    ),
    text("lane", "`auto`, `review`, `block`.", needed=True),
    json("parameters", "What it is carried out with."),
    text("idempotency_key", "What endpoints know it by.", needed=True),
    text("payload_hash", "What an approval must name."),
    text("reason", "Why.", needed=True),
    json("evidence", "The events that it rests on."),
    json("guardrails", "What held or holds it back: name, effect, reason of each."),
    instant("needs_approval_by", "From when on it escalates if nobody has agreed."),
    json("approvers", "The roles of which one is needed."),
    number("approvals_needed", "How many persons must still agree.", needed=True),
    text("initiated_by", "Who asked for it: `user:...`, or `rule:KIND`."),
    json("approved_by", "Who agreed."),
    instant("expires_at", "When it expires if nobody has agreed."),
    instant("held_until", "Before when it is not requested."),
    amount("value", "What it is about in money."),
    text("currency", "Of the value."),
    flag("irreversible", "Whether it cannot be undone."),
    number("attempt", "The number of the last attempt.", needed=True),
    instant("retry_at", "When a failed one is tried again."),
    text("compensates", "The action that it makes good."),
    text("replaces", "The action that was withdrawn for it."),
    text("owner", "The team that has its exception."),
    number("escalation_level", "How many rungs of the ladder its approval has gone; 0: none.", needed=True),
    text("escalation_to", "To whom: the team, and behind a slash the role."),
    instant("escalated_at", "Since when."),
    text("message_topic", "Of an action that tells the customer something: of what."),
    text("message_channel", "By which channel."),
    text("message_language", "In which language."),
    text("message_promised_by", "The date that it names."),
    text("policy", "The version of the policy that it was decided by."),
    instant("proposed_at", "The instant of its first event.", needed=True),
    instant("changed_at", "The instant of its last event.", needed=True),
    json("cut", "Where the record was too large: which lists and texts lack their ends."),
    extra(),
    *logged(),
    info=about("Actions as they stand: one row each, the state of its highest sequence. Their runs stand in `audit`."),
)
_under_way = actions.c.state.in_(("proposed", "requested", "begun", "in_doubt", "failed", "blocked"))
partial("ix_actions_under_way", actions.c.state, actions.c.needs_approval_by, where=_under_way)
partial("ix_actions_waiting", actions.c.needs_approval_by, where=actions.c.approvals_needed > 0)
Index(None, actions.c.exception_id)
Index(None, actions.c.tenant, actions.c.order_id)
Index(None, actions.c.changed_at)
Index(None, actions.c.action, actions.c.proposed_at)
Index(None, actions.c.log_partition, actions.c.log_offset)

action_events: Final = Table(
    "action_events",
    METADATA,
    text("action_id", "Of which action.", key=True),
    number("sequence", "Its number among the events of the action, from 1.", key=True),
    text("tenant", "Whose it is.", needed=True),
    text("order_id", "As `actions.order_id`.", needed=True),
    text("exception_id", "As `actions.exception_id`."),
    text("type", "`action.proposed`, `action.requested`, `action.withdrawn`, `action.updated`.", needed=True),
    text("action", "As `actions.action`.", needed=True),
    instant("time", "When it was decided: log time.", needed=True),
    text("state", "The state from here on, and so on for what follows.", needed=True),
    text("lane", "As `actions.lane`.", needed=True),
    json("guardrails", "As `actions.guardrails`."),
    number("approvals_needed", "As `actions.approvals_needed`.", needed=True),
    json("approved_by", "As `actions.approved_by`."),
    number("attempt", "As `actions.attempt`.", needed=True),
    instant("retry_at", "As `actions.retry_at`."),
    number("escalation_level", "As `actions.escalation_level`.", needed=True),
    text("escalation_to", "As `actions.escalation_to`."),
    text("reason", "As `actions.reason`.", needed=True),
    text("policy", "As `actions.policy`."),
    *logged(),
    info=about("Every event of every action, once."),
)
Index(None, action_events.c.tenant, action_events.c.order_id, action_events.c.time)
Index(None, action_events.c.time)

messages: Final = Table(
    "messages",
    METADATA,
    text("message_id", "Of one of ours its action's ID, else derived from what is known of it.", key=True),
    text("tenant", "Whose it is.", needed=True),
    text("order_id", "The order that it is about.", needed=True),
    text("exception_id", "The exception that it is about, where one is named."),
    text("action_id", "The action that sends it; none of what others sent."),
    number("sequence", "The event of the action that this row says: the last. 0 of what others sent.", needed=True),
    text("state", "As `actions.state`; `sent` of what others sent.", needed=True),
    text("topic", "What it is about: one of ours, or the word of whoever else sent it."),
    text("channel", "`email`, `sms`, `push`, or another word."),
    text("language", "The language that it is written in."),
    text("promised_by", "The date that it names, as it was stated."),
    text("by", "`/orderwatch`, or the source of whoever else sent it.", needed=True),
    instant("asked_at", "When it was first asked for; none of what others sent."),
    instant("sent_at", "When it went out; none while it has not."),
    info=about("Messages to customers, by us and by others, with those that wait or were withdrawn. Texts stand nowhere."),
)
Index(None, messages.c.tenant, messages.c.order_id)
Index(None, messages.c.sent_at)
partial("ix_messages_unsent", messages.c.asked_at, where=messages.c.sent_at.is_(None))

automation: Final = Table(
    "automation",
    METADATA,
    text("tenant", "Whose automation.", key=True),
    json("paused", "The scopes in which nothing is requested without a person: scope, since, by, reason of each."),
    instant("time", "Since when it stands so.", needed=True),
    *logged(),
    info=about("Where automation is paused. Who paused and resumed it stands in `audit`."),
)
