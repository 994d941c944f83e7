"""The whole description, played by one who knows nothing else of us: no fault of ours, no answer that is not in it.

Schemathesis makes requests from it, good and bad ones, and judges what a gateway that really serves answers to them.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple
from urllib.request import Request, urlopen

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.access.accounts import ROLES
from gateway.http.app import ROUTES
from gateway.http.routes import Route
from tests.system.conftest import GUICHET, SAMPLES, clean_environment

EXAMPLES = 30  # of each operation
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


# What is there to be asked for by name, beside a declaration and its delivery; nobody would guess it.
THERE = {"list": "hs-headings", "name": "wco-dms", "version": "3.6", "type": "DEC", "number": "1"}
SAMPLE = SAMPLES / "import-chilled-beef-argentina.json"  # food safety is asked
GOOD = {name: msgspec.json.decode(SAMPLE.read_bytes()) for name in ("lodge", "validate", "convert")} | {
    "decide": {"Decision": {"OutcomeCode": "held"}},
    "send-document": b"a text",
    "answer": {"QueryAnswer": {"Text": "Lot 17"}},
    "grant": {"Mandate": {"AgentID": "XZ100200300430", "DirectionCode": ["import"], "ConfirmationCode": "each"}},
    "set-callback": {"Callback": {"URL": "https://nowhere.invalid/in"}},
}
ASKING = {"Decision": {"OutcomeCode": "query", "Query": [{"Text": "Which lot is it?"}]}}

# What a declaration that was just lodged does not allow without a message made for it, which tests of its own have.
NEVER_GOOD = ("token", "confirm", "amend", "invalidate", "invalidation", "acknowledge", "redeliver", "test-callback")
NEVER_GOOD += ("arrive", "arrival", "supplement")
NEVER_GOOD += ("attach", "delete-document", "finish-upload", "scan-answer", "scan-content", "send-part")
NO_APPEAL = ("lodge-appeal", "appeal", "appeal-message", "appeal-record", "appeal-response", "delivery-appeal")
NEVER_GOOD += (*NO_APPEAL, "rule-appeal")

# What only an account for trade test has.
OF_A_TEST = ("test-clock", "advance-clock")


class Served(NamedTuple):
    """A gateway that serves, its description, a key of each role, and values of parameters that lead somewhere."""

    schema: BaseSchema
    keys: dict[str, str]
    there: dict[str, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("described")
    environment = clean_environment(GUICHET_DATABASE="sqlite:///x.db", GUICHET_PORT="0")
    keys = {}
    for role in ROLES:
        command = [GUICHET, "account", "add", role, "--role", role, *(["--agency", "FSA"] if role == "agency" else [])]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True, timeout=50)
        keys[role] = done.stdout.decode().strip()
    command = [GUICHET, "account", "add", "tester", "--role", "trader", "--test"]
    keys["tester"] = subprocess.check_output(command, cwd=folder, env=environment, timeout=50).decode().strip()
    for command in (["add", "broker", "--role", "trader"], ["identifier", "add", "broker", "XZ100200300430"]):
        subprocess.run([GUICHET, "account", *command], cwd=folder, env=environment, check=True, timeout=50)
    with (folder / "log").open("wb") as log:
        gateway = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log
        )
    try:
        url = gateway.stdout.readline().decode().split()[-1]
        yield Served(schemathesis.openapi.from_url(f"{url}/openapi.json"), keys, found(url, keys))
    finally:
        gateway.terminate()
        gateway.wait(20)
        gateway.stdout.close()


def ask(url: str, key: str = "", document: object = None) -> bytes:
    """One exchange: a POST where there is a document."""
    body = None if document is None else msgspec.json.encode(document)
    request = Request(url, body, {"X-API-Key": key, "Content-Type": "application/json"})
    with urlopen(request, timeout=20) as answer:
        return answer.read()


def found(url: str, keys: dict[str, str]) -> dict[str, str]:
    """A declaration that is lodged, its delivery, what its agency asked and was told; a file that a schema needs."""
    lodged = msgspec.json.decode(ask(f"{url}/v1/declarations", keys["trader"], GOOD["lodge"]))
    [delivery] = msgspec.json.decode(ask(f"{url}/v1/agency/deliveries", keys["agency"]))["deliveries"]
    asked = msgspec.json.decode(ask(f"{url}/v1/agency/deliveries/{delivery['id']}/decision", keys["agency"], ASKING))
    [query] = asked["queries"]
    ask(f"{url}/v1/declarations/{lodged['mrn']}/queries/{query}/answer", keys["trader"], GOOD["answer"])
    [notice] = msgspec.json.decode(ask(f"{url}/v1/agency/notices", keys["agency"]))["notices"]
    granted = msgspec.json.decode(ask(f"{url}/v1/mandates", keys["trader"], GOOD["grant"]))
    schema = ask(f"{url}/v1/packages/wco-dms/3.6/DEC.xsd").decode()
    [file, *_] = re.findall(r'schemaLocation="[^"]*?([^"/]+)"', schema)
    batch = Request(f"{url}/v1/batches", msgspec.json.encode(GOOD["lodge"]), {"X-API-Key": keys["trader"]})
    batch.headers |= {"Content-type": "application/x-ndjson", "Idempotency-key": "described"}
    with urlopen(batch, timeout=20) as answer:
        assert b'"replayed":1' in answer.read()
    mrn, key = lodged["mrn"], keys["trader"]
    document = msgspec.json.decode(ask(f"{url}/v1/documents", key, "any text"))["id"]
    ask(f"{url}/v1/declarations/{mrn}/documents?document={document}&type=N853", key, {})
    upload = msgspec.json.decode(ask(f"{url}/v1/uploads?size=9", key, {}))["id"]
    papers = {"document": document, "upload": upload, "mandate": granted["id"], "batch": "described"}
    papers |= {"query": query, "notice": notice["id"]}
    return THERE | papers | {"mrn": mrn, "id": delivery["id"], "file": file}


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.streams], ids=lambda route: route.name)
def test_every_answer_is_described(served: Served, route: Route):
    who = "tester" if route.name in OF_A_TEST else next(iter(route.roles), None)
    key = {"Authorization": f"Bearer {served.keys[who]}"} if who else {}
    statuses = set()

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=served.schema[route.path][route.method].as_strategy(), named=st.booleans(), good=st.booleans())
    def play(case: schemathesis.Case, named: bool, good: bool) -> None:
        if named:
            case.path_parameters = {name: served.there[name] for name in case.path_parameters or {}}
        if good and route.name in GOOD:
            media = "application/octet-stream" if route.carries else "application/json"
            case.body, case.media_type = GOOD[route.name], media
            for name in ("Guichet-Message", "Guichet-Scenario"):
                case.headers.pop(name, None)
            if route.name == "lodge":
                case.query = {}
        answer = case.call(headers=key)
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    play()
    assert route.status in statuses or route.name in NEVER_GOOD, "what is good is among what was tried"
