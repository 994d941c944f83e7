"""Content negotiation: every wish a caller can state, and broken ones, which must not cost it the answer."""

import pytest

from gateway.http import negotiate
from gateway.http.negotiate import MediaType

XML_FIRST = negotiate.offers("xml", ("json", "xml"))
JSON_FIRST = negotiate.offers("json", ("json", "xml"))


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/xml", "application/xml"),
        ("APPLICATION/XML", "application/xml"),
        ("text/xml", "text/xml"),
        ("text/*", "text/xml"),
        ("application/xml;q=0.9, application/json;q=0.1", "application/xml"),
        ("application/json;q=0, */*", "application/xml"),
        ("application/json;q=0, application/*", "application/xml"),
        ("application/xml;q=0.2, */*;q=0.1", "application/xml"),
        ("application/xml;q=0.2, */*;q=0.8", "application/json"),
        ("application/xml, */*", "application/xml"),
        ("application/json, text/plain, */*", "application/json"),
        ("application/xml; charset=utf-8; q=1.0", "application/xml"),
        ("text/html, application/xhtml+xml", None),
        ("application/json;q=0", None),
        ("image/png", None),
    ],
)
def test_the_best_offer_is_chosen(accept, chosen):
    assert negotiate.choose(accept, JSON_FIRST) == chosen


@pytest.mark.parametrize("accept", ["", "*/*", "application/*", "*/*;q=0.1", "application/xml, application/json"])
def test_without_a_preference_the_routes_own_order_counts(accept):
    assert negotiate.choose(accept, XML_FIRST) == "application/xml"
    assert negotiate.choose(accept, JSON_FIRST) == "application/json"


@pytest.mark.parametrize(
    "broken", ["rubbish", "application/xml;q=2", ";;;", ",,,", "application/json;q=nan", "/", "a/b;q="]
)
def test_a_broken_element_is_passed_over(broken):
    assert negotiate.choose(f"{broken}, application/xml", JSON_FIRST) == "application/xml"
    assert negotiate.choose(broken, JSON_FIRST) == "application/json"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("application/problem+xml", "xml"),
        ("application/problem+json", "json"),
        ("application/xml", "xml"),
        ("text/xml", "xml"),
        ("image/png", "json"),
        ("", "json"),
    ],
)
def test_a_problem_is_told_in_some_format_whatever_is_accepted(accept, form):
    assert negotiate.problem_format(accept, "json") == form


def test_a_problem_follows_the_body_where_nothing_is_asked_for():
    assert negotiate.problem_format("image/png", "xml") == "xml"


@pytest.mark.parametrize(
    ("header", "media"),
    [
        ("application/xml", MediaType("application/xml")),
        ("Text/XML ; Charset = UTF-8", MediaType("text/xml", "utf-8")),
        ('application/json; charset="utf-8"', MediaType("application/json", "utf-8")),
        ("application/vnd.example.2+xml; v=1", MediaType("application/vnd.example.2+xml")),
        ("", MediaType("")),
        ("xml", MediaType("")),
        ("application/x ml", MediaType("")),
        ("application/json\udcff", MediaType("")),
    ],
)
def test_content_type_is_read_with_its_charset_only(header, media):
    assert negotiate.media_type(header) == media


def test_a_media_type_is_written_as_a_header():
    assert str(negotiate.media_type("Application/XML;charset=UTF-8;x=1")) == "application/xml; charset=utf-8"
