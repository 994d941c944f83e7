"""Reads the package.toml of a derived package: what it extends, from when on, and its rules message by message.

It is written by an administration, so every fault is reported, not only the first, each with its line and a remedy.
Whether the rules fit their base is for `derivation` to say.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from datamodel.model import Facts
from datamodel.tables import BadTable

FILE: Final = "package.toml"
COUNTRY: Final = re.compile("[A-Z]{2}")
HEADER: Final = re.compile(r"\[\[?\s*([^\]]+?)\s*\]")
PREFIX: Final = re.compile("[a-z][a-z0-9]*")

T = TypeVar("T")


class Fault(msgspec.Struct, frozen=True):
    """One fault of a derived package: where (`file:line` and key), what, and what to do about it."""

    place: str
    key: str
    text: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: {self.text}; {self.remedy}"


class BadDerivation(BadTable):
    """A derived package that cannot be used; `faults` are all of them."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class Narrow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one position is narrowed. `list` names the code list that its codes are of."""

    min: int | None = None
    max: int | None = None
    format: str | None = None
    pattern: str | None = None
    min_length: int | None = None
    values: tuple[str, ...] | None = None
    list: str | None = None


class Extension(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A position that the base does not have. `type` is a data type of the base or `class`; `max` "*" has no bound."""

    path: str
    type: str
    purpose: str
    namespace: str
    legal_basis: str = ""
    format: str = ""
    values: tuple[str, ...] = ()
    tded: str = ""
    min: int = 0
    max: int | str = 1
    after: str = ""
    personal: bool = False


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one message type. Paths begin below the payload, or with a slash below the root element."""

    title: str = ""
    when: dict[str, str] = {}
    mandatory: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    narrow: dict[str, Narrow] = {}
    extend: tuple[Extension, ...] = ()


class DerivedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """One derived package. `name` is `package/version`; `extends` names its base likewise."""

    name: str
    file: Path
    title: str
    extends: str
    namespaces: dict[str, str]
    facts: Facts
    messages: dict[str, Rules]
    lines: "Lines"

    def fault(self, keys: tuple[str, ...], text: str, remedy: str) -> Fault:
        """A fault at a key, `("messages", "DEC", "narrow", path)`."""
        return Fault(f"{self.file}:{self.lines.line(keys)}", ".".join(keys), text, remedy)


class Lines:
    """Where the keys of a TOML text stand: found by their words, because the parser does not keep lines."""

    def __init__(self, text: str) -> None:
        self.rows = [row.strip() for row in text.splitlines()]

    def line(self, keys: tuple[str, ...]) -> int:
        """The line, from 1, of a path of keys; of what stands around it where the key itself cannot be found."""
        at, depth = self._section(keys)
        for word in keys[depth:]:
            at = self._next(at, word)
        return at + 1

    def _next(self, start: int, word: str) -> int:
        """The row of a word in the same table, not before `start`; `start` itself where there is none."""
        wanted = re.compile(rf'(?:^|"){re.escape(word)}(?:"|\s*=)')
        for at in range(start, len(self.rows)):
            if at > start and HEADER.match(self.rows[at]):
                break
            if wanted.search(self.rows[at]):
                return at
        return start

    def _section(self, keys: tuple[str, ...]) -> tuple[int, int]:
        """The row where the innermost table of a path of keys begins, and how many keys that is."""
        headers = [(at, found[1].replace('"', "")) for at, row in enumerate(self.rows) if (found := HEADER.match(row))]
        for depth in range(len(keys), 0, -1):
            numbered = depth > 1 and keys[depth - 1].isdigit()
            name = ".".join(keys[: depth - 1] if numbered else keys[:depth])
            rows = [at for at, header in headers if header == name]
            nth = int(keys[depth - 1]) if numbered else 0
            if len(rows) > nth:
                return rows[nth], depth
        return 0, 0


class _Reading:
    """One file while it is read; faults are kept until its end."""

    def __init__(self, name: str, file: Path, text: str) -> None:
        self.name, self.file, self.lines = name, file, Lines(text)
        self.faults: list[Fault] = []

    def add(self, keys: tuple[str, ...], text: str, remedy: str) -> None:
        self.faults.append(Fault(f"{self.file}:{self.lines.line(keys)}", ".".join(keys) or FILE, text, remedy))

    def take(self, data: dict[str, Any], key: str, kind: type[T], default: T, keys: tuple[str, ...] = ()) -> T:
        """The value of a key, taken out of `data`; the default where it is absent or of another kind."""
        if key not in data:
            return default
        return self.convert(data.pop(key), kind, (*keys, key)) or default

    def convert(self, value: Any, kind: type[T], keys: tuple[str, ...]) -> T | None:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            words, _, where = str(error).partition(" - at `$")
            inner = tuple(filter(None, where.rstrip("`").split(".")))
            self.add((*keys, *inner), words[0].lower() + words[1:], "see docs/packages.md for what belongs here")
        return None

    def unknown(self, data: Mapping[str, Any], keys: tuple[str, ...], known: str) -> None:
        """Whatever is left over is not known."""
        for key in data:
            self.add((*keys, key), f"there is no key {key!r} here", f"the keys are {known}")

    def package(self, data: dict[str, Any]) -> DerivedPackage:
        """The package, as far as it could be read."""
        title, extends = self.take(data, "title", str, ""), self.take(data, "extends", str, "")
        if not title:
            self.add(("title",), "a package needs a title", "say in one line what it is")
        spaces = self.take(data, "namespaces", dict[str, str], {})
        facts, messages = self.facts(data), self.take(data, "messages", dict[str, dict[str, Any]], {})
        if not messages:
            self.add(("messages",), "a package needs a message type", "add [messages.DEC], say")
        for prefix in spaces:
            if not PREFIX.fullmatch(prefix):
                self.add(("namespaces", prefix), "a prefix is small letters and digits", "write xz, say")
        rules = {key: self.rules(each, ("messages", key)) for key, each in messages.items()}
        self.unknown(data, (), "title, extends, country, effective_from, effective_to, namespaces, messages")
        return DerivedPackage(
            name=self.name,
            file=self.file,
            title=title,
            extends=extends,
            namespaces=spaces,
            facts=facts,
            messages=rules,
            lines=self.lines,
        )

    def facts(self, data: dict[str, Any]) -> Facts:
        """Country and effective dates."""
        country = self.take(data, "country", str, "")
        first: date | None = self.take(data, "effective_from", date, None)
        last: date | None = self.take(data, "effective_to", date, None)
        if country and not COUNTRY.fullmatch(country):
            self.add(("country",), f"{country!r} is not a country code", "write two capital letters, as XZ")
        if first and last and last < first:
            self.add(("effective_to",), "the last day comes before the first", "write a later day, or leave it out")
        return Facts(country=country, effective_from=first, effective_to=last)

    def rules(self, data: dict[str, Any], keys: tuple[str, ...]) -> Rules:
        """The rules of one message type."""
        narrow = self.take(data, "narrow", dict[str, Any], {}, keys)
        extend = self.take(data, "extend", list[Any], [], keys)
        lists = {key: self.take(data, key, tuple[str, ...], (), keys) for key in ("mandatory", "forbid")}
        narrowed = {path: self.convert(each, Narrow, (*keys, "narrow", path)) for path, each in narrow.items()}
        added = [self.convert(each, Extension, (*keys, "extend", str(at))) for at, each in enumerate(extend)]
        rules = Rules(
            title=self.take(data, "title", str, "", keys),
            when=self.take(data, "when", dict[str, str], {}, keys),
            **lists,
            narrow={path: each for path, each in narrowed.items() if each is not None},
            extend=tuple(each for each in added if each is not None),
        )
        self.unknown(data, keys, "title, when, mandatory, forbid, narrow, extend")
        return rules


def is_derived(folder: Path) -> bool:
    """Whether a package folder holds a derived package: its package.toml says `extends`."""
    try:
        return "extends" in tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # whoever reads it in earnest says what is wrong with it


def read_derived(folder: Path) -> DerivedPackage:
    """The derived package of a folder `NAME/VERSION`. Raises BadDerivation with all that is wrong with its form."""
    file = folder / FILE
    name = f"{folder.parent.name}/{folder.name}"
    try:
        text = file.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise BadDerivation([Fault(str(file), FILE, str(error), "write a file in UTF-8")]) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f"{file}:{line[1]}" if line else str(file)
        raise BadDerivation([Fault(place, FILE, f"not TOML: {error}", "see https://toml.io for the form")]) from error
    reading = _Reading(name, file, text)
    package = reading.package(data)
    if reading.faults:
        raise BadDerivation(reading.faults)
    return package
