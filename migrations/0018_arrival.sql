-- Who holds a session, and which teams they are in: every page asks this first, so it is one round trip.
--
-- The function has the rights of its caller and stands under row-level security like any statement. Both settings are
-- local, so they end with the statement that calls it.
CREATE FUNCTION arrive(hash bytea, now_is timestamptz, seen_after timestamptz)
RETURNS TABLE (session_id uuid, signed_in_at timestamptz, last_seen_at timestamptz, user_id uuid, user_name text,
               user_email text, team_id uuid, team_slug text, team_name text, builtin_role text)
LANGUAGE plpgsql AS $$
DECLARE holder record;
BEGIN
    SELECT s.id AS session, s.created_at, s.last_seen_at, u.id, u.name, u.email INTO holder
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.token_hash = hash AND s.expires_at > now_is AND s.last_seen_at > seen_after;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM set_config('muster.team', '', true), set_config('muster.user', holder.id::text, true);
    -- A person without a team is one row without one.
    RETURN QUERY
        SELECT holder.session, holder.created_at, holder.last_seen_at, holder.id, holder.name, holder.email,
               t.id, t.slug, t.name, m.builtin_role
        FROM (VALUES (holder.id)) me (id)
             LEFT JOIN (memberships m JOIN teams t ON t.id = m.team_id) ON m.user_id = me.id
        ORDER BY lower(t.name), t.id;
END $$;
REVOKE EXECUTE ON FUNCTION arrive FROM PUBLIC;
GRANT EXECUTE ON FUNCTION arrive TO muster_app;
