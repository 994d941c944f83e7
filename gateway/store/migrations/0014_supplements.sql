-- Messages about a case are numbered by kind: an arrival, or whatever else comes between two versions of a declaration,
-- leaves no hole in the numbers of the versions.
CREATE TABLE additional_message_by_kind (
    case_id  INTEGER NOT NULL REFERENCES declaration_case (id),
    number   INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    message  TEXT NOT NULL,
    media    TEXT NOT NULL,
    body     BLOB NOT NULL,
    digest   TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (case_id, kind, number)
) STRICT;
INSERT INTO additional_message_by_kind (case_id, number, kind, message, media, body, digest, document)
    SELECT case_id, number, kind, message, media, body, digest, document FROM additional_message;
DROP TABLE additional_message;
ALTER TABLE additional_message_by_kind RENAME TO additional_message;

-- The last day for the supplement to an incomplete declaration. What is settled is struck off. It may be there: for a
-- short time this was number 7, which a database that was at 13 never saw.
CREATE TABLE IF NOT EXISTS supplement_due (
    case_id INTEGER PRIMARY KEY ON CONFLICT REPLACE REFERENCES declaration_case (id),
    day     TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS supplement_due_day ON supplement_due (day);
