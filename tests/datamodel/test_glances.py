"""Glances spare the walk through what is good, and nothing else: with and without them the same is found."""

from datetime import date

import pytest

from datamodel import codelists
from datamodel.codelists import CodeLists
from datamodel.registry import Registry
from tests.datamodel.damage import damaged
from tests.datamodel.rule_material import DAY, SCHEMAS, parsed, sample
from tests.datamodel.test_rules import calls, many_items

FOLDER = SCHEMAS / "codelists"
DAYS = (DAY, date(2021, 12, 31), date(2005, 6, 1), date(1900, 1, 1), date(2040, 1, 1))


@pytest.fixture
def quick() -> CodeLists:
    return CodeLists.load(FOLDER)


@pytest.fixture
def simple(monkeypatch: pytest.MonkeyPatch) -> CodeLists:
    """Walks through everything."""
    monkeypatch.setattr(codelists, "Lookout", lambda *_: None)
    return CodeLists.load(FOLDER)


def test_the_same_is_found_with_and_without_glances(quick: CodeLists, simple: CodeLists, registry: Registry) -> None:
    found = 0
    for message, rng in damaged(registry, 150):
        day, country = rng.choice(DAYS), rng.choice((None, "XZ", "GB"))
        findings = simple.check(message.message, message.document, day, country)
        assert quick.check(message.message, message.document, day, country) == findings
        found += len(findings)
    assert found > 100


def test_a_good_document_is_not_walked_through(
    quick: CodeLists, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = parsed(registry, sample("import-supermarket-thirty-items"))
    monkeypatch.setattr(codelists._Run, "node", lambda *_: pytest.fail("walked"))
    assert quick.check(message.message, message.document, DAY) == []


@pytest.mark.parametrize("code", ["KGM", "XXX"])
def test_the_work_grows_with_the_document(code: str, quick: CodeLists, registry: Registry) -> None:
    runs = []
    for count in (100, 200, 400):  # beyond 100, no more is explained
        document = many_items(count)
        for item in document["MetaData"]["Declaration"]["GoodsShipment"]["GovernmentAgencyGoodsItem"]:
            del item["AdditionalDocument"]
            item["Commodity"]["GoodsMeasure"]["GrossMassMeasure"] = {"@unitCode": code, "value": 1}
        message = parsed(registry, document)
        found = quick.check(message.message, message.document, DAY)
        assert len(found) == (count if code == "XXX" else 0)
        runs.append(calls(lambda message=message: quick.check(message.message, message.document, DAY)))
    assert runs[2] - runs[1] == pytest.approx(2 * (runs[1] - runs[0]), rel=0.05)
