"""Our schema against the public one, and JSON against XML, over the corpus and thousands of damaged copies of it."""

from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from datamodel.codecs import read
from datamodel.issues import Refused, Report
from datamodel.registry import Message, Registry
from tests.datamodel import naive_json
from tests.datamodel.mutations import KINDS, NOT_IN_JSON, mutants
from tests.datamodel.public_xsd import FILES, public_schema

MUTANTS_EACH = 90  # of 63 messages: 5,670 in all
UNWRITABLE = {"element.order", "element.text"}  # JSON has neither order nor text beside elements


def verdict(registry: Registry, body: bytes, form: str, key: str) -> Report | None:
    try:
        read(registry, body, form, key)  # type: ignore[arg-type]
    except Refused as refusal:
        return refusal.report
    return None


def writable(kind: str, report: Report | None) -> bool:
    """Whether JSON can say what is wrong with the XML."""
    if kind in NOT_IN_JSON:
        return False
    return report is None or not {issue.rule for issue in report.issues} <= UNWRITABLE


class Comparison:
    """Counts, and the disagreements in words."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []

    def compare(self, name: str, kind: str, body: bytes, message: Message, public: etree.XMLSchema) -> None:
        root = etree.fromstring(body, etree.XMLParser(remove_comments=True, remove_pis=True))
        theirs = public.validate(root)
        self.counts["valid" if theirs else "invalid"] += 1
        if message.schema.validate(root) != theirs:
            self.wrong.append(f"{name} {kind}: our XSD says {not theirs}, the public one {theirs}")
        report = verdict(self.registry, body, "xml", message.key)
        if (report is None) != theirs:
            self.wrong.append(f"{name} {kind}: the gateway says {report}, the public XSD {theirs}")
        if report and any(issue.rule == "schema.other" for issue in report.issues):
            self.wrong.append(f"{name} {kind}: found by libxml2 alone: {report.issues[0].text}")
        if writable(kind, report):
            self.compare_json(name, kind, root, message, theirs)

    def compare_json(self, name: str, kind: str, root: etree._Element, message: Message, theirs: bool) -> None:
        try:
            body = naive_json.document(root, message.model.root)
        except LookupError:
            self.counts["not writable in JSON"] += 1
            return
        self.counts["JSON"] += 1
        report = verdict(self.registry, body, "json", message.key)
        if (report is None) != theirs:
            self.wrong.append(f"{name} {kind}: JSON gives {report}, XML {theirs}: {body[:300]!r}")


@pytest.mark.timeout(240)
def test_every_verdict_equals_the_public_schema(either_registry: Registry, corpus: Path) -> None:
    comparison = Comparison(either_registry)
    publics = {}
    for seed, file in enumerate(sorted(corpus.glob("samples/*/*.xml"))):
        message = read(either_registry, file.read_bytes(), "xml").message
        if message.key not in FILES:  # an arrival has no public schema of its own: it is a declaration there
            message = either_registry.message("wco-dms/3.6/DEC")
        if message.key not in publics:
            publics[message.key] = public_schema(corpus, message.key)
        comparison.compare(file.name, "as it is", file.read_bytes(), message, publics[message.key])
        for kind, body in mutants(file.read_bytes(), MUTANTS_EACH, seed):
            comparison.counts[kind] += 1
            comparison.compare(file.name, kind, body, message, publics[message.key])
    print(dict(comparison.counts))
    assert not comparison.wrong, comparison.wrong[:10]
    assert comparison.counts["valid"] > 1000
    assert comparison.counts["invalid"] > 2500
    assert comparison.counts["JSON"] > 3000
    assert all(comparison.counts[kind.__name__] for kind in KINDS)
    assert len(publics) == len({"DEC", "CANCEL", "RES"})
