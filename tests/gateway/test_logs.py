"""The log as a program reads it: one object a line, with what the line is about as members, nothing confidential."""

import json
import logging
from datetime import datetime

import pytest

from adapters.port import Declined
from gateway.logs import FIELDS, formatter
from tests.gateway.scripted import case_when, lodge_sample, states

FLOWERS = "import-cut-flowers-kenya.xml"  # plant health alone


def line(message: str, *args: object, **kept: object) -> dict:
    record = logging.LogRecord("gateway.outbox", logging.WARNING, "", 0, message, args, None)
    record.__dict__.update(kept)
    written = formatter("json").format(record)
    assert "\n" not in written
    return json.loads(written)


def test_a_line_tells_when_how_grave_where_and_what():
    told = line("traffic with %s\nfails", "FSA")
    assert datetime.fromisoformat(told.pop("time")).utcoffset().total_seconds() == 0
    assert told == {"level": "WARNING", "logger": "gateway.outbox", "message": "traffic with FSA\nfails"}


def test_what_it_is_about_are_members_and_what_is_only_said_is_none():
    told = line("%(delivery)s to %(agency)s: %(cause)s", {"delivery": "d-1", "agency": "FSA", "cause": "n", "key": "k"})
    assert (told["delivery"], told["agency"], told["message"]) == ("d-1", "FSA", "d-1 to FSA: n")
    assert "cause" not in told and "key" not in told
    assert line("%(milliseconds).1f", {"milliseconds": 12.3456})["milliseconds"] == 12.3


def test_the_worker_is_told_in_both_forms():
    record = logging.LogRecord("x", logging.INFO, "", 0, "hello", (), None)
    assert json.loads(formatter("json", 3).format(record))["worker"] == 3
    assert formatter("text", 3).format(record).endswith(" INFO worker-3 x hello")
    assert formatter("text").format(record).endswith(" INFO x hello")


def test_half_a_character_does_not_break_the_line():
    assert line("path %(path)s", {"path": "a\ud800"})["path"] == "a\\ud800"


def test_a_fault_has_its_trace():
    try:
        raise ValueError("the floor was wet")
    except ValueError as error:
        told = line("failed", exc_info=(type(error), error, error.__traceback__))
    assert told["message"] == "failed"
    assert "ValueError: the floor was wet" in told["trace"]


async def test_a_delivery_that_was_declined_is_named_and_the_agencys_words_are_not(gateway, trader, partners, caplog):
    partners["PHS"].otherwise = Declined("answered 422", "importer 4711 of Main Street")
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    file = await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "parked"})
    [record] = [record for record in caplog.records if record.name == "gateway.sending"]
    told = json.loads(formatter("json").format(record))
    assert (told["agency"], told["delivery"], told["attempt"]) == ("PHS", file.deliveries[0].id, 1)
    assert "answered 422" in told["message"]
    assert "4711" not in json.dumps(told)


@pytest.mark.parametrize("name", FIELDS)
def test_every_member_has_its_row_in_the_page_for_operators(name, request):
    page = (request.config.rootpath / "docs" / "operators.md").read_text()
    assert f"`{name}`" in page.partition("## The log")[2]
