-- Accounts, sessions, pending sign-ups, the outbox and the audit trail.
-- Ids are the 16 octets of a UUID, instants are microseconds since 1970 UTC, digests are the 32 octets of a keyed SHA-256.

CREATE TABLE users (
    id              BYTEA   NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    email           TEXT    NOT NULL,
    email_canonical TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    avatar_url      TEXT,
    bio             TEXT,
    password_hash   TEXT,
    roles           TEXT    NOT NULL, -- JSON array of names, sorted
    disabled_at     BIGINT,
    credential_version BIGINT  NOT NULL, -- grows with every change of password or address
    created_at      BIGINT  NOT NULL
);

CREATE UNIQUE INDEX users_email_canonical ON users (email_canonical);

CREATE TABLE sessions (
    id           BYTEA   NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    user_id      BYTEA   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest       BYTEA   NOT NULL CHECK (octet_length(digest) = 32),
    previous_digest  BYTEA   CHECK (octet_length(previous_digest) = 32),
    previous_until   BIGINT,
    rotated_at       BIGINT  NOT NULL,
    authenticated_at BIGINT  NOT NULL,
    is_remembered    BOOLEAN NOT NULL,
    created_at   BIGINT  NOT NULL,
    last_seen_at BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    user_agent   TEXT    NOT NULL,
    client_ip    TEXT    NOT NULL
);

