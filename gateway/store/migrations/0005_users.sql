-- Who acts for an account, by what is shown to prove it; and the keys that sign tokens. `number` counts from 1 in each
-- account. What older keys belong to is the account's first user.

CREATE TABLE account_user (
    account_id INTEGER NOT NULL REFERENCES account (id),
    number     INTEGER NOT NULL,
    name       TEXT NOT NULL,
    scopes     TEXT, -- a list in JSON; without one the user may do all that the role may
    made_at    TEXT, -- not known of users that are older than this table
    revoked_at TEXT,
    PRIMARY KEY (account_id, number),
    UNIQUE (account_id, name)
) STRICT, WITHOUT ROWID;

INSERT INTO account_user (account_id, number, name) SELECT id, 1, 'first' FROM account;

-- Whatever proves who somebody is, known by its digest: an API key, a client certificate, a subject of an issuer.
CREATE TABLE credential (
    digest      TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    account_id  INTEGER NOT NULL REFERENCES account (id),
    user_number INTEGER NOT NULL,
    label       TEXT NOT NULL,
    made_at     TEXT,
    expires_on  TEXT, -- the last day; without one it works until it is revoked
    scopes      TEXT, -- a list in JSON; without one it may do all that its user may
    revoked_at  TEXT,
    used_on     TEXT,
    FOREIGN KEY (account_id, user_number) REFERENCES account_user (account_id, number)
) STRICT, WITHOUT ROWID;

INSERT INTO credential SELECT digest, 'key', account_id, 1, label, made_at, expires_on, scopes, revoked_at, used_on
    FROM api_key;
DROP TABLE api_key;
CREATE INDEX credential_account ON credential (account_id);

-- One key signs; those that were retired verify what they signed until that has ended.
CREATE TABLE signing_key (
    kid        TEXT PRIMARY KEY,
    jwk        TEXT NOT NULL,
    made_at    TEXT NOT NULL,
    retired_at TEXT
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX signing_key_at_work ON signing_key (retired_at IS NULL) WHERE retired_at IS NULL;
