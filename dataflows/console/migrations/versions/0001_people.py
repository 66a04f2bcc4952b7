"""All tables as they were when their changes began to be counted: those that an installation of before has already stay as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sinks.cases.tables.base import Instants, Json

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the tables that are missing."""
    op.create_table(
        "attempts",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Instants(), nullable=False),
        sa.Column("next_at", Instants(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_attempts"),
        if_not_exists=True,
    )
    op.create_table(
        "entries",
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("at", Instants(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text()),
        sa.Column("detail", Json),
        sa.PrimaryKeyConstraint("entry_id", name="pk_entries"),
        if_not_exists=True,
    )
    op.create_index("ix_entries_at", "entries", ["at"], if_not_exists=True)
    op.create_table(
        "invitations",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Instants(), nullable=False),
        sa.Column("expires_at", Instants(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_invitations"),
        if_not_exists=True,
    )
    op.create_index("ix_invitations_name", "invitations", ["name"], if_not_exists=True)
    op.create_table(
        "list_columns",
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("columns", Json),
        sa.Column("changed_at", Instants(), nullable=False),
        sa.PrimaryKeyConstraint("by", name="pk_list_columns"),
        if_not_exists=True,
    )
    op.create_table(
        "log_ins",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False),
        sa.Column("back", sa.Text(), nullable=False),
        sa.Column("began_at", Instants(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_log_ins"),
        if_not_exists=True,
    )
    op.create_table(
        "mended_rejects",
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.Column("at", Instants(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("event_id", sa.Text()),
        sa.PrimaryKeyConstraint("log_partition", "log_offset", name="pk_mended_rejects"),
        if_not_exists=True,
    )
    op.create_table(
        "outcomes",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("at", Instants(), nullable=False),
        sa.Column("items", Json),
        sa.Column("data", Json),
        sa.Column("back", sa.Text()),
        sa.Column("undoes", sa.Text()),
        sa.Column("undone_by", sa.Text()),
        sa.PrimaryKeyConstraint("key", name="pk_outcomes"),
        if_not_exists=True,
    )
    op.create_index("ix_outcomes_by_at", "outcomes", ["by", "at"], if_not_exists=True)
    op.create_table(
        "people",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text()),
        sa.Column("password", sa.Text()),
        sa.Column("roles", Json),
        sa.Column("tenants", Json),
        sa.Column("teams", Json),
        sa.Column("sites", Json),
        sa.Column("language", sa.Text()),
        sa.Column("zone", sa.Text()),
        sa.Column("theme", sa.Text()),
        sa.Column("single_keys", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text()),
        sa.Column("created_at", Instants(), nullable=False),
        sa.Column("changed_at", Instants(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_people"),
        if_not_exists=True,
    )
    op.create_table(
        "policy_drafts",
        sa.Column("draft_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Instants(), nullable=False),
        sa.PrimaryKeyConstraint("draft_id", name="pk_policy_drafts"),
        if_not_exists=True,
    )
    op.create_index("ix_policy_drafts_at", "policy_drafts", ["at"], if_not_exists=True)
    op.create_table(
        "policy_trials",
        sa.Column("trial_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("draft_id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Instants(), nullable=False),
        sa.Column("old_version", sa.Text(), nullable=False),
        sa.Column("new_version", sa.Text(), nullable=False),
        sa.Column("new_name", sa.Text(), nullable=False),
        sa.Column("since", Instants()),
        sa.Column("until", Instants(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("began_at", Instants()),
        sa.Column("ended_at", Instants()),
        sa.Column("problem", sa.Text()),
        sa.Column("covered", Json),
        sa.PrimaryKeyConstraint("trial_id", name="pk_policy_trials"),
        if_not_exists=True,
    )
    op.create_index("ix_policy_trials_at", "policy_trials", ["at"], if_not_exists=True)
    op.create_table(
        "reads",
        sa.Column("read_id", sa.Text(), nullable=False),
        sa.Column("at", Instants(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text()),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("read_id", name="pk_reads"),
        if_not_exists=True,
    )
    op.create_index("ix_reads_at", "reads", ["at"], if_not_exists=True)
    op.create_table(
        "resting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_resting"),
        if_not_exists=True,
    )
    op.create_table(
        "saved_views",
        sa.Column("view_id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shared", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instants(), nullable=False),
        sa.PrimaryKeyConstraint("view_id", name="pk_saved_views"),
        if_not_exists=True,
    )
    op.create_index("ix_saved_views_by", "saved_views", ["by", "place"], if_not_exists=True)
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("began_at", Instants(), nullable=False),
        sa.Column("seen_at", Instants(), nullable=False),
        sa.Column("agent", sa.Text()),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("message", sa.Text()),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
        if_not_exists=True,
    )
    op.create_index("ix_sessions_name", "sessions", ["name"], if_not_exists=True)
