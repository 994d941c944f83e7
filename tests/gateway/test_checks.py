"""Code lists at intake: the day of acceptance is the gateway's, and what was taken once stays taken."""

import re
import shutil
from datetime import UTC, date, datetime

import pytest

from datamodel.codecs import read
from datamodel.issues import Refused
from gateway import audit
from gateway.checks import load_checks, tables_digest
from gateway.conflicts import Conflict
from tests.conftest import SCHEMAS
from tests.gateway.scripted import case, lodge_sample, sample

MACHINES = "import-machine-parts-germany.xml"
LAST, FIRST = datetime(2021, 12, 31, 23, 59, tzinfo=UTC), datetime(2022, 1, 1, 0, 1, tzinfo=UTC)


def of_heading_8803(reference: str | None = None) -> bytes:
    """The sample with aircraft parts as they were classified until the end of 2021."""
    changed = sample(MACHINES).replace(b"<ID>8409", b"<ID>8803")
    assert b"8803" in changed
    return changed.replace(b"MWN-2026-10-00117", reference.encode()) if reference else changed


async def test_the_day_of_acceptance_counts_and_what_was_taken_is_not_judged_again(gateway, trader, clock):
    clock.time = LAST
    first = await lodge_sample(gateway, trader, MACHINES, body=of_heading_8803(), idempotency_key="k")
    clock.time = FIRST
    for key in ("k", None, "another"):
        again = await lodge_sample(gateway, trader, MACHINES, body=of_heading_8803(), idempotency_key=key)
        assert (again.mrn, again.replayed) == (first.mrn, True)
    with pytest.raises(Refused) as refused:
        await lodge_sample(gateway, trader, MACHINES, body=of_heading_8803("NEW"))
    assert "code.ended" in {issue.rule for issue in refused.value.report.issues}
    with pytest.raises(Conflict):
        await lodge_sample(gateway, trader, MACHINES, body=of_heading_8803("NEW"), idempotency_key="k")


async def test_the_history_tells_the_day_and_the_tables(gateway, trader):
    accepted = await lodge_sample(gateway, trader, MACHINES)
    file = await case(gateway, accepted.mrn)
    data = file.events[1].data
    assert (data["as_of"], data["issues"]) == ("2026-11-21", 0)
    assert data["checks"] == gateway.checks.digest == tables_digest(gateway.settings.schemas)
    assert audit.verify(file.case.mrn, file.events) is None


def test_another_table_is_another_digest(tmp_path):
    shutil.copytree(SCHEMAS / "codelists", tmp_path / "codelists")
    before = tables_digest(tmp_path)
    table = tmp_path / "codelists" / "units.tsv"
    table.write_text(table.read_text().replace("kilogram\t", "kilogramme\t", 1))
    assert tables_digest(tmp_path) != before


def test_a_gateway_with_a_bad_table_does_not_start(tmp_path, registry):
    shutil.copytree(SCHEMAS / "codelists", tmp_path / "codelists")
    (tmp_path / "codelists" / "units.tsv").write_text("nothing\n")
    with pytest.raises(ValueError, match=r"units\.tsv:1: the first line does not name the columns"):
        load_checks(tmp_path, registry, "XZ")


def test_a_document_that_names_no_country_is_held_to_the_laws_at_home(registry):
    body = (SCHEMAS / "samples" / "import-cut-flowers-kenya.xml").read_bytes()
    silent = re.sub(rb"<(\w+:)?ResponsibleCountryCode>XZ</(\w+:)?ResponsibleCountryCode>", b"", body)
    broken = re.sub(rb"(GoodsItemQuantity>)\d+<", rb"\g<1>99<", silent)
    assert silent != body
    assert broken != silent
    checks = load_checks(SCHEMAS, registry, "XZ")
    assert not checks.examine(read(registry, silent, "xml"), silent, date(2026, 10, 20)).total
    assert checks.examine(read(registry, broken, "xml"), broken, date(2026, 10, 20)).total
