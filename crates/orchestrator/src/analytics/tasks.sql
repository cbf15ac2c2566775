-- What calls cost in a stretch of days, task by task. $1 team, $2 start, $3 end, $4 project, $5 squad, $6 agent, $7 provider/model,
-- $8 a kind of waste (see waste.sql) or null for all, $9 how many tasks at most.
SELECT t.number AS "number?", t.title AS "title?", p.name AS "project?", t.state AS "state?",
       u.task_id IS NOT NULL AS "of_task!", t.id IS NULL OR t.deleted_at IS NOT NULL AS "gone!",
       count(DISTINCT u.run_id) AS "runs!", count(*) AS "calls!", sum(u.counted_micro_usd)::bigint AS "counted!",
       count(*) FILTER (WHERE u.cost_micro_usd IS NULL) AS "unknown_calls!",
       coalesce(sum(u.counted_micro_usd) FILTER (WHERE u.cost_micro_usd IS NULL), 0)::bigint AS "unknown!",
       sum(u.uncached)::bigint AS "uncached!", sum(u.cache_read)::bigint AS "cache_read!",
       sum(u.cache_write)::bigint AS "cache_write!", sum(u.output)::bigint AS "output!", sum(u.reasoning)::bigint AS "reasoning!",
       max(u.at) AS "last_at!", count(*) OVER () AS "groups!"
FROM usage u
     LEFT JOIN runs r ON r.team_id = u.team_id AND r.id = u.run_id
     LEFT JOIN run_steps s ON s.team_id = u.team_id AND s.id = u.step_id
     LEFT JOIN tasks t ON t.team_id = u.team_id AND t.id = u.task_id
     LEFT JOIN projects p ON p.team_id = t.team_id AND p.id = t.project_id
WHERE u.team_id = $1 AND u.at >= $2 AND u.at < $3
      AND ($4::text IS NULL OR coalesce(u.project_id::text, 'none') = $4)
      AND ($5::text IS NULL OR coalesce(u.squad_id::text, 'none') = $5)
      AND ($6::text IS NULL OR coalesce(u.agent_id::text, 'none') = $6)
      AND ($7::text IS NULL OR u.provider || '/' || u.model = $7)
      AND ($8::text IS NULL OR $8 = CASE
         WHEN u.at - u.duration_ms * interval '1 millisecond' > r.ended_at THEN 'idle'
         WHEN r.state = 'FAILED' THEN 'failed'
         WHEN r.state = 'CANCELLED' THEN 'stopped'
         WHEN r.reverted_at IS NOT NULL THEN 'reverted'
         WHEN u.key LIKE '% lost ' || u.reservation_id THEN 'lost'
         WHEN u.key LIKE '% failed ' || u.reservation_id THEN 'repeated'
         WHEN s.kind = 'fix' AND 'FAILED' = (SELECT n.state FROM run_steps n WHERE n.team_id = s.team_id AND n.run_id = s.run_id
                                             AND n.kind = 'verify' AND n.ordinal > s.ordinal ORDER BY n.ordinal LIMIT 1) THEN 'loop'
      END)
GROUP BY u.task_id, t.id, t.number, t.title, t.state, t.deleted_at, p.name
ORDER BY 9 DESC, 8 DESC, t.number LIMIT $9
