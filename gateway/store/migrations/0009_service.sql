-- What an account acknowledged one by one, beyond the number up to which it has acknowledged all.
CREATE TABLE notification_seen (
    account_id INTEGER NOT NULL REFERENCES account (id),
    number     INTEGER NOT NULL,
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;

-- A key may be that of an act on a case: then it has the act, what was sent, and the answer (JSON). Without an act it is
-- that of the lodgement, and the case has the rest.
ALTER TABLE idempotency ADD COLUMN act TEXT;
ALTER TABLE idempotency ADD COLUMN body_digest TEXT;
ALTER TABLE idempotency ADD COLUMN document_digest TEXT;
ALTER TABLE idempotency ADD COLUMN answer BLOB;
