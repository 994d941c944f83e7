"""The information package report as a page that needs no other file, and as a table for a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import jinja2

from datamodel.report import EXTENSION, FORBIDDEN, NARROWED, USED, PackageReport

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
MARKS: Final = {USED: "used", NARROWED: "narrowed", EXTENSION: "extension", FORBIDDEN: "forbidden"}
COLUMNS: Final = (
    *("message", "path", "kind", "wco_id", "tded", "format", "occurs", "codes", "code_lists", "status", "changes"),
    *("purpose", "legal_basis"),
)
FORMULA: Final = ("=", "+", "-", "@")


def html(report: PackageReport) -> str:
    """The report as one page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(report=report, marks=MARKS)


def table(report: PackageReport) -> str:
    """The report as comma-separated values: one row a class or attribute of each message, forbidden ones too."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(cell) for cell in row] for row in _rows(report))
    return out.getvalue()


def _rows(report: PackageReport) -> Iterator[tuple[str, ...]]:
    for message in report.messages:
        for each in message.positions:
            yield (
                *(message.key, each.path, each.what, each.wco_id, each.tded, each.format, each.occurs),
                *(" ".join(each.values), " ".join(each.lists), each.status, "; ".join(each.changes)),
                *(each.purpose, each.legal_basis),
            )


def _cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def write(report: PackageReport, folder: Path) -> tuple[Path, Path]:
    """Write both into a folder, made where it is missing, as `NAME-VERSION.html` and `.csv`; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = report.name.replace("/", "-")
    page, rows = folder / f"{stem}.html", folder / f"{stem}.csv"
    page.write_text(html(report), encoding="utf-8")
    rows.write_text(table(report), encoding="utf-8")
    return page, rows
