CREATE VIEW v_ageing AS
-- How long what is open has been open: counts by team, kind, severity and bucket.
-- tenant: Whose.
-- team: The team that has them.
-- kind: What is wrong.
-- severity: `low`, `medium`, `high`, `critical`.
-- bucket: How long ago they were first said: `under 4 h`, `4 to 24 h`, `1 to 3 d`, `3 to 7 d`, `7 to 14 d`, `14 to 30 d`, `30 d and more`; elapsed time, the lower end inclusive.
-- bucket_rank: The buckets in their order, from 0.
-- open: How many exceptions are open.
-- resolve_breached: How many of them are not resolved in time.
-- oldest_seconds: The age of the oldest, in seconds.
SELECT aged.tenant, aged.team, aged.kind, aged.severity, CASE WHEN (aged.age < 14400) THEN 'under 4 h' WHEN (aged.age < 86400) THEN '4 to 24 h' WHEN (aged.age < 259200) THEN '1 to 3 d' WHEN (aged.age < 604800) THEN '3 to 7 d' WHEN (aged.age < 1209600) THEN '7 to 14 d' WHEN (aged.age < 2592000) THEN '14 to 30 d' ELSE '30 d and more' END AS bucket, CASE WHEN (aged.age < 14400) THEN 0 WHEN (aged.age < 86400) THEN 1 WHEN (aged.age < 259200) THEN 2 WHEN (aged.age < 604800) THEN 3 WHEN (aged.age < 1209600) THEN 4 WHEN (aged.age < 2592000) THEN 5 ELSE 6 END AS bucket_rank, count(*) AS open, coalesce(sum(CASE WHEN aged.broken THEN 1 ELSE 0 END), 0) AS resolve_breached, max(aged.age) AS oldest_seconds
FROM (SELECT exceptions.tenant AS tenant, exceptions.team AS team, exceptions.kind AS kind, exceptions.severity AS severity, floor(extract(epoch FROM now()))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS age, exceptions.resolve_by IS NOT NULL AND coalesce(exceptions.paused_since, (SELECT min(waited.detected_at) AS min_1
FROM exception_events AS waited
WHERE exceptions.case_state = 'waiting' AND waited.exception_id = exceptions.exception_id AND waited.sequence > coalesce((SELECT max(others.sequence) AS max_1
FROM exception_events AS others
WHERE others.exception_id = exceptions.exception_id AND others.case_state != 'waiting'), 0) AND waited.detected_at < exceptions.stopped_at), exceptions.stopped_at, now()) > exceptions.resolve_by AS broken
FROM exceptions
WHERE exceptions.status = 'open' AND exceptions.mode = 'on') AS aged GROUP BY aged.tenant, aged.team, aged.kind, aged.severity, CASE WHEN (aged.age < 14400) THEN 'under 4 h' WHEN (aged.age < 86400) THEN '4 to 24 h' WHEN (aged.age < 259200) THEN '1 to 3 d' WHEN (aged.age < 604800) THEN '3 to 7 d' WHEN (aged.age < 1209600) THEN '7 to 14 d' WHEN (aged.age < 2592000) THEN '14 to 30 d' ELSE '30 d and more' END, CASE WHEN (aged.age < 14400) THEN 0 WHEN (aged.age < 86400) THEN 1 WHEN (aged.age < 259200) THEN 2 WHEN (aged.age < 604800) THEN 3 WHEN (aged.age < 1209600) THEN 4 WHEN (aged.age < 2592000) THEN 5 ELSE 6 END;
COMMENT ON VIEW v_ageing IS 'How long what is open has been open: counts by team, kind, severity and bucket.';
COMMENT ON COLUMN v_ageing.tenant IS 'Whose.';
COMMENT ON COLUMN v_ageing.team IS 'The team that has them.';
COMMENT ON COLUMN v_ageing.kind IS 'What is wrong.';
COMMENT ON COLUMN v_ageing.severity IS '`low`, `medium`, `high`, `critical`.';
COMMENT ON COLUMN v_ageing.bucket IS 'How long ago they were first said: `under 4 h`, `4 to 24 h`, `1 to 3 d`, `3 to 7 d`, `7 to 14 d`, `14 to 30 d`, `30 d and more`; elapsed time, the lower end inclusive.';
COMMENT ON COLUMN v_ageing.bucket_rank IS 'The buckets in their order, from 0.';
COMMENT ON COLUMN v_ageing.open IS 'How many exceptions are open.';
COMMENT ON COLUMN v_ageing.resolve_breached IS 'How many of them are not resolved in time.';
COMMENT ON COLUMN v_ageing.oldest_seconds IS 'The age of the oldest, in seconds.'
