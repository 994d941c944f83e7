"""Which party of a declaration must have given a mandate: a small table of the administration, schemas/mandates/*.csv.

A row is a direction and a path to an identifier. Of several rows of one direction the first counts whose identifier the
declaration has. A direction without a row asks for no mandate.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from datamodel.findings import Step
from datamodel.model import Element, Model, child
from datamodel.structs import bare

COLUMNS: Final = ["direction", "path", "legal_basis"]
DIRECTIONS: Final = ("import", "export")


class PartyRow(msgspec.Struct, frozen=True):
    """Where a declaration of one direction names the party, and the law that asks for the mandate."""

    direction: str
    path: str
    legal_basis: str

    @property
    def steps(self) -> tuple[Step, ...]:
        """The path as the places of findings are written."""
        return tuple((name, None) for name in self.path.split("/"))


class Parties:
    """The table. `asked` tells of a declaration which row counts, and the identifier there."""

    def __init__(self, rows: Iterable[PartyRow] = ()) -> None:
        rows = tuple(rows)
        self._rows = {way: tuple(row for row in rows if row.direction == way) for way in DIRECTIONS}

    def __bool__(self) -> bool:
        return any(self._rows.values())

    def asked(self, document: msgspec.Struct, way: str) -> tuple[PartyRow | None, str | None]:
        """The first row whose identifier is there, with it; else the first row alone; no row where none is asked."""
        rows = self._rows[way]
        for row in rows:
            if found := _value(document, row.path):
                return row, found
        return (rows[0] if rows else None), None


def load_parties(folder: Path, models: Iterable[Model]) -> Parties:
    """Read the table, which may be missing. Raises ValueError with one line for each fault: file, line, what to do."""
    models = tuple(models)
    rows: list[PartyRow] = []
    problems: list[str] = []
    for file in sorted(folder.glob("*.csv")):
        with file.open(encoding="utf-8-sig", newline="") as stream:
            read = csv.reader(stream)
            if next(read, None) != COLUMNS:
                problems.append(f"{file.name}:1: columns must be {', '.join(COLUMNS)}")
                continue
            for cells in read:
                fault = _fault(cells, models)
                if fault:
                    problems.append(f"{file.name}:{read.line_num}: {fault}")
                else:
                    rows.append(PartyRow(*cells))
    if problems:
        raise ValueError("\n".join(problems))
    return Parties(rows)


def _fault(cells: list[str], models: Iterable[Model]) -> str | None:
    if len(cells) != len(COLUMNS) or not all(cells):
        return f"{len(COLUMNS)} filled cells are needed"
    direction, path, _ = cells
    if direction not in DIRECTIONS:
        return f"column direction: {direction!r} will not do; write {' or '.join(DIRECTIONS)}"
    for model in models:
        element: Element | None = model.root
        for name in path.split("/"):
            element = child(element, name) if element else None
            if element is None or element.max != 1:
                return f"column path: {name!r} of {path} is not there, or may repeat; see the table of DEC for paths"
    return None


def _value(document: Any, path: str) -> str | None:
    for name in path.split("/"):
        document = getattr(document, name, None)
    return None if document is None else str(bare(document)).strip() or None
