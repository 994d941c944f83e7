"""Foreign schemas: lossless, one verdict in both formats, equal to libxml2's, for every construct of the language."""

import random
from collections import Counter
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import canonicalize

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from datamodel import bundles
from datamodel.codecs import read, write
from datamodel.facets import folded
from datamodel.issues import Refused, Report
from datamodel.model import XSI, ClassType, Element, Model
from datamodel.registry import Message, Registry
from tests.datamodel.foreign_documents import Maker

STRESS = Path(__file__).parent / "stress"
ROOTS = (
    "Sequences",
    "Choices",
    "Interleaved",
    "Alls",
    "Derived",
    "Values",
    "Wild",
    "Strict",
    "Substituted",
    "Nil",
    "Recursive",
    "Twins",
    "Chameleon",
)
EXAMPLES = 2_000


@pytest.fixture(scope="module")
def stress(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    schemas = tmp_path_factory.mktemp("schemas")
    (schemas / "packages").mkdir()
    keys = bundles.add(schemas / "packages", "stress", "1", STRESS, ("main.xsd", *ROOTS))
    assert len(keys) == len(ROOTS)
    return Registry.load(schemas)


def verdict(registry: Registry, body: bytes, form: Any, key: str) -> Report | Any:
    try:
        return read(registry, body, form, key)
    except Refused as refusal:
        assert refusal.report.total
        return refusal.report


def normalised(root: etree._Element, model: Model) -> str:
    """C14N with white space as each type says and numbers by value and scale; `xsi` and prefixes are not data."""
    _normalise(root, model.root, model)
    return canonicalize(etree.tostring(root, encoding="unicode"), rewrite_prefixes=True)


def _normalise(node: etree._Element, element: Element | None, model: Model) -> None:
    if element is None:
        return
    content: Any = element.content
    asked = node.get(f"{{{XSI}}}type")
    if asked:
        local = asked.strip().rpartition(":")[2]
        node.set(f"{{{XSI}}}type", local)
        content = next(kind for name, kind in model.types.items() if name.rpartition("}")[2] == local)
    if node.get(f"{{{XSI}}}nil"):
        node.set(f"{{{XSI}}}nil", "true")
    uses = {use.name: use.type for use in content.attributes}
    for name, text in node.attrib.items():
        if name in uses:
            node.set(name, _value(uses[name], text))
    if not isinstance(content, ClassType):
        node.text = _value(content.type, node.text or "")
        return
    known = {child.tag: child for child in content.children}
    for child in node:
        _normalise(child, known.get(child.tag), model)


def _value(kind: Any, text: str) -> str:
    value = folded(kind.white_space, text)
    if kind.json_kind != "number":
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    return str(number.copy_abs() if kind.primitive == "decimal" and not number else number)


def assert_one_verdict(registry: Registry, message: Message, root: etree._Element, counts: Counter[str]) -> None:
    """Lossless where libxml2 says valid; refused with an issue where it does not."""
    valid = message.schema.validate(root)
    body = etree.tostring(root)
    found = verdict(registry, body, "xml", message.key)
    assert isinstance(found, Report) != valid, (body, found)
    counts["valid" if valid else "invalid"] += 1
    if not valid:
        assert all(issue.xpath and issue.line for issue in found.issues), found
        return
    json = write(found, "json")
    again = verdict(registry, json, "json", message.key)
    assert not isinstance(again, Report), (json, again)
    assert again.document == found.document
    xml = write(again, "xml")
    assert write(read(registry, xml, "xml", message.key), "json") == json
    assert normalised(etree.fromstring(xml), message.model) == normalised(root, message.model)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ROOTS)
def test_any_document_is_lossless_or_refused(stress: Registry, name: str) -> None:
    message = stress.message(f"stress/1/{name}")
    counts: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.integers(0, 2**63))
    def holds(seed: int) -> None:
        assert_one_verdict(stress, message, Maker(message.model, random.Random(seed)).document(), counts)

    holds()
    assert counts["valid"] > EXAMPLES / 50, counts
    assert counts["invalid"] > 0, counts
