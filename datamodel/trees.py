"""Instances to an XML tree: how JSON of a foreign schema reaches libxml2, and how such a document is written as XML."""

from typing import Any

from lxml import etree

from datamodel.instances import Instance
from datamodel.model import Model


def tree(found: Instance, model: Model) -> tuple[etree._Element, dict[etree._Element, Instance]]:
    """The root element, and which instance each element came from. Prefixes are the package's own.

    Raises ValueError for a name or a character that XML does not allow.
    """
    spaces: Any = {prefix or None: uri for prefix, uri in model.prefixes}
    origin: dict[etree._Element, Instance] = {}
    root = etree.Element(found.tag, attrib=_attributes(found), nsmap=spaces)
    todo = [(root, found)]
    while todo:
        node, instance = todo.pop()
        origin[node] = instance
        node.text, node.tail = instance.text or None, instance.tail or None
        for below in instance.children:
            child = etree.SubElement(node, below.tag, attrib=_attributes(below))
            todo.append((child, below))
    return root, origin


def _attributes(found: Instance) -> dict[str, str]:
    return {name: attribute.text for name, attribute in found.attributes.items()}
