-- What a team sets up first: a project, a squad, a task.

CREATE TABLE projects (
    team_id         uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id              uuid NOT NULL,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    source          text NOT NULL CHECK (source IN ('sample', 'git')),
    repository_url  text CHECK (length(repository_url) <= 500),
    created_by      uuid NOT NULL REFERENCES users (id),
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    CONSTRAINT projects_git_has_url CHECK ((source = 'git') = (repository_url IS NOT NULL))
);
CREATE UNIQUE INDEX projects_name_is_unique ON projects (team_id, lower(name));
SELECT fence('projects');

CREATE TABLE squads (
    team_id     uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id          uuid NOT NULL,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    template    text NOT NULL CHECK (template IN ('full', 'pair', 'solo')),
    created_by  uuid NOT NULL REFERENCES users (id),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (team_id, id)
);
CREATE UNIQUE INDEX squads_name_is_unique ON squads (team_id, lower(name));
SELECT fence('squads');

CREATE TABLE tasks (
    team_id     uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id          uuid NOT NULL,
    -- Counts up within the team: the 142 of MUS-142.
    number      integer NOT NULL CHECK (number > 0),
    project_id  uuid NOT NULL,
    title       text NOT NULL CHECK (length(title) BETWEEN 1 AND 500),
    state       text NOT NULL CHECK (state IN ('TODO', 'IN_PROGRESS', 'IN_REVIEW', 'BLOCKED', 'COMPLETED', 'FAILED', 'CANCELLED')),
    created_by  uuid NOT NULL REFERENCES users (id),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (team_id, id),
    UNIQUE (team_id, number),
    FOREIGN KEY (team_id, project_id) REFERENCES projects (team_id, id)
);
SELECT fence('tasks');

-- A step of the first set-up that somebody chose not to do.
CREATE TABLE onboarding_skips (
    team_id     uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    step        text NOT NULL CHECK (step IN ('project', 'squad', 'task', 'invite')),
    skipped_by  uuid NOT NULL REFERENCES users (id),
    skipped_at  timestamptz NOT NULL,
    PRIMARY KEY (team_id, step)
);
SELECT fence('onboarding_skips');

GRANT SELECT, INSERT, UPDATE, DELETE ON projects, squads, tasks, onboarding_skips TO muster_app;
