-- What traders are told: the log of each account. A row is short and points to its event, which has the rest.
-- `number` counts from 1 without gaps in each account; `at` never goes back from one number to the next.

CREATE TABLE notification (
    account_id INTEGER NOT NULL REFERENCES account (id),
    number     INTEGER NOT NULL,
    case_id    INTEGER NOT NULL,
    event      INTEGER NOT NULL,
    at         TEXT NOT NULL,
    PRIMARY KEY (account_id, number),
    FOREIGN KEY (case_id, event) REFERENCES event (case_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX notification_case ON notification (case_id);

-- How far an account has acknowledged what it was told.
CREATE TABLE notification_mark (
    account_id   INTEGER PRIMARY KEY REFERENCES account (id),
    acknowledged INTEGER NOT NULL,
    at           TEXT NOT NULL
) STRICT;

-- Where an account wants to be told, and the secret that signs what it is sent there.
CREATE TABLE callback (
    account_id INTEGER PRIMARY KEY REFERENCES account (id),
    url        TEXT NOT NULL,
    secret     TEXT NOT NULL
) STRICT;

-- What is still to be sent to an account's address: gone when it was taken. The first of each case is due at
-- `next_attempt_at`, those behind it have none; a dead letter has a problem and is not due, until it is sent again.
CREATE TABLE push (
    account_id      INTEGER NOT NULL REFERENCES account (id),
    number          INTEGER NOT NULL,
    case_id         INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    dead            INTEGER NOT NULL,
    next_attempt_at TEXT,
    problem         TEXT,
    PRIMARY KEY (account_id, number),
    CHECK (dead = 0 OR next_attempt_at IS NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX push_case ON push (case_id, dead, number);
CREATE INDEX push_due ON push (account_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX push_dead ON push (account_id) WHERE dead = 1;

CREATE TRIGGER push_what_is_told AFTER INSERT ON notification
WHEN EXISTS (SELECT 1 FROM callback WHERE account_id = NEW.account_id)
    AND (SELECT revoked_at FROM account WHERE id = NEW.account_id) IS NULL
BEGIN
    INSERT INTO push SELECT NEW.account_id, NEW.number, NEW.case_id, 0, 0,
        CASE WHEN EXISTS (SELECT 1 FROM push WHERE case_id = NEW.case_id AND dead = 0) THEN NULL ELSE NEW.at END, NULL;
END;
