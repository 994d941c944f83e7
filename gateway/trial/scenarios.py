"""The scenarios of trade test, as the table `schemas/trade-test/scenarios.toml` has them, and how one asks for them.

The header is one or more parts with commas between, each the name of a scenario; behind a colon the agency that it is
for, where it is one of agencies, and behind another how long its wait is: `refused:FSA, held-then-granted:MED:2d`.
Whatever is not understood in full is refused, because a test that goes otherwise than its author thinks proves nothing.
"""

import re
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from gateway.trial.kept import Telling
from gateway.vocabulary import one_of

FILE: Final = Path("trade-test") / "scenarios.toml"
USUAL: Final = "granted-all"
LOST: Final = "lost"
LONGEST_HEADER: Final = 1000
LONGEST_WAIT: Final = 366 * 86400
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WAIT: Final = re.compile(r"([1-9][0-9]{0,8})([smhd])")

Act = Literal["sent", "held", "documents", "granted", "refused", "declined", "revived", "unreachable", "wait"]
Reply = Literal["busy", "limited", "internal", "lost"]
Sort = Annotated[str, one_of(("agency", "answer", "notifications"))]
# What may follow on a step; the end is None. A script that breaks this could not be played.
_FOLLOWS: Final[dict[Act | None, frozenset[Act | None]]] = {
    None: frozenset({"sent", "declined", "unreachable"}),
    "sent": frozenset({"held", "documents", "granted", "refused", "wait", None}),
    "held": frozenset({"documents", "granted", "refused", "wait", None}),
    "documents": frozenset({"held", "granted", "refused", "wait", None}),
    "declined": frozenset({"revived", "wait"}),
    "revived": frozenset({"sent", "declined", "unreachable"}),
    "unreachable": frozenset({"sent", "declined", "wait"}),
    "granted": frozenset({None}),
    "refused": frozenset({None}),
}


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table."""

    name: str
    title: str
    text: str
    steps: tuple[Act, ...] = ()
    wait: str | None = None
    reason: str | None = None
    answer: Reply | None = None
    pushes: int = 1
    late: bool = False

    @property
    def sort(self) -> Sort:
        """Who acts."""
        return "agency" if self.steps else "answer" if self.answer else "notifications"


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario as it is published. `write` is how it is asked for, `wait` how long it waits where nobody says."""

    name: str
    title: str
    text: str
    sort: Sort
    write: str
    wait: str | None


class Step(NamedTuple):
    """What a virtual agency does, so many seconds after its delivery was made, and what it says."""

    act: Act
    after: int
    reason: str | None


class Part(NamedTuple):
    """One scenario as it was asked for."""

    scenario: Scenario
    agency: str | None
    wait: int

    def steps(self) -> tuple[Step, ...]:
        """The steps with their times."""
        after, steps = 0, []
        for act in self.scenario.steps:
            if act == "wait":
                after += self.wait
            else:
                steps.append(Step(act, after, self.scenario.reason))
        return tuple(steps)


class Script(NamedTuple):
    """All parts of a header that was understood, and the header in its shortest form."""

    text: str
    parts: tuple[Part, ...]

    @property
    def answer(self) -> Reply | None:
        """How the gateway is to answer, where it is not to do so as usual."""
        return next((part.scenario.answer for part in self.parts if part.scenario.answer), None)

    @property
    def telling(self) -> Telling | None:
        """How what is told is to be pushed, where it is not as usual."""
        told = [part for part in self.parts if part.scenario.sort == "notifications"]
        late = sum(part.wait for part in told if part.scenario.late)
        times = max((part.scenario.pushes for part in told), default=1)
        return Telling(late, times) if told else None


class Unfit(Exception):
    """A header that cannot be used: the part that is wrong, and what could stand there."""

    def __init__(self, value: str, expected: Iterable[str]) -> None:
        super().__init__(f"{value!r} is no scenario")
        self.value, self.expected = value, tuple(expected)


def seconds(wait: str) -> int | None:
    """The seconds of a wait such as 30m or 2d; None for what is none, and for more than a year."""
    found = _WAIT.fullmatch(wait)
    length = int(found[1]) * _UNITS[found[2]] if found else None
    return length if length is not None and length <= LONGEST_WAIT else None


