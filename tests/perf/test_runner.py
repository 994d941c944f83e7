"""The runner and the check, as `make perf` and `make perf-check` run them, on a group that takes no time."""

import sys
from types import ModuleType

import pytest

from perf import check
from perf.__main__ import main
from perf.groups import GROUPS, Group
from perf.results import Row, load


@pytest.fixture
def tiny(monkeypatch):
    """A group whose module can be told what to do."""
    module = ModuleType("tiny_measurements")
    module.run = lambda options: [Row("tiny", "ours", "small", 2.0, "ms", ratio=2.0, against="floor")]
    monkeypatch.setitem(sys.modules, "tiny_measurements", module)
    monkeypatch.setitem(GROUPS, "tiny", Group("tiny_measurements", "nothing much"))
    return module


def test_what_a_group_finds_is_printed_and_kept(tiny, tmp_path, capsys):
    assert main(["--only", "tiny", "--out", str(tmp_path)]) == 0
    assert "2.00 ms" in capsys.readouterr().out
    kept = load(tmp_path / "results.json")
    assert [row.name for row in kept.rows] == ["ours"]
    assert kept.machine.cores >= 1
    assert kept.groups["tiny"].libraries["lxml"]


def test_notes_are_printed_and_kept(tiny, tmp_path, capsys):
    found = tiny.run
    tiny.run = lambda options: options.note("the peer is left out") or found(options)
    assert main(["--only", "tiny", "--out", str(tmp_path)]) == 0
    assert "tiny: the peer is left out" in capsys.readouterr().out
    assert load(tmp_path / "results.json").groups["tiny"].notes == ["the peer is left out"]


@pytest.mark.parametrize("fault", [lambda options: [], lambda options: 1 / 0])
def test_a_group_that_fails_fails_the_run_and_keeps_what_was_there(tiny, fault, tmp_path, capsys):
    main(["--only", "tiny", "--out", str(tmp_path)])
    tiny.run = fault
    assert main(["--only", "tiny", "--out", str(tmp_path)]) == 1
    assert "not measured: tiny" in capsys.readouterr().err
    assert [row.name for row in load(tmp_path / "results.json").rows] == ["ours"]


def test_a_group_that_there_is_not_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--only", "codec"])
    assert ended.value.code == 2
    assert "codecs" in capsys.readouterr().err


def test_the_check_fails_without_measurements(tmp_path, capsys):
    assert check.main([str(tmp_path / "results.json")]) == 1
    assert "make perf" in capsys.readouterr().err


def test_the_check_names_every_budget_that_was_not_measured(tiny, tmp_path, capsys):
    main(["--only", "tiny", "--out", str(tmp_path)])
    assert check.main([str(tmp_path / "results.json")]) == 1
    said = capsys.readouterr().out
    assert "not measured" in said
    assert all(budget.group in said for budget in check.budgets())
