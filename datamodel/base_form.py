"""A document of a derived package as one of its base, so that what is built for the base can work on it.

Derivation only narrows, so nothing but the extensions is left out, and what comes out is valid.
"""

from typing import Any

import msgspec

from datamodel.codecs import Parsed
from datamodel.model import ClassType, Element
from datamodel.registry import Registry
from datamodel.structs import HINT_FIELDS, StructBuilder


def base_form(registry: Registry, parsed: Parsed) -> Parsed:
    """The document in the message type that its own derives from in the end; itself where that derives from none.

    Raises KeyError where the registry lacks the base.
    """
    message = parsed.message
    while message.model.facts.base:
        message = registry.messages[message.model.facts.base]
    if message is parsed.message:
        return parsed
    return Parsed(message, _rebased(message.model.root, parsed.document, message.structs), parsed.format)


def _rebased(element: Element, value: Any, structs: StructBuilder) -> Any:
    """One value or class in the types of the base. Classes that the derived package left alone are shared."""
    if not isinstance(value, msgspec.Struct):
        return value
    content = element.content
    if not isinstance(content, ClassType):
        kind: Any = structs.attributed(content)
        return kind(**{name: getattr(value, name) for name in value.__struct_fields__})
    kind = structs.of_class(element.name, content)
    if type(value) is kind:
        return value
    fields: dict[str, Any] = {name: getattr(value, name) for name, _ in HINT_FIELDS}
    for child in content.children:
        part = getattr(value, child.field, None)
        if isinstance(part, tuple):
            fields[child.field] = tuple(_rebased(child, each, structs) for each in part)
        elif part is not None:
            fields[child.field] = _rebased(child, part, structs)
    return kind(**fields)