class Scenarios:
    """The table, and the agencies of the country."""

    def __init__(self, rows: Iterable[Scenario], agencies: Collection[str]) -> None:
        self.rows = {row.name: row for row in rows}
        self.agencies = sorted(agencies)

    @classmethod
    def load(cls, schemas: Path, agencies: Collection[str]) -> "Scenarios":
        """Read the table. Raises ValueError with the file and the scenario at fault."""
        file = schemas / FILE
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            rows = msgspec.convert(table.get("scenario"), tuple[Scenario, ...])
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise ValueError(f"{file}: {error}") from None
        names: set[str] = set()
        for row in rows:
            if fault := "the name stands twice" if row.name in names else _fault(row):
                raise ValueError(f"{file}: scenario {row.name!r}: {fault}")
            names.add(row.name)
        if USUAL not in names:
            raise ValueError(f"{file}: there must be a scenario {USUAL!r}: it is how it goes when nobody asks for one")
        return cls(rows, agencies)

    def listed(self) -> tuple[Listed, ...]:
        """The table as it is published."""
        return tuple(
            Listed(name=row.name, title=row.title, text=row.text, sort=row.sort, write=_usage(row), wait=row.wait)
            for row in self.rows.values()
        )

    def read(self, header: str) -> Script:
        """What a header asks for. Raises Unfit."""
        parts: list[Part] = []
        taken: set[tuple[str, str | None]] = set()
        for text in header[:LONGEST_HEADER].split(","):
            part = self._part(text.strip())
            place = (part.scenario.sort, part.agency if part.scenario.steps else part.scenario.name)
            if part.scenario.answer:
                place = ("answer", None)
            if place in taken:
                raise Unfit(text.strip(), ["one scenario for each agency, and one answer"])
            taken.add(place)
            parts.append(part)
        return Script(", ".join(map(_shortest, parts)), tuple(parts))

    def steps(self, header: str, agency: str) -> tuple[Step, ...]:
        """What the virtual agency of that code does. Raises Unfit for a header that the table has no more."""
        parts = [part for part in self.read(header).parts if part.scenario.steps]
        named = next((part for part in parts if part.agency == agency), None)
        others = next((part for part in parts if part.agency is None), None)
        return (named or others or Part(self.rows[USUAL], None, 0)).steps()

    def telling(self, header: str | None) -> Telling | None:
        """How what is told is to be pushed, where a header says so. Raises Unfit."""
        return self.read(header).telling if header else None

    def _part(self, text: str) -> Part:
        name, *details = (each.strip() for each in text.split(":"))
        row = self.rows.get(name)
        if row is None:
            raise Unfit(name, self.rows)
        agency, wait = None, row.wait
        for number, detail in enumerate(details):
            if row.steps and number == 0 and seconds(detail) is None and name != USUAL:
                if detail not in self.agencies:
                    raise Unfit(text, (f"{name}:{code}" for code in self.agencies))
                agency = detail
            elif row.wait is not None and number == len(details) - 1 and seconds(detail) is not None:
                wait = detail
            else:
                raise Unfit(text, [_usage(row)])
        return Part(row, agency, seconds(wait) or 0 if wait else 0)


def _shortest(part: Part) -> str:
    own = part.scenario.wait is not None and seconds(part.scenario.wait) != part.wait
    return ":".join(filter(None, (part.scenario.name, part.agency, f"{part.wait}s" if own else None)))


def _usage(row: Scenario) -> str:
    agency = "[:AGENCY]" if row.steps and row.name != USUAL else ""
    return row.name + agency + ("[:WAIT]" if row.wait else "")


def _fault(row: Scenario) -> str | None:
    """What is wrong with a row."""
    if not re.fullmatch("[a-z]+(-[a-z]+)*", row.name):
        return "a name is small letters, with hyphens between words"
    sorts = (bool(row.steps), row.answer is not None, row.pushes != 1 or row.late)
    if sum(sorts) != 1 or not 1 <= row.pushes <= 10:
        return "it needs steps, or an answer, or pushes (from 1 to 10) or late"
    if ("wait" in row.steps or row.late) != (row.wait is not None) or (row.wait and seconds(row.wait) is None):
        return "wait is for where it waits, and is a number and s, m, h or d, as 2d, of at most 366 days"
    before: Act | None = None
    acts: list[Act | None] = [each for each in row.steps if each != "wait"]
    for act in [*acts, None] if acts else []:
        if act not in _FOLLOWS[before]:
            return f"after {before or 'the beginning'} there cannot be {act or 'the end'}"
        before = act
    return None
