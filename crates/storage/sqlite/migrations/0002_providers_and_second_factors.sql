-- Links with providers, second factors, recovery codes, ceremonies, passes for gates.

-- Whether a second factor was part of a proof in the session.
ALTER TABLE sessions ADD COLUMN is_two_factor INTEGER NOT NULL DEFAULT 0 CHECK (is_two_factor IN (0, 1));

-- What the browser of a device said it was, in words of ours, for its owner to recognise it by.
ALTER TABLE devices ADD COLUMN browser TEXT NOT NULL DEFAULT '';

CREATE TABLE identities (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider     TEXT    NOT NULL,
    issuer       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    label        TEXT    NOT NULL,
    provider_grant BLOB   , -- sealed
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX identities_subject ON identities (issuer, subject);
CREATE INDEX identities_user ON identities (user_id, created_at, id);

CREATE TABLE factors (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         TEXT    NOT NULL CHECK (kind IN ('totp', 'passkey')),
    name         TEXT    NOT NULL,
    credential   BLOB   , -- a passkey's credential id
    secret       BLOB    NOT NULL, -- sealed
    counter      INTEGER NOT NULL, -- only ever grows
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

CREATE UNIQUE INDEX factors_credential ON factors (credential) WHERE credential IS NOT NULL;
CREATE UNIQUE INDEX factors_one_totp ON factors (user_id) WHERE kind = 'totp';
CREATE INDEX factors_user ON factors (user_id, created_at, id);

CREATE TABLE recovery_codes (
    user_id BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest  BLOB    NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (user_id, digest)
) STRICT;

-- What takes more than one request; it goes with the session or the account that it hangs on.
CREATE TABLE ceremonies (
    digest     BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    kind       TEXT    NOT NULL,
    user_id    BLOB    REFERENCES users (id) ON DELETE CASCADE,
    session_id BLOB    REFERENCES sessions (id) ON DELETE CASCADE,
    body       BLOB    NOT NULL, -- sealed
    attempts   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX ceremonies_user ON ceremonies (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX ceremonies_session ON ceremonies (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX ceremonies_expires_at ON ceremonies (expires_at);

CREATE TABLE gate_passes (
    digest     BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    gate       TEXT    NOT NULL,
    session_id BLOB    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX gate_passes_session ON gate_passes (session_id, gate, created_at);
