-- Why runs ended without a merge, in a stretch of days, and what those runs cost from their beginning. $1 team, $2 start, $3 end,
-- $4 project, $5 squad, $6 agent, $7 provider/model.
SELECT coalesce(r.failure ->> 'failure', 'stopped') AS "cause!", count(*) AS "runs!",
       coalesce(sum((SELECT sum(u.counted_micro_usd) FROM usage u WHERE u.team_id = r.team_id AND u.run_id = r.id)), 0)::bigint
           AS "counted!"
FROM runs r
WHERE r.team_id = $1 AND r.state IN ('FAILED', 'CANCELLED') AND r.ended_at >= $2 AND r.ended_at < $3
      AND ($4::text IS NULL OR r.project_id::text = $4)
      AND ($5::text IS NULL OR r.squad_id::text = $5)
      AND (($6::text IS NULL AND $7::text IS NULL)
           OR EXISTS (SELECT FROM usage u WHERE u.team_id = r.team_id AND u.run_id = r.id
                      AND ($6 IS NULL OR coalesce(u.agent_id::text, 'none') = $6)
                      AND ($7 IS NULL OR u.provider || '/' || u.model = $7)))
GROUP BY 1 ORDER BY 2 DESC, 3 DESC, 1
