"""Results: groups replace their own rows only, machines are not mixed, and what is printed is what was found."""

import io

import msgspec
import pytest
from rich.console import Console

from perf.results import Row, load, measured, merge, save, table, this_machine


def group(name, value):
    return measured(
        [Row(name, "ours", "small", value, "ms", ratio=value, against="floor")], [f"note of {value}"], "usual"
    )


def test_a_group_measured_again_replaces_its_own_rows(tmp_path):
    file = tmp_path / "results.json"
    save(merge(this_machine(), load(file), {"codecs": group("codecs", 1.0), "start": group("start", 2.0)}), file)
    save(merge(this_machine(), load(file), {"codecs": group("codecs", 3.0)}), file)
    kept = load(file)
    assert [(row.group, row.value) for row in kept.rows] == [("codecs", 3.0), ("start", 2.0)]
    assert [group.notes for group in kept.groups.values()] == [["note of 3.0"], ["note of 2.0"]]
    assert [file.name] == [path.name for path in tmp_path.iterdir()]


def test_rows_of_another_machine_are_not_kept():
    elsewhere = msgspec.structs.replace(this_machine(), cpu="another")
    before = merge(elsewhere, None, {"codecs": group("codecs", 1.0)})
    assert list(merge(this_machine(), before, {"start": group("start", 2.0)}).groups) == ["start"]


@pytest.mark.parametrize(
    ("value", "shown"), [(1234.5, "1,234 ms"), (12.345, "12.3 ms"), (1.5, "1.50 ms"), (0.01234, "0.0123 ms")]
)
def test_the_table_shows_value_ratio_and_what_it_is_against(value, shown):
    out = io.StringIO()
    results = merge(this_machine(), None, {"codecs": group("codecs", value)})
    Console(file=out, width=160).print(table(results))
    line = next(line for line in out.getvalue().splitlines() if "ours" in line)
    assert shown in line
    assert "floor" in line
