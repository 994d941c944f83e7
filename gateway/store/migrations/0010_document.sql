-- Supporting documents. The row comes before the bytes and ends after them; see gateway/attachments/documents.py.
-- Ids begin with the time, so that their order is that in which the documents came.

CREATE TABLE document (
    id         TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id),
    name       TEXT NOT NULL,
    size       INTEGER NOT NULL,
    state      TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    digest     TEXT,
    media      TEXT,
    reason     TEXT,
    attempts   INTEGER NOT NULL DEFAULT 0,
    scan_at    TEXT,
    token      TEXT,
    used       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- An index ends with the id, too: the first is in the order in which an account's documents are listed.
CREATE INDEX document_account ON document (account_id);
CREATE INDEX document_sent ON document (account_id, created_at, size);
CREATE INDEX document_receiving ON document (account_id) WHERE state = 'receiving';
CREATE INDEX document_digest ON document (account_id, digest) WHERE state IN ('quarantine', 'available');
CREATE INDEX document_passing ON document (updated_at) WHERE state IN ('receiving', 'storing', 'deleting');
CREATE INDEX document_unused ON document (created_at)
    WHERE used = 0 AND state IN ('quarantine', 'available', 'rejected');
CREATE INDEX document_scan ON document (scan_at) WHERE state = 'quarantine';
CREATE UNIQUE INDEX document_token ON document (token) WHERE token IS NOT NULL;

-- Which case a document is for, and with a delivery, whose agency may have it.
CREATE TABLE document_use (
    case_id     INTEGER NOT NULL REFERENCES declaration_case (id),
    document_id TEXT NOT NULL REFERENCES document (id),
    delivery_id TEXT NOT NULL,
    type        TEXT NOT NULL,
    PRIMARY KEY (case_id, document_id, delivery_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX document_use_document ON document_use (document_id);
CREATE INDEX document_use_delivery ON document_use (delivery_id) WHERE delivery_id <> '';

-- A use has no end, so it is enough to know that there was one.
CREATE TRIGGER document_is_used AFTER INSERT ON document_use
BEGIN
    UPDATE document SET used = 1 WHERE id = NEW.document_id AND used = 0;
END;

-- A document may be taken away between the moment when a declaration was read and the one when it is written.
CREATE TRIGGER document_use_of_what_is_kept BEFORE INSERT ON document_use
WHEN NOT EXISTS (SELECT 1 FROM document WHERE id = NEW.document_id AND state IN ('quarantine', 'available'))
BEGIN
    SELECT RAISE(ABORT, 'document gone');
END;
