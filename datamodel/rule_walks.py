"""What the rules of one check look at, worked out once for all of them: elements of the document, values under let."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Optional

from datamodel.findings import Step
from datamodel.model import ClassType, Element
from datamodel.rule_plans import occurring

# The element, the nearest group around it that may repeat, its index from 0 among its like, the instance above it.
Instance = tuple[Any, Any, int, Optional["Instance"]]
Named = tuple[Callable[..., Any], ...]  # each takes the document, the day and the values of those before it


class Walk:
    """The way to elements that rules look at: one step below that of another walk, or below the root."""

    def __init__(self, above: "Walk | None", content: ClassType, element: Element, typed: bool) -> None:
        self.above, self.name, self.many = above, element.json_name, element.many
        self.repeats = element.json_name in content.arrays
        self.find = _finder(content, element, typed)

    def below(self, parents: list[Instance]) -> list[Instance]:
        """The elements below those of the walk above, in document order."""
        inside = self.above is not None and self.above.many
        found: list[Instance] = []
        for parent in parents:
            outer = parent[0] if inside else parent[1]
            for number, each in enumerate(self.find(parent[0])):
                found.append((each, outer, number if self.repeats else 0, parent))
        return found


def steps(walk: Walk | None, instance: Instance | None) -> tuple[Step, ...]:
    """The steps from the root to an instance of a walk."""
    found: list[Step] = []
    while walk is not None and instance is not None:
        found.append((walk.name, instance[2] if walk.repeats else None))
        walk, instance = walk.above, instance[3]
    return tuple(reversed(found))


def _finder(content: ClassType, element: Element, typed: bool) -> Callable[[Any], Iterable[Any]]:
    field = element.field
    if not typed:
        return lambda part: occurring(part, content, element)
    if element.many:
        return lambda part: getattr(part, field, ())
    return lambda part: () if (found := getattr(part, field, None)) is None else (found,)


class Look:
    """One look at one document as of a day. What has been found is kept until it ends."""

    def __init__(self, document: Any, as_of: date) -> None:
        self._instances: dict[Walk | None, list[Instance]] = {None: [(document, None, 0, None)]}
        self._values: dict[Named, tuple[Any, ...]] = {(): (document, as_of.isoformat())}

    def instances(self, walk: Walk | None) -> list[Instance]:
        """The elements at the end of a walk, in document order; without a walk the document itself."""
        found = self._instances.get(walk)
        if found is None:
            assert walk is not None
            found = self._instances[walk] = walk.below(self.instances(walk.above))
        return found

    def values(self, named: Named) -> tuple[Any, ...]:
        """The document, the day, and what is named."""
        found = self._values.get(named)
        if found is None:
            above = self.values(named[:-1])
            found = self._values[named] = (*above, named[-1](*above))
        return found
