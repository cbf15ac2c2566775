-- How runs ended in a stretch of days, by one property of them or of their calls: a run counts once for each agent and model
-- that took part. $1 team, $2 the property, or 'all', $3 the days' first moments, $4 the end, $5 project, $6 squad, $7 agent,
-- $8 provider/model.
SELECT k.key AS "key!",
       count(*) AS "ended!",
       count(*) FILTER (WHERE r.state = 'COMPLETED' AND r.reverted_at IS NULL) AS "merged!",
       count(*) FILTER (WHERE r.state = 'COMPLETED' AND r.reverted_at IS NOT NULL) AS "reverted!",
       count(*) FILTER (WHERE r.state = 'FAILED') AS "failed!",
       count(*) FILTER (WHERE r.state = 'CANCELLED') AS "stopped!",
       count(*) FILTER (WHERE EXISTS (SELECT FROM run_steps s WHERE s.team_id = r.team_id AND s.run_id = r.id AND s.kind = 'rework'))
           AS "reworked!"
FROM runs r
     CROSS JOIN LATERAL (
         SELECT CASE $2::text WHEN 'project' THEN r.project_id::text WHEN 'squad' THEN r.squad_id::text
                              WHEN 'day' THEN width_bucket(r.ended_at, $3::timestamptz[])::text ELSE '' END AS key
         WHERE $2 NOT IN ('agent', 'model')
         UNION
         SELECT CASE $2 WHEN 'agent' THEN coalesce(u.agent_id::text, 'none') ELSE u.provider || '/' || u.model END
         FROM usage u WHERE u.team_id = r.team_id AND u.run_id = r.id AND $2 IN ('agent', 'model')
     ) k
WHERE r.team_id = $1 AND r.ended_at >= ($3::timestamptz[])[1] AND r.ended_at < $4
      AND ($5::text IS NULL OR r.project_id::text = $5)
      AND ($6::text IS NULL OR r.squad_id::text = $6)
      AND (($7::text IS NULL AND $8::text IS NULL)
           OR EXISTS (SELECT FROM usage u WHERE u.team_id = r.team_id AND u.run_id = r.id
                      AND ($7 IS NULL OR coalesce(u.agent_id::text, 'none') = $7)
                      AND ($8 IS NULL OR u.provider || '/' || u.model = $8)))
GROUP BY 1
