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
SELECT actions.tenant, actions.action_id, actions.sequence, actions.exception_id, actions.order_id, exceptions.kind, exceptions.severity, actions.owner, actions.action, actions.step, actions.target, actions.value, actions.currency, actions.irreversible, actions.reason, actions.state, actions.approvers, actions.approvals_needed, actions.initiated_by, actions.approved_by, actions.proposed_at, CAST(strftime('%s', strftime('%Y-%m-%d %H:%M:%f000', 'now')) AS INTEGER) - CAST(strftime('%s', actions.proposed_at) AS INTEGER) AS waiting_seconds, actions.needs_approval_by, coalesce(actions.needs_approval_by < strftime('%Y-%m-%d %H:%M:%f000', 'now'), 0) AS overdue, actions.expires_at, actions.escalation_level, actions.escalation_to, actions.payload_hash
FROM actions LEFT OUTER JOIN exceptions ON exceptions.exception_id = actions.exception_id
WHERE actions.approvals_needed > 0 AND actions.state IN ('proposed', 'blocked')
