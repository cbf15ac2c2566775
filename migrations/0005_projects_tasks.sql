-- Projects and tasks in full: where code comes from and how it is checked, what a task asks for, and its history.

ALTER TABLE projects
    DROP CONSTRAINT projects_source_check,
    ADD CONSTRAINT projects_source_is_known CHECK (source IN ('sample', 'git', 'archive', 'empty')),
    ADD COLUMN description         text NOT NULL DEFAULT '' CHECK (length(description) <= 2000),
    ADD COLUMN default_branch      text NOT NULL DEFAULT 'main' CHECK (length(default_branch) BETWEEN 1 AND 200),
    -- Run by `sh -c` at the root of the workspace; null: there is nothing to run.
    ADD COLUMN setup_command       text CHECK (length(setup_command) BETWEEN 1 AND 1000),
    ADD COLUMN build_command       text CHECK (length(build_command) BETWEEN 1 AND 1000),
    ADD COLUMN test_command        text CHECK (length(test_command) BETWEEN 1 AND 1000),
    -- When a person last set the commands. Detection fills them only while this is null.
    ADD COLUMN commands_edited_at  timestamptz,
    -- Hosts a sandbox may reach: `host`, `host:port` or `*.domain`.
    ADD COLUMN egress_allow        text[] NOT NULL DEFAULT '{}' CHECK (cardinality(egress_allow) <= 100),
    ADD COLUMN cpu_millis          integer NOT NULL DEFAULT 2000 CHECK (cpu_millis BETWEEN 100 AND 64000),
    ADD COLUMN memory_mb           integer NOT NULL DEFAULT 2048 CHECK (memory_mb BETWEEN 128 AND 262144),
    ADD COLUMN pids                integer NOT NULL DEFAULT 512 CHECK (pids BETWEEN 16 AND 32768),
    ADD COLUMN disk_mb             integer NOT NULL DEFAULT 4096 CHECK (disk_mb BETWEEN 64 AND 1048576),
    ADD COLUMN wall_minutes        integer NOT NULL DEFAULT 60 CHECK (wall_minutes BETWEEN 1 AND 1440),
    ADD COLUMN credential_secret   uuid,
    ADD COLUMN repository_state    text NOT NULL DEFAULT 'pending' CHECK (repository_state IN ('pending', 'ready', 'failed')),
    -- The sentence people read about a failure.
    ADD COLUMN repository_problem  text CHECK (length(repository_problem) <= 1000),
    ADD COLUMN archived_at         timestamptz,
    ADD COLUMN archived_by         uuid REFERENCES users (id),
    ADD CONSTRAINT projects_failure_is_said CHECK ((repository_state = 'failed') = (repository_problem IS NOT NULL)),
    ADD CONSTRAINT projects_archived_by_somebody CHECK ((archived_at IS NULL) = (archived_by IS NULL));

-- An uploaded archive until its files are in the project's repository. Here and not on a disk, so that any node can
-- import it and the upload commits together with its project.
CREATE TABLE project_archives (
    team_id      uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    project_id   uuid NOT NULL,
    file_name    text NOT NULL CHECK (length(file_name) BETWEEN 1 AND 255),
    content      bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 33554432),
    uploaded_at  timestamptz NOT NULL,
    PRIMARY KEY (team_id, project_id),
    FOREIGN KEY (team_id, project_id) REFERENCES projects (team_id, id) ON DELETE CASCADE
);
-- Archives are compressed already.
ALTER TABLE project_archives ALTER COLUMN content SET STORAGE EXTERNAL;
SELECT fence('project_archives');

-- Numbers are never given twice, whatever is deleted.
ALTER TABLE teams ADD COLUMN last_task_number integer NOT NULL DEFAULT 0 CHECK (last_task_number >= 0);
UPDATE teams SET last_task_number = coalesce((SELECT max(number) FROM tasks WHERE tasks.team_id = teams.id), 0);

ALTER TABLE tasks
    ADD COLUMN description     text NOT NULL DEFAULT '' CHECK (length(description) <= 20000),
    ADD COLUMN acceptance      text NOT NULL DEFAULT '' CHECK (length(acceptance) <= 10000),
    -- 0 is the least, 10 the most urgent.
    ADD COLUMN priority        smallint NOT NULL DEFAULT 5 CHECK (priority BETWEEN 0 AND 10),
    ADD COLUMN labels          text[] NOT NULL DEFAULT '{}' CHECK (cardinality(labels) <= 20),
    ADD COLUMN assignee_user   uuid,
    -- Agents have no table yet: 0008 adds the key.
    ADD COLUMN assignee_agent  uuid,
    ADD COLUMN assignee_squad  uuid,
    -- Smaller stands higher in its column. A new place is the middle of its neighbours'.
    ADD COLUMN position        double precision NOT NULL DEFAULT 0,
    -- Counts the edits of what the task asks for, so that two people editing notice each other.
    ADD COLUMN revision        integer NOT NULL DEFAULT 1 CHECK (revision > 0),
    ADD COLUMN updated_at      timestamptz,
    ADD COLUMN deleted_at      timestamptz,
    ADD COLUMN deleted_by      uuid REFERENCES users (id),
    -- From the form that made the task: the same form sent twice makes one.
    ADD COLUMN creation_key    uuid,
    ADD CONSTRAINT tasks_creation_key_is_unique UNIQUE (team_id, creation_key),
    ADD CONSTRAINT tasks_one_assignee CHECK (num_nonnulls(assignee_user, assignee_agent, assignee_squad) <= 1),
    ADD CONSTRAINT tasks_deleted_by_somebody CHECK ((deleted_at IS NULL) = (deleted_by IS NULL)),
    ADD CONSTRAINT tasks_assignee_user_fkey FOREIGN KEY (team_id, assignee_user)
        REFERENCES memberships (team_id, user_id) ON DELETE SET NULL (assignee_user),
    ADD CONSTRAINT tasks_assignee_squad_fkey FOREIGN KEY (team_id, assignee_squad)
        REFERENCES squads (team_id, id) ON DELETE SET NULL (assignee_squad);
UPDATE tasks SET updated_at = created_at, position = -number;
ALTER TABLE tasks ALTER COLUMN updated_at SET NOT NULL;
CREATE INDEX tasks_on_board ON tasks (team_id, project_id, state, position) WHERE deleted_at IS NULL;
CREATE INDEX tasks_of_person ON tasks (team_id, assignee_user) WHERE assignee_user IS NOT NULL;
CREATE INDEX tasks_of_squad ON tasks (team_id, assignee_squad) WHERE assignee_squad IS NOT NULL;

-- Who did what to a task, and when. Written once, never changed.
CREATE TABLE task_events (
    team_id     uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    id          uuid NOT NULL,
    task_id     uuid NOT NULL,
    at          timestamptz NOT NULL,
    -- Null: Muster itself.
    actor_id    uuid REFERENCES users (id),
    kind        text NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    from_value  text,
    to_value    text,
    details     jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (team_id, id),
    FOREIGN KEY (team_id, task_id) REFERENCES tasks (team_id, id) ON DELETE CASCADE
);
CREATE INDEX task_events_of_task ON task_events (team_id, task_id, at);
SELECT fence('task_events');
-- Tasks that were written before there was a history begin theirs with their making.
INSERT INTO task_events (team_id, id, task_id, at, actor_id, kind, to_value)
    SELECT team_id, id, id, created_at, created_by, 'created', state FROM tasks;

GRANT SELECT, INSERT, DELETE ON project_archives TO muster_app;
GRANT SELECT, INSERT ON task_events TO muster_app;
