-- Keys of the gateway: what programs show to make model calls on a team's account, instead of a provider's own key.

CREATE TABLE gateway_keys (
    team_id       uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    -- SHA-256 of the secret. The secret itself is shown once and kept nowhere.
    key_hash      bytea NOT NULL CHECK (length(key_hash) = 32),
    -- What people may see of it.
    hint          text NOT NULL CHECK (length(hint) <= 20),
    -- Whose budgets its calls count against; all null is the team's alone.
    project_id    uuid,
    squad_id      uuid,
    agent_id      uuid,
    task_id       uuid,
    run_id        uuid,
    -- Null for the key of a run, which Muster makes itself.
    created_by    uuid REFERENCES users (id),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    last_used_at  timestamptz,
    revoked_at    timestamptz,
    revoked_by    uuid REFERENCES users (id),
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, key_hash),
    FOREIGN KEY (team_id, project_id) REFERENCES projects (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, squad_id) REFERENCES squads (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, agent_id) REFERENCES agents (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, task_id) REFERENCES tasks (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, run_id) REFERENCES runs (team_id, id) ON DELETE CASCADE,
    CONSTRAINT gateway_keys_of_somebody CHECK ((created_by IS NULL) = (run_id IS NOT NULL))
);
CREATE INDEX gateway_keys_of_run ON gateway_keys (team_id, run_id) WHERE run_id IS NOT NULL;
SELECT fence('gateway_keys');

-- Prices that a team agreed on with a provider, in millionths of a US dollar for a million tokens. They come before public ones.
CREATE TABLE model_prices (
    team_id      uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    provider_id  uuid NOT NULL,
    model        text NOT NULL CHECK (length(model) BETWEEN 1 AND 200),
    input        bigint NOT NULL CHECK (input BETWEEN 0 AND 1000000000000),
    cache_read   bigint NOT NULL CHECK (cache_read BETWEEN 0 AND 1000000000000),
    cache_write  bigint NOT NULL CHECK (cache_write BETWEEN 0 AND 1000000000000),
    output       bigint NOT NULL CHECK (output BETWEEN 0 AND 1000000000000),
    set_by       uuid NOT NULL REFERENCES users (id),
    set_at       timestamptz NOT NULL,
    PRIMARY KEY (team_id, provider_id, model),
    FOREIGN KEY (team_id, provider_id) REFERENCES model_providers (team_id, id)
);
SELECT fence('model_prices');

-- A name of the team's own for models, tried in this order: the next one when a provider does not answer.
CREATE TABLE model_aliases (
    team_id      uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    name         text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,59}$'),
    position     smallint NOT NULL CHECK (position BETWEEN 1 AND 5),
    provider_id  uuid NOT NULL,
    -- Null: the provider's own default.
    model        text CHECK (length(model) BETWEEN 1 AND 200),
    PRIMARY KEY (team_id, name, position),
    FOREIGN KEY (team_id, provider_id) REFERENCES model_providers (team_id, id)
);
SELECT fence('model_aliases');

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway_keys, model_prices, model_aliases TO muster_app;
