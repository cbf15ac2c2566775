-- What finished tasks cost, all attempts together: those of the same squad first, then of the same project, then the latest.
-- $1 team, $2 project, $3 squad, $4 the task that is asked for.
SELECT r.project_id = $2 AS "project!", r.squad_id = $3 AS "squad!", c.counted AS "counted!", c.tokens AS "tokens!", c.unknown AS "unknown!"
FROM runs r
     JOIN LATERAL (SELECT sum(u.counted_micro_usd)::bigint AS counted, bool_or(u.cost_micro_usd IS NULL) AS unknown,
                          sum(u.uncached + u.cache_read + u.cache_write + u.output + u.reasoning)::bigint AS tokens
                   FROM usage u WHERE u.team_id = r.team_id AND u.task_id = r.task_id) c ON c.counted IS NOT NULL
WHERE r.team_id = $1 AND r.state = 'COMPLETED' AND r.task_id <> $4
      AND NOT EXISTS (SELECT FROM runs later WHERE later.team_id = r.team_id AND later.task_id = r.task_id
                      AND later.attempt > r.attempt AND later.state = 'COMPLETED')
ORDER BY 2 DESC, 1 DESC, r.ended_at DESC, r.id LIMIT 200
