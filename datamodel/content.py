"""What a content model means for JSON: which elements may repeat, in what order they stand, whether they interleave.

Pure functions over `model.Group`. A class is *interleaved* when the names of its children do not tell their order: one
element may stand before another in one document and after it in the next. Its order is then kept in JSON.
"""

from graphlib import TopologicalSorter
from itertools import combinations
from typing import NamedTuple

from datamodel.model import Element, Group, Wildcard

FOREIGN = "*"  # stands for whatever a wildcard lets in
MANY = 2


class Shape(NamedTuple):
    """`order`: tags in canonical order; `many`: those that may repeat; `plain`: a sequence where each stands once."""

    order: tuple[str, ...]
    many: frozenset[str]
    plain: bool
    interleaved: bool
    unordered: bool
    wild: bool


class _Part(NamedTuple):
    names: tuple[str, ...]
    counts: dict[str, int]
    before: set[tuple[str, str]]


def shape(group: Group | None) -> Shape:
    """The shape of a content model; an empty one is plain."""
    if group is None:
        return Shape((), frozenset(), True, False, False, False)
    unordered = group.kind == "all"
    leaves = [item.tag for item in group.items if isinstance(item, Element)]
    once = group.kind == "sequence" and (group.min, group.max) == (1, 1) and len(set(leaves)) == len(group.items)
    if once or unordered:
        many = frozenset(item.tag for item in group.items if isinstance(item, Element) and item.many)
        return Shape(tuple(leaves), many, once, False, unordered, False)
    part = _scan(group)
    many = frozenset(name for name, count in part.counts.items() if count >= MANY)
    interleaved = FOREIGN in many or any((after, first) in part.before for first, after in part.before)
    order = part.names if interleaved else _sorted(part)
    wild = FOREIGN in part.counts
    return Shape(tuple(name for name in order if name != FOREIGN), many - {FOREIGN}, False, interleaved, False, wild)


def leaves(group: Group | Element | Wildcard) -> list[Element]:
    """All element positions below a group, in document order."""
    if isinstance(group, Element):
        return [group]
    return [leaf for item in group.items for leaf in leaves(item)] if isinstance(group, Group) else []


def _scan(item: Group | Element | Wildcard) -> _Part:
    if not isinstance(item, Group):
        name = item.tag if isinstance(item, Element) else FOREIGN
        count = MANY if item.max is None else min(item.max, MANY)
        return _Part((name,), {name: count}, set())
    parts = [_scan(each) for each in item.items]
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    counts = {name: _count(item.kind, name, parts) for name in names}
    before = set().union(*(part.before for part in parts))
    if item.kind != "choice":
        for first, second in combinations(parts, 2):
            before |= {(a, b) for a in first.names for b in second.names if a != b}
    if item.max is None or item.max > 1:
        counts = dict.fromkeys(names, MANY)
        before |= {(a, b) for a in names for b in names if a != b}
    return _Part(names, counts, before)


def _count(kind: str, name: str, parts: list[_Part]) -> int:
    counts = [part.counts.get(name, 0) for part in parts]
    return max(counts) if kind == "choice" else sum(counts)


def _sorted(part: _Part) -> tuple[str, ...]:
    """An order that every document of the content model follows; first appearance decides where it is free."""
    graph: dict[str, set[str]] = {name: set() for name in part.names}
    for first, after in part.before:
        graph[after].add(first)
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    rank = {name: index for index, name in enumerate(part.names)}
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=rank.__getitem__)
        found.extend(ready)
        sorter.done(*ready)
    return tuple(found)
