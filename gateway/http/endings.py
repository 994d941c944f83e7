"""The headers of an answer about a message whose version comes to its end: what programs look at, where people read
the advice that is in the answer too.

`Deprecation` (RFC 9745) is the moment from which the version that follows is in force, `Sunset` (RFC 8594) the one from
which this version is not taken any more; both may be still to come. Where to read on is in `Link`.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Final

from datamodel.endings import RULE
from datamodel.issues import Issue
from datamodel.registry import Registry

DEPRECATION: Final = "Deprecation"
SUNSET: Final = "Sunset"
PACKAGES: Final = "/v1/packages"
DESCRIBED: Final = {
    DEPRECATION: "Where the version of the message ends soon: from when the one that follows is in force (RFC 9745).",
    SUNSET: "Where the version of the message ends soon: from when it is not taken any more (RFC 8594).",
    "Link": "Where the version of the message ends soon: to all versions.",
}


def headers(issues: Iterable[Issue], registry: Registry) -> dict[str, str]:
    """None where no issue says that the version ends."""
    told = next((each for each in issues if each.rule == RULE), None)
    if told is None:
        return {}
    ends = _midnight(date.fromisoformat(told.value or "") + timedelta(days=1))
    made = {SUNSET: format_datetime(ends, usegmt=True), "Link": f'<{PACKAGES}>; rel="sunset deprecation"'}
    successor = registry.messages.get(told.expected or "")
    begins = successor.model.facts.effective_from if successor else None
    return made | ({DEPRECATION: f"@{int(_midnight(begins).timestamp())}"} if begins else {})


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
