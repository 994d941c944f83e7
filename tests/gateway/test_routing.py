"""From a declaration to its agencies: what is read of each goods item, and who then gets what."""

import json
from datetime import date
from typing import Any

import pytest

from datamodel.codecs import Parsed, read, write
from gateway.requirements import Agency, Requirement, RequirementTable
from gateway.routing import Goods, direction, goods, route

TODAY = date(2026, 6, 1)


@pytest.fixture
def declare(registry):
    """A typed declaration from the properties of its JSON."""

    def typed(*items: dict[str, Any], TypeCode: str | None = "IMA", **shipment: Any) -> Any:
        numbered = [{"SequenceNumeric": number} | item for number, item in enumerate(items, 1)]
        content = {"FunctionCode": "9", "GoodsShipment": shipment | {"GovernmentAgencyGoodsItem": numbered}}
        if TypeCode is not None:
            content["TypeCode"] = TypeCode
        body = json.dumps({"MetaData": {"WCOTypeName": "DEC", "Declaration": content}}).encode()
        return read(registry, body, "json", "wco-dms/3.6/DEC").document.Declaration

    return typed


def classified(*codes: tuple[str | None, str]) -> dict[str, Any]:
    rows = [{"ID": code} | ({"IdentificationTypeCode": kind} if kind else {}) for kind, code in codes]
    return {"Commodity": {"Classification": rows}}


def procedures(*pairs: tuple[str | None, str | None]) -> dict[str, Any]:
    names = ("CurrentCode", "PreviousCode")
    return {"GovernmentProcedure": [{k: v for k, v in zip(names, pair, strict=True) if v} for pair in pairs]}


def requirement(key: str, agency: str, hs: str, **conditions: Any) -> Requirement:
    anything = {"procedure": None, "origin": None, "destination": None, "effective_to": None}
    return Requirement(
        id=key,
        agency=agency,
        hs_prefix=hs,
        direction=conditions.pop("direction", "import"),
        lpco_type="N851",
        purpose="Freedom from pests",
        legal_basis="Plant Health Act 2014, s. 12",
        effective_from=conditions.pop("effective_from", date(2014, 6, 1)),
        **(anything | conditions),
    )


def agency(code: str) -> Agency:
    return Agency(code=code, name=code, channel="inbox", media="json", hours_due=24, disclose=("TypeCode",))


AGENCIES = {code: agency(code) for code in ("FSA", "PHS", "WLD")}


def told(routes) -> list[tuple[str, dict[str, tuple[int, ...]], tuple[int, ...]]]:
    return [(each.agency.code, {row.id: items for row, items in each.requirements}, each.items) for each in routes]


@pytest.mark.parametrize(
    ("type_code", "procedure", "way"),
    [
        ("IMA", ("40", "00"), "import"),
        ("IMZ", ("10", "00"), "import"),
        ("EXA", ("10", "40"), "export"),
        ("EXD", ("40", "00"), "export"),
        ("COA", ("40", "00"), "import"),
        ("COA", ("10", "00"), "export"),
        ("COJ", ("23", "00"), "export"),
        ("COA", ("71", "00"), "import"),
        ("COA", ("76", "00"), "export"),
        (None, ("31", "51"), "export"),
        (None, ("61", "22"), "import"),
        (None, (None, None), "import"),
    ],
)
def test_the_type_code_says_which_way_and_where_it_does_not_the_procedure_does(declare, type_code, procedure, way):
    assert direction(declare(procedures(procedure), TypeCode=type_code)) == way


@pytest.mark.parametrize(
    ("codes", "hs"),
    [
        ([("TSP", "06031100"), ("TRC", "00")], "06031100"),
        ([("TRC", "81"), ("TSP", "02013000")], "02013000"),
        ([("HS", "060311"), ("TSP", "06031100")], "06031100"),
        ([("GN", "X325"), ("HS", "060311")], "060311"),
        ([("TSP", "0603.11.00")], "06031100"),
        ([(None, "0603110090")], "0603110090"),
        ([("TRC", "81"), ("CV", "06031100")], "06031100"),
        ([("TRC", "81")], None),
        ([("GN", "VATZ")], None),
        ([("TSP", "VATZ")], None),
        ([], None),
    ],
)
def test_the_tariff_code_is_the_one_that_is_said_to_be_it(declare, codes, hs):
    assert goods(declare(classified(*codes)))[0].hs == hs


@pytest.mark.parametrize(
    ("pairs", "procedure"),
    [
        ([("40", "00"), ("000", None)], "4000"),
        ([("1CS", None), ("10", "40")], "1040"),
        ([("40", None)], "40"),
        ([(None, None), ("40", None)], "40"),
        ([(None, "00")], None),
        ([], None),
    ],
)
def test_the_procedure_is_the_requested_and_the_previous_one(declare, pairs, procedure):
    assert goods(declare(procedures(*pairs)))[0].procedure == procedure


@pytest.mark.parametrize(
    ("origins", "origin"),
    [
        ([{"CountryCode": "KE", "TypeCode": "1"}], "KE"),
        ([{"CountryCode": "CL", "TypeCode": "2"}, {"CountryCode": "PE", "TypeCode": "1"}], "PE"),
        ([{"CountryCode": "CL", "TypeCode": "2"}], "CL"),
        ([{"CountryCode": "ET"}, {"CountryCode": "KE"}], "ET"),
        ([{"TypeCode": "1"}, {"CountryCode": "KE", "TypeCode": "2"}], "KE"),
        ([{"CountryCode": "ke", "TypeCode": "1"}], "KE"),
        ([], None),
    ],
)
def test_the_origin_is_the_one_that_controls_go_by(declare, origins, origin):
    assert goods(declare({"Origin": origins}))[0].origin == origin


