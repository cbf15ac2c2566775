-- People, their sessions, and the codes and mails that prove an address.
--
-- These tables are global: a person exists before any team, and joins many. They carry no team_id and no row-level
-- security; the catalogue check keeps the list of such tables, each with its reason.

CREATE TABLE users (
    id             uuid PRIMARY KEY,
    email          text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    -- Lower case; the form that is unique. The address itself stays as typed.
    email_key      text NOT NULL CHECK (email_key = lower(email_key)),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    password_hash  text,
    created_at     timestamptz NOT NULL,
    CONSTRAINT users_email_is_unique UNIQUE (email_key)
);

CREATE TABLE sessions (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the cookie's value; the value itself is stored nowhere.
    token_hash    bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    method        text NOT NULL CHECK (method IN ('password', 'sign_up', 'reset')),
    ip            text,
    user_agent    text CHECK (length(user_agent) <= 500),
    created_at    timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    -- The absolute limit. The idle limit is last_seen_at plus a setting.
    expires_at    timestamptz NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- One attempt to prove an address by a code, bound to the browser that asked.
CREATE TABLE verifications (
    id            uuid PRIMARY KEY,
    purpose       text NOT NULL CHECK (purpose IN ('sign_up', 'reset')),
    email         text NOT NULL,
    email_key     text NOT NULL,
    -- The account at the time of asking. Null for a sign-up with a new address, and for a reset of an unknown one.
    user_id       uuid REFERENCES users (id) ON DELETE CASCADE,
    browser_hash  bytea NOT NULL UNIQUE CHECK (length(browser_hash) = 32),
    -- Null where no code may ever match: the answer to the visitor is the same, the mail is not.
    code_hash     bytea CHECK (length(code_hash) = 32),
    attempts      integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Where to go after the account is made; a path inside this site.
    next          text,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    verified_at   timestamptz,
    used_at       timestamptz
);
CREATE INDEX verifications_by_address ON verifications (email_key, created_at);
CREATE INDEX verifications_by_expiry ON verifications (expires_at);

-- Failed sign-ins by address and client network: a stranger's guesses slow the stranger down, not the person.
CREATE TABLE sign_in_failures (
    email_key       text NOT NULL,
    network         text NOT NULL,
    failures        integer NOT NULL CHECK (failures > 0),
    last_failed_at  timestamptz NOT NULL,
    PRIMARY KEY (email_key, network)
);
CREATE INDEX sign_in_failures_by_time ON sign_in_failures (last_failed_at);

-- Mail to be sent, written in the transaction that makes it true. Rows vanish once the mail is handed over.
CREATE TABLE mails (
    id               uuid PRIMARY KEY,
    recipient        text NOT NULL,
    subject          text NOT NULL,
    body             text NOT NULL,
    attempts         integer NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL,
    next_attempt_at  timestamptz NOT NULL,
    last_error       text
);
CREATE INDEX mails_due ON mails (next_attempt_at);

CREATE FUNCTION announce_mail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('muster_mail', '');
    RETURN NULL;
END $$;
CREATE TRIGGER mails_announce AFTER INSERT ON mails FOR EACH STATEMENT EXECUTE FUNCTION announce_mail();

GRANT SELECT, INSERT, UPDATE ON users TO muster_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, verifications, sign_in_failures TO muster_app;
GRANT INSERT ON mails TO muster_app;

GRANT SELECT, UPDATE, DELETE ON mails TO muster_system;
GRANT SELECT, DELETE ON sessions, verifications, sign_in_failures TO muster_system;
