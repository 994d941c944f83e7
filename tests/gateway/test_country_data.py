"""The fictitious country's data, linted as an administration's own would be: tables, agencies, samples, outcomes."""

import tomllib
from datetime import date
from decimal import Decimal

import pytest
from lxml import etree

from adapters.simulator.behaviour import Asked, Behaviour, decide, load
from adapters.simulator.behaviour import Goods as Presented
from datamodel.codecs import Parsed, read, write
from datamodel.projection import Projector
from datamodel.structs import bare
from gateway.requirements import RequirementTable, load_agencies
from gateway.routing import goods, route
from tests.conftest import SCHEMAS
from tests.datamodel.public_xsd import public_schema

DEC = "wco-dms/3.6/DEC"
AGENCIES = load_agencies(SCHEMAS / "agencies")
TABLE = RequirementTable.load(SCHEMAS / "requirements", AGENCIES)
SAMPLES = SCHEMAS / "samples"
EXPECTED = tomllib.loads((SAMPLES / "expected.toml").read_text(encoding="utf-8"))
BEHAVIOUR = SCHEMAS / "demo" / "behaviour.toml"
NAMES = sorted(EXPECTED)
# The samples are for any day from here on, whatever begins or ends in between.
DAYS = (date(2026, 1, 1), date(2026, 11, 21), date(2027, 1, 1), date(2035, 1, 1))

every_sample = pytest.mark.parametrize("name", NAMES)
every_agency = pytest.mark.parametrize("code", sorted(AGENCIES))


@pytest.fixture(scope="module")
def samples(registry) -> dict[str, Parsed]:
    return {name: read(registry, (SAMPLES / f"{name}.xml").read_bytes(), "xml") for name in NAMES}


def declaration(parsed: Parsed):
    return parsed.document.Declaration


def routes(parsed: Parsed, on: date = DAYS[1]):
    return route(declaration(parsed), TABLE, AGENCIES, on)


# Requirements and agencies


def test_every_row_names_an_agency_a_purpose_and_a_legal_basis():
    assert {row.agency for row in TABLE.rows} == set(AGENCIES) == {"FSA", "MED", "PHS", "TEX", "WLD"}
    assert all(row.purpose and row.legal_basis for row in TABLE.rows)
    assert all(row.id.startswith(row.agency) for row in TABLE.rows)


def test_the_table_shows_every_kind_of_condition():
    assert len(TABLE.rows) >= 40
    assert {row.direction for row in TABLE.rows} == {"import", "export"}
    assert all(any(getattr(row, name) for row in TABLE.rows) for name in ("origin", "destination", "procedure"))
    assert any(row.effective_to and row.effective_to < DAYS[0] for row in TABLE.rows)
    assert any(row.effective_from == date(2027, 1, 1) for row in TABLE.rows)


def test_prefixes_are_no_deeper_than_the_harmonised_system():
    """Declarations may give six digits only; a deeper row would never be found for them."""
    assert [row.id for row in TABLE.rows if len(row.hs_prefix) > 6] == []


def test_a_trader_who_asks_about_flowers_from_kenya_is_told_about_the_roses_too():
    told = TABLE.enquire("0603", direction="import", origin="KE", on=DAYS[1])
    assert [(row.agency, row.lpco_type) for row in told] == [("PHS", "N851"), ("PHS", "N004")]


@every_agency
def test_all_that_an_agency_is_shown_exists_and_nothing_else_is_shown(registry, code):
    Projector(registry.message(DEC), AGENCIES[code].disclose)
    with pytest.raises(ValueError, match="Consignee/Nickname"):
        Projector(registry.message(DEC), [*AGENCIES[code].disclose, "GoodsShipment/Consignee/Nickname"])


@every_agency
def test_no_agency_sees_prices_taxes_or_securities(registry, samples, code):
    """The one exception has a purpose and a legal basis: the statistical value, for the testing levy."""
    projector = Projector(registry.message(DEC), AGENCIES[code].disclose)
    secret = ["InvoiceAmount", "ItemChargeAmount", "CustomsValueAmount", "CustomsValuation", "DutyTaxFee", "Payer"]
    secret += ["Invoice", "TradeTerms", "CurrencyExchange", "AuthorisationHolder", "ObligationGuarantee", "currencyID"]
    if code == "TEX":
        secret.remove("currencyID")
    else:
        secret.append("StatisticalValueAmount")
    seen = set()
    for parsed in samples.values():
        part = write(
            Parsed(parsed.message, type(parsed.document)(Declaration=projector.project(declaration(parsed)))), "xml"
        )
        for element in etree.fromstring(part).iter():
            seen |= {etree.QName(element).localname, *element.attrib}
    assert seen.isdisjoint(secret)


