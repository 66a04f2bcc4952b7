"""Actions and messages, incidents and feeds, decisions, notes, policies, rejects, and what the store notes of itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sinks.cases.tables.base import Amounts, Instants, Json

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "action_events",
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("exception_id", sa.Text()),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("time", Instants(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("guardrails", Json),
        sa.Column("approvals_needed", sa.Integer(), nullable=False),
        sa.Column("approved_by", Json),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retry_at", Instants()),
        sa.Column("escalation_level", sa.Integer(), nullable=False),
        sa.Column("escalation_to", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text()),
        sa.Column("logged_at", Instants(), nullable=False),
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("action_id", "sequence", name="pk_action_events"),
    )
    op.create_index("ix_action_events_tenant_order_id_time", "action_events", ["tenant", "order_id", "time"])
    op.create_index("ix_action_events_time", "action_events", ["time"])
    op.create_table(
        "actions",
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("exception_id", sa.Text()),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("target", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("parameters", Json),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("payload_hash", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", Json),
        sa.Column("guardrails", Json),
        sa.Column("needs_approval_by", Instants()),
        sa.Column("approvers", Json),
        sa.Column("approvals_needed", sa.Integer(), nullable=False),
        sa.Column("initiated_by", sa.Text()),
        sa.Column("approved_by", Json),
        sa.Column("expires_at", Instants()),
        sa.Column("held_until", Instants()),
        sa.Column("value", Amounts()),
        sa.Column("currency", sa.Text()),
        sa.Column("irreversible", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retry_at", Instants()),
        sa.Column("compensates", sa.Text()),
        sa.Column("replaces", sa.Text()),
        sa.Column("owner", sa.Text()),
        sa.Column("escalation_level", sa.Integer(), nullable=False),
        sa.Column("escalation_to", sa.Text()),
        sa.Column("escalated_at", Instants()),
        sa.Column("message_topic", sa.Text()),
        sa.Column("message_channel", sa.Text()),
        sa.Column("message_language", sa.Text()),
        sa.Column("message_promised_by", sa.Text()),
        sa.Column("policy", sa.Text()),
        sa.Column("proposed_at", Instants(), nullable=False),
        sa.Column("changed_at", Instants(), nullable=False),
        sa.Column("cut", Json),
        sa.Column("extra", Json),
        sa.Column("logged_at", Instants(), nullable=False),
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("action_id", name="pk_actions"),
    )
    op.create_index("ix_actions_action_proposed_at", "actions", ["action", "proposed_at"])
    op.create_index("ix_actions_changed_at", "actions", ["changed_at"])
    op.create_index("ix_actions_exception_id", "actions", ["exception_id"])
    op.create_index("ix_actions_tenant_order_id", "actions", ["tenant", "order_id"])
    op.create_index(
        "ix_actions_under_way",
        "actions",
        ["state", "needs_approval_by"],
        postgresql_where=sa.text("state IN ('proposed', 'requested', 'begun', 'in_doubt', 'failed', 'blocked')"),
        sqlite_where=sa.text("state IN ('proposed', 'requested', 'begun', 'in_doubt', 'failed', 'blocked')"),
    )
    op.create_table(
        "audit",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text()),
        sa.Column("time", Instants()),
        sa.Column("subject", sa.Text()),
        sa.Column("exception_id", sa.Text()),
        sa.Column("action_id", sa.Text()),
        sa.Column("by", sa.Text()),
        sa.Column("by_roles", Json),
        sa.Column("note", sa.Text()),
        sa.Column("attempt", sa.Integer()),
        sa.Column("endpoint", sa.Text()),
        sa.Column("reference", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("retry_at", Instants()),
        sa.Column("result", sa.Text()),
        sa.Column("data", Json),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("refused_at", Instants()),
        sa.Column("logged_at", Instants()),
        sa.Column("log_partition", sa.Text()),
        sa.Column("log_offset", sa.BigInteger()),
        sa.PrimaryKeyConstraint("tenant", "source", "event_id", name="pk_audit"),
    )
    op.create_index("ix_audit_action_id_logged_at", "audit", ["action_id", "logged_at"])
    op.create_index("ix_audit_event_id", "audit", ["event_id"])
    op.create_index("ix_audit_exception_id_logged_at", "audit", ["exception_id", "logged_at"])
    op.create_index("ix_audit_logged_at", "audit", ["logged_at"])
    op.create_index("ix_audit_tenant_subject", "audit", ["tenant", "subject"])
    op.create_table(
        "automation",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("paused", Json),
        sa.Column("time", Instants(), nullable=False),
        sa.Column("logged_at", Instants(), nullable=False),
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name="pk_automation"),
    )
    op.create_table(
        "erasures",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", Instants(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "hash", name="pk_erasures"),
    )
    op.create_table(
        "feeds",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("mark", Instants()),
        sa.Column("stale_since", Instants()),
        sa.Column("silence", sa.Text()),
        sa.Column("cadence", sa.Text()),
        sa.Column("owner", sa.Text()),
        sa.Column("time", Instants(), nullable=False),
        sa.Column("logged_at", Instants(), nullable=False),
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "feed", name="pk_feeds"),
    )
    op.create_table(
        "incident_members",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "member", "member_id", name="pk_incident_members"),
    )
    op.create_index("ix_incident_members_member_id", "incident_members", ["member_id"])
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("milestone", sa.Text()),
        sa.Column("member_count", sa.Integer()),
        sa.Column("owner", sa.Text()),
        sa.Column("summary", sa.Text()),
        sa.Column("since", Instants()),
        sa.Column("opened_at", Instants(), nullable=False),
        sa.Column("changed_at", Instants(), nullable=False),
        sa.Column("closed_at", Instants()),
        sa.Column("extra", Json),
        sa.Column("logged_at", Instants(), nullable=False),
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_status_opened_at", "incidents", ["status", "opened_at"])
    op.create_table(
        "messages",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("exception_id", sa.Text()),
        sa.Column("action_id", sa.Text()),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text()),
        sa.Column("channel", sa.Text()),
        sa.Column("language", sa.Text()),
        sa.Column("promised_by", sa.Text()),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("asked_at", Instants()),
        sa.Column("sent_at", Instants()),
        sa.PrimaryKeyConstraint("message_id", name="pk_messages"),
    )
    op.create_index("ix_messages_sent_at", "messages", ["sent_at"])
    op.create_index("ix_messages_tenant_order_id", "messages", ["tenant", "order_id"])
    op.create_table(
        "notes",
        sa.Column("note_ref", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text()),
        sa.Column("exception_id", sa.Text()),
        sa.Column("action_id", sa.Text()),
        sa.Column("by", sa.Text()),
        sa.Column("at", Instants()),
        sa.Column("text", sa.Text()),
        sa.Column("said_at", Instants()),
        sa.PrimaryKeyConstraint("note_ref", name="pk_notes"),
    )
    op.create_index("ix_notes_exception_id_at", "notes", ["exception_id", "at"])
    op.create_index("ix_notes_tenant_order_id", "notes", ["tenant", "order_id"])
    op.create_table(
        "offsets",
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("logged_at", Instants(), nullable=False),
        sa.Column("written_at", Instants(), nullable=False),
        sa.PrimaryKeyConstraint("log_partition", name="pk_offsets"),
    )
    op.create_table(
        "policies",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("by", sa.Text()),
        sa.Column("by_roles", Json),
        sa.Column("against", sa.Text()),
        sa.Column("covered", Json),
        sa.Column("engine", sa.Text()),
        sa.Column("text_hash", sa.Text()),
        sa.Column("time", Instants(), nullable=False),
        sa.Column("logged_at", Instants(), nullable=False),
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", "event_id", name="pk_policies"),
    )
    op.create_index("ix_policies_logged_at", "policies", ["logged_at"])
    op.create_index("ix_policies_version", "policies", ["version"])
    op.create_table(
        "rejects",
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.Column("logged_at", Instants(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("topic", sa.Text()),
        sa.Column("topic_partition", sa.Integer()),
        sa.Column("topic_offset", sa.BigInteger()),
        sa.Column("tenant", sa.Text()),
        sa.Column("source", sa.Text()),
        sa.Column("type", sa.Text()),
        sa.Column("event_id", sa.Text()),
        sa.Column("order_id", sa.Text()),
        sa.PrimaryKeyConstraint("log_partition", "log_offset", name="pk_rejects"),
    )
    op.create_index("ix_rejects_logged_at", "rejects", ["logged_at"])
    op.create_index("ix_rejects_reason_logged_at", "rejects", ["reason", "logged_at"])
    op.create_index("ix_rejects_tenant_order_id", "rejects", ["tenant", "order_id"])
    op.create_table(
        "standing",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_at", Instants(), nullable=False),
        sa.Column("behind", sa.BigInteger()),
        sa.Column("caught_up_at", Instants()),
        sa.PrimaryKeyConstraint("name", name="pk_standing"),
    )
    op.create_table(
        "suggestions",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text()),
        sa.Column("exception_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.Column("value", sa.Text()),
        sa.Column("confidence", sa.Double[float]()),
        sa.Column("model", sa.Text()),
        sa.Column("by", sa.Text()),
        sa.Column("time", Instants(), nullable=False),
        sa.Column("logged_at", Instants(), nullable=False),
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", "event_id", name="pk_suggestions"),
    )
    op.create_index("ix_suggestions_exception_id", "suggestions", ["exception_id"])
    op.create_table(
        "unprojected",
        sa.Column("log_partition", sa.Text(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("logged_at", Instants(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("headers", Json),
        sa.PrimaryKeyConstraint("log_partition", "log_offset", name="pk_unprojected"),
    )
