CREATE VIEW v_rework AS
-- What had to be done again, and what was said in vain: counts by team and kind.
-- tenant: Whose.
-- team: The team that has or had them.
-- kind: What is or was wrong.
-- exceptions: How many there were.
-- resolved: How many are over.
-- retracted: How many were never true, as came out later.
-- reopened: How many somebody opened again.
-- reopenings: How often, in all.
-- flapped: How many came back by themselves under the same ID.
-- flaps: How often, in all.
-- handed_on: How many went from one person to another.
-- reassignments: How often, in all.
-- recurred: How many are a second or later episode of the same condition.
-- noise: How many somebody labelled noise.
-- wrong_owner: How many somebody said had gone to the wrong team.
SELECT exceptions.tenant, exceptions.team, exceptions.kind, count(*) AS exceptions, coalesce(sum(CASE WHEN (exceptions.status = 'resolved') THEN 1 ELSE 0 END), 0) AS resolved, coalesce(sum(CASE WHEN (exceptions.status = 'retracted') THEN 1 ELSE 0 END), 0) AS retracted, coalesce(sum(CASE WHEN (cases.reopenings > 0) THEN 1 ELSE 0 END), 0) AS reopened, sum(cases.reopenings) AS reopenings, coalesce(sum(CASE WHEN (cases.flaps > 0) THEN 1 ELSE 0 END), 0) AS flapped, sum(cases.flaps) AS flaps, coalesce(sum(CASE WHEN (cases.reassignments > 0) THEN 1 ELSE 0 END), 0) AS handed_on, sum(cases.reassignments) AS reassignments, coalesce(sum(CASE WHEN (exceptions.episode > 1) THEN 1 ELSE 0 END), 0) AS recurred, coalesce(sum(CASE WHEN (cases.label = 'noise') THEN 1 ELSE 0 END), 0) AS noise, coalesce(sum(CASE WHEN (cases.label = 'wrong_owner') THEN 1 ELSE 0 END), 0) AS wrong_owner
FROM exceptions JOIN cases ON cases.exception_id = exceptions.exception_id
WHERE exceptions.mode = 'on' GROUP BY exceptions.tenant, exceptions.team, exceptions.kind;
COMMENT ON VIEW v_rework IS 'What had to be done again, and what was said in vain: counts by team and kind.';
COMMENT ON COLUMN v_rework.tenant IS 'Whose.';
COMMENT ON COLUMN v_rework.team IS 'The team that has or had them.';
COMMENT ON COLUMN v_rework.kind IS 'What is or was wrong.';
COMMENT ON COLUMN v_rework.exceptions IS 'How many there were.';
COMMENT ON COLUMN v_rework.resolved IS 'How many are over.';
COMMENT ON COLUMN v_rework.retracted IS 'How many were never true, as came out later.';
COMMENT ON COLUMN v_rework.reopened IS 'How many somebody opened again.';
COMMENT ON COLUMN v_rework.reopenings IS 'How often, in all.';
COMMENT ON COLUMN v_rework.flapped IS 'How many came back by themselves under the same ID.';
COMMENT ON COLUMN v_rework.flaps IS 'How often, in all.';
COMMENT ON COLUMN v_rework.handed_on IS 'How many went from one person to another.';
COMMENT ON COLUMN v_rework.reassignments IS 'How often, in all.';
COMMENT ON COLUMN v_rework.recurred IS 'How many are a second or later episode of the same condition.';
COMMENT ON COLUMN v_rework.noise IS 'How many somebody labelled noise.';
COMMENT ON COLUMN v_rework.wrong_owner IS 'How many somebody said had gone to the wrong team.'
