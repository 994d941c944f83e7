-- What a trader sent about a case after its declaration, byte for byte. The declaration is number 1 of its messages.
CREATE TABLE additional_message (
    case_id  INTEGER NOT NULL REFERENCES declaration_case (id),
    number   INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    message  TEXT NOT NULL,
    media    TEXT NOT NULL,
    body     BLOB NOT NULL,
    digest   TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (case_id, number)
) STRICT;
