-- Runs in a list, newest first. $2: of this task, or null for all; $3: at most so many.
SELECT r.id AS "id: RunId", r.task_id AS "task: TaskId", t.number, t.title, p.name AS project, s.name AS squad, r.attempt,
       r.state, r.stage, a.gate AS "gate?", a.id AS "approval?: ApprovalId", r.failure ->> 'sentence' AS sentence, r.held_up ->> 'sentence' AS held_up, step.kind AS "doing?",
       coalesce(a.question ->> 'agent', step.agents, step.agent_name) AS agent,
       coalesce((change.body ->> 'additions')::bigint, 0) AS "additions!", coalesce((change.body ->> 'deletions')::bigint, 0) AS "deletions!",
       r.reverted_at IS NOT NULL AS "reverted!", r.cost_micro_usd AS cost, r.tokens, r.created_at, r.started_at, r.ended_at, r.event_seq
FROM runs r
     JOIN tasks t ON t.team_id = r.team_id AND t.id = r.task_id
     JOIN projects p ON p.team_id = r.team_id AND p.id = r.project_id
     JOIN squads s ON s.team_id = r.team_id AND s.id = r.squad_id
     LEFT JOIN approvals a ON a.team_id = r.team_id AND a.run_id = r.id AND a.state = 'OPEN'
     -- The last step, and who is at work: several coders may be.
     LEFT JOIN LATERAL (SELECT kind, agent_name,
                               (SELECT string_agg(agent_name, ', ' ORDER BY ordinal) FROM run_steps
                                WHERE team_id = r.team_id AND run_id = r.id AND state = 'RUNNING') AS agents
                        FROM run_steps WHERE team_id = r.team_id AND run_id = r.id ORDER BY ordinal DESC LIMIT 1) step ON true
     LEFT JOIN LATERAL (SELECT body FROM run_events
                        WHERE r.delivered_oid IS NOT NULL AND team_id = r.team_id AND run_id = r.id AND body ->> 'run' = 'delivered'
                        ORDER BY seq DESC LIMIT 1) change ON true
WHERE r.team_id = $1 AND ($2::uuid IS NULL OR r.task_id = $2) AND t.deleted_at IS NULL
ORDER BY r.created_at DESC, r.id DESC
LIMIT $3
