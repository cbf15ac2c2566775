-- What agents are, and the squads they form.

-- A kind of agent: what it runs as and what it may use.
CREATE TABLE agent_types (
    team_id       uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    -- How files and commands name it.
    name          text NOT NULL CHECK (name ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(name) <= 100),
    display_name  text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 80),
    description   text NOT NULL CHECK (length(description) <= 1000),
    -- builtin: the tool loop of Muster; acp: Agent Client Protocol; stream: JSON lines on standard output.
    kind          text NOT NULL CHECK (kind IN ('builtin', 'acp', 'stream')),
    -- Null for the built-in agent, which works in the sandbox of the project.
    image         text CHECK (length(image) BETWEEN 1 AND 255),
    tag           text CHECK (length(tag) BETWEEN 1 AND 128),
    command       text NOT NULL CHECK (length(command) <= 500),
    cpu_millis    integer NOT NULL CHECK (cpu_millis BETWEEN 100 AND 64000),
    memory_mb     integer NOT NULL CHECK (memory_mb BETWEEN 64 AND 262144),
    disk_mb       integer NOT NULL CHECK (disk_mb BETWEEN 64 AND 1048576),
    environment   jsonb NOT NULL CHECK (jsonb_typeof(environment) = 'object'),
    capabilities  text[] NOT NULL,
    docs_url      text CHECK (length(docs_url) BETWEEN 1 AND 500),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    disabled_at   timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT agent_types_image_unless_built_in CHECK ((kind = 'builtin') = (image IS NULL) AND (image IS NULL) = (tag IS NULL))
);
CREATE UNIQUE INDEX agent_types_name_is_unique ON agent_types (team_id, name);
CREATE UNIQUE INDEX agent_types_one_built_in ON agent_types (team_id) WHERE kind = 'builtin';
SELECT fence('agent_types');

-- The defaults are for squads that were formed before; new ones name every column.
ALTER TABLE squads
    ADD COLUMN description text NOT NULL DEFAULT '' CHECK (length(description) <= 1000),
    ADD COLUMN instructions text NOT NULL DEFAULT '' CHECK (length(instructions) <= 20000),
    -- [{"stage": "plan", "roles": ["lead", "architect"]}, …]: all five stages, in order.
    ADD COLUMN stages jsonb NOT NULL CHECK (jsonb_typeof(stages) = 'array') DEFAULT
        '[{"stage":"plan","roles":["lead","architect"]},{"stage":"implement","roles":["coder"]},
          {"stage":"verify","roles":["tester"]},{"stage":"review","roles":["reviewer"]},{"stage":"deliver","roles":["lead"]}]',
    ADD COLUMN approve_plan boolean NOT NULL DEFAULT false,
    ADD COLUMN approve_merge boolean NOT NULL DEFAULT true,
    ADD COLUMN max_iterations integer NOT NULL DEFAULT 3 CHECK (max_iterations BETWEEN 0 AND 20),
    ADD COLUMN max_reworks integer NOT NULL DEFAULT 2 CHECK (max_reworks BETWEEN 0 AND 20),
    ADD COLUMN max_concurrent_runs integer NOT NULL DEFAULT 3 CHECK (max_concurrent_runs BETWEEN 1 AND 100),
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN archived_at timestamptz;
-- The name of an archived squad is free again.
DROP INDEX squads_name_is_unique;
CREATE UNIQUE INDEX squads_name_is_unique ON squads (team_id, lower(name)) WHERE archived_at IS NULL;

-- A program in a squad. The row stays when it leaves, since runs name it.
CREATE TABLE agents (
    team_id          uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id               uuid NOT NULL,
    squad_id         uuid NOT NULL,
    role             text NOT NULL CHECK (role IN ('lead', 'architect', 'coder', 'tester', 'reviewer')),
    name             text NOT NULL CHECK (name ~ '^[a-z0-9](-?[a-z0-9])*$' AND length(name) <= 40),
    agent_type_id    uuid NOT NULL,
    -- Both null: the model that the team has chosen as its default.
    provider_id      uuid,
    model            text CHECK (length(model) BETWEEN 1 AND 200),
    instructions     text NOT NULL CHECK (length(instructions) <= 20000),
    max_model_calls  integer NOT NULL CHECK (max_model_calls BETWEEN 1 AND 1000),
    max_tokens       bigint NOT NULL CHECK (max_tokens BETWEEN 1000 AND 1000000000),
    max_micro_usd    bigint NOT NULL CHECK (max_micro_usd BETWEEN 0 AND 1000000000000),
    wall_minutes     integer NOT NULL CHECK (wall_minutes BETWEEN 1 AND 1440),
    -- Counts the saves; agent_versions holds each of them.
    version          integer NOT NULL CHECK (version > 0),
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    removed_at       timestamptz,
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, squad_id, id),
    FOREIGN KEY (team_id, squad_id) REFERENCES squads (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, agent_type_id) REFERENCES agent_types (team_id, id)
);
CREATE UNIQUE INDEX agents_name_is_unique ON agents (team_id, squad_id, name) WHERE removed_at IS NULL;
SELECT fence('agents');

CREATE TABLE agent_versions (
    team_id   uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    agent_id  uuid NOT NULL,
    version   integer NOT NULL CHECK (version > 0),
    -- The agent's settings as they were saved.
    settings  jsonb NOT NULL,
    saved_by  uuid NOT NULL REFERENCES users (id),
    saved_at  timestamptz NOT NULL,
    PRIMARY KEY (team_id, agent_id, version),
    FOREIGN KEY (team_id, agent_id) REFERENCES agents (team_id, id) ON DELETE CASCADE
);
SELECT fence('agent_versions');

-- Agents and people of a squad, in the order in which they hand work on.
CREATE TABLE squad_members (
    team_id   uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id        uuid NOT NULL,
    squad_id  uuid NOT NULL,
    position  integer NOT NULL CHECK (position > 0),
    agent_id  uuid,
    user_id   uuid,
    PRIMARY KEY (team_id, id),
    -- Deferred, so that two members can change places.
    CONSTRAINT squad_members_one_at_a_place UNIQUE (team_id, squad_id, position) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT squad_members_agent_once UNIQUE (team_id, squad_id, agent_id),
    CONSTRAINT squad_members_person_once UNIQUE (team_id, squad_id, user_id),
    CONSTRAINT squad_members_agent_or_person CHECK (num_nonnulls(agent_id, user_id) = 1),
    FOREIGN KEY (team_id, squad_id) REFERENCES squads (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, squad_id, agent_id) REFERENCES agents (team_id, squad_id, id) ON DELETE CASCADE,
    -- Whoever leaves the team leaves its squads.
    CONSTRAINT squad_members_person_is_in_team FOREIGN KEY (team_id, user_id)
        REFERENCES memberships (team_id, user_id) ON DELETE CASCADE
);
SELECT fence('squad_members');

GRANT SELECT, INSERT, UPDATE ON agent_types, agents TO muster_app;
GRANT SELECT, INSERT ON agent_versions TO muster_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON squad_members TO muster_app;
