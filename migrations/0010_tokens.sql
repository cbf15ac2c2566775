-- Access tokens: what a person's programs show instead of a password, in one team.

CREATE TABLE api_tokens (
    team_id       uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    user_id       uuid NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    -- SHA-256 of the secret. The secret itself is shown once and kept nowhere.
    token_hash    bytea NOT NULL CHECK (length(token_hash) = 32),
    -- Permissions. What counts is what the holder's role still grants of them.
    scopes        text[] NOT NULL CHECK (cardinality(scopes) > 0),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    last_used_at  timestamptz,
    revoked_at    timestamptz,
    revoked_by    uuid REFERENCES users (id),
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, token_hash),
    -- Whoever leaves the team takes their tokens along.
    FOREIGN KEY (team_id, user_id) REFERENCES memberships (team_id, user_id) ON DELETE CASCADE,
    CONSTRAINT api_tokens_revoked_by_somebody CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX api_tokens_of_person ON api_tokens (team_id, user_id);
SELECT fence('api_tokens');

GRANT SELECT, INSERT, UPDATE, DELETE ON api_tokens TO muster_app;
