-- Accounts, sessions, pending sign-ups, the outbox and the audit trail.
-- Ids are the 16 octets of a UUID, instants are microseconds since 1970 UTC, digests are the 32 octets of a keyed SHA-256.

CREATE TABLE users (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email           TEXT    NOT NULL,
    email_canonical TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    avatar_url      TEXT,
    bio             TEXT,
    password_hash   TEXT,
    roles           TEXT    NOT NULL, -- JSON array of names, sorted
    disabled_at     INTEGER,
    credential_version INTEGER NOT NULL, -- grows with every change of password or address
    created_at      INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX users_email_canonical ON users (email_canonical);

CREATE TABLE sessions (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    previous_digest  BLOB    CHECK (length(previous_digest) = 32),
    previous_until   INTEGER,
    rotated_at       INTEGER NOT NULL,
    authenticated_at INTEGER NOT NULL,
    is_remembered    INTEGER NOT NULL CHECK (is_remembered IN (0, 1)),
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    user_agent   TEXT    NOT NULL,
    client_ip    TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX sessions_digest ON sessions (digest);
CREATE UNIQUE INDEX sessions_previous_digest ON sessions (previous_digest) WHERE previous_digest IS NOT NULL;
CREATE INDEX sessions_user ON sessions (user_id, created_at, id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_last_seen_at ON sessions (last_seen_at);

-- Nothing is unique about an address here: a sign-up that is not verified must not stand in anybody's way.
CREATE TABLE sign_ups (
    number          INTEGER NOT NULL PRIMARY KEY, -- order of arrival
    id              BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    email           TEXT    NOT NULL,
    email_canonical TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    roles           TEXT    NOT NULL, -- JSON array of names, sorted
    password_hash   TEXT    NOT NULL,
    digest          BLOB    NOT NULL CHECK (length(digest) = 32),
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX sign_ups_digest ON sign_ups (digest);
CREATE INDEX sign_ups_email ON sign_ups (email_canonical, number);
CREATE INDEX sign_ups_expires_at ON sign_ups (expires_at);

CREATE TABLE outbox (
    number    INTEGER NOT NULL PRIMARY KEY, -- order of arrival
    id        BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    kind      TEXT    NOT NULL,
    recipient TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    body      BLOB    NOT NULL, -- sealed; empty once nothing is to be sent
    queued_at INTEGER NOT NULL,
    next_at   INTEGER,          -- due from then on; NULL when it no longer waits
    attempts  INTEGER NOT NULL,
    sent_at   INTEGER,
    dead_at   INTEGER,          -- given up then
    last_error TEXT             -- a word from a closed set
) STRICT;

CREATE INDEX outbox_next_at ON outbox (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX outbox_queued_at ON outbox (queued_at);

-- Tokens that were mailed: reset, change of address, its undoing, invitation.
CREATE TABLE one_times (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    digest          BLOB    NOT NULL CHECK (length(digest) = 32),
    purpose         TEXT    NOT NULL,
    user_id         BLOB    REFERENCES users (id) ON DELETE CASCADE,
    bound_canonical TEXT,    -- the account's address at issue
    bound_version   INTEGER, -- the account's credential version at issue
    email           TEXT,
    email_canonical TEXT,
    roles           TEXT    NOT NULL, -- JSON array of names, sorted
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX one_times_digest ON one_times (digest);
CREATE INDEX one_times_user ON one_times (user_id, purpose);
CREATE INDEX one_times_purpose ON one_times (purpose, created_at);
CREATE INDEX one_times_expires_at ON one_times (expires_at);

CREATE TABLE devices (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX devices_digest ON devices (digest);
CREATE INDEX devices_user ON devices (user_id, created_at, id);
CREATE INDEX devices_expires_at ON devices (expires_at);

-- A row for every address that was tried, whether it has an account or not.
CREATE TABLE sign_in_failures (
    subject BLOB    NOT NULL PRIMARY KEY CHECK (length(subject) = 32),
    count   INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sign_in_failures_last_at ON sign_in_failures (last_at);

CREATE TABLE audit (
    seq           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    ts            INTEGER NOT NULL,
    event         TEXT    NOT NULL,
    outcome       TEXT    NOT NULL,
    actor_user_id BLOB,
    subject_hash  TEXT,
    client_ip     TEXT,
    peer_ip       TEXT,
    client_prefix TEXT,
    user_agent    TEXT,
    request_id    BLOB,
    method        TEXT,
    route         TEXT,
    host          TEXT,
    session_ref   BLOB,
    node          TEXT    NOT NULL,
    version       TEXT    NOT NULL,
    reason        TEXT,
    count         INTEGER
) STRICT;

CREATE TRIGGER audit_is_not_rewritten BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are not changed');
END;

CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are not removed');
END;

-- REPLACE removes the row in its way without asking the trigger above.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN
    SELECT RAISE(ABORT, 'audit rows are not replaced');
END;
