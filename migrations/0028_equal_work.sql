-- Proving an address does the same work whether it has an account or not, so that the time it takes tells nothing.

-- The account was looked up and noted when a code was asked for, and the foreign key looked it up once more: for known addresses
-- alone. It is looked up when the code was right.
ALTER TABLE verifications DROP COLUMN user_id;

-- A mail that is written and not sent. Whoever comes to send it deletes it.
ALTER TABLE mails ADD COLUMN discard boolean NOT NULL DEFAULT false;
