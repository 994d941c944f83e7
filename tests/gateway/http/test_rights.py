"""The table of rights, cell by cell: what each role gets on each route, of its own and of another's, over real HTTP."""

import logging
from dataclasses import dataclass

import msgspec
import pytest
import pytest_asyncio

from gateway.access import rights
from gateway.access.accounts import last_day
from gateway.access.rights import ANY, OPEN, RIGHTS, ROLES, scopes
from gateway.http import app
from gateway.mandates import office
from gateway.ports import KeyTerms
from tests.gateway.attachments.papers import PDF, PNG, digest
from tests.gateway.attachments.papers import sent as document_sent
from tests.gateway.http.batches import lines, sent
from tests.gateway.http.conftest import House, Reply, housed, read_sample
from tests.gateway.http.test_access import told
from tests.gateway.http.test_agencies import GRANTED
from tests.gateway.http.test_supplement import PARTS, supplement
from tests.gateway.scripted import altered, arrival

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = {route.name: route for route in app.ROUTES}
OF_A_TEST = ("test-clock", "advance-clock")  # what a trader has where its account is for tests
CALLER = {"agency": "fsa"} | {role: role for role in ROLES if role != "agency"}
HOTEL = read_sample("import-hotel-supplies.json")
ASKING = b'{"Decision":{"OutcomeCode":"query","Query":[{"Text":"Which lot is it?"}]}}'
ANSWER = b'{"QueryAnswer":{"Text":"Lot 17"}}'
PARTY = {"trader": "XZ810090008145", "rival": "XZ730020260008", "third": "XZ770058005810"}  # importers of the samples
KENYA = read_sample("import-cut-flowers-kenya.json")
GRANTING = b'{"Mandate": {"AgentID": "XZ770058005810", "DirectionCode": ["import"], "ConfirmationCode": "each"}}'
CONFIRMING = b'{"Confirmation": {"OutcomeCode": "confirmed"}}'
BODY = {"lodge": HOTEL, "amend": HOTEL, "validate": GRANTED, "convert": GRANTED, "decide": GRANTED}
BODY |= {"set-callback": b'{"Callback":{"URL":"https://example.com/in"}}'}
BODY |= {"grant": GRANTING, "confirm": CONFIRMING, "lodge-batch": b'{"key":"k","declaration":{}}'}
BODY |= {"answer": ANSWER, "send-document": PDF, "send-part": PDF}
MEDIA = {"lodge-batch": "application/x-ndjson"}
UNKNOWN = "26XZ00000000000000"
NOBODYS = {"mrn": UNKNOWN, "back": UNKNOWN, "waiting": UNKNOWN, "id": "01a1fd1e-8c00-7382-805a-b520509bc915"}
NOBODYS |= {"mandate": NOBODYS["id"], "decided": NOBODYS["id"], "appealed": UNKNOWN, "number": "1"}
NOBODYS |= {"coming": UNKNOWN}
NOBODYS |= dict.fromkeys(("document", "spare", "upload", "complete", "begun"), "gdoc-" + "0" * 26)
NOBODYS |= {"batch": "none", "query": "FSA-7", "notice": NOBODYS["id"] + ".7"}
# What these do to a thing cannot be done twice, or not to one that is in use, so they have one of their own.
SPENT = {"invalidate": ("mrn", "back"), "invalidation": ("mrn", "back"), "confirm": ("mrn", "waiting")}
SPENT |= {"delete-document": ("document", "spare"), "finish-upload": ("upload", "complete")}
SPENT |= {"end-upload": ("upload", "begun"), "delivery-appeal": ("id", "decided"), "rule-appeal": ("id", "decided")}
SPENT |= dict.fromkeys(("lodge-appeal", "appeals"), ("mrn", "appealed"))
SPENT |= dict.fromkeys(("appeal", "appeal-message", "appeal-record", "appeal-response"), ("mrn", "appealed"))
# These are for a case whose goods were to come, and whose declaration was incomplete.
SPENT |= {name: ("mrn", "coming") for name in ("arrive", "arrival", "supplement")}
COMING = ('"TypeCode": "IMA"', '"TypeCode": "IMF"')
JSON = {"Accept": "*/*", "Content_Type": "application/json"}
WORDS = {403: "deny", 404: "hide"}
UPHELD = b'{"Ruling":{"OutcomeCode":"upheld","Reason":"The pest was found again."}}'
REFUSED = b'{"Decision":{"OutcomeCode":"refused"}}'
BODY["rule-appeal"] = UPHELD
QUERY = {"acknowledge": "?through=0", "begin-upload": "?size=9", "send-part": "?offset=0"}
QUERY |= {"finish-upload": f"?sha256={digest(PDF + b'!')}", "attach": "?document={document}&type=N853"}
QUERY |= {"redeliver": "?state=failed"}


