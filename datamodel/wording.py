"""Texts and remedies of the issues, read once from schemas/errors. Code names rules; people word them there."""

import csv
from functools import cache
from pathlib import Path
from typing import Any

from datamodel.issues import Issue, Refused, Report

CATALOGUE = Path(__file__).resolve().parent.parent / "schemas" / "errors" / "en.tsv"


@cache
def catalogue() -> dict[str, tuple[str, str, str]]:
    """Rule id to severity, text and remedy."""
    with CATALOGUE.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["rule"]: (row["severity"], row["text"], row["remedy"]) for row in rows}


def issue(rule: str, *, name: str = "", detail: str = "", **fields: Any) -> Issue:
    """An issue of a rule, worded from the catalogue; `fields` are those of Issue. Raises KeyError: unknown rule."""
    severity, text, remedy = catalogue()[rule]
    words = {
        "name": name,
        "detail": detail,
        "value": fields.get("value") or "",
        "expected": fields.get("expected") or "what the schema says",
    }
    return Issue(rule=rule, severity=severity, text=text.format(**words), remedy=remedy.format(**words), **fields)


def refused(*issues: Issue, status: int = 422) -> Refused:
    """The exception that carries these issues."""
    return Refused(Report(issues, len(issues)), status)
