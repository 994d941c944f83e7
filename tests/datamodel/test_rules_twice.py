"""Rules run as compiled Python find exactly what the same rules find when their trees are walked over plain JSON."""

from collections import Counter
from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from datamodel.codecs import Parsed
from datamodel.registry import Registry
from datamodel.rules import RuleBook
from tests.datamodel.damage import damaged
from tests.datamodel.plain_rules import Verdict, verdicts
from tests.datamodel.rule_material import DAY, RULES, changed, found, parsed, sample
from tests.datamodel.xz_rule_cases import CASES, GONE

DAYS = (DAY, date(2026, 6, 30), date(2013, 1, 1))


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
    seen: set[str] = set()
    for message, rng in damaged(registry, 200):
        quick, simple = both(book, message, rng.choice(DAYS))
        assert quick == simple
        seen |= {rule for rule, _, _ in quick}
    assert len(seen) > 25
