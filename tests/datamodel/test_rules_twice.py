"""Rules run as compiled Python find exactly what the same rules find when their trees are walked over plain JSON."""

import random
from collections import Counter
from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from datamodel.codecs import Parsed
from datamodel.issues import Refused
from datamodel.registry import Registry
from datamodel.rules import RuleBook
from tests.datamodel.plain_rules import Verdict, verdicts
from tests.datamodel.rule_material import DAY, RULES, SCHEMAS, changed, found, parsed, sample
from tests.datamodel.xz_rule_cases import CASES, GONE

SAMPLES = sorted(file.stem for file in (SCHEMAS / "samples").glob("*.json"))
DAYS = (DAY, date(2026, 6, 30), date(2013, 1, 1))
TEXTS = ["1", "XZ", "EXA", "IMD", "TSP", "4000", "1007", "380", "KGM", "US", "goods", "Parts.", "a@b.cd", "20200230"]
TEXTS += ["XZ123456789012", "20261019101500Z", "MSCU1234566", "9074729", "0603110000", "é\u2028"]


@pytest.fixture(scope="module")
def book(registry: Registry) -> RuleBook:
    return RuleBook.load(RULES, registry)


def both(book: RuleBook, message: Parsed, on: date) -> tuple[Counter[Verdict], Counter[Verdict]]:
    """What the quick way and the simple way find, where the rule looked cut off from where the finding points."""
    depth = {rule.id: len(rule.for_each.split("/")) if rule.for_each else 0 for rule in book.rules}
    quick = Counter((each.rule, each.steps[: depth[each.rule]], each.expected) for each in found(book, message, on))
    return quick, Counter(verdicts(list(book.rules), message, on))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_on_what_meets_and_what_breaks_each_rule(case: Any, book: RuleBook, registry: Registry) -> None:
    document = changed(sample(case.sample), deepcopy(case.good, {id(GONE): GONE}), GONE)  # it is changed again
    for each in (document, changed(document, case.bad, GONE)):
        quick, simple = both(book, parsed(registry, each), DAY)
        assert quick == simple


def test_on_damaged_declarations(book: RuleBook, registry: Registry) -> None:
    rng, seen, tried = random.Random(20261120), Counter[str](), 0
    while tried < 200:
        document = sample(rng.choice(SAMPLES))
        for _ in range(rng.choice((1, 3, 10))):
            damage(document["MetaData"]["Declaration"], rng)
        try:
            message = parsed(registry, document)
        except Refused:
            continue
        tried += 1
        quick, simple = both(book, message, rng.choice(DAYS))
        assert quick == simple
        seen.update(rule for rule, _, _ in quick)
    assert len(seen) > 25


def damage(part: Any, rng: random.Random) -> None:
    """Change, remove or double something somewhere below."""
    keys = list(part) if isinstance(part, dict) else list(range(len(part)))
    key = rng.choice(keys)
    value = part[key]
    if isinstance(value, dict | list) and value and rng.random() < 0.9:
        damage(value, rng)
    elif rng.random() < 0.3:
        del part[key]
    elif isinstance(value, str):
        part[key] = rng.choice(TEXTS)
    elif isinstance(part, list):
        part.append(value)
    elif not isinstance(value, dict | list):
        part[key] = rng.choice((value + 1, value * 2, 0, 1))