CREATE UNIQUE INDEX sessions_digest ON sessions (digest);
CREATE UNIQUE INDEX sessions_previous_digest ON sessions (previous_digest) WHERE previous_digest IS NOT NULL;
CREATE INDEX sessions_user ON sessions (user_id, created_at, id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_idle ON sessions (last_seen_at) WHERE NOT is_remembered;
CREATE INDEX sessions_remembered_idle ON sessions (last_seen_at) WHERE is_remembered;

-- Nothing is unique about an address here: a sign-up that is not verified must not stand in anybody's way.
CREATE TABLE sign_ups (
    number          BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of arrival
    id              BYTEA   NOT NULL UNIQUE CHECK (octet_length(id) = 16),
    email           TEXT    NOT NULL,
    email_canonical TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    roles           TEXT    NOT NULL, -- JSON array of names, sorted
    password_hash   TEXT    NOT NULL,
    digest          BYTEA   NOT NULL CHECK (octet_length(digest) = 32),
    created_at      BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL
);

CREATE UNIQUE INDEX sign_ups_digest ON sign_ups (digest);
CREATE INDEX sign_ups_email ON sign_ups (email_canonical, number);
CREATE INDEX sign_ups_expires_at ON sign_ups (expires_at);

CREATE TABLE outbox (
    number    BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of arrival
    id        BYTEA   NOT NULL UNIQUE CHECK (octet_length(id) = 16),
    kind      TEXT    NOT NULL,
    recipient TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    body      BYTEA   NOT NULL, -- sealed; empty once nothing is to be sent
    queued_at BIGINT  NOT NULL,
    next_at   BIGINT,          -- due from then on; NULL when it no longer waits
    attempts  BIGINT  NOT NULL,
    sent_at   BIGINT,
    dead_at   BIGINT,          -- given up then
    last_error TEXT             -- a word from a closed set
);

CREATE INDEX outbox_next_at ON outbox (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX outbox_queued_at ON outbox (queued_at);

-- Tokens that were mailed: reset, change of address, its undoing, invitation.
CREATE TABLE one_times (
    id              BYTEA   NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    digest          BYTEA   NOT NULL CHECK (octet_length(digest) = 32),
    purpose         TEXT    NOT NULL,
    user_id         BYTEA   REFERENCES users (id) ON DELETE CASCADE,
    bound_canonical TEXT,    -- the account's address at issue
    bound_version   BIGINT, -- the account's credential version at issue
    email           TEXT,
    email_canonical TEXT,
    roles           TEXT    NOT NULL, -- JSON array of names, sorted
    created_at      BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL
);

CREATE UNIQUE INDEX one_times_digest ON one_times (digest);
CREATE INDEX one_times_user ON one_times (user_id, purpose);
CREATE INDEX one_times_purpose ON one_times (purpose, created_at);
CREATE INDEX one_times_expires_at ON one_times (expires_at);

CREATE TABLE devices (
    id         BYTEA   NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    user_id    BYTEA   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest     BYTEA   NOT NULL CHECK (octet_length(digest) = 32),
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL
);

CREATE UNIQUE INDEX devices_digest ON devices (digest);
CREATE INDEX devices_user ON devices (user_id, created_at, id);
CREATE INDEX devices_expires_at ON devices (expires_at);

-- A row for every address that was tried, whether it has an account or not.
CREATE TABLE sign_in_failures (
    subject BYTEA   NOT NULL PRIMARY KEY CHECK (octet_length(subject) = 32),
    count   BIGINT  NOT NULL,
    last_at BIGINT  NOT NULL
);

CREATE INDEX sign_in_failures_last_at ON sign_in_failures (last_at);

-- What nodes share beside the accounts: sealed, each under its name.
CREATE TABLE vault (
    name    TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    content BYTEA  NOT NULL,
    gone_at BIGINT           -- it is as good as removed from then on
);

-- Who does what only one node does.
CREATE TABLE leases (
    name   TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT   NOT NULL,
    until  BIGINT NOT NULL
);

-- One chain of rows for each node. A row's hash covers all its fields and the hash of the row before it.
CREATE TABLE audit (
    node          TEXT    COLLATE "C" NOT NULL,
    seq           BIGINT  NOT NULL CHECK (seq > 0),
    ts            BIGINT  NOT NULL,
    behind_ms     BIGINT, -- how far ts lies behind an earlier row's, when a clock was set back
    event         TEXT    NOT NULL,
    outcome       TEXT    NOT NULL,
    actor_user_id BYTEA,
    subject_hash  TEXT,
    client_ip     TEXT,
    peer_ip       TEXT,
    client_prefix TEXT,
    user_agent    TEXT,
    request_id    BYTEA,
    method        TEXT,
    route         TEXT,
    host          TEXT,
    session_ref   BYTEA,
    version       TEXT    NOT NULL,
    reason        TEXT,
    count         BIGINT,
    meta          TEXT,    -- JSON array of pairs
    truncated     TEXT,    -- names of fields that were cut
    key_version   BIGINT  NOT NULL,
    prev_hash     BYTEA   NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash          BYTEA   NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (node, seq)
);

CREATE INDEX audit_ts ON audit (ts, node, seq);
CREATE INDEX audit_actor ON audit (actor_user_id, ts, node, seq) WHERE actor_user_id IS NOT NULL;

-- Where each chain stands, sealed by a keyed hash. Rows at and below the floor were pruned.
CREATE TABLE audit_heads (
    node        TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    seq         BIGINT  NOT NULL,
    hash        BYTEA   NOT NULL CHECK (octet_length(hash) = 32),
    floor_seq   BIGINT  NOT NULL,
    floor_hash  BYTEA   NOT NULL CHECK (octet_length(floor_hash) = 32),
    latest_at   BIGINT,
    key_version BIGINT  NOT NULL,
    mac         BYTEA   NOT NULL CHECK (octet_length(mac) = 32),
    CHECK (0 <= floor_seq AND floor_seq <= seq)
);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'audit rows are not changed';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM audit_heads WHERE node = OLD.node AND floor_seq >= OLD.seq) THEN
        RAISE EXCEPTION 'audit rows are not removed above the floor';
    END IF;
    RETURN OLD;
END;
$$;

CREATE FUNCTION audit_heads_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'audit heads are not removed';
    END IF;
    IF NEW.node <> OLD.node OR NEW.seq < OLD.seq OR NEW.floor_seq < OLD.floor_seq THEN
        RAISE EXCEPTION 'audit heads only grow';
    END IF;
    RETURN NEW;
END;
$$;

CREATE FUNCTION audit_is_not_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit tables are not emptied';
END;
$$;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();

CREATE TRIGGER audit_heads_only_grow BEFORE UPDATE OR DELETE ON audit_heads
    FOR EACH ROW EXECUTE FUNCTION audit_heads_only_grow();

-- TRUNCATE asks no trigger of a row.
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_not_emptied();

CREATE TRIGGER audit_heads_are_not_emptied BEFORE TRUNCATE ON audit_heads
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_not_emptied();
