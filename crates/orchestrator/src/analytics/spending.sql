-- What calls cost in a stretch of days, by one of their properties. $1 team, $2 the property, $3 the days' first moments,
-- $4 the end, $5 project, $6 squad, $7 agent (each an id or 'none'), $8 provider/model.
SELECT CASE $2::text
           WHEN 'project' THEN coalesce(u.project_id::text, 'none')
           WHEN 'squad' THEN coalesce(u.squad_id::text, 'none')
           WHEN 'agent' THEN coalesce(u.agent_id::text, 'none')
           WHEN 'model' THEN u.provider || '/' || u.model
           ELSE width_bucket(u.at, $3::timestamptz[])::text
       END AS "key!",
       min(CASE $2 WHEN 'project' THEN p.name WHEN 'squad' THEN s.name WHEN 'agent' THEN a.name WHEN 'model' THEN u.model END) AS name,
       min(CASE $2 WHEN 'agent' THEN home.name WHEN 'model' THEN u.provider END) AS within,
       count(*) AS "calls!",
       count(DISTINCT u.task_id) AS "tasks!",
       sum(u.counted_micro_usd)::bigint AS "counted!",
       count(*) FILTER (WHERE u.cost_micro_usd IS NULL) AS "unknown_calls!",
       coalesce(sum(u.counted_micro_usd) FILTER (WHERE u.cost_micro_usd IS NULL), 0)::bigint AS "unknown!",
       sum(u.uncached)::bigint AS "uncached!", sum(u.cache_read)::bigint AS "cache_read!",
       sum(u.cache_write)::bigint AS "cache_write!", sum(u.output)::bigint AS "output!", sum(u.reasoning)::bigint AS "reasoning!"
FROM usage u
     LEFT JOIN projects p ON p.team_id = u.team_id AND p.id = u.project_id
     LEFT JOIN squads s ON s.team_id = u.team_id AND s.id = u.squad_id
     LEFT JOIN agents a ON a.team_id = u.team_id AND a.id = u.agent_id
     LEFT JOIN squads home ON home.team_id = a.team_id AND home.id = a.squad_id
WHERE u.team_id = $1 AND u.at >= ($3::timestamptz[])[1] AND u.at < $4
      AND ($5::text IS NULL OR coalesce(u.project_id::text, 'none') = $5)
      AND ($6::text IS NULL OR coalesce(u.squad_id::text, 'none') = $6)
      AND ($7::text IS NULL OR coalesce(u.agent_id::text, 'none') = $7)
      AND ($8::text IS NULL OR u.provider || '/' || u.model = $8)
GROUP BY 1
ORDER BY 6 DESC, 4 DESC, 1
