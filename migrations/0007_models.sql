-- Who answers for models, and the keys that open their doors.

-- The key of a team's secrets, wrapped by the installation's. A newer generation stands beside the older ones until no
-- secret needs them.
CREATE TABLE data_keys (
    team_id     uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    generation  integer NOT NULL CHECK (generation > 0),
    wrapped     bytea NOT NULL CHECK (length(wrapped) BETWEEN 40 AND 200),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (team_id, generation)
);
SELECT fence('data_keys');

-- Written once, replaced by another row, never shown.
CREATE TABLE secrets (
    team_id     uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id          uuid NOT NULL,
    purpose     text NOT NULL CHECK (purpose IN ('model_key', 'git_credential')),
    sealed      bytea NOT NULL CHECK (length(sealed) BETWEEN 40 AND 20000),
    generation  integer NOT NULL,
    -- What people may see of it: sk-…x7Qa.
    hint        text NOT NULL CHECK (length(hint) <= 20),
    created_by  uuid NOT NULL REFERENCES users (id),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    CONSTRAINT secrets_data_key_is_here FOREIGN KEY (team_id, generation) REFERENCES data_keys (team_id, generation)
);
SELECT fence('secrets');

-- A provider. The row stays when it is removed, since agents and runs name it; its key goes.
CREATE TABLE model_providers (
    team_id        uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id             uuid NOT NULL,
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    kind           text NOT NULL CHECK (kind IN ('demo', 'open_ai_chat', 'anthropic', 'gemini')),
    -- Null for the demo model, whose address the server knows.
    base_url       text CHECK (length(base_url) <= 500),
    secret_id      uuid,
    -- Used where an agent names none.
    model          text NOT NULL CHECK (length(model) BETWEEN 1 AND 200),
    -- Null for the demo model, which comes with the team.
    created_by     uuid REFERENCES users (id),
    created_at     timestamptz NOT NULL,
    -- The last trial call: when, with which model, and what was wrong (null: nothing).
    tested_at      timestamptz,
    tested_model   text CHECK (length(tested_model) <= 200),
    test_problem   text CHECK (length(test_problem) <= 1000),
    removed_at     timestamptz,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, secret_id) REFERENCES secrets (team_id, id),
    CONSTRAINT model_providers_demo_has_no_address CHECK ((kind = 'demo') = (base_url IS NULL)),
    CONSTRAINT model_providers_tests_are_whole CHECK ((tested_at IS NULL) = (tested_model IS NULL))
);
CREATE UNIQUE INDEX model_providers_name_is_unique ON model_providers (team_id, lower(name)) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX model_providers_one_demo ON model_providers (team_id) WHERE kind = 'demo';
SELECT fence('model_providers');

-- What agents use that name no provider. A team without a row uses the demo model.
CREATE TABLE model_defaults (
    team_id      uuid PRIMARY KEY REFERENCES teams (id) ON DELETE CASCADE,
    provider_id  uuid NOT NULL,
    chosen_by    uuid NOT NULL REFERENCES users (id),
    chosen_at    timestamptz NOT NULL,
    FOREIGN KEY (team_id, provider_id) REFERENCES model_providers (team_id, id)
);
SELECT fence('model_defaults');

ALTER TABLE agents ADD CONSTRAINT agents_provider_is_known FOREIGN KEY (team_id, provider_id)
    REFERENCES model_providers (team_id, id);
CREATE INDEX agents_of_provider ON agents (team_id, provider_id) WHERE provider_id IS NOT NULL;
ALTER TABLE projects ADD CONSTRAINT projects_credential_is_known FOREIGN KEY (team_id, credential_secret)
    REFERENCES secrets (team_id, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON data_keys, secrets, model_defaults TO muster_app;
GRANT SELECT, INSERT, UPDATE ON model_providers TO muster_app;
