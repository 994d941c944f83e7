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
