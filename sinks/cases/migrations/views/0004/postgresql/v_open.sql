CREATE VIEW v_open AS
-- What is open: one row for each exception.
-- tenant: Whose it is.
-- exception_id: Which.
-- order_id: The order.
-- kind: What is wrong.
-- scope: What of the order; none: all of it.
-- episode: The how-manieth time.
-- severity: `low`, `medium`, `high`, `critical`.
-- severity_rank: 0 critical to 3 low, to sort by.
-- score: 0 to 1000, as last said.
-- blocking: Whether automation on the order pauses.
-- lane: `auto`, `review`, `block`.
-- owner: The accountable team.
-- team: The team that has it.
-- assignee: The person who has it; none: nobody.
-- case_state: How its case stands.
-- waiting_on: On whom it waits.
-- until: When a snooze or a wait ends at the latest.
-- raised_at: The log time at which it was first said.
-- due_at: The deadline that passed; none of what is no timeout.
-- age_seconds: How long ago it was first said, in seconds.
-- ack_by: By when somebody is to take it up.
-- acknowledged_at: When somebody did.
-- acknowledge_breached: Whether that was, or is, too late.
-- resolve_by: By when it is to be resolved; moved by what it has waited.
-- paused: Whether the resolve clock stands still.
-- resolve_breached: Whether it is not resolved in time.
-- escalation_level: How many rungs of the ladder it has gone.
-- escalation_to: To whom.
-- reopenings: How often somebody opened it again.
-- flaps: How often it was over and came back by itself.
-- carrier: The carrier that it is about.
-- site: The site that it is about.
-- country: Where the order goes.
-- customer_id: The customer, opaque.
-- tier: The customer's tier.
-- total: The order's total, in `currency`.
-- currency: Its currency.
-- next_step: The next step that helps most.
-- told_at: When the customer was last told anything.
-- summary: One sentence for a person.
SELECT exceptions.tenant, exceptions.exception_id, exceptions.order_id, exceptions.kind, exceptions.scope, exceptions.episode, exceptions.severity, exceptions.severity_rank, exceptions.score, exceptions.blocking, exceptions.lane, exceptions.owner, exceptions.team, exceptions.assignee, exceptions.case_state, cases.waiting_on, exceptions.until, exceptions.raised_at, exceptions.due_at, floor(extract(epoch FROM now()))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS age_seconds, exceptions.ack_by, exceptions.acknowledged_at, exceptions.ack_by IS NOT NULL AND coalesce(exceptions.acknowledged_at, exceptions.stopped_at, now()) > exceptions.ack_by AS acknowledge_breached, exceptions.resolve_by, exceptions.paused_since IS NOT NULL AS paused, coalesce(exceptions.resolve_by IS NOT NULL AND coalesce(exceptions.paused_since, (SELECT min(waited.detected_at) AS min_1
FROM exception_events AS waited
WHERE exceptions.case_state = 'waiting' AND waited.exception_id = exceptions.exception_id AND waited.sequence > coalesce((SELECT max(others.sequence) AS max_1
FROM exception_events AS others
WHERE others.exception_id = exceptions.exception_id AND others.case_state != 'waiting'), 0) AND waited.detected_at < exceptions.stopped_at), exceptions.stopped_at, now()) > exceptions.resolve_by, false) AS resolve_breached, exceptions.escalation_level, cases.escalation_to, cases.reopenings, cases.flaps, exceptions.carrier, exceptions.site, exceptions.country, exceptions.customer_id, exceptions.tier, exceptions.total, exceptions.currency, exceptions.next_step, exceptions.told_at, exceptions.summary
FROM exceptions JOIN cases ON cases.exception_id = exceptions.exception_id
WHERE exceptions.status = 'open' AND exceptions.mode = 'on';
COMMENT ON VIEW v_open IS 'What is open: one row for each exception.';
COMMENT ON COLUMN v_open.tenant IS 'Whose it is.';
COMMENT ON COLUMN v_open.exception_id IS 'Which.';
COMMENT ON COLUMN v_open.order_id IS 'The order.';
COMMENT ON COLUMN v_open.kind IS 'What is wrong.';
COMMENT ON COLUMN v_open.scope IS 'What of the order; none: all of it.';
COMMENT ON COLUMN v_open.episode IS 'The how-manieth time.';
COMMENT ON COLUMN v_open.severity IS '`low`, `medium`, `high`, `critical`.';
COMMENT ON COLUMN v_open.severity_rank IS '0 critical to 3 low, to sort by.';
COMMENT ON COLUMN v_open.score IS '0 to 1000, as last said.';
COMMENT ON COLUMN v_open.blocking IS 'Whether automation on the order pauses.';
COMMENT ON COLUMN v_open.lane IS '`auto`, `review`, `block`.';
COMMENT ON COLUMN v_open.owner IS 'The accountable team.';
COMMENT ON COLUMN v_open.team IS 'The team that has it.';
COMMENT ON COLUMN v_open.assignee IS 'The person who has it; none: nobody.';
COMMENT ON COLUMN v_open.case_state IS 'How its case stands.';
COMMENT ON COLUMN v_open.waiting_on IS 'On whom it waits.';
COMMENT ON COLUMN v_open.until IS 'When a snooze or a wait ends at the latest.';
COMMENT ON COLUMN v_open.raised_at IS 'The log time at which it was first said.';
COMMENT ON COLUMN v_open.due_at IS 'The deadline that passed; none of what is no timeout.';
COMMENT ON COLUMN v_open.age_seconds IS 'How long ago it was first said, in seconds.';
COMMENT ON COLUMN v_open.ack_by IS 'By when somebody is to take it up.';
COMMENT ON COLUMN v_open.acknowledged_at IS 'When somebody did.';
COMMENT ON COLUMN v_open.acknowledge_breached IS 'Whether that was, or is, too late.';
COMMENT ON COLUMN v_open.resolve_by IS 'By when it is to be resolved; moved by what it has waited.';
COMMENT ON COLUMN v_open.paused IS 'Whether the resolve clock stands still.';
COMMENT ON COLUMN v_open.resolve_breached IS 'Whether it is not resolved in time.';
COMMENT ON COLUMN v_open.escalation_level IS 'How many rungs of the ladder it has gone.';
COMMENT ON COLUMN v_open.escalation_to IS 'To whom.';
COMMENT ON COLUMN v_open.reopenings IS 'How often somebody opened it again.';
COMMENT ON COLUMN v_open.flaps IS 'How often it was over and came back by itself.';
COMMENT ON COLUMN v_open.carrier IS 'The carrier that it is about.';
COMMENT ON COLUMN v_open.site IS 'The site that it is about.';
COMMENT ON COLUMN v_open.country IS 'Where the order goes.';
COMMENT ON COLUMN v_open.customer_id IS 'The customer, opaque.';
COMMENT ON COLUMN v_open.tier IS 'The customer''s tier.';
COMMENT ON COLUMN v_open.total IS 'The order''s total, in `currency`.';
COMMENT ON COLUMN v_open.currency IS 'Its currency.';
COMMENT ON COLUMN v_open.next_step IS 'The next step that helps most.';
COMMENT ON COLUMN v_open.told_at IS 'When the customer was last told anything.';
COMMENT ON COLUMN v_open.summary IS 'One sentence for a person.'
