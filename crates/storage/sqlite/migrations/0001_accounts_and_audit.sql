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
CREATE INDEX sessions_idle ON sessions (last_seen_at) WHERE is_remembered = 0;
CREATE INDEX sessions_remembered_idle ON sessions (last_seen_at) WHERE is_remembered = 1;

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

-- One chain of rows for each node. A row's hash covers all its fields and the hash of the row before it.
CREATE TABLE audit (
    node          TEXT    NOT NULL,
    seq           INTEGER NOT NULL CHECK (seq > 0),
    ts            INTEGER NOT NULL,
    behind_ms     INTEGER, -- how far ts lies behind an earlier row's, when a clock was set back
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
    version       TEXT    NOT NULL,
    reason        TEXT,
    count         INTEGER,
    meta          TEXT,    -- JSON array of pairs
    truncated     TEXT,    -- names of fields that were cut
    key_version   INTEGER NOT NULL,
    prev_hash     BLOB    NOT NULL CHECK (length(prev_hash) = 32),
    hash          BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (node, seq)
) STRICT;

CREATE INDEX audit_ts ON audit (ts, node, seq);
CREATE INDEX audit_actor ON audit (actor_user_id, ts, node, seq) WHERE actor_user_id IS NOT NULL;

-- Where each chain stands, sealed by a keyed hash. Rows at and below the floor were pruned.
CREATE TABLE audit_heads (
    node        TEXT    NOT NULL PRIMARY KEY,
    seq         INTEGER NOT NULL,
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    floor_seq   INTEGER NOT NULL,
    floor_hash  BLOB    NOT NULL CHECK (length(floor_hash) = 32),
    latest_at   INTEGER,
    key_version INTEGER NOT NULL,
    mac         BLOB    NOT NULL CHECK (length(mac) = 32),
    CHECK (0 <= floor_seq AND floor_seq <= seq)
) STRICT;

CREATE TRIGGER audit_is_not_rewritten BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are not changed');
END;

CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit_heads WHERE node = OLD.node AND floor_seq >= OLD.seq)
BEGIN
    SELECT RAISE(ABORT, 'audit rows are not removed above the floor');
END;

-- REPLACE removes the row in its way without asking the trigger above.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE node = NEW.node AND seq = NEW.seq)
BEGIN
    SELECT RAISE(ABORT, 'audit rows are not replaced');
END;

CREATE TRIGGER audit_heads_only_grow BEFORE UPDATE ON audit_heads
WHEN NEW.node <> OLD.node OR NEW.seq < OLD.seq OR NEW.floor_seq < OLD.floor_seq
BEGIN
    SELECT RAISE(ABORT, 'audit heads only grow');
END;

CREATE TRIGGER audit_heads_stay BEFORE DELETE ON audit_heads
BEGIN
    SELECT RAISE(ABORT, 'audit heads are not removed');
END;
