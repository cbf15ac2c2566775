-- Every object of the schema that breaks a rule of tenancy. $1: tables that belong to no team.
-- What an extension brought along is not ours.
WITH extensions AS (
    SELECT objid AS oid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e'
), tables AS (
    SELECT c.oid, c.relname::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
           CASE WHEN c.relname = 'teams' THEN 'id' ELSE 'team_id' END AS team_column,
           c.relname = ANY ($1::text[]) AS global
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.oid NOT IN (SELECT oid FROM extensions)
), fenced AS (
    SELECT t.*, a.attnum AS team_attnum
    FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = t.team_column AND NOT a.attisdropped
    WHERE NOT t.global
), policies AS (
    SELECT f.name AS table_name, f.team_column, p.policyname::text AS name, p.cmd, p.roles::text AS roles,
           regexp_replace(replace(coalesce(p.qual, ''), 'public.', ''), '\s+', ' ', 'g') AS seen,
           regexp_replace(replace(coalesce(p.with_check, ''), 'public.', ''), '\s+', ' ', 'g') AS written
    FROM fenced f JOIN pg_policies p ON p.schemaname = 'public' AND p.tablename = f.name
    -- A restrictive one only takes away.
    WHERE p.permissive = 'PERMISSIVE'
), own_team AS (
    SELECT table_name, name FROM policies
    WHERE cmd = 'ALL' AND roles = '{public}' AND seen = written
      AND seen = format('(%s = ( SELECT current_team() AS current_team))', team_column)
), allowed (table_name, name, cmd, roles, seen) AS (VALUES
    -- A person's own memberships, and the teams they lead to: to choose one before any is entered.
    ('memberships', 'own_memberships', 'SELECT', '{public}', '\(user_id = \( SELECT current_member\(\) AS current_member\)\)'),
    ('teams', 'teams_joined', 'SELECT', '{public}', '\(id IN \( SELECT (memberships\.)?team_id FROM memberships WHERE \((memberships\.)?user_id = \( SELECT current_member\(\) AS current_member\)\)\)\)'),
    -- Jobs that span teams.
    ('teams', 'every_team', 'SELECT', '{muster_system}', 'true'),
    ('audit_entries', 'every_team', 'SELECT', '{muster_system}', 'true'),
    ('audit_heads', 'every_team', 'SELECT', '{muster_system}', 'true'),
    ('runs', 'every_team', 'SELECT', '{muster_system}', 'true'),
    ('reservations', 'every_team', 'SELECT', '{muster_system}', 'true'),
    ('call_contents', 'every_team', 'ALL', '{muster_system}', 'true'),
    ('tasks', 'deleted_ones', 'ALL', '{muster_system}', '\(deleted_at IS NOT NULL\)')
), held AS (
    -- What the roles may do with each table, or with one of its columns.
    SELECT r.rolname::text AS role, t.name AS table_name, p.privilege
    FROM pg_roles r CROSS JOIN tables t
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS p (privilege)
    WHERE r.rolname IN ('muster_app', 'muster_system', 'muster_engine')
      AND CASE WHEN p.privilege IN ('DELETE', 'TRUNCATE', 'TRIGGER') THEN has_table_privilege(r.oid, t.oid, p.privilege)
               ELSE has_any_column_privilege(r.oid, t.oid, p.privilege) END
), system_needs (table_name, privileges) AS (VALUES
    ('mails', ARRAY['SELECT', 'UPDATE', 'DELETE']),
    ('nodes', ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']),
    ('sessions', ARRAY['SELECT', 'DELETE']),
    ('verifications', ARRAY['SELECT', 'DELETE']),
    ('sign_in_failures', ARRAY['SELECT', 'DELETE']),
    ('call_contents', ARRAY['SELECT', 'DELETE']),
    ('tasks', ARRAY['SELECT', 'DELETE']),
    ('teams', ARRAY['SELECT']),
    ('audit_entries', ARRAY['SELECT']),
    ('audit_heads', ARRAY['SELECT']),
    ('runs', ARRAY['SELECT']),
    ('reservations', ARRAY['SELECT'])
)
SELECT name AS "object!", 'unfenced' AS "rule!" FROM tables t
    WHERE NOT global AND NOT EXISTS (SELECT FROM fenced f WHERE f.oid = t.oid)
UNION ALL
SELECT name, 'not_forced' FROM fenced WHERE NOT forced
UNION ALL
SELECT name, 'no_policy' FROM fenced f WHERE NOT EXISTS (SELECT FROM own_team o WHERE o.table_name = f.name)
UNION ALL
SELECT format('%s of %s', p.name, p.table_name), 'policy' FROM policies p
    WHERE NOT EXISTS (SELECT FROM own_team o WHERE o.table_name = p.table_name AND o.name = p.name)
      AND NOT EXISTS (SELECT FROM allowed a
                      WHERE (a.table_name, a.name, a.cmd, a.roles) = (p.table_name, p.name, p.cmd, p.roles)
                        AND p.seen ~ ('^' || a.seen || '$') AND p.written = '')
UNION ALL
-- teams itself has the team as its only key.
SELECT format('%s of %s', k.conname, f.name), 'foreign_key'
    FROM pg_constraint k JOIN fenced f ON f.oid = k.conrelid JOIN fenced target ON target.oid = k.confrelid
    WHERE k.contype = 'f' AND NOT (f.team_attnum = ANY (k.conkey) AND target.team_attnum = ANY (k.confkey))
UNION ALL
SELECT format('%s of %s', i.indexrelid::regclass, f.name), 'unique'
    FROM pg_index i JOIN fenced f ON f.oid = i.indrelid
    WHERE i.indisunique AND i.indkey[0] <> f.team_attnum
      -- Slugs are public by design: they are the first segment of the address.
      AND i.indexrelid::regclass::text <> 'teams_slug_is_unique'
UNION ALL
SELECT c.relname::text, 'view'
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('v', 'm') AND c.oid NOT IN (SELECT oid FROM extensions)
      AND NOT coalesce(c.reloptions @> ARRAY['security_invoker=true'], false)
UNION ALL
SELECT DISTINCT table_name, 'grant' FROM held WHERE privilege IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')
UNION ALL
SELECT DISTINCT h.table_name, 'system_grant' FROM held h
    WHERE h.role = 'muster_system'
      AND NOT EXISTS (SELECT FROM system_needs n WHERE n.table_name = h.table_name AND h.privilege = ANY (n.privileges))
UNION ALL
SELECT DISTINCT table_name, 'engine_grant' FROM held WHERE role = 'muster_engine'
UNION ALL
SELECT DISTINCT table_name, 'audit_grant' FROM held
    WHERE role = 'muster_app' AND table_name = 'audit_entries' AND privilege IN ('UPDATE', 'DELETE')
