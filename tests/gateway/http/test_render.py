"""API objects as XML: the generic rule, and the characters that XML cannot carry."""

import json
from decimal import Decimal

import msgspec
import pytest
from lxml import etree

from datamodel.issues import Issue, PointerStep
from gateway.http import render

API = "{urn:guichet:api:1}"


class Part(msgspec.Struct):
    code: str
    items: tuple[int, ...]


class Whole(msgspec.Struct):
    name: str
    good: bool
    amount: Decimal
    none: str | None
    parts: tuple[Part, ...]
    data: dict[str, object]


WHOLE = Whole("a < b & c", True, Decimal("1000.00"), None, (Part("FSA", (1, 2)), Part("PHA", ())), {"x": [False, None]})


def test_members_are_elements_and_array_items_are_i():
    root = etree.fromstring(render.to_xml(WHOLE, "whole"))
    assert root.tag == f"{API}whole"
    assert root.findtext(f"{API}name") == "a < b & c"
    assert root.findtext(f"{API}good") == "true"
    assert root.findtext(f"{API}amount") == "1000.00"
    assert root.find(f"{API}none") is None
    assert [part.findtext(f"{API}code") for part in root.iterfind(f"{API}parts/{API}i")] == ["FSA", "PHA"]
    assert [item.text for item in root.iterfind(f"{API}parts/{API}i/{API}items/{API}i")] == ["1", "2"]
    assert root.findtext(f"{API}data/{API}x/{API}i") == "false"


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800", "\udcff"])
def test_characters_that_xml_cannot_carry_are_replaced(character):
    issue = Issue(rule="r", severity="error", text="t", value=f"a{character}b", wco_pointer=(PointerStep("42A"),))
    root = etree.fromstring(render.to_xml({"issues": [issue]}, "problem", render.PROBLEM_NAMESPACE))
    assert root.findtext(".//{*}value") == "a\ufffdb"


@pytest.mark.parametrize("text", ["tab\tline\nreturn\r", "\U0001f4e6", "\x7f\x85", "]]>", "<!--"])
def test_all_other_text_survives(text):
    assert etree.fromstring(render.to_xml({"text": text}, "o")).findtext(f"{API}text") == text


def test_text_is_cleaned_for_every_encoder():
    assert json.loads(render.to_json(render.clean("a\udcffb"))) == "a\ufffdb"