@every_agency
def test_what_an_agency_gets_is_a_valid_declaration_of_its_own_items_with_their_codes(registry, samples, code):
    projector = Projector(registry.message(DEC), AGENCIES[code].disclose)
    for parsed in samples.values():
        for each in (found for found in routes(parsed) if found.agency.code == code):
            part = projector.project(declaration(parsed), each.items)
            body = write(Parsed(parsed.message, type(parsed.document)(Declaration=part)), each.agency.media)
            again = declaration(read(registry, body, each.agency.media, DEC))
            whole = {item.sequence: item.hs for item in goods(declaration(parsed))}
            assert {item.sequence: item.hs for item in goods(again)} == {number: whole[number] for number in each.items}


# Samples


def test_the_samples_cover_none_one_several_and_all_agencies_and_one_to_thirty_items(samples):
    counts = [len(expected["agencies"]) for expected in EXPECTED.values()]
    assert len(NAMES) == 12
    assert counts.count(0) >= 3
    assert counts.count(1) >= 4
    assert sum(count > 1 for count in counts) >= 5
    assert max(counts) == len(AGENCIES)
    items = [len(goods(declaration(parsed))) for parsed in samples.values()]
    assert (min(items), max(items)) == (1, 30)
    assert sum(expected["outcome"] == "refused" for expected in EXPECTED.values()) >= 2
    assert {bare(declaration(parsed).TypeCode)[:2] for parsed in samples.values()} == {"IM", "EX"}


def test_every_file_beside_the_samples_is_one_of_them():
    assert {file.name for file in SAMPLES.iterdir() if file.is_file()} == {"expected.toml"} | {
        f"{name}.{form}" for name in NAMES for form in ("xml", "json")
    }


@every_sample
def test_xml_and_json_of_a_sample_are_one_document(registry, samples, name):
    by_json = read(registry, (SAMPLES / f"{name}.json").read_bytes(), "json")
    assert by_json.message.key == samples[name].message.key == DEC
    assert by_json.document == samples[name].document
    assert write(by_json, "xml") == write(samples[name], "xml")


@every_sample
def test_the_public_schema_accepts_a_sample(corpus, name):
    schema = public_schema(corpus, DEC)
    assert schema.validate(etree.parse(SAMPLES / f"{name}.xml")), schema.error_log


@every_sample
def test_the_totals_of_a_sample_are_those_of_its_items(samples, name):
    declared = declaration(samples[name])
    items = declared.GoodsShipment.GovernmentAgencyGoodsItem
    measures = [item.Commodity.GoodsMeasure for item in items]
    assert bare(declared.GoodsItemQuantity) == len(items)
    assert [bare(item.SequenceNumeric) for item in items] == list(range(1, len(items) + 1))
    assert bare(declared.TotalGrossMassMeasure) == sum(bare(each.GrossMassMeasure) for each in measures)
    assert all(bare(each.NetNetWeightMeasure) < bare(each.GrossMassMeasure) for each in measures)
    assert bare(declared.InvoiceAmount) == sum(bare(item.Commodity.InvoiceLine.ItemChargeAmount) for item in items)
    packages = [bare(each.QuantityQuantity) for item in items for each in item.Packaging]
    assert bare(declared.TotalPackageQuantity) == sum(packages, Decimal())


def test_the_samples_are_of_this_country_and_can_be_lodged_side_by_side(samples):
    assert {bare(parsed.document.ResponsibleCountryCode) for parsed in samples.values()} == {"XZ"}
    references = {bare(declaration(parsed).FunctionalReferenceID) for parsed in samples.values()}
    assert len(references) == len(NAMES)


# What happens to them


@every_sample
@pytest.mark.parametrize("on", DAYS, ids=str)
def test_a_sample_goes_to_the_agencies_that_are_expected(samples, name, on):
    assert [each.agency.code for each in routes(samples[name], on)] == EXPECTED[name]["agencies"]


@every_sample
def test_a_sample_ends_as_expected_when_the_agencies_behave_as_in_the_demo(samples, name):
    parts = {item.sequence: Presented(item.sequence, item.hs or "") for item in goods(declaration(samples[name]))}
    outcomes = {
        decide(
            Asked(
                delivery_id=name,
                mrn=name,
                agency=each.agency.code,
                issued_on=DAYS[1],
                goods=tuple(parts[number] for number in each.items),
                permits=(),
            ),
            load(BEHAVIOUR, each.agency.code),
        )[-1].outcome
        for each in routes(samples[name])
    }
    assert ("refused" if "refused" in outcomes else "released") == EXPECTED[name]["outcome"]
    assert outcomes <= {"granted", "refused"}


@every_agency
def test_each_agency_of_the_demo_answers_in_a_way_that_its_channel_allows(code):
    behaviour = load(BEHAVIOUR, code)
    assert behaviour != Behaviour(), "the demo does not say how this agency behaves"
    ways = {"http": {"at-once", "callback"}, "inbox": {"poll"}}
    assert behaviour.answer in ways[AGENCIES[code].channel]
    assert 0 < behaviour.delay <= 0.2
