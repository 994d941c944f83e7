"""What is counted of documents, in the metrics of the gateway."""

from typing import Final

from gateway.metrics import Family, Metrics

BYTES: Final = Family("guichet_document_bytes", "counter", "Bytes of documents that came in.")
ENDED: Final = Family("guichet_documents", "counter", "What became of documents.", ("result",))
QUARANTINED: Final = Family("guichet_documents_quarantined", "gauge", "Documents that the scanner has still to answer.")
SCANS: Final = Family("guichet_document_scans", "counter", "What came of asking the scanner.", ("result",))

# How an upload ends, and how a document does: deleted by its trader, unfinished and unused by the sweep.
RESULTS: Final = ("taken", "replayed", "refused", "deleted", "unfinished", "unused", "left")
SCAN_RESULTS: Final = ("clean", "infected", "asked", "failed")


class DocumentNumbers:
    """The places of documents in the metrics; made once, before the first fork."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._bytes, self._quarantined = metrics.place(BYTES), metrics.place(QUARANTINED)
        self._ended = {result: metrics.place(ENDED, result) for result in RESULTS}
        self._scans = {result: metrics.place(SCANS, result) for result in SCAN_RESULTS}

    def came(self, size: int) -> None:
        """So many bytes came in."""
        self._metrics.row[self._bytes] += size

    def ended(self, result: str) -> None:
        """One of RESULTS became of a document."""
        self._metrics.row[self._ended[result]] += 1.0

    def scanned(self, result: str) -> None:
        """One of SCAN_RESULTS came of asking the scanner."""
        self._metrics.row[self._scans[result]] += 1.0

    def in_quarantine(self, count: int) -> None:
        """So many wait for the scanner. Only one process may say so."""
        self._metrics.row[self._quarantined] = count
