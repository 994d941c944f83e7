"""Least disclosure: the part of a declaration that one agency may see, as a declaration that is still valid.

A projector is compiled once per agency from the paths it may see. Whatever the message type makes mandatory within a
disclosed class is kept, because without it the part would not validate at the agency.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from datamodel.model import ClassType, Element, Simple, descend
from datamodel.registry import Message
from datamodel.structs import bare

ITEMS = "GovernmentAgencyGoodsItem"
SEQUENCE = "SequenceNumeric"

Plan = dict[str, "Plan | None"]  # field to the plan below it; None discloses all below


class Projector:
    """The disclosure of one agency. Paths begin below the payload; a class's path discloses all below it."""

    def __init__(self, message: Message, disclose: Iterable[str]) -> None:
        """Raises ValueError for a path that the message type does not have."""
        payload = descend(message.model.root, message.model.payload)
        wanted: dict[str, Any] = {}
        for path in disclose:
            descend(payload, path)
            step = wanted
            for part in path.split("/"):
                step = step.setdefault(part, {})
            step["*"] = True
        self.plan = _plan(payload, wanted)
        self.struct = message.struct(message.model.payload)

    def project(self, declaration: msgspec.Struct, items: Iterable[int] | None = None) -> Any:
        """A new declaration with the disclosed parts alone; of the goods items only those sequence numbers."""
        return _cut(declaration, self.plan, None if items is None else frozenset(items))


def _plan(element: Element, wanted: dict[str, Any]) -> Plan | None:
    """What to keep of a class; None for all of it."""
    if wanted.get("*") or not isinstance(element.content, ClassType):
        return None
    kept: Plan = {}
    for child in element.content.children:
        if child.json_name in wanted:
            kept[child.field] = _plan(child, wanted[child.json_name])
        elif child.min:
            kept[child.field] = None if isinstance(child.content, Simple) else _plan(child, {})
    return kept


def _cut(part: Any, plan: Plan | None, items: frozenset[int] | None) -> Any:
    if plan is None:
        return part
    kept: dict[str, Any] = {}
    for field, below in plan.items():
        value = getattr(part, field)
        if not isinstance(value, tuple):
            kept[field] = None if value is None else _cut(value, below, items)
            continue
        if field == ITEMS and items is not None:
            value = tuple(each for each in value if int(bare(getattr(each, SEQUENCE))) in items)
        kept[field] = tuple(_cut(each, below, items) for each in value)
    return type(part)(**kept)