def appealing(delivery: str) -> bytes:
    """An appeal against the decision on that delivery."""
    return msgspec.json.encode({"Appeal": {"DeliveryID": delivery, "Grounds": "There was no pest."}})


def taking_back(mrn: str) -> bytes:
    """An invalidation of that case."""
    reason = [{"StatementDescription": "Lodged twice by mistake", "StatementTypeCode": "AES"}]
    declaration = {"FunctionCode": "13", "FunctionalReferenceID": "INV-1", "ID": mrn, "TypeCode": "INV"}
    declaration |= {"AdditionalInformation": reason, "Amendment": [{"ChangeReasonCode": "1"}]}
    return msgspec.json.encode({"MetaData": {"Declaration": declaration}})


@dataclass
class Stage:
    """A house with one case and one delivery that are the caller's, and one each that are another's."""

    house: House
    things: dict[str, dict[str, str]]

    async def call(self, route: str, caller: str, whose: str, method: str | None = None) -> Reply:
        row, things = ROUTES[route], self.things[whose]
        caller = "tester" if caller == "trader" and route in OF_A_TEST else caller
        made = {"invalidate": taking_back(things["back"]), "arrive": arrival(things["coming"])}
        made["supplement"] = supplement(PARTS, number=things["coming"])
        made["lodge-appeal"] = appealing(things["decided"])
        body = made.get(route) or BODY.get(route)
        thing, other = SPENT.get(route, ("mrn", "mrn"))
        path = (row.path.replace(f"{{{thing}}}", f"{{{other}}}") + QUERY.get(route, "")).format(**things)
        headers = {"Content_Type": MEDIA.get(route, "application/json")} if body else {}
        if row.streams:  # a good answer has no end
            reply = await self.house.call("HEAD", path, caller, Accept="*/*")
            if reply.status == row.status or method == "HEAD":
                return reply
        return await self.house.call(method or row.method, path, caller, body, Accept="*/*", **headers)


