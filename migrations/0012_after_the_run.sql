-- What people do after a run: take a merge back, try again from where the last attempt came to; how Muster is let into a
-- repository; and the end of deleted tasks.

ALTER TABLE runs
    -- The commit that took the merge back.
    ADD COLUMN revert_oid   text,
    ADD COLUMN reverted_by  uuid REFERENCES users (id),
    -- The attempt whose last snapshot this run goes on from; null: it starts from the default branch.
    ADD COLUMN resumes      uuid,
    ADD CONSTRAINT runs_reverted_by_somebody
        CHECK ((reverted_at IS NULL) = (revert_oid IS NULL) AND (reverted_at IS NULL) = (reverted_by IS NULL)),
    ADD CONSTRAINT runs_resume_one_of_the_team FOREIGN KEY (team_id, resumes) REFERENCES runs (team_id, id);

ALTER TABLE projects
    -- Beside the token in `secrets`; empty: whatever name the server takes with a token.
    ADD COLUMN credential_user  text CHECK (length(credential_user) <= 200),
    ADD CONSTRAINT projects_credential_is_whole CHECK ((credential_user IS NULL) = (credential_secret IS NULL));

-- The sweep takes away tasks whose deletion cannot be undone any more.
GRANT SELECT, DELETE ON tasks TO muster_system;
CREATE POLICY deleted_ones ON tasks TO muster_system USING (deleted_at IS NOT NULL);
