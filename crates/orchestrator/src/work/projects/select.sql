-- $1: team. $2: a project, or null for all. $3: archived ones, others, or null for both.
SELECT p.id AS "id: ProjectId", p.name, p.description, p.source, p.repository_url, p.default_branch,
       p.setup_command, p.build_command, p.test_command, p.commands_edited_at, p.egress_allow, p.models_inside,
       p.allowed_models,
       p.cpu_millis, p.memory_mb, p.pids, p.disk_mb, p.wall_minutes,
       p.credential_user, secret.hint AS "credential_hint?", p.repository_state, p.repository_problem,
       p.created_at, p.archived_at,
       t.total AS "total!", t.open AS "open!", t.in_progress AS "in_progress!", t.in_review AS "in_review!", t.last_change
FROM projects p
LEFT JOIN secrets secret ON secret.team_id = p.team_id AND secret.id = p.credential_secret
CROSS JOIN LATERAL (
    SELECT count(*) AS total,
           count(*) FILTER (WHERE state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')) AS open,
           count(*) FILTER (WHERE state = 'IN_PROGRESS') AS in_progress,
           count(*) FILTER (WHERE state = 'IN_REVIEW') AS in_review,
           max(updated_at) AS last_change
    FROM tasks WHERE team_id = p.team_id AND project_id = p.id AND deleted_at IS NULL
) t
WHERE p.team_id = $1 AND ($2::uuid IS NULL OR p.id = $2) AND ($3::boolean IS NULL OR $3 = (p.archived_at IS NOT NULL))
ORDER BY p.created_at DESC, p.id DESC LIMIT 200
