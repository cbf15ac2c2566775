-- Budgets: a tree of limits over what model calls cost, and the ledger that keeps them.

-- One row per team: its lock orders all that changes the team's money, its version says when the tree changed.
CREATE TABLE budget_heads (
    team_id  uuid PRIMARY KEY REFERENCES teams (id) ON DELETE CASCADE,
    version  bigint NOT NULL DEFAULT 1,
    -- What a million tokens count as where no price is known, in millionths of a US dollar.
    unknown_rate_micro_usd  bigint NOT NULL DEFAULT 10000000 CHECK (unknown_rate_micro_usd BETWEEN 0 AND 1000000000000)
);
SELECT fence('budget_heads');

-- A node applies to the calls that its project, squad and agent name; all null is the team itself.
CREATE TABLE budgets (
    team_id           uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id                uuid NOT NULL,
    parent_id         uuid,
    project_id        uuid,
    squad_id          uuid,
    agent_id          uuid,
    -- At most one of the two: an amount, or ten-thousandths of the parent's.
    amount_micro_usd  bigint CHECK (amount_micro_usd >= 0),
    share_bp          integer CHECK (share_bp BETWEEN 1 AND 10000),
    token_limit       bigint CHECK (token_limit >= 0),
    period            text NOT NULL CHECK (period IN ('day', 'week', 'month', 'total')),
    -- Of the week (Monday is 1) or of the month; a shorter month resets on its last day.
    reset_day         smallint NOT NULL CHECK (reset_day BETWEEN 1 AND 31),
    time_zone         text NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 60),
    task_micro_usd    bigint CHECK (task_micro_usd >= 0),
    run_micro_usd     bigint CHECK (run_micro_usd >= 0),
    concurrent_runs   integer CHECK (concurrent_runs BETWEEN 1 AND 1000),
    -- Per cent of the limit at which people are told.
    warn_at           smallint[] NOT NULL CHECK (cardinality(warn_at) <= 5),
    created_by        uuid REFERENCES users (id),
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    CONSTRAINT budgets_one_per_subject UNIQUE NULLS NOT DISTINCT (team_id, project_id, squad_id, agent_id),
    CONSTRAINT budgets_one_limit CHECK (amount_micro_usd IS NULL OR share_bp IS NULL),
    CONSTRAINT budgets_root_is_the_team CHECK ((parent_id IS NULL) = (num_nonnulls(project_id, squad_id, agent_id) = 0)),
    CONSTRAINT budgets_agents_stand_in_a_squad CHECK (agent_id IS NULL OR squad_id IS NOT NULL),
    FOREIGN KEY (team_id, parent_id) REFERENCES budgets (team_id, id),
    FOREIGN KEY (team_id, project_id) REFERENCES projects (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, squad_id) REFERENCES squads (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, agent_id) REFERENCES agents (team_id, id) ON DELETE CASCADE
);
SELECT fence('budgets');

-- What a node has spent and holds back, by period, task or run.
CREATE TABLE budget_counters (
    team_id          uuid NOT NULL,
    budget_id        uuid NOT NULL,
    -- `2026-11-01T00:00:00Z` where the period began, `task:…` or `run:…`.
    bucket           text NOT NULL CHECK (length(bucket) <= 60),
    spent            bigint NOT NULL,
    reserved         bigint NOT NULL,
    tokens_spent     bigint NOT NULL,
    tokens_reserved  bigint NOT NULL,
    -- The highest step that people were told of.
    warned           smallint NOT NULL,
    PRIMARY KEY (team_id, budget_id, bucket),
    FOREIGN KEY (team_id, budget_id) REFERENCES budgets (team_id, id) ON DELETE CASCADE
);
SELECT fence('budget_counters');

-- The worst case of a call, held back before it is made.
CREATE TABLE reservations (
    team_id      uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id           uuid NOT NULL,
    key          text NOT NULL CHECK (length(key) <= 200),
    project_id   uuid,
    squad_id     uuid,
    agent_id     uuid,
    task_id      uuid,
    run_id       uuid,
    provider     text NOT NULL,
    model        text NOT NULL,
    micro_usd    bigint NOT NULL CHECK (micro_usd >= 0),
    tokens       bigint NOT NULL CHECK (tokens >= 0),
    -- Whether the amount is a price, and not the rate for unknown ones.
    priced       boolean NOT NULL,
    -- The counters it stands in, side by side.
    budgets      uuid[] NOT NULL,
    buckets      text[] NOT NULL,
    state        text NOT NULL CHECK (state IN ('HELD', 'SETTLED', 'RELEASED', 'LOST')),
    held_at      timestamptz NOT NULL,
    -- Whoever makes the call moves it on; when it is past, the call counts as lost.
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT reservations_end_once CHECK ((state = 'HELD') = (ended_at IS NULL)),
    CONSTRAINT reservations_name_counters CHECK (cardinality(budgets) = cardinality(buckets))
);
CREATE INDEX reservations_held ON reservations (expires_at) WHERE state = 'HELD';
CREATE INDEX reservations_of_run ON reservations (team_id, run_id, key);
SELECT fence('reservations');

