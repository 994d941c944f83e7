"""The codes of a response, from one table that integrators can read too: schemas/codelists/response-functions.tsv.

The systems in use disagree about some of these codes, even with their own documents; the table is what holds here, and
what responses are made with. Function codes that this gateway does not send are in it as `reserved`, so that nobody
gives them a meaning that senders know otherwise.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec

from gateway.vocabulary import one_of

FILE = Path("codelists") / "response-functions.tsv"
COLUMNS = ["kind", "name", "code", "meaning"]
RESERVED: Final = "reserved"


class ResponseCodes(msgspec.Struct, frozen=True):
    """Codes by name. `function` by case state (and `documents`), `status` by outcome, the others by what they name."""

    function: Mapping[str, str]
    status: Mapping[str, str]
    statement: Mapping[str, str]
    validation: Mapping[str, str]
    section: Mapping[str, str]


KINDS: Final = (*ResponseCodes.__struct_fields__, RESERVED)


class ResponseCode(msgspec.Struct, frozen=True):
    """One row of the table. `kind` says where the code stands: `function` in FunctionCode, `status` in Status/NameCode,
    `statement` in AdditionalInformation/StatementTypeCode, `validation` in Error/ValidationCode, `section` in
    Pointer/DocumentSectionCode; a `reserved` one is a FunctionCode that is not sent.
    """

    kind: Annotated[str, one_of(KINDS)]
    name: str
    code: str
    meaning: str


def load_table(schemas: Path) -> tuple[ResponseCode, ...]:
    """Read the table. Raises ValueError with file and line where a row cannot be used."""
    file = schemas / FILE
    table: dict[tuple[str, str], ResponseCode] = {}
    with file.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        if next(rows, None) != COLUMNS:
            raise ValueError(f"{file}:1: columns must be {', '.join(COLUMNS)}")
        for number, cells in enumerate(rows, 2):
            if len(cells) != len(COLUMNS) or not all(cells):
                raise ValueError(f"{file}:{number}: four filled cells are needed")
            row = ResponseCode(*cells)
            if row.kind not in KINDS:
                raise ValueError(f"{file}:{number}: kind {row.kind!r} is none of {', '.join(KINDS)}")
            if table.setdefault((row.kind, row.name), row) is not row:
                raise ValueError(f"{file}:{number}: {row.kind} {row.name!r} has a code already")
    codes = tuple(table.values())
    both = _codes(codes, "function") & _codes(codes, RESERVED)
    if both:
        raise ValueError(f"{file}: function code {min(both)} is reserved and sent as well")
    return codes


def load_codes(schemas: Path) -> ResponseCodes:
    """The codes that responses are made with. Raises ValueError as `load_table`."""
    kinds: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for row in load_table(schemas):
        kinds[row.kind][row.name] = row.code
    return ResponseCodes(**{kind: kinds[kind] for kind in ResponseCodes.__struct_fields__})


def _codes(rows: Iterable[ResponseCode], kind: str) -> set[str]:
    return {row.code for row in rows if row.kind == kind}
