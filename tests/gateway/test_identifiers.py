"""The identifiers: known check characters, and the shape of what the gateway issues."""

import os
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gateway.identifiers import check_character, is_test, new_conversation_id, new_delivery_id, new_mrn

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


# A container number and movement reference numbers that were published as examples.
@pytest.mark.parametrize("known", ["CSQU3054383", "23GB5SCPZSPYDAUAA1"])
def test_known_numbers_check(known):
    assert check_character(known[:-1]) == known[-1]


def test_an_mrn_has_year_country_randomness_and_check():
    mrn = new_mrn(NOW, "XZ", os.urandom)
    assert len(mrn) == 18
    assert re.fullmatch(r"26XZ[0-9A-Z]{13}[0-9]", mrn)
    assert check_character(mrn[:-1]) == mrn[-1]


def test_an_mrn_of_a_test_checks_too_and_is_none_of_the_others():
    mrn = new_mrn(NOW, "XZ", os.urandom, test=True)
    assert re.fullmatch(r"T6XZ[0-9A-Z]{13}[0-9]", mrn)
    assert check_character(mrn[:-1]) == mrn[-1]
    assert (is_test(mrn), is_test(new_mrn(NOW, "XZ", os.urandom))) == (True, False)


def test_the_same_randomness_gives_the_same_mrn():
    assert new_mrn(NOW, "XZ", lambda count: b"\x07" * count) == new_mrn(NOW, "XZ", lambda count: b"\x07" * count)
    assert new_mrn(NOW, "XZ", lambda count: b"\x00" * count)[4:17] == "0" * 13


def test_a_mistyped_character_is_noticed_nearly_always():
    """Ten remainders for eleven values: some single faults pass, most do not."""
    mrn = new_mrn(NOW, "XZ", os.urandom)
    wrong = [mrn[:at] + other + mrn[at + 1 : -1] for at in range(4, 17) for other in "0AZ" if other != mrn[at]]
    passed = [text for text in wrong if check_character(text) == mrn[-1]]
    assert len(passed) < len(wrong) / 3


def test_delivery_ids_are_uuids_in_order_of_time():
    ids = [new_delivery_id(NOW + timedelta(milliseconds=number), os.urandom) for number in range(50)]
    assert ids == sorted(ids)
    assert {(UUID(each).version, UUID(each).variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert UUID(ids[0]).int >> 80 == int(NOW.timestamp() * 1000)


def test_conversation_ids_are_random_uuids():
    made = {new_conversation_id(os.urandom) for _ in range(50)}
    assert len(made) == 50
    assert {UUID(each).version for each in made} == {4}
