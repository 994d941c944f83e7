"""The page on the API: its examples of decisions are good messages, and it names every field of a decision."""

import csv
import re
from pathlib import Path

from datamodel.codecs import read
from gateway.access.rights import TABLE
from gateway.http.app import ROUTES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
DECISION = "guichet/1/Decision"


def examples(language: str) -> list[bytes]:
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return [block.encode() for block in blocks if "Decision" in block]


def test_the_examples_of_decisions_are_valid_and_show_every_field_in_both_formats(registry):
    shown = set()
    for form in "json", "xml":
        found = examples(form)
        assert found, form
        for body in found:
            document = read(registry, body, form, message=DECISION).document
            shown.add(document.OutcomeCode)
    assert shown == {"granted", "refused", "held", "documents"}
    one_line = " ".join(example.decode() for example in examples("json") + examples("xml"))
    for path in fields():
        assert path.rpartition("/")[2] in one_line, path


def fields() -> list[str]:
    with (ROOT / "schemas" / "packages" / "guichet" / "1" / "Decision.tsv").open(encoding="utf-8", newline="") as table:
        return [row["path"] for row in csv.DictReader(table, delimiter="\t") if "/" in row["path"]]


def test_every_field_of_a_decision_is_explained():
    for path in fields():
        assert f"| `{path.removeprefix('Decision/')}` |" in PAGE, path


def test_the_page_shows_the_table_of_rights_as_it_is():
    section = PAGE.partition("## Who may do what")[2].partition("\n## ")[0]
    shown = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", section, re.MULTILINE)
    heading, *rows = (line.split() for line in TABLE.strip().splitlines())
    assert [[route, *cells.split(" | ")] for route, cells in shown] == rows
    assert f"| scope | {' | '.join(heading[2:])} |" in section


def test_every_header_of_a_delivery_is_explained():
    for header in "Guichet-Delivery", "Guichet-Due", "Guichet-Callback", "Idempotency-Key":
        assert f"| `{header}` |" in PAGE


def test_every_address_is_in_the_table_of_routes():
    """Pages go by their files' names, which stand together in one row."""
    section = PAGE.partition("## Routes")[2].partition("\n## ")[0]
    for route in ROUTES:
        page = route.media == ("text/html",)
        shown = route.path.rpartition("/v1/")[2] if page else f"`{route.method} {route.path}"
        assert re.search(rf"{re.escape(shown)}[`?]", section), f"{route.method} {route.path}"
