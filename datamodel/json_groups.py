"""Content models as JSON Schema: how often an element stands, and which elements exclude or need one another.

A content model is a regular expression over elements; JSON Schema knows no order of properties. What can be said is:
counts for every element, and for choices and optional groups which properties go together. Every bound is one that all
valid documents keep.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from datamodel.model import Element, Group, Wildcard

Schema = dict[str, Any]
Item = Group | Element | Wildcard


class Count(NamedTuple):
    """How often something stands in a document: at least, at most; None is without bound."""

    low: int
    high: int | None


NEVER = Count(0, 0)


def counts(item: Item) -> dict[str, Count]:
    """For each tag below an item how often it stands; foreign elements are counted under the empty tag."""
    if not isinstance(item, Group):
        return {item.tag if isinstance(item, Element) else "": Count(item.min, item.max)}
    parts = [counts(each) for each in item.items]
    tags = dict.fromkeys(tag for part in parts for tag in part)
    join = _either if item.kind == "choice" else _together
    return {tag: _times(join([part.get(tag, NEVER) for part in parts]), item) for tag in tags}


def total(item: Item) -> Count:
    """How many elements stand there, of all tags together."""
    if not isinstance(item, Group):
        return Count(item.min, item.max)
    parts = [total(each) for each in item.items]
    if not parts:
        return NEVER
    return _times(_either(parts) if item.kind == "choice" else _together(parts), item)


def _together(parts: Sequence[Count]) -> Count:
    highs = [part.high for part in parts]
    return Count(sum(part.low for part in parts), None if None in highs else sum(high or 0 for high in highs))


def _either(parts: Sequence[Count]) -> Count:
    highs = [part.high for part in parts]
    return Count(min(part.low for part in parts), None if None in highs else max(high or 0 for high in highs))


def _times(count: Count, group: Group) -> Count:
    if count.high == 0:
        return count
    return Count(
        count.low * group.min, None if None in (count.high, group.max) else (count.high or 0) * (group.max or 0)
    )


def presence(group: Group, names: Mapping[str, str]) -> Schema:
    """The keywords that say which properties must, may, or must not be there; `names` maps tags to properties."""
    if group.kind != "choice" and (group.min, group.max) == (1, 1):
        return all_of([presence(each, names) if isinstance(each, Group) else _one(each, names) for each in group.items])
    once = presence(Group(group.kind, group.items), names) if group.kind != "choice" else _choice(group, names)
    if group.min or not once:
        return once
    return {"anyOf": [_without(_tags(group), names), once]}


def _one(item: Element | Wildcard, names: Mapping[str, str]) -> Schema:
    return {"required": [names[item.tag]]} if isinstance(item, Element) and item.min else {}


def _choice(group: Group, names: Mapping[str, str]) -> Schema:
    """One of the items, and nothing of the others; where the choice repeats, others may stand beside it."""
    branches = []
    for item in group.items:
        within = presence(item, names) if isinstance(item, Group) else _one(item, names)
        others = [tag for tag in _tags(group) if tag not in _tags(item)]
        branches.append(all_of([within, _without(others, names) if group.max == 1 else {}]))
    return {} if {} in [dict(branch) for branch in branches] else {"anyOf": branches}


def _tags(item: Item) -> list[str]:
    return [tag for tag in counts(item) if tag]


def _without(tags: Sequence[str], names: Mapping[str, str]) -> Schema:
    return {"properties": {names[tag]: False for tag in tags}} if tags else {}


def all_of(parts: Sequence[Schema]) -> Schema:
    """All parts as one schema: their `required` in one list, the rest side by side."""
    required = list(dict.fromkeys(name for part in parts for name in part.get("required", ())))
    rest = [{key: value for key, value in part.items() if key != "required"} for part in parts]
    rest = [each for part in rest if part for each in (part["allOf"] if [*part] == ["allOf"] else [part])]
    made: Schema = {"required": required} if required else {}
    return made | (rest[0] if len(rest) == 1 else {"allOf": rest} if rest else {})
