"""Texts for people come in the best language that the caller reads; everything that software reads stays the same."""

import asyncio
import shutil

import msgspec
import pytest
from aiohttp import web

from datamodel.wording import catalogue
from gateway import bootstrap
from gateway.http.app import create
from gateway.http.negotiate import language
from gateway.http.server import Runner
from gateway.settings import SCHEMAS, Settings
from tests.gateway.http.conftest import read_sample

pytestmark = pytest.mark.asyncio(loop_scope="module")

VALIDATE = "/v1/validations"
PROBLEM = "{urn:ietf:rfc:7807}"
BAD = b'{"MetaData": {"Declaration": {"FunctionCode": "8", "TypoCode": "x"}}}'
TITLES = {"en": "The message is not valid", "fr": "Le message n’est pas valide", "es": "El mensaje no es válido"}
KNOWN = ("en", "es", "fr", "pt-BR")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("FR", "fr"),
        ("fr-CA", "fr"),
        ("fr-Latn-CA, en;q=0.1", "fr"),
        ("es;q=0.4, fr;q=0.5", "fr"),
        ("de, es;q=0.4", "es"),
        ("de", "en"),
        ("*", "en"),
        ("*;q=0.1, es;q=0.5", "es"),
        ("en;q=0, *", "es"),
        ("fr;q=0", "en"),
        ("fr;q=oops, es;q=0.1", "es"),
        ("fr;q=2", "en"),
        ("pt", "en"),
        ("pt-br", "pt-BR"),
        (",;q=1, -, fr-", "fr"),
        ("fr, es", "fr"),
    ],
)
async def test_the_best_language_is_chosen(accept, expected):
    assert language(accept, KNOWN) == expected


@pytest.mark.parametrize("spoken", TITLES)
async def test_a_problem_is_told_in_the_callers_language(shared, spoken):
    reply = await shared.post(VALIDATE, BAD, Accept_Language=f"{spoken}-CA, de;q=0.9")
    assert (reply.status, reply.headers["Content-Language"]) == (422, spoken)
    assert "Accept-Language" in reply.headers["Vary"]
    problem = reply.json
    assert problem["title"] == TITLES[spoken]
    rules = catalogue()[spoken].rules
    assert [issue["text"] for issue in problem["issues"]] == [
        rules["value.code"][1].format(name="FunctionCode"),
        rules["element.unknown"][1].format(name="TypoCode"),
        *[rules["element.missing"][1].format(name=name) for name in _missing(problem)],
    ]
    assert problem["issues"][0]["text"] in problem["detail"]
    same = [(issue["rule"], issue["json_pointer"]) for issue in problem["issues"]]
    english = (await shared.post(VALIDATE, BAD)).json
    assert same == [(issue["rule"], issue["json_pointer"]) for issue in english["issues"]]
    assert problem["type"] == english["type"]


def _missing(problem):
    return [
        issue["json_pointer"].rpartition("/")[2] for issue in problem["issues"] if issue["rule"] == "element.missing"
    ]


async def test_a_problem_in_xml_too(shared):
    reply = await shared.post(VALIDATE, b"<a>", "application/xml", Accept_Language="fr")
    assert reply.headers["Content-Language"] == "fr"
    assert reply.xml.findtext(f"{PROBLEM}title") == "La requête est illisible"
    assert "le document s’arrête avant" in reply.xml.findtext(f"{PROBLEM}detail")


@pytest.mark.parametrize(
    ("path", "caller", "status", "title"),
    [
        ("/v1/nowhere", "trader", 404, "Introuvable"),
        ("/v1/declarations/XZ", None, 401, "L’appelant n’est pas connu"),
        ("/v1/agency/deliveries", "trader", 403, "Le rôle de l’appelant ne permet pas cette opération"),
        ("/v1/agency/deliveries?limit=0", "fsa", 400, "La requête est illisible"),
        ("/v1/requirements?hs=flowers", None, 400, "La requête est illisible"),
        ("/v1/requirements?colour=red", None, 400, "La requête est illisible"),
    ],
)
async def test_whatever_goes_wrong_is_told_in_it(shared, path, caller, status, title):
    reply = await shared.get(path, caller, Accept_Language="fr")
    assert (reply.status, reply.json["title"], reply.headers["Content-Language"]) == (status, title, "fr")
    english = (await shared.get(path, caller)).json
    assert reply.json["detail"] != english["detail"]
    for french, other in zip(reply.json["issues"], english["issues"], strict=True):
        assert french["rule"] == other["rule"]
        assert french["text"] != other["text"]


