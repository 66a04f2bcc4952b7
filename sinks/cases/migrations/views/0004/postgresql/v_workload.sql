CREATE VIEW v_workload AS
-- Who has how much of what is open: counts by team, person and severity.
-- tenant: Whose.
-- team: The team that has them.
-- assignee: The person who has them; none: nobody.
-- severity: `low`, `medium`, `high`, `critical`.
-- severity_rank: 0 critical to 3 low, to sort by.
-- open: How many exceptions are open.
-- unacknowledged: How many of them nobody has taken up.
-- snoozed: How many are snoozed.
-- waiting: How many wait on somebody else.
-- blocking: How many stop automation on their order.
-- escalated: How many have gone up the ladder.
-- acknowledge_breached: How many nobody has taken up in time, and still nobody has.
-- resolve_breached: How many are not resolved in time.
-- oldest_raised_at: When the oldest was first said (log time).
SELECT exceptions.tenant, exceptions.team, exceptions.assignee, exceptions.severity, exceptions.severity_rank, count(*) AS open, coalesce(sum(CASE WHEN (exceptions.case_state IN ('new', 'open')) THEN 1 ELSE 0 END), 0) AS unacknowledged, coalesce(sum(CASE WHEN (exceptions.case_state = 'snoozed') THEN 1 ELSE 0 END), 0) AS snoozed, coalesce(sum(CASE WHEN (exceptions.case_state = 'waiting') THEN 1 ELSE 0 END), 0) AS waiting, coalesce(sum(CASE WHEN exceptions.blocking THEN 1 ELSE 0 END), 0) AS blocking, coalesce(sum(CASE WHEN (exceptions.escalation_level > 0) THEN 1 ELSE 0 END), 0) AS escalated, coalesce(sum(CASE WHEN (exceptions.ack_by IS NOT NULL AND coalesce(exceptions.acknowledged_at, exceptions.stopped_at, now()) > exceptions.ack_by AND exceptions.acknowledged_at IS NULL) THEN 1 ELSE 0 END), 0) AS acknowledge_breached, coalesce(sum(CASE WHEN (exceptions.resolve_by IS NOT NULL AND coalesce(exceptions.paused_since, (SELECT min(waited.detected_at) AS min_1
FROM exception_events AS waited
WHERE exceptions.case_state = 'waiting' AND waited.exception_id = exceptions.exception_id AND waited.sequence > coalesce((SELECT max(others.sequence) AS max_1
FROM exception_events AS others
WHERE others.exception_id = exceptions.exception_id AND others.case_state != 'waiting'), 0) AND waited.detected_at < exceptions.stopped_at), exceptions.stopped_at, now()) > exceptions.resolve_by) THEN 1 ELSE 0 END), 0) AS resolve_breached, min(exceptions.raised_at) AS oldest_raised_at
FROM exceptions
WHERE exceptions.status = 'open' AND exceptions.mode = 'on' GROUP BY exceptions.tenant, exceptions.team, exceptions.assignee, exceptions.severity, exceptions.severity_rank;
COMMENT ON VIEW v_workload IS 'Who has how much of what is open: counts by team, person and severity.';
COMMENT ON COLUMN v_workload.tenant IS 'Whose.';
COMMENT ON COLUMN v_workload.team IS 'The team that has them.';
COMMENT ON COLUMN v_workload.assignee IS 'The person who has them; none: nobody.';
COMMENT ON COLUMN v_workload.severity IS '`low`, `medium`, `high`, `critical`.';
COMMENT ON COLUMN v_workload.severity_rank IS '0 critical to 3 low, to sort by.';
COMMENT ON COLUMN v_workload.open IS 'How many exceptions are open.';
COMMENT ON COLUMN v_workload.unacknowledged IS 'How many of them nobody has taken up.';
COMMENT ON COLUMN v_workload.snoozed IS 'How many are snoozed.';
COMMENT ON COLUMN v_workload.waiting IS 'How many wait on somebody else.';
COMMENT ON COLUMN v_workload.blocking IS 'How many stop automation on their order.';
COMMENT ON COLUMN v_workload.escalated IS 'How many have gone up the ladder.';
COMMENT ON COLUMN v_workload.acknowledge_breached IS 'How many nobody has taken up in time, and still nobody has.';
COMMENT ON COLUMN v_workload.resolve_breached IS 'How many are not resolved in time.';
COMMENT ON COLUMN v_workload.oldest_raised_at IS 'When the oldest was first said (log time).'
