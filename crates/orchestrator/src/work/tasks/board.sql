-- $1: team, $2: project. Filters, each null for none: $3: text or number, $4: label, $5: person, $6: squad,
-- $7: nobody assigned, $8: least priority. $9: order. $10: cards per column, but $12 of the
-- column $11. $13: agent, as $5.
SELECT id AS "id: TaskId", number, title, state, priority, labels,
       assignee_user AS "assignee_user: UserId", assignee_agent AS "assignee_agent: AgentId",
       assignee_squad AS "assignee_squad: SquadId",
       assignee_name AS "assignee_name?", created_by AS "created_by: UserId", updated_at, matching AS "matching!"
FROM (
    SELECT t.id, t.number, t.title, t.state, t.priority, t.labels, t.assignee_user, t.assignee_agent, t.assignee_squad, t.created_by, t.updated_at,
           coalesce(u.name, g.name, s.name) AS assignee_name,
           count(*) OVER (PARTITION BY t.state) AS matching,
           row_number() OVER (PARTITION BY t.state ORDER BY
               CASE WHEN $9 = 'priority' THEN -t.priority END,
               CASE WHEN $9 = 'updated' THEN t.updated_at END DESC,
               CASE WHEN $9 = 'newest' THEN -t.number END,
               t.position, t.number DESC) AS rank
    FROM tasks t
    LEFT JOIN users u ON u.id = t.assignee_user
    LEFT JOIN agents g ON g.team_id = t.team_id AND g.id = t.assignee_agent
    LEFT JOIN squads s ON s.team_id = t.team_id AND s.id = t.assignee_squad
    WHERE t.team_id = $1 AND t.project_id = $2 AND t.deleted_at IS NULL
      AND ($3::text IS NULL OR position(lower($3) IN lower(t.title)) > 0 OR t.number::text = ltrim($3, '#'))
      AND ($4::text IS NULL OR $4 = ANY (t.labels))
      AND ($5::uuid IS NULL OR t.assignee_user = $5)
      AND ($13::uuid IS NULL OR t.assignee_agent = $13)
      AND ($6::uuid IS NULL OR t.assignee_squad = $6)
      AND (NOT $7::boolean OR num_nonnulls(t.assignee_user, t.assignee_agent, t.assignee_squad) = 0)
      AND ($8::smallint IS NULL OR t.priority >= $8)
) found
WHERE rank <= CASE WHEN state = $11::text THEN $12::bigint ELSE $10::bigint END
ORDER BY state, rank
