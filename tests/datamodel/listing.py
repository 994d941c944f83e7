"""Folders of code lists for tests: a good small one, and documents to hold against lists."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from datamodel.codecs import Parsed, read
from datamodel.codelist_files import BINDING_COLUMNS, CODE_COLUMNS
from datamodel.findings import Finding
from datamodel.registry import Registry
from tests.conftest import SCHEMAS

SAMPLES = SCHEMAS / "samples"
DAY = date(2026, 11, 21)
MODE = "Declaration/BorderTransportMeans/ModeCode"
FLOWERS, HOTEL = "import-cut-flowers-kenya", "import-hotel-supplies"


def table(columns: tuple[str, ...], *rows: Mapping[str, str]) -> str:
    """A table of those columns; what a row does not say is empty."""
    lines = [columns, *(tuple(row.get(column, "") for column in columns) for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def row(code: str, first: str = "", last: str = "", **cells: str) -> dict[str, str]:
    return {"code": code, "name": f"code {code}", "from": first, "to": last, **cells}


def bound(position: str, name: str, severity: str = "error", **cells: str) -> dict[str, str]:
    return {"position": position, "list": name, "severity": severity, **cells}


def folder(
    path: Path,
    lists: Mapping[str, list[dict[str, str]]],
    bindings: list[dict[str, str]],
    facts: Mapping[str, str] | None = None,
) -> Path:
    """Write a folder of code lists. `facts` are more lines for a list in lists.toml."""
    path.mkdir(parents=True, exist_ok=True)
    catalogue = ""
    for name, rows in lists.items():
        (path / f"{name}.tsv").write_text(table(CODE_COLUMNS, *rows), encoding="utf-8")
        catalogue += f'[{name}]\ntitle = "List {name}"\nsource = "a test"\n{(facts or {}).get(name, "")}\n'
    (path / "lists.toml").write_text(catalogue, encoding="utf-8")
    (path / "bindings.tsv").write_text(table(BINDING_COLUMNS, *bindings), encoding="utf-8")
    return path


def document(registry: Registry, form: Any, name: str = FLOWERS, **changes: str) -> tuple[Parsed, bytes]:
    """A sample with the values of `changes` in place of what stood under those names, in every place."""
    body = (SAMPLES / f"{name}.{form}").read_text(encoding="utf-8")
    for label, value in changes.items():
        if form == "xml":
            body = re.sub(rf"(<(?:\w+:)?{label}[^>]*>)[^<]*(</)", rf"\g<1>{value}\g<2>", body)
            body = re.sub(rf'({label}=")[^"]*(")', rf"\g<1>{value}\g<2>", body)
        else:
            body = re.sub(rf'("@?{label}": ?")[^"]*(")', rf"\g<1>{value}\g<2>", body)
            body = re.sub(rf'("{label}": ?{{[^}}]*"value": ?")[^"]*(")', rf"\g<1>{value}\g<2>", body)
    return read(registry, body.encode(), form), body.encode()


def rules(findings: Iterable[Finding]) -> list[tuple[str, str, str, str | None]]:
    """What was found, in short: rule, severity, element and value."""
    return [(each.rule, each.severity, each.steps[-1][0], each.value) for each in findings]
