"""One model for every fault, in both formats. Rule ids are stable; texts and remedies are data in schemas/errors.

Blame lives in the type: `Refused` is the sender's fault, and its status is always a 4xx.
"""

import msgspec


class PointerStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of a WCO pointer: section code (a class's WCO ID), its sequence from 1, the attribute's WCO ID."""

    section: str
    sequence: int = 1
    tag: str | None = None


class Issue(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One fault at one place. `line` and `column` count from 1; `value` is cut, and hidden where it is personal."""

    rule: str
    severity: str
    text: str
    remedy: str | None = None
    legal_basis: str | None = None
    xpath: str | None = None
    json_pointer: str | None = None
    wco_pointer: tuple[PointerStep, ...] = ()
    wco_id: str | None = None
    line: int | None = None
    column: int | None = None
    value: str | None = None
    expected: str | None = None


class Report(msgspec.Struct, frozen=True):
    """All issues of one message: at most `Limits.max_issues` of them, and how many there were in all."""

    issues: tuple[Issue, ...]
    total: int


class Refused(Exception):
    """The sender's message was not taken. `status` is the HTTP status hint (RFC 9110)."""

    def __init__(self, report: Report, status: int = 422) -> None:
        super().__init__("; ".join(f"{issue.rule}: {issue.text}" for issue in report.issues[:3]))
        self.report = report
        self.status = status

    def __reduce__(self) -> tuple[type["Refused"], tuple[Report, int]]:
        """So that it crosses to another process whole; by itself an exception would take its text along alone."""
        return Refused, (self.report, self.status)
