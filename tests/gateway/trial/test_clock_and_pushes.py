"""What outlives a gateway that ends, and how notifications of a test are pushed by the account's own clock."""

import pytest

from gateway import bootstrap
from gateway.intake import Lodgement, lodge
from gateway.trial.scenarios import Scenarios
from tests.gateway.http.conftest import read_sample
from tests.gateway.receiving import receiving
from tests.gateway.scripted import ManualClock, eventually
from tests.gateway.trial.conftest import CLOCK, PATH, at_work, settings_of, welcome

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEEF = "import-chilled-beef-argentina"  # food safety alone
PHASES = ["received", "validated", "routed", "accepted", "queued", "sent", "under-control", "decision", "released"]


async def test_clock_and_scenario_outlive_the_gateway(tmp_path):
    clock = ManualClock()
    async with at_work(tmp_path, clock) as house:
        await welcome(house, 1)
        await house.advance("3d")
        mrn = (await house.lodges(BEEF, Guichet_Scenario="held-then-refused:FSA:2d"))["mrn"]
        await house.case(mrn, FSA="held")
        keys = house.keys
    async with at_work(tmp_path, clock) as house:
        house.keys = keys
        stands = (await house.get(CLOCK, "tester")).json
        assert (stands["ahead"], stands["pending"], stands["next_at"]) == (3 * 86400, 1, "2026-11-26T08:00:00.000Z")
        clock.advance(2 * 86400)  # time itself passes, and nobody asks
        file = await house.case(mrn, FSA="refused")
        assert [each.at for each in file.decisions] == ["2026-11-24T08:00:00.000Z", "2026-11-26T08:00:00.000Z"]


async def test_what_was_accepted_is_played_by_the_gateway_that_comes_after(tmp_path):
    async with at_work(tmp_path) as house:
        await welcome(house, 1)
        keys = house.keys
    built = bootstrap.build(settings_of(tmp_path), clock=ManualClock(), adapters={})
    await built.store.open()  # one that takes declarations, and dies before anybody plays
    try:
        caller = await built.accounts.authenticate(keys["tester"])
        sent = Lodgement(
            account=caller.account,
            body=read_sample(f"{BEEF}.json"),
            media="application/json",
            conversation_id="1",
            scenario="granted-all",
        )
        mrn = (await lodge(built, sent)).mrn
    finally:
        await built.store.close()
    async with at_work(tmp_path) as house:
        file = await house.case(mrn, FSA="granted")
        assert [event.kind for event in file.events] == PHASES


async def test_notifications_are_pushed_by_the_accounts_own_clock_as_the_scenario_says(house):
    async with receiving() as receiver:
        caller = await house.gateway.accounts.authenticate(house.keys["tester"])
        await house.gateway.store.set_callback(caller.account.name, receiver.url, "gs_secret")
        await house.advance("30d")
        mrn = (await house.lodges(BEEF, Guichet_Scenario="pushed-twice, slow:FSA:1h"))["mrn"]
        await eventually(lambda: len(receiver.taken) == 4)
        assert [each["kind"] for each in receiver.taken] == ["accepted"] * 2 + ["under-control"] * 2
        await house.advance("1h")
        await eventually(lambda: len(receiver.taken) == 8)
        assert receiver.numbers(mrn) == [1, 1, 2, 2, 3, 3, 4, 4]
        body = read_sample(f"{BEEF}.json").replace(b'"FunctionalReferenceID": "', b'"FunctionalReferenceID": "L', 1)
        late = (await house.post(PATH, body, caller="tester", Guichet_Scenario="pushed-late:20m")).json["mrn"]
        await house.case(late, FSA="granted")
        told = (await house.get(f"/v1/notifications?mrn={late}", "tester")).json["notifications"]
        assert len(told) == 4, "the log has them at once"
        await house.advance("19m")
        third = body.replace(b'"L', b'"M', 1)
        await house.post(PATH, third, caller="tester")
        await eventually(lambda: len(receiver.taken) == 12)
        assert receiver.numbers(late) == [], "another case waits for none of it"
        await house.advance("1m")
        await eventually(lambda: len(receiver.numbers(late)) == 4)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ('name = "x y"\nsteps = ["sent"]', "a name is small letters"),
        ('name = "granted-all"\nsteps = ["sent"]', "the name stands twice"),
        ('name = "x"', "it needs steps, or an answer, or pushes"),
        ('name = "x"\npushes = 11', "it needs steps, or an answer, or pushes"),
        ('name = "x"\nsteps = ["sent"]\nanswer = "busy"', "it needs steps, or an answer, or pushes"),
        ('name = "x"\nsteps = ["sent", "wait", "granted"]', "wait is for where it waits"),
        ('name = "x"\nsteps = ["sent", "granted"]\nwait = "1d"', "wait is for where it waits"),
        ('name = "x"\nlate = true\nwait = "400d"', "wait is for where it waits"),
        ('name = "x"\nsteps = ["granted"]', "after the beginning there cannot be granted"),
        ('name = "x"\nsteps = ["sent", "granted", "held"]', "after granted there cannot be held"),
        ('name = "x"\nsteps = ["declined"]', "after declined there cannot be the end"),
        ('name = "x"\nsteps = ["sent", "flies"]', "Invalid enum value 'flies'"),
        ('name = "x"\nstep = ["sent"]', "unknown field `step`"),
    ],
)
async def test_a_table_that_cannot_be_played_is_refused_whole(tmp_path, row, fault):
    folder = tmp_path / "trade-test"
    folder.mkdir()
    usual = '[[scenario]]\nname = "granted-all"\ntitle = "t"\ntext = "t"\nsteps = ["sent", "granted"]\n'
    file = folder / "scenarios.toml"
    file.write_text(f'{usual}[[scenario]]\ntitle = "t"\ntext = "t"\n{row}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=fault) as refused:
        Scenarios.load(tmp_path, ["FSA"])
    assert str(file) in str(refused.value)
    file.write_text(usual.replace("granted-all", "other"), encoding="utf-8")
    with pytest.raises(ValueError, match="there must be a scenario 'granted-all'"):
        Scenarios.load(tmp_path, ["FSA"])
