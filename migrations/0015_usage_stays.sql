-- What was spent stays in the books when the task or run that spent it is gone: budgets begin their counters from these rows.
ALTER TABLE usage DROP CONSTRAINT usage_team_id_run_id_fkey;
