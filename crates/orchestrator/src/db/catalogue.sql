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
)
SELECT name AS "object!", 'unfenced' AS "rule!" FROM tables t
    WHERE NOT global AND NOT EXISTS (SELECT FROM fenced f WHERE f.oid = t.oid)
UNION ALL
SELECT name, 'not_forced' FROM fenced WHERE NOT forced
UNION ALL
SELECT name, 'no_policy' FROM fenced f WHERE NOT EXISTS (
    SELECT FROM pg_policies p
    WHERE p.schemaname = 'public' AND p.tablename = f.name AND p.cmd = 'ALL' AND p.permissive = 'PERMISSIVE'
      AND p.qual LIKE '%' || f.team_column || ' = %current_team()%'
      AND p.with_check LIKE '%' || f.team_column || ' = %current_team()%')
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
SELECT t.name, 'grant' FROM tables t
    WHERE has_table_privilege('muster_app', t.oid, 'TRUNCATE')
       OR has_table_privilege('muster_app', t.oid, 'REFERENCES')
       OR has_table_privilege('muster_app', t.oid, 'TRIGGER')
UNION ALL
SELECT t.name, 'audit_grant' FROM tables t
    WHERE t.name = 'audit_entries'
      AND (has_table_privilege('muster_app', t.oid, 'UPDATE') OR has_table_privilege('muster_app', t.oid, 'DELETE'))
