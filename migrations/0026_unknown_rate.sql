-- At a rate of nothing, no limit would ever stop calls whose price nobody knows.
ALTER TABLE budget_heads DROP CONSTRAINT budget_heads_unknown_rate_micro_usd_check;
-- The fence holds for the owner too, who is of no team.
ALTER TABLE budget_heads NO FORCE ROW LEVEL SECURITY;
-- With another version every process reads the rate anew.
UPDATE budget_heads SET unknown_rate_micro_usd = DEFAULT, version = version + 1 WHERE unknown_rate_micro_usd = 0;
ALTER TABLE budget_heads FORCE ROW LEVEL SECURITY;
ALTER TABLE budget_heads ADD CONSTRAINT budget_heads_unknown_rate_micro_usd_check
    CHECK (unknown_rate_micro_usd BETWEEN 1 AND 1000000000000);
