-- What a process remembers is used without a question, and compared under the team's lock before money is held back.
ALTER TABLE budget_heads
    -- Raised by whatever changes what a gateway key may do or where a call goes: a removed key or provider is refused from the
    -- next call on, in every process.
    ADD catalogue_version bigint NOT NULL DEFAULT 1,
    -- Names the last transaction that moved the team's money: the process that made it knows all counters as they stand.
    ADD last_move uuid;
