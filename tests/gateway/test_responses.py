"""The response: valid in both formats whatever the case, with the codes of the published table."""

import msgspec
import pytest

from datamodel.codecs import read, write
from datamodel.structs import bare
from gateway.acts.invalidation import invalidate
from gateway.codes import load_codes
from gateway.collect import collect
from gateway.responses import response
from tests.gateway.scripted import case, case_when, decision, delivery_to, lodge_sample, states, taking_back

HOTEL = "import-hotel-supplies.xml"
AGENCIES = ("FSA", "MED", "PHS", "TEX", "WLD")


@pytest.fixture
async def lodged(gateway, trader):
    accepted = await lodge_sample(gateway, trader, HOTEL)
    return await case_when(gateway, accepted.mrn, lambda file: set(states(file).values()) == {"awaiting"})


async def respond(gateway, mrn: str):
    """The payload of the response, after a trip through both formats."""
    parsed = response(await case(gateway, mrn), gateway.registry, gateway.clock(), gateway.codes)
    as_xml, as_json = write(parsed, "xml"), write(parsed, "json")
    from_xml = read(gateway.registry, as_xml, "xml")
    assert from_xml.message.key == "wco-dms/3.6/RES"
    assert read(gateway.registry, as_json, "json").document == from_xml.document
    assert write(from_xml, "json") == as_json
    [body] = parsed.document.Response
    return body


async def decide(gateway, file, agency: str, outcome: str = "granted", **fields) -> None:
    await collect(gateway, agency, decision(outcome, **fields), "json", delivery_to(file, agency).id)


def lines(body) -> list[tuple[str, ...]]:
    """Kind, code and text of every line of information."""
    texts = ("StatementTypeCode", "StatementCode", "StatementDescription")
    return [tuple(str(bare(getattr(each, name))) for name in texts) for each in body.AdditionalInformation]


def until(line) -> str | None:
    return line.LimitDateTime.DateTimeString.value if line.LimitDateTime else None


def pointers(error) -> list[tuple[str, int]]:
    return [(bare(step.DocumentSectionCode), int(step.SequenceNumeric)) for step in error.Pointer]


async def test_a_case_without_agencies_is_released(gateway, trader):
    accepted = await lodge_sample(gateway, trader, "import-machine-parts-germany.xml")
    body = await respond(gateway, accepted.mrn)
    assert (bare(body.FunctionCode), body.Status, body.AdditionalInformation) == ("08", (), ())
    assert bare(body.Declaration.ID) == accepted.mrn
    assert body.Declaration.AcceptanceDateTime.DateTimeString.value == "20261121080000+00"
    assert body.Declaration.AcceptanceDateTime.DateTimeString.at_formatCode == "304"


async def test_the_reference_is_the_senders_and_the_response_has_its_own(gateway, lodged):
    body = await respond(gateway, lodged.case.mrn)
    assert bare(body.Declaration.FunctionalReferenceID) == lodged.case.reference
    before = bare(body.FunctionalReferenceID)
    assert before.startswith(lodged.case.mrn)
    await decide(gateway, lodged, "FSA")
    assert bare((await respond(gateway, lodged.case.mrn)).FunctionalReferenceID) != before


async def test_undecided_agencies_have_a_line_with_their_due_time_and_no_status(gateway, lodged):
    body = await respond(gateway, lodged.case.mrn)
    assert bare(body.FunctionCode) == "05"
    assert lines(body) == [("AGY", code, "awaiting") for code in AGENCIES]
    assert until(body.AdditionalInformation[0]) == "20261121120000+00"
    assert body.Status == ()


@pytest.mark.parametrize(("day", "told"), [("2027-01-31", "20270131"), ("9999-12-31", None), ("2100-01-01", None)])
async def test_a_day_that_a_response_cannot_say_is_left_out(gateway, lodged, day, told):
    permit = {"TypeCode": "N851", "ID": "P-1", "ExpirationDate": day}
    await decide(gateway, lodged, "PHS", LPCO=[permit])
    [line] = [
        each
        for each in (await respond(gateway, lodged.case.mrn)).AdditionalInformation
        if str(bare(each.StatementTypeCode)) == "PMT"
    ]
    assert until(line) == told


async def test_permits_and_reasons_stand_with_their_agency(gateway, lodged):
    permits = [{"TypeCode": "N853", "ID": "XZ-FS-1", "ExpirationDate": "2027-02-28"}, {"TypeCode": "C678", "ID": "2"}]
    await decide(gateway, lodged, "FSA", LPCO=permits, Reason="in order")
    body = await respond(gateway, lodged.case.mrn)
    assert lines(body)[:3] == [("AGY", "FSA", "granted: in order"), ("PMT", "N853", "XZ-FS-1"), ("PMT", "C678", "2")]
    assert [until(line) for line in body.AdditionalInformation[:3]] == [None, "20270228", None]
    [status] = body.Status
    assert (bare(status.NameCode), status.EffectiveDateTime.DateTimeString.value) == ("39", "20261121080000+00")


