-- Which identifiers belong to which trader, who may lodge for whom, and what was lodged so. Nothing of it is removed.

CREATE TABLE party_identifier (
    seq        INTEGER PRIMARY KEY,
    identifier TEXT NOT NULL,
    account_id INTEGER NOT NULL REFERENCES account (id),
    added_at   TEXT NOT NULL,
    removed_at TEXT
) STRICT;

-- An identifier belongs to one account at a time.
CREATE UNIQUE INDEX party_identifier_owner ON party_identifier (identifier) WHERE removed_at IS NULL;
CREATE INDEX party_identifier_account ON party_identifier (account_id);

CREATE TABLE mandate (
    seq          INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    principal_id INTEGER NOT NULL REFERENCES account (id),
    agent_id     INTEGER NOT NULL REFERENCES account (id),
    directions   TEXT NOT NULL, -- a list in JSON
    first_day    TEXT NOT NULL,
    last_day     TEXT, -- without one it has no end until it is revoked
    confirm      INTEGER NOT NULL,
    granted_at   TEXT NOT NULL,
    granted_by   TEXT NOT NULL,
    reason       TEXT,
    revoked_at   TEXT,
    revoked_by   TEXT,
    revocation   TEXT,
    CHECK (principal_id <> agent_id),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
) STRICT;

CREATE INDEX mandate_principal ON mandate (principal_id, revoked_at);
CREATE INDEX mandate_agent ON mandate (agent_id);

CREATE TRIGGER mandate_is_changed_by_revoking_it BEFORE UPDATE ON mandate
WHEN OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
    OR (OLD.seq, OLD.id, OLD.principal_id, OLD.agent_id, OLD.directions, OLD.first_day, OLD.confirm, OLD.granted_by)
    IS NOT (NEW.seq, NEW.id, NEW.principal_id, NEW.agent_id, NEW.directions, NEW.first_day, NEW.confirm, NEW.granted_by)
    OR (OLD.last_day, OLD.granted_at, OLD.reason) IS NOT (NEW.last_day, NEW.granted_at, NEW.reason)
BEGIN SELECT raise(ABORT, 'a mandate is not changed but by revoking it, once'); END;

CREATE TRIGGER mandate_is_never_removed BEFORE DELETE ON mandate
BEGIN SELECT raise(ABORT, 'a mandate is never removed'); END;

-- Rises with each change of the two tables above, so that who has them in memory asks for one row.
CREATE TABLE mandate_roll (version INTEGER NOT NULL) STRICT;
INSERT INTO mandate_roll VALUES (1);
CREATE TRIGGER roll_after_identifier AFTER INSERT ON party_identifier
BEGIN UPDATE mandate_roll SET version = version + 1; END;
CREATE TRIGGER roll_after_removal AFTER UPDATE ON party_identifier
BEGIN UPDATE mandate_roll SET version = version + 1; END;
CREATE TRIGGER roll_after_grant AFTER INSERT ON mandate
BEGIN UPDATE mandate_roll SET version = version + 1; END;
CREATE TRIGGER roll_after_revocation AFTER UPDATE ON mandate
BEGIN UPDATE mandate_roll SET version = version + 1; END;

-- Whom a case was lodged for. An amendment may be by another mandate, and begins the time to confirm anew.
CREATE TABLE declared_for (
    case_id    INTEGER PRIMARY KEY ON CONFLICT REPLACE REFERENCES declaration_case (id),
    account_id INTEGER NOT NULL REFERENCES account (id),
    mandate_id TEXT NOT NULL REFERENCES mandate (id),
    confirm_by TEXT -- where the account has to confirm it
) STRICT;

CREATE INDEX declared_for_account ON declared_for (account_id, case_id);
-- Partial, so that its size follows what waits and not what was ever lodged.
CREATE INDEX declaration_case_waiting ON declaration_case (id) WHERE state = 'awaiting-confirmation';

-- Two accounts may be told of one case, each in its order, and none waits for what is sent to the other.
DROP INDEX push_case;
CREATE INDEX push_case ON push (case_id, account_id, dead, number);
DROP TRIGGER push_what_is_told;
CREATE TRIGGER push_what_is_told AFTER INSERT ON notification
WHEN EXISTS (SELECT 1 FROM callback WHERE account_id = NEW.account_id)
    AND (SELECT revoked_at FROM account WHERE id = NEW.account_id) IS NULL
BEGIN
    INSERT INTO push SELECT NEW.account_id, NEW.number, NEW.case_id, 0, 0,
        CASE WHEN EXISTS (SELECT 1 FROM push WHERE case_id = NEW.case_id AND account_id = NEW.account_id AND dead = 0)
        THEN NULL ELSE NEW.at END, NULL;
END;
