CREATE VIEW v_recurrence AS
-- What keeps coming back, and where: counts by kind and carrier, site, SKU, lane, source, country or route. An exception counts once in each dimension that is known of it, and of SKUs once for each that it concerns. What was retracted does not count.
-- tenant: Whose.
-- kind: What is or was wrong.
-- dimension: `carrier`, `site`, `sku`, `lane` (of handling), `source` (whose word it rests on), `country` (of the address), `route` (carrier to country).
-- value: Which of it.
-- exceptions: How many exceptions.
-- orders: Of how many orders.
-- open: How many are open.
-- last_7_days: How many were first said in the last seven days.
-- previous_7_days: How many in the seven days before those.
-- first_raised_at: When the first was said (log time).
-- last_raised_at: When the last was first said (log time).
SELECT spread.tenant, spread.kind, spread.dimension, spread.value, count(*) AS exceptions, count(DISTINCT spread.order_id) AS orders, coalesce(sum(CASE WHEN (spread.status = 'open') THEN 1 ELSE 0 END), 0) AS open, coalesce(sum(CASE WHEN (spread.age < 604800) THEN 1 ELSE 0 END), 0) AS last_7_days, coalesce(sum(CASE WHEN (spread.age >= 604800 AND spread.age < 1209600) THEN 1 ELSE 0 END), 0) AS previous_7_days, min(spread.raised_at) AS first_raised_at, max(spread.raised_at) AS last_raised_at
FROM (SELECT exceptions.tenant AS tenant, exceptions.kind AS kind, 'carrier' AS dimension, exceptions.carrier AS value, exceptions.exception_id AS exception_id, exceptions.order_id AS order_id, exceptions.status AS status, exceptions.raised_at AS raised_at, floor(extract(epoch FROM now()))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS age
FROM exceptions
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND exceptions.carrier IS NOT NULL UNION ALL SELECT exceptions.tenant AS tenant, exceptions.kind AS kind, 'site' AS dimension, exceptions.site AS value, exceptions.exception_id AS exception_id, exceptions.order_id AS order_id, exceptions.status AS status, exceptions.raised_at AS raised_at, floor(extract(epoch FROM now()))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS age
FROM exceptions
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND exceptions.site IS NOT NULL UNION ALL SELECT exceptions.tenant AS tenant, exceptions.kind AS kind, 'sku' AS dimension, exception_skus.sku AS value, exceptions.exception_id AS exception_id, exceptions.order_id AS order_id, exceptions.status AS status, exceptions.raised_at AS raised_at, floor(extract(epoch FROM now()))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS age
FROM exceptions JOIN exception_skus ON exception_skus.exception_id = exceptions.exception_id
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND exception_skus.sku IS NOT NULL UNION ALL SELECT exceptions.tenant AS tenant, exceptions.kind AS kind, 'lane' AS dimension, exceptions.lane AS value, exceptions.exception_id AS exception_id, exceptions.order_id AS order_id, exceptions.status AS status, exceptions.raised_at AS raised_at, floor(extract(epoch FROM now()))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS age
FROM exceptions
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND exceptions.lane IS NOT NULL UNION ALL SELECT exceptions.tenant AS tenant, exceptions.kind AS kind, 'source' AS dimension, exceptions.source AS value, exceptions.exception_id AS exception_id, exceptions.order_id AS order_id, exceptions.status AS status, exceptions.raised_at AS raised_at, floor(extract(epoch FROM now()))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS age
FROM exceptions
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND exceptions.source IS NOT NULL UNION ALL SELECT exceptions.tenant AS tenant, exceptions.kind AS kind, 'country' AS dimension, exceptions.country AS value, exceptions.exception_id AS exception_id, exceptions.order_id AS order_id, exceptions.status AS status, exceptions.raised_at AS raised_at, floor(extract(epoch FROM now()))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS age
FROM exceptions
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND exceptions.country IS NOT NULL UNION ALL SELECT exceptions.tenant AS tenant, exceptions.kind AS kind, 'route' AS dimension, exceptions.carrier || ' to ' || exceptions.country AS value, exceptions.exception_id AS exception_id, exceptions.order_id AS order_id, exceptions.status AS status, exceptions.raised_at AS raised_at, floor(extract(epoch FROM now()))::bigint - floor(extract(epoch FROM exceptions.raised_at))::bigint AS age
FROM exceptions
WHERE exceptions.mode = 'on' AND exceptions.status != 'retracted' AND (exceptions.carrier || ' to ' || exceptions.country) IS NOT NULL) AS spread GROUP BY spread.tenant, spread.kind, spread.dimension, spread.value;
COMMENT ON VIEW v_recurrence IS 'What keeps coming back, and where: counts by kind and carrier, site, SKU, lane, source, country or route. An exception counts once in each dimension that is known of it, and of SKUs once for each that it concerns. What was retracted does not count.';
COMMENT ON COLUMN v_recurrence.tenant IS 'Whose.';
COMMENT ON COLUMN v_recurrence.kind IS 'What is or was wrong.';
COMMENT ON COLUMN v_recurrence.dimension IS '`carrier`, `site`, `sku`, `lane` (of handling), `source` (whose word it rests on), `country` (of the address), `route` (carrier to country).';
COMMENT ON COLUMN v_recurrence.value IS 'Which of it.';
COMMENT ON COLUMN v_recurrence.exceptions IS 'How many exceptions.';
COMMENT ON COLUMN v_recurrence.orders IS 'Of how many orders.';
COMMENT ON COLUMN v_recurrence.open IS 'How many are open.';
COMMENT ON COLUMN v_recurrence.last_7_days IS 'How many were first said in the last seven days.';
COMMENT ON COLUMN v_recurrence.previous_7_days IS 'How many in the seven days before those.';
COMMENT ON COLUMN v_recurrence.first_raised_at IS 'When the first was said (log time).';
COMMENT ON COLUMN v_recurrence.last_raised_at IS 'When the last was first said (log time).'
