"""The JSON Schema against the gateway: it takes what the gateway takes, and refuses what differs in structure.

Judged by jsonschema-rs, which shares nothing with us, over the samples, the public corpus and damaged copies of both.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from datamodel.codecs import Parsed, read
from datamodel.codecs import write as write_document
from datamodel.issues import Refused
from datamodel.json_schema import write
from datamodel.registry import Message, Registry
from tests.conftest import SCHEMAS
from tests.datamodel import naive_json
from tests.datamodel.generated import documents
from tests.datamodel.mutations import mutants

MUTANTS_EACH = 30
STRUCTURE = {
    "attribute.missing",
    "attribute.unknown",
    "element.children",
    "element.missing",
    "element.repeated",
    "element.unknown",
    "json.kind",
    "message.unknown",
}
# What a schema cannot say: digits after the point, days that a month does not have, what is a URI.
UNSAID = {"value.digits", "value.format"}
TYPED = ("wco-dms/3.6/DEC", "wco-dms/3.6/CANCEL", "wco-dms/3.6/RES", "guichet/1/PermitRequest", "guichet/1/Decision")


def validator(message: Message) -> Any:
    """An independent validator of a message's schema, which is checked against the dialect first."""
    schema = msgspec.json.decode(write(message.model))
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def validators() -> dict[str, Any]:
    """Validators by message key, made when they are first needed."""
    return {}


class Comparison:
    """The gateway's verdicts beside the schema's."""

    def __init__(self, registry: Registry, validators: dict[str, Any]) -> None:
        self.registry, self.validators = registry, validators
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []

    def says(self, message: Message, body: bytes) -> bool:
        if message.key not in self.validators:
            self.validators[message.key] = validator(message)
        return bool(self.validators[message.key].is_valid(msgspec.json.decode(body)))

    def compare(self, name: str, body: bytes, message: Message) -> None:
        """A JSON document, valid or not."""
        try:
            parsed = read(self.registry, body, "json", message.key)
        except Refused as refusal:
            self.refused(name, body, message, {issue.rule for issue in refusal.report.issues})
        else:
            self.counts["valid"] += 1
            if not self.says(message, write_document(parsed, "json")):
                self.wrong.append(f"{name}: valid, and refused by the schema: {body[:400]!r}")

    def refused(self, name: str, body: bytes, message: Message, rules: set[str]) -> None:
        accepted = self.says(message, body)
        self.counts["structure" if rules & STRUCTURE else "value"] += 1
        self.counts["values let through"] += accepted
        if accepted and not rules <= UNSAID:
            self.wrong.append(f"{name}: {rules}, and accepted by the schema: {body[:400]!r}")


def compare_all(comparison: Comparison, files: list[Path]) -> None:
    """Every file as it is, and damaged copies of it, as JSON."""
    for seed, file in enumerate(files):
        body = file.read_bytes()
        message = read(comparison.registry, body, "xml").message
        for kind, damaged in [("as it is", body), *mutants(body, MUTANTS_EACH, seed)]:
            root = etree.fromstring(damaged, etree.XMLParser(remove_comments=True, remove_pis=True))
            try:
                comparison.compare(f"{file.name} {kind}", naive_json.document(root, message.model.root), message)
            except LookupError:
                comparison.counts["not writable in JSON"] += 1
    print(dict(comparison.counts))
    assert not comparison.wrong, comparison.wrong[:10]
    assert comparison.counts["valid"] > len(files)
    assert comparison.counts["structure"] > 2 * len(files)
    assert comparison.counts["value"] > 2 * len(files)


def test_samples_and_damaged_samples(registry: Registry, validators: dict[str, Any]) -> None:
    files = sorted((SCHEMAS / "samples").glob("*.xml"))
    assert len(files) == 12
    compare_all(Comparison(registry, validators), files)


def test_samples_of_all_packages(registry: Registry, validators: dict[str, Any]) -> None:
    comparison = Comparison(registry, validators)
    files = sorted((SCHEMAS / "samples" / "packages").rglob("*.xml"))
    for file in files:
        parsed = read(registry, file.read_bytes(), "xml")
        assert comparison.says(parsed.message, write_document(parsed, "json")), file
    assert len(files) >= len(validators) > 0


