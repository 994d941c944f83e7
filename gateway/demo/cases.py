"""What the demo lodges: the samples over and over, each with a reference of its own, half XML, half JSON."""

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from datamodel.codecs import Parsed, read, write
from datamodel.registry import Registry

Format = Literal["xml", "json"]
FORMATS: tuple[Format, Format] = ("xml", "json")


class Expected(msgspec.Struct, frozen=True):
    """How a sample's case ends: the agencies that it goes to, and the state of the case."""

    agencies: tuple[str, ...]
    outcome: str


class Lodgement(msgspec.Struct, frozen=True, kw_only=True):
    """One declaration to lodge."""

    sample: str
    format: Format
    reference: str
    body: bytes
    expected: Expected


def load_expected(samples: Path) -> dict[str, Expected]:
    """Name of a sample -> how its case ends."""
    tables = tomllib.loads((samples / "expected.toml").read_text(encoding="utf-8"))
    return msgspec.convert(tables, dict[str, Expected])


def lodgements(schemas: Path, count: int) -> list[Lodgement]:
    """`count` declarations; each sample comes in both formats, by turns."""
    registry = Registry.load(schemas)
    samples = schemas / "samples"
    expected = load_expected(samples)
    parsed = {name: read(registry, (samples / f"{name}.xml").read_bytes(), "xml") for name in sorted(expected)}
    names = list(parsed)
    made = []
    for number in range(count):
        turn, place = divmod(number, len(names))
        name, form, reference = names[place], FORMATS[(turn + place) % 2], f"DEMO-{number + 1:05}"
        whole = parsed[name].document
        declaration = msgspec.structs.replace(whole.Declaration, FunctionalReferenceID=reference)
        document = msgspec.structs.replace(whole, Declaration=declaration)
        body = write(Parsed(parsed[name].message, document), form)
        made.append(Lodgement(sample=name, format=form, reference=reference, body=body, expected=expected[name]))
    return made
