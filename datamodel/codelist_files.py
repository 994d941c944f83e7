"""Reads the folder of code lists: lists.toml, a table per list, bindings.tsv. It finds every fault, with its place.

The tables are what an administration edits, so a fault says file, line and what to write instead; and lists with a
fault are not taken at all, because half a list would refuse good documents.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from datamodel.bindings import NONE, Binding, parse_condition, parse_position
from datamodel.codelist import Code, CodeList, Facts, spelt_twice
from datamodel.findings import SEVERITIES

CATALOGUE: Final = "lists.toml"
BINDINGS: Final = "bindings.tsv"
OTHERS: Final = {BINDINGS, "response-functions.tsv"}  # tables of the folder that are not lists
CODE_COLUMNS: Final = ("code", "name", "from", "to", "parent", "instead", "also", "notes")
BINDING_COLUMNS: Final = ("position", "list", "package", "country", "severity", "from", "to", "with", "first", "when")
COUNTRY: Final = re.compile("[A-Z]{2}")
ONE_DAY: Final = timedelta(days=1)

T = TypeVar("T")
Row = dict[str, str]


class Fault(msgspec.Struct, frozen=True, order=True):
    """One fault of a table. `file` is as given, `line` counts from 1."""

    file: str
    line: int
    text: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}; {self.remedy}"


class BadLists(ValueError):
    """Code lists that cannot be used, with all their faults."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def read_folder(folder: Path) -> tuple[dict[str, CodeList], tuple[Binding, ...]]:
    """The lists by name, and the bindings. Raises BadLists with every fault."""
    reader = FolderReader(folder)
    lists = reader.lists()
    bindings = reader.bindings(lists)
    if reader.faults:
        raise BadLists(sorted(reader.faults))
    return lists, bindings


