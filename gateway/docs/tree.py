"""A message as the rows of its page: every position in document order, with all that is known of it.

A class of our own tables is shown wherever it stands. Foreign schemas share classes, and may let them contain
themselves: theirs is shown where it comes first, and later rows refer to that one.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from datamodel.facets import describe
from datamodel.model import AttributeUse, ClassType, Element, Group, Model, Simple, SimpleType, Wildcard
from datamodel.wording import ENGLISH, catalogue, speaking

CHOICE, TOGETHER, ANY_ORDER, FOREIGN = "one of these", "these together", "in any order", "elements of other schemas"
MOST_CODES = 40  # of an enumeration, as far as a row shows them


class XmlAttribute(msgspec.Struct, frozen=True, kw_only=True):
    """An XML attribute that an element may carry."""

    name: str
    required: bool
    words: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `kind` is class, value, or group for what only holds others together.

    `id` is the path from the root, `pointer` leads to the first occurrence in JSON, `again` is the id of the row that
    shows the same class.
    """

    id: str
    depth: int
    name: str
    kind: str
    occurs: str
    mandatory: bool = False
    wco_id: str = ""
    tded: str = ""
    format: str = ""
    words: str = ""
    codes: tuple[str, ...] = ()
    attributes: tuple[XmlAttribute, ...] = ()
    usage: tuple[str, ...] = ()
    namespace: str = ""
    pointer: str = ""
    personal: bool = False
    nillable: bool = False
    again: str = ""


def rows(model: Model) -> tuple[Row, ...]:
    """All rows of a message."""
    return tuple(_Rows(model).element(model.root, "", "", 0))


class _Rows:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.shown: dict[int, str] = {}

    def element(self, element: Element, above: str, pointer: str, depth: int) -> Iterator[Row]:
        """The row of an element and those below it."""
        content = element.content
        here = f"{above}/{element.json_name}" if above else element.json_name
        again = self.shown.setdefault(id(content), here) if isinstance(content, ClassType) else here
        pointer = f"{pointer}/{element.json_name}{'/0' if element.many else ''}"
        repeated = isinstance(content, ClassType) and again != here and bool(content.children)
        yield Row(
            id=here,
            depth=depth,
            name=element.json_name,
            kind="class" if isinstance(content, ClassType) else "value",
            occurs=occurs(element.min, element.max),
            mandatory=element.min > 0,
            wco_id=element.wco_id,
            tded=element.tded,
            format=element.format,
            usage=element.usage,
            namespace=element.namespace,
            pointer=pointer,
            personal=element.personal,
            nillable=element.nillable,
            again=again if repeated else "",
            **_content(content),
        )
        if isinstance(content, ClassType) and content.group and not repeated:
            names = {each.tag: each for each in content.children}
            yield from self.group(content.group, names, (here, pointer), depth + 1)

    def group(self, group: Group, known: dict[str, Element], place: tuple[str, str], depth: int) -> Iterator[Row]:
        """The rows of a content model; a plain sequence needs none of its own."""
        words = {"choice": CHOICE, "all": ANY_ORDER}.get(group.kind, TOGETHER)
        if words != TOGETHER or (group.min, group.max) != (1, 1):
            label = occurs(group.min, group.max)
            yield Row(id="", depth=depth, name=words, kind="group", occurs=label, mandatory=group.min > 0)
            depth += 1
        for item in group.items:
            if isinstance(item, Group):
                yield from self.group(item, known, place, depth)
            elif isinstance(item, Wildcard):
                yield Row(id="", depth=depth, name=FOREIGN, kind="group", occurs=occurs(item.min, item.max))
            else:
                shown = msgspec.structs.replace(known[item.tag], min=item.min, max=item.max)
                yield from self.element(shown, *place, depth)


def _content(content: Simple | ClassType) -> dict[str, Any]:
    """What a row says of an element's value and XML attributes."""
    attributes = tuple(_attribute(use) for use in content.attributes)
    if isinstance(content, ClassType):
        return {"attributes": attributes}
    return {"attributes": attributes, "words": words(content.type), "codes": content.type.values[:MOST_CODES]}


def _attribute(use: AttributeUse) -> XmlAttribute:
    return XmlAttribute(name=use.label, required=use.required, words=words(use.type))


def words(kind: SimpleType) -> str:
    """What a type takes, in a few words; of an enumeration only that it is one, its codes stand beside."""
    if kind.values:
        more = len(kind.values) - MOST_CODES
        return f"one of {len(kind.values)} codes" + (f", the first {MOST_CODES} of which are shown" if more > 0 else "")
    with speaking(catalogue()[ENGLISH]):  # pages are made once, whoever asks for them first
        return describe(kind)


def occurs(low: int, high: int | None) -> str:
    """The cardinality, as 1, 0..1, 1..9 or 0..*."""
    upper = "*" if high is None else str(high)
    return upper if str(low) == upper else f"{low}..{upper}"