-- Double entry: each row takes an amount from one account of the team and gives it to another. Append only.
CREATE TABLE ledger_entries (
    team_id         uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id              uuid NOT NULL,
    reservation_id  uuid NOT NULL,
    debit           text NOT NULL CHECK (debit IN ('available', 'held', 'spent')),
    credit          text NOT NULL CHECK (credit IN ('available', 'held', 'spent') AND credit <> debit),
    micro_usd       bigint NOT NULL CHECK (micro_usd >= 0),
    at              timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, reservation_id) REFERENCES reservations (team_id, id) ON DELETE CASCADE
);
CREATE INDEX ledger_entries_of_reservation ON ledger_entries (team_id, reservation_id);
SELECT fence('ledger_entries');

-- A person's scripts make calls too, and they have no run.
ALTER TABLE usage
    ALTER run_id DROP NOT NULL,
    ALTER task_id DROP NOT NULL,
    ALTER project_id DROP NOT NULL,
    ALTER squad_id DROP NOT NULL,
    ALTER step_id DROP NOT NULL,
    ADD reservation_id uuid,
    -- What budgets count: the cost, or the rate for unknown prices.
    ADD counted_micro_usd bigint NOT NULL DEFAULT 0 CHECK (counted_micro_usd >= 0),
    -- Whether the provider reported no usage, or no answer came back.
    ADD estimated boolean NOT NULL DEFAULT false;
UPDATE usage SET counted_micro_usd = coalesce(cost_micro_usd, 0);
ALTER TABLE usage ALTER counted_micro_usd DROP DEFAULT, ALTER estimated DROP DEFAULT;
CREATE UNIQUE INDEX usage_one_per_reservation ON usage (team_id, reservation_id) WHERE reservation_id IS NOT NULL;
CREATE INDEX usage_of_task ON usage (team_id, task_id);

-- Somebody stopped all spending of a team, project, squad or agent (all null: the team).
CREATE TABLE pauses (
    team_id      uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id           uuid NOT NULL,
    project_id   uuid,
    squad_id     uuid,
    agent_id     uuid,
    reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    paused_by    uuid NOT NULL REFERENCES users (id),
    paused_at    timestamptz NOT NULL,
    resumed_by   uuid REFERENCES users (id),
    resumed_at   timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT pauses_resumed_by_somebody CHECK ((resumed_at IS NULL) = (resumed_by IS NULL)),
    FOREIGN KEY (team_id, project_id) REFERENCES projects (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, squad_id) REFERENCES squads (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, agent_id) REFERENCES agents (team_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX pauses_one_alive ON pauses (team_id, project_id, squad_id, agent_id) NULLS NOT DISTINCT WHERE resumed_at IS NULL;
SELECT fence('pauses');

-- What a pause stopped, and when each stood still.
CREATE TABLE pause_proofs (
    team_id    uuid NOT NULL,
    pause_id   uuid NOT NULL,
    run_id     uuid NOT NULL,
    stopped_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, pause_id, run_id),
    FOREIGN KEY (team_id, pause_id) REFERENCES pauses (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, run_id) REFERENCES runs (team_id, id) ON DELETE CASCADE
);
SELECT fence('pause_proofs');

-- A limit came near, or was reached: told once for each step of each period.
CREATE TABLE budget_alerts (
    team_id    uuid NOT NULL,
    id         uuid NOT NULL,
    budget_id  uuid NOT NULL,
    bucket     text NOT NULL,
    -- Per cent of the limit; 100 is a refused call.
    step       smallint NOT NULL,
    spent      bigint NOT NULL,
    most       bigint NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, budget_id, bucket, step, most),
    FOREIGN KEY (team_id, budget_id) REFERENCES budgets (team_id, id) ON DELETE CASCADE
);
SELECT fence('budget_alerts');

-- Somebody asks for more.
CREATE TABLE budget_requests (
    team_id           uuid NOT NULL,
    id                uuid NOT NULL,
    budget_id         uuid NOT NULL,
    amount_micro_usd  bigint NOT NULL CHECK (amount_micro_usd > 0),
    reason            text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    asked_by          uuid NOT NULL REFERENCES users (id),
    asked_at          timestamptz NOT NULL,
    state             text NOT NULL CHECK (state IN ('OPEN', 'GRANTED', 'DECLINED')),
    decided_by        uuid REFERENCES users (id),
    decided_at        timestamptz,
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, budget_id) REFERENCES budgets (team_id, id) ON DELETE CASCADE
);
SELECT fence('budget_requests');

-- Why a run that waits does so without a question: its budget, a pause, a provider's limit. `{sentence, budget, until}`
ALTER TABLE runs ADD held_up jsonb;
CREATE INDEX runs_held_up ON runs (team_id) WHERE held_up IS NOT NULL AND state = 'WAITING';

-- The last answer that a run paid for: a step that is entered again after a crash finds it, and does not pay twice.
CREATE TABLE run_answers (
    team_id  uuid NOT NULL,
    run_id   uuid NOT NULL,
    key      text NOT NULL,
    answer   jsonb NOT NULL,
    PRIMARY KEY (team_id, run_id),
    FOREIGN KEY (team_id, run_id) REFERENCES runs (team_id, id) ON DELETE CASCADE
);
SELECT fence('run_answers');

GRANT SELECT, INSERT, UPDATE, DELETE ON budgets TO muster_app;
GRANT SELECT, INSERT, UPDATE ON budget_heads, budget_counters, reservations, pauses, budget_requests, run_answers TO muster_app;
GRANT SELECT, INSERT ON ledger_entries, budget_alerts, pause_proofs TO muster_app;

-- The reaper looks for calls whose process died; each is settled inside its own team.
GRANT SELECT ON reservations TO muster_system;
CREATE POLICY every_team ON reservations FOR SELECT TO muster_system USING (true);
