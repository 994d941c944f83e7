"""What the gateway publishes: anyone may read it, it leads to itself, and who has it already is told so."""

import shutil
from datetime import date
from urllib.parse import urljoin

import jsonschema_rs
import msgspec
import pytest
import pytest_asyncio
import xmlschema
from lxml import etree

from datamodel import bundles, json_schema
from datamodel.codecs import read, write
from gateway.access.rights import RIGHTS
from gateway.http.app import ROUTES
from gateway.settings import Settings
from tests.conftest import ROOT
from tests.gateway.http.conftest import House, housed, read_sample

XS = "{http://www.w3.org/2001/XMLSchema}"
API = "{urn:guichet:api:1}"
DEC = "/v1/packages/wco-dms/3.6/DEC"
STRESS = ROOT / "tests" / "datamodel" / "stress"
PUBLIC = [
    "/v1/packages",
    f"{DEC}.xsd",
    f"{DEC}.schema.json",
    f"{DEC}.html",
    f"{DEC}/DEC.xsd",
    "/v1/codelists",
    "/v1/codelists/countries",
    "/v1/codelists/countries.html",
    "/v1/rules",
    "/v1/requirements",
    "/v1/index.html",
    "/v1/codelists.html",
    "/v1/rules.html",
    "/v1/requirements.html",
    "/v1/response-codes",
    "/v1/response-codes.html",
    "/v1/scenarios",
    "/v1/scenarios.html",
    "/v1/api.html",
]
RULE = """
[[rule]]
id = "XZ-TEST-1"
severity = "warning"
messages = ["wco-dms/3.6/DEC"]
country = "XZ"
effective_from = 2030-01-01
assert = "has(it.ID)"
for_each = "Declaration"
where = "ID"
text = "A declaration from 2030 on needs <an ID>."
remedy = "Give it one."
purpose = "Find it again."
legal_basis = "Act 9 of 2029, s. 1"
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory) -> House:
    """A house with somebody else's package and one rule of its own."""
    folder = tmp_path_factory.mktemp("published")
    schemas = shutil.copytree(Settings().schemas, folder / "schemas")
    bundles.add(schemas / "packages", "stress", "1", STRESS, ("main.xsd", "Sequences", "Recursive"))
    shutil.rmtree(schemas / "rules", ignore_errors=True)
    (schemas / "rules").mkdir()
    (schemas / "rules" / "test.toml").write_text(RULE, encoding="utf-8")
    async with housed(folder, schemas=schemas) as made:
        yield made


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", PUBLIC)
async def test_anyone_may_read_it_and_keep_it(house, path):
    reply = await house.get(path, None)
    assert reply.status == 200
    tag = reply.headers["ETag"]
    assert tag.startswith('"'), "a strong tag"
    assert reply.headers["Cache-Control"].startswith("public")
    for known in (tag, f'"other", W/{tag}', "*"):
        same = await house.get(path, None, If_None_Match=known)
        assert (same.status, same.body) == (304, b"")
        assert same.headers["ETag"] == tag
        assert same.headers["Cache-Control"] == reply.headers["Cache-Control"]
    other = await house.get(path, None, If_None_Match='"other"')
    assert (other.status, other.body) == (200, reply.body)
    head = await house.call("HEAD", path)
    assert (head.status, head.headers["ETag"], head.body) == (200, tag, b"")


async def test_what_is_not_published_is_still_kept_by_nobody(house):
    reply = await house.get("/healthz", None)
    assert reply.headers["Cache-Control"] == "no-store"
    assert "ETag" not in reply.headers


async def test_each_format_has_its_own_tag(house):
    as_json = await house.get("/v1/packages", None, Accept="application/json")
    as_xml = await house.get("/v1/packages", None, Accept="application/xml")
    assert as_json.headers["ETag"] != as_xml.headers["ETag"]
    crossed = await house.get("/v1/packages", None, Accept="application/xml", If_None_Match=as_json.headers["ETag"])
    assert crossed.status == 200


