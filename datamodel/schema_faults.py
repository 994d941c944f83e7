"""libxml2's refusals as issues: for what only libxml2 judges, in models of foreign schemas.

One table turns its error types into our rules; what it expected is taken from the message where it says so.
"""

import re
from typing import Any, NamedTuple

from lxml import etree

from datamodel.wording import phrase

EXPECTED = re.compile(r"Expected is (?:one of )?\( ([^)]*) \)")
ATTRIBUTE = re.compile(r"^Element '[^']*', attribute '([^']*)': |^Element '[^']*': The attribute '([^']*)' is required")
HEAD = re.compile(r"^Element '[^']*'(?:, attribute '[^']*')?: ")
NAMESPACE = re.compile(r"\{[^}]*\}")
VALUE = re.compile(
    r"(?<=value )'.*'(?= (?:is|has|does|of) )|^'.*'(?= is not a valid value)|(?<=: )'.*'(?= is not a valid value)"
    r"|(?<=key-sequence )\[.*\]",
    re.DOTALL,
)
ECHO = "No precomputed value available"  # libxml2 says this beside the fault that it follows from

RULES = {
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_1": "value.format",
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_2": "value.format",
    "SCHEMAV_CVC_DATATYPE_VALID_1_2_3": "value.format",
    "SCHEMAV_CVC_PATTERN_VALID": "value.format",
    "SCHEMAV_CVC_LENGTH_VALID": "value.length",
    "SCHEMAV_CVC_MINLENGTH_VALID": "value.length",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "value.length",
    "SCHEMAV_CVC_ENUMERATION_VALID": "value.code",
    "SCHEMAV_CVC_TOTALDIGITS_VALID": "value.digits",
    "SCHEMAV_CVC_FRACTIONDIGITS_VALID": "value.digits",
    "SCHEMAV_CVC_MININCLUSIVE_VALID": "value.range",
    "SCHEMAV_CVC_MAXINCLUSIVE_VALID": "value.range",
    "SCHEMAV_CVC_MINEXCLUSIVE_VALID": "value.range",
    "SCHEMAV_CVC_MAXEXCLUSIVE_VALID": "value.range",
    "SCHEMAV_CVC_ELT_5_2_2_2_1": "value.fixed",
    "SCHEMAV_CVC_ELT_5_2_2_2_2": "value.fixed",
    "SCHEMAV_CVC_AU": "value.fixed",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_1": "value.fixed",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": "element.not-empty",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_2": "element.children",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "element.text",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "attribute.unknown",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_2": "attribute.unknown",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "attribute.missing",
    "SCHEMAV_CVC_ELT_1": "element.unknown",
    "SCHEMAV_CVC_ELT_2": "element.abstract",
    "SCHEMAV_CVC_ELT_3_1": "element.nil",
    "SCHEMAV_CVC_ELT_3_2_1": "element.nil",
    "SCHEMAV_CVC_ELT_3_2_2": "element.nil",
    "SCHEMAV_CVC_ELT_4_1": "element.type",
    "SCHEMAV_CVC_ELT_4_2": "element.type",
    "SCHEMAV_CVC_ELT_4_3": "element.type",
    "SCHEMAV_CVC_TYPE_2": "element.abstract",
    "SCHEMAV_CVC_IDC": "value.identity",
}
DETAILS = (  # error, what its message says, phrase; the first row that fits counts
    ("SCHEMAV_CVC_ELT_3_1", "", "nil.refused"),
    ("SCHEMAV_CVC_ELT_3_2_1", "", "nil.filled"),
    ("SCHEMAV_CVC_ELT_3_2_2", "", "nil.fixed"),
    ("SCHEMAV_CVC_IDC", "Duplicate key-sequence", "identity.twice"),
    ("SCHEMAV_CVC_IDC", "No match found", "identity.lost"),
    ("SCHEMAV_CVC_IDC", "Not all fields", "identity.parts"),
    ("SCHEMAV_CVC_IDC", "", "identity.other"),
)


class Fault(NamedTuple):
    """One refusal of libxml2 at one element; `attribute` in Clark notation where it is about one."""

    node: etree._Element
    rule: str
    attribute: str
    detail: str
    expected: str


def faults(root: etree._Element, log: Any) -> list[Fault]:
    """The entries of an error log, each at its element."""
    spaces = {
        prefix: uri for node in root.iter(etree.Element) for prefix, uri in node.nsmap.items() if prefix is not None
    }
    found = []
    for entry in log:
        if ECHO not in entry.message:
            found.append(_fault(_node(root, entry.path, spaces), entry))
    return found


def _node(root: etree._Element, path: str | None, spaces: dict[str, str]) -> etree._Element:
    """The element at a path of libxml2's making; the root where it cannot be followed."""
    try:
        nodes = root.getroottree().xpath(path, namespaces=spaces) if path else []
    except etree.XPathError:
        nodes = []
    return nodes[0] if isinstance(nodes, list) and nodes and isinstance(nodes[0], etree._Element) else root


def words(message: str) -> str:
    """libxml2's own words without values, which may be personal, and without namespaces."""
    return NAMESPACE.sub("", VALUE.sub("…", message)).strip().rstrip(".")


def _fault(node: etree._Element, entry: Any) -> Fault:
    message, kind = entry.message, entry.type_name
    attribute = ATTRIBUTE.match(message)
    expected = EXPECTED.search(message)
    rule = RULES.get(kind, "schema.other")
    if kind == "SCHEMAV_ELEMENT_CONTENT":
        rule = "element.missing-below" if "Missing child" in message else "element.order"
    key = next((key for error, part, key in DETAILS if error == kind and part in message), "")
    detail = phrase(key) if key else words(HEAD.sub("", message))
    names = NAMESPACE.sub("", expected[1]) if expected else ""
    return Fault(node, rule, (attribute[1] or attribute[2]) if attribute else "", detail, names)
