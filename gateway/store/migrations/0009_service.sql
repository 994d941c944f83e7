-- What an account acknowledged one by one, beyond the number up to which it has acknowledged all.
CREATE TABLE notification_seen (
    account_id INTEGER NOT NULL REFERENCES account (id),
    number     INTEGER NOT NULL,
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;

-- A key may be that of an act on a case: then it has the act, what was sent, and the answer (JSON). Without an act it is
-- that of the lodgement, and the case has the rest.
ALTER TABLE idempotency ADD COLUMN act TEXT;
ALTER TABLE idempotency ADD COLUMN act_digest TEXT; -- of the bytes as they came
ALTER TABLE idempotency ADD COLUMN act_document TEXT; -- the digest of what they say
ALTER TABLE idempotency ADD COLUMN answer BLOB;

-- Appeals against decisions, numbered within their case, each with the record that was frozen when it came. What was
-- ruled on it comes later, once; without it the appeal is open.
CREATE TABLE appeal (
    case_id     INTEGER NOT NULL REFERENCES declaration_case (id),
    number      INTEGER NOT NULL,
    delivery_id TEXT NOT NULL REFERENCES delivery (id),
    agency      TEXT NOT NULL,
    lodged_at   TEXT NOT NULL,
    media       TEXT NOT NULL,
    body        BLOB NOT NULL,
    digest      TEXT NOT NULL,
    document    BLOB NOT NULL,
    record      BLOB NOT NULL,
    ruling      BLOB,
    ruled_at    TEXT,
    ruled_by    TEXT,
    PRIMARY KEY (case_id, number)
) STRICT;

CREATE INDEX appeal_open ON appeal (agency, lodged_at) WHERE ruling IS NULL;
CREATE INDEX appeal_delivery ON appeal (delivery_id);
