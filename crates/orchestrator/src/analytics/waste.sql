-- What was spent in a stretch of days without a change that stayed. Each call counts once, at the first kind that fits.
-- $1 team, $2 start, $3 end, $4 project, $5 squad, $6 agent, $7 provider/model. tasks.sql has the same kinds.
SELECT k.kind AS "kind!", count(*) AS "calls!", count(DISTINCT u.run_id) AS "runs!", sum(u.counted_micro_usd)::bigint AS "counted!"
FROM usage u
     LEFT JOIN runs r ON r.team_id = u.team_id AND r.id = u.run_id
     LEFT JOIN run_steps s ON s.team_id = u.team_id AND s.id = u.step_id
     CROSS JOIN LATERAL (SELECT CASE
         WHEN u.at - u.duration_ms * interval '1 millisecond' > r.ended_at THEN 'idle'
         WHEN r.state = 'FAILED' THEN 'failed'
         WHEN r.state = 'CANCELLED' THEN 'stopped'
         WHEN r.reverted_at IS NOT NULL THEN 'reverted'
         WHEN u.key LIKE '% lost ' || u.reservation_id THEN 'lost'
         WHEN u.key LIKE '% failed ' || u.reservation_id THEN 'repeated'
         WHEN s.kind = 'fix' AND 'FAILED' = (SELECT n.state FROM run_steps n WHERE n.team_id = s.team_id AND n.run_id = s.run_id
                                             AND n.kind = 'verify' AND n.ordinal > s.ordinal ORDER BY n.ordinal LIMIT 1) THEN 'loop'
     END AS kind) k
WHERE u.team_id = $1 AND u.at >= $2 AND u.at < $3 AND k.kind IS NOT NULL
      AND ($4::text IS NULL OR coalesce(u.project_id::text, 'none') = $4)
      AND ($5::text IS NULL OR coalesce(u.squad_id::text, 'none') = $5)
      AND ($6::text IS NULL OR coalesce(u.agent_id::text, 'none') = $6)
      AND ($7::text IS NULL OR u.provider || '/' || u.model = $7)
GROUP BY 1
