"""Each request has a reference of its own, in a place that was found and not guessed."""

from itertools import islice

import pytest
from lxml import etree

from perf.service.references import REFERENCE_LENGTH, declaration, references

DOCUMENT = b"<a><x:FunctionalReferenceID xmlns:x='u'>old</x:FunctionalReferenceID></a>"


def test_references_have_one_length_and_never_repeat_across_runs():
    drawn = [*islice(references(), 1000), *islice(references(), 1000)]
    assert len(set(drawn)) == 2000
    assert {len(each) for each in drawn} == {REFERENCE_LENGTH}


def test_a_document_takes_a_reference_and_stays_a_document():
    found = declaration("one", DOCUMENT.replace(b" xmlns:x='u'", b"").replace(b"<a>", b"<a xmlns:x='u'>"))
    assert etree.fromstring(found.document)[0].text == "0" * REFERENCE_LENGTH
    assert len(found.document) == found.size


@pytest.mark.parametrize("document", [b"<a/>", b"<FunctionalReferenceID>a</FunctionalReferenceID>" * 2])
def test_no_reference_or_two_are_refused(document):
    with pytest.raises(ValueError, match="exactly one"):
        declaration("odd", document)