async def test_the_packages_and_where_each_message_is_published(house):
    packages = {package["name"]: package for package in (await house.get("/v1/packages", None)).json["packages"]}
    assert {"wco-dms", "guichet", "stress"} <= set(packages)
    [version] = packages["wco-dms"]["versions"]
    assert (version["version"], version["country"], version["effective_from"]) == ("3.6", None, None)
    keys = {
        message["key"] for each in packages.values() for version in each["versions"] for message in version["messages"]
    }
    assert keys == set(house.gateway.registry.messages)
    media = {"html": "text/html", "xsd": "application/xml", "json_schema": "application/schema+json"}
    [dec] = [message for message in version["messages"] if message["type"] == "DEC"]
    for name, link in dec["links"].items():
        reply = await house.get(link, None)
        assert (reply.status, reply.media) == (200, media[name])


async def test_the_packages_as_xml_say_the_same(house):
    as_json = (await house.get("/v1/packages", None)).json
    as_xml = (await house.get("/v1/packages", None, Accept="text/xml")).xml
    names = [node.text for node in as_xml.iterfind(f"{API}packages/{API}i/{API}name")]
    assert names == [package["name"] for package in as_json["packages"]]


async def fetch(house, url, folder, seen) -> None:
    """A schema and all that it leads to, into a folder under the paths of the addresses."""
    if url in seen:
        return
    reply = await house.get(url, None)
    assert (reply.status, reply.media) == (200, "application/xml"), url
    file = seen[url] = folder / url.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(reply.body)
    for node in reply.xml.iter(f"{XS}import", f"{XS}include", f"{XS}redefine"):
        if node.get("schemaLocation"):
            await fetch(house, urljoin(url, node.get("schemaLocation")), folder, seen)


@pytest.mark.parametrize("path", [DEC, "/v1/packages/guichet/1/PermitRequest", "/v1/packages/stress/1/Sequences"])
async def test_a_schema_leads_to_all_its_files(house, path, tmp_path):
    files = {}
    await fetch(house, f"{path}.xsd", tmp_path, files)
    entry = files[f"{path}.xsd"]
    assert len(files) > 1
    assert all(file == entry or file.is_relative_to(entry.with_suffix("")) for file in files.values())
    by_libxml2 = etree.XMLSchema(etree.parse(str(entry)))
    by_another = xmlschema.XMLSchema(entry, defuse="always")
    if path == DEC:
        sample = read_sample("import-cut-flowers-kenya.xml")
        assert by_libxml2.validate(etree.fromstring(sample))
        assert by_another.is_valid(sample.decode())
        assert not by_another.is_valid(sample.decode().replace("FunctionCode>9<", "FunctionCode>8<"))


async def test_the_json_schema_is_the_one_of_the_model_and_judges(house):
    reply = await house.get(f"{DEC}.schema.json", None)
    message = house.gateway.registry.message("wco-dms/3.6/DEC")
    assert reply.body == json_schema.write(message.model)
    validator = jsonschema_rs.Draft202012Validator(reply.json)
    document = write(read(house.gateway.registry, read_sample("import-hotel-supplies.xml"), "xml"), "json")
    assert validator.is_valid(msgspec.json.decode(document))
    as_json = await house.get(f"{DEC}.schema.json", None, Accept="application/json")
    assert (as_json.media, as_json.body) == ("application/json", reply.body)


