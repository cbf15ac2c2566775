-- A run with what stands around it. $1: team, $2: run.
SELECT r.attempt, r.state, r.stage, s.name AS squad, u.name AS person, r.branch, r.base_oid, r.head_oid, r.merge_oid,
       r.revert_oid, undoer.name AS "reverted_by?", r.failure, r.stop_reason, r.cost_micro_usd, r.tokens, r.created_at,
       r.started_at, r.ended_at, r.event_seq, r.outline, r.held_up,
       EXISTS (SELECT FROM usage WHERE team_id = $1 AND run_id = $2 AND cost_micro_usd IS NULL) AS "incomplete!",
       ARRAY(SELECT DISTINCT provider FROM usage WHERE team_id = $1 AND run_id = $2) AS "providers!",
       coalesce(merged.body ->> 'into', p.default_branch) AS "into!",
       CASE WHEN clash.body ->> 'run' = 'conflicted' THEN clash.body -> 'paths' ELSE '[]' END AS "conflicts!",
       EXISTS (SELECT FROM runs b WHERE b.team_id = $1 AND b.task_id = r.task_id AND b.head_oid <> b.base_oid) AS "resumable!",
       (SELECT a.name FROM approvals q JOIN users a ON a.id = q.decided_by
        WHERE q.team_id = $1 AND q.run_id = $2 AND q.gate = 'merge' AND q.state = 'APPROVED'
        ORDER BY q.decided_at DESC LIMIT 1) AS approved_by
FROM runs r
     JOIN squads s ON s.team_id = r.team_id AND s.id = r.squad_id
     JOIN projects p ON p.team_id = r.team_id AND p.id = r.project_id
     JOIN users u ON u.id = r.started_by
     LEFT JOIN users undoer ON undoer.id = r.reverted_by
     LEFT JOIN LATERAL (SELECT body FROM run_events WHERE team_id = $1 AND run_id = $2 AND body ->> 'run' = 'merged'
                        ORDER BY seq DESC LIMIT 1) merged ON true
     -- The newest of a delivery and a conflict: what was delivered later has not been tried yet.
     LEFT JOIN LATERAL (SELECT body FROM run_events
                        WHERE team_id = $1 AND run_id = $2 AND body ->> 'run' IN ('conflicted', 'delivered', 'merged')
                        ORDER BY seq DESC LIMIT 1) clash ON true
WHERE r.team_id = $1 AND r.id = $2
