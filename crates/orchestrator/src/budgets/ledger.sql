-- Each call is two entries: its worst case is held back, and later it is settled, released or lost. Newest first.
SELECT e.at AS "at!", e.phase AS "phase!", e.state AS "state!", e.id AS "id!: ReservationId", t.number AS "task?", t.title AS "title?",
       r.agent_id AS "agent_id: AgentId", a.name AS "agent?", a.role AS "role?", r.project_id AS "project_id: ProjectId", p.name AS "project?",
       r.squad_id AS "squad_id: SquadId", s.name AS "squad?", r.run_id AS "run: RunId", coalesce(u.model, r.model) AS "model!", r.provider, r.micro_usd AS held, r.tokens, r.priced,
       u.cost_micro_usd AS "cost?", u.counted_micro_usd AS "counted?", u.uncached AS "uncached?", u.cache_read AS "cache_read?",
       u.cache_write AS "cache_write?", u.output AS "output?", u.reasoning AS "reasoning?", u.estimated AS "estimated?", u.price_source AS "price_source?",
       e.phase = 1 AND EXISTS (SELECT FROM call_contents c WHERE c.team_id = $1 AND c.reservation_id = r.id) AS "has_content!"
FROM (SELECT id, held_at AS at, 0 AS phase, 'HELD' AS state FROM reservations WHERE team_id = $1
      UNION ALL
      SELECT id, ended_at, 1, state FROM reservations WHERE team_id = $1 AND ended_at IS NOT NULL) e
     JOIN reservations r ON r.team_id = $1 AND r.id = e.id
     LEFT JOIN usage u ON u.team_id = $1 AND u.reservation_id = r.id AND e.phase = 1
     LEFT JOIN tasks t ON t.team_id = $1 AND t.id = r.task_id
     LEFT JOIN projects p ON p.team_id = $1 AND p.id = r.project_id
     LEFT JOIN squads s ON s.team_id = $1 AND s.id = r.squad_id
     LEFT JOIN agents a ON a.team_id = $1 AND a.id = r.agent_id
WHERE ($2::integer IS NULL OR t.number = $2) AND ($3::uuid IS NULL OR r.agent_id = $3)
      AND ($4::text IS NULL OR coalesce(u.model, r.model) = $4) AND ($5::text IS NULL OR e.state = $5)
      AND ($6::timestamptz IS NULL OR e.at >= $6) AND ($7::timestamptz IS NULL OR e.at < $7)
      AND ($8::uuid IS NULL OR r.project_id = $8) AND ($9::uuid IS NULL OR r.squad_id = $9)
      AND ($10::timestamptz IS NULL OR (e.at, e.phase, e.id) < ($10, $11::integer, $12::uuid))
ORDER BY e.at DESC, e.phase DESC, e.id DESC LIMIT $13
