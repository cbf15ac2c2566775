-- Runs: a squad works on a task. What happened stands in rows; how far a run is, durably, in the engine's own schema.

CREATE TABLE runs (
    team_id      uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id           uuid NOT NULL,
    task_id      uuid NOT NULL,
    project_id   uuid NOT NULL,
    squad_id     uuid NOT NULL,
    -- Counts up within the task: the second try is attempt 2.
    attempt      integer NOT NULL CHECK (attempt > 0),
    state        text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'WAITING', 'COMPLETED', 'FAILED', 'CANCELLED')),
    -- A run is worked on in segments: up to a gate, and on after a person's decision. The engine's workflow is named after it.
    segment      integer NOT NULL DEFAULT 1 CHECK (segment > 0),
    -- Whether the segment was handed to the engine.
    handed_over  boolean NOT NULL DEFAULT false,
    stage        text NOT NULL,
    -- The squad as it was at the start, so that editing it changes later runs alone.
    plan         jsonb NOT NULL,
    position     jsonb NOT NULL,
    -- What the lead planned: steps with their states.
    outline      jsonb NOT NULL DEFAULT '[]',
    base_oid     text,
    head_oid     text,
    branch       text,
    delivered_oid  text,
    merge_oid    text,
    -- The node whose disk holds the workspace.
    node         text,
    -- What an agent asked, and its conversation, until the answer comes.
    asking       jsonb,
    reverted_at  timestamptz,
    -- When sandbox and workspace were given back after the end.
    released_at  timestamptz,
    failure      jsonb,
    stop_reason  text,
    event_seq    bigint NOT NULL DEFAULT 0,
    cost_micro_usd  bigint NOT NULL DEFAULT 0 CHECK (cost_micro_usd >= 0),
    tokens       bigint NOT NULL DEFAULT 0 CHECK (tokens >= 0),
    started_by   uuid NOT NULL REFERENCES users (id),
    created_at   timestamptz NOT NULL,
    started_at   timestamptz,
    ended_at     timestamptz,
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, task_id, attempt),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, project_id) REFERENCES projects (team_id, id),
    FOREIGN KEY (team_id, squad_id) REFERENCES squads (team_id, id)
);
-- One living run per task.
CREATE UNIQUE INDEX runs_one_alive ON runs (team_id, task_id) WHERE state IN ('QUEUED', 'RUNNING', 'WAITING');
CREATE INDEX runs_to_hand_over ON runs (created_at) WHERE state = 'QUEUED' AND NOT handed_over;
CREATE INDEX runs_to_release ON runs (node) WHERE released_at IS NULL AND state IN ('COMPLETED', 'FAILED', 'CANCELLED');
CREATE INDEX runs_of_project ON runs (team_id, project_id, state);
SELECT fence('runs');

CREATE TABLE run_steps (
    team_id      uuid NOT NULL,
    run_id       uuid NOT NULL,
    id           uuid NOT NULL,
    -- The step's stable name in the run; doing it again after a crash finds the row.
    key          text NOT NULL,
    ordinal      integer NOT NULL,
    kind         text NOT NULL,
    role         text,
    agent_id     uuid,
    agent_name   text,
    state        text NOT NULL CHECK (state IN ('RUNNING', 'DONE', 'FAILED')),
    summary      text NOT NULL DEFAULT '',
    snapshot_oid text,
    cost_micro_usd  bigint NOT NULL DEFAULT 0,
    tokens       bigint NOT NULL DEFAULT 0,
    started_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, run_id, key),
    FOREIGN KEY (team_id, run_id) REFERENCES runs (team_id, id) ON DELETE CASCADE
);
SELECT fence('run_steps');

-- What happened, in order; append only. Browsers resume by the sequence number.
CREATE TABLE run_events (
    team_id  uuid NOT NULL,
    run_id   uuid NOT NULL,
    seq      bigint NOT NULL CHECK (seq > 0),
    -- The same happening is written once, also when the step that tells it is done again.
    key      text NOT NULL,
    step_id  uuid,
    agent    text,
    body     jsonb NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (team_id, run_id, seq),
    UNIQUE (team_id, run_id, key),
    FOREIGN KEY (team_id, run_id) REFERENCES runs (team_id, id) ON DELETE CASCADE
);
SELECT fence('run_events');

