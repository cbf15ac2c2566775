-- The ledger is read newest first, and each reservation is two of its entries: when it was held and when it ended.
CREATE INDEX reservations_by_time ON reservations (team_id, held_at);
CREATE INDEX reservations_by_end ON reservations (team_id, ended_at) WHERE ended_at IS NOT NULL;
