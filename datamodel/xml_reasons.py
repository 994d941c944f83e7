"""Why a document is not well-formed XML: libxml2's errors as our phrases, so that they are told in any language.

libxml2 names its errors with numbers that do not change, and says in English which names are concerned; these are
taken over. What is not in the table, or is worded otherwise by another libxml2, is told in libxml2's own words.
"""

import re
from typing import Final

from lxml import etree

from datamodel.wording import phrase

LONGEST: Final = 60  # of a name that is told
PLACE: Final = re.compile(r",? line \d+, column \d+.*$", re.DOTALL)

# Error, what its message looks like, phrase. The first row that fits counts.
REASONS: Final = (
    ("ERR_TAG_NOT_FINISHED", r"Premature end of data in tag (?P<name>\S+) line (?P<line>\d+)", "xml.unfinished"),
    (
        "ERR_TAG_NAME_MISMATCH",
        r"Opening and ending tag mismatch: (?P<name>\S+) line (?P<line>\d+) and (?P<end>\S+)",
        "xml.mismatch",
    ),
    ("ERR_UNDECLARED_ENTITY", r"Entity '(?P<name>[^']*)'", "xml.entity"),
    ("ERR_ENTITYREF_SEMICOL_MISSING", "", "xml.entity.end"),
    ("ERR_NAME_REQUIRED", "xmlParseEntityRef", "xml.ampersand"),
    ("ERR_NAME_REQUIRED", "", "xml.name"),
    ("ERR_ATTRIBUTE_REDEFINED", r"Attribute (?P<name>\S+) redefined", "xml.attribute.twice"),
    ("NS_ERR_ATTRIBUTE_REDEFINED", r"Namespaced Attribute (?P<name>\S+) in", "xml.attribute.twice"),
    ("ERR_ATTRIBUTE_WITHOUT_VALUE", r"for attribute (?P<name>\S+)", "xml.attribute.value"),
    ("ERR_ATTRIBUTE_NOT_STARTED", "", "xml.attribute.quotes"),
    ("ERR_ATTRIBUTE_NOT_FINISHED", "", "xml.attribute.open"),
    ("ERR_LT_IN_ATTRIBUTE", "", "xml.attribute.less"),
    ("NS_ERR_UNDEFINED_NAMESPACE", r"Namespace prefix (?P<name>\S+) (?:for|on)", "xml.prefix"),
    ("NS_ERR_XML_NAMESPACE", "", "xml.namespace"),
    ("WAR_NS_URI", "", "xml.namespace"),
    ("WAR_NS_URI_RELATIVE", "", "xml.namespace"),
    ("NS_ERR_QNAME", "", "xml.qname"),
    ("ERR_INVALID_CHAR", "", "xml.character"),
    ("ERR_INVALID_HEX_CHARREF", "", "xml.reference"),
    ("ERR_INVALID_DEC_CHARREF", "", "xml.reference"),
    ("ERR_INVALID_CHARREF", "", "xml.reference"),
    ("ERR_GT_REQUIRED", "", "xml.tag"),
    ("ERR_DOCUMENT_EMPTY", "", "xml.start"),
    ("ERR_DOCUMENT_END", "", "xml.rest"),
    ("ERR_COMMENT_NOT_FINISHED", "", "xml.comment"),
    ("ERR_HYPHEN_IN_COMMENT", "", "xml.hyphens"),
    ("ERR_CDATA_NOT_FINISHED", "", "xml.cdata"),
    ("ERR_MISPLACED_CDATA_END", "", "xml.cdata.end"),
    ("ERR_PI_NOT_FINISHED", "", "xml.instruction"),
    ("ERR_XMLDECL_NOT_FINISHED", "", "xml.declaration"),
    ("ERR_STANDALONE_VALUE", "", "xml.declaration"),
    ("ERR_UNKNOWN_VERSION", "", "xml.declaration"),
    ("ERR_VERSION_MISSING", "", "xml.declaration"),
    ("ERR_RESERVED_XML_NAME", "", "xml.declaration.late"),
    ("ERR_SPACE_REQUIRED", "", "xml.space"),
    ("ERR_NAME_TOO_LONG", "", "xml.long"),
    ("ERR_RESOURCE_LIMIT", "", "xml.long"),
)
ROWS: Final = tuple((getattr(etree.ErrorTypes, error), re.compile(shape), key) for error, shape, key in REASONS)


def reason(error: etree.XMLSyntaxError) -> str:
    """Why a document could not be parsed, without the place, which the issue carries in fields of its own."""
    message = PLACE.sub("", error.msg or "")
    for code, shape, key in ROWS:
        if getattr(error, "code", None) == code and (match := shape.search(message)):
            return phrase(key, **{name: text[:LONGEST] for name, text in match.groupdict().items()})
    return phrase("xml.other", reason=message)