class FolderReader:
    """Reads one folder and collects what is wrong with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[Fault] = []
        self.file, self.line = folder, 1

    def fault(self, text: str, remedy: str, line: int | None = None) -> None:
        """A fault at the line that is being read, or at another one of its file."""
        self.faults.append(Fault(str(self.file), line or self.line, text, remedy))

    def parsed(self, column: str, cell: str, parse: Callable[[str], T], remedy: str = "") -> T | None:
        """What a cell says; None, and a fault, where it cannot be understood."""
        try:
            return parse(cell) if cell else None
        except ValueError as error:
            self.fault(f"{column}: {cell!r} will not do", remedy or str(error))
            return None

    def day(self, column: str, cell: str) -> date | None:
        """The day in a cell."""
        return self.parsed(column, cell, date.fromisoformat, "write a day that exists, as 2026-01-31")

    def period(self, row: Row) -> tuple[date | None, date | None]:
        """First and last day of a row."""
        first, last = self.day("from", row["from"]), self.day("to", row["to"])
        if first and last and last < first:
            self.fault(f"it ends on {last}, before it begins on {first}", "swap the days or mend one")
        return first, last

    def rows(self, file: Path, columns: tuple[str, ...]) -> Iterator[Row]:
        """The rows of a table; `self.line` is where each stands."""
        self.file, self.line = file, 1
        try:
            lines = file.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            self.fault(f"the table cannot be read: {error}", "save it as UTF-8 text with tabs between the cells")
            return
        if tuple(lines[0].rstrip("\r").split("\t")) != columns:
            self.fault("the first line does not name the columns", f"write, with tabs: {' '.join(columns)}")
            return
        for number, line in enumerate(lines[1:], 2):
            self.line = number
            cells = [cell.strip() for cell in line.rstrip("\r").split("\t")]
            if not any(cells):
                continue
            if len(cells) != len(columns):
                self.fault(f"{len(cells)} cells", f"write {len(columns)}, with a tab between each two")
            else:
                yield dict(zip(columns, cells, strict=True))

    def catalogue(self) -> dict[str, Facts]:
        """lists.toml, one table for each list. One that cannot be understood is left out."""
        self.file, self.line = self.folder / CATALOGUE, 1
        try:
            text = self.file.read_text(encoding="utf-8")
            tables = msgspec.toml.decode(text)
        except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
            self.fault(f"it cannot be read: {error}", "mend the TOML")
            return {}
        found = {}
        for name, table in tables.items():
            self.line = self.header(text, name)
            try:
                found[name] = msgspec.convert(table, Facts)
            except msgspec.ValidationError as error:
                self.fault(f"list {name}: {error}", f"a list takes {', '.join(Facts.__struct_fields__)}")
        return found

    def header(self, text: str, name: str) -> int:
        """The line on which a list's table begins."""
        lines = text.split("\n")
        return next((at for at, line in enumerate(lines, 1) if line.strip() in (f"[{name}]", f'["{name}"]')), 1)

    def lists(self) -> dict[str, CodeList]:
        """All lists, each after the one that it extends."""
        facts = self.catalogue()
        for file in sorted(self.folder.glob("*.tsv")):
            if file.name not in OTHERS and file.stem not in facts:
                self.file, self.line = file, 1
                self.fault("no list of this name", f"describe it in {CATALOGUE} as [{file.stem}], or remove the file")
        made: dict[str, CodeList] = {}
        for name in facts:
            self.make(name, facts, made, ())
        return made

    def make(self, name: str, facts: Mapping[str, Facts], made: dict[str, CodeList], above: tuple[str, ...]) -> None:
        """One list, made after its base."""
        own = facts[name]
        if name in made:
            return
        base = None
        problem = self.base_problem(name, facts, above)
        if problem:
            self.file = self.folder / CATALOGUE
            self.fault(*problem, line=self.header(self.file.read_text(encoding="utf-8"), name))
        elif own.extends:
            self.make(own.extends, facts, made, (*above, name))
            base = made.get(own.extends)
        table = ListReader(self, name, own)
        made[name] = CodeList(name, own, table.codes(), base)
        table.references(made[name])

    def base_problem(self, name: str, facts: Mapping[str, Facts], above: tuple[str, ...]) -> tuple[str, str] | None:
        """What is wrong with a list's country or with what it extends."""
        own = facts[name]
        if own.country and not COUNTRY.fullmatch(own.country):
            return f"list {name}: {own.country!r} is not a country", "write two capital letters"
        if own.extends and own.extends not in facts:
            return f"list {name} extends {own.extends!r}, which there is not", f"name one of {', '.join(facts)}"
        if own.extends in (*above, name):
            return f"list {name} extends itself, by way of {own.extends}", "let one of them stand by itself"
        return None

    def bindings(self, lists: Mapping[str, CodeList]) -> tuple[Binding, ...]:
        """The rows of bindings.tsv that can be understood."""
        found: list[Binding] = []
        for row in self.rows(self.folder / BINDINGS, BINDING_COLUMNS):
            before = len(self.faults)
            binding = self.binding(row, lists)
            if binding is None or len(self.faults) > before:
                continue
            twice = next((each for each in found if _both_decide(each, binding)), None)
            if twice:
                self.fault(f"{row['position']} is bound already", f"end or remove the row at {twice.place}")
            found.append(binding)
        return tuple(found)

    def binding(self, row: Row, lists: Mapping[str, CodeList]) -> Binding | None:
        """One row; None where it has no position."""
        position = self.parsed("position", row["position"], parse_position)
        first, last = self.period(row)
        if position is None:
            if not row["position"]:
                self.fault("position is empty", "write a path, or id: and a WCO ID, or tded: and a tag")
            return None
        if row["list"] != NONE:
            self.bound_list(row, lists)
        if row["country"] and not COUNTRY.fullmatch(row["country"]):
            self.fault(f"country: {row['country']!r} is none", "write two capital letters, or nothing for any")
        if row["severity"] not in SEVERITIES:
            self.fault(f"severity: {row['severity']!r} is none", f"write {', '.join(SEVERITIES)}")
        return Binding(
            position=position,
            text=row["position"],
            list=row["list"],
            package=row["package"],
            country=row["country"],
            severity=row["severity"],
            effective_from=first or date.min,
            effective_to=last or date.max,
            prefix=row["with"],
            first=self.parsed("first", row["first"], _count, "write how many characters count, 1 or more"),
            when=self.parsed("when", row["when"], parse_condition),
            place=f"{self.file.name}:{self.line}",
        )

    def bound_list(self, row: Row, lists: Mapping[str, CodeList]) -> None:
        """The list of a row must be there, and be the country's own or everybody's."""
        known = lists.get(row["list"])
        if known is None:
            self.fault(f"there is no list {row['list']!r}", f"name one of {CATALOGUE}, or {NONE} for none")
        elif known.facts.country not in ("", row["country"]):
            self.fault(
                f"list {known.name} is that of {known.facts.country}", f"write {known.facts.country} under country"
            )


