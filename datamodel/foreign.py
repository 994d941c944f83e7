"""Messages of foreign schemas, both formats: libxml2 is the judge, of XML as it came and of JSON put as XML.

So the verdict is one by construction. The checker explains what it can, libxml2 the rest, at the same places.
"""

from typing import Any

from lxml import etree

from datamodel.check import Checker, Place, walk_message, written
from datamodel.facets import XML_SPACE, describe
from datamodel.instances import Instance
from datamodel.issues import Refused, Report
from datamodel.json_instances import parse_json
from datamodel.limits import Limits
from datamodel.loose_namer import LooseNamer
from datamodel.loose_reader import LooseReader
from datamodel.model import ClassType, Model, Simple
from datamodel.numbers import FLOAT, LEXICAL
from datamodel.registry import Message
from datamodel.schema_faults import Fault, faults
from datamodel.trees import tree
from datamodel.wording import issue, phrase, refused
from datamodel.xml_instances import instances as xml_instances


def read_xml(message: Message, root: etree._Element, body: bytes, limits: Limits) -> Any:
    """The document of a parsed tree. Raises Refused with all issues."""
    document = _document(message, root)
    if document is not None:
        return document[0]
    found = xml_instances(body)
    nodes = dict(zip(root.iter(etree.Element), _walk(found), strict=True))
    raise _refusal(message, root, nodes, walk_message(message.model, found, limits))


def read_json(message: Message, text: str, limits: Limits) -> Any:
    """The document of a JSON text that has the model's root. Raises Refused with all issues."""
    found = json_instance(message.model, text, limits)
    checker = walk_message(message.model, found, limits)
    try:
        root, nodes = tree(found, message.model)
    except ValueError:  # a name or a character that XML does not have, which the checker has reported
        raise Refused(checker.report()) from None
    document = None if checker.total else _document(message, root)
    if document is not None:
        return document[0]
    raise _refusal(message, root, nodes, checker)


def json_instance(model: Model, text: str, limits: Limits) -> Instance:
    """The root instance of a JSON text. Raises Refused where its form is at fault."""
    at, member, places = parse_json(text, model.root, limits)
    return LooseNamer(model, places).element(model.root, model.root.json_name, at, member)


def write_xml(model: Model, json: bytes) -> bytes:
    """The canonical XML of a canonical JSON document."""
    root, _ = tree(json_instance(model, json.decode(), Limits(max_bytes=2**40, max_elements=2**40)), model)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _document(message: Message, root: etree._Element) -> tuple[Any] | None:
    """The document of a valid tree; None for an invalid one, or for one with a number beyond the ceiling."""
    if not message.schema.validate(root):
        return None
    try:
        return (LooseReader(message.model).document(root),)
    except ValueError:
        return None


def _walk(found: Instance) -> list[Instance]:
    """All instances in document order."""
    todo, seen = [found], []
    while todo:
        instance = todo.pop()
        seen.append(instance)
        todo.extend(reversed(instance.children))
    return seen


def _refusal(
    message: Message, root: etree._Element, nodes: dict[etree._Element, Instance], checker: Checker
) -> Refused:
    """What the checker found, and what libxml2 found where the checker found nothing, in the order of the walk."""
    for each in faults(root, message.refusals(root)):
        _add(checker, nodes, each)
    if not checker.total:
        return refused(issue("schema.other", detail=phrase("schema.published")))
    ranks = {instance: rank for rank, instance in enumerate(checker.places)}
    order = sorted(checker.found, key=lambda pair: ranks[pair[0]])
    return Refused(Report(tuple(each for _, each in order), checker.total))


def _add(checker: Checker, nodes: dict[etree._Element, Instance], fault: Fault) -> None:
    """An issue for a refusal of libxml2, unless the checker has said it already.

    It stands at its element, or, for one that no schema of ours describes, at the nearest element that has a place.
    """
    node = fault.node
    while nodes[node] not in checker.places and (above := node.getparent()) is not None:
        node = above
    instance = nodes[node]
    label = f"@{fault.attribute.rpartition('}')[2]}" if fault.attribute else ""
    place = checker.places.get(instance)
    if place is None or (instance, label) in checker.flagged:
        return
    given = instance.attributes.get(fault.attribute) if fault.attribute else None
    simple = isinstance(checker.content(place), Simple)
    value = given.text if given else written(instance) if simple else instance.text.strip() or None
    rule = _rule(checker.content(place), fault, given.text if given else instance.text)
    checker.add(
        rule,
        place,
        name=label or place.element.name,
        below=label,
        at=given,
        value=value,
        expected=_expected(checker, place, fault),
        detail=fault.detail,
    )


def _rule(content: Simple | ClassType, fault: Fault, text: str) -> str:
    """The rule of a fault; of a value in a wrong form it is told whether it is no number, or blank."""
    if fault.rule != "value.format":
        return fault.rule
    uses = {use.name: use.type for use in content.attributes}
    kind = uses.get(fault.attribute) if fault.attribute else getattr(content, "type", None)
    if kind is not None and kind.json_kind == "number":
        form = LEXICAL if kind.primitive == "decimal" else FLOAT
        return "value.format" if form.fullmatch(text.strip(XML_SPACE)) else "value.number"
    return "value.format" if text.strip() else "value.blank"


def _expected(checker: Checker, place: Place, fault: Fault) -> str:
    """What belongs there: the type in words for a value, the names that libxml2 gives for an element."""
    content = checker.content(place)
    if fault.rule.startswith("value.") and fault.attribute:
        uses = {use.name: use.type for use in content.attributes}
        return describe(uses[fault.attribute]) if fault.attribute in uses else phrase("type.schema")
    if fault.rule.startswith("value.") and isinstance(content, Simple):
        return describe(content.type)
    names = ", ".join(name for name in fault.expected.split(", ") if name not in ("", "*"))
    return phrase("place.next", names=names) if names else phrase("place.end")
