-- Tasks came before agents: their key to them.
ALTER TABLE tasks ADD CONSTRAINT tasks_assignee_agent_fkey FOREIGN KEY (team_id, assignee_agent)
    REFERENCES agents (team_id, id);
CREATE INDEX tasks_of_agent ON tasks (team_id, assignee_agent) WHERE assignee_agent IS NOT NULL;
