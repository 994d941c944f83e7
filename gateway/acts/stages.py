"""What the type of a declaration says of its life: whether goods are still to come, and whether a supplement is due.

The tables in `schemas/stages` say it, by country and day, so that another country's types are rows and not code. What a
table says of a declaration is written into the history of its case when that is taken, and is read from there ever
after: a case goes on by the table under which it began.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from datamodel.circumstances import country_of
from datamodel.codecs import Parsed
from datamodel.model import ClassType, descend
from datamodel.registry import Message
from datamodel.structs import bare
from gateway import lifecycle

FOLDER: Final = Path("stages")
STAGE: Final = "stage"  # under this name an event tells what the table says
_TYPES: Final = ("country", "type", "from", "to", "before_arrival", "supplement", "days", "named_by")
_KEPT: Final = ("country", "path", "from", "to", "keep")
_EXACT: Final = "exact"
_KEEP: Final = (_EXACT, "stated")
_DAYS: Final = re.compile("[1-9][0-9]{0,3}")
_VERSIONS: Final = ("validated", *lifecycle.RENEWING)


class Happened(Protocol):
    """An event, be it on record or still to be."""

    @property
    def kind(self) -> str: ...

    @property
    def data(self) -> dict[str, Any]: ...


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when a row counts; both days are included, None is without end."""

    country: str
    first: date | None
    last: date | None

    def counts(self, country: str, on: date) -> bool:
        in_time = (self.first or on) <= on <= (self.last or on)
        return in_time and self.country == country


class TypeRow(Span, frozen=True, kw_only=True):
    """One type of declaration. `supplements` are the types that complete it, within `days` of its acceptance; the
    supplement names it in a previous document of one of the types `named_by`.
    """

    type: str
    before_arrival: bool
    supplements: tuple[str, ...]
    days: int
    named_by: tuple[str, ...]

    def meets(self, other: "TypeRow") -> bool:
        """Whether both say something of one type on one day."""
        apart = (self.last or date.max) < (other.first or date.min) or (other.last or date.max) < (
            self.first or date.min
        )
        return (self.country, self.type) == (other.country, other.type) and not apart


class KeptRow(Span, frozen=True, kw_only=True):
    """What a supplement may not change: the values at a path below Declaration. Where it is `exact`, as many as there
    were; else what was stated stays, and what was not may be added.
    """

    path: str
    exact: bool


