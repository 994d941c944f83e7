"""Hypothesis strategies that make valid documents and values from a model, for property tests."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from datamodel.facets import python_pattern
from datamodel.model import ClassType, Element, Simple, SimpleType
from datamodel.registry import Message
from datamodel.tables import NOT_BLANK

PATTERNS = {
    "([a-zA-Z])*": st.text("abcXYZ"),
    "([0-9])*": st.text("0123456789"),
    ".{1,3}": st.text("6a9 é", min_size=1, max_size=3),
    "[A-Z]{3}": st.sampled_from(("GBP", "XZD", "EUR")),
    r"(20\d{6})(\d{6}(Z|[-+]\d\d))?": st.sampled_from(("20260131", "20260131235959Z", "20261121080000+01")),
}
EXAMPLES = {
    "anyURI": ("urn:xz:list", "http://lists.example/a?b=c&d", "x", ""),
    "language": ("en", "fr-CA", "x-klingon"),
    "date": ("2026-11-21", "2024-02-29", "2026-01-31Z"),
    "dateTime": ("2026-11-21T08:00:00Z", "2026-01-31T23:59:59.123Z", "2026-01-31T00:00:00+01:00"),
}
ORDINARY = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")


def lexical(kind: SimpleType) -> st.SearchStrategy[Any]:
    """Valid values of a simple type in normal form: str or Decimal."""
    if kind.primitive == "decimal":
        return numbers(kind)
    if kind.values:
        return st.sampled_from(kind.values)
    low, high = kind.length or kind.min_length or 0, kind.length or kind.max_length or 40
    if kind.primitive in EXAMPLES:
        return st.sampled_from(EXAMPLES[kind.primitive])
    if kind.pattern in PATTERNS:
        made = PATTERNS[kind.pattern]
        return made.filter(lambda text: low <= len(text) <= high) if kind.length is None else exactly(kind)
    if kind.pattern and kind.pattern != NOT_BLANK:
        return st.from_regex(python_pattern(kind.pattern), fullmatch=True).filter(lambda text: low <= len(text) <= high)
    text = st.text(ORDINARY, min_size=max(low, 1 if kind.pattern else 0), max_size=high)
    if kind.primitive == "token":
        text = text.map(lambda value: " ".join(part for part in value.split(" ") if part))
    else:
        text = text | st.sampled_from((" a", "b  c ", "<&>\"'", "é\u2028\U0001f6a2"))
    return text.filter(lambda value: (not kind.pattern or value.strip(" ")) and low <= len(value) <= high)


def exactly(kind: SimpleType) -> st.SearchStrategy[str]:
    """Text of an exact length over the alphabet of the pattern."""
    alphabet = "0123456789" if kind.pattern and "0-9" in kind.pattern else "abcXYZ"
    return st.text(alphabet, min_size=kind.length or 0, max_size=kind.length)


def numbers(kind: SimpleType) -> st.SearchStrategy[Decimal]:
    """Numbers within the digits of a type, with zeros at both ends as people write them."""
    places = 8 if kind.fraction_digits is None else kind.fraction_digits
    total = 20 if kind.total_digits is None else kind.total_digits
    whole = st.integers(0, 10 ** max(1, total - places) - 1 if total > places else 0)
    fraction = st.text("0123456789", max_size=places)
    made = st.tuples(st.sampled_from(("", "-")), whole, fraction)
    return made.map(lambda parts: Decimal(f"{parts[0]}{parts[1]}{'.' + parts[2] if parts[2] else ''}")).filter(
        lambda number: number or not number.is_signed()
    )


@st.composite
def element(draw: st.DrawFn, message: Message, position: Element, depth: int = 0) -> Any:
    """A valid value of one occurrence of an element; the deeper, the fewer optional parts."""
    structs = message.structs
    content = position.content
    if isinstance(content, Simple):
        value = draw(lexical(content.type))
        wanted = [use for use in content.attributes if use.required or draw(st.integers(0, 9)) == 0]
        fields = {f"at_{use.name}": draw(lexical(use.type)) for use in wanted}
        attributed = structs.attributed(content)
        return attributed(value=value, **fields) if attributed and fields else value
    fields = {}
    for child in content.children:
        count = child.min
        if draw(st.integers(0, 2 + 3 * depth)) == 0:
            count = max(count, draw(st.integers(1, min(3, child.max or 3))))
        if count:
            parts = [draw(element(message, child, depth + 1)) for _ in range(count)]
            fields[child.field] = tuple(parts) if child.many else parts[0]
    return structs.of_class(position.name, content)(**fields)


def documents(message: Message) -> st.SearchStrategy[Any]:
    """Valid typed documents of a message type."""
    return element(message, message.model.root)


def simple_types(message: Message) -> dict[str, SimpleType]:
    """Every simple type of a message by name, those of XML attributes too."""
    found: dict[str, SimpleType] = {}
    stack = [message.model.root]
    while stack:
        content = stack.pop().content
        if isinstance(content, ClassType):
            stack.extend(content.children)
            continue
        found[content.type.name] = content.type
        found.update((use.type.name, use.type) for use in content.attributes)
    return found
