-- The audit log: one hash chain per team, append only.

-- The end of each chain. Appending locks this row, so that concurrent writers make one chain and not a fork.
CREATE TABLE audit_heads (
    team_id  uuid PRIMARY KEY REFERENCES teams (id) ON DELETE CASCADE,
    seq      bigint NOT NULL CHECK (seq >= 0),
    hash     bytea NOT NULL CHECK (length(hash) = 32)
);
SELECT fence('audit_heads');

CREATE TABLE audit_entries (
    team_id      uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    seq          bigint NOT NULL CHECK (seq > 0),
    id           uuid NOT NULL,
    at           timestamptz NOT NULL,
    actor_kind   text NOT NULL CHECK (actor_kind IN ('user', 'system')),
    actor_id     uuid,
    action       text NOT NULL,
    target_kind  text NOT NULL,
    target_id    text NOT NULL,
    -- json, not jsonb: the text is hashed as it was written.
    details      json NOT NULL,
    request_id   uuid NOT NULL,
    prev_hash    bytea NOT NULL CHECK (length(prev_hash) = 32),
    hash         bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (team_id, seq),
    -- A second entry after the same one would be a fork.
    UNIQUE (team_id, prev_hash),
    UNIQUE (team_id, id)
);
SELECT fence('audit_entries');

-- Where a request came from. Personal data, so beside the chain and not in it: it can be erased.
CREATE TABLE audit_origins (
    team_id     uuid NOT NULL,
    seq         bigint NOT NULL,
    ip          text,
    user_agent  text,
    PRIMARY KEY (team_id, seq),
    FOREIGN KEY (team_id, seq) REFERENCES audit_entries (team_id, seq) ON DELETE CASCADE
);
SELECT fence('audit_origins');

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are never changed or removed';
END $$;
CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON audit_entries, audit_origins TO muster_app;
GRANT SELECT, INSERT, UPDATE ON audit_heads TO muster_app;

GRANT SELECT ON audit_entries, audit_heads TO muster_system;
CREATE POLICY every_team ON audit_entries FOR SELECT TO muster_system USING (true);
CREATE POLICY every_team ON audit_heads FOR SELECT TO muster_system USING (true);