@pytest.mark.timeout(240)
def test_corpus_and_damaged_corpus(registry: Registry, validators: dict[str, Any], corpus: Path) -> None:
    files = sorted(corpus.glob("samples/*/*.xml"))
    assert len(files) > 50
    compare_all(Comparison(registry, validators), files)


@pytest.mark.parametrize("key", TYPED)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_document_of_the_model_is_accepted(
    registry: Registry, validators: dict[str, Any], key: str, data: st.DataObject
) -> None:
    message = registry.message(key)
    known = validators.setdefault(key, None) or validator(message)
    validators[key] = known
    body = write_document(Parsed(message, data.draw(documents(message))), "json")
    found = list(known.iter_errors(msgspec.json.decode(body)))
    assert not found, (body, found)


def declaration(document: Any) -> Any:
    return document["MetaData"]["Declaration"]


def item(document: Any) -> Any:
    return declaration(document)["GoodsShipment"]["GovernmentAgencyGoodsItem"][0]


# What a developer gets wrong first, in words and as a change of a good document.
SLIPS: dict[str, Any] = {
    "an unknown property": lambda it: declaration(it).update(TypoCode="1"),
    "an unknown property at the top": lambda it: it.update(Other={}),
    "a mandatory property left out": lambda it: declaration(it).pop("FunctionCode"),
    "the payload left out": lambda it: it["MetaData"].pop("Declaration"),
    "a string for a number": lambda it: declaration(it).update(GoodsItemQuantity="1"),
    "a number for a string": lambda it: declaration(it).update(FunctionCode=9),
    "an object for a string": lambda it: declaration(it).update(TypeCode={"text": "IMA"}),
    "null": lambda it: declaration(it).update(TypeCode=None),
    "an array for one value": lambda it: declaration(it).update(TypeCode=["IMA"]),
    "one value for an array": lambda it: declaration(it)["GoodsShipment"].update(GovernmentAgencyGoodsItem=item(it)),
    "more items than there may be": lambda it: declaration(it)["GoodsShipment"].update(
        GovernmentAgencyGoodsItem=[item(it)] * 1000
    ),
    "an unknown XML attribute": lambda it: declaration(it).update(InvoiceAmount={"@currency": "EUR", "value": 1}),
    "attributes without a value": lambda it: declaration(it).update(InvoiceAmount={"@currencyID": "EUR"}),
    "a code that the format has not": lambda it: declaration(it).update(FunctionCode="8"),
    "text that is too long": lambda it: declaration(it).update(FunctionalReferenceID="x" * 36),
    "more digits than there may be": lambda it: declaration(it).update(InvoiceAmount=12345678901234567),
    "a fraction of a piece": lambda it: declaration(it).update(GoodsItemQuantity=1.5),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_refused_as_the_gateway_refuses_it(registry: Registry, validators: dict[str, Any], slip: str) -> None:
    comparison = Comparison(registry, validators)
    message = registry.message("wco-dms/3.6/DEC")
    good = (SCHEMAS / "samples" / "import-hotel-supplies.json").read_bytes()
    assert comparison.says(message, good)
    document = msgspec.json.decode(good)
    SLIPS[slip](document)
    bad = msgspec.json.encode(document)
    assert not comparison.says(message, bad)
    with pytest.raises(Refused):
        read(registry, bad, "json", message.key)


def test_other_forms_that_the_gateway_takes_are_taken_too(registry: Registry, validators: dict[str, Any]) -> None:
    message = registry.message("wco-dms/3.6/DEC")
    document = msgspec.json.decode((SCHEMAS / "samples" / "import-hotel-supplies.json").read_bytes())
    declaration(document).update(TypeCode={"value": "IMA"}, AdditionalDocument=[])
    body = msgspec.json.encode(document)
    assert read(registry, body, "json", message.key)
    assert Comparison(registry, validators).says(message, body)


def test_what_the_data_model_says_of_a_position_is_in_the_schema(registry: Registry) -> None:
    schema = msgspec.json.decode(write(registry.message("wco-dms/3.6/DEC").model))
    amount = schema["$defs"]["Declaration"]["properties"]["InvoiceAmount"]
    assert amount["description"] == "WCO ID 109, UN/TDED 5072, format n..16,3"
    assert schema["title"] == "Declaration"
    assert "wco-dms/3.6/DEC" in schema["$id"]
