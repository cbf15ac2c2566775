SELECT p.id AS "id: types::ModelProviderId", p.name, p.kind, p.base_url, p.model, p.tested_at, p.tested_model, p.test_problem,
       s.hint AS "hint?", s.created_at AS "key_set_at?", d.team_id IS NOT NULL AS "chosen!",
       (SELECT count(*) FROM agents a WHERE a.team_id = p.team_id AND a.provider_id = p.id AND a.removed_at IS NULL) AS "agents!"
FROM model_providers p
LEFT JOIN secrets s ON s.team_id = p.team_id AND s.id = p.secret_id
LEFT JOIN model_defaults d ON d.team_id = p.team_id AND d.provider_id = p.id
WHERE p.team_id = $1 AND p.removed_at IS NULL
ORDER BY p.kind = 'demo', lower(p.name), p.id
