-- Nodes: the processes that carry runs out. One that falls silent is given up, and others go on with its runs.

CREATE TABLE nodes (
    -- Of its data folder: the same after a restart.
    name          text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_-]{1,32}$'),
    -- Counts up with each start. Only the last one may write, and only until it is given up: what an earlier one still does
    -- in the belief to be alive is refused.
    epoch         bigint NOT NULL CHECK (epoch > 0),
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- By the database's clock, so that the nodes' own do not matter.
    heartbeat_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When it left, or was given up.
    lost_at       timestamptz
);
GRANT SELECT, INSERT, UPDATE, DELETE ON nodes TO muster_system;

-- Which start of `node` the run belongs to.
ALTER TABLE runs ADD COLUMN node_epoch bigint;

-- Whether this start of the node may take a run. The row stays locked until the transaction ends, so that nobody gives the
-- node up in between.
CREATE FUNCTION node_is_alive(node text, start bigint) RETURNS boolean
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT EXISTS (SELECT FROM nodes WHERE name = node AND epoch = start AND lost_at IS NULL FOR SHARE) $$;
REVOKE ALL ON FUNCTION node_is_alive(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION node_is_alive(text, bigint) TO muster_app;