async def test_the_page_of_a_message_stands_alone_and_shows_what_is_known(house):
    reply = await house.get(f"{DEC}.html", None, Accept="text/html,application/xml;q=0.9,*/*;q=0.8")
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    page = etree.HTML(reply.body.decode())
    assert not page.xpath("//@src | //link | //img | //iframe")
    assert not [link for link in page.xpath("//a/@href") if "//" in link]
    row = page.xpath("//tr[@id='MetaData/Declaration/InvoiceAmount']")[0]
    cells = [" ".join(cell.itertext()).strip() for cell in row.iterfind("td")]
    assert cells[:5] == ["InvoiceAmount", "109", "5072", "n..16,3", "0..1"]
    assert "currencies" in cells[5]
    pointed = page.xpath("//tr[@id='MetaData/Declaration/ID']//a[@class='list']/text()")
    assert "XZ-TEST-1" in pointed
    assert page.xpath("//article[@id='XZ-TEST-1']")
    assert b"<an ID>" not in reply.body, "texts are escaped"


async def test_the_codes_of_responses_are_those_that_responses_are_made_with(house):
    rows = (await house.get("/v1/response-codes", None)).json["codes"]
    sent = {row["name"]: row["code"] for row in rows if row["kind"] == "function"}
    assert sent == house.gateway.codes.function
    reserved = {row["code"] for row in rows if row["kind"] == "reserved"}
    assert {"07", "17", "18"} <= reserved and sent["ready"] == "02"
    assert reserved.isdisjoint(sent.values())
    page = etree.HTML((await house.get("/v1/response-codes.html", None)).body.decode())
    assert len(page.xpath("//tr[@class='item']")) == len(rows)
    assert page.xpath("//tr[@id='function-invalidated']//span[@class='code']/text()") == ["10"]


async def test_links_of_pages_lead_somewhere(house):
    seen = set()
    todo = [
        "/v1/index.html",
        "/v1/codelists.html",
        "/v1/rules.html",
        "/v1/requirements.html",
        "/v1/response-codes.html",
        "/v1/scenarios.html",
        "/v1/api.html",
        f"{DEC}.html",
    ]
    for start in todo:
        page = etree.HTML((await house.get(start, None)).body.decode())
        seen |= {urljoin(start, link.partition("#")[0]) for link in page.xpath("//a/@href") if link[0] != "#"}
    assert len(seen) > 40
    for link in sorted(seen):
        assert (await house.get(link, None)).status == 200, link


async def test_a_page_of_somebody_elses_schema_with_a_class_in_itself(house):
    page = etree.HTML((await house.get("/v1/packages/stress/1/Recursive.html", None)).body.decode())
    assert page.xpath("//a[@class='again']/@href") == ["#Recursive"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/packages/wco-dms/3.6/NOPE.xsd",
        "/v1/packages/wco-dms/9/DEC.html",
        "/v1/packages/nope/3.6/DEC.schema.json",
        f"{DEC}/NOPE.xsd",
        f"{DEC}/..%2f..%2f..%2fpackage.toml",
        f"{DEC}/../package.toml",
        "/v1/codelists/nope",
        "/v1/codelists/nope.html",
    ],
)
async def test_what_there_is_not_is_a_problem(house, path):
    reply = await house.get(path, None)
    assert (reply.status, reply.media) == (404, "application/problem+json")


async def test_a_page_is_not_given_as_something_else(house):
    assert (await house.get(f"{DEC}.html", None, Accept="application/json")).status == 406
    assert (await house.get("/v1/rules", None, Accept="text/html")).status == 406


async def test_the_code_lists(house):
    lists = {each["name"]: each for each in (await house.get("/v1/codelists", None)).json["codelists"]}
    assert lists["countries"]["complete"] is True
    assert [edition["name"] for edition in lists["hs-headings"]["editions"]] == ["2012", "2017", "2022"]
    countries = (await house.get(lists["countries"]["link"], None)).json
    assert {"KE": "Kenya"}.items() <= {code["code"]: code["name"] for code in countries["codes"]}.items()


