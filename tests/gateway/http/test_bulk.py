"""A batch over real HTTP: each item is answered as if it came alone, in its order, whatever is wrong with others."""

import pytest

from tests.gateway.http.batches import as_json, as_xml, envelope, lines, multipart, send, sent, zipped
from tests.gateway.http.conftest import housed


@pytest.mark.parametrize("media", ["application/x-ndjson", "multipart/form-data; boundary=limit", "application/zip"])
async def test_every_container_gives_the_same_cases_and_a_repeat_in_another_the_first_answers(house, media):
    named = {f"{number}.xml": as_xml(f"B-{number}") for number in range(40)}
    bodies = {
        "application/x-ndjson": b"\n".join(envelope(f"{n}.xml", as_json(f"B-{n}")) for n in range(40)),
        "multipart/form-data; boundary=limit": multipart(named),
        "application/zip": zipped(named),
    }
    items, end = await sent(house, bodies.pop(media), media, "B")
    assert [each["number"] for each in items] == list(range(1, 41))
    assert [each["key"] for each in items] == list(named)
    assert {each["status"] for each in items} == {202}
    assert end == {"complete": True, "items": 40, "accepted": 40, "replayed": 0, "refused": 0}
    for other, body in bodies.items():
        again, end = await sent(house, body, other, "B")
        assert end["refused"] == 0, again[0]
        assert [each["acceptance"]["mrn"] for each in again] == [each["acceptance"]["mrn"] for each in items]
        assert (end["replayed"], end["accepted"]) == (40, 0)
