-- Several agents of a run may call their models at once: each has its own last answer.
ALTER TABLE run_answers ADD lane smallint NOT NULL DEFAULT 0 CHECK (lane >= 0);
ALTER TABLE run_answers DROP CONSTRAINT run_answers_pkey;
ALTER TABLE run_answers ADD PRIMARY KEY (team_id, run_id, lane);
