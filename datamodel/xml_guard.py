"""Hostile XML is turned away here, before anything reads it: no DTD, no entities, ceilings on depth and count.

The parser never recovers, never resolves an entity and never opens a file or a connection.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from lxml import etree

from datamodel.issues import Issue
from datamodel.limits import Limits
from datamodel.wording import issue, phrase, refused
from datamodel.xml_reasons import reason

BOM = b"\xef\xbb\xbf"
PROLOG = re.compile(rb"(?>(?:\s|<\?(?>.*?\?>)|<!--(?>.*?-->))*)<!DOCTYPE", re.DOTALL)
DECLARED = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
UTF8_NAMES = ("utf-8", "utf8", "us-ascii", "ascii")


def check_text(body: bytes, limits: Limits) -> None:
    """Size, emptiness and encoding, the same for both formats. Raises Refused."""
    if len(body) > limits.max_bytes:
        raise refused(issue("size.body", expected=phrase("size.bytes", count=limits.max_bytes)), status=413)
    if not body or body.isspace():
        raise refused(issue("body.empty"), status=400)
    if body.isascii():
        return
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        before = body[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - before.rfind(b"\n")
        found = issue("body.not-utf8", line=line, column=column, value=f"0x{body[error.start]:02X}")
        raise refused(found, status=400) from None


def only_elements(body: bytes) -> bool:
    """Whether there are no comments, sections or instructions but the XML declaration, which may part a text.

    One byte is found far quicker than two, and mostly there is none.
    """
    if b"!" in body and b"<!" in body:
        return False
    declaration = 2 if body.startswith(b"<?xml") else 0
    return body.count(b"?") == declaration or body.find(b"<?", 1) < 0


def parse(body: bytes, limits: Limits, keep_blanks: bool = False) -> etree._Element:
    """The root element of a well-formed document without comments; its depth is yet to be checked. Raises Refused.

    Blank texts between elements are dropped, unless they are to be kept or might be parts of a text.
    """
    check_text(body, limits)
    body = body.removeprefix(BOM)
    declared = DECLARED.match(body)
    if declared and declared[1].decode().lower() not in UTF8_NAMES:
        raise refused(issue("xml.encoding", value=declared[1].decode(), expected="UTF-8"), status=400)
    if PROLOG.match(body):
        raise refused(issue("xml.doctype"), status=400)
    if len(body) > limits.max_elements:  # else it has fewer
        _count(body, limits.max_elements)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        recover=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=not keep_blanks and only_elements(body),
        collect_ids=False,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise refused(_malformed(error), status=400) from None
    return root


def check_depth(root: etree._Element, limits: Limits) -> None:
    """Raises Refused for a document with too many levels."""
    if _deeper(limits.max_depth)(root):
        raise refused(issue("size.depth", expected=phrase("size.levels", count=limits.max_depth)), status=400)


def _count(body: bytes, most: int) -> None:
    """Raises Refused for more elements, or attributes, than the ceiling. What cannot be more is not counted closely."""
    if _more(body, b"<", (b"</", b"<!", b"<?"), most):
        raise refused(issue("size.elements", expected=phrase("size.elements", count=most)), status=413)
    if body.count(b"=") > most and body.count(b'="') + body.count(b"='") > most:
        raise refused(issue("size.elements", expected=phrase("size.attributes", count=most)), status=413)


def _more(body: bytes, sign: bytes, other: Sequence[bytes], most: int) -> bool:
    """Whether the sign stands more often than that, but for where it begins something other."""
    count = body.count(sign)
    for each in other:
        if count <= most:
            return False
        count -= body.count(each)
    return count > most


def _malformed(error: etree.XMLSyntaxError) -> Issue:
    line, column = error.position
    rule = "size.depth" if "xcessive depth" in str(error.msg) else "xml.malformed"
    expected = phrase("xml.expected")
    return issue(rule, line=max(line, 1), column=max(column, 1), expected=expected, detail=reason(error))


@lru_cache(maxsize=8)
def _deeper(most: int) -> etree.XPath:
    """Whether any element stands more than `most` levels deep."""
    return etree.XPath("boolean(" + "/".join(["/*"] + ["*"] * most) + ")")
