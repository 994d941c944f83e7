"""Appeals in time and on the command line: the days that an agency gives, and who rules where the agency does not."""

import asyncio

import pytest
from typer.testing import CliRunner

from datamodel.issues import Refused
from gateway import bootstrap
from gateway.acts.appeal import lodge_appeal
from gateway.cli import app
from gateway.collect import collect
from gateway.requirements import DAYS_APPEAL
from tests.gateway.scripted import case, case_when, decision, delivery_to, kinds, lodge_sample, states, taking_back

FLOWERS = "import-cut-flowers-kenya.json"
DAY = 24 * 3600


async def refused(gateway, trader):
    """A case that plant health, which alone sees it, has refused."""
    mrn = (await lodge_sample(gateway, trader, FLOWERS)).mrn
    file = await case_when(gateway, mrn, lambda file: states(file) == {"PHS": "awaiting"})
    await collect(gateway, "PHS", decision("refused"), "json", delivery_to(file, "PHS").id)
    return await case(gateway, mrn)


def appealing(trader, file):
    body = f'{{"Appeal":{{"DeliveryID":"{delivery_to(file, "PHS").id}","Grounds":"There was no pest."}}}}'
    return taking_back(trader, "", body=body.encode())


@pytest.mark.parametrize(("seconds", "late"), [(DAYS_APPEAL * DAY, False), (DAYS_APPEAL * DAY + 1, True)])
async def test_the_days_for_an_appeal_end(gateway, trader, clock, seconds, late):
    file = await refused(gateway, trader)
    clock.advance(seconds)
    if not late:
        assert (await lodge_appeal(gateway, file.case.mrn, appealing(trader, file))).appeal == 1
        return
    with pytest.raises(Refused) as caught:
        await lodge_appeal(gateway, file.case.mrn, appealing(trader, file))
    [found] = caught.value.report.issues
    assert (found.rule, found.expected) == ("appeal.late", "2026-12-21T08:00:00.000Z")
    assert kinds(await case(gateway, file.case.mrn))[-1] == "refused"


async def test_an_operator_or_auditor_rules_with_a_reason_and_a_name(gateway, settings, trader, tmp_path):
    file = await refused(gateway, trader)
    mrn = file.case.mrn
    await lodge_appeal(gateway, mrn, appealing(trader, file))
    (new := tmp_path / "granted.json").write_bytes(decision("granted"))
    database = ["--database", settings.database]

    async def run(*words: str):
        return await asyncio.to_thread(CliRunner().invoke, app, ["appeal", *words, *database], catch_exceptions=False)

    assert mrn in (await run("list")).output
    said = ("--reason", "The laboratory was wrong", "--by", "A. Miller", "--role", "auditor")
    missing = await run("rule", mrn, "1", "overturned", *said)
    assert (missing.exit_code, "Decision" in missing.output) == (2, True)
    assert (await run("rule", mrn, "2", "upheld", *said)).exit_code == 2
    done = await run("rule", mrn, "1", "overturned", "--decision", str(new), *said)
    assert (done.exit_code, "overturned" in done.output) == (0, True), done.output
    after = await case(gateway, mrn)
    assert (after.case.state, kinds(after)[-4:]) == ("released", ["appeal", "ruling", "decision", "released"])
    assert after.events[-3].actor == after.events[-2].actor == "auditor:A. Miller"
    [appeal] = await gateway.store.appeals(after.case.id)
    assert (appeal.ruled_by, b"The laboratory was wrong" in appeal.ruling) == ("auditor:A. Miller", True)
    assert "No appeal waits" in (await run("list")).output


async def test_an_appeal_and_its_record_survive_a_restart(built, settings, clock, partners):
    async with bootstrap.running(built):
        trader, _ = await built.accounts.register("Greengate Brokers", "trader")
        file = await refused(built, trader)
        first = await lodge_appeal(built, file.case.mrn, appealing(trader, file))
        record = await built.store.appeal_record(file.case.mrn, 1)
    async with bootstrap.running(bootstrap.build(settings, clock=clock, adapters=partners)) as anew:
        again = await lodge_appeal(anew, file.case.mrn, appealing(trader, file))
        assert (again.head, again.replayed) == (first.head, True)
        assert await anew.store.appeal_record(file.case.mrn, 1) == record
