-- An account has several keys, so that one can be changed for another without a gap. Days are TEXT (YYYY-MM-DD, UTC).

CREATE TABLE api_key (
    digest     TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id),
    label      TEXT NOT NULL,
    made_at    TEXT, -- not known of keys that are older than this table
    expires_on TEXT, -- the last day; without one the key works until it is revoked
    scopes     TEXT, -- a list in JSON; without one the key may do all that the role may
    revoked_at TEXT,
    used_on    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX api_key_account ON api_key (account_id);

INSERT INTO api_key (digest, account_id, label) SELECT key_digest, id, 'first' FROM account;

-- SQLite cannot drop a column that is unique, so the table is made anew under its old name.
CREATE TABLE new_account (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL,
    agency     TEXT,
    revoked_at TEXT
) STRICT;

INSERT INTO new_account (id, name, role, agency, revoked_at) SELECT id, name, role, agency, revoked_at FROM account;
DROP TABLE account;
ALTER TABLE new_account RENAME TO account;
