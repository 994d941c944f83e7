-- The ledger: what was lodged, what agencies were asked, what they said, and what happened in which order.
-- Times are TEXT (RFC 3339, UTC, milliseconds), so that they sort; digests are TEXT (hexadecimal SHA-256).

CREATE TABLE account (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL,
    agency     TEXT,
    key_digest TEXT NOT NULL UNIQUE,
    revoked_at TEXT
) STRICT;

-- CASE is a word of SQL itself, hence the longer name.
CREATE TABLE declaration_case (
    id              INTEGER PRIMARY KEY,
    version         INTEGER NOT NULL,
    mrn             TEXT NOT NULL UNIQUE,
    account_id      INTEGER NOT NULL REFERENCES account (id),
    conversation_id TEXT NOT NULL,
    message         TEXT NOT NULL,
    reference       TEXT,
    body_digest     TEXT NOT NULL,
    document_digest TEXT NOT NULL,
    media           TEXT NOT NULL,
    state           TEXT NOT NULL,
    accepted_at     TEXT NOT NULL,
    updated_at      TEXT NOT NULL
) STRICT;

-- A sender's reference names one declaration; declarations without a reference never repeat one another.
CREATE UNIQUE INDEX declaration_case_reference ON declaration_case (account_id, reference) WHERE reference IS NOT NULL;

CREATE TABLE idempotency (
    account_id      INTEGER NOT NULL REFERENCES account (id),
    idempotency_key TEXT NOT NULL,
    case_id         INTEGER NOT NULL REFERENCES declaration_case (id),
    PRIMARY KEY (account_id, idempotency_key)
) STRICT, WITHOUT ROWID;

-- Bodies stand apart from the rows that change: an update of a row writes all of the row again.
CREATE TABLE message (
    case_id  INTEGER PRIMARY KEY REFERENCES declaration_case (id),
    body     BLOB NOT NULL,
    document BLOB NOT NULL
) STRICT;

-- seq is the order of creation. A queued delivery always has a next attempt; while one is under way,
-- that is the end of its lease, so a process that dies leaves nothing to clean up.
CREATE TABLE delivery (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    case_id         INTEGER NOT NULL REFERENCES declaration_case (id),
    agency          TEXT NOT NULL,
    state           TEXT NOT NULL,
    media           TEXT NOT NULL,
    requirements    TEXT NOT NULL,
    items           TEXT NOT NULL,
    created_at      TEXT NOT NULL,
    due_at          TEXT NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_at TEXT,
    problem         TEXT,
    decided_at      TEXT,
    CHECK (state <> 'queued' OR next_attempt_at IS NOT NULL)
) STRICT;

CREATE INDEX delivery_case ON delivery (case_id);
-- Partial, so that their size follows the work in hand and not the number of cases ever lodged.
CREATE INDEX delivery_claim ON delivery (agency, next_attempt_at) WHERE state = 'queued';
CREATE INDEX delivery_inbox ON delivery (agency) WHERE state IN ('queued', 'awaiting', 'held', 'parked');
CREATE INDEX delivery_undecided ON delivery (state) WHERE state IN ('queued', 'awaiting', 'held', 'parked');

CREATE TABLE delivery_body (
    seq  INTEGER PRIMARY KEY REFERENCES delivery (seq),
    body BLOB NOT NULL
) STRICT;

CREATE TABLE decision (
    seq         INTEGER PRIMARY KEY,
    case_id     INTEGER NOT NULL REFERENCES declaration_case (id),
    delivery_id TEXT NOT NULL REFERENCES delivery (id),
    agency      TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    at          TEXT NOT NULL,
    reason      TEXT,
    document    BLOB NOT NULL,
    digest      TEXT NOT NULL
) STRICT;

CREATE INDEX decision_case ON decision (case_id);

CREATE TABLE event (
    case_id INTEGER NOT NULL REFERENCES declaration_case (id),
    seq     INTEGER NOT NULL,
    at      TEXT NOT NULL,
    kind    TEXT NOT NULL,
    actor   TEXT NOT NULL,
    data    TEXT NOT NULL,
    digest  TEXT NOT NULL,
    PRIMARY KEY (case_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT raise(ABORT, 'an event is never changed'); END;

CREATE TRIGGER event_is_never_removed BEFORE DELETE ON event
BEGIN SELECT raise(ABORT, 'an event is never removed'); END;
