"""Incidents and feeds; decisions, notes, suggestions and policies; what was rejected; and what the store notes of itself."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, Table

from sinks.cases.tables.base import METADATA, about, extra, flag, instant, json, logged, number, place, real, text

incidents: Final = Table(
    "incidents",
    METADATA,
    text("incident_id", "The same in every run and replay.", key=True),
    text("tenant", "Whose it is.", needed=True),
    number("sequence", "The number of the event that this row says: the last.", needed=True),
    text("kind", "`incident` (many exceptions of one cause), `feed.stale`, `feed.never_seen`, or a later word.", needed=True),
    text("status", "`open`, or `resolved`.", needed=True),
    text("dimension", "What the members have in common: `carrier`, `site`, `feed`, ...", needed=True),
    text("value", "Which one.", needed=True),
    text("milestone", "Of `feed.never_seen`: what nobody has ever told."),
    number("member_count", "How many exceptions, or orders, are concerned; none where that is not said."),
    text("owner", "The team that mends it."),
    text("summary", "One sentence for a person."),
    instant("since", "Since when, where that is said: `stale_since`, `owed_since`."),
    instant("opened_at", "The instant of its first event.", needed=True),
    instant("changed_at", "The instant of its last event.", needed=True),
    instant("closed_at", "When it was over; none while it stands."),
    extra(),
    *logged(),
    info=about("Incidents, and feeds that fell silent or that nobody ever heard a milestone of: one row each."),
)
Index(None, incidents.c.status, incidents.c.opened_at)
Index(None, incidents.c.log_partition, incidents.c.log_offset)

incident_members: Final = Table(
    "incident_members",
    METADATA,
    text("incident_id", "The incident.", key=True),
    text("member", "`exception`, or `order`.", key=True),
    text("member_id", "The ID of the exception or the order.", key=True),
    text("tenant", "Whose it is.", needed=True),
    info=about("What an incident is known to concern: every member that one of its events has named."),
)
Index(None, incident_members.c.member_id)

feeds: Final = Table(
    "feeds",
    METADATA,
    text("tenant", "Whose it is.", key=True),
    text("feed", "The prefix of `source` that the policy declares.", key=True),
    flag("stale", "Whether it is silent for longer than the policy allows."),
    instant("mark", "The greatest `time` that it had spoken when this was said."),
    instant("stale_since", "Since when it is, or was, stale."),
    text("silence", "The allowed silence, in the policy's words."),
    text("cadence", "How often it usually speaks, in the policy's words."),
    text("owner", "The team that mends it."),
    instant("time", "When this was said: log time.", needed=True),
    *logged(),
    info=about("Feeds that were ever stale, as they stand. Which feeds there are is the policy's to say."),
)

audit: Final = Table(
    "audit",
    METADATA,
    text("tenant", "Whose it is.", key=True),
    text("source", "What wrote the decision: `/console`, `/orderwatch/api`, `/dispatch`, ...", key=True),
    text("event_id", "The ID of the decision there.", key=True),
    text("type", "Such as `case.acknowledged`; none where only its refusal is known, as of all that follows."),
    instant("time", "When it was decided, as its writer says."),
    text("subject", "The order or other subject; none once it is erased."),
    text("exception_id", "The exception that it is about."),
    text("action_id", "The action that it is about."),
    text("by", "Who decided: `user:anna`, `service:dispatch`."),
    json("by_roles", "What whoever decided was allowed to."),
    text("note", "What whoever decided wrote to it."),
    number("attempt", "Of what dispatch says: the number of the attempt."),
    text("endpoint", "Who is called."),
    text("reference", "What the endpoint calls it."),
    text("code", "Why it failed."),
    instant("retry_at", "When it is tried again."),
    text("result", "The outcome of a resolution or an observation; the label; the scope of a pause; the version of a policy."),
    json("data", "The other fields of the decision, without texts and results of endpoints."),
    text("outcome", "`applied`, or `refused`: the engine gave it back.", needed=True),
    text("reason", "Why it was refused."),
    text("detail", "More of that."),
    instant("refused_at", "When the refusal was appended to its log."),
    instant("logged_at", "When the decision was appended to its log."),
    text("log_partition", "The part of the log that it stands in."),
    place("log_offset", "Its place there."),
    info=about("Every decision once: who, what, when, and whether the engine took it. The runs of actions stand here too."),
)
Index(None, audit.c.exception_id, audit.c.logged_at)
Index(None, audit.c.action_id, audit.c.logged_at)
Index(None, audit.c.event_id)
Index(None, audit.c.logged_at)
Index(None, audit.c.tenant, audit.c.subject)

notes: Final = Table(
    "notes",
    METADATA,
    text("note_ref", "What `case.noted` names.", key=True),
    text("tenant", "Whose it is.", needed=True),
    text("order_id", "As `exceptions.order_id`."),
    text("exception_id", "The exception that it is about."),
    text("action_id", "The action that it is about."),
    text("by", "Who wrote it."),
    instant("at", "When it was written; none where the store has its reference only."),
    text("text", "What it says: here and nowhere else, so no rebuild takes it away. None where only its reference is known."),
    instant("said_at", "When `case.noted` was appended to its log; none while it is not, or of a note to another decision."),
    info=about("Notes. Written by the program that takes decisions in; the only texts of people beside `audit.note`."),
)
Index(None, notes.c.exception_id, notes.c.at)
Index(None, notes.c.tenant, notes.c.order_id)

suggestions: Final = Table(
    "suggestions",
    METADATA,
    text("tenant", "Whose it is.", key=True),
    text("source", "What wrote it.", key=True),
    text("event_id", "The ID of the event there.", key=True),
    text("order_id", "As `exceptions.order_id`."),
    text("exception_id", "The exception that it is about.", needed=True),
    text("kind", "`class`, `owner`, `draft`, or another word."),
    text("value", "The class, the team, the reference of the draft."),
    real("confidence", "How sure the model is: 0 to 1."),
    text("model", "Which model, in which version."),
    text("by", "Who says so."),
    instant("time", "When it was made.", needed=True),
    *logged(),
    info=about("What programs suggested of exceptions. It binds nobody."),
)
Index(None, suggestions.c.exception_id)

policies: Final = Table(
    "policies",
    METADATA,
    text("tenant", "Of the event; a policy holds for all tenants.", key=True),
    text("source", "What activated it.", key=True),
    text("event_id", "The ID of the event there.", key=True),
    text("version", "The version that it activates.", needed=True),
    text("text", "The whole policy."),
    text("note", "What whoever activated it wrote."),
    text("by", "Who activated it."),
    json("by_roles", "What whoever activated it was allowed to."),
    text("against", "The version that a back-test compared it with."),
    json("covered", "The rules of which that back-test saw something."),
    text("engine", "The version of the engine that a start wrote this for."),
    text("text_hash", "SHA-256 of the text."),
    instant("time", "When it was activated, as its writer says.", needed=True),
    *logged(),
    info=about("Activations of policies. Whether the engine took one stands in `audit`, under the same ID."),
)
Index(None, policies.c.version)
Index(None, policies.c.logged_at)

rejects: Final = Table(
    "rejects",
    METADATA,
    text("log_partition", "The part of the log of rejects that it stands in.", key=True),
    place("log_offset", "Its place there.", key=True),
    instant("logged_at", "When it was rejected.", needed=True),
    text("reason", "Why, in one word.", needed=True),
    text("detail", "More of that."),
    text("topic", "Where the original stands."),
    number("topic_partition", "Its partition there; none of what stood in no topic."),
    place("topic_offset", "Its offset there."),
    text("tenant", "Whose it is, where the original says."),
    text("source", "Who wrote the original, where it says."),
    text("type", "The type of the original, where it says."),
    text("event_id", "The ID of the original, where it says."),
    text("order_id", "Its subject, where it says."),
    info=about("Rejected records: why and where. The records themselves stand in the log of rejects only."),
)
Index(None, rejects.c.logged_at)
Index(None, rejects.c.reason, rejects.c.logged_at)
Index(None, rejects.c.tenant, rejects.c.order_id)

unprojected: Final = Table(
    "unprojected",
    METADATA,
    text("log_partition", "The part of the log that it stands in.", key=True),
    place("log_offset", "Its place there.", key=True),
    text("topic", "What the log holds.", needed=True),
    instant("logged_at", "When it was appended.", needed=True),
    text("reason", "Why the store could make no rows of it.", needed=True),
    Column("key", LargeBinary, doc="Its key.", nullable=False),
    Column("value", LargeBinary, doc="The record.", nullable=False),
    json("headers", "Its headers, in base64."),
    info=about("Records that this version of the store could make no rows of. Each start tries them again."),
)

offsets: Final = Table(
    "offsets",
    METADATA,
    text("log_partition", "The part of a log.", key=True),
    text("topic", "What the log holds.", needed=True),
    place("next_offset", "The offset of the record after the last one that these tables hold.", needed=True),
    place("records", "How many records of it these tables were made of.", needed=True),
    instant("logged_at", "When the last of them was appended.", needed=True),
    instant("written_at", "When it was written here, by this host's clock.", needed=True),
    info=about("How far the logs are read. Written in the transaction of the rows: each record counts once."),
)

standing: Final = Table(
    "standing",
    METADATA,
    text("name", "`writer`: the program that keeps the store true.", key=True),
    instant(
        "seen_at",
        "When it was last at work, by its host's clock; written every few seconds, whether there are records or not.",
        needed=True,
    ),
    place("behind", "How many records it was behind the ends of the logs then; none where that is not known."),
    instant("caught_up_at", "When it last was not behind."),
    info=about("Whether the store is kept true: what is older than this may be missing."),
)

erasures: Final = Table(
    "erasures",
    METADATA,
    text("subject", "`order` or `customer`.", key=True),
    text("hash", "SHA-256 of tenant, U+001F and ID: who it was cannot be read off.", key=True),
    instant("at", "Until when (log time); of a customer, orders that were placed later are not concerned.", needed=True),
    info=about("What was erased, so that neither a late record nor a rebuild brings it back."),
)
