WITH head AS (
    UPDATE budget_heads SET last_move = $30 WHERE team_id = $1
), counted AS (
    -- A node may have been removed while its calls were under way; then nothing counts there any more.
    INSERT INTO budget_counters (team_id, budget_id, bucket, spent, reserved, tokens_spent, tokens_reserved, warned, tokens_warned)
    SELECT $1, c.budget_id, c.bucket, c.spent, c.reserved, c.tokens_spent, c.tokens_reserved, c.warned, c.tokens_warned
    FROM unnest($3::uuid[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::smallint[], $31::smallint[])
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
)
INSERT INTO reservations (team_id, id, key, project_id, squad_id, agent_id, task_id, run_id, provider, model, micro_usd, tokens,
                          priced, budgets, buckets, state, held_at, expires_at)
SELECT $1, r.id, r.key, r.project_id, r.squad_id, r.agent_id, r.task_id, r.run_id, r.provider, r.model, r.micro_usd, r.tokens,
       -- Unnesting an array of arrays would flatten it, so each comes as its text.
       r.priced, r.budgets::uuid[], r.buckets::text[], 'HELD', $2, $15
FROM unnest($16::uuid[], $17::text[], $18::uuid[], $19::uuid[], $20::uuid[], $21::uuid[], $22::uuid[], $23::text[], $24::text[],
            $25::bigint[], $26::bigint[], $27::boolean[], $28::text[], $29::text[])
     AS r (id, key, project_id, squad_id, agent_id, task_id, run_id, provider, model, micro_usd, tokens, priced, budgets, buckets)
