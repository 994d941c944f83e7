"""Values against their types: white space, lengths, patterns, enumerations, digits (XML Schema part 2).

What decides here is equal to libxml2's verdict; a property test holds the two together. Lexical rules that are
libxml2's own business (anyURI, language) are asked of libxml2 itself.
"""

import re
from decimal import Decimal
from functools import cache

from lxml import etree

from datamodel.limits import MAX_DIGITS
from datamodel.model import SimpleType
from datamodel.numbers import LEXICAL, plain, within
from datamodel.wording import phrase

XML_SPACE = " \t\n\r"
ALL_SPACES = str.maketrans("\t\n\r", "   ")
SPACE_RUN = re.compile(r"[ \t\n\r]+")
NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
COLLAPSED = r"(?:[^ \t\n\r]+(?: [^ \t\n\r]+)*)?"
DAY = r"[0-9]{3}[1-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
SAFE = {  # forms of a primitive that are valid beyond doubt, and in normal form
    "token": COLLAPSED,
    "anyURI": r"[A-Za-z0-9][A-Za-z0-9/._~-]*",
    "language": r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*",
    "date": DAY,
    "dateTime": DAY + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?Z?",
}
ASKED = frozenset(("anyURI", "language", "date", "dateTime"))  # their lexical rules are libxml2's own business


def folded(white_space: str, text: str) -> str:
    """The text with its white space preserved, replaced or collapsed (section 4.3.6 whiteSpace)."""
    if white_space == "collapse":
        return SPACE_RUN.sub(" ", text).strip(" ")
    return text.translate(ALL_SPACES) if white_space == "replace" else text


def normal(kind: SimpleType, text: str) -> str:
    """The text as its type folds it."""
    return folded(kind.white_space, text)


def python_pattern(pattern: str) -> str:
    """An XSD pattern as a Python one: `.` and `\\s` mean other characters there (appendix F)."""
    parts = re.split(r"(\\.|\[|\])", pattern)
    inside, out = False, []
    for part in parts:
        if part == r"\s":
            out.append(r" \t\n\r" if inside else r"[ \t\n\r]")
        elif part in ("[", "]"):
            inside = part == "["
            out.append(part)
        else:
            out.append(part if inside or part.startswith("\\") else part.replace(".", r"[^\n\r]"))
    return "".join(out)


@cache
def _matcher(pattern: str) -> re.Pattern[str]:
    return re.compile(f"(?:{python_pattern(pattern)})\\Z")


@cache
def safe_pattern(kind: SimpleType) -> str | None:
    """A Python pattern whose every match is a valid value in normal form; None where any text is.

    It may refuse valid values that need folding: it guards the quick way, not the verdict.
    """
    tests = [SAFE[kind.primitive]] if kind.primitive in SAFE else []
    if kind.values:
        tests.append("|".join(map(re.escape, kind.values)))
    if kind.pattern:
        tests.append(python_pattern(kind.pattern))
    if not tests:
        return None
    ahead = "".join(f"(?=(?:{test})\\Z)" for test in tests[:-1])
    return f"^{ahead}(?:{tests[-1]})\\Z"


@cache
def _lexicon(primitive: str) -> etree.XMLSchema:
    text = (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
        f'<xs:element name="v" type="xs:{primitive}"/></xs:schema>'
    )
    return etree.XMLSchema(etree.fromstring(text))


def _lexical(primitive: str, text: str) -> bool:
    probe = etree.Element("v")
    probe.text = text
    return bool(_lexicon(primitive).validate(probe))


def fault(kind: SimpleType, text: str) -> tuple[str, str] | None:
    """The rule that a value breaks and what was expected instead; None for a good value.

    `text` is the lexical form as it stood in the message.
    """
    if NOT_XML.search(text):
        return "value.character", phrase("type.characters")
    value = normal(kind, text)
    if kind.primitive == "decimal" and too_long(value):
        return "size.digits", phrase("type.ceiling", count=MAX_DIGITS)
    if kind.sealed:
        return None
    if kind.primitive == "decimal":
        return _number_fault(kind, value)
    if kind.primitive in ASKED and not _lexical(kind.primitive, text):
        return "value.format", describe(kind)
    return _text_fault(kind, value)


def too_long(value: str) -> bool:
    """Whether a number has more digits than the gateway takes."""
    if not LEXICAL.fullmatch(value):
        return False
    try:
        plain(Decimal(value), MAX_DIGITS)
    except ValueError:
        return True
    return False


def _number_fault(kind: SimpleType, value: str) -> tuple[str, str] | None:
    if not LEXICAL.fullmatch(value):
        return "value.number", describe(kind)
    return None if within(Decimal(value), kind) else ("value.digits", describe(kind))


def _text_fault(kind: SimpleType, value: str) -> tuple[str, str] | None:
    low, high = kind.length or kind.min_length or 0, kind.length or kind.max_length
    if kind.values and value not in kind.values:
        return "value.code", describe(kind)
    if kind.pattern and not _matcher(kind.pattern).match(value):
        return ("value.blank" if not value.strip(XML_SPACE) else "value.format"), describe(kind)
    if len(value) < low or (high is not None and len(value) > high):
        return "value.length", describe(kind)
    return None


def describe(kind: SimpleType) -> str:
    """What a type takes, in words that fit an error message, in the language that is spoken."""
    if kind.json_kind == "boolean":
        return phrase("type.boolean")
    if kind.json_kind == "number":
        return _number_words(kind)
    if kind.values:
        names = ", ".join(kind.values)
        return phrase("type.codes", names=names) if len(kind.values) > 1 else names
    if kind.primitive in ASKED:
        return phrase(f"type.{kind.primitive}")
    return _length_words(kind, phrase(WORDS.get(kind.pattern or "", "type.form"), pattern=kind.pattern))


WORDS = {  # patterns that have a phrase
    "": "type.text",
    r".*[^\s].*": "type.line",
    "([a-zA-Z])*": "type.letters",
    "([0-9])*": "type.digits",
    r"(20\d{6})(\d{6}(Z|[-+]\d\d))?": "type.moment",
}


def _number_words(kind: SimpleType) -> str:
    total, places = kind.total_digits, kind.fraction_digits
    if total is None:
        forms = {None: "type.number", 0: "type.number.integer"}
        what = phrase(forms.get(places, "type.number.places"), count=places)
    else:
        forms = {None: "type.number.digits", 0: "type.number.whole"}
        what = phrase(forms.get(places, "type.number.decimals"), digits=total, count=places or total)
    ends = {(True, False): "bounds.from", (False, True): "bounds.to", (True, True): "bounds.between"}
    bounds = ends.get((kind.low is not None, kind.high is not None))
    return phrase(bounds, what=what, low=kind.low, high=kind.high) if bounds else what


def _length_words(kind: SimpleType, what: str) -> str:
    low, high = kind.min_length or 0, kind.max_length
    if kind.length is not None:
        return phrase("length.exact", what=what, count=kind.length)
    if high is None:
        return phrase("length.least", what=what, count=low) if low > 1 else what
    if low > 1:
        return phrase("length.between", what=what, low=low, high=high)
    return phrase("length.most", what=what, count=high)
