CREATE VIEW v_approvals AS
-- Actions that wait for somebody to agree: one row each. Whoever asked for it, and whoever agreed already, may not.
-- tenant: Whose.
-- action_id: Which.
-- sequence: The number of its last event.
-- exception_id: The exception that it is for; none where a person asked for it and named none.
-- order_id: The order.
-- kind: Of the exception.
-- severity: Of the exception.
-- owner: The team that has the exception.
-- action: What is to be done.
-- step: The rule's own word for it.
-- target: What it changes.
-- value: What it is about in money, in `currency`.
-- currency: Its currency.
-- irreversible: Whether it cannot be undone.
-- reason: Why.
-- state: `proposed`, or `blocked` by another action of the same target.
-- approvers: Who may agree: the roles of which one is needed, as a JSON array.
-- approvals_needed: How many persons must still agree.
-- initiated_by: Who asked for it, and so may not agree.
-- approved_by: Who agreed already, and may not again, as a JSON array.
-- proposed_at: When it was first said (log time).
-- waiting_seconds: How long ago that is, in seconds.
-- needs_approval_by: From when on it escalates.
-- overdue: Whether that has passed.
-- expires_at: When it expires if nobody agrees.
-- escalation_level: How many rungs of the ladder it has gone.
-- escalation_to: To whom.
-- payload_hash: What an approval must name.
SELECT actions.tenant, actions.action_id, actions.sequence, actions.exception_id, actions.order_id, exceptions.kind, exceptions.severity, actions.owner, actions.action, actions.step, actions.target, actions.value, actions.currency, actions.irreversible, actions.reason, actions.state, actions.approvers, actions.approvals_needed, actions.initiated_by, actions.approved_by, actions.proposed_at, floor(extract(epoch FROM now()))::bigint - floor(extract(epoch FROM actions.proposed_at))::bigint AS waiting_seconds, actions.needs_approval_by, coalesce(actions.needs_approval_by < now(), false) AS overdue, actions.expires_at, actions.escalation_level, actions.escalation_to, actions.payload_hash
FROM actions LEFT OUTER JOIN exceptions ON exceptions.exception_id = actions.exception_id
WHERE actions.approvals_needed > 0 AND actions.state IN ('proposed', 'blocked');
COMMENT ON VIEW v_approvals IS 'Actions that wait for somebody to agree: one row each. Whoever asked for it, and whoever agreed already, may not.';
COMMENT ON COLUMN v_approvals.tenant IS 'Whose.';
COMMENT ON COLUMN v_approvals.action_id IS 'Which.';
COMMENT ON COLUMN v_approvals.sequence IS 'The number of its last event.';
COMMENT ON COLUMN v_approvals.exception_id IS 'The exception that it is for; none where a person asked for it and named none.';
COMMENT ON COLUMN v_approvals.order_id IS 'The order.';
COMMENT ON COLUMN v_approvals.kind IS 'Of the exception.';
COMMENT ON COLUMN v_approvals.severity IS 'Of the exception.';
COMMENT ON COLUMN v_approvals.owner IS 'The team that has the exception.';
COMMENT ON COLUMN v_approvals.action IS 'What is to be done.';
COMMENT ON COLUMN v_approvals.step IS 'The rule''s own word for it.';
COMMENT ON COLUMN v_approvals.target IS 'What it changes.';
COMMENT ON COLUMN v_approvals.value IS 'What it is about in money, in `currency`.';
COMMENT ON COLUMN v_approvals.currency IS 'Its currency.';
COMMENT ON COLUMN v_approvals.irreversible IS 'Whether it cannot be undone.';
COMMENT ON COLUMN v_approvals.reason IS 'Why.';
COMMENT ON COLUMN v_approvals.state IS '`proposed`, or `blocked` by another action of the same target.';
COMMENT ON COLUMN v_approvals.approvers IS 'Who may agree: the roles of which one is needed, as a JSON array.';
COMMENT ON COLUMN v_approvals.approvals_needed IS 'How many persons must still agree.';
COMMENT ON COLUMN v_approvals.initiated_by IS 'Who asked for it, and so may not agree.';
COMMENT ON COLUMN v_approvals.approved_by IS 'Who agreed already, and may not again, as a JSON array.';
COMMENT ON COLUMN v_approvals.proposed_at IS 'When it was first said (log time).';
COMMENT ON COLUMN v_approvals.waiting_seconds IS 'How long ago that is, in seconds.';
COMMENT ON COLUMN v_approvals.needs_approval_by IS 'From when on it escalates.';
COMMENT ON COLUMN v_approvals.overdue IS 'Whether that has passed.';
COMMENT ON COLUMN v_approvals.expires_at IS 'When it expires if nobody agrees.';
COMMENT ON COLUMN v_approvals.escalation_level IS 'How many rungs of the ladder it has gone.';
COMMENT ON COLUMN v_approvals.escalation_to IS 'To whom.';
COMMENT ON COLUMN v_approvals.payload_hash IS 'What an approval must name.'
