"""All derived packages of an installation: which stands on which, and their models, made when asked for.

What one file alone cannot show is checked here: an unknown base, a circle, two versions that begin on one day.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from difflib import get_close_matches
from pathlib import Path

from datamodel.derivation import Derivation
from datamodel.derivation_file import BadDerivation, DerivedPackage, Fault, read_derived
from datamodel.extensions import Positions
from datamodel.model import Model

Conditions = tuple[str, tuple[tuple[str, str], ...]]


def list_names(folder: Path) -> frozenset[str]:
    """The names of the code lists of a folder; none where there is no such folder."""
    file = folder / "lists.toml"
    return frozenset(tomllib.loads(file.read_text(encoding="utf-8"))) if file.exists() else frozenset()


class Derivations:
    """The derived packages of some folders. `faults` are those of their files; a package with one is left out.

    `lists` are the names of the code lists that there are.
    """

    def __init__(self, folders: Iterable[Path], lists: Set[str] = frozenset()) -> None:
        self.lists = lists
        self.unsound: set[str] = set()
        self.packages: dict[str, DerivedPackage] = {}
        self.faults: list[Fault] = []
        for folder in folders:
            try:
                package = read_derived(folder)
            except BadDerivation as bad:
                self.faults += bad.faults
                self.unsound.add(f"{folder.parent.name}/{folder.name}")
            else:
                self.packages[package.name] = package

    def check(self, plain: Mapping[str, Set[str]]) -> list[Fault]:
        """What is wrong between packages; `plain` are the packages that derive from none, with their message types."""
        faults = list(self.faults)
        for package in self.packages.values():
            found = list(self._standing(package, plain))
            if found:
                self.unsound.add(package.name)
            faults += found
        return [*faults, *self._rivals()]

    def _standing(self, package: DerivedPackage, plain: Mapping[str, Set[str]]) -> Iterator[Fault]:
        """Faults of what a package stands on: its base is known, has its messages, and is not itself."""
        chain = [package.name]
        while chain[-1] in self.packages:
            base = self.packages[chain[-1]].extends
            if base in chain:
                circle = " -> ".join([*chain[chain.index(base) :], base])
                yield package.fault(("extends",), f"a circle: {circle}", "let one of them extend a package of tables")
                return
            chain.append(base)
        base = package.extends
        if base in self.unsound and base not in self.packages:
            self.unsound.add(package.name)  # the faults of its base are told already
            return
        known = plain[base] if base in plain else set(self.packages[base].messages) if base in self.packages else None
        if known is None:
            near = get_close_matches(base, [*plain, *self.packages], 3) or sorted(plain)
            yield package.fault(("extends",), f"there is no package {base!r}", f"there is {', '.join(near)}")
            return
        if base in plain and not known:
            words = "extend a package of tables, or edit the schemas themselves"
            yield package.fault(("extends",), f"{base} was read from XML schemas, which are what they are", words)
            return
        for name in package.messages:
            if name not in known:
                words = f"{base} has {', '.join(sorted(known))}"
                yield package.fault(("messages", name), f"{base} has no message type {name!r}", words)

    def _rivals(self) -> Iterator[Fault]:
        """Versions that begin on one day, and packages that claim the same messages."""
        begun: dict[tuple[str, object, str], str] = {}
        claimed: dict[tuple[str, str, object], str] = {}
        for package in self.packages.values():
            own = package.name.partition("/")[0]
            other = begun.setdefault((own, package.facts.effective_from, package.facts.country), package.name)
            if other != package.name:
                day = package.facts.effective_from or "the beginning of time"
                yield package.fault(("effective_from",), f"{other} begins on {day} too", "write another first day")
            for name, rules in package.messages.items():
                when = frozenset(rules.when.items())
                other = claimed.setdefault((package.extends, name, when), package.name)
                if when and other.partition("/")[0] != own:
                    words = "write conditions that no document can meet together"
                    yield package.fault(("messages", name, "when"), f"{other} is chosen by the same", words)

    def root(self, name: str) -> str:
        """The package of tables on which a derived package stands in the end."""
        while name in self.packages:
            name = self.packages[name].extends
        return name

    def model(self, key: str, resolve: Callable[[str], Model], positions: Callable[[str, str], Positions]) -> Model:
        """The model of a derived message. Raises BadDerivation; also where what it stands on was found unsound.

        `resolve` gives the model of any key, `positions(package, message)` the maker of positions of a package of
        tables.
        """
        package, _, name = key.rpartition("/")
        derived = self.packages[package]
        if package in self.unsound:
            raise BadDerivation([])
        base = resolve(f"{derived.extends}/{name}")
        return Derivation(derived, name, base, positions(self.root(package), name), self.lists).model()
