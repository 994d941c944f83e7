"""Budgets: what leaves one is found, what is missing is found, and no time is ever judged."""

import msgspec
import pytest

from perf.check import BUDGETS, Budget, budgets, judge
from perf.groups import GROUPS
from perf.results import Row


def row(**facts):
    return Row(**{"group": "g", "name": "ours", "case": "small", "value": 3.0, "unit": "ms", **facts})


def budget(**limits):
    return Budget(group="g", row="ours", case="small", reason="because", **limits)


@pytest.mark.parametrize(
    ("limits", "facts", "found"),
    [
        ({"at_most": 1.5}, {"ratio": 1.5}, []),
        ({"at_most": 1.5}, {"ratio": 1.51, "against": "floor"}, ["1.51 times floor"]),
        ({"at_least": 30}, {"ratio": 30}, []),
        ({"at_least": 30}, {"ratio": 29, "against": "xmlschema"}, ["29 times xmlschema"]),
        ({"at_least": 1, "at_most": 2}, {"ratio": 2.5, "against": "x"}, ["2.5 times x"]),
        ({"at_most": 1.5}, {"ratio": float("nan"), "against": "x"}, ["nan times x"]),
        ({"at_most": 1.5}, {}, ["no ratio"]),
        ({"value_at_most": 32}, {"value": 31, "unit": "MB"}, []),
        ({"value_at_most": 32}, {"value": 33, "unit": "MB"}, ["33 MB"]),
        ({"value_at_most": 32}, {"value": 1}, ["ms is a time, which no budget may judge"]),
        ({"value_at_most": 32}, {"unit": "µs/element"}, ["µs/element is a time, which no budget may judge"]),
        ({"at_most": 1.5}, {"ratio": 1, "case": "large"}, ["not measured"]),
        ({"at_most": 1.5, "needs": "no-such-program"}, {"ratio": 1, "case": "large"}, []),
        ({"at_most": 1.5, "needs": "no-such-program"}, {"ratio": 2, "against": "x"}, ["2 times x"]),
        ({"at_most": 1.5, "needs": "sh"}, {"ratio": 1, "case": "large"}, ["not measured"]),
    ],
)
def test_a_budget_is_held_to_the_row(limits, facts, found):
    assert [breach.found for breach in judge([budget(**limits)], [row(**facts)])] == found


def test_a_budget_without_a_limit_is_refused(tmp_path):
    file = tmp_path / "budgets.toml"
    file.write_text('[[budget]]\ngroup = "g"\nrow = "ours"\ncase = "small"\nreason = "because"\n')
    with pytest.raises(msgspec.ValidationError, match="sets no limit"):
        budgets(file)


def test_a_misspelt_limit_is_refused(tmp_path):
    file = tmp_path / "budgets.toml"
    file.write_text('[[budget]]\ngroup = "g"\nrow = "ours"\ncase = "small"\nreason = "because"\nat_mots = 1\n')
    with pytest.raises(msgspec.ValidationError, match="at_mots"):
        budgets(file)


def test_our_budgets_name_groups_that_exist_and_each_row_once():
    ours = budgets(BUDGETS)
    assert {budget.group for budget in ours} <= set(GROUPS)
    names = [(budget.group, budget.row, budget.case) for budget in ours]
    assert len(names) == len(set(names))
