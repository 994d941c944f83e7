"""The whole description, played by one who knows nothing else of us: no fault of ours, no answer that is not in it.

Schemathesis makes requests from it, good and bad ones, and judges what a gateway that really serves answers to them.
"""

import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.accounts import ROLES
from gateway.http.app import ROUTES
from gateway.http.routes import Route
from tests.system.conftest import GUICHET, clean_environment

EXAMPLES = 30  # of each operation
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class Served(NamedTuple):
    """A gateway that serves, its description, and a key of each role."""

    schema: BaseSchema
    keys: dict[str, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("described")
    environment = clean_environment(GUICHET_DATABASE="sqlite:///x.db", GUICHET_PORT="0")
    keys = {}
    for role in ROLES:
        command = [GUICHET, "account", "add", role, "--role", role, *(["--agency", "FSA"] if role == "agency" else [])]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True, timeout=50)
        keys[role] = done.stdout.decode().strip()
    with (folder / "log").open("wb") as log:
        gateway = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log
        )
    try:
        url = gateway.stdout.readline().decode().split()[-1]
        yield Served(schemathesis.openapi.from_url(f"{url}/openapi.json"), keys)
    finally:
        gateway.terminate()
        gateway.wait(20)
        gateway.stdout.close()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_answer_is_described(served: Served, route: Route):
    key = {"Authorization": f"Bearer {served.keys[route.roles[0]]}"} if route.roles else {}
    asked = 0

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=served.schema[route.path][route.method].as_strategy())
    def play(case: schemathesis.Case) -> None:
        nonlocal asked
        asked += 1
        case.validate_response(case.call(headers=key), checks=CHECKS)

    play()
    assert asked > 0
