"""Which agency wants which document for which goods, and who the agencies are: an administration's tables, read whole.

Rule: a row is used only when every cell of it is understood. A table with one bad row is refused whole, with every
fault named by file, line and column, because a row that is dropped or half read lets goods pass an agency unseen.
For the same reason a fact that a declaration leaves out never lifts a requirement: an unknown country or procedure
matches every row. Rows are found by HS prefix among those in force, so that a match costs as many lookups as there are
prefix lengths.
The router and the enquiry read the same table, so that what a trader is told is what happens.
"""

import csv
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from datetime import date
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from datamodel.periods import Periods

Direction = Literal["import", "export"]


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One row. None in a condition means any; it is in force from `effective_from` to `effective_to`, both included."""

    id: str
    agency: str
    hs_prefix: str
    direction: Direction
    procedure: str | None
    origin: str | None
    destination: str | None
    lpco_type: str
    purpose: str
    legal_basis: str
    effective_from: date
    effective_to: date | None

    def in_force(self, on: date) -> bool:
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)


class Column(msgspec.Struct, frozen=True):
    """What a cell may hold: all of it matches `pattern`, or it is empty where `optional`. `remedy` is for editors."""

    pattern: str
    remedy: str
    optional: bool = False


_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_LINE = r"[^\x00-\x1f\x7f]{1,512}"  # goes into messages to agencies, and XML holds no control characters
_COUNTRY = "write an ISO 3166-1 code of two capital letters, for example KE, or leave it empty for any country"

COLUMNS = {
    "id": Column(r"[A-Z0-9][A-Z0-9-]{0,34}", "write 1 to 35 capital letters, digits and hyphens, for example PHS-003"),
    "agency": Column(r"[A-Z]{2,8}", "write the code of an agency in schemas/agencies, for example PHS"),
    "hs_prefix": Column(r"[0-9]{2,10}", "write 2 to 10 digits of an HS code without dots, for example 0603"),
    "direction": Column(r"import|export", "write import or export"),
    "procedure": Column(
        r"[0-9]{1,4}",
        "write 1 to 4 digits of a procedure code, for example 40 or 4000, or leave it empty for any",
        True,
    ),
    "origin": Column(r"[A-Z]{2}", _COUNTRY, True),
    "destination": Column(r"[A-Z]{2}", _COUNTRY, True),
    "lpco_type": Column(r"[A-Z0-9]{1,4}", "write a document code of up to 4 capital letters and digits, e.g. N851"),
    "purpose": Column(_LINE, "say in one line of up to 512 characters what the agency needs the document for"),
    "legal_basis": Column(_LINE, "name in one line the act and the section that let the agency ask"),
    "effective_from": Column(_DATE, "write the first day as YYYY-MM-DD"),
    "effective_to": Column(_DATE, "write the last day as YYYY-MM-DD, or leave it empty while there is none", True),
}
_DATES = ("effective_from", "effective_to")
_CONDITIONS = ("agency", "hs_prefix", "direction", "procedure", "origin", "destination", "lpco_type")


Index = dict[tuple[str, str], list[Requirement]]  # by direction and HS prefix


class RequirementTable:
    """All rows of an administration. Frozen once made; `rows` are in the order of their ids."""

    def __init__(self, rows: Iterable[Requirement]) -> None:
        self.rows = tuple(sorted(rows, key=lambda row: row.id))
        self._index = _index(self.rows)
        self._periods = Periods((row.effective_from, row.effective_to) for row in self.rows)
        self._live: dict[int, Index] = {}
        self._lengths = sorted({len(row.hs_prefix) for row in self.rows})
        self._by_prefix = sorted(self.rows, key=lambda row: row.hs_prefix)

    @classmethod
    def load(cls, folder: Path, agencies: Container[str] | None = None) -> "RequirementTable":
        """Read every *.csv of a folder. With `agencies`, a row that names any other agency is refused.

        Raises ValueError with one line for each fault: file, line, column, what is wrong, how to put it right.
        """
        files = sorted(Path(folder).glob("*.csv"))
        if not files:
            raise ValueError(f"{folder}: no requirements table here; put at least one .csv file into this folder")
        read = _Reading(agencies)
        for file in files:
            read.file(file)
        if read.problems:
            raise ValueError("\n".join(read.problems))
        return cls(read.rows)

    def match(
        self,
        hs: str | None,
        direction: Direction,
        procedure: str | None,
        origin: str | None,
        destination: str | None,
        on: date,
    ) -> list[Requirement]:
        """Rows that one goods item must meet, ordered by id. `hs` is digits; goods without one meet none."""
        if hs is None:
            return []
        period = self._periods.of(on)
        if period not in self._live:
            self._live[period] = _index(row for row in self.rows if row.in_force(on))
        above = self._above(self._live[period], hs, (direction,))
        found = [row for row in above if _meets(row, procedure, origin, destination)]
        return sorted(found, key=_by_id) if len(found) > 1 else found

    def enquire(
        self,
        hs: str | None = None,
        direction: Direction | None = None,
        procedure: str | None = None,
        origin: str | None = None,
        destination: str | None = None,
        on: date | None = None,
    ) -> list[Requirement]:
        """Rows that goods under a heading meet or may meet: also those of headings deeper than `hs`. None asks for any.

        `hs` may be written with dots, countries in small letters. Raises ValueError for what cannot be such a code,
        because no rows would read as no requirements.
        """
        digits = "" if hs is None else _asked("hs_prefix", hs.replace(".", "").replace(" ", ""))
        procedure = procedure and _asked("procedure", procedure)
        origin = origin and _asked("origin", origin.upper())
        destination = destination and _asked("destination", destination.upper())
        directions: tuple[Direction, ...] = (direction,) if direction else ("import", "export")
        first = bisect_left(self._by_prefix, digits, key=lambda row: row.hs_prefix)
        last = bisect_left(self._by_prefix, digits + ":", key=lambda row: row.hs_prefix)  # ":" sorts after "9"
        found = {row.id: row for row in self._above(self._index, digits, directions)}
        found |= {row.id: row for row in self._by_prefix[first:last] if row.direction in directions}
        rows = [found[key] for key in sorted(found) if on is None or found[key].in_force(on)]
        return [row for row in rows if _meets(row, procedure, origin, destination)]

    def _above(self, index: Index, hs: str, directions: tuple[Direction, ...]) -> Iterator[Requirement]:
        """Rows whose prefix is a prefix of `hs`."""
        for length in self._lengths:
            if length > len(hs):
                return
            for direction in directions:
                yield from index.get((direction, hs[:length]), ())


def _index(rows: Iterable[Requirement]) -> Index:
    index: Index = defaultdict(list)
    for row in rows:
        index[row.direction, row.hs_prefix].append(row)
    return dict(index)


_by_id = attrgetter("id")


class NoSuchCode(ValueError):
    """What was asked for can be in no row, because the column holds no such values."""

    def __init__(self, column: str, value: str) -> None:
        self.column, self.value, self.remedy = column, value, COLUMNS[column].remedy
        super().__init__(f"{value!r} cannot be looked up as {column}; {self.remedy}")


def _asked(column: str, value: str) -> str:
    if not re.fullmatch(COLUMNS[column].pattern, value):
        raise NoSuchCode(column, value)
    return value


def _meets(row: Requirement, procedure: str | None, origin: str | None, destination: str | None) -> bool:
    return (
        (row.origin is None or origin is None or row.origin == origin)
        and (row.destination is None or destination is None or row.destination == destination)
        and _procedures_meet(row.procedure, procedure)
    )


def _procedures_meet(wanted: str | None, given: str | None) -> bool:
    """Codes meet as far as both are known: a row for 40 meets 4071, and goods under 40 may meet a row for 4071."""
    return wanted is None or given is None or given.startswith(wanted) or wanted.startswith(given)


class _Reading:
    """What has been read so far, and everything wrong with it."""

    def __init__(self, agencies: Container[str] | None) -> None:
        self.rows: list[Requirement] = []
        self.problems: list[str] = []
        self._agencies = agencies
        self._ids: dict[str, str] = {}
        self._alike: dict[tuple[str | None, ...], list[tuple[str, Requirement]]] = defaultdict(list)

    def file(self, file: Path) -> None:
        try:
            for line, names, cells in _lines(file):
                if len(cells) == len(names):
                    self._row(f"{file.name}:{line}", dict(zip(names, cells, strict=True)))
                else:
                    self.problems.append(
                        f"{file.name}:{line}: {len(cells)} cells where the first line names {len(names)} columns; "
                        "put quotation marks around a cell that contains a comma"
                    )
        except ValueError as error:
            self.problems.append(str(error))

    def _row(self, place: str, cells: dict[str, str]) -> None:
        problems = [*_cell_faults(cells), *self._agency_faults(cells), *self._id_faults(place, cells)]
        if not problems:
            row = msgspec.convert({name: cell or None for name, cell in cells.items()}, Requirement)
            problems = [*_order_faults(row), *self._twin_faults(place, row)]
            self.rows.append(row)
        self.problems += [f"{place}: {problem}" for problem in problems]

    def _agency_faults(self, cells: dict[str, str]) -> Iterator[str]:
        code = cells["agency"]
        if self._agencies is not None and code and code not in self._agencies:
            yield f"column agency: there is no agency {code!r}; {COLUMNS['agency'].remedy}"

    def _id_faults(self, place: str, cells: dict[str, str]) -> Iterator[str]:
        first = self._ids.setdefault(cells["id"], place)
        if first != place:
            yield f"column id: {cells['id']!r} is taken by {first}; give each row an id of its own"

    def _twin_faults(self, place: str, row: Requirement) -> Iterator[str]:
        """The same document asked twice for the same goods on the same day."""
        alike = self._alike[tuple(getattr(row, name) for name in _CONDITIONS)]
        for first, twin in alike:
            if row.in_force(twin.effective_from) or twin.in_force(row.effective_from):
                yield (
                    f"column effective_from: {row.id} asks for the same as {twin.id} at {first} on the same days; "
                    "keep one of them, or end the earlier one before the later one begins"
                )
        alike.append((place, row))


def _lines(file: Path) -> Iterator[tuple[int, list[str], list[str]]]:
    """Line number, column names and cells of every row that is not blank. Raises ValueError for what is no CSV."""
    try:
        # A spreadsheet may put a byte order mark before the first column's name.
        reader = csv.reader(file.read_text(encoding="utf-8-sig").splitlines(keepends=True), strict=True)
        header = [name.strip() for name in next(reader, [])]
        _check_header(file, header)
        line = reader.line_num + 1
        for record in reader:
            cells = [cell.strip() for cell in record]
            if any(cells):
                yield line, header, cells
            line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise ValueError(f"{file.name}: byte {error.start} is not UTF-8; save the file as CSV UTF-8") from error
    except csv.Error as error:
        raise ValueError(
            f"{file.name}:{reader.line_num}: {error}; close every quotation mark that is opened"
        ) from error


def _check_header(file: Path, header: list[str]) -> None:
    if sorted(header) != sorted(COLUMNS):
        missing = ", ".join(name for name in COLUMNS if name not in header) or "none"
        extra = ", ".join(repr(name) for name in header if name not in COLUMNS or header.count(name) > 1) or "none"
        raise ValueError(
            f"{file.name}:1: missing columns: {missing}; unknown or repeated columns: {extra}; "
            f"the first line must name, between commas, {', '.join(COLUMNS)}"
        )


def _cell_faults(cells: dict[str, str]) -> Iterator[str]:
    for name, column in COLUMNS.items():
        cell = cells[name]
        if not cell and column.optional:
            continue
        if not cell:
            yield f"column {name}: is empty; {column.remedy}"
        elif not re.fullmatch(column.pattern, cell) or (name in _DATES and not _is_day(cell)):
            yield f"column {name}: {cell!r} will not do; {column.remedy}"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _order_faults(row: Requirement) -> Iterator[str]:
    if row.effective_to is not None and row.effective_to < row.effective_from:
        yield (
            f"column effective_to: {row.effective_to} is before {row.effective_from}; "
            "write a last day that is not before the first"
        )


DisclosedPath = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]+(/[A-Za-z]+)*$")]


DAYS_APPEAL = 30  # where the profile of an agency says nothing else


class Agency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A partner agency. `disclose` names paths below Declaration; what it does not name, the agency never sees.

    `channel` http posts to `url`, folder drops files below `folder`, inbox waits for the agency to fetch.
    Both addresses are defaults, which an installation's settings may replace. `hours_due` is the time for an answer,
    `days_appeal` how many days a trader may appeal against one.
    """

    code: Annotated[str, msgspec.Meta(pattern=f"^(?:{COLUMNS['agency'].pattern})$")]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=70)]
    channel: Literal["http", "folder", "inbox"]
    media: Literal["xml", "json"]
    hours_due: Annotated[float, msgspec.Meta(gt=0)]
    disclose: Annotated[tuple[DisclosedPath, ...], msgspec.Meta(min_length=1)]
    url: str | None = None
    folder: str | None = None
    days_appeal: Annotated[int, msgspec.Meta(ge=0)] = DAYS_APPEAL


