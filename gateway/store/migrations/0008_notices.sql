-- What agencies are told of deliveries that they have. Written in the commit of what it tells of.
CREATE TABLE notice (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    case_id         INTEGER NOT NULL REFERENCES declaration_case (id),
    delivery_id     TEXT NOT NULL REFERENCES delivery (id),
    agency          TEXT NOT NULL,
    kind            TEXT NOT NULL,
    state           TEXT NOT NULL,
    media           TEXT NOT NULL,
    body            BLOB NOT NULL,
    created_at      TEXT NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_at TEXT,
    problem         TEXT,
    CHECK (state <> 'queued' OR next_attempt_at IS NOT NULL)
) STRICT;

-- Partial, so that their size follows what is yet to be told and not all that ever was.
CREATE INDEX notice_claim ON notice (agency, next_attempt_at) WHERE state = 'queued';
CREATE INDEX notice_order ON notice (delivery_id) WHERE state = 'queued';
CREATE INDEX notice_pending ON notice (agency) WHERE state <> 'taken';
CREATE INDEX notice_state ON notice (state) WHERE state IN ('queued', 'parked');

-- What traders answered to queries of agencies, byte for byte.
CREATE TABLE query_answer (
    case_id  INTEGER NOT NULL REFERENCES declaration_case (id),
    query    TEXT NOT NULL,
    message  TEXT NOT NULL,
    media    TEXT NOT NULL,
    body     BLOB NOT NULL,
    digest   TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (case_id, query)
) STRICT;