-- A decision that a run waits for.
CREATE TABLE approvals (
    team_id     uuid NOT NULL,
    id          uuid NOT NULL,
    run_id      uuid NOT NULL,
    gate        text NOT NULL CHECK (gate IN ('plan', 'merge', 'question')),
    -- What is asked, for a question: text and options.
    question    jsonb NOT NULL DEFAULT '{}',
    state       text NOT NULL CHECK (state IN ('OPEN', 'APPROVED', 'SENT_BACK', 'ANSWERED', 'WITHDRAWN')),
    comment     text NOT NULL DEFAULT '' CHECK (length(comment) <= 20000),
    asked_at    timestamptz NOT NULL,
    decided_by  uuid REFERENCES users (id),
    decided_at  timestamptz,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, run_id) REFERENCES runs (team_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX approvals_one_open ON approvals (team_id, run_id) WHERE state = 'OPEN';
SELECT fence('approvals');

-- A remark on a line of a change, by an agent who reviews it.
CREATE TABLE review_comments (
    team_id   uuid NOT NULL,
    id        uuid NOT NULL,
    run_id    uuid NOT NULL,
    key       text NOT NULL,
    author    text NOT NULL,
    path      text NOT NULL,
    line      integer,
    body      text NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, run_id, key),
    FOREIGN KEY (team_id, run_id) REFERENCES runs (team_id, id) ON DELETE CASCADE
);
SELECT fence('review_comments');

-- A command of the project that judged the work.
CREATE TABLE run_checks (
    team_id      uuid NOT NULL,
    run_id       uuid NOT NULL,
    -- The verification it belongs to, and its name: setup, build, test.
    key          text NOT NULL,
    name         text NOT NULL,
    command      text NOT NULL,
    passed       boolean NOT NULL,
    outcome      text NOT NULL,
    duration_ms  bigint NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (team_id, run_id, key, name),
    FOREIGN KEY (team_id, run_id) REFERENCES runs (team_id, id) ON DELETE CASCADE
);
SELECT fence('run_checks');

CREATE TABLE artifacts (
    team_id       uuid NOT NULL,
    id            uuid NOT NULL,
    run_id        uuid NOT NULL,
    key           text NOT NULL,
    name          text NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('log', 'report', 'patch', 'file')),
    content_type  text NOT NULL,
    size          bigint NOT NULL CHECK (size >= 0),
    sha256        text NOT NULL,
    object_key    text NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, run_id, key),
    FOREIGN KEY (team_id, run_id) REFERENCES runs (team_id, id) ON DELETE CASCADE
);
SELECT fence('artifacts');

-- The ledger: one row per model call. Append only.
CREATE TABLE usage (
    team_id         uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id              uuid NOT NULL,
    run_id          uuid NOT NULL,
    task_id         uuid NOT NULL,
    project_id      uuid NOT NULL,
    squad_id        uuid NOT NULL,
    step_id         uuid NOT NULL,
    agent_id        uuid,
    -- The call's stable name in the run.
    key             text NOT NULL,
    provider        text NOT NULL,
    model           text NOT NULL,
    uncached        bigint NOT NULL,
    cache_read      bigint NOT NULL,
    cache_write     bigint NOT NULL,
    output          bigint NOT NULL,
    reasoning       bigint NOT NULL,
    -- Null: the price is not known. Never counted as free.
    cost_micro_usd  bigint CHECK (cost_micro_usd >= 0),
    price_source    text NOT NULL,
    duration_ms     bigint NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, run_id, key),
    FOREIGN KEY (team_id, run_id) REFERENCES runs (team_id, id) ON DELETE CASCADE
);
CREATE INDEX usage_in_time ON usage (team_id, at);
SELECT fence('usage');

GRANT SELECT, INSERT, UPDATE ON runs, run_steps, approvals TO muster_app;
GRANT SELECT, INSERT ON run_events, review_comments, run_checks, artifacts, usage TO muster_app;

-- The dispatcher looks which runs of all teams wait; each is handed over inside its own team.
GRANT SELECT ON runs TO muster_system;
CREATE POLICY every_team ON runs FOR SELECT TO muster_system USING (true);