_ADDRESS = {"http": "url", "folder": "folder", "inbox": None}  # the key that says where a channel's agency is


def load_agencies(folder: Path) -> dict[str, Agency]:
    """Read every *.toml of a folder, one agency each, by code. Raises ValueError with one line for each fault."""
    files = sorted(Path(folder).glob("*.toml"))
    agencies: dict[str, Agency] = {}
    problems = [] if files else [f"{folder}: no agencies here; put one .toml file for each agency into this folder"]
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            agency = msgspec.toml.decode(text, type=Agency)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problems.append(f"{file.name}: {error}; schemas/README.md lists the keys and what each may hold")
            continue
        problems += [f"{file.name}:{_line_of(text, place)}: {fault}" for place, fault in _agency_faults(agency)]
        if agencies.setdefault(agency.code, agency) is not agency:
            fault = f"code {agency.code!r} is taken by another file; give each agency a code of its own"
            problems.append(f"{file.name}:{_line_of(text, 'code')}: {fault}")
    if problems:
        raise ValueError("\n".join(problems))
    return agencies


def _agency_faults(agency: Agency) -> Iterator[tuple[str, str]]:
    """What begins the line at fault, and the fault."""
    key = _ADDRESS[agency.channel]
    if key and not getattr(agency, key):
        yield "channel", f"channel {agency.channel} needs to know where the agency is; add {key} = ..."
    seen: set[str] = set()
    for path in agency.disclose:
        steps = path.split("/")
        wider = seen & {path} or {"/".join(steps[:count]) for count in range(1, len(steps))} & set(agency.disclose)
        if wider:
            yield f'"{path}"', f"disclose: {path} is covered by {min(wider)}; remove one of the two"
        seen.add(path)


def _line_of(text: str, begins: str) -> int:
    """The last line that begins so, counted from 1: of two alike, the later one is the duplicate."""
    lines = text.splitlines()
    return max((at for at, line in enumerate(lines, 1) if line.lstrip().startswith(begins)), default=1)