async def test_a_big_message_is_judged_in_the_callers_language_beside_others(shared):
    """Big ones are judged in threads, and two callers must not get each other's words."""
    big = BAD.replace(b'"x"', b'"' + b"x" * 200_000 + b'"')
    replies = await asyncio.gather(
        *(shared.post(VALIDATE, body, Accept_Language=spoken) for spoken in TITLES for body in (big, BAD) * 3)
    )
    assert [reply.json["title"] for reply in replies] == [TITLES[spoken] for spoken in TITLES for _ in range(6)]
    assert len({tuple(issue["text"] for issue in reply.json["issues"]) for reply in replies}) == len(TITLES)


async def test_advice_on_a_good_message_has_a_language_and_messages_have_none(shared):
    good = read_sample("import-cut-flowers-kenya.json")
    verdict = await shared.post(VALIDATE, good, Accept_Language="es")
    assert (verdict.status, verdict.headers["Content-Language"]) == (200, "es")
    converted = await shared.post("/v1/conversions", good, Accept_Language="es")
    assert converted.status == 200
    assert "Content-Language" not in converted.headers
    assert "Accept-Language" not in converted.headers["Vary"]


async def test_pages_are_the_same_for_everybody(shared):
    path = "/v1/packages/wco-dms/3.6/DEC.html"
    french = await shared.get(path, None, Accept_Language="fr")
    assert b"characters" in french.body
    assert b"caract" not in french.body
    assert (await shared.get(path, None)).body == french.body
    described = await shared.get("/openapi.json", None, Accept_Language="fr")
    assert b"The message is not valid" in described.body


async def test_the_first_issues_are_listed_and_the_rest_is_counted(shared):
    items = [{"SequenceNumeric": "one"} for _ in range(500)]
    declaration = {"FunctionCode": "9", "GoodsShipment": {"GovernmentAgencyGoodsItem": items}}
    body = msgspec.json.encode({"MetaData": {"Declaration": declaration}})
    problem = (await shared.post(VALIDATE, body, Accept_Language="fr")).json
    assert (len(problem["issues"]), problem["issues_total"]) == (100, 500)
    assert problem["detail"].startswith(
        "500 anomalies\N{NO-BREAK SPACE}; les 100 premières sont énumérées\N{NO-BREAK SPACE}: "
    )


async def test_what_is_no_http_is_answered_in_english(shared):
    async with shared.wire() as wire:
        await wire.send("GARBAGE", "")
        reply = await wire.reply()
    assert reply.headers["Content-Language"] == "en"
    assert reply.json["title"] == "The request cannot be read"


async def test_an_administration_speaks_its_own_language(tmp_path):
    schemas = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, schemas)
    (schemas / "errors" / "pt.tsv").write_text("rule\ttext\tremedy\nbody.empty\tA mensagem está vazia.\tEnvie algo.\n")
    (schemas / "errors" / "phrases" / "pt.tsv").write_text("key\ttext\nproblem.unknown\tNão encontrado\n")
    gateway = bootstrap.build(Settings(database=f"sqlite:///{tmp_path / 'guichet.db'}", schemas=schemas), adapters={})
    await gateway.store.open()
    runner = Runner(create(gateway), shutdown_timeout=1.0)
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        asked = "GET /v1/nowhere HTTP/1.1\r\nHost: x\r\nAccept-Language: pt\r\nConnection: close\r\n\r\n"
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(asked.encode())
        answer = (await reader.read()).decode()
        writer.close()
    finally:
        await runner.cleanup()
        await gateway.store.close()
    assert "Content-Language: pt" in answer
    assert '"title":"Não encontrado"' in answer