class Stage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the table says of one declaration, as the history keeps it. `due` is the last day for the supplement."""

    before_arrival: bool = False
    supplements: tuple[str, ...] = ()
    named_by: tuple[str, ...] = ()
    due: str | None = None


ORDINARY: Final = Stage()  # complete, and its goods are there


class Stages:
    """Both tables, read whole; `home` is the country of declarations that name none."""

    def __init__(self, types: Sequence[TypeRow], kept: Sequence[KeptRow], home: str) -> None:
        self._types = {each.type: [row for row in types if row.type == each.type] for each in types}
        self._kept, self._home = kept, home

    @classmethod
    def load(cls, schemas: Path, declaration: Message, home: str) -> "Stages":
        """Raises ValueError with file and line for a row that cannot be used."""
        types: list[TypeRow] = []
        for where, cells in _rows(schemas / FOLDER / "types.tsv", _TYPES):
            row = _type_row(where, cells)
            if any(row.meets(other) for other in types):
                raise ValueError(f"{where}: {row.country} has {row.type} twice on one day; end the earlier row first")
            types.append(row)
        kept = [_kept_row(where, cells, declaration) for where, cells in _rows(schemas / FOLDER / "kept.tsv", _KEPT)]
        return cls(types, kept, home)

    def of(self, plain: Parsed, on: date) -> Stage:
        """What the table says of a declaration on a day."""
        rows = self._types.get(str(bare(plain.document.Declaration.TypeCode) or ""))
        if rows is None:
            return ORDINARY
        country = self.country(plain)
        row = next((each for each in rows if each.counts(country, on)), None)
        if row is None:
            return ORDINARY
        due = (on + timedelta(days=row.days)).isoformat() if row.supplements else None
        return Stage(row.before_arrival, row.supplements, row.named_by, due)

    def kept(self, plain: Parsed, on: date) -> list[KeptRow]:
        """What a supplement to a declaration may not change on a day."""
        country = self.country(plain)
        return [row for row in self._kept if row.counts(country, on)]

    def country(self, plain: Parsed) -> str:
        return country_of(plain.message.model, plain.document) or self._home


def facts(stage: Stage) -> dict[str, Any]:
    """What an event tells of it: nothing of what is ordinary."""
    return {} if stage == ORDINARY else {STAGE: msgspec.to_builtins(stage)}


def told(event: Happened) -> Stage | None:
    """What an event told of it."""
    data = event.data.get(STAGE)
    return None if data is None else msgspec.convert(data, Stage)


def goods_to_come(events: Sequence[Happened]) -> bool:
    """Whether a version of the declaration said that its goods are still to come, and they have not arrived since."""
    if any(event.kind == lifecycle.ARRIVAL for event in events):
        return False
    return any(stage.before_arrival for stage in map(told, events) if stage)


def incomplete(events: Sequence[Happened]) -> Stage | None:
    """The stage of a declaration that is incomplete, due when its first incomplete version was; else None."""
    found = None
    for event in reversed(events):
        if event.kind in _VERSIONS:
            stage = told(event)
            if stage is None or stage.due is None:
                break
            found = stage if found is None else msgspec.structs.replace(found, due=stage.due)
    return found


def newly_due(before: Sequence[Happened], version: Happened) -> str | None:
    """The last day for the supplement, where a declaration was complete before it has this version."""
    stage = incomplete((*before, version))
    return stage.due if stage is not None and incomplete(before) is None else None


def completed_by(events: Sequence[Happened]) -> Stage | None:
    """What completes a declaration, or corrects what did; None where no version of it was ever incomplete."""
    return next((stage for stage in map(told, reversed(events)) if stage and stage.supplements), None)


def overdue(events: Sequence[Happened]) -> str | None:
    """The day for a supplement that the trader was last told had passed."""
    return next((event.data["due"] for event in reversed(events) if event.kind == lifecycle.OVERDUE), None)


def _rows(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every row with its place. Raises ValueError."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        if next(rows, None) != [*columns]:
            raise ValueError(f"{file}:1: columns must be {', '.join(columns)}")
        for number, cells in enumerate(rows, 2):
            where = f"{file}:{number}"
            if len(cells) != len(columns) or not (cells[0] and cells[1]):
                raise ValueError(f"{where}: {len(columns)} cells are needed, of which the first two must be filled")
            yield where, dict(zip(columns, cells, strict=True))


def _span(where: str, cells: Mapping[str, str]) -> dict[str, Any]:
    days = []
    for name in "from", "to":
        try:
            days.append(date.fromisoformat(cells[name]) if cells[name] else None)
        except ValueError:
            raise ValueError(f"{where}: {name}: {cells[name]!r} is no day; write YYYY-MM-DD") from None
    return {"country": cells["country"], "first": days[0], "last": days[1]}


def _type_row(where: str, cells: Mapping[str, str]) -> TypeRow:
    supplements, days, named_by = cells["supplement"].split(), cells["days"], cells["named_by"].split()
    if cells["before_arrival"] not in ("", "yes"):
        raise ValueError(f"{where}: before_arrival: write yes, or leave it empty")
    if (days and not _DAYS.fullmatch(days)) or not bool(supplements) == bool(days) == bool(named_by):
        raise ValueError(f"{where}: supplement, days (a number) and named_by stand together, or are all empty")
    return TypeRow(
        type=cells["type"],
        before_arrival=bool(cells["before_arrival"]),
        supplements=tuple(supplements),
        days=int(days or 0),
        named_by=tuple(named_by),
        **_span(where, cells),
    )


def _kept_row(where: str, cells: Mapping[str, str], declaration: Message) -> KeptRow:
    if cells["keep"] not in _KEEP:
        raise ValueError(f"{where}: keep: write {' or '.join(_KEEP)}")
    path = f"Declaration/{cells['path']}"
    try:
        element = descend(declaration.model.root, path)
    except ValueError as error:
        raise ValueError(f"{where}: path: {error}") from None
    if element.personal or isinstance(element.content, ClassType):
        raise ValueError(f"{where}: path: name an element with a value that is not personal, because errors show it")
    return KeptRow(path=path, exact=cells["keep"] == _EXACT, **_span(where, cells))