async def in_their_name(house: House, principal: str, sample: bytes) -> dict[str, str]:
    """A mandate that the principal gave, and a case that waits for it to confirm it."""
    if "third" not in house.keys:
        _, house.keys["third"] = await house.gateway.accounts.register("third", "trader")
        for name, party in PARTY.items():
            await office.add_identifier(house.gateway.store, name, party, house.gateway.clock())
        house.gateway.rolls.forget()
    given = await house.call("POST", "/v1/mandates", principal, GRANTING, **JSON)
    lodged = await house.call("POST", "/v1/declarations", "third", sample, **JSON)
    assert (given.status, lodged.status) == (201, 202), (given.body, lodged.body)
    return {"mandate": given.json["id"], "waiting": lodged.json["mrn"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory):
    async with housed(tmp_path_factory.mktemp("rights")) as house:
        mine = (await house.lodge("import-hotel-supplies", "trader"))["mrn"]
        theirs = (await house.lodge("import-cut-flowers-kenya", "rival"))["mrn"]
        [ours], [others, last] = await house.deliveries("fsa"), await house.deliveries("phs")
        back = {}
        for who in "trader", "rival":  # each takes one back
            back[who] = (await house.lodge("import-orchids-thailand", who))["mrn"]
            path, body = f"/v1/declarations/{back[who]}/invalidation", taking_back(back[who])
            assert (await house.call("POST", path, who, body, **JSON)).status == 200
            await sent(house, lines("B"), key=f"of-{who}", caller=who)
        cases = [await appealed(house, *who) for who in (("trader", "fsa"), ("rival", "phs"))]
        told = {}
        for agency, delivery, mrn, who in (("fsa", ours, mine, "trader"), ("phs", last, theirs, "rival")):
            assert (await house.call("POST", f"{delivery['href']}/decision", agency, ASKING, **JSON)).status == 200
            path = f"/v1/declarations/{mrn}/queries/{agency.upper()}-1/answer"
            assert (await house.call("POST", path, who, ANSWER, **JSON)).status == 200
            [notice] = (await house.get("/v1/agency/notices", agency)).json["notices"]
            told[who] = {"query": f"{agency.upper()}-1", "notice": notice["id"]}
        coming = {}
        for who in "trader", "rival":  # the goods of each have come
            lodged = await house.call("POST", "/v1/declarations", who, altered(PARTS, COMING), **JSON)
            coming[who] = msgspec.json.decode(lodged.body)["mrn"]
            path, body = f"/v1/declarations/{coming[who]}/arrival", arrival(coming[who])
            assert (await house.call("POST", path, who, body, **JSON)).status == 200
        own, another = await in_their_name(house, "trader", HOTEL), await in_their_name(house, "rival", KENYA)
        own |= {"mrn": mine, "back": back["trader"], "coming": coming["trader"], "id": ours["id"], "batch": "of-trader"}
        another |= {"mrn": theirs, "back": back["rival"], "coming": coming["rival"]}
        another |= {"id": others["id"], "batch": "of-rival"}
        things = {
            "own": own | cases[0] | told["trader"] | await papers(house, "trader", mine, "N853"),
            "another's": another | cases[1] | told["rival"] | await papers(house, "rival", theirs, "N851"),
        }
        await house.gateway.store.set_callback("trader", "https://nowhere.invalid/in", "gs_secret")
        yield Stage(house, things | {"nobody's": NOBODYS})


async def papers(house: House, who: str, mrn: str, kind: str) -> dict[str, str]:
    """A document that an agency has by a case, one that nobody has, and uploads: empty, complete, to be given up."""
    found = {"document": await document_sent(house, PDF, caller=who)}
    found["spare"] = await document_sent(house, PNG, "scan.png", who)
    given = await house.call("POST", f"/v1/declarations/{mrn}/documents?document={found['document']}&type={kind}", who)
    assert len(given.json["agencies"]) == 1
    for upload, body in ("upload", b""), ("complete", PDF + b"!"), ("begun", b""):
        place = await house.call("POST", f"/v1/uploads?size={len(body or PDF)}", who)
        found[upload] = place.json["id"]
        if body:
            assert (await house.call("PUT", f"/v1/uploads/{found[upload]}?offset=0", who, body)).status == 200
    return found


async def appealed(house: House, trader: str, agency: str) -> dict[str, str]:
    """A case that the agency has refused, and against which its trader has appealed."""
    before = {each["id"] for each in await house.deliveries(agency)}
    sample = {"fsa": "import-chilled-beef-argentina", "phs": "import-cut-flowers-kenya"}[agency]
    body = read_sample(f"{sample}.json").replace(b'"FunctionalReferenceID": "', b'"FunctionalReferenceID": "A', 1)
    lodged = await house.post("/v1/declarations", body, caller=trader)
    [delivery] = [each["id"] for each in await house.deliveries(agency) if each["id"] not in before]
    decision = f"/v1/agency/deliveries/{delivery}/decision"
    assert (await house.post(decision, REFUSED, caller=agency)).status == 200
    path = f"/v1/declarations/{lodged.json['mrn']}/appeals"
    assert (await house.post(path, appealing(delivery), caller=trader)).status == 200
    return {"appealed": lodged.json["mrn"], "number": "1", "decided": delivery}


def cells():
    """Role, route, and whose the thing is that it is called on. Only traders and agencies own anything."""
    for name in RIGHTS:
        for role in ROLES:
            of_one = "{" in ROUTES[name].path
            owner = "agency" if "/agency/" in ROUTES[name].path else "trader"
            for whose in ("own", "another's") if of_one and role == owner else ("another's",) if of_one else ("own",):
                yield role, name, whose


@pytest.mark.parametrize(("role", "name", "whose"), list(cells()))
async def test_every_cell_of_the_table_is_what_a_caller_meets(stage, role, name, whose):
    reach = RIGHTS[name].reach.get(role)
    expected = "deny" if reach is None else "allow" if reach == ANY or whose == "own" else "hide"
    reply = await stage.call(name, CALLER[role], whose)
    met = "allow" if reply.status == ROUTES[name].status else WORDS.get(reply.status, reply.body)
    assert met == expected
    if expected != "allow":
        unknown = await stage.call(name, CALLER[role], "nobody's")
        assert (told(reply), reply.status) == (told(unknown), unknown.status), "it tells what is there"
    if ROUTES[name].method == "GET":
        assert (await stage.call(name, CALLER[role], whose, "HEAD")).status == reply.status


@pytest.mark.parametrize("name", RIGHTS)
async def test_no_cell_is_open_to_a_caller_without_a_key(stage, name):
    assert (await stage.call(name, None, "own")).status == 401


@pytest.mark.parametrize("role", ROLES)
async def test_a_key_does_what_its_scope_says_and_nothing_else(stage, role):
    for scope in scopes(role):
        name, agency = f"{role} {scope}", "FSA" if role == "agency" else None
        terms, test = KeyTerms(scopes=(scope,)), role == "trader"  # who has a clock, too
        _, key = await stage.house.gateway.accounts.register(name, role, agency, terms, test)
        stage.house.keys[name] = key
        for route, right in RIGHTS.items():
            if role in right.reach:
                reply = await stage.call(route, name, "nobody's")
                assert (reply.status == 403) == (right.scope != scope), route
                if reply.status == 403:
                    lacking = f'error="insufficient_scope", scope="{right.scope}"'
                    assert lacking in reply.headers["WWW-Authenticate"]
                    assert f"scope {right.scope}" in reply.json["detail"]


async def test_a_refusal_by_role_asks_for_no_other_scope(stage):
    reply = await stage.call("lodge", "auditor", "own")
    assert (reply.status, "WWW-Authenticate" in reply.headers) == (403, False)


async def test_the_table_and_the_routes_name_the_same():
    assert sorted([*RIGHTS, *OPEN]) == sorted(ROUTES)


async def test_a_route_that_nobody_gave_rights_keeps_the_gateway_from_starting(stage, monkeypatch):
    forgotten = msgspec.structs.replace(ROUTES["status"], name="forgotten", path="/v1/forgotten/{mrn}")
    monkeypatch.setattr(app, "ROUTES", (*app.ROUTES, forgotten))
    with pytest.raises(LookupError, match="'forgotten' must stand in gateway/access/rights.py"):
        app.create(stage.house.gateway)


@pytest.mark.parametrize("rows", ["lodge lodge own", "lodge lodge own own\nlodge lodge own own", "lodge lodge own all"])
async def test_a_table_that_says_nothing_clear_is_refused(rows):
    with pytest.raises(ValueError, match="shorter|twice"):
        rights._read(f"route scope trader agency\n{rows}")


async def test_an_auditor_and_an_author_change_nothing():
    harmless = {"validate", "convert"}
    for role in "auditor", "author", "operator":
        changing = {name for name, right in RIGHTS.items() if role in right.reach and ROUTES[name].method != "GET"}
        assert changing <= harmless, role


async def test_a_look_into_anothers_case_is_in_the_log_and_one_into_ones_own_is_not(stage, caplog):
    caplog.set_level(logging.INFO, "gateway.http.traders")
    await stage.call("message", "trader", "own")
    assert caplog.messages == []
    seen = await stage.call("message", "auditor", "own")
    mrn = stage.things["own"]["mrn"]
    [line] = caplog.messages
    assert line == f"conversation {seen.headers['X-Conversation-ID']}: 'auditor', auditor, looks into case {mrn}"


async def test_the_last_day_of_a_key_that_ends_soon_is_on_every_answer(stage):
    house, name = stage.house, "ends soon"
    end = last_day("3d", house.gateway.clock().date())
    _, house.keys[name] = await house.gateway.accounts.register(name, "trader", terms=KeyTerms(expires_on=end))
    for route, status in (("status", 404), ("validate", 200), ("inbox", 403)):
        reply = await stage.call(route, name, "nobody's")
        assert (reply.status, reply.headers["Guichet-Key-Expires"]) == (status, end)
    assert "Guichet-Key-Expires" not in (await stage.call("status", "trader", "own")).headers


@pytest.mark.parametrize(("language", "words"), [("en", "ended on"), ("fr", "a pris fin le"), ("es", "terminó el")])
async def test_who_holds_a_key_that_ended_is_told_the_day(stage, language, words):
    house, name = stage.house, f"ended, {language}"
    terms = KeyTerms(expires_on="2020-01-31")
    _, house.keys[name] = await house.gateway.accounts.register(name, "trader", terms=terms)
    reply = await house.get("/v1/declarations/26XZ", name, Accept_Language=language)
    assert reply.status == 401
    assert f"{words} 2020-01-31" in reply.json["detail"]
    assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]
