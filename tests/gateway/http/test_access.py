"""Who may do what: keys, roles, and that nobody sees what is another's, not even that it is there."""

from uuid import uuid4

import pytest

from gateway.access.accounts import new_key
from tests.gateway.http.test_agencies import GRANTED

TRADERS_ONLY = ["", "/message", "/message?as=xml", "/response", "/timeline"]


def told(reply) -> dict:
    """What a problem says, without what differs with each exchange."""
    return {name: value for name, value in reply.json.items() if name not in ("instance", "conversation_id")}


@pytest.mark.parametrize("path", TRADERS_ONLY)
async def test_another_traders_case_looks_like_one_that_never_was(house, path):
    mrn = (await house.lodge())["mrn"]
    assert (await house.get(f"/v1/declarations/{mrn}{path}", Accept="*/*")).status == 200
    theirs = await house.get(f"/v1/declarations/{mrn}{path}", "rival")
    unknown = await house.get(f"/v1/declarations/26XZ00000000000000{path}", "rival")
    assert theirs.status == unknown.status == 404
    assert told(theirs) == told(unknown)
    assert len(theirs.body) == len(unknown.body)


async def test_two_traders_may_use_the_same_key_and_reference(house):
    first = await house.lodge("import-cut-flowers-kenya", "trader")
    second = await house.lodge("import-cut-flowers-kenya", "rival")
    assert first["mrn"] != second["mrn"]
    assert second["replayed"] is False


async def test_another_agencys_delivery_looks_like_one_that_never_was(house):
    await house.lodge()
    [theirs] = await house.deliveries("fsa")
    for_phs = await house.get(theirs["href"], "phs")
    unknown = await house.get(f"/v1/agency/deliveries/{uuid4()}", "phs")
    assert for_phs.status == unknown.status == 404
    assert told(for_phs) == told(unknown)
    decided = await house.post(f"{theirs['href']}/decision", GRANTED, caller="phs")
    nowhere = await house.post(f"/v1/agency/deliveries/{uuid4()}/decision", GRANTED, caller="phs")
    assert decided.status == nowhere.status == 404
    assert told(decided) == told(nowhere) == told(unknown)
    assert len(await house.deliveries("fsa")) == 1


async def test_another_agencys_delivery_is_no_place_in_ones_own_inbox(house):
    """A cursor that is not one's own must not show where another's deliveries are."""
    await house.lodge()
    [theirs] = await house.deliveries("fsa")
    reply = await house.get(f"/v1/agency/deliveries?after={theirs['id']}", "phs")
    assert reply.status in (200, 404)
    assert b'"FSA' not in reply.body


@pytest.mark.parametrize(
    ("method", "path", "caller"),
    [
        ("POST", "/v1/declarations", "fsa"),
        ("POST", "/v1/declarations", "operator"),
        ("GET", "/v1/declarations/26XZ00000000000000", "fsa"),
        ("GET", "/v1/agency/deliveries", "trader"),
        ("GET", "/v1/agency/deliveries", "operator"),
        ("POST", "/v1/agency/deliveries/x/decision", "trader"),
    ],
)
async def test_the_wrong_role_is_forbidden(house, method, path, caller):
    reply = await house.call(method, path, caller, b"{}" if method == "POST" else None)
    assert reply.status == 403
    assert reply.json["type"] == "urn:guichet:problem:forbidden"


@pytest.mark.parametrize("caller", ["trader", "fsa", "operator"])
async def test_everybody_with_a_key_may_try_a_message(house, caller):
    assert (await house.post("/v1/validations", GRANTED, caller=caller)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic Zm9vOmJhcg=="},
        {"Authorization": f"Bearer {new_key()}"},
        {"Authorization": "Bearer caf\u00e9"},
        {"Authorization": "Bearer a b"},
        {"X_API_Key": new_key()},
        {"X_API_Key": ""},
    ],
)
async def test_without_a_known_key_nothing_is_shown(house, headers):
    reply = await house.call("GET", "/v1/declarations/26XZ00000000000000", **headers)
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"].startswith('Bearer realm="guichet"')
    assert reply.json["type"] == "urn:guichet:problem:unauthenticated"


async def test_the_key_may_come_in_either_header_and_the_scheme_in_any_case(house):
    key = house.keys["trader"]
    for headers in ({"X_API_Key": key}, {"Authorization": f"bearer {key}"}, {"Authorization": f"BEARER  {key} "}):
        assert (await house.call("POST", "/v1/validations", data=GRANTED, **headers)).status == 415


async def test_of_two_keys_the_one_in_authorization_counts(house):
    reply = await house.call(
        "GET", "/v1/agency/deliveries", Authorization=f"Bearer {new_key()}", X_API_Key=house.keys["fsa"]
    )
    assert reply.status == 401


async def test_a_stranger_is_turned_away_before_the_body_is_looked_at(house):
    reply = await house.call("POST", "/v1/declarations", data=b"x" * 100_000, Content_Type="image/png")
    assert reply.status == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
async def test_some_routes_are_open_to_all(house, path):
    assert (await house.call("GET", path)).status == 200
