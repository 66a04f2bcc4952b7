"""What the console keeps of policies that are being written and tried, of rejects that were mended, and of invitations."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, Table

from dataflows.console.tables import METADATA
from sinks.cases.tables.base import about, instant, json, number, place, text

drafts: Final = Table(
    "policy_drafts",
    METADATA,
    text("draft_id", "A random ID.", key=True),
    text("name", "What the file was called.", needed=True),
    text("text", "The policy as it was given.", needed=True),
    text("by", "Whose it is.", needed=True),
    instant("at", "When it was given.", needed=True),
    Index("ix_policy_drafts_at", "at"),
    info=about("Policies that somebody has given to be checked, tried or activated."),
)

trials: Final = Table(
    "policy_trials",
    METADATA,
    text("trial_id", "A random ID, and the name of the folder of its results.", key=True),
    text("kind", "`backtest`, or `dry_run`: what stands now.", needed=True),
    text("draft_id", "The draft that is tried.", needed=True),
    text("by", "Who has it run.", needed=True),
    instant("at", "When it was asked for.", needed=True),
    text("old_version", "The version that held then, with which it is compared.", needed=True),
    text("new_version", "The version that is tried.", needed=True),
    text("new_name", "What the policy that is tried is called.", needed=True),
    instant("since", "What was said before does not count; none: all counts."),
    instant("until", "Up to where time passes.", needed=True),
    text("state", "`waiting`, `running`, `done`, `failed`, `cancelled`, or `lost`: the console was stopped meanwhile.", needed=True),
    number("percent", "How far it is.", needed=True),
    instant("began_at", "When it began to run."),
    instant("ended_at", "When it was over."),
    text("problem", "Why it failed."),
    json("covered", "The rules that the tried policy said something of."),
    Index("ix_policy_trials_at", "at"),
    info=about("Back-tests and dry runs, each a process of its own. Results stand in a folder until they are too old."),
)

mended: Final = Table(
    "mended_rejects",
    METADATA,
    text("log_partition", "Where the reject stands in the log of rejects.", key=True),
    place("log_offset", "Its place there.", key=True),
    instant("at", "When it was sent again.", needed=True),
    text("by", "Who sent it.", needed=True),
    text("how", "`edited`, or `unchanged`.", needed=True),
    text("source", "The source of the event that was sent."),
    text("event_id", "Its ID there."),
    info=about("Rejects that were sent again, by whom."),
)

invitations: Final = Table(
    "invitations",
    METADATA,
    text("digest", "SHA-256 of the code, which only the invitation has.", key=True),
    text("name", "Whom it is for.", needed=True),
    text("by", "Who invited them.", needed=True),
    instant("at", "When.", needed=True),
    instant("expires_at", "When it ends.", needed=True),
    Index("ix_invitations_name", "name"),
    info=about("Invitations that were not used yet: whoever has the code sets the password, once."),
)
