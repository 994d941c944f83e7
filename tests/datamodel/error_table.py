"""docs/errors.md, made from the catalogue: `python -m tests.datamodel.error_table > docs/errors.md`."""

import sys
from itertools import groupby
from pathlib import Path

from datamodel.wording import ENGLISH, catalogue

FILE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
HEAD = """\
# The rules by which messages are refused

Made from `schemas/errors/en.tsv`; a test keeps the two equal. The id of a rule never changes and never comes back with
another meaning, so software may act on it. The words are for people: they may change, and come in other languages too
(docs/mapping.md). Words in braces are filled in. Rules of an administration, as `XZ-T01`, are under `schemas/rules/`
and published at `/v1/rules`.
"""
GROUPS = {
    "body": "The body of a request",
    "media": "Its media type",
    "size": "Ceilings",
    "xml": "XML that is not well-formed",
    "json": "JSON that is not well-formed, or of a wrong kind",
    "message": "Which message type it is",
    "element": "Elements, in JSON properties",
    "attribute": "XML attributes, in JSON properties that begin with @",
    "value": "Values",
    "code": "Code lists, as of a day",
    "schema": "What only the schema says",
    "decision": "Decisions of agencies",
    "act": "Amendments and invalidations",
    "arrival": "Notifications of arrival",
    "supplement": "Supplements to incomplete declarations",
    "document": "Supporting documents",
    "appeal": "Appeals, and rulings on them",
    "callback": "Addresses that notifications are sent to",
    "mandate": "Mandates, and declarations that need one",
    "confirmation": "Confirmations",
    "header": "Headers of a request",
    "query": "Parameters of a query",
    "batch": "Batches and their items",
}


def table() -> str:
    """The whole document."""
    rules = catalogue()[ENGLISH].rules
    parts = [HEAD]
    order = list(GROUPS)
    for group, members in groupby(sorted(rules, key=lambda rule: (order.index(_group(rule)), rule)), _group):
        rows = [f"| `{rule}` | {_cell(rules[rule][1])} | {_cell(rules[rule][2])} |" for rule in members]
        parts.append("\n".join([f"## {GROUPS[group]}", "", "| rule | text | remedy |", "|---|---|---|", *rows, ""]))
    return "\n".join(parts)


def _group(rule: str) -> str:
    return rule.partition(".")[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(table())
