"""What tests of rules share: samples that are changed at named places, rules written in a line, findings by rule."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from datamodel.codecs import Parsed, read, write
from datamodel.findings import Finding
from datamodel.registry import Registry
from datamodel.rules import RuleBook

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
RULES = SCHEMAS / "rules"
DAY = date(2026, 11, 20)


def sample(name: str) -> dict[str, Any]:
    """A sample declaration as JSON."""
    text = (SCHEMAS / "samples" / f"{name}.json").read_text(encoding="utf-8")
    return dict(json.loads(text, parse_float=Decimal))


def changed(document: dict[str, Any], changes: Mapping[str, Any], gone: object) -> dict[str, Any]:
    """The document with other values at paths below its declaration."""
    for path, value in changes.items():
        *above, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        part: Any = document["MetaData"]["Declaration"]
        for step in above:
            part = part[step]
        if value is gone:
            del part[last]
        else:
            part[last] = value
    return document


def parsed(registry: Registry, document: dict[str, Any], message: str | None = None) -> Parsed:
    """The valid message of a JSON document."""
    body = msgspec.json.Encoder(decimal_format="number").encode(document)
    return read(registry, body, "json", message=message)


def as_xml(registry: Registry, message: Parsed) -> Parsed:
    """The same message, having gone through XML."""
    return read(registry, write(message, "xml"), "xml", message=message.message.key)


def found(book: RuleBook, message: Parsed, on: date = DAY) -> list[Finding]:
    """What a set of rules says of a message."""
    return book.check(message.message, message.document, on)


def broken(book: RuleBook, message: Parsed, on: date = DAY) -> set[str]:
    """The ids of the rules that a message breaks."""
    return {finding.rule for finding in found(book, message, on)}


HEAD = """\
country = "XZ"
messages = ["wco-dms/3.6/DEC"]
severity = "error"
effective_from = 2026-01-01
"""
WORDS = """\
text = "It is wrong."
remedy = "Put it right."
purpose = "So that a test can break it."
legal_basis = "Test Act 2026, s. 1"
"""


def written(folder: Path, *rules: str, head: str = HEAD, name: str = "draft.toml") -> Path:
    """A file of rules, each given by the lines that matter."""
    bodies = []
    for number, lines in enumerate(rules, 1):
        own = {line.partition(" = ")[0] for line in lines.splitlines()}
        rest = "".join(f"{line}\n" for line in WORDS.splitlines() if line.partition(" = ")[0] not in own)
        identity = "" if "id" in own else f'id = "T{number:02}"\n'
        bodies.append(f"[[rule]]\n{identity}{lines.strip()}\n{rest}")
    file = folder / name
    file.write_text(head + "\n" + "\n".join(bodies), encoding="utf-8")
    return file
