"""Least disclosure: the part of a declaration that one agency may see, as a declaration that is still valid.

A projector is compiled once per agency from the paths it may see. Whatever the message type makes mandatory within a
disclosed class is kept, because without it the part would not validate at the agency.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from datamodel.model import ClassType, Element, descend
from datamodel.registry import Message
from datamodel.structs import bare

ITEMS = "GovernmentAgencyGoodsItem"
SEQUENCE = "SequenceNumeric"

Items = frozenset[int] | None
Cut = Callable[[Any, Items], Any]  # a class, and the goods items that are kept, to what is kept of it


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
        self._cut = _cutter(payload, wanted)
        self.struct = message.struct(message.model.payload)

    def project(self, declaration: msgspec.Struct, items: Iterable[int] | None = None) -> Any:
        """A new declaration with the disclosed parts alone; of the goods items only those sequence numbers."""
        kept = None if items is None else frozenset(items)
        return self._cut(declaration, kept) if self._cut else declaration


def _cutter(element: Element, wanted: dict[str, Any]) -> Cut | None:
    """What cuts a class; None where all of it is kept."""
    if wanted.get("*") or not isinstance(element.content, ClassType):
        return None
    whole: list[str] = []  # fields that are kept as they are
    parts: list[tuple[str, Cut]] = []
    for child in element.content.children:
        if child.json_name in wanted or child.min:
            below = _cutter(child, wanted.get(child.json_name, {}))
            if below or child.field == ITEMS:
                parts.append((child.field, below or _all_of))
            else:
                whole.append(child.field)

    def cut(part: Any, items: Items) -> Any:
        kept = {field: value for field in whole if (value := getattr(part, field)) is not None}
        for field, below in parts:
            value = getattr(part, field)
            if type(value) is tuple:
                kept[field] = tuple([below(each, items) for each in value if _is_kept(field, each, items)])
            elif value is not None:
                kept[field] = below(value, items)
        return type(part)(**kept)

    return cut


def _all_of(part: Any, _: Items) -> Any:
    return part


def _is_kept(field: str, part: Any, items: Items) -> bool:
    return items is None or field != ITEMS or int(bare(getattr(part, SEQUENCE))) in items
