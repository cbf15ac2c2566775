-- In the engine's own schema: what a run's workflow has come to is written by the node that has it, and by nobody else. A node
-- that was given up and comes back finds its writes refused. The connection says who writes, by its application_name.

CREATE OR REPLACE FUNCTION engine.of_its_node() RETURNS trigger LANGUAGE plpgsql SET search_path = engine, pg_temp AS $$
DECLARE
    holder text;
    now_is text;
BEGIN
    -- Locked, so that taking the workflow away waits for this write, or this write for that.
    SELECT executor_id, status INTO holder, now_is FROM workflow_status WHERE workflow_uuid = NEW.workflow_uuid FOR SHARE;
    IF now_is = 'ENQUEUED' OR now_is = 'PENDING' AND 'muster-' || holder <> current_setting('application_name') THEN
        RAISE EXCEPTION 'another node carries this run out';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION engine.ends_on_its_node() RETURNS trigger LANGUAGE plpgsql SET search_path = engine, pg_temp AS $$
BEGIN
    IF 'muster-' || OLD.executor_id <> current_setting('application_name') THEN
        RAISE EXCEPTION 'another node carries this run out';
    END IF;
    RETURN NEW;
END $$;

-- After a step it wrote, a node claims the workflow as its own. By then it can be another's.
CREATE OR REPLACE FUNCTION engine.stays_on_its_node() RETURNS trigger LANGUAGE plpgsql SET search_path = engine, pg_temp AS $$
BEGIN
    NEW.executor_id := OLD.executor_id;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER of_its_node BEFORE INSERT ON engine.operation_outputs
    FOR EACH ROW WHEN (NEW.application_name = 'muster') EXECUTE FUNCTION engine.of_its_node();
CREATE OR REPLACE TRIGGER ends_on_its_node BEFORE UPDATE ON engine.workflow_status
    FOR EACH ROW WHEN (OLD.application_name = 'muster' AND OLD.status = 'PENDING' AND NEW.status IN ('SUCCESS', 'ERROR'))
    EXECUTE FUNCTION engine.ends_on_its_node();
CREATE OR REPLACE TRIGGER stays_on_its_node BEFORE UPDATE OF executor_id ON engine.workflow_status
    FOR EACH ROW WHEN (OLD.application_name = 'muster' AND OLD.status = 'PENDING' AND NEW.status = 'PENDING')
    EXECUTE FUNCTION engine.stays_on_its_node();
