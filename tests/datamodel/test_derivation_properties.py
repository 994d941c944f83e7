"""Derivation only narrows: whatever rules are accepted, a document of the derived package is one of its base."""

import json
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from datamodel.base_form import base_form
from datamodel.codecs import Parsed, read, write
from datamodel.derivation import Derivation
from datamodel.derivation_file import BadDerivation, DerivedPackage, Lines, Narrow, Rules
from datamodel.facets import fault
from datamodel.model import Facts, Model, Simple, SimpleType, walk
from datamodel.narrowing import changes
from datamodel.registry import Loader, Message, Registry
from datamodel.structs import StructBuilder
from datamodel.value_rules import Unfit, narrowed
from tests.conftest import SCHEMAS
from tests.datamodel.generated import documents, simple_types

REGISTRY = Registry.load(SCHEMAS)
BASE = REGISTRY.message("wco-dms/3.6/DEC")
POSITIONS = Loader(SCHEMAS / "packages").positions("wco-dms/3.6", "DEC")
PATHS = [f"/{path.removeprefix('MetaData/')}" for path, _ in walk(BASE.model.root) if path != "MetaData"]
RELAXED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
# Shrinking a document of hundreds of parts takes minutes and tells little more than the rules do.
UNSHRUNK = settings(RELAXED, phases=[Phase.explicit, Phase.reuse, Phase.generate])

FORMATS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(("a", "n", "an")),
    st.sampled_from(("", "..")),
    st.integers(1, 40),
    st.sampled_from(("", ",1", ",2")),
)
PATTERNS = st.sampled_from(("[0-9]{1,3}", "[A-Z]*", "XZ[0-9]{2}|[a-z]", "[A-Z]?[0-9]*", r"[0-9]+\.[0-9]", "9|13"))
VALUES = st.sampled_from((("9", "13"), ("A1", "9"), ("XZ",)))
RULES = st.one_of(
    st.builds(Narrow, format=FORMATS),
    st.builds(Narrow, format=FORMATS, min_length=st.integers(0, 4)),
    st.builds(Narrow, pattern=PATTERNS),
    st.builds(Narrow, pattern=PATTERNS, format=FORMATS),
    st.builds(Narrow, values=VALUES),
    st.builds(Narrow, min=st.integers(0, 2), max=st.integers(1, 3)),
    st.builds(Narrow, max=st.integers(1, 3), format=FORMATS),
)


def derivation(rules: Rules) -> Derivation:
    """The rules over the declaration."""
    package = DerivedPackage(
        name="xx/1",
        file=Path("package.toml"),
        title="T",
        extends="wco-dms/3.6",
        namespaces={},
        facts=Facts(),
        messages={"DEC": rules},
        lines=Lines(""),
    )
    return Derivation(package, "DEC", BASE.model, POSITIONS, frozenset())


def accepted(rules: Rules) -> bool:
    """Whether the rules can be derived by."""
    try:
        derivation(rules).model()
    except BadDerivation:
        return False
    return True


@st.composite
def narrowings(draw: st.DrawFn) -> Model:
    """A model derived by all those of some random rules that are accepted, one by one and then together."""
    paths = draw(st.lists(st.sampled_from(PATHS), min_size=5, max_size=40, unique=True))
    parts = [draw(st.sampled_from(("narrow",) * 6 + ("forbid", "mandatory"))) for _ in paths]
    rules = Rules()
    for path, part in zip(paths, parts, strict=True):
        said: Any = {**rules.narrow, path: draw(RULES)} if part == "narrow" else (*getattr(rules, part), path)
        more = msgspec.structs.replace(rules, **{part: said})
        rules = more if accepted(more) else rules
    return derivation(rules).model()


@UNSHRUNK
@given(st.data())
def test_whatever_is_derived_is_valid_under_the_base(data: st.DataObject) -> None:
    message = Message(data.draw(narrowings()), StructBuilder())
    parsed = Parsed(message, data.draw(documents(message)))
    xml, in_json = write(parsed, "xml"), write(parsed, "json")
    assert message.schema.validate(etree.fromstring(xml)), message.schema.error_log
    assert BASE.schema.validate(etree.fromstring(xml)), BASE.schema.error_log
    own = Registry({message.key: message, BASE.key: BASE})
    assert read(own, xml, "xml", message.key).document == parsed.document
    assert read(own, in_json, "json", message.key).document == parsed.document
    as_base = read(own, in_json, "json", BASE.key)
    assert json.loads(write(as_base, "json")) == json.loads(in_json)
    assert base_form(own, parsed).document == as_base.document


@UNSHRUNK
@given(st.data())
def test_a_document_of_the_example_without_its_extensions_is_valid_under_the_base(data: st.DataObject) -> None:
    message = REGISTRY.message(data.draw(st.sampled_from(("xz-dms/2026/DEC", "xz-dms/2027/DEC"))))
    plain = base_form(REGISTRY, Parsed(message, data.draw(documents(message))))
    assert plain.message is BASE
    assert read(REGISTRY, write(plain, "xml"), "xml", BASE.key).document == plain.document
    assert read(REGISTRY, write(plain, "json"), "json", BASE.key).document == plain.document


TYPES = sorted(simple_types(BASE).items())
NASTY = st.text(st.sampled_from(" \t\n\r.-09AZaz_/é"), max_size=8) | st.from_regex(r"\A[A-Z0-9]{0,20}\Z")


@settings(RELAXED, max_examples=400)
@given(st.sampled_from(TYPES), RULES, NASTY)
def test_a_narrowed_type_takes_no_value_that_the_type_does_not(
    named: tuple[str, SimpleType], rule: Narrow, text: str
) -> None:
    kind = named[1]
    try:
        new = narrowed(kind, rule)
    except Unfit as unfit:
        assert unfit.text and unfit.remedy
        return
    for value in (text, *new.values):
        assert fault(new, value) is not None or fault(kind, value) is None
    assert all(change.takes == "fewer" for change in changes(kind, new))
    assert {change.takes for change in changes(new, kind)} <= {"more", "other"}


def test_the_paths_cover_the_declaration() -> None:
    simple = [path for path, element in walk(BASE.model.root) if isinstance(element.content, Simple)]
    assert len(PATHS) > len(simple) > 300
