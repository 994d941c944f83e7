"""What a semantic check finds: a fault at a position of a typed document, before anybody knows where that stood.

Code lists and rules look at documents that are valid already, and at values alone. Lines, columns and pointers are
added afterwards by `places`, and only where something was found, so that a good message does not pay for them.
"""

from datetime import date
from typing import Any, Final, Protocol

import msgspec

from datamodel.registry import Message

ERROR: Final = "error"
WARNING: Final = "warning"
ADVICE: Final = "advice"
SEVERITIES: Final = (ERROR, WARNING, ADVICE)  # the gravest first

# JSON name of an element below the root, and its index from 0 where it may repeat.
Step = tuple[str, int | None]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One fault. `steps` lead from below the root element to an element, which may be absent; () is the root.

    `attribute` is an XML attribute's name without @, where the finding is about one; `value` is the value found.
    """

    rule: str
    severity: str
    text: str
    remedy: str | None = None
    legal_basis: str | None = None
    steps: tuple[Step, ...] = ()
    attribute: str | None = None
    value: str | None = None
    expected: str | None = None


class Examiner(Protocol):
    """Whoever finds faults in valid documents."""

    def check(self, message: Message, document: Any, as_of: date) -> list[Finding]:
        """All faults of a document on a date."""
