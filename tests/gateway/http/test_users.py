"""The history of a case names the user who acted, and a look at it by another user of the account is no other's."""

from gateway import audit
from gateway.ports import KeyTerms
from tests.gateway.http.conftest import read_sample
from tests.gateway.http.test_agencies import GRANTED
from tests.gateway.http.test_rights import JSON, taking_back


async def another(house, account: str, user: str, name: str) -> None:
    """Gives the house a caller `name`: another user of an account."""
    await house.gateway.accounts.add_user(account, user)
    _, house.keys[name] = await house.gateway.accounts.add_key(account, KeyTerms(user=user))


async def test_the_history_says_which_user_did_what(house):
    await another(house, "trader", "clerk", "clerk")
    await another(house, "fsa", "doctor", "doctor")
    mrn = (await house.lodge("import-hotel-supplies", "clerk"))["mrn"]
    path = f"/v1/declarations/{mrn}"
    [waiting] = await house.deliveries("doctor")
    assert (await house.post(f"{waiting['href']}/decision", GRANTED, caller="doctor")).status == 200
    amended = read_sample("import-hotel-supplies.json").replace(b"Roses", b"Tulips")
    assert (await house.post(f"{path}/amendments", amended, caller="trader")).status == 200
    assert (await house.call("POST", f"{path}/invalidation", "clerk", taking_back(mrn), **JSON)).status == 200
    told = (await house.get(f"{path}/timeline", "trader")).json["events"]
    actors = {event["kind"]: event["actor"] for event in told}
    assert actors["received"] == actors["invalidation"] == "trader:1/2"
    assert actors["amendment"] == "trader:1/1"
    assert actors["decision"].startswith("agency:FSA/") and actors["decision"].endswith("/2")
    file = await house.gateway.store.case_file(mrn)
    assert audit.verify(mrn, file.events) is None
