"""What a valid message must still satisfy on a day: codes of their lists, rules of the administration.

`read` says whether a message has the right form; this says whether it makes sense on the day that counts, which is the
day of acceptance.
"""

from collections.abc import Sequence
from datetime import date

from datamodel.circumstances import accepted_on
from datamodel.codecs import Parsed
from datamodel.findings import ERROR, Examiner, Finding
from datamodel.issues import Refused, Report
from datamodel.limits import Limits
from datamodel.places import locate


class Semantics:
    """All examiners in force. Pure: the day is an argument. `digest` names the tables that they were made of."""

    def __init__(self, examiners: Sequence[Examiner], digest: str = "") -> None:
        self.examiners = tuple(examiners)
        self.digest = digest

    def examine(
        self, parsed: Parsed, body: bytes, as_of: date, limits: Limits | None = None, others: Sequence[Finding] = ()
    ) -> Report:
        """Errors, warnings and advice on a message, in document order, with `others` that are known of it.

        `body` is what it was read from.
        """
        found = [each for examiner in self.examiners for each in examiner.check(parsed.message, parsed.document, as_of)]
        return locate(parsed, body, [*found, *others], limits or Limits())

    def admit(self, parsed: Parsed, body: bytes, as_of: date, limits: Limits | None = None) -> Report:
        """Warnings and advice on a message that may pass. Raises Refused with all its issues where it may not."""
        report = self.examine(parsed, body, as_of, limits)
        if any(issue.severity == ERROR for issue in report.issues):
            raise Refused(report)
        return report


def day_of(parsed: Parsed, as_of: date | None, today: date) -> date:
    """The day that a trial is held to: one asked for, else the day of acceptance in the document, else today."""
    return as_of or accepted_on(parsed.message.model, parsed.document) or today