async def test_a_code_list_on_a_day(house):
    async def codes(day):
        answer = (await house.get(f"/v1/codelists/hs-headings?on={day}", None)).json
        return answer["edition"], {code["code"]: code for code in answer["codes"]}

    before, old = await codes("2021-12-31")
    after, new = await codes("2022-01-01")
    assert (before, after) == ("2017", "2022")
    assert "8549" not in old
    assert new["8549"]["effective_from"] == "2022-01-01"
    _, every = await codes("any")
    assert set(old) | set(new) <= set(every)
    assert (await house.get("/v1/codelists/hs-headings?on=2021-12-31", None, Accept="text/xml")).xml.findtext(
        f"{API}edition"
    ) == "2017"


async def test_rules_on_a_day(house):
    async def ids(query):
        return [rule["id"] for rule in (await house.get(f"/v1/rules{query}", None)).json["rules"]]

    assert await ids("?on=2029-12-31") == []
    assert await ids("?on=2030-01-01") == ["XZ-TEST-1"]
    assert await ids("?on=any&message=wco-dms/3.6/DEC") == ["XZ-TEST-1"]
    assert await ids("?on=any&message=wco-dms/3.6/RES") == []
    [rule] = (await house.get("/v1/rules?on=any", None)).json["rules"]
    assert (rule["assert"], rule["effective_from"], rule["effective_to"]) == ("has(it.ID)", "2030-01-01", None)
    assert rule["legal_basis"] == "Act 9 of 2029, s. 1"


async def test_requirements_are_those_of_the_table(house):
    table = house.gateway.requirements
    reply = await house.get("/v1/requirements?hs=0603&direction=import&origin=KE&on=2026-06-01", None)
    expected = table.enquire("0603", direction="import", origin="KE", on=date(2026, 6, 1))
    assert reply.json["on"] == "2026-06-01"
    assert [row["id"] for row in reply.json["requirements"]] == [row.id for row in expected] != []
    every = (await house.get("/v1/requirements?on=any", None)).json
    assert [row["id"] for row in every["requirements"]] == [row.id for row in table.rows]
    today = (await house.get("/v1/requirements", None)).json
    assert today["on"] == house.gateway.clock().date().isoformat()
    as_xml = (await house.get("/v1/requirements?on=any", None, Accept="application/xml")).xml
    assert len(as_xml.findall(f"{API}requirements/{API}i")) == len(table.rows)


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/v1/requirements?hs=6", "query.filter"),
        ("/v1/requirements?hs=flowers", "query.filter"),
        ("/v1/requirements?direction=in", "query.filter"),
        ("/v1/requirements?origin=Kenya", "query.filter"),
        ("/v1/requirements?procedure=x", "query.filter"),
        ("/v1/requirements?on=yesterday", "query.filter"),
        ("/v1/requirements?country=KE", "query.unknown"),
        ("/v1/rules?on=2026-02-30", "query.filter"),
        ("/v1/rules?message=DEC", "query.filter"),
        ("/v1/codelists/countries?date=2026-01-01", "query.unknown"),
    ],
)
async def test_a_filter_that_cannot_be_used_is_said_never_passed_over(house, path, rule):
    reply = await house.get(path, None)
    assert reply.status == 400
    assert reply.rules == [rule]
    assert reply.json["issues"][0]["remedy"].startswith("Send ")


async def test_the_page_of_the_interface_has_every_call_with_who_may_make_it(house):
    page = etree.HTML((await house.get("/v1/api.html", None)).body.decode())
    calls = {each.get("id"): each.get("data-role").split() for each in page.xpath("//article")}
    assert {name: sorted(roles) for name, roles in calls.items()} == {
        route.name: sorted(RIGHTS[route.name].reach) if route.name in RIGHTS else [] for route in ROUTES
    }
    assert page.xpath("//article[@id='lodge']//dd//a[@href='#Acceptance']")
    assert page.xpath("//section[@id='Acceptance']//dt/code[text()='mrn']")
    ids = set(page.xpath("//@id"))
    assert {link[1:] for link in page.xpath("//a/@href") if link[0] == "#"} <= ids
