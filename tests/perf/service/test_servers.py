"""The real thing, small: processes that are started, driven by the load tool, multiplied and refused."""

import json
import os
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing

import pytest

from gateway.demo.processes import free_port
from perf.data import DEC
from perf.options import HERE, ROOT
from perf.service import processes
from perf.service.declarations import HTTP_AGENCIES, for_three_agencies, sample_files, unwanted
from perf.service.load import KEY_VARIABLE
from perf.service.loading import Driver
from perf.service.prefill import multiply
from perf.service.traders import LODGE
from perf.service.upload import stream


@pytest.fixture(scope="module")
def quiet_declarations(tmp_path_factory):
    return unwanted(sample_files(), tmp_path_factory.mktemp("chosen"))


def test_samples_that_no_agency_wants_are_found_by_asking_the_gateway(quiet_declarations):
    assert {each.name for each in quiet_declarations} == {
        "export-cotton-shirts-united-states",
        "export-wooden-furniture-norway",
        "import-machine-parts-germany",
    }


def test_the_loop_runs_from_lodgement_to_response_and_the_ledger_grows_by_copies(tmp_path):
    """One gateway for all of it, because a start costs more than the rest."""
    place, driver = tmp_path / "gateway", Driver([for_three_agencies(tmp_path)], tmp_path / "declarations")
    with processes.agencies(tmp_path) as agencies:
        urls = {code: f"{agencies.url}/{code}" for code in HTTP_AGENCIES}
        with processes.gateway(place, 1, urls) as gateway:
            found = driver.drive(gateway, 30, count=5, in_flight=2, through=True)
        with urllib.request.urlopen(agencies.url) as answer:
            assert json.load(answer) == {"taken": 15}
    assert len(found.load.micros) == 5
    assert found.load.polls >= 5
    assert found.spent > 0
    ledger = place / "guichet.db"
    before = _rows(ledger)
    assert (before["declaration_case"], before["delivery"], before["decision"]) == (5, 15, 15)

    multiply(ledger, 50)
    assert _rows(ledger) == {table: rows * 10 for table, rows in before.items()} | {
        "account": 1,
        "account_user": 1,
        "credential": 1,
        "mandate_roll": 1,
    }
    with closing(sqlite3.connect(ledger)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        sizes = connection.execute("SELECT count(DISTINCT length(body)), count(*) FROM message").fetchone()
        assert sizes == (1, 50)
    with processes.gateway(place) as gateway:
        driver.drive(gateway, 30, count=1)
    assert _rows(ledger)["declaration_case"] == 51


def test_a_ledger_with_a_table_that_is_not_copied_is_refused(tmp_path):
    ledger = tmp_path / "ledger.db"
    with closing(sqlite3.connect(ledger)) as connection:
        connection.executescript("CREATE TABLE novelty (a); INSERT INTO novelty VALUES (1);")
    with pytest.raises(RuntimeError, match="novelty"):
        multiply(ledger, 10)


def _rows(ledger):
    with closing(sqlite3.connect(ledger)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        counts = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    return {table: count for table, count in counts.items() if count}


def test_a_body_without_end_is_answered_before_it_ends(tmp_path):
    with processes.gateway(tmp_path / "gateway") as gateway:
        stated = stream(gateway, LODGE, 200_000_000, chunked=False)
        chunked = stream(gateway, LODGE, 200_000_000, chunked=True)
    assert (stated.status, chunked.status) == (413, 413)
    assert max(stated.sent, chunked.sent) < 200


def test_the_bare_handler_checks_what_it_takes(tmp_path, quiet_declarations):
    driver = Driver(quiet_declarations, tmp_path / "declarations")
    with processes.bare_handler(tmp_path, workers=2) as floor:
        assert len(floor.pids) == 2
        found = driver.drive(floor, 30, count=20)
        with pytest.raises(urllib.error.HTTPError, match="422"):
            urllib.request.urlopen(floor.url + LODGE, b"<no-declaration/>")
    assert len(found.load.micros) == 20
    assert 0 < found.load.share < 1


def test_a_run_in_which_something_failed_is_no_measurement(tmp_path, quiet_declarations):
    driver = Driver(quiet_declarations, tmp_path / "declarations")
    with processes.gateway(tmp_path / "gateway") as gateway:
        gateway.key = "gk_wrong"
        with pytest.raises(RuntimeError, match="3 of 3 failed at the gateway.*401"):
            driver.drive(gateway, 30, count=3)


def test_the_load_tool_can_be_used_by_hand(tmp_path, quiet_declarations):
    driver = Driver(quiet_declarations, tmp_path / "declarations")
    with processes.gateway(tmp_path / "gateway") as gateway:
        command = [sys.executable, "-m", "perf.service.load", "--url", gateway.url, "--message", DEC, "--count", "5"]
        ended = subprocess.run(
            [*command, *map(str, (tmp_path / "declarations").iterdir())],
            env=os.environ | {KEY_VARIABLE: gateway.key},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    assert "a second, p50" in ended.stdout
    assert driver.about.startswith("3 declarations of ")


def test_a_server_that_is_not_there_is_named(tmp_path):
    (tmp_path / "one.xml").write_bytes(b"<FunctionalReferenceID></FunctionalReferenceID>")
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "perf.service.load", "--url", url, str(tmp_path / "one.xml")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{url} cannot be reached")


def test_a_server_that_does_not_start_says_why(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.exit('no such luck')"]
    with pytest.raises(processes.NotStarted, match="no such luck"), processes.running("it", command, tmp_path / "log"):
        pass


@pytest.mark.skipif(
    not (HERE / ".venvs" / "plain_stack").exists() and os.environ.get("CI") != "true", reason="made by `make perf`"
)
@pytest.mark.timeout(180)  # in CI it is made here
def test_the_plain_stack_keeps_what_it_takes(tmp_path, quiet_declarations):
    document = next(each.document for each in quiet_declarations if b"<GoodsItemQuantity>" in each.document)
    with processes.plain_stack(tmp_path) as peer:
        first, again = (_lodge(peer, document) for _ in range(2))
        with pytest.raises(urllib.error.HTTPError, match="422"):
            _lodge(peer, document.replace(b"<GoodsItemQuantity>", b"<GoodsItemQuantity>x"))
    assert first["mrn"] == again["mrn"]
    with closing(sqlite3.connect(tmp_path / "plain_stack.db")) as connection:
        assert connection.execute("SELECT body FROM declaration").fetchall() == [(document,)]
        assert connection.execute("SELECT kind FROM event").fetchall() == [("accepted",)]


def _lodge(server, document):
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/xml"}
    request = urllib.request.Request(server.url + LODGE, document, headers)
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 202
        return json.load(answer)