class ListReader:
    """Reads the table of one list."""

    def __init__(self, folder: FolderReader, name: str, facts: Facts) -> None:
        self.folder, self.name, self.facts = folder, name, facts
        self.places: dict[Code, int] = {}

    def codes(self) -> list[Code]:
        """The rows that can be understood."""
        periods: dict[str, list[Code]] = {}
        for row in self.folder.rows(self.folder.folder / f"{self.name}.tsv", CODE_COLUMNS):
            code = self.code(row)
            for other in periods.get(code.code, ()):
                if _overlap(other.effective_from, other.effective_to, code.effective_from, code.effective_to):
                    self.folder.fault(
                        f"{code.code} is in force twice on some days",
                        f"let its periods follow each other; the other one is on line {self.places[other]}",
                    )
            self.places[code] = self.folder.line
            periods.setdefault(code.code, []).append(code)
        return [code for rows in periods.values() for code in rows]

    def code(self, row: Row) -> Code:
        """One row."""
        if not row["code"] or not row["name"] or any(sign.isspace() for sign in row["code"]):
            self.folder.fault("a row needs a code without spaces, and a name", "fill both cells")
        first, last = self.folder.period(row)
        self.edge(first, last)
        return Code(
            code=row["code"],
            name=row["name"],
            effective_from=first,
            effective_to=last,
            parent=row["parent"],
            instead=tuple(row["instead"].split()),
            also=tuple(row["also"].split()),
            notes=row["notes"],
        )

    def edge(self, first: date | None, last: date | None) -> None:
        """In a list of editions a code comes and goes with one."""
        begins = set(self.facts.editions.values())
        if not begins:
            return
        if first and first not in begins:
            self.folder.fault(f"no edition begins on {first}", f"write one of {', '.join(map(str, sorted(begins)))}")
        if last and last + ONE_DAY not in begins:
            ends = ", ".join(str(day - ONE_DAY) for day in sorted(begins))
            self.folder.fault(f"no edition ends on {last}", f"write one of {ends}")

    def references(self, made: CodeList) -> None:
        """Parents and successors must be codes of the list; other spellings must not be."""
        bad = spelt_twice(made.codes)
        self.folder.file = self.folder.folder / f"{self.name}.tsv"
        for code, line in self.places.items():
            self.folder.line = line
            for other in filter(None, (code.parent, *code.instead)):
                if not made.periods(other):
                    self.folder.fault(f"{code.code} names {other!r}, which the list does not have", "mend or add it")
            for spelling in code.also:
                if spelling in bad:
                    self.folder.fault(f"{spelling!r} is a code itself, or stands for two", "take it out of also")


def _count(cell: str) -> int:
    with suppress(ValueError):
        if int(cell) > 0:
            return int(cell)
    raise ValueError(cell)


def _overlap(first: date | None, last: date | None, other_first: date | None, other_last: date | None) -> bool:
    return (first or date.min) <= (other_last or date.max) and (other_first or date.min) <= (last or date.max)


def _both_decide(one: Binding, other: Binding) -> bool:
    """Whether two rows claim the same position in the same case, so that only their order would tell."""
    case = ("position", "package", "country", "when")
    same = all(getattr(one, field) == getattr(other, field) for field in case)
    return same and _overlap(one.effective_from, one.effective_to, other.effective_from, other.effective_to)
