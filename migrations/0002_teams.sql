-- Teams: the tenants. Every table from here on belongs to one team and is fenced by row-level security.

-- The team and the person of the running transaction; null when unset. A setting that was set locally and has
-- ended reads as '', not null, hence nullif.
CREATE FUNCTION current_team() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('muster.team', true), '')::uuid $$;
CREATE FUNCTION current_member() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('muster.user', true), '')::uuid $$;

-- Fences a table: forced row-level security, and one policy that compares the team's column with the setting.
-- The sub-select is computed once per statement.
CREATE FUNCTION fence(fenced regclass, team_column name DEFAULT 'team_id') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', fenced);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', fenced);
    EXECUTE format(
        'CREATE POLICY own_team ON %s USING (%I = (SELECT current_team())) WITH CHECK (%I = (SELECT current_team()))',
        fenced, team_column, team_column);
END $$;
REVOKE EXECUTE ON FUNCTION fence FROM PUBLIC;

CREATE TABLE teams (
    id          uuid PRIMARY KEY,
    -- Public by design: the first segment of every address of the team.
    slug        text NOT NULL CHECK (slug ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(slug) BETWEEN 2 AND 40),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    created_at  timestamptz NOT NULL,
    CONSTRAINT teams_slug_is_unique UNIQUE (slug)
);
SELECT fence('teams', 'id');

-- Roles a team made for itself. The built-in ones are code.
CREATE TABLE roles (
    team_id      uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id           uuid NOT NULL,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    permissions  text[] NOT NULL CHECK (cardinality(permissions) > 0),
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (team_id, id)
);
CREATE UNIQUE INDEX roles_name_is_unique ON roles (team_id, lower(name));
SELECT fence('roles');

CREATE TABLE memberships (
    team_id       uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id       uuid NOT NULL REFERENCES users (id),
    builtin_role  text CHECK (builtin_role IN ('reader', 'contributor', 'planner', 'executor', 'admin', 'owner')),
    role_id       uuid,
    joined_at     timestamptz NOT NULL,
    PRIMARY KEY (team_id, user_id),
    FOREIGN KEY (team_id, role_id) REFERENCES roles (team_id, id),
    CONSTRAINT memberships_one_role CHECK (num_nonnulls(builtin_role, role_id) = 1)
);
CREATE INDEX memberships_of_user ON memberships (user_id);
SELECT fence('memberships');
-- A person finds their own teams before any team is chosen.
CREATE POLICY own_memberships ON memberships FOR SELECT USING (user_id = (SELECT current_member()));
CREATE POLICY teams_joined ON teams FOR SELECT
    USING (id IN (SELECT team_id FROM memberships WHERE user_id = (SELECT current_member())));

CREATE TABLE invitations (
    team_id       uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    email         text NOT NULL,
    email_key     text NOT NULL,
    builtin_role  text CHECK (builtin_role IN ('reader', 'contributor', 'planner', 'executor', 'admin', 'owner')),
    role_id       uuid,
    -- SHA-256 of the link's secret. The secret itself is only in the mail.
    token_hash    bytea NOT NULL CHECK (length(token_hash) = 32),
    invited_by    uuid NOT NULL REFERENCES users (id),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    accepted_at   timestamptz,
    accepted_by   uuid REFERENCES users (id),
    revoked_at    timestamptz,
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, token_hash),
    FOREIGN KEY (team_id, role_id) REFERENCES roles (team_id, id),
    CONSTRAINT invitations_one_role CHECK (num_nonnulls(builtin_role, role_id) = 1)
);
-- A newer invitation to the same address takes the place of the older one.
CREATE UNIQUE INDEX invitations_one_open ON invitations (team_id, email_key)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;
SELECT fence('invitations');

GRANT SELECT, INSERT, UPDATE ON teams TO muster_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON roles, memberships TO muster_app;
GRANT SELECT, INSERT, UPDATE ON invitations TO muster_app;

GRANT SELECT ON teams TO muster_system;
CREATE POLICY every_team ON teams FOR SELECT TO muster_system USING (true);
