-- The books write both rows in one statement, and `reconcile` compares them. As a constraint it was looked up once for each entry,
-- and a plan made while the table was empty takes whichever index begins with the team: it walks all of the team's reservations
-- until the first statistics are there.
ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_team_id_reservation_id_fkey;