async def test_the_documents_that_are_asked_for_are_named(gateway, lodged):
    for agency in AGENCIES[1:]:
        await decide(gateway, lodged, agency)
    wanted = [{"TypeCode": "N853", "Description": "health certificate"}, {"TypeCode": "N380"}]
    await decide(gateway, lodged, "FSA", "documents", DocumentRequest=wanted)
    body = await respond(gateway, lodged.case.mrn)
    assert bare(body.FunctionCode) == "06"
    assert lines(body)[:3] == [
        ("AGY", "FSA", "documents"),
        ("DOC", "N853", "health certificate"),
        ("DOC", "N380", "None"),
    ]
    await decide(gateway, lodged, "FSA", "held", Reason="on the quay")
    assert bare((await respond(gateway, lodged.case.mrn)).FunctionCode) == "05"
    await decide(gateway, lodged, "FSA", "granted")
    assert bare((await respond(gateway, lodged.case.mrn)).FunctionCode) == "08"


async def test_a_refusal_says_what_is_wrong_and_where(gateway, lodged):
    first = delivery_to(lodged, "MED").items[0]
    findings = [
        {"Code": "MED12", "Description": "no licence", "SequenceNumeric": [first]},
        {"Code": "A-LONG-CODE-OF-17", "Description": "x" * 512},
        {"Code": "BARE"},
    ]
    for agency in AGENCIES:
        outcome, fields = ("refused", {"Finding": findings}) if agency == "MED" else ("granted", {})
        await decide(gateway, lodged, agency, outcome, **fields)
    body = await respond(gateway, lodged.case.mrn)
    assert bare(body.FunctionCode) == "03"
    assert body.Declaration.RejectionDateTime is not None
    assert [bare(each.NameCode) for each in body.Status] == ["39", "41", "39", "39", "39"]
    placed, long, short = body.Error
    assert (bare(placed.ValidationCode), bare(placed.Description)) == ("MED12", "no licence")
    assert pointers(placed) == [("42A", 1), ("67A", 1), ("68A", first)]
    assert bare(long.ValidationCode) == "XZ000"
    assert bare(long.Description).startswith("A-LONG-CODE-OF-17: xxx")
    assert len(bare(long.Description)) == 512
    assert pointers(long) == [("42A", 1)]
    assert (bare(short.ValidationCode), short.Description) == ("BARE", None)


@pytest.mark.parametrize("text", ["x" * 512, " leading and  trailing ", "a\u0085b", "<&>\"'", "货物"])
async def test_any_reason_that_an_agency_may_give_leaves_the_response_valid(gateway, lodged, text):
    await decide(gateway, lodged, "FSA", Reason=text)
    body = await respond(gateway, lodged.case.mrn)
    assert lines(body)[0][2].startswith("granted: ")


@pytest.mark.parametrize("text", ["\u0085", "a  b", "\t", "e\u0301"])
async def test_permits_of_any_spelling_leave_the_response_valid(gateway, lodged, text):
    await decide(gateway, lodged, "FSA", LPCO=[{"TypeCode": "N853", "ID": f"X{text}Y"}])
    await respond(gateway, lodged.case.mrn)


async def test_a_response_that_would_not_be_valid_is_our_fault(gateway, lodged):
    codes = msgspec.structs.replace(gateway.codes, function=dict.fromkeys(gateway.codes.function, "no code"))
    with pytest.raises(RuntimeError, match="not valid"):
        response(lodged, gateway.registry, gateway.clock(), codes)


async def test_an_invalidated_case_says_so_and_when_and_asks_for_nothing_more(gateway, trader, lodged, clock):
    mrn = lodged.case.mrn
    await decide(gateway, lodged, "FSA", LPCO=[{"TypeCode": "N853", "ID": "XZ-FS-1"}])
    await decide(gateway, lodged, "MED", "documents", DocumentRequest=[{"TypeCode": "N851"}])
    clock.advance(60)
    await invalidate(gateway, mrn, taking_back(trader, mrn))
    body = await respond(gateway, mrn)
    assert (bare(body.FunctionCode), bare(body.Declaration.ID)) == ("10", mrn)
    assert body.Declaration.CancellationDateTime.DateTimeString.value == "20261121080100+00"
    assert body.Declaration.RejectionDateTime is None
    assert [bare(each.NameCode) for each in body.Status] == ["39"]
    assert lines(body) == [
        ("AGY", "FSA", "granted"),
        ("PMT", "N853", "XZ-FS-1"),
        *(("AGY", agency, "withdrawn") for agency in AGENCIES[1:]),
    ]
    assert [until(line) for line in body.AdditionalInformation] == [None] * 6


# The table


def test_every_state_and_outcome_has_its_code(built):
    from gateway.lifecycle import CASE_STATES, DECIDED

    others = {"documents", "query", "query-answered", "request-received", "request-decided"}
    assert set(built.codes.function) == {*CASE_STATES, *others}
    assert set(built.codes.status) == DECIDED


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: columns"),
        ("kind\tname\tcode\tmeaning\nfunction\tx\t01", ":2: four filled cells"),
        ("kind\tname\tcode\tmeaning\nfunction\tx\t\ty", ":2: four filled cells"),
        ("kind\tname\tcode\tmeaning\nfunctoin\tx\t01\ty", ":2: kind 'functoin'"),
        ("kind\tname\tcode\tmeaning\nfunction\tx\t01\ty\nfunction\tx\t02\ty", ":3: function 'x'"),
        ("kind\tname\tcode\tmeaning\nfunction\tx\t01\ty\nreserved\tz\t01\ty", "01 is reserved and sent as well"),
    ],
)
def test_a_fault_in_the_table_is_named_with_its_line(tmp_path, text, told):
    (tmp_path / "codelists").mkdir()
    (tmp_path / "codelists" / "response-functions.tsv").write_text(text)
    with pytest.raises(ValueError, match=told):
        load_codes(tmp_path)
