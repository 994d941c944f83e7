"""The requirements table as an administration's staff and the router meet it: what matches, and what is refused."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.requirements import COLUMNS, Requirement, RequirementTable, load_agencies

TODAY = date(2026, 6, 1)
GOOD = {
    "id": "PHS-001",
    "agency": "PHS",
    "hs_prefix": "0603",
    "direction": "import",
    "procedure": "",
    "origin": "",
    "destination": "",
    "lpco_type": "N851",
    "purpose": "Freedom from pests",
    "legal_basis": '"Plant Health Act 2014, s. 12"',
    "effective_from": "2014-06-01",
    "effective_to": "",
}
HEADER = ",".join(GOOD)


def line(**cells: str) -> str:
    return ",".join((GOOD | cells).values())


def load(folder: Path, *lines: str, header: str = HEADER, **options) -> RequirementTable:
    (folder / "xz.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return RequirementTable.load(folder, **options)


def faults(folder: Path, *lines: str, **options) -> list[str]:
    with pytest.raises(ValueError) as refused:
        load(folder, *lines, **options)
    return str(refused.value).splitlines()


def ids(rows: list[Requirement]) -> list[str]:
    return [row.id for row in rows]


# What matches


def test_a_row_applies_to_every_code_below_its_prefix_and_to_no_other(tmp_path):
    table = load(tmp_path, line())
    matched = {
        hs: ids(table.match(hs, "import", "4000", "KE", "XZ", TODAY))
        for hs in ("0603", "060311", "0603110090", "0604", "06", "30603")
    }
    assert matched == {
        "0603": ["PHS-001"],
        "060311": ["PHS-001"],
        "0603110090": ["PHS-001"],
        "0604": [],
        "06": [],
        "30603": [],
    }


@pytest.mark.parametrize(
    ("cells", "facts", "applies"),
    [
        ({"direction": "export"}, {}, False),
        ({"origin": "KE"}, {"origin": "KE"}, True),
        ({"origin": "KE"}, {"origin": "ET"}, False),
        ({"destination": "JP"}, {"destination": "JP"}, True),
        ({"destination": "JP"}, {"destination": "US"}, False),
        ({"procedure": "40"}, {"procedure": "4071"}, True),
        ({"procedure": "4071"}, {"procedure": "4071"}, True),
        ({"procedure": "4071"}, {"procedure": "4000"}, False),
        ({"procedure": "51"}, {"procedure": "4000"}, False),
    ],
)
def test_every_condition_of_a_row_must_hold(tmp_path, cells, facts, applies):
    table = load(tmp_path, line(**cells))
    goods = {"procedure": "4000", "origin": "KE", "destination": "XZ"} | facts
    assert bool(table.match("060311", "import", **goods, on=TODAY)) is applies


def test_a_fact_that_is_not_declared_lifts_no_requirement(tmp_path):
    table = load(tmp_path, line(origin="KE", destination="XZ", procedure="4000"))
    assert ids(table.match("060311", "import", None, None, None, TODAY)) == ["PHS-001"]
    assert ids(table.match("060311", "import", "40", None, None, TODAY)) == ["PHS-001"]


def test_goods_without_a_code_meet_no_row(tmp_path):
    assert load(tmp_path, line()).match(None, "import", "4000", "KE", "XZ", TODAY) == []


def test_a_row_is_in_force_from_its_first_to_its_last_day(tmp_path):
    table = load(tmp_path, line(effective_from="2026-01-01", effective_to="2026-12-31"))
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [bool(table.match("0603", "import", None, None, None, day)) for day in days] == [False, True, True, False]


def test_rows_come_in_the_order_of_their_ids_whatever_their_depth_or_place_in_the_file(tmp_path):
    table = load(
        tmp_path, line(id="C", hs_prefix="06"), line(id="A", hs_prefix="060311"), line(id="B", lpco_type="C085")
    )
    assert ids(table.match("06031100", "import", None, None, None, TODAY)) == ["A", "B", "C"]


# What an enquiry tells


def test_an_enquiry_by_heading_lists_the_rows_above_it_and_those_deeper(tmp_path):
    table = load(
        tmp_path,
        line(id="CHAPTER", hs_prefix="06"),
        line(id="HEADING"),
        line(id="ROSES", hs_prefix="060311", origin="KE"),
        line(id="NEXT", hs_prefix="0604"),
        line(id="LEAVING", direction="export"),
    )
    assert ids(table.enquire("0603", direction="import", origin="KE")) == ["CHAPTER", "HEADING", "ROSES"]
    assert ids(table.enquire("0603", direction="import", origin="ET")) == ["CHAPTER", "HEADING"]
    assert ids(table.enquire("06.03.12", direction="import")) == ["CHAPTER", "HEADING"]
    assert ids(table.enquire("0603")) == ["CHAPTER", "HEADING", "LEAVING", "ROSES"]


def test_an_enquiry_is_for_a_day_or_for_all_days(tmp_path):
    table = load(tmp_path, line(id="OLD", effective_to="2020-12-31"), line(id="NEW", effective_from="2027-01-01"))
    assert ids(table.enquire("0603")) == ["NEW", "OLD"]
    assert ids(table.enquire("0603", on=TODAY)) == []
    assert ids(table.enquire("0603", on=date(2027, 1, 1))) == ["NEW"]


@pytest.mark.parametrize(
    ("hs", "facts", "told"),
    [
        *((hs, {}, "as hs_prefix; write 2 to 10 digits") for hs in ("", "0", "roses", "06o3", "12345678901", "٠٦٠٣")),
        ("0603", {"origin": "Kenya"}, "'KENYA' cannot be looked up as origin; write an ISO 3166-1 code"),
        ("0603", {"destination": "J"}, "'J' cannot be looked up as destination; write an ISO 3166-1 code"),
        ("0603", {"procedure": "import"}, "'import' cannot be looked up as procedure; write 1 to 4 digits"),
    ],
)
def test_an_enquiry_that_cannot_be_understood_is_not_answered_with_no_requirements(tmp_path, hs, facts, told):
    with pytest.raises(ValueError, match=told):
        load(tmp_path, line()).enquire(hs, **facts)


def test_an_enquiry_may_be_written_in_small_letters(tmp_path):
    table = load(tmp_path, line(origin="KE", destination="XZ"))
    assert ids(table.enquire("0603", origin="ke", destination="xz")) == ["PHS-001"]


HS = st.text("0123", min_size=2, max_size=6)
COUNTRY = st.sampled_from(["KE", "ET", None])
PROCEDURE = st.sampled_from(["40", "4000", "4071", "51", None])
ROWS = st.lists(st.tuples(HS, st.sampled_from(["import", "export"]), PROCEDURE, COUNTRY, COUNTRY), max_size=30)


def requirement(number: int, conditions: tuple) -> Requirement:
    hs, direction, procedure, origin, destination = conditions
    return Requirement(
        id=f"R{number}",
        agency="PHS",
        hs_prefix=hs,
        direction=direction,
        procedure=procedure,
        origin=origin,
        destination=destination,
        lpco_type="N851",
        purpose="Freedom from pests",
        legal_basis="Plant Health Act 2014, s. 12",
        effective_from=date(2014, 6, 1),
        effective_to=None,
    )


def alike(wanted: str | None, given: str | None) -> bool:
    return wanted is None or given is None or wanted == given


@given(ROWS, HS, PROCEDURE, COUNTRY, COUNTRY)
def test_the_index_finds_what_reading_every_row_finds_and_an_enquiry_tells_all_of_it(
    rows, hs, procedure, origin, destination
):
    table = RequirementTable(requirement(number, conditions) for number, conditions in enumerate(rows))
    found = ids(table.match(hs, "import", procedure, origin, destination, TODAY))
    by_reading = [
        row.id
        for row in table.rows
        if row.direction == "import"
        and hs.startswith(row.hs_prefix)
        and alike(row.origin, origin)
        and alike(row.destination, destination)
        and alike(
            *(
                code and code[: min(len(row.procedure or ""), len(procedure or ""))]
                for code in (row.procedure, procedure)
            )
        )
    ]
    assert found == by_reading
    assert set(found) <= set(ids(table.enquire(hs, "import", procedure, origin, destination, TODAY)))


# What is refused: every fault names file, line, column and remedy


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("id", ""),
        ("id", "phs 1"),
        ("agency", "Plant Health"),
        ("hs_prefix", ""),
        ("hs_prefix", "06.03"),
        ("hs_prefix", "6"),
        ("direction", "both"),
        ("procedure", "40-00"),
        ("origin", "Kenya"),
        ("destination", "jp"),
        ("lpco_type", "PHYTO"),
        ("purpose", ""),
        ("legal_basis", ""),
        ("effective_from", ""),
        ("effective_from", "01.06.2014"),
        ("effective_from", "2014-02-30"),
        ("effective_to", "never"),
    ],
)
def test_a_bad_cell_is_refused_with_its_place_and_its_remedy(tmp_path, column, cell):
    (fault,) = faults(tmp_path, line(id="FINE"), line(**{column: cell}))
    assert fault.startswith(f"xz.csv:3: column {column}: ")
    assert fault.endswith(COLUMNS[column].remedy)


def test_all_faults_of_all_files_are_told_at_once(tmp_path):
    (tmp_path / "more.csv").write_text(f"{HEADER}\n{line(id='MORE', direction='in', origin='K')}\n", encoding="utf-8")
    told = [fault.partition(": ")[0] for fault in faults(tmp_path, line(hs_prefix="flowers"), line(id="FINE"))]
    assert told == ["more.csv:2", "more.csv:2", "xz.csv:2"]


def test_a_row_that_ends_before_it_begins_is_refused(tmp_path):
    (fault,) = faults(tmp_path, line(effective_from="2026-01-01", effective_to="2025-12-31"))
    assert fault.startswith("xz.csv:2: column effective_to: 2025-12-31 is before 2026-01-01; write a last day")


def test_an_id_may_be_used_once_in_all_files(tmp_path):
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{line(hs_prefix='0601')}\n", encoding="utf-8")
    (fault,) = faults(tmp_path, line())
    assert fault == "xz.csv:2: column id: 'PHS-001' is taken by a.csv:2; give each row an id of its own"


def test_the_same_document_may_not_be_asked_twice_on_one_day(tmp_path):
    (fault,) = faults(tmp_path, line(effective_to="2026-01-01"), line(id="AGAIN", effective_from="2026-01-01"))
    assert fault.startswith(
        "xz.csv:3: column effective_from: AGAIN asks for the same as PHS-001 at xz.csv:2 on the same days; keep one"
    )


def test_a_row_may_follow_another_that_has_ended(tmp_path):
    assert load(tmp_path, line(effective_to="2025-12-31"), line(id="NEXT", effective_from="2026-01-01")).rows


def test_a_row_for_an_agency_that_is_not_known_is_refused(tmp_path):
    (fault,) = faults(tmp_path, line(), agencies={"FSA", "MED"})
    assert fault.startswith("xz.csv:2: column agency: there is no agency 'PHS'; write the code of an agency")


def test_a_row_that_was_cut_or_shifted_by_a_comma_is_refused_and_the_others_are_still_read(tmp_path):
    told = faults(tmp_path, line(legal_basis="Plant Health Act 2014, s. 12"), line(origin="Kenya"))
    assert told[0].startswith("xz.csv:2: 13 cells where the first line names 12 columns; put quotation marks")
    assert told[1].startswith("xz.csv:3: column origin:")


def test_line_numbers_count_lines_of_the_file_where_a_cell_spans_several(tmp_path):
    told = faults(tmp_path, line(purpose='"Freedom\nfrom pests"'), "", line(id="NEXT", origin="Kenya"))
    assert [fault.partition(": '")[0] for fault in told] == ["xz.csv:2: column purpose", "xz.csv:5: column origin"]


def test_a_table_as_spreadsheets_save_it_is_read(tmp_path):
    shuffled = ["legal_basis", *[name for name in GOOD if name != "legal_basis"]]
    text = "\r\n".join([",".join(shuffled), ",".join(GOOD[name] for name in shuffled), "," * (len(GOOD) - 1), ""])
    (tmp_path / "xz.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (row,) = RequirementTable.load(tmp_path).rows
    assert (row.legal_basis, row.origin, row.effective_to) == ("Plant Health Act 2014, s. 12", None, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "xz.csv:1: missing columns: id, agency"),
        (
            HEADER.replace("origin", "from").encode(),
            "xz.csv:1: missing columns: origin; unknown or repeated columns: 'from'",
        ),
        (HEADER.replace(",", ";").encode(), "xz.csv:1: missing columns: id, agency"),
        (
            f"{HEADER}\n{line(purpose='Pests')}".encode("utf-16"),
            "xz.csv: byte 0 is not UTF-8; save the file as CSV UTF-8",
        ),
        (f"{HEADER}\n{line(purpose=chr(34) + 'Pests')}".encode(), "xz.csv:2: "),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(tmp_path, text, told):
    (tmp_path / "xz.csv").write_bytes(text)
    with pytest.raises(ValueError) as refused:
        RequirementTable.load(tmp_path)
    assert str(refused.value).startswith(told)


def test_a_folder_without_a_table_is_refused_rather_than_taken_for_a_country_without_requirements(tmp_path):
    with pytest.raises(ValueError, match="no requirements table here; put at least one .csv file"):
        RequirementTable.load(tmp_path)


# Agencies

AGENCY = """\
code = "PHS"
name = "Plant Health Service"
channel = "http"
media = "xml"
url = "http://127.0.0.1:9102/deliveries"
hours_due = 24
disclose = [
    # why
    "TypeCode",
    "GoodsShipment/Destination",
]
"""


def test_an_agency_is_read_from_its_file(tmp_path):
    (tmp_path / "phs.toml").write_text(AGENCY, encoding="utf-8")
    agency = load_agencies(tmp_path)["PHS"]
    assert (agency.channel, agency.media, agency.hours_due) == ("http", "xml", 24)
    assert agency.disclose == ("TypeCode", "GoodsShipment/Destination")


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("hours_due", "hours", "phs.toml: Object contains unknown field `hours`; schemas/README.md lists the keys"),
        ('"xml"', '"edifact"', "phs.toml: Invalid enum value 'edifact' - at `$.media`; schemas/README.md"),
        ("24", "0", "phs.toml: Expected `float` > 0.0 - at `$.hours_due`"),
        ("code =", "code ==", "phs.toml: Invalid value (at line 1, column 7)"),
        ('"TypeCode"', '"Declaration//TypeCode"', "phs.toml: Expected `str` matching regex"),
        ("url =", "# url =", "phs.toml:3: channel http needs to know where the agency is; add url = ..."),
        ('"http"', '"folder"', "phs.toml:3: channel folder needs to know where the agency is; add folder = ..."),
        (
            "why\n",
            'why\n"TypeCode",\n',
            "phs.toml:10: disclose: TypeCode is covered by TypeCode; remove one of the two",
        ),
        (
            '"TypeCode"',
            '"GoodsShipment/Destination/CountryCode"',
            "phs.toml:9: disclose: GoodsShipment/Destination/CountryCode is covered by GoodsShipment/Destination; ",
        ),
    ],
)
def test_an_agency_that_cannot_be_served_is_refused_with_its_place_and_a_remedy(tmp_path, was, becomes, told):
    (tmp_path / "phs.toml").write_text(AGENCY.replace(was, becomes), encoding="utf-8")
    with pytest.raises(ValueError) as refused:
        load_agencies(tmp_path)
    assert str(refused.value).startswith(told)


def test_two_files_may_not_describe_one_agency(tmp_path):
    for name in ("phs.toml", "plants.toml"):
        (tmp_path / name).write_text(AGENCY, encoding="utf-8")
    with pytest.raises(ValueError, match=r"plants.toml:1: code 'PHS' is taken by another file; give each agency"):
        load_agencies(tmp_path)


def test_a_folder_without_agencies_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no agencies here; put one .toml file for each agency"):
        load_agencies(tmp_path)
