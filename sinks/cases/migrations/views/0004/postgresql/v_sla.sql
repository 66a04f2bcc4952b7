CREATE VIEW v_sla AS
-- Whether cases are taken up and resolved in time, by the clocks that the engine sets (business time, pauses counted out). What was retracted, and so never true, does not count.
-- tenant: Whose.
-- team: The team that has or had them.
-- kind: What is or was wrong.
-- severity: As last said.
-- exceptions: How many have or had a clock.
-- acknowledge_within: How many were taken up in time.
-- acknowledge_breached: How many were taken up too late, or not while they were open and by when they were to be.
-- acknowledge_spared: How many were over before anybody had to take them up.
-- acknowledge_share: `acknowledge_within` of those within or breached, 0 to 1; none where there is none.
-- resolve_within: How many were over in time.
-- resolve_breached: How many were over too late, or are not over by when they were to be.
-- resolve_running: How many are not over, and in time.
-- resolve_share: `resolve_within` of those within or breached, 0 to 1; none where there is none.
SELECT kept.tenant, kept.team, kept.kind, kept.severity, count(*) AS exceptions, coalesce(sum(CASE WHEN kept.ack_kept THEN 1 ELSE 0 END), 0) AS acknowledge_within, coalesce(sum(CASE WHEN kept.ack_broken THEN 1 ELSE 0 END), 0) AS acknowledge_breached, coalesce(sum(CASE WHEN kept.ack_spared THEN 1 ELSE 0 END), 0) AS acknowledge_spared, CASE WHEN (coalesce(sum(CASE WHEN kept.ack_kept THEN 1 ELSE 0 END), 0) + coalesce(sum(CASE WHEN kept.ack_broken THEN 1 ELSE 0 END), 0) > 0) THEN CAST(coalesce(sum(CASE WHEN kept.ack_kept THEN 1 ELSE 0 END), 0) AS DOUBLE PRECISION) / CAST(CAST(coalesce(sum(CASE WHEN kept.ack_kept THEN 1 ELSE 0 END), 0) + coalesce(sum(CASE WHEN kept.ack_broken THEN 1 ELSE 0 END), 0) AS DOUBLE PRECISION) AS DOUBLE PRECISION) END AS acknowledge_share, coalesce(sum(CASE WHEN kept.resolve_kept THEN 1 ELSE 0 END), 0) AS resolve_within, coalesce(sum(CASE WHEN kept.resolve_broken THEN 1 ELSE 0 END), 0) AS resolve_breached, coalesce(sum(CASE WHEN (kept.resolve_stands AND NOT coalesce(kept.resolve_broken, false)) THEN 1 ELSE 0 END), 0) AS resolve_running, CASE WHEN (coalesce(sum(CASE WHEN kept.resolve_kept THEN 1 ELSE 0 END), 0) + coalesce(sum(CASE WHEN kept.resolve_broken THEN 1 ELSE 0 END), 0) > 0) THEN CAST(coalesce(sum(CASE WHEN kept.resolve_kept THEN 1 ELSE 0 END), 0) AS DOUBLE PRECISION) / CAST(CAST(coalesce(sum(CASE WHEN kept.resolve_kept THEN 1 ELSE 0 END), 0) + coalesce(sum(CASE WHEN kept.resolve_broken THEN 1 ELSE 0 END), 0) AS DOUBLE PRECISION) AS DOUBLE PRECISION) END AS resolve_share
FROM (SELECT exceptions.tenant AS tenant, exceptions.team AS team, exceptions.kind AS kind, exceptions.severity AS severity, exceptions.ack_by IS NOT NULL AND exceptions.acknowledged_at IS NOT NULL AND exceptions.acknowledged_at <= exceptions.ack_by AS ack_kept, exceptions.ack_by IS NOT NULL AND coalesce(exceptions.acknowledged_at, exceptions.stopped_at, now()) > exceptions.ack_by AS ack_broken, exceptions.ack_by IS NOT NULL AND exceptions.acknowledged_at IS NULL AND exceptions.stopped_at IS NOT NULL AND exceptions.stopped_at <= exceptions.ack_by AS ack_spared, exceptions.closed_at IS NOT NULL AND exceptions.resolve_by IS NOT NULL AND coalesce((SELECT min(waited.detected_at) AS min_1
FROM exception_events AS waited
WHERE exceptions.case_state = 'waiting' AND waited.exception_id = exceptions.exception_id AND waited.sequence > coalesce((SELECT max(others.sequence) AS max_1
FROM exception_events AS others
WHERE others.exception_id = exceptions.exception_id AND others.case_state != 'waiting'), 0) AND waited.detected_at < exceptions.stopped_at), exceptions.stopped_at) IS NOT NULL AND coalesce((SELECT min(waited.detected_at) AS min_1
FROM exception_events AS waited
WHERE exceptions.case_state = 'waiting' AND waited.exception_id = exceptions.exception_id AND waited.sequence > coalesce((SELECT max(others.sequence) AS max_1
FROM exception_events AS others
WHERE others.exception_id = exceptions.exception_id AND others.case_state != 'waiting'), 0) AND waited.detected_at < exceptions.stopped_at), exceptions.stopped_at) <= exceptions.resolve_by AS resolve_kept, exceptions.resolve_by IS NOT NULL AND coalesce(exceptions.paused_since, (SELECT min(waited.detected_at) AS min_2
FROM exception_events AS waited
WHERE exceptions.case_state = 'waiting' AND waited.exception_id = exceptions.exception_id AND waited.sequence > coalesce((SELECT max(others.sequence) AS max_2
FROM exception_events AS others
WHERE others.exception_id = exceptions.exception_id AND others.case_state != 'waiting'), 0) AND waited.detected_at < exceptions.stopped_at), exceptions.stopped_at, now()) > exceptions.resolve_by AS resolve_broken, exceptions.resolve_by IS NOT NULL AND exceptions.closed_at IS NULL AS resolve_stands
FROM exceptions
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND (exceptions.ack_by IS NOT NULL OR exceptions.resolve_by IS NOT NULL)) AS kept GROUP BY kept.tenant, kept.team, kept.kind, kept.severity;
COMMENT ON VIEW v_sla IS 'Whether cases are taken up and resolved in time, by the clocks that the engine sets (business time, pauses counted out). What was retracted, and so never true, does not count.';
COMMENT ON COLUMN v_sla.tenant IS 'Whose.';
COMMENT ON COLUMN v_sla.team IS 'The team that has or had them.';
COMMENT ON COLUMN v_sla.kind IS 'What is or was wrong.';
COMMENT ON COLUMN v_sla.severity IS 'As last said.';
COMMENT ON COLUMN v_sla.exceptions IS 'How many have or had a clock.';
COMMENT ON COLUMN v_sla.acknowledge_within IS 'How many were taken up in time.';
COMMENT ON COLUMN v_sla.acknowledge_breached IS 'How many were taken up too late, or not while they were open and by when they were to be.';
COMMENT ON COLUMN v_sla.acknowledge_spared IS 'How many were over before anybody had to take them up.';
COMMENT ON COLUMN v_sla.acknowledge_share IS '`acknowledge_within` of those within or breached, 0 to 1; none where there is none.';
COMMENT ON COLUMN v_sla.resolve_within IS 'How many were over in time.';
COMMENT ON COLUMN v_sla.resolve_breached IS 'How many were over too late, or are not over by when they were to be.';
COMMENT ON COLUMN v_sla.resolve_running IS 'How many are not over, and in time.';
COMMENT ON COLUMN v_sla.resolve_share IS '`resolve_within` of those within or breached, 0 to 1; none where there is none.'
