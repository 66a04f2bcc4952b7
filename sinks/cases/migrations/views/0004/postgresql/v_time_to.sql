CREATE VIEW v_time_to AS
-- How long it took from when an exception was first said until it was taken up, acted upon, and over: elapsed time, not business time. What was retracted does not count.
-- tenant: Whose.
-- dimension: By what it is counted: `all`, `team`, `kind`, `severity`.
-- value: Which of it.
-- measure: `acknowledge`: until somebody took it up (of what was opened again nothing is counted); `act`: until the first attempt of an action of it; `resolve`: until it was said to be over, the last time.
-- exceptions: How many were measured.
-- median_seconds: Half of them took no longer, in seconds; by nearest rank.
-- p90_seconds: Nine of ten took no longer, in seconds; by nearest rank.
-- longest_seconds: The longest, in seconds.
WITH took AS
(SELECT exceptions.tenant AS tenant, exceptions.team AS team, exceptions.kind AS kind, exceptions.severity AS severity, 'acknowledge' AS measure, floor(extract(epoch FROM exceptions.acknowledged_at))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS seconds
FROM exceptions JOIN cases ON cases.exception_id = exceptions.exception_id AND cases.reopenings = 0
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND exceptions.acknowledged_at IS NOT NULL UNION ALL SELECT exceptions.tenant AS tenant, exceptions.team AS team, exceptions.kind AS kind, exceptions.severity AS severity, 'act' AS measure, floor(extract(epoch FROM acted.at))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS seconds
FROM exceptions JOIN (SELECT action_events.exception_id AS exception_id, min(action_events.time) AS at
FROM action_events
WHERE action_events.state IN ('begun', 'executed') AND action_events.exception_id IS NOT NULL GROUP BY action_events.exception_id) AS acted ON acted.exception_id = exceptions.exception_id
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' UNION ALL SELECT exceptions.tenant AS tenant, exceptions.team AS team, exceptions.kind AS kind, exceptions.severity AS severity, 'resolve' AS measure, floor(extract(epoch FROM exceptions.closed_at))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS seconds
FROM exceptions
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND exceptions.closed_at IS NOT NULL)
 SELECT ranked.tenant, ranked.dimension, ranked.value, ranked.measure, count(*) AS exceptions, max(CASE WHEN (ranked.place = CAST((ranked.many * 50 + 99) / 100 AS INTEGER)) THEN ranked.seconds END) AS median_seconds, max(CASE WHEN (ranked.place = CAST((ranked.many * 90 + 99) / 100 AS INTEGER)) THEN ranked.seconds END) AS p90_seconds, max(ranked.seconds) AS longest_seconds
FROM (SELECT spread.tenant AS tenant, spread.dimension AS dimension, spread.value AS value, spread.measure AS measure, spread.seconds AS seconds, row_number() OVER (PARTITION BY spread.tenant, spread.dimension, spread.value, spread.measure ORDER BY spread.seconds) AS place, count(*) OVER (PARTITION BY spread.tenant, spread.dimension, spread.value, spread.measure) AS many
FROM (SELECT took.tenant AS tenant, 'all' AS dimension, 'all' AS value, took.measure AS measure, took.seconds AS seconds
FROM took UNION ALL SELECT took.tenant AS tenant, 'team' AS dimension, took.team AS value, took.measure AS measure, took.seconds AS seconds
FROM took UNION ALL SELECT took.tenant AS tenant, 'kind' AS dimension, took.kind AS value, took.measure AS measure, took.seconds AS seconds
FROM took UNION ALL SELECT took.tenant AS tenant, 'severity' AS dimension, took.severity AS value, took.measure AS measure, took.seconds AS seconds
FROM took) AS spread) AS ranked GROUP BY ranked.tenant, ranked.dimension, ranked.value, ranked.measure;
COMMENT ON VIEW v_time_to IS 'How long it took from when an exception was first said until it was taken up, acted upon, and over: elapsed time, not business time. What was retracted does not count.';
COMMENT ON COLUMN v_time_to.tenant IS 'Whose.';
COMMENT ON COLUMN v_time_to.dimension IS 'By what it is counted: `all`, `team`, `kind`, `severity`.';
COMMENT ON COLUMN v_time_to.value IS 'Which of it.';
COMMENT ON COLUMN v_time_to.measure IS '`acknowledge`: until somebody took it up (of what was opened again nothing is counted); `act`: until the first attempt of an action of it; `resolve`: until it was said to be over, the last time.';
COMMENT ON COLUMN v_time_to.exceptions IS 'How many were measured.';
COMMENT ON COLUMN v_time_to.median_seconds IS 'Half of them took no longer, in seconds; by nearest rank.';
COMMENT ON COLUMN v_time_to.p90_seconds IS 'Nine of ten took no longer, in seconds; by nearest rank.';
COMMENT ON COLUMN v_time_to.longest_seconds IS 'The longest, in seconds.'
