-- People are told of limits in tokens as of those in money, each by its own steps.
ALTER TABLE budget_counters ADD tokens_warned smallint NOT NULL DEFAULT 0;

-- What `spent` and `most` count: millionths of a dollar, or tokens.
ALTER TABLE budget_alerts ADD measure text NOT NULL DEFAULT 'money' CHECK (measure IN ('money', 'tokens'));
ALTER TABLE budget_alerts DROP CONSTRAINT budget_alerts_team_id_budget_id_bucket_step_most_key;
ALTER TABLE budget_alerts ADD UNIQUE (team_id, budget_id, bucket, measure, step, most);

-- Where a limit's period changes, or a cap begins, its counters begin anew from the books.
GRANT DELETE ON budget_counters TO muster_app;