def test_an_item_goes_where_it_says_and_else_where_the_shipment_goes(declare):
    items = ({"Destination": {"CountryCode": "jp"}}, {}, {"Destination": {"RegionID": "JP-13"}})
    found = goods(declare(*items, Destination={"CountryCode": "US"}))
    assert [each.destination for each in found] == ["JP", "US", "US"]
    assert goods(declare({}))[0].destination is None


def test_attributes_on_codes_do_not_hide_them(declare):
    declared = declare(
        {
            "Commodity": {
                "Classification": [
                    {
                        "ID": {"@schemeID": "HS", "value": "06031100"},
                        "IdentificationTypeCode": {"@listID": "7143", "value": "TSP"},
                    }
                ]
            },
            "GovernmentProcedure": [{"CurrentCode": {"@listID": "x", "value": "40"}, "PreviousCode": "00"}],
            "Origin": [{"CountryCode": {"@listID": "ISO", "value": "KE"}, "TypeCode": {"@listID": "x", "value": "1"}}],
        },
        TypeCode={"@listID": "1001", "value": "EXA"},
        Destination={"CountryCode": {"@listID": "ISO", "value": "JP"}},
    )
    assert goods(declared) == (Goods(sequence=1, hs="06031100", procedure="4000", origin="KE", destination="JP"),)
    assert direction(declared) == "export"


FLOWERS, BEEF, ORCHIDS = (
    classified(("TSP", "06031100")),
    classified(("TSP", "02013000")),
    classified(("TSP", "06029091")),
)
TABLE = RequirementTable(
    [
        requirement("PHS-2", "PHS", "060311", origin="KE"),
        requirement("PHS-1", "PHS", "06"),
        requirement("WLD-1", "WLD", "060290"),
        requirement("FSA-1", "FSA", "02"),
        requirement("FSA-2", "FSA", "0201", direction="export"),
        requirement("FSA-3", "FSA", "0201", effective_from=date(2027, 1, 1)),
    ]
)


def test_each_agency_gets_its_own_rows_and_items_in_an_order_that_never_changes(declare):
    kenyan = FLOWERS | {"Origin": [{"CountryCode": "KE", "TypeCode": "1"}]}
    dutch = FLOWERS | {"Origin": [{"CountryCode": "NL", "TypeCode": "1"}]}
    declared = declare(dutch, ORCHIDS, BEEF, classified(("TSP", "84099900")), kenyan)
    assert told(route(declared, TABLE, AGENCIES, TODAY)) == [
        ("FSA", {"FSA-1": (3,)}, (3,)),
        ("PHS", {"PHS-1": (1, 2, 5), "PHS-2": (5,)}, (1, 2, 5)),
        ("WLD", {"WLD-1": (2,)}, (2,)),
    ]


def test_items_are_known_by_their_own_numbers_not_by_their_place(declare):
    declared = declare(FLOWERS | {"SequenceNumeric": 7}, BEEF, FLOWERS | {"SequenceNumeric": 4})
    assert told(route(declared, TABLE, AGENCIES, TODAY))[1] == ("PHS", {"PHS-1": (4, 7), "PHS-2": (4, 7)}, (4, 7))


def test_the_day_decides_which_rows_count(declare):
    (before,) = route(declare(BEEF), TABLE, AGENCIES, date(2026, 12, 31))
    (after,) = route(declare(BEEF), TABLE, AGENCIES, date(2027, 1, 1))
    assert [row.id for row, _ in before.requirements] == ["FSA-1"]
    assert [row.id for row, _ in after.requirements] == ["FSA-1", "FSA-3"]


def test_goods_that_leave_meet_export_rows_alone(declare):
    assert told(route(declare(BEEF, FLOWERS, TypeCode="EXA"), TABLE, AGENCIES, TODAY)) == [
        ("FSA", {"FSA-2": (1,)}, (1,))
    ]


def test_a_declaration_that_no_agency_asks_about_has_no_routes(declare, registry):
    assert route(declare(classified(("TSP", "84099900"))), TABLE, AGENCIES, TODAY) == ()
    bare = b'{"MetaData": {"WCOTypeName": "DEC", "Declaration": {"FunctionCode": "13", "TypeCode": "COR"}}}'
    without_goods = read(registry, bare, "json", "wco-dms/3.6/DEC").document.Declaration
    assert route(without_goods, TABLE, AGENCIES, TODAY) == ()


def test_xml_and_json_of_one_declaration_take_the_same_routes(declare, registry):
    declaration = declare(ORCHIDS, BEEF)
    message = registry.message("wco-dms/3.6/DEC")
    parsed = Parsed(message, message.root_struct(WCOTypeName="DEC", Declaration=declaration))
    for form in ("xml", "json"):
        again = read(registry, write(parsed, form), form, message.key).document.Declaration
        assert route(again, TABLE, AGENCIES, TODAY) == route(declaration, TABLE, AGENCIES, TODAY)


def test_a_row_for_an_agency_that_does_not_exist_is_not_passed_over(declare):
    with pytest.raises(KeyError, match="FSA"):
        route(declare(BEEF), TABLE, {"PHS": AGENCIES["PHS"]}, TODAY)
