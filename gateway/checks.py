"""The checks of an installation: its code lists, rules and versions, read from their tables and put together."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from datamodel.codelists import CodeLists
from datamodel.endings import Endings
from datamodel.registry import Registry
from datamodel.rules import RuleBook
from datamodel.semantics import Semantics

TABLES: Final = ("codelists", "rules")


def load_checks(schemas: Path, registry: Registry, home: str) -> Semantics:
    """Read the tables. Documents that name no country are held to those of `home`: silence is no way around them.

    Raises ValueError with file and line of every fault in one of them.
    """
    lists, rules = CodeLists.load(schemas / "codelists"), RuleBook.load(schemas / "rules", registry)
    lists.home = rules.home = home
    return Semantics([lists, rules, Endings(registry)], digest=tables_digest(schemas))


def tables_digest(schemas: Path) -> str:
    """The same digest means the same tables: events name it, so that a verdict can be worked out again."""
    digest = sha256()
    for folder in TABLES:
        for file in sorted((schemas / folder).rglob("*")):
            if file.is_file():
                digest.update(f"{file.relative_to(schemas).as_posix()}\0".encode())
                digest.update(sha256(file.read_bytes()).digest())
    return digest.hexdigest()
