-- What an account acknowledged one by one, beyond the number up to which it has acknowledged all.
CREATE TABLE notification_seen (
    account_id INTEGER NOT NULL REFERENCES account (id),
    number     INTEGER NOT NULL,
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;
