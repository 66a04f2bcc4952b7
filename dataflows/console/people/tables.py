"""What the console knows of people."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, Table

from dataflows.console.tables import METADATA
from sinks.cases.tables.base import about, flag, instant, json, number, text

people: Final = Table(
    "people",
    METADATA,
    text("name", "The name by which somebody logs in; `user:NAME` in decisions.", key=True),
    text("shown", "The name as it is shown, where it is another one."),
    text("password", "Digest of the password (argon2id); none of who comes by OpenID Connect only."),
    json("roles", "The roles, a list."),
    json("tenants", "The tenants whose cases may be seen, a list; `*`: all."),
    json("teams", "The teams, likewise."),
    json("sites", "The sites, likewise."),
    text("language", "`en` or `de`; none: what the browser asks for."),
    text("zone", "Time zone (IANA) in which times are shown; none: UTC."),
    text("theme", "`light` or `dark`; none: what the system asks for."),
    flag("single_keys", "Whether single keys are commands."),
    flag("disabled", "Whether nobody can log in by this name."),
    text("origin", "`local`, or the issuer that vouches for them.", needed=True),
    text("subject", "What the issuer calls them, which never changes; none of local people."),
    instant("created_at", "When it was made.", needed=True),
    instant("changed_at", "When roles, scope, password or standing last changed.", needed=True),
    info=about("People who may enter the console."),
)

sessions: Final = Table(
    "sessions",
    METADATA,
    text("digest", "SHA-256 of the session's ID, which only the browser has.", key=True),
    text("name", "Whose it is.", needed=True),
    instant("began_at", "When they logged in.", needed=True),
    instant("seen_at", "When they last asked for something, to the half minute.", needed=True),
    text("agent", "The browser, in a few words."),
    text("way", "How they logged in: `password` or `oidc`.", needed=True),
    text("message", "What the next page shows once."),
    Index("ix_sessions_name", "name"),
    info=about("Sessions that have not ended."),
)

attempts: Final = Table(
    "attempts",
    METADATA,
    text("subject", "Digest of the name or the address that failed to log in.", key=True),
    number("failures", "How often since the last success.", needed=True),
    instant("last_at", "When it last failed.", needed=True),
    instant("next_at", "Before when no further attempt is looked at.", needed=True),
    info=about("Failed log-ins, by name and by address."),
)

log_ins: Final = Table(
    "log_ins",
    METADATA,
    text("digest", "SHA-256 of the state that the browser brings back from the provider.", key=True),
    text("nonce", "What the token of the provider must have in it.", needed=True),
    text("verifier", "What proves that the code is ours (PKCE).", needed=True),
    text("back", "Where they wanted to go.", needed=True),
    instant("began_at", "When.", needed=True),
    info=about("Log-ins that wait for the provider."),
)

entries: Final = Table(
    "entries",
    METADATA,
    text("entry_id", "A random ID.", key=True),
    instant("at", "When.", needed=True),
    text("by", "Who, such as `user:anna` or `command` for the command line.", needed=True),
    text("what", "Such as `logged_in`, `log_in_failed`, `roles_changed`, `disabled`, `session_ended`.", needed=True),
    text("subject", "About whom or what."),
    json("detail", "More of it."),
    Index("ix_entries_at", "at"),
    info=about("What happened to people and sessions."),
)
