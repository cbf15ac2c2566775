-- Analytics asks which runs ended in a stretch of time; estimates ask what a squad's finished runs cost.
CREATE INDEX runs_by_end ON runs (team_id, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_of_squad ON runs (team_id, squad_id) WHERE state = 'COMPLETED';
