"""The codes of a response, from one table that integrators can read too: schemas/codelists/response-functions.tsv.

The systems in use disagree about some of these codes, even with their own documents; the table is what holds here.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import msgspec

FILE = Path("codelists") / "response-functions.tsv"
COLUMNS = ["kind", "name", "code", "meaning"]


class ResponseCodes(msgspec.Struct, frozen=True):
    """Codes by name. `function` by case state (and `documents`), `status` by outcome, the others by what they name."""

    function: Mapping[str, str]
    status: Mapping[str, str]
    statement: Mapping[str, str]
    validation: Mapping[str, str]
    section: Mapping[str, str]


def load_codes(schemas: Path) -> ResponseCodes:
    """Read the table. Raises ValueError with file and line where a row cannot be used."""
    file = schemas / FILE
    kinds: dict[str, dict[str, str]] = {name: {} for name in ResponseCodes.__struct_fields__}
    with file.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        if next(rows, None) != COLUMNS:
            raise ValueError(f"{file}:1: columns must be {', '.join(COLUMNS)}")
        for number, row in enumerate(rows, 2):
            if len(row) != len(COLUMNS) or not all(row):
                raise ValueError(f"{file}:{number}: four filled cells are needed")
            kind, name, code, _ = row
            if kind not in kinds:
                raise ValueError(f"{file}:{number}: kind {kind!r} is none of {', '.join(kinds)}")
            if kinds[kind].setdefault(name, code) != code:
                raise ValueError(f"{file}:{number}: {kind} {name!r} has a code already")
    return ResponseCodes(**kinds)
