"""The tables of code lists: every fault is found, with its file, its line and a remedy; and nothing else is."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodel.codelist_files import BadLists
from datamodel.codelist_lint import lint
from datamodel.codelists import CodeLists
from tests.datamodel.listing import MODE, bound, folder, row

GOOD = {"base": [row("1"), row("2", "2020-01-01", "2020-12-31"), row("2", "2022-01-01")], "own": [row("3", parent="1")]}
FACTS = {"own": 'country = "XZ"\nextends = "base"'}
POSITIONS = [bound(MODE, "base"), bound(MODE, "own", country="XZ")]


def faults(registry, path, change):
    """The faults of a good folder after a change of one of its files, as `file:line text`."""
    folder(path, GOOD, POSITIONS, FACTS)
    assert lint(path, registry) == []
    file, old, new = change
    text = (path / file).read_text(encoding="utf-8")
    assert old in text
    (path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    found = lint(path, registry)
    assert all(fault.remedy for fault in found)
    return [f"{fault.file.rpartition('/')[2]}:{fault.line} {fault.text}" for fault in found]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("base.tsv", "2022-01-01", "2020-12-31"), ["base.tsv:4 2 is in force twice on some days"]),
        (("base.tsv", "\t2022-01-01", "\t"), ["base.tsv:4 2 is in force twice on some days"]),
        (("base.tsv", "2020-01-01", "2020-02-30"), ["base.tsv:3 from: '2020-02-30' will not do"]),
        (
            ("base.tsv", "2020-12-31", "2019-12-31"),
            ["base.tsv:3 it ends on 2019-12-31, before it begins on 2020-01-01"],
        ),
        (("base.tsv", "code 1", ""), ["base.tsv:2 a row needs a code without spaces, and a name"]),
        (("base.tsv", "1\tcode", "1 1\tcode"), ["base.tsv:2 a row needs a code without spaces, and a name"]),
        (("base.tsv", "code 1\t", "code 1"), ["base.tsv:2 7 cells"]),
        (("base.tsv", "name", "label"), ["base.tsv:1 the first line does not name the columns"]),
        (("own.tsv", "\t1\t", "\t9\t"), ["own.tsv:2 3 names '9', which the list does not have"]),
        (("own.tsv", "\t1\t\t\t", "\t1\t9\t\t"), ["own.tsv:2 3 names '9', which the list does not have"]),
        (("own.tsv", "\t1\t\t\t", "\t1\t\t2\t"), ["own.tsv:2 '2' is a code itself, or stands for two"]),
        (
            ("lists.toml", 'extends = "base"', 'extends = "gone"'),
            ["lists.toml:5 list own extends 'gone', which there is not"],
        ),
        (
            ("lists.toml", 'extends = "base"', 'extends = "own"'),
            ["lists.toml:5 list own extends itself, by way of own"],
        ),
        (("lists.toml", "[own]", "[other]"), []),
        (
            ("lists.toml", 'country = "XZ"', 'country = "xz"'),
            ["bindings.tsv:3 list own is that of xz", "lists.toml:5 list own: 'xz' is not a country"],
        ),
        (("lists.toml", "title", "tittle"), []),
        (("lists.toml", "[own]", "[own"), []),
        (
            ("lists.toml", "source", "editions = { x = 2020-01-01 }\nsource"),
            ["base.tsv:3 no edition ends on 2020-12-31"],
        ),
        (
            ("bindings.tsv", MODE, "Declaration/Nonsense"),
            ["bindings.tsv:2 no message has a value at Declaration/Nonsense"],
        ),
        (("bindings.tsv", MODE, "id:ZZZ"), ["bindings.tsv:2 no message has a value at id:ZZZ"]),
        (("bindings.tsv", MODE, "a*/b"), ["bindings.tsv:2 position: 'a*/b' will not do"]),
        (("bindings.tsv", MODE, "*"), ["bindings.tsv:2 position: '*' will not do"]),
        (("bindings.tsv", MODE, ""), ["bindings.tsv:2 position is empty"]),
        (("bindings.tsv", "\tbase\t", "\tgone\t"), ["bindings.tsv:2 there is no list 'gone'"]),
        (("bindings.tsv", "\tbase\t", "\town\t"), ["bindings.tsv:2 list own is that of XZ"]),
        (("bindings.tsv", "\terror", "\tfatal"), ["bindings.tsv:2 severity: 'fatal' is none"]),
        (("bindings.tsv", "base\t", "base\tother/*"), ["bindings.tsv:2 no message type fits 'other/*'"]),
        (("bindings.tsv", "\tXZ\t", "\t\t"), []),
        (("bindings.tsv", "\tXZ\t", "\tx\t"), []),
        (("bindings.tsv", "error\t\t\t\t\t", "error\t\t\t\t0\t"), ["bindings.tsv:2 first: '0' will not do"]),
        (("bindings.tsv", "error\t\t\t\t\t", "error\t\t\t\t\t="), ["bindings.tsv:2 when: '=' will not do"]),
        (("bindings.tsv", "error\t\t\t\t\t", "error\t\t\t\t\tX=1"), [f"bindings.tsv:2 {MODE} has no sibling 'X'"]),
        (("bindings.tsv", "error\t\t\t\t\t", "error\t\t\tX\t\t"), [f"bindings.tsv:2 {MODE} has no sibling 'X'"]),
    ],
)
def test_the_linter_says_where_and_what(registry, tmp_path, change, expected):
    found = faults(registry, tmp_path, change)
    assert found
    assert found[: len(expected)] == expected
    try:
        CodeLists.load(tmp_path)
    except BadLists as bad:
        assert str(bad)
    else:  # the message types alone can tell
        assert found[0].startswith("bindings.tsv:2 no message") or "sibling" in found[0]


def test_all_faults_are_told_at_once(registry, tmp_path):
    folder(tmp_path, GOOD, POSITIONS, FACTS)
    for name, old in (("base.tsv", "2020-01-01"), ("own.tsv", "\t1\t"), ("bindings.tsv", "error")):
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text.replace(old, old.replace("1", "x").replace("error", "x")))
    (tmp_path / "stray.tsv").write_text("")
    assert len(lint(tmp_path, registry)) >= 5


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("AB"),
            st.one_of(st.none(), st.integers(0, 12)),
            st.one_of(st.none(), st.integers(0, 12)),
        ),
        max_size=6,
    )
)
def test_a_table_is_good_just_when_no_code_is_in_force_twice_on_a_day(tmp_path, rows):
    def day(number):
        return "" if number is None else (date(2020, 1, 1) + timedelta(days=number)).isoformat()

    table = [row(code, day(first), day(last)) for code, first, last in rows]
    days = [
        [(code, at) for at in range(0 if first is None else first, 13 if last is None else last + 1)]
        for code, first, last in rows
    ]
    flat = [each for some in days for each in some]
    good = len(flat) == len(set(flat)) and all(days)
    try:
        CodeLists.load(folder(tmp_path, {"x": table}, []))
    except BadLists:
        assert not good
    else:
        assert good
