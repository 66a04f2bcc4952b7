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
SELECT kept.tenant, kept.team, kept.kind, kept.severity, count(*) AS exceptions, coalesce(sum(CASE WHEN kept.ack_kept THEN 1 ELSE 0 END), 0) AS acknowledge_within, coalesce(sum(CASE WHEN kept.ack_broken THEN 1 ELSE 0 END), 0) AS acknowledge_breached, coalesce(sum(CASE WHEN kept.ack_spared THEN 1 ELSE 0 END), 0) AS acknowledge_spared, CASE WHEN (coalesce(sum(CASE WHEN kept.ack_kept THEN 1 ELSE 0 END), 0) + coalesce(sum(CASE WHEN kept.ack_broken THEN 1 ELSE 0 END), 0) > 0) THEN CAST(coalesce(sum(CASE WHEN kept.ack_kept THEN 1 ELSE 0 END), 0) AS DOUBLE) / (CAST(coalesce(sum(CASE WHEN kept.ack_kept THEN 1 ELSE 0 END), 0) + coalesce(sum(CASE WHEN kept.ack_broken THEN 1 ELSE 0 END), 0) AS DOUBLE) + 0.0) END AS acknowledge_share, coalesce(sum(CASE WHEN kept.resolve_kept THEN 1 ELSE 0 END), 0) AS resolve_within, coalesce(sum(CASE WHEN kept.resolve_broken THEN 1 ELSE 0 END), 0) AS resolve_breached, coalesce(sum(CASE WHEN (kept.resolve_stands = 1 AND coalesce(kept.resolve_broken, 0) = 0) THEN 1 ELSE 0 END), 0) AS resolve_running, CASE WHEN (coalesce(sum(CASE WHEN kept.resolve_kept THEN 1 ELSE 0 END), 0) + coalesce(sum(CASE WHEN kept.resolve_broken THEN 1 ELSE 0 END), 0) > 0) THEN CAST(coalesce(sum(CASE WHEN kept.resolve_kept THEN 1 ELSE 0 END), 0) AS DOUBLE) / (CAST(coalesce(sum(CASE WHEN kept.resolve_kept THEN 1 ELSE 0 END), 0) + coalesce(sum(CASE WHEN kept.resolve_broken THEN 1 ELSE 0 END), 0) AS DOUBLE) + 0.0) END AS resolve_share
FROM (SELECT exceptions.tenant AS tenant, exceptions.team AS team, exceptions.kind AS kind, exceptions.severity AS severity, exceptions.ack_by IS NOT NULL AND exceptions.acknowledged_at IS NOT NULL AND exceptions.acknowledged_at <= exceptions.ack_by AS ack_kept, exceptions.ack_by IS NOT NULL AND coalesce(exceptions.acknowledged_at, exceptions.stopped_at, strftime('%Y-%m-%d %H:%M:%f000', 'now')) > exceptions.ack_by AS ack_broken, exceptions.ack_by IS NOT NULL AND exceptions.acknowledged_at IS NULL AND exceptions.stopped_at IS NOT NULL AND exceptions.stopped_at <= exceptions.ack_by AS ack_spared, exceptions.closed_at IS NOT NULL AND exceptions.resolve_by IS NOT NULL AND coalesce((SELECT min(waited.detected_at) AS min_1
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
WHERE others.exception_id = exceptions.exception_id AND others.case_state != 'waiting'), 0) AND waited.detected_at < exceptions.stopped_at), exceptions.stopped_at, strftime('%Y-%m-%d %H:%M:%f000', 'now')) > exceptions.resolve_by AS resolve_broken, exceptions.resolve_by IS NOT NULL AND exceptions.closed_at IS NULL AS resolve_stands
FROM exceptions
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND (exceptions.ack_by IS NOT NULL OR exceptions.resolve_by IS NOT NULL)) AS kept GROUP BY kept.tenant, kept.team, kept.kind, kept.severity
