-- Which models calls may go to, and what is kept of their words.

-- Patterns: provider/model, provider/*, or a name of the team's own. Empty: every model of the team.
ALTER TABLE projects ADD allowed_models text[] NOT NULL DEFAULT '{}' CHECK (cardinality(allowed_models) <= 50);
ALTER TABLE agents ADD allowed_models text[] NOT NULL DEFAULT '{}' CHECK (cardinality(allowed_models) <= 50);

-- Whether requests and answers of model calls are kept, and for how long. Without a row they are not.
CREATE TABLE content_capture (
    team_id  uuid PRIMARY KEY REFERENCES teams (id) ON DELETE CASCADE,
    days     smallint NOT NULL CHECK (days BETWEEN 1 AND 90),
    set_by   uuid NOT NULL REFERENCES users (id),
    set_at   timestamptz NOT NULL
);
SELECT fence('content_capture');

CREATE TABLE call_contents (
    team_id         uuid NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    reservation_id  uuid NOT NULL,
    -- Request and answer, sealed under the team's data key.
    sealed          bytea NOT NULL CHECK (length(sealed) BETWEEN 40 AND 700000),
    generation      integer NOT NULL,
    kept_at         timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (team_id, reservation_id),
    FOREIGN KEY (team_id, reservation_id) REFERENCES reservations (team_id, id) ON DELETE CASCADE,
    FOREIGN KEY (team_id, generation) REFERENCES data_keys (team_id, generation)
);
CREATE INDEX call_contents_by_end ON call_contents (expires_at);
CREATE INDEX call_contents_of_key ON call_contents (team_id, generation);
SELECT fence('call_contents');

GRANT SELECT, INSERT, UPDATE, DELETE ON content_capture, call_contents TO muster_app;
-- Deleting by a column needs to read it; what is sealed stays out of reach.
GRANT SELECT (expires_at), DELETE ON call_contents TO muster_system;
CREATE POLICY every_team ON call_contents TO muster_system USING (true);
