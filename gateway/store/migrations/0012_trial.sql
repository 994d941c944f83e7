-- Trade test. An account is for tests from its beginning, or never. `ahead` is seconds that its clock was put forward.
ALTER TABLE account ADD COLUMN test INTEGER NOT NULL DEFAULT 0;

CREATE TABLE test_clock (
    account_id INTEGER PRIMARY KEY REFERENCES account (id),
    ahead      INTEGER NOT NULL
) STRICT;

-- What was turned away once because its sender wanted to see that; it is taken when it comes again.
CREATE TABLE test_try (
    account_id INTEGER NOT NULL REFERENCES account (id),
    digest     TEXT NOT NULL,
    PRIMARY KEY (account_id, digest)
) STRICT, WITHOUT ROWID;

-- How what is told of a test case is pushed, where that is not as usual: seconds late, times each.
CREATE TABLE test_telling (
    case_id INTEGER PRIMARY KEY REFERENCES declaration_case (id),
    late    INTEGER NOT NULL,
    times   INTEGER NOT NULL
) STRICT;

-- The agency of a test delivery begins with a tilde, so that no agency ever finds it among its own. The next attempt is
-- when its virtual agency acts next, by the clock of its account.
CREATE INDEX delivery_test ON delivery (next_attempt_at) WHERE agency >= '~' AND next_attempt_at IS NOT NULL;

CREATE TRIGGER push_late AFTER INSERT ON push
WHEN NEW.next_attempt_at IS NOT NULL AND EXISTS (SELECT 1 FROM test_telling WHERE case_id = NEW.case_id)
BEGIN
    UPDATE push SET next_attempt_at = strftime('%Y-%m-%dT%H:%M:%fZ', NEW.next_attempt_at,
        (SELECT late FROM test_telling WHERE case_id = NEW.case_id) || ' seconds')
    WHERE account_id = NEW.account_id AND number = NEW.number;
END;
