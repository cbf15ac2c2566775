-- The runs that ended without a merge, in a stretch of days, for one cause. $1 team, $2 start, $3 end, $4 project, $5 squad,
-- $6 agent, $7 provider/model, $8 the cause, $9 how many at most.
SELECT t.number, t.title, t.deleted_at IS NOT NULL AS "deleted!", r.attempt, r.ended_at AS "ended_at!",
       coalesce(r.failure ->> 'sentence', r.stop_reason, '') AS "sentence!",
       (SELECT coalesce(sum(u.counted_micro_usd), 0)::bigint FROM usage u WHERE u.team_id = r.team_id AND u.run_id = r.id) AS "counted!"
FROM runs r JOIN tasks t ON t.team_id = r.team_id AND t.id = r.task_id
WHERE r.team_id = $1 AND r.state IN ('FAILED', 'CANCELLED') AND r.ended_at >= $2 AND r.ended_at < $3
      AND ($4::text IS NULL OR r.project_id::text = $4)
      AND ($5::text IS NULL OR r.squad_id::text = $5)
      AND (($6::text IS NULL AND $7::text IS NULL)
           OR EXISTS (SELECT FROM usage u WHERE u.team_id = r.team_id AND u.run_id = r.id
                      AND ($6 IS NULL OR coalesce(u.agent_id::text, 'none') = $6)
                      AND ($7 IS NULL OR u.provider || '/' || u.model = $7)))
      AND coalesce(r.failure ->> 'failure', 'stopped') = $8
ORDER BY r.ended_at DESC, r.id LIMIT $9
