WITH head AS (
    UPDATE budget_heads SET last_move = $38 WHERE team_id = $1
), counted AS (
    -- A node may have been removed while its calls were under way; then nothing counts there any more.
    INSERT INTO budget_counters (team_id, budget_id, bucket, spent, reserved, tokens_spent, tokens_reserved, warned, tokens_warned)
    SELECT $1, c.budget_id, c.bucket, c.spent, c.reserved, c.tokens_spent, c.tokens_reserved, c.warned, c.tokens_warned
    FROM unnest($3::uuid[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::smallint[], $39::smallint[])
         AS c (budget_id, bucket, spent, reserved, tokens_spent, tokens_reserved, warned, tokens_warned)
         JOIN budgets b ON b.team_id = $1 AND b.id = c.budget_id
    ON CONFLICT (team_id, budget_id, bucket) DO UPDATE SET spent = excluded.spent, reserved = excluded.reserved,
        tokens_spent = excluded.tokens_spent, tokens_reserved = excluded.tokens_reserved, warned = excluded.warned,
        tokens_warned = excluded.tokens_warned
), entered AS (
    INSERT INTO ledger_entries (team_id, id, reservation_id, debit, credit, micro_usd, at)
    SELECT $1, e.id, e.reservation_id, e.debit, e.credit, e.micro_usd, $2
    FROM unnest($10::uuid[], $11::uuid[], $12::text[], $13::text[], $14::bigint[])
         AS e (id, reservation_id, debit, credit, micro_usd)
), ended AS (
    UPDATE reservations r SET state = e.state, ended_at = $2
    FROM unnest($15::uuid[], $16::text[]) AS e (id, state)
    WHERE r.team_id = $1 AND r.id = e.id AND r.state = 'HELD'
)
INSERT INTO usage (team_id, id, run_id, task_id, project_id, squad_id, step_id, agent_id, key, provider, model, uncached, cache_read,
                   cache_write, output, reasoning, cost_micro_usd, price_source, duration_ms, at, reservation_id,
                   counted_micro_usd, estimated)
SELECT $1, u.id, u.run_id, u.task_id, u.project_id, u.squad_id, u.step_id, u.agent_id, u.key, u.provider, u.model, u.uncached,
       u.cache_read, u.cache_write, u.output, u.reasoning, u.cost_micro_usd, u.price_source, u.duration_ms, $2,
       u.reservation_id, u.counted_micro_usd, u.estimated
FROM unnest($17::uuid[], $18::uuid[], $19::uuid[], $20::uuid[], $21::uuid[], $22::uuid[], $23::uuid[], $24::text[], $25::text[],
            $26::text[], $27::bigint[], $28::bigint[], $29::bigint[], $30::bigint[], $31::bigint[], $32::bigint[], $33::text[],
            $34::bigint[], $35::uuid[], $36::bigint[], $37::boolean[])
     AS u (id, run_id, task_id, project_id, squad_id, step_id, agent_id, key, provider, model, uncached, cache_read, cache_write,
           output, reasoning, cost_micro_usd, price_source, duration_ms, reservation_id, counted_micro_usd, estimated)
