"""What must hold for every document and every value, not only for those we thought of."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from datamodel.codecs import Parsed, read, write
from datamodel.facets import fault, normal, safe_pattern
from datamodel.model import SimpleType
from datamodel.registry import Registry
from datamodel.structs import text_type
from datamodel.xsd_writer import XS, _facets
from tests.conftest import SCHEMAS
from tests.datamodel.generated import documents, lexical, simple_types

REGISTRY = Registry.load(SCHEMAS)
RELAXED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
TYPES = {name: kind for message in REGISTRY.messages.values() for name, kind in simple_types(message).items()}
NASTY = st.text(st.sampled_from(" \t\n\r.+-eE09azAZ_:/#%<&\u00a0\u0085\u0660é\U0001f6a2"), max_size=24)


def oracle(kind: SimpleType) -> etree.XMLSchema:
    """libxml2's own validator of one simple type."""
    text = (
        f'<xs:schema xmlns:xs="{XS}"><xs:element name="v"><xs:simpleType><xs:restriction base="xs:{kind.primitive}">'
        f"{_facets(kind)}</xs:restriction></xs:simpleType></xs:element></xs:schema>"
    )
    return etree.XMLSchema(etree.fromstring(text))


@pytest.mark.parametrize("key", sorted(REGISTRY.messages))
def test_documents_survive_both_formats(key: str) -> None:
    message = REGISTRY.message(key)

    @RELAXED
    @given(documents(message))
    def survives(document: msgspec.Struct) -> None:
        parsed = Parsed(message, document)
        xml, json = write(parsed, "xml"), write(parsed, "json")
        assert message.schema.validate(etree.fromstring(xml)), message.schema.error_log
        from_xml, from_json = read(REGISTRY, xml, "xml", key), read(REGISTRY, json, "json", key)
        assert from_xml.document == document
        assert from_json.document == document
        assert write(from_xml, "json") == json
        assert write(from_json, "xml") == xml

    survives()


@pytest.mark.parametrize("name", sorted(TYPES))
def test_values_are_judged_as_libxml2_judges_them(name: str) -> None:
    kind = TYPES[name]
    schema = oracle(kind)
    quick = msgspec.json.Decoder(text_type(kind))

    @settings(RELAXED, max_examples=60)
    @given(lexical(kind).map(str) | NASTY | st.tuples(NASTY, lexical(kind).map(str)).map("".join))
    def agrees(text: str) -> None:
        probe = etree.Element("v")
        probe.text = text
        theirs = schema.validate(probe)
        assert (fault(kind, text) is None) == theirs, (text, schema.error_log)
        if kind.primitive == "decimal" or not safe_pattern(kind):
            return
        try:
            quick.decode(msgspec.json.encode(text))
        except msgspec.ValidationError:
            return
        assert theirs, "the quick way took a bad value"
        assert normal(kind, text) == text, "the quick way took a value that is not in normal form"

    agrees()
